"""Settling some days in a row: load them, with their neighbours where it matters, reckon, write what is new of them.

What becomes of a day is decided by its facts and those linked with them. After a quiet night nothing of the day before
is; else its neighbours are loaded, too. Facts at the edge of what was loaded may be linked with others that were not;
should one of the wanted days depend on such, more is loaded. Should a neighbouring
day have become another one than was written of it, it has to be settled, too.
"""

import asyncio
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.matching import MATCH_COLUMNS, replace_matches
from vhm24r.evidence.types import SourceName
from vhm24r.orders.matching import STATUSES, write_match_statuses
from vhm24r.orders.types import MatchStatus
from vhm24r.platform.columns import Ints
from vhm24r.reconciliation import repository
from vhm24r.reconciliation.bulk import (
    EXCEPTION_COLUMNS,
    rewrite_days,
    write_exceptions,
    write_outcomes,
)
from vhm24r.reconciliation.matcher.facts import NOBODY, Flags
from vhm24r.reconciliation.reckoning.documents import RULES, WHY
from vhm24r.reconciliation.reckoning.drift import drift
from vhm24r.reconciliation.reckoning.grouping import grouped
from vhm24r.reconciliation.reckoning.noticed import Reason, noticed, order_reasons
from vhm24r.reconciliation.reckoning.outcomes import BUCKET_OF, Outcomes, buckets, outcomes
from vhm24r.reconciliation.reckoning.reckon import Reckoning, linked_with, reckon
from vhm24r.reconciliation.reckoning.world import CURRENCIES, SOURCE, SOURCES, UNKNOWN, Limits, World
from vhm24r.reconciliation.repository import Span, day_of
from vhm24r.reconciliation.service.by_hand import suspend_by_hand
from vhm24r.reconciliation.stated import Stated, count_stated
from vhm24r.reconciliation.types import Bucket, Why

MOST_DAYS = 400
"""Days to load at most for the sake of one; facts linked with each other over a year are a mistake of ours."""

DUPLICATES = (("repeated", Why.REPEATED), ("restated", Why.RESTATED))

LEVELS = [SOURCE[SourceName.BANK], SOURCE[SourceName.CASH_COLLECTION]]
"""What becomes of their records is decided at a level of their own, after the days are settled."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What is the same for all days of a run; `most_days` are settled at once."""

    zone: ZoneInfo
    limits: Limits
    gross: frozenset[SourceName]
    change_set_id: int
    most_days: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """How much was settled; `unsettled` are neighbouring days that are no longer as they were written."""

    orders: int
    records: int
    conserved: bool
    unsettled: set[int]


@dataclass(frozen=True, slots=True)
class Picture:
    """A span of days, what is known of it and what follows. It `starts_open` if facts before it may be linked with
    facts in it, and `ends_open` likewise.
    """

    span: Span
    starts_open: bool
    ends_open: bool
    world: World
    reckoning: Reckoning
    found: Outcomes
    machines: list[str]

    def within(self, first: int, last: int) -> tuple[Flags, Flags]:
        """Which orders, and which records, are of some days."""
        orders, records = self.world.orders.day, self.world.records.day
        return (orders >= first) & (orders <= last), (records >= first) & (records <= last)


@dataclass(frozen=True, slots=True)
class Before:
    """What stands written: the matches of a picture's days, the statuses of the wanted ones; and what files state of
    these.
    """

    matches: dict[str, Ints]
    statuses: dict[str, Ints]
    stated: list[Stated]


async def settle(session: AsyncSession, frame: Frame, first: int, last: int, waiting: set[int]) -> Settled:
    """Settle the days `first` to `last`; those in `waiting` will be, or were, settled anyway."""
    picture, before = await _load(session, frame, first, last)
    unsettled = await _unsettled(session, picture, before.matches, first, last) - waiting
    span = Span.of(first, last, frame.zone)
    await _write_matches(session, frame, picture, before.matches, first, last)
    await _write_orders(session, picture, before.statuses, span)
    conserved = await _write_days(session, picture, before.stated, span)
    orders, records = picture.within(first, last)
    return Settled(int(orders.sum()), int(records.sum()), conserved, unsettled)


