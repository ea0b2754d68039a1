"""Drift: by day, source and machine, what orders should have brought and what a source's records say."""

from dataclasses import dataclass

import numpy as np

from vhm24r.evidence.types import SourceName
from vhm24r.reconciliation.matcher.facts import NOBODY, Flags, Ints
from vhm24r.reconciliation.reckoning.documents import WHY
from vhm24r.reconciliation.reckoning.grouping import grouped
from vhm24r.reconciliation.reckoning.outcomes import Outcomes
from vhm24r.reconciliation.reckoning.reckon import Reckoning
from vhm24r.reconciliation.reckoning.verdicts import covered_by
from vhm24r.reconciliation.reckoning.world import (
    CARD,
    CASH,
    CURRENCIES,
    GATEWAY_PLACES,
    QR,
    SOURCE,
    TEST,
    UNKNOWN,
    VENDHUB,
    World,
)
from vhm24r.reconciliation.types import GATEWAYS, Why

UNNAMED = "unnamed"
"""In place of the gateway of a QR order that nobody names and no payment was found for."""

BACK = tuple(WHY[why] for why in (Why.REVERSED_THERE, Why.TAKEN_BACK, Why.RETURN, Why.RETURN_WITHOUT_SALE))


@dataclass(frozen=True, slots=True)
class DriftRow:
    """Minor units and counts; `machine` is -1 where the records do not say, `fee` what the gateway kept."""

    day: int
    source: str
    machine: int
    currency: str
    ours: int
    ours_count: int
    theirs: int
    theirs_count: int
    fee: int


def drift(world: World, reckoning: Reckoning, found: Outcomes) -> list[DriftRow]:
    """Days that a source does not cover have no drift: nobody has said anything of them."""
    orders, sales, limits = world.orders, world.sales, world.limits
    rows: list[DriftRow] = []
    live = (orders.amount != UNKNOWN) & ~orders.refunded & (orders.method != TEST)
    live &= reckoning.known.by_machine  # one known to sales alone is no revenue (decisions 1)
    if limits.used.get(SourceName.VENDHUB, True):
        stands = (orders.amount != UNKNOWN) & ~orders.refunded & (orders.method != TEST)
        theirs = np.flatnonzero((sales.source == VENDHUB) & (sales.amount != UNKNOWN) & stands[sales.order])
        there = _Side(
            orders.day[sales.order[theirs]],
            orders.machine[sales.order[theirs]],
            sales.currency[theirs],
            sales.amount[theirs],
            np.zeros(len(theirs), dtype=np.int64),
        )
        rows += _rows(world, SourceName.VENDHUB, _ours(world, live), there)
    wants = (orders.method == CASH) | ((orders.method == CARD) & limits.card_receipts)
    if limits.used.get(SourceName.FISCAL, True):
        rows += _rows(world, SourceName.FISCAL, _ours(world, live & wants), _theirs(world, found, SourceName.FISCAL))
    gateway = _gateway(world, reckoning)
    for name in GATEWAYS:
        if limits.used.get(name, True):
            ours = _ours(world, live & (orders.method == QR) & (gateway == SOURCE[name]))
            rows += _rows(world, name, ours, _theirs(world, found, name))
    nothing = np.zeros(0, dtype=np.int64)
    unnamed = _ours(world, live & (orders.method == QR) & (gateway == NOBODY))
    return rows + _rows(world, None, unnamed, _Side(nothing, nothing, nothing, nothing, nothing))


@dataclass(frozen=True, slots=True)
class _Side:
    day: Ints
    machine: Ints
    currency: Ints
    amount: Ints
    fee: Ints


def _gateway(world: World, reckoning: Reckoning) -> Ints:
    """The gateway of each order: of the payment it has, else the one its sale names."""
    record = reckoning.payments.record
    has = record != NOBODY
    gateway = reckoning.sold.gateway.copy()
    gateway[has] = world.records.source[record[has]]
    by_hand = world.decisions.sources(GATEWAY_PLACES)
    for order in np.flatnonzero(reckoning.payments.by_hand).tolist():
        gateway[order] = by_hand[int(world.orders.id[order])]
    return gateway


def _ours(world: World, which: Flags) -> _Side:
    orders, place = world.orders, np.flatnonzero(which)
    return _Side(
        orders.day[place],
        orders.machine[place],
        orders.currency[place],
        orders.amount[place],
        np.zeros(len(place), dtype=np.int64),
    )


def _theirs(world: World, found: Outcomes, source: SourceName) -> _Side:
    """Records of a source whose money stayed, at the machine of their order, or where their terminal plainly is."""
    records = world.records
    stays = (records.source == SOURCE[source]) & (records.amount != UNKNOWN) & ~np.isin(found.why, BACK)
    place = np.flatnonzero(stays)
    order = found.order[place]
    of_order = world.orders.machine[np.maximum(order, 0)] if world.orders.count else order
    homes = np.array([world.homes.get(terminal, NOBODY) for terminal in records.terminal[place].tolist()], np.int64)
    machine = np.where(order != NOBODY, of_order, homes)
    by_hand = {pair.record: pair.machine for pair in world.decisions.together}
    for row, record in enumerate(records.record[place].tolist() if by_hand else ()):
        machine[row] = by_hand.get(record, machine[row])
    return _Side(records.day[place], machine, records.currency[place], records.amount[place], records.fee[place])


def _rows(world: World, source: SourceName | None, ours: _Side, theirs: _Side) -> list[DriftRow]:
    groups = grouped(
        np.concatenate([ours.day, theirs.day]),
        np.concatenate([ours.machine, theirs.machine]),
        np.concatenate([ours.currency, theirs.currency]),
    )
    here, there = slice(len(ours.day)), slice(len(ours.day), None)
    columns = [
        *groups.names,
        groups.sums(ours.amount, here),
        groups.sizes(here),
        groups.sums(theirs.amount, there),
        groups.sizes(there),
        groups.sums(theirs.fee, there),
    ]
    days = groups.names[0]
    covered = np.ones(len(days), dtype=np.bool_) if source is None else covered_by(world.covered, source, days)
    return [
        DriftRow(day, source or UNNAMED, machine, CURRENCIES[currency], *counted)
        for day, machine, currency, *counted in zip(*(column[covered].tolist() for column in columns), strict=True)
    ]
