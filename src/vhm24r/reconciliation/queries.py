"""Every SELECT that answers people: exceptions, candidates, numbers. Never commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Select,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.models import EvidenceRecord
from vhm24r.evidence.types import Role, SourceName
from vhm24r.identity.models import Person
from vhm24r.kit.actor import EVERYTHING, Granted
from vhm24r.kit.pagination import BadCursor, Page, decode_cursor, page_of
from vhm24r.orders.errors import FilterInvalid
from vhm24r.orders.models import Order, OrderMatchStatus, VendingMachine
from vhm24r.orders.types import Channel, OrderStatus
from vhm24r.platform.db import AnyRow
from vhm24r.reconciliation.errors import ExceptionNotFound
from vhm24r.reconciliation.filters import ANY_STATE, NOBODY, Days, ExceptionFilter
from vhm24r.reconciliation.models import ExceptionComment, ReconciliationException
from vhm24r.reconciliation.repository import PAID_WITHIN_S, dated
from vhm24r.reconciliation.types import Bucket, DecisionKind, ExceptionState

E = ReconciliationException
LARGEST_ID = 2**63

SORTED: dict[str, ColumnElement[Any]] = {
    "amount": literal_column("amount", BigInteger()),
    "age": literal_column("coalesce(occurred_at, day::timestamptz, '1970-01-01 00:00:00+00')", DateTime(timezone=True)),
    "day": literal_column("coalesce(day, '1970-01-01'::date)", Date()),
}
"""What exceptions are sorted by; the youngest has the latest instant."""

DEFAULT_SORT = "-amount"


def _exception_rows() -> Select[Any]:
    """Exceptions with their order, their record, their machine and whoever works on them."""
    comments = select(func.count()).where(ExceptionComment.exception_id == E.id).correlate(E).scalar_subquery()
    return (
        select(
            *E.__table__.columns,
            comments.label("comments"),
            Order.number,
            Order.occurred_at.label("order_occurred_at"),
            Order.amount.label("order_amount"),
            Order.currency.label("order_currency"),
            Order.product,
            Order.payment_method,
            OrderMatchStatus.match_status,
            EvidenceRecord.source.label("record_source"),
            EvidenceRecord.external_id,
            EvidenceRecord.account,
            EvidenceRecord.occurrence,
            VendingMachine.name.label("machine_name"),
            VendingMachine.address,
            Person.name.label("assignee_name"),
        )
        .select_from(E)
        .outerjoin(Order, Order.id == E.order_id)
        .outerjoin(OrderMatchStatus, OrderMatchStatus.order_id == E.order_id)
        .outerjoin(EvidenceRecord, EvidenceRecord.id == E.record_id)
        .outerjoin(VendingMachine, VendingMachine.code == E.machine_code)
        .outerjoin(Person, Person.id == E.assignee_id)
    )


def seen_by(granted: Granted) -> list[ColumnElement[bool]]:
    """Exceptions of machines and sources that somebody may see. A record whose machine nobody knows is seen by its
    source; an order without a machine by those who see all.
    """
    found: list[ColumnElement[bool]] = []
    if granted.machines is not None:
        nowhere = and_(E.machine_code.is_(None), E.record_id.is_not(None))
        found.append(or_(E.machine_code.in_(granted.machines), nowhere))
    if granted.sources is not None:
        found.append(or_(E.source.is_(None), E.source.in_(granted.sources)))
    return found


def _conditions(where: ExceptionFilter) -> list[ColumnElement[bool]]:
    equal = {
        E.state: None if where.state == ANY_STATE else where.state,
        E.type: where.type,
        E.source: where.source,
        E.machine_code: where.machine,
        E.assignee_id: None if where.assignee == NOBODY else where.assignee,
    }
    found: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if where.assignee == NOBODY:
        found.append(E.assignee_id.is_(None))
    if where.from_ is not None:
        found.append(E.day >= where.from_)
    if where.to is not None:
        found.append(E.day <= where.to)
    if where.amount_min is not None:
        found.append(E.amount >= where.amount_min)
    return found


def _descends(sort: str) -> bool:
    """Whether the largest key comes first. The older an exception, the earlier its instant."""
    return sort.startswith("-") != sort.endswith("age")


def _after(sort: str, cursor: str) -> ColumnElement[bool]:
    """Rows beyond the cursor in the direction of the sort."""
    value, last_id = decode_cursor(cursor, 2)
    name = sort.removeprefix("-")
    key: Any = value
    try:
        if name == "age":
            key = datetime.fromisoformat(str(value))
        elif name == "day":
            key = date.fromisoformat(str(value))
    except ValueError as error:
        raise BadCursor from error
    if type(last_id) is not int or not 0 <= last_id < LARGEST_ID:
        raise BadCursor
    if name == "amount" and (type(key) is not int or abs(key) >= LARGEST_ID):
        raise BadCursor
    if isinstance(key, datetime) and key.tzinfo is None:
        raise BadCursor
    here = tuple_(SORTED[name], E.id)
    there = tuple_(literal(key, type_=SORTED[name].type), literal(last_id))
    return here < there if _descends(sort) else here > there


def _key(row: AnyRow) -> list[str | int | None]:
    value = row.sorted
    return [value if isinstance(value, int) else value.isoformat(), row.id]


async def list_exceptions(
    session: AsyncSession,
    where: ExceptionFilter,
    granted: Granted,
    *,
    sort: str,
    limit: int,
    cursor: str | None,
) -> Page[AnyRow]:
    """A page of exceptions, the most expensive first unless sorted otherwise.

    Raises:
        FilterInvalid: there is no such sort. BadCursor: the cursor is not of this list.
    """
    name = sort.removeprefix("-")
    if name not in SORTED:
        raise FilterInvalid(field="sort", value=sort[:40])
    key = SORTED[name]
    picked = select(E.id, key.label("sorted")).where(*_conditions(where), *seen_by(granted)).limit(limit + 1)
    picked = picked.order_by(*([key.desc(), E.id.desc()] if _descends(sort) else [key, E.id]))
    if cursor:
        picked = picked.where(_after(sort, cursor))
    page = picked.subquery("page")
    order = [page.c.sorted.desc(), page.c.id.desc()] if _descends(sort) else [page.c.sorted, page.c.id]
    statement = _exception_rows().add_columns(page.c.sorted).join(page, page.c.id == E.id).order_by(*order)
    return page_of(list((await session.execute(statement)).all()), limit, _key)


async def count_exceptions(session: AsyncSession, where: ExceptionFilter, granted: Granted) -> int:
    """How many exceptions the filter holds."""
    statement = select(func.count()).select_from(E).where(*_conditions(where), *seen_by(granted))
    return int((await session.execute(statement)).scalar_one())


async def seen_exceptions(session: AsyncSession, ids: Sequence[int], granted: Granted) -> list[int]:
    """Those of some exceptions that somebody may see."""
    if granted.everything:
        return list(ids)
    askable = [one for one in ids if 0 < one < LARGEST_ID]
    return list((await session.execute(select(E.id).where(E.id.in_(askable), *seen_by(granted)))).scalars())


async def get_exception(session: AsyncSession, exception_id: int, granted: Granted = EVERYTHING) -> AnyRow:
    """One exception.

    Raises:
        ExceptionNotFound: there is none of this id, or none to be seen.
    """
    if not 0 < exception_id < LARGEST_ID:
        raise ExceptionNotFound(id=exception_id)
    statement = _exception_rows().where(E.id == exception_id, *seen_by(granted))
    row: AnyRow | None = (await session.execute(statement)).one_or_none()
    if row is None:
        raise ExceptionNotFound(id=exception_id)
    return row


async def list_comments(session: AsyncSession, exception_id: int) -> Sequence[ExceptionComment]:
    """What was said of an exception, oldest first."""
    statement = select(ExceptionComment).where(ExceptionComment.exception_id == exception_id)
    return (await session.execute(statement.order_by(ExceptionComment.id))).scalars().all()


SOURCES_OF = {
    Role.SALE: (SourceName.VENDHUB,),
    Role.RECEIPT: (SourceName.FISCAL,),
    Role.PAYMENT: (SourceName.PAYME, SourceName.CLICK, SourceName.UZUM),
}
"""Whose records without an order can prove what of one."""

PAID_AT = (
    f"CASE WHEN abs(extract(epoch FROM v.paid_at - o.occurred_at)) <= {PAID_WITHIN_S} THEN v.paid_at"
    " ELSE o.occurred_at END"
)
"""SQL for when an order was paid, as runs have it."""

NET = "CASE WHEN {0}.source = ANY (:gross) THEN {0}.amount - coalesce({0}.fee, 0) ELSE {0}.amount END"
"""SQL for the amount of a record that is compared: commissions are taken off where reports contain them."""

SHOWN = "(CAST(:shown_machines AS text[]) IS NULL OR {0} = ANY (:shown_machines))"
"""SQL for whether a machine is granted."""

STANDS = """
    evidence_records f JOIN evidence_records e ON e.identity = f.identity AND e.record_id = f.id AND e.current