async def _load(session: AsyncSession, frame: Frame, first: int, last: int) -> tuple[Picture, Before]:
    """The days with as many neighbours as it takes for everything in them to be decided; what stands written."""
    low, high = first, last
    far = frame.limits.linked_within_s
    starts_open = first > 0 and not await repository.is_quiet(session, first, frame.zone, far)
    ends_open = first > 0 and not await repository.is_quiet(session, last + 1, frame.zone, far)
    while True:
        low, high = max(low - starts_open, 1) if first else 0, high + ends_open
        starts_open = starts_open and not await repository.is_quiet(session, low, frame.zone, far)
        ends_open = ends_open and not await repository.is_quiet(session, high + 1, frame.zone, far)
        span = Span.of(low, high, frame.zone)
        world, machines = await _world(session, frame, span)
        # sheer computing: others want to go on, and what else there is to be read can be read meanwhile
        reckoning, before = await asyncio.gather(
            asyncio.to_thread(reckon, world), _before(session, span, Span.of(first, last, frame.zone))
        )
        picture = Picture(span, starts_open, ends_open, world, reckoning, outcomes(world, reckoning), machines)
        starts_open, ends_open = _beyond_edges(picture, first, last)
        if not (starts_open or ends_open) or high - low > MOST_DAYS:
            return picture, before


async def _before(session: AsyncSession, loaded: Span, wanted: Span) -> Before:
    """What is read while the reckoning goes on."""
    return Before(
        await repository.load_matches(session, loaded),
        await repository.load_statuses(session, wanted),
        await count_stated(session, wanted),
    )


async def _world(session: AsyncSession, frame: Frame, span: Span) -> tuple[World, list[str]]:
    machines = await repository.load_machines(session)
    orders = await repository.load_orders(session, span)
    sales, aside = await repository.load_sales(session, span, orders)
    world = World(
        orders,
        sales,
        aside,
        await repository.load_records(session, span, frame.gross),
        await repository.load_decisions(session),
        frame.limits,
        await repository.load_covered(session),
        await repository.load_homes(session, machines),
    )
    return world, machines


def _edges(picture: Picture) -> tuple[tuple[Flags, Flags], tuple[Flags, Flags]]:
    """Orders and records that may be linked with what lies before the span, and with what lies behind it."""
    start, end = picture.span.start.timestamp(), picture.span.end.timestamp()
    orders, records = picture.world.orders, picture.world.records
    edge_s = picture.world.limits.linked_within_s + repository.PAID_WITHIN_S
    before = start + edge_s if picture.starts_open else -math.inf
    behind = end - edge_s if picture.ends_open else math.inf
    early = (orders.at < before, records.at < before)
    late = (orders.at > behind, records.at > behind)
    return early, late


def _beyond_edges(picture: Picture, first: int, last: int) -> tuple[bool, bool]:
    """Whether the wanted days may depend on what lies before the span, or behind it."""
    if not (picture.starts_open or picture.ends_open):
        return False, False
    orders, records = picture.within(first, last)
    found = []
    for edge in _edges(picture):
        linked = linked_with(picture.world, picture.reckoning, *edge)
        found.append(bool((linked[0] & orders).any() or (linked[1] & records).any()))
    return found[0], found[1]


async def _unsettled(
    session: AsyncSession, picture: Picture, stored: dict[str, Ints], first: int, last: int
) -> set[int]:
    """Neighbouring days of which something else was written than what is found now, as far as it can be told."""
    world = picture.world
    if (picture.span.first, picture.span.last) == (first, last):
        return set()
    early, late = _edges(picture)
    unsure = linked_with(world, picture.reckoning, early[0] | late[0], early[1] | late[1])
    mine = picture.within(first, last)
    orders, records = ~unsure[0] & ~mine[0], ~unsure[1] & ~mine[1]
    days = _days_of_pairs(picture, stored, orders, records)
    whys = await repository.load_whys(session, picture.span)
    why = np.where(picture.found.why == WHY[Why.PROVEN], -1, picture.found.why)
    said = _looked_up(world.records.record, whys["record"], whys["why"])
    other = records & ~np.isin(world.records.source, LEVELS) & (why != said)
    return days | await _days_of_statuses(session, picture, orders) | set(world.records.day[other].tolist())


