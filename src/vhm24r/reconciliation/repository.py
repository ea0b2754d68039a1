"""Every SELECT of reconciliation that fills a world. Never commits.

Days are numbers since 1970 in the business zone; numbers that are not known are UNKNOWN, names -1.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.matching import MATCH_COLUMNS
from vhm24r.evidence.types import SourceName
from vhm24r.kit.clock import day_bounds
from vhm24r.orders.matching import STATUSES
from vhm24r.orders.types import Channel, OrderStatus, Origin
from vhm24r.platform.columns import Ints, read_columns
from vhm24r.reconciliation.reckoning.outcomes import ROLE_NAMES
from vhm24r.reconciliation.reckoning.world import (
    CURRENCIES,
    METHODS,
    SOURCE,
    SOURCES,
    UNKNOWN,
    Aside,
    Covered,
    Decisions,
    Orders,
    Records,
    Sales,
    Together,
)
from vhm24r.reconciliation.types import GATEWAYS, Rule, Why

EPOCH_DAY = date(1970, 1, 1)
RULE_NAMES = tuple(Rule)
SPACE = "vending"
SPACES = ("vending", "manual")
"""Number spaces of orders that are compared with the money; a file of another shop brings its own."""

PAID_WITHIN_S = 7_200
EARLY_S = 300
"""A paying time more than PAID_WITHIN_S after the creation, or EARLY_S before it, is not believed; the creation is."""


def day_number(day: date) -> int:
    """Days since 1970."""
    return (day - EPOCH_DAY).days


def day_of(number: int) -> date:
    """The day of such a number."""
    return EPOCH_DAY + timedelta(days=int(number))


def place_in(column: str, names: Sequence[str], unknown: int) -> str:
    """SQL for a name's place in a list of constants."""
    listed = ", ".join(f"'{name}'" for name in names)
    return f"coalesce(array_position(ARRAY[{listed}]::text[], {column}) - 1, {unknown})::bigint"


def seconds_of(column: str) -> str:
    """SQL for an instant as seconds since 1970."""
    return f"coalesce(extract(epoch FROM {column})::bigint, {UNKNOWN})"


def day_at(column: str) -> str:
    """SQL for the business day of an instant, to be told `{zone}`."""
    return f"(coalesce({column} AT TIME ZONE {{zone}}, '1970-01-01')::date - '1970-01-01'::date)::bigint"


GATEWAY_NAMED = "CASE {} ELSE -1 END::bigint".format(
    " ".join(
        f"WHEN lower(e.extra ->> 'payment_type') ~ '{word}' THEN {SOURCE[name]}"
        for name, words in zip(GATEWAYS, (("payme(?!nt)", "пейми"), ("click", "клик"), ("uzum", "узум")), strict=True)
        for word in words
    )
)
"""SQL for the gateway that a sale `e` says it was paid by."""


@dataclass(frozen=True, slots=True)
class Span:
    """Days in a row, both ends included, and the instants they begin and end at."""

    first: int
    last: int
    start: datetime
    end: datetime
    zone: str

    @classmethod
    def of(cls, first: int, last: int, zone: ZoneInfo) -> "Span":
        """The span of some days of a zone. Facts without a time lie at the very beginning of 1970."""
        start = day_bounds(day_of(first), zone)[0] if first > 0 else datetime(1970, 1, 1, tzinfo=UTC)
        end = day_bounds(day_of(last), zone)[1] if last > 0 else datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
        return cls(first, last, start, end, zone.key)


def dated(column: str) -> str:
    """SQL for an instant as the indexes have it."""
    return f"coalesce({column}, '1970-01-01 00:00:00+00'::timestamptz)"


def within(alias: str) -> str:
    """SQL for whether something is of a span."""
    column = dated(f"{alias}.occurred_at")
    return f"{column} >= {{start}} AND {column} < {{end}}"


ORDER_IDS = f"ARRAY(SELECT o.id FROM orders o WHERE {within('o')})"
"""SQL for all orders of a span. What belongs to one of them is `= ANY` of these: it is looked up by index, in the
index's own order, whatever the planner believes of tables that have just been filled.
"""