"""
"""SQL for records by the id of their first version `f`, as they stand in `e`."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: documents of a role at an instant, of an amount (minor units) or another one."""

    role: Role
    at: datetime
    amount: int
    currency: str
    machine: str | None
    gross: tuple[str, ...]
    cards: bool
    apart_from: int
    """The id of the order, or of the record, whose counterpart is looked for."""
    granted: Granted
    """What of it may be shown."""


async def records_near(
    session: AsyncSession, wanted: Wanted, *, within: timedelta, limit: int, same_amount: bool | None
) -> Sequence[AnyRow]:
    """Unmatched records that might prove an order, nearest first: `seconds` is how much later they are.

    `same_amount`: True of exactly that amount, False of another one, None of any up to it.
    """
    compared = {True: "=", False: "<>", None: "<"}[same_amount]
    statement = f"""
        SELECT e.record_id, e.source, e.external_id, e.account, e.occurrence, e.occurred_at, e.place,
            {NET.format("e")} AS amount, e.currency, extract(epoch FROM e.occurred_at - :at)::bigint AS seconds,
            coalesce(e.machine_code, t.home) AS machine_code
        FROM evidence_records e
        JOIN reconciliation_outcomes r ON r.record_id = e.record_id AND r.bucket = '{Bucket.UNMATCHED}'
        LEFT JOIN reconciliation_terminals t ON t.source = e.source AND t.account = coalesce(e.account, '')
            AND t.place = coalesce(e.place, '')
        WHERE {dated("e.occurred_at")} BETWEEN :since AND :until AND e.order_id IS NULL AND e.current
            AND e.source = ANY (:shown_sources) AND e.direction IS DISTINCT FROM 'return' AND e.amount > 0
            AND coalesce(e.currency, '') = :currency AND {NET.format("e")} {compared} :amount
            AND (coalesce(e.machine_code, t.home) IS NULL OR {SHOWN.format("coalesce(e.machine_code, t.home)")})
            AND NOT EXISTS (
                SELECT FROM reconciliation_decisions d WHERE d.record_id = e.record_id AND d.released_at IS NULL
                    AND (d.kind = '{DecisionKind.MATCH}' OR d.order_id = :apart_from)
            )
        ORDER BY abs(extract(epoch FROM e.occurred_at - :at)), e.record_id LIMIT :limit
    """
    return (await session.execute(sql(statement), _params(wanted, within, limit))).all()


