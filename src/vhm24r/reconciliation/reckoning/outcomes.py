"""What became of every record: its match, or its bucket and why; and what each bucket holds."""

from dataclasses import dataclass

import numpy as np

from vhm24r.evidence.types import Role, SourceName
from vhm24r.reconciliation.matcher.facts import NOBODY, Ints
from vhm24r.reconciliation.matcher.sureness import FAR_S, Sureness
from vhm24r.reconciliation.reckoning.documents import RULES, WHY, WHYS, Documents
from vhm24r.reconciliation.reckoning.grouping import grouped
from vhm24r.reconciliation.reckoning.reckon import Reckoning
from vhm24r.reconciliation.reckoning.world import (
    CURRENCIES,
    HAPPY_WORKERS,
    SOURCE,
    SOURCES,
    TEST,
    UNKNOWN,
    VENDHUB,
    World,
)
from vhm24r.reconciliation.types import Bucket, Rule, Why

BUCKET_OF = {
    Why.ORDER_NUMBER: Bucket.MATCHED,
    Why.PROVEN: Bucket.MATCHED,
    Why.PAID_OUT: Bucket.MATCHED,
    Why.COLLECTED: Bucket.MATCHED,
    Why.NO_SALE: Bucket.UNMATCHED,
    Why.NO_MACHINE_ROW: Bucket.UNMATCHED,
    Why.NO_ORDER_NEAR: Bucket.UNMATCHED,
    Why.TAKEN: Bucket.UNMATCHED,
    Why.AMBIGUOUS: Bucket.UNMATCHED,
    Why.NOTHING_HERE: Bucket.UNMATCHED,
    Why.NO_TIME: Bucket.UNMATCHED,
    Why.NO_AMOUNT: Bucket.UNMATCHED,
    Why.RETURN_WITHOUT_SALE: Bucket.UNMATCHED,
    Why.REVERSED_THERE: Bucket.REVERSED,
    Why.TAKEN_BACK: Bucket.REVERSED,
    Why.RETURN: Bucket.REVERSED,
    Why.REFUNDED: Bucket.REVERSED,
    Why.TEST: Bucket.EXCLUDED,
    Why.CANCELLED: Bucket.EXCLUDED,
    Why.OTHER_SHOP: Bucket.EXCLUDED,
    Why.SWITCHED_OFF: Bucket.EXCLUDED,
    Why.COUNTER: Bucket.EXCLUDED,
    Why.OWN_LEVEL: Bucket.EXCLUDED,
    Why.REPEATED: Bucket.DUPLICATE,
    Why.RESTATED: Bucket.DUPLICATE,
}
"""Every reason belongs to one bucket."""

CONFIDENCE = {
    Rule.ORDER_NUMBER: 100,
    Rule.BY_HAND: 100,
    Rule.PLACE_AND_TIME: 99,
    Rule.TERMINAL_AND_TIME: 98,
    Rule.AMOUNT_AND_TIME: 95,
    Rule.RETURN: 95,
    Rule.CLOCK_UNKNOWN: 90,
    Rule.CROWD: 60,
}
"""Percent, of a pairing that has no rival; one that has, but is certain, loses RIVALLED."""

ROLE_NAMES = tuple(Role)
RIVALLED = 5
INTERCHANGEABLE = 70
"""Percent: the order is matched for certain, the pairing is not."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs found, as ids and as places in the world; rules and roles are their places in RULES and ROLE_NAMES."""

    record_id: Ints
    order_id: Ints
    role: Ints
    order: Ints
    record: Ints
    rule: Ints
    confidence: Ints
    interchangeable: Ints
    seconds: Ints
    ahead_s: Ints
    margin_s: Ints


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of each record that names no order: why it is where it is (a place in WHYS), and its order's place or NOBODY."""

    why: Ints
    order: Ints
    matches: Matches


def outcomes(world: World, reckoning: Reckoning) -> Outcomes:
    """Say of every record what became of it."""
    why, order = np.full(world.records.count, -1), np.full(world.records.count, NOBODY)
    found: list[tuple[Documents, Ints]] = []
    for documents in reckoning.kinds:
        mine = np.flatnonzero((documents.record != NOBODY) & ~documents.by_hand)
        order[documents.record[documents.record != NOBODY]] = np.flatnonzero(documents.record != NOBODY)
        why = np.where(documents.why >= 0, documents.why, why)
        found.append((documents, mine))
    why[(why < 0) & (order != NOBODY)] = WHY[Why.PROVEN]
    matches = _joined([_matches(world, documents, mine) for documents, mine in found])
    returned = [_returns(world, documents) for documents in reckoning.kinds]
    matches = _joined([matches, *returned])
    for some in returned:
        order[some.record] = some.order
    for name, reason in _SET_ASIDE.items():
        why[(world.records.source == SOURCE[name]) & (why < 0)] = WHY[reason]
    why[why < 0] = WHY[Why.NO_ORDER_NEAR]
    return Outcomes(why, order, matches)