RUNS_READ = """evidence_sightings s CROSS JOIN LATERAL (
    SELECT * FROM evidence_records r WHERE r.id >= s.version_id AND r.id < s.version_id + s.length OFFSET 0
) e"""
"""SQL for runs of files' rows `s` and what they state, `e`, to select from: ids in a row are read at once. OFFSET 0
keeps the planner to the index.
"""

TAKES_PART = f"""(
    o.withdrawn_at IS NULL AND o.channel = '{Channel.VENDING}' AND o.origin_space IN {SPACES}
    AND o.status <> '{OrderStatus.CANCELLED}'
)"""
"""SQL for whether an order `o` is compared with the money."""

ORDER_COLUMNS = ("id", "key", "day", "occurred", "amount", "currency", "method", "machine", "by_hand")

ORDERS = f"""
SELECT o.id, hashtextextended(o.source_number || '@' || coalesce(o.machine_code, ''), 0), {day_at("o.occurred_at")},
    {seconds_of("o.occurred_at")}, coalesce(o.amount, {UNKNOWN}), {place_in("o.currency", CURRENCIES, 0)},
    {place_in("o.payment_method", METHODS, -1)}, coalesce(m.place, -1)::bigint,
    (o.origin = '{Origin.MANUAL}')::int::bigint
FROM orders o
LEFT JOIN (SELECT code, row_number() OVER (ORDER BY code) - 1 AS place FROM machines) m ON m.code = o.machine_code
WHERE {within("o")} AND {TAKES_PART}
"""

IDLE_ORDERS = f"""
SELECT o.id, {day_at("o.occurred_at")}, (o.status = '{OrderStatus.CANCELLED}')::int::bigint
FROM orders o WHERE {within("o")} AND {TAKES_PART} IS NOT TRUE
"""

VENDING_COLUMNS = ("order_id", "paid", "until", "back_at", "refunded")

VENDING = f"""
SELECT v.order_id, {seconds_of("v.paid_at")},
    {seconds_of("coalesce(v.refunded_at, v.delivered_at, v.brewed_at, v.paid_at)")}, {seconds_of("v.refunded_at")},
    (v.refunded_at IS NOT NULL OR v.payment_status IS NOT DISTINCT FROM 'refunded')::int::bigint
FROM vending_orders v WHERE v.order_id = ANY ({ORDER_IDS})
"""

SALE_COLUMNS = ("record", "order_id", "source", "at", "amount", "currency", "gateway")

SALES = f"""
SELECT e.record_id, e.order_id, {place_in("e.source", SOURCES, -1)}, {seconds_of("e.occurred_at")},
    coalesce(e.amount, {UNKNOWN}), {place_in("e.currency", CURRENCIES, 0)}, {GATEWAY_NAMED}
FROM evidence_records e WHERE e.order_id = ANY ({ORDER_IDS}) AND e.current
"""

RECORD_COLUMNS = (
    "record", "key", "day", "source", "at", "amount", "fee", "currency", "terminal", "account", "machine", "is_return",
    "is_reversed",
)  # fmt: skip

RECORDS = f"""
SELECT e.record_id, uuid_hash_extended(e.identity, 0), {day_at("e.occurred_at")}, {place_in("e.source", SOURCES, -1)},
    {seconds_of("e.occurred_at")}, coalesce(e.amount, {UNKNOWN}), coalesce(e.fee, 0),
    {place_in("e.currency", CURRENCIES, 0)}, coalesce(t.id, -1), coalesce(t.account_place, 0), coalesce(m.place, -1),
    (e.direction IS NOT DISTINCT FROM 'return')::int::bigint, (e.state IS NOT DISTINCT FROM 'reversed')::int::bigint
FROM evidence_records e
LEFT JOIN (
    SELECT id, source, account, place, dense_rank() OVER (ORDER BY account) AS account_place
    FROM reconciliation_terminals
) t ON t.source = e.source AND t.account = coalesce(e.account, '') AND t.place = coalesce(e.place, '')
LEFT JOIN (SELECT code, row_number() OVER (ORDER BY code) - 1 AS place FROM machines) m ON m.code = e.machine_code
WHERE {within("e")}
    AND e.order_id IS NULL AND e.current
"""


