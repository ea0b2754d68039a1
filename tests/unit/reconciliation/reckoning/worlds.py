"""Small worlds, told in a few words: an order or a record a line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vhm24r.evidence.types import SourceName
from vhm24r.reconciliation.reckoning.world import (
    CASH,
    SOURCE,
    UNKNOWN,
    Aside,
    Covered,
    Decisions,
    Limits,
    Orders,
    Records,
    Sales,
    World,
)

UZS = 7
DAY = 86_400
TODAY = 20_000


@dataclass(frozen=True)
class An:
    """An order: paid `at` seconds after midnight; `sale` is whether the sales system names it."""

    id: int
    at: int = 36_000
    amount: int = 1_500_000
    method: int = CASH
    machine: int = 0
    day: int = TODAY
    refunded: bool = False
    back_at: int = UNKNOWN
    sale: bool = True
    sale_at: int | None = None
    sale_amount: int | None = None
    gateway: int = -1
    by_machine: bool = True
    conflict: bool = False


@dataclass(frozen=True)
class Rec:
    """A record that names no order."""

    id: int
    at: int = 36_005
    source: SourceName = SourceName.FISCAL
    amount: int = 1_500_000
    terminal: int = -1
    account: int = 0
    day: int = TODAY
    fee: int = 0
    is_return: bool = False
    is_reversed: bool = False


@dataclass(frozen=True)
class Told:
    """What else is known."""

    decisions: Decisions = field(default_factory=Decisions)
    limits: Limits = field(default_factory=Limits)
    homes: Mapping[int, int] = field(default_factory=dict)
    covered: Mapping[tuple[SourceName, int], frozenset[int]] | None = None


def everything_covered() -> dict[tuple[SourceName, int], frozenset[int]]:
    """Every source has reported on these days."""
    days = frozenset(range(TODAY - 1, TODAY + 3))
    return {(source, 0): days for source in SourceName}


def world(orders: Sequence[An], records: Sequence[Rec] = (), told: Told | None = None) -> World:
    """The world of these orders and records; instants are counted from midnight of their day."""
    told = told or Told()
    orders = sorted(orders, key=lambda one: (one.day, one.at, one.id))
    records = sorted(records, key=lambda one: (one.day, one.at, one.id))
    return World(
        _orders(orders),
        _sales(orders),
        Aside(_ints([]), _ints([]), _ints([]), _ints([]), _flags([])),
        _records(records),
        told.decisions,
        told.limits,
        Covered(everything_covered() if told.covered is None else told.covered),
        told.homes,
    )


def _orders(orders: Sequence[An]) -> Orders:
    at = [_instant(one.day, one.at) for one in orders]
    return Orders(
        id=_ints([one.id for one in orders]),
        key=_ints([one.id for one in orders]),
        day=_ints([one.day for one in orders]),
        at=_ints(at),
        created=_ints([moment if moment == UNKNOWN else moment - 8 for moment in at]),
        until=_ints([moment if moment == UNKNOWN else moment + 60 for moment in at]),
        back_at=_ints([_instant(one.day, one.back_at) for one in orders]),
        amount=_ints([one.amount for one in orders]),
        currency=_ints([UZS for _ in orders]),
        method=_ints([one.method for one in orders]),
        machine=_ints([one.machine for one in orders]),
        refunded=_flags([one.refunded for one in orders]),
        by_hand=_flags([False for _ in orders]),
        conflict=_flags([one.conflict for one in orders]),
    )


def _sales(orders: Sequence[An]) -> Sales:
    rows: list[tuple[int, ...]] = []
    for place, one in enumerate(orders):
        at = _instant(one.day, one.at)
        if one.by_machine:
            rows.append((10_000 + one.id, place, SOURCE[SourceName.HAPPY_WORKERS], at, one.amount, UZS, -1))
        if one.sale:
            sale_at = at if one.sale_at is None else _instant(one.day, one.sale_at)
            amount = one.amount if one.sale_amount is None else one.sale_amount
            rows.append((20_000 + one.id, place, SOURCE[SourceName.VENDHUB], sale_at, amount, UZS, one.gateway))
    return Sales(*(_ints([row[column] for row in rows]) for column in range(7)))


def _records(records: Sequence[Rec]) -> Records:
    return Records(
        record=_ints([one.id for one in records]),
        key=_ints([one.id for one in records]),
        day=_ints([one.day for one in records]),
        source=_ints([SOURCE[one.source] for one in records]),
        at=_ints([_instant(one.day, one.at) for one in records]),
        stated=_ints([one.amount for one in records]),
        amount=_ints([one.amount for one in records]),
        fee=_ints([one.fee for one in records]),
        currency=_ints([UZS for _ in records]),
        terminal=_ints([one.terminal for one in records]),
        account=_ints([one.account for one in records]),
        machine=_ints([-1 for _ in records]),
        is_return=_flags([one.is_return for one in records]),
        is_reversed=_flags([one.is_reversed for one in records]),
    )


def _instant(day: int, at: int) -> int:
    return UNKNOWN if at == UNKNOWN else day * DAY + at


def _ints(values: Sequence[int]) -> Any:  # an array
    return np.array(values, dtype=np.int64)


def _flags(values: Sequence[bool]) -> Any:  # an array
    return np.array(values, dtype=np.bool_)