async def orders_near(
    session: AsyncSession, wanted: Wanted, *, within: timedelta, limit: int, same_amount: bool | None
) -> Sequence[AnyRow]:
    """Orders that lack a document of the role and might be the record's; `seconds` is how much later the record is."""
    compared = {True: "=", False: "<>", None: "<"}[same_amount]
    statement = f"""
        SELECT o.id, o.number, o.occurred_at, o.amount, o.currency, o.machine_code, m.name AS machine_name, m.address,
            o.product, o.payment_method, s.match_status,
            extract(epoch FROM CAST(:at AS timestamptz) - {PAID_AT})::bigint AS seconds
        FROM orders o JOIN vending_orders v ON v.order_id = o.id
        LEFT JOIN machines m ON m.code = o.machine_code
        LEFT JOIN order_match_statuses s ON s.order_id = o.id
        WHERE {dated("o.occurred_at")} BETWEEN CAST(:since AS timestamptz) - interval '{PAID_WITHIN_S} s'
                AND CAST(:until AS timestamptz) + interval '{PAID_WITHIN_S} s'
            AND {PAID_AT} BETWEEN :since AND :until
            AND o.withdrawn_at IS NULL AND o.channel = '{Channel.VENDING}' AND o.status <> '{OrderStatus.CANCELLED}'
            AND o.amount > 0 AND coalesce(o.currency, '') = :currency AND o.amount {compared} :amount
            AND {_lacks(wanted.role)} AND {SHOWN.format("o.machine_code")}
            AND NOT EXISTS (
                SELECT FROM reconciliation_decisions d JOIN evidence_records f ON f.id = d.record_id
                WHERE d.order_id = o.id AND d.released_at IS NULL AND (
                    (d.kind = '{DecisionKind.MATCH}' AND f.source = ANY (:sources)) OR d.record_id = :apart_from
                )
            )
        ORDER BY abs(extract(epoch FROM CAST(:at AS timestamptz) - {PAID_AT})), o.id LIMIT :limit
    """
    return (await session.execute(sql(statement), _params(wanted, within, limit))).all()