def places_of(wanted: Ints, keys: Ints) -> Ints:
    """The place of each wanted number among keys, or -1."""
    if not len(keys):
        return np.full(len(wanted), -1)
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    return np.where(keys[order][place] == wanted, order[place], -1)


async def load_orders(session: AsyncSession, span: Span) -> Orders:
    """Live vending orders of the days, by paying time and key."""
    days = {"start": span.start, "end": span.end}
    found = await read_columns(session, ORDERS, ORDER_COLUMNS, **days, zone=span.zone)
    vending = await read_columns(session, VENDING, VENDING_COLUMNS, **days)
    place = places_of(found["id"], vending["order_id"])
    nothing = {"paid": UNKNOWN, "until": UNKNOWN, "back_at": UNKNOWN, "refunded": 0}
    for name, unknown in nothing.items():
        found[name] = np.append(vending[name], unknown)[place]
    occurred, paid = found["occurred"], found["paid"]
    believed = (paid != UNKNOWN) & (paid - occurred <= PAID_WITHIN_S) & (paid - occurred >= -EARLY_S)
    at = np.where(believed, paid, occurred)
    order = np.lexsort((found["id"], found["key"], at))
    conflicts = np.array(await load_conflicts(session), dtype=np.int64)
    return Orders(
        id=found["id"][order],
        key=found["key"][order],
        day=found["day"][order],
        at=at[order],
        created=occurred[order],
        until=np.maximum(found["until"], occurred)[order],
        back_at=found["back_at"][order],
        amount=found["amount"][order],
        currency=found["currency"][order],
        method=found["method"][order],
        machine=found["machine"][order],
        refunded=found["refunded"][order] == 1,
        by_hand=found["by_hand"][order] == 1,
        conflict=np.isin(found["id"][order], conflicts),
    )


async def load_conflicts(session: AsyncSession) -> list[int]:
    """Live orders whose number another live order has, too.

    Numbers given out twice are read one after another: from their index, though the planner takes them for many.
    """
    live = f"withdrawn_at IS NULL AND status <> '{OrderStatus.CANCELLED}' AND origin_space = '{SPACE}'"
    statement = text(
        f"""
        WITH RECURSIVE shared AS (
            (SELECT source_number FROM orders WHERE number <> source_number ORDER BY source_number LIMIT 1)
            UNION ALL
            SELECT (
                SELECT o.source_number FROM orders o
                WHERE o.number <> o.source_number AND o.source_number > s.source_number
                ORDER BY o.source_number LIMIT 1
            ) FROM shared s WHERE s.source_number IS NOT NULL
        )
        SELECT o.id FROM shared s JOIN LATERAL (
            SELECT id, count(*) OVER () AS many FROM orders
            WHERE (number = s.source_number OR (source_number = s.source_number AND number <> source_number))
                AND {live}
        ) o ON o.many > 1
        """
    )
    return sorted(int(row.id) for row in (await session.execute(statement)).all())


async def load_sales(session: AsyncSession, span: Span, orders: Orders) -> tuple[Sales, Aside]:
    """Standing records that name one of the orders, and those of orders that take no part."""
    found = await read_columns(session, SALES, SALE_COLUMNS, start=span.start, end=span.end)
    order = places_of(found["order_id"], orders.id)
    known = order >= 0
    mine = {name: found[name][known] for name in SALE_COLUMNS}
    sales = Sales(
        mine["record"], order[known], mine["source"], mine["at"], mine["amount"], mine["currency"], mine["gateway"]
    )
    return sales, await _load_aside(session, span, {name: found[name][~known] for name in SALE_COLUMNS})


async def _load_aside(session: AsyncSession, span: Span, other: dict[str, Ints]) -> Aside:
    """Those of SALES whose orders take no part."""
    idle = {name: np.zeros(0, dtype=np.int64) for name in ("id", "day", "cancelled")}
    if len(other["record"]):
        idle = await read_columns(session, IDLE_ORDERS, tuple(idle), start=span.start, end=span.end, zone=span.zone)
    place = places_of(other["order_id"], idle["id"])
    cancelled = idle["cancelled"][place].astype(np.bool_)
    return Aside(idle["day"][place], other["source"], other["amount"], other["currency"], cancelled)