async def _days_of_statuses(session: AsyncSession, picture: Picture, sure: Flags) -> set[int]:
    """Days of orders, among the sure ones, that have another status, or other reasons, than was written."""
    orders = picture.world.orders
    statuses = await repository.load_statuses(session, picture.span)
    status = np.array([STATUSES.index(found) for found in picture.reckoning.status], dtype=np.int64)
    differs = sure & (_looked_up(orders.id, statuses["order_id"], statuses["status"]) != status)
    before = await repository.load_explained(session, picture.span)
    now = order_reasons(picture.world, picture.reckoning)
    for order in np.flatnonzero(sure & ~differs).tolist():
        held = now.get(order, {})
        told = ([str(name) for name in held], list(held.values()))
        differs[order] = before.get(int(orders.id[order]), ([], [])) != told
    return set(orders.day[differs].tolist())


def _days_of_pairs(picture: Picture, stored: dict[str, Ints], orders: Flags, records: Flags) -> set[int]:
    """Days of sure orders and records that are in a pair which was not written like that, or was and is none."""
    found, world = picture.found.matches, picture.world
    new = {name: getattr(found, name) for name in MATCH_COLUMNS}
    still_old, still_new = _same(stored, new)
    days: set[int] = set()
    for side, gone in ((stored, ~still_old), (new, ~still_new)):
        for ids, sure, day, name in (
            (world.orders.id, orders, world.orders.day, "order_id"),
            (world.records.record, records, world.records.day, "record_id"),
        ):
            touched = sure & np.isin(ids, side[name][gone])
            days |= set(day[touched].tolist())
    return days


def _looked_up(wanted: Ints, keys: Ints, values: Ints) -> Ints:
    """The value of each wanted key, or -1."""
    return np.append(values, -1)[repository.places_of(wanted, keys)]


async def _write_matches(
    session: AsyncSession, frame: Frame, picture: Picture, stored: dict[str, Ints], first: int, last: int
) -> None:
    """Replace the matches that have a record or an order in the wanted days, where they differ.

    Matches by hand that hold no longer give way first: a rule may have made the same pair again.
    """
    await suspend_by_hand(session, frame.now)
    world, found = picture.world, picture.found.matches
    orders, records = picture.within(first, last)
    ours = orders[found.order] | records[found.record]
    new = {name: getattr(found, name)[ours] for name in MATCH_COLUMNS}
    loaded = (
        np.concatenate([world.orders.id[~orders], [NOBODY]]),
        np.concatenate([world.records.record[~records], [-1]]),
    )
    elsewhere = np.isin(stored["order_id"], loaded[0]) & np.isin(stored["record_id"], loaded[1])
    old = {name: stored[name][~elsewhere] for name in ("id", *MATCH_COLUMNS)}
    still_old, still_new = _same(old, new)
    await replace_matches(
        session,
        old["id"][~still_old],
        {name: column[~still_new] for name, column in new.items()},
        RULES,
        frame.change_set_id,
    )


def _same(old: dict[str, Ints], new: dict[str, Ints]) -> tuple[Flags, Flags]:
    """Which of the old rows are among the new ones, and which of the new among the old."""
    rows = np.concatenate([np.stack([side[name] for name in MATCH_COLUMNS], axis=1) for side in (old, new)])
    if not len(rows):
        return np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.bool_)
    order = np.lexsort(rows.T)
    equal = (np.diff(rows[order], axis=0) == 0).all(axis=1)
    twice = np.zeros(len(rows), dtype=np.bool_)
    twice[order[1:][equal]] = True
    twice[order[:-1][equal]] = True
    many = len(old["record_id"])
    return twice[:many], twice[many:]