def _lacks(role: Role) -> str:
    """SQL for an order that needs a document of a role and has none."""
    if role is Role.SALE:
        return (
            "o.machine_code IS NOT DISTINCT FROM :machine AND NOT EXISTS (SELECT FROM evidence_records n"
            " WHERE n.order_id = o.id AND n.current AND n.source = ANY (:sources)) AND NOT EXISTS (SELECT FROM"
            f" evidence_matches n WHERE n.order_id = o.id AND n.withdrawn_at IS NULL AND n.role = '{role}')"
        )
    paid_by = "o.payment_method = 'qr'"
    if role is Role.RECEIPT:
        paid_by = "(o.payment_method = 'cash' OR (:cards AND o.payment_method = 'card'))"
    return (
        f"(o.payment_method IS NULL OR {paid_by}) AND NOT EXISTS (SELECT FROM evidence_matches n"
        f" WHERE n.order_id = o.id AND n.withdrawn_at IS NULL AND n.role = '{role}')"
    )


def _params(wanted: Wanted, within: timedelta, limit: int) -> dict[str, Any]:
    granted = wanted.granted
    return {
        "shown_machines": None if granted.machines is None else sorted(granted.machines),
        "shown_sources": [str(source) for source in SOURCES_OF[wanted.role] if granted.source(source)],
        "at": wanted.at,
        "since": wanted.at - within,
        "until": wanted.at + within,
        "sources": [str(source) for source in SOURCES_OF[wanted.role]],
        "currency": wanted.currency,
        "amount": wanted.amount,
        "machine": wanted.machine,
        "gross": list(wanted.gross),
        "cards": wanted.cards,
        "apart_from": wanted.apart_from,
        "limit": limit,
    }


async def order_facts(session: AsyncSession, order_id: int) -> AnyRow | None:
    """An order as candidates are compared with it; `at` is when it was paid. None when it does not stand."""
    statement = f"""
        SELECT o.id, o.number, o.occurred_at, {PAID_AT} AS at, o.amount, o.currency, o.machine_code,
            m.name AS machine_name, m.address, o.product, o.payment_method, s.match_status
        FROM orders o LEFT JOIN vending_orders v ON v.order_id = o.id
        LEFT JOIN machines m ON m.code = o.machine_code
        LEFT JOIN order_match_statuses s ON s.order_id = o.id
        WHERE o.id = :id AND o.withdrawn_at IS NULL AND o.status <> '{OrderStatus.CANCELLED}'
    """
    return (await session.execute(sql(statement), {"id": order_id})).one_or_none()


async def record_facts(session: AsyncSession, record_ids: Sequence[int], gross: Sequence[str]) -> Sequence[AnyRow]:
    """Records that stand, by the ids of their first versions; `order_id` is the order they name themselves."""
    statement = f"""
        SELECT e.record_id, e.source, e.external_id, e.account, e.occurrence, e.occurred_at, e.place, e.order_id,
            {NET.format("e")} AS amount, e.currency, coalesce(e.machine_code, t.home) AS machine_code
        FROM {STANDS}
        LEFT JOIN reconciliation_terminals t ON t.source = e.source AND t.account = coalesce(e.account, '')
            AND t.place = coalesce(e.place, '')
        WHERE f.id = ANY (:ids) ORDER BY e.record_id
    """
    return (await session.execute(sql(statement), {"ids": list(record_ids), "gross": list(gross)})).all()


async def accounts_of(session: AsyncSession, source: str) -> list[str]:
    """Every account of a source that runs have seen."""
    statement = "SELECT DISTINCT account FROM reconciliation_terminals WHERE source = :source AND account <> ''"
    return list((await session.execute(sql(statement), {"source": source})).scalars())