async def load_records(session: AsyncSession, span: Span, gross: frozenset[SourceName]) -> Records:
    """Standing records of the days that name no order, by time and key; commissions taken off where reports of a
    gateway contain them (`gross`).
    """
    found = await read_columns(session, RECORDS, RECORD_COLUMNS, start=span.start, end=span.end, zone=span.zone)
    order = np.lexsort((found["record"], found["key"], found["at"]))
    columns = {name: found[name][order] for name in RECORD_COLUMNS}
    contains = np.isin(columns["source"], [SOURCE[name] for name in gross]) & (columns["amount"] != UNKNOWN)
    amount = columns["amount"] - np.where(contains, columns["fee"], 0)
    return Records(
        record=columns["record"],
        key=columns["key"],
        day=columns["day"],
        source=columns["source"],
        at=columns["at"],
        stated=columns["amount"],
        amount=amount,
        fee=columns["fee"],
        currency=columns["currency"],
        terminal=columns["terminal"],
        account=columns["account"],
        machine=columns["machine"],
        is_return=columns["is_return"] == 1,
        is_reversed=columns["is_reversed"] == 1,
    )


async def load_machines(session: AsyncSession) -> list[str]:
    """Machine codes; a machine is its place here."""
    return list((await session.execute(text("SELECT code FROM machines ORDER BY code"))).scalars())


async def load_decisions(session: AsyncSession) -> Decisions:
    """What people have decided, where both the record and the order stand."""
    statement = text(
        """
        SELECT d.kind, d.record_id, d.order_id, e.source, coalesce(m.place, -1) AS machine,
            coalesce(e.direction = 'return' OR e.state = 'reversed' OR e.amount < 0, false) AS goes_back
        FROM reconciliation_decisions d
        JOIN evidence_records first ON first.id = d.record_id
        JOIN evidence_records e ON e.identity = first.identity AND e.record_id = d.record_id AND e.current
        JOIN orders o ON o.id = d.order_id AND o.withdrawn_at IS NULL
        LEFT JOIN (SELECT code, row_number() OVER (ORDER BY code) - 1 AS place FROM machines) m
            ON m.code = o.machine_code
        WHERE d.released_at IS NULL ORDER BY d.id
        """
    )
    together: list[Together] = []
    apart: list[tuple[int, int]] = []
    for row in (await session.execute(statement)).all():
        if row.kind == "match":
            source = SOURCE[SourceName(row.source)]
            together.append(Together(row.record_id, row.order_id, source, row.machine, row.goes_back))
        else:
            apart.append((row.record_id, row.order_id))
    return Decisions(tuple(together), tuple(apart))


async def load_covered(session: AsyncSession) -> Covered:
    """Which days the applied files speak of, by source and account."""
    statement = text(
        """
        SELECT f.source, coalesce(t.account_place, 0) AS account, f.covers_from, f.covers_to
        FROM evidence_files f
        LEFT JOIN reconciliation_coverage c ON c.file_id = f.id
        LEFT JOIN (
            SELECT DISTINCT account, dense_rank() OVER (ORDER BY account) AS account_place FROM reconciliation_terminals
        ) t ON t.account = c.account
        WHERE NOT f.withdrawn AND f.covers_from IS NOT NULL
        """
    )
    days: defaultdict[tuple[SourceName, int], set[int]] = defaultdict(set)
    for row in (await session.execute(statement)).all():
        covered = range(day_number(row.covers_from), day_number(row.covers_to) + 1)
        days[SourceName(row.source), int(row.account)].update(covered)
    return Covered({key: frozenset(found) for key, found in days.items()})


async def load_homes(session: AsyncSession, machines: Sequence[str]) -> dict[int, int]:
    """Of terminals the machine their name says."""
    place = {code: number for number, code in enumerate(machines)}
    rows = await session.execute(text("SELECT id, home FROM reconciliation_terminals WHERE home IS NOT NULL"))
    return {int(row.id): place[row.home] for row in rows.all() if row.home in place}