async def _write_orders(session: AsyncSession, picture: Picture, stood: dict[str, Ints], span: Span) -> None:
    """Statuses of the wanted days, and what a person should look at."""
    world, reckoning = picture.world, picture.reckoning
    orders, records = picture.within(span.first, span.last)
    reasons = order_reasons(world, reckoning)
    status = np.array([STATUSES.index(found) for found in reckoning.status], dtype=np.int64)
    explained = {
        int(world.orders.id[order]): ([str(name) for name in held], orjson.dumps(list(held.values())).decode())
        for order, held in reasons.items()
        if orders[order]
    }
    found = {"order_id": world.orders.id[orders], "status": status[orders]}
    await write_match_statuses(session, found, explained, stood)
    await write_exceptions(
        session,
        "e.day BETWEEN :first AND :last AND (e.order_id IS NOT NULL OR e.record_id IS NOT NULL)",
        _exceptions(picture, orders, records, reasons),
        first=day_of(span.first),
        last=day_of(span.last),
    )


def _exceptions(
    picture: Picture, orders: Flags, records: Flags, reasons: dict[int, dict[MatchStatus, Reason]]
) -> Iterator[tuple[Any, ...]]:
    """Rows of EXCEPTION_COLUMNS."""
    world, machines = picture.world, picture.machines
    assert len(EXCEPTION_COLUMNS) == 11  # as below
    for item in noticed(world, picture.reckoning, picture.found, reasons):
        because = orjson.dumps(item.reasons).decode()
        if item.order != NOBODY and orders[item.order]:
            one, place = world.orders, item.order
            order_id, machine = int(one.id[place]), int(one.machine[place])
            yield (
                str(item.type), f"order:{order_id}", day_of(int(one.day[place])), order_id, None, None,
                machines[machine] if machine != NOBODY else None, item.amount, CURRENCIES[int(one.currency[place])],
                _instant(int(one.at[place])), because,
            )  # fmt: skip
        elif item.record != NOBODY and records[item.record]:
            other, place = world.records, item.record
            record_id = int(other.record[place])
            home = world.homes.get(int(other.terminal[place]), NOBODY)
            yield (
                str(item.type), f"record:{record_id}", day_of(int(other.day[place])), None, record_id,
                str(SOURCES[int(other.source[place])]), machines[home] if home != NOBODY else None, item.amount,
                CURRENCIES[int(other.currency[place])], _instant(int(other.at[place])), because,
            )  # fmt: skip


def _instant(seconds: int) -> datetime | None:
    return None if seconds == UNKNOWN else datetime.fromtimestamp(seconds, UTC)


async def _write_days(session: AsyncSession, picture: Picture, stated: list[Stated], span: Span) -> bool:
    """Everything that is kept by day; whether no money is missing in the buckets."""
    world, found = picture.world, picture.found
    _, records = picture.within(span.first, span.last)
    wanted = np.flatnonzero(records & (found.why != WHY[Why.PROVEN]))
    order_id = np.concatenate([world.orders.id, [NOBODY]])[found.order[wanted]]
    await write_outcomes(
        session,
        span,
        {
            "record_id": world.records.record[wanted],
            "day": world.records.day[wanted],
            "why": found.why[wanted],
            "order_id": order_id,
        },
    )
    await _write_clocks(session, picture, span)
    machines = [*picture.machines, ""]
    await rewrite_days(
        session,
        "reconciliation_drift",
        span,
        ("day", "source", "machine_code", "currency", "ours", "ours_count", "theirs", "theirs_count", "fee"),
        (
            (
                day_of(row.day), row.source, machines[row.machine], row.currency, row.ours, row.ours_count, row.theirs,
                row.theirs_count, row.fee,
            )
            for row in drift(world, picture.reckoning, found)
            if span.first <= row.day <= span.last
        ),
    )  # fmt: skip
    return await _write_buckets(session, picture, stated, span)