async def standing_by_identity(session: AsyncSession, identities: Sequence[Any]) -> list[int]:
    """Ids of records that stand, by what identifies them in their source."""
    statement = select(EvidenceRecord.record_id).where(EvidenceRecord.identity.in_(identities), EvidenceRecord.current)
    return sorted(set((await session.execute(statement)).scalars()))


async def statuses(session: AsyncSession, days: Days, zone: ZoneInfo) -> Sequence[AnyRow]:
    """(match_status, currency, orders, amount) of the orders of some days."""
    statement = f"""
        SELECT s.match_status, coalesce(o.currency, '') AS currency, count(*) AS orders,
            coalesce(sum(o.amount), 0)::bigint AS amount
        FROM orders o JOIN order_match_statuses s ON s.order_id = o.id
        WHERE {dated("o.occurred_at")} >= :start AND {dated("o.occurred_at")} < :end AND o.withdrawn_at IS NULL
        GROUP BY s.match_status, coalesce(o.currency, '') ORDER BY 1, 2
    """
    return (await session.execute(sql(statement), days.instants(zone))).all()


async def bucket_sums(session: AsyncSession, days: Days) -> Sequence[AnyRow]:
    """(source, currency, bucket, why, records, amount) of some days."""
    statement = """
        SELECT source, currency, bucket, why, sum(records)::bigint AS records, sum(amount)::bigint AS amount
        FROM reconciliation_buckets WHERE day BETWEEN :first AND :last
        GROUP BY source, currency, bucket, why ORDER BY source, currency, bucket, why
    """
    return (await session.execute(sql(statement), days.bounds)).all()


async def not_conserved(session: AsyncSession, days: Days) -> Sequence[AnyRow]:
    """Days and sources of which the buckets hold something else than the files state."""
    statement = """
        SELECT day, source, currency, stated_rows, stated_amount, kept_rows, kept_amount
        FROM reconciliation_conservation WHERE day BETWEEN :first AND :last
            AND (stated_rows, stated_amount) IS DISTINCT FROM (kept_rows, kept_amount)
        ORDER BY day DESC, source, currency
    """
    return (await session.execute(sql(statement), days.bounds)).all()


async def open_exceptions(session: AsyncSession, days: Days) -> Sequence[AnyRow]:
    """(type, currency, many, amount) of the open exceptions of some days."""
    statement = f"""
        SELECT type, currency, count(*) AS many, sum(amount)::bigint AS amount FROM reconciliation_exceptions
        WHERE state = '{ExceptionState.OPEN}' AND coalesce(day, '1970-01-01') BETWEEN :first AND :last
        GROUP BY type, currency ORDER BY type, currency
    """
    return (await session.execute(sql(statement), days.bounds)).all()


async def last_run(session: AsyncSession) -> AnyRow | None:
    """The last run that has ended."""
    statement = "SELECT * FROM reconciliation_runs ORDER BY id DESC LIMIT 1"
    return (await session.execute(sql(statement))).one_or_none()


async def count_waiting(session: AsyncSession) -> int:
    """How many requests the next run will take."""
    return int((await session.execute(sql("SELECT count(*) FROM reconciliation_requests"))).scalar_one())


DRIFT_COLUMNS = {"day": "day", "source": "source", "machine": "machine_code"}
"""What drift may be added up by, and its column."""

MOST_DRIFT_ROWS = 20_000


async def drift(
    session: AsyncSession, days: Days, by: Sequence[str], source: str | None = None, machine: str | None = None
) -> Sequence[AnyRow]:
    """Drift added up by currency and some of DRIFT_COLUMNS, the latest day first."""
    columns = [DRIFT_COLUMNS[name] for name in DRIFT_COLUMNS if name in by]
    names = "".join(f"{column}, " for column in columns)
    order = "".join(f"{column} DESC, " if column == "day" else f"{column}, " for column in columns)
    statement = f"""
        SELECT {names}currency, sum(ours)::bigint AS ours, sum(ours_count)::bigint AS ours_count,
            sum(theirs)::bigint AS theirs, sum(theirs_count)::bigint AS theirs_count, sum(fee)::bigint AS fee
        FROM reconciliation_drift WHERE day BETWEEN :first AND :last
            AND (CAST(:source AS text) IS NULL OR source = :source)
            AND (CAST(:machine AS text) IS NULL OR machine_code = :machine)
        GROUP BY {names}currency ORDER BY {order}currency LIMIT {MOST_DRIFT_ROWS}
    """
    return (await session.execute(sql(statement), {**days.bounds, "source": source, "machine": machine})).all()