async def is_quiet(session: AsyncSession, day: int, zone: ZoneInfo, linked_within_s: int) -> bool:
    """Whether nothing can be linked across the beginning of a day: on one side of it there is no fact near enough."""
    midnight = Span.of(day, day, zone).start
    far = timedelta(seconds=linked_within_s)
    during = f"{dated('occurred_at')} >= :start AND {dated('occurred_at')} < :end"
    exists = " OR ".join(
        f"EXISTS (SELECT FROM {table} WHERE {during} AND {live})"
        for table, live in (("orders", "withdrawn_at IS NULL"), ("evidence_records", "order_id IS NULL AND current"))
    )
    statement = text(f"SELECT {exists}")
    sides = (
        {"start": midnight - far - timedelta(seconds=PAID_WITHIN_S), "end": midnight},
        {"start": midnight, "end": midnight + far + timedelta(seconds=EARLY_S)},
    )
    busy = [bool((await session.execute(statement, side)).scalar_one()) for side in sides]
    return not all(busy)


async def load_matches(session: AsyncSession, span: Span) -> dict[str, Ints]:
    """Live matches made by rules of the span's records and orders, with an `id` and MATCH_COLUMNS; a rule is its place
    among all.
    """
    query = f"""
        SELECT m.id, m.record_id, m.order_id, {place_in("m.role", ROLE_NAMES, -1)},
            {place_in("m.rule", RULE_NAMES, -1)}, m.confidence::bigint, m.interchangeable::int::bigint,
            coalesce(m.seconds, 0)::bigint, coalesce(m.ahead_s, 0)::bigint, coalesce(m.margin_s, 0)::bigint
        FROM evidence_matches m WHERE m.withdrawn_at IS NULL AND m.kind = 'auto' AND (
            m.record_id = ANY (ARRAY(
                SELECT e.record_id FROM evidence_records e WHERE {within("e")} AND e.order_id IS NULL AND e.current
            )) OR m.order_id = ANY (ARRAY(
                SELECT o.id FROM orders o WHERE {within("o")} AND o.withdrawn_at IS NULL
            ))
        )
    """
    return await read_columns(session, query, ("id", *MATCH_COLUMNS), start=span.start, end=span.end)


async def load_statuses(session: AsyncSession, span: Span) -> dict[str, Ints]:
    """The statuses of the span's orders as the last run left them: by `order_id` the `status`, its place in STATUSES,
    and whether it is `explained`.
    """
    query = f"""
        SELECT s.order_id, {place_in("s.match_status", STATUSES, -1)},
            (s.findings IS NOT NULL OR s.reasons IS NOT NULL)::int::bigint
        FROM order_match_statuses s WHERE s.order_id = ANY ({ORDER_IDS})
    """
    return await read_columns(session, query, ("order_id", "status", "explained"), start=span.start, end=span.end)


async def load_explained(session: AsyncSession, span: Span) -> dict[int, tuple[list[str], list[Any]]]:
    """Findings and reasons of the span's orders as the last run left them; of those that have any."""
    statement = text(
        f"""
        SELECT o.id, s.findings, s.reasons FROM orders o JOIN order_match_statuses s ON s.order_id = o.id
        WHERE {dated("o.occurred_at")} >= :start AND {dated("o.occurred_at")} < :end AND s.findings IS NOT NULL
        """
    )
    rows = await session.execute(statement, {"start": span.start, "end": span.end})
    return {int(row.id): (list(row.findings), list(row.reasons)) for row in rows.all()}


async def load_whys(session: AsyncSession, span: Span) -> dict[str, Ints]:
    """Why the span's records are where they are, as the last run left it."""
    query = f"""
        SELECT r.record_id, {place_in("r.why", tuple(Why), -1)} FROM reconciliation_outcomes r
        WHERE r.day BETWEEN {{first}} AND {{last}}
    """
    return await read_columns(session, query, ("record", "why"), first=day_of(span.first), last=day_of(span.last))