async def _write_clocks(session: AsyncSession, picture: Picture, span: Span) -> None:
    """Clocks of machines by their sales, and of terminals by the orders of their machine."""
    clocks, machines = picture.reckoning.clocks, picture.machines
    rows: list[tuple[Any, ...]] = [
        (day_of(day), f"machine:{machines[machine]}", None, machines[machine], seconds, many)
        for day, machine, seconds, many in zip(
            clocks.day.tolist(), clocks.machine.tolist(), clocks.seconds.tolist(), clocks.sales.tolist(), strict=True
        )
        if span.first <= day <= span.last
    ]
    records = picture.world.records
    for documents in (picture.reckoning.receipts, picture.reckoning.payments):
        sources = [SOURCES.index(name) for name in documents.kind.sources]
        mine = np.flatnonzero(np.isin(records.source, sources) & (records.terminal != NOBODY))
        mine = mine[(records.day[mine] >= span.first) & (records.day[mine] <= span.last)]
        groups = grouped(records.day[mine], records.terminal[mine])
        first = mine[np.unique(groups.of, return_index=True)[1]]
        columns = [*groups.names, first, groups.sizes()]
        for day, terminal, place, count in zip(*(column.tolist() for column in columns), strict=True):
            stood = int(documents.stood[place])
            code = machines[stood] if stood != NOBODY else None
            ahead_s = int(documents.stood_ahead_s[place])
            rows.append((day_of(day), f"terminal:{terminal}", terminal, code, ahead_s, count))
    names = ("day", "party", "terminal_id", "machine_code", "ahead_s", "records")
    await rewrite_days(session, "reconciliation_clocks", span, names, rows)


async def _write_buckets(session: AsyncSession, picture: Picture, stated: list[Stated], span: Span) -> bool:
    """Buckets of the wanted days, beside what the files state of them."""
    rows: BucketRows = [
        (day_of(row.day), str(row.source), row.currency, str(BUCKET_OF[row.why]), str(row.why), row.records, row.amount)
        for row in buckets(picture.world, picture.reckoning, picture.found)
        if span.first <= row.day <= span.last
    ]
    return await _weigh_buckets(session, span, rows, stated)


async def recount(session: AsyncSession, span: Span) -> bool:
    """Count anew what files state of a span whose records have not changed; whether no money is missing."""
    statement = text(
        "SELECT day, source, currency, bucket, why, records, amount FROM reconciliation_buckets"
        " WHERE day BETWEEN :first AND :last AND bucket <> :duplicate"
    )
    params = {"first": day_of(span.first), "last": day_of(span.last), "duplicate": Bucket.DUPLICATE}
    rows = [tuple(row) for row in (await session.execute(statement, params)).all()]
    return await _weigh_buckets(session, span, rows, await count_stated(session, span))


BucketRows = list[tuple[Any, ...]]


async def _weigh_buckets(session: AsyncSession, span: Span, rows: BucketRows, stated: list[Stated]) -> bool:
    """Write the buckets of a span, with what files repeat, and compare them with what files state."""
    for said in stated:
        for name, why in DUPLICATES:
            many, amount = getattr(said, f"{name}_rows"), getattr(said, f"{name}_amount")
            if many:
                rows.append((said.day, said.source, said.currency, str(Bucket.DUPLICATE), str(why), many, amount))
    columns = ("day", "source", "currency", "bucket", "why", "records", "amount")
    await rewrite_days(session, "reconciliation_buckets", span, columns, rows)
    kept: dict[tuple[Any, ...], list[int]] = {}
    for day, source, currency, _, _, many, amount in rows:
        total = kept.setdefault((day, source, currency), [0, 0])
        total[0], total[1] = total[0] + many, total[1] + amount
    said_by = {(row.day, row.source, row.currency): [row.rows, row.amount] for row in stated}
    columns = ("day", "source", "currency", "stated_rows", "stated_amount", "kept_rows", "kept_amount")
    both = [
        (*key, *said_by.get(key, [0, 0]), *kept.get(key, [0, 0]))
        for key in sorted({*kept, *said_by}, key=lambda key: tuple(map(str, key)))
    ]
    await rewrite_days(session, "reconciliation_conservation", span, columns, both)
    return all(said_by.get(key) == kept.get(key) for key in {*kept, *said_by})


async def snapshot(session: AsyncSession) -> None:
    """Everything this transaction reads is of one moment, whatever is imported meanwhile; it may think as long as it
    takes.
    """
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