_SET_ASIDE = {
    SourceName.HICON: Why.COUNTER,
    SourceName.BANK: Why.OWN_LEVEL,
    SourceName.CASH_COLLECTION: Why.OWN_LEVEL,
    SourceName.GENERIC: Why.OTHER_SHOP,
}


def _matches(world: World, documents: Documents, order: Ints) -> Matches:
    record, rule = documents.record[order], documents.rule[order]
    open_pair = documents.sureness[order] == Sureness.INTERCHANGEABLE
    rivalled = (documents.margin_s[order] < FAR_S) & ~open_pair
    by_rule = np.array([CONFIDENCE[name] for name in RULES])
    confidence = np.where(open_pair, np.minimum(INTERCHANGEABLE, by_rule[rule]), by_rule[rule] - RIVALLED * rivalled)
    return Matches(
        world.records.record[record],
        world.orders.id[order],
        np.full(len(order), ROLE_NAMES.index(documents.kind.role)),
        order,
        record,
        rule,
        confidence,
        open_pair.astype(np.int64),
        documents.seconds[order],
        documents.ahead_s[order],
        documents.margin_s[order],
    )


def _returns(world: World, documents: Documents) -> Matches:
    """The records by which the money of orders went back."""
    order = np.flatnonzero(documents.returned != NOBODY)
    record, nothing = documents.returned[order], np.zeros(len(order), dtype=np.int64)
    return Matches(
        world.records.record[record],
        world.orders.id[order],
        np.full(len(order), ROLE_NAMES.index(documents.kind.role)),
        order,
        record,
        np.full(len(order), RULES.index(Rule.RETURN)),
        np.full(len(order), CONFIDENCE[Rule.RETURN]),
        nothing,
        world.records.at[record] - world.orders.back_at[order],
        nothing,
        np.full(len(order), FAR_S),
    )


def _joined(some: list[Matches]) -> Matches:
    return Matches(*(np.concatenate([getattr(one, name) for one in some]) for name in Matches.__slots__))


def sale_reasons(world: World, reckoning: Reckoning) -> Ints:
    """Of each record that names its order, why it is where it is."""
    sales, orders, state = world.sales, world.orders, reckoning.known
    order = sales.order
    why = np.full(len(sales.record), WHY[Why.OTHER_SHOP])
    machine, theirs = sales.source == HAPPY_WORKERS, sales.source == VENDHUB
    why[machine] = np.where(state.by_sales[order[machine]], WHY[Why.ORDER_NUMBER], WHY[Why.NO_SALE])
    why[theirs] = np.where(state.by_machine[order[theirs]], WHY[Why.ORDER_NUMBER], WHY[Why.NO_MACHINE_ROW])
    ours = machine | theirs
    why[ours & orders.refunded[order]] = WHY[Why.REFUNDED]
    why[ours & (orders.method[order] == TEST)] = WHY[Why.TEST]
    if not world.limits.used.get(SourceName.VENDHUB, True):
        why[theirs] = WHY[Why.SWITCHED_OFF]
    return why


@dataclass(frozen=True, slots=True)
class BucketRow:
    """What a bucket holds of a source and day, in minor units."""

    day: int
    source: SourceName
    currency: str
    why: Why
    records: int
    amount: int


def buckets(world: World, reckoning: Reckoning, found: Outcomes) -> list[BucketRow]:
    """All records by day, source, currency and reason. A record that names its order is of its order's day."""
    sales, aside, records = world.sales, world.aside, world.records
    set_aside = np.where(aside.cancelled, WHY[Why.CANCELLED], WHY[Why.OTHER_SHOP])
    groups = grouped(
        np.concatenate([records.day, world.orders.day[sales.order], aside.day]),
        np.concatenate([records.source, sales.source, aside.source]),
        np.concatenate([records.currency, sales.currency, aside.currency]),
        np.concatenate([found.why, sale_reasons(world, reckoning), set_aside]),
    )
    amount = np.concatenate([records.stated, sales.amount, aside.amount])
    columns = [*groups.names, groups.sizes(), groups.sums(np.where(amount == UNKNOWN, 0, amount))]
    return [
        BucketRow(day, SOURCES[source], CURRENCIES[currency], WHYS[why], many, money)
        for day, source, currency, why, many, money in zip(*(column.tolist() for column in columns), strict=True)
    ]