async def payouts(session: AsyncSession, days: Days) -> Sequence[AnyRow]:
    """What became of each gateway day, the latest first, with the bank credit that paid it."""
    statement = f"""
        SELECT p.*, e.occurred_at AS credited_at, e.amount AS credited
        FROM reconciliation_payouts p
        LEFT JOIN LATERAL (SELECT e.occurred_at, e.amount FROM {STANDS} WHERE f.id = p.record_id) e ON true
        WHERE p.day BETWEEN :first AND :last ORDER BY p.day DESC, p.gateway, p.currency LIMIT {MOST_DRIFT_ROWS}
    """
    return (await session.execute(sql(statement), days.bounds)).all()


async def collections(session: AsyncSession, days: Days, zone: ZoneInfo) -> Sequence[AnyRow]:
    """Cash periods that ended on some days, the latest first."""
    statement = f"""
        SELECT c.*, m.name AS machine_name, m.address FROM reconciliation_collections c
        LEFT JOIN machines m ON m.code = c.machine_code
        WHERE c.until >= :start AND c.until < :end
        ORDER BY c.until DESC, c.machine_code, c.currency LIMIT {MOST_DRIFT_ROWS}
    """
    return (await session.execute(sql(statement), days.instants(zone))).all()


async def clocks(
    session: AsyncSession,
    days: Days,
    windows: Mapping[str, int],
    *,
    only_beyond: bool,
    limit: int,
    cursor: str | None,
) -> Page[AnyRow]:
    """Clocks, the latest day first, with the window each is held against: of its source, else that of VendHub."""
    allowed = " ".join(f"WHEN '{source}' THEN {int(seconds)}" for source, seconds in windows.items())
    before = _clock_cursor(cursor) if cursor else (None, "")
    statement = f"""
        SELECT * FROM (
            SELECT c.day, c.party, c.machine_code, c.ahead_s, c.records, t.source, t.account, t.place,
                m.name AS machine_name, m.address,
                CASE coalesce(t.source, '{SourceName.VENDHUB}') {allowed} END AS window_s
            FROM reconciliation_clocks c LEFT JOIN reconciliation_terminals t ON t.id = c.terminal_id
            LEFT JOIN machines m ON m.code = c.machine_code
            WHERE c.day BETWEEN :first AND :last
                AND (CAST(:day AS date) IS NULL OR c.day < :day OR (c.day = :day AND c.party > :party))
        ) found WHERE NOT :only_beyond OR abs(ahead_s) > window_s
        ORDER BY day DESC, party LIMIT :limit
    """
    params = {**days.bounds, "only_beyond": only_beyond, "limit": limit + 1, "day": before[0], "party": before[1]}
    rows = list((await session.execute(sql(statement), params)).all())
    return page_of(rows, limit, lambda row: [row.day.isoformat(), row.party])


def _clock_cursor(cursor: str) -> tuple[date, str]:
    day, party = decode_cursor(cursor, 2)
    try:
        found = date.fromisoformat(str(day))
    except ValueError as error:
        raise BadCursor from error
    if not isinstance(party, str) or "\x00" in party:
        raise BadCursor
    return found, party


async def ends_of_facts(session: AsyncSession) -> tuple[datetime, datetime] | None:
    """The instants of the first and the last dated fact; None when there is none."""
    dated_only = datetime(1970, 1, 2, tzinfo=UTC)
    orders, records = dated("occurred_at"), dated("occurred_at")
    statement = f"""
        SELECT min(at) AS first, max(at) AS last FROM (
            (SELECT {orders} AS at FROM orders WHERE {orders} > :after ORDER BY 1 LIMIT 1)
            UNION ALL (SELECT {orders} FROM orders WHERE {orders} > :after ORDER BY 1 DESC LIMIT 1)
            UNION ALL (SELECT {records} FROM evidence_records WHERE {records} > :after AND order_id IS NULL
                AND current ORDER BY 1 LIMIT 1)
            UNION ALL (SELECT {records} FROM evidence_records WHERE {records} > :after AND order_id IS NULL
                AND current ORDER BY 1 DESC LIMIT 1)
        ) ends
    """
    row = (await session.execute(sql(statement), {"after": dated_only})).one()
    return None if row.first is None else (row.first, row.last)
