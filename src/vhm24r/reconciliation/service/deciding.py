"""What people decide: that records and orders belong together, or that they do not.

A decision is kept until a person takes it back; the run that follows makes a match of it, and again whenever record and
order both stand. Which days that run has to settle is asked for in the same transaction.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.evidence.types import Role, SourceName
from vhm24r.identity.permissions import Permission
from vhm24r.intake.statements import identity_of
from vhm24r.kit.actor import Actor, Granted
from vhm24r.kit.clock import business_day
from vhm24r.kit.money import format_minor
from vhm24r.orders.errors import OrderClosed, OrderNotFound
from vhm24r.orders.types import Channel, OrderStatus
from vhm24r.platform.db import AnyRow, run_sql
from vhm24r.platform.flags import require_writable
from vhm24r.platform.jobs import Jobs
from vhm24r.reconciliation import queries
from vhm24r.reconciliation.errors import (
    ManyToMany,
    MatchNotFound,
    ReasonMissing,
    RecordAmbiguous,
    RecordNamesOrder,
    RecordNotFound,
    RecordTaken,
    SumsDiffer,
)
from vhm24r.reconciliation.queries import LARGEST_ID, SOURCES_OF
from vhm24r.reconciliation.repository import EPOCH_DAY
from vhm24r.reconciliation.service.candidates import gross_sources
from vhm24r.reconciliation.service.exceptions import AS_FOUND, CLEARED
from vhm24r.reconciliation.service.requesting import RECONCILE, ask_for_days
from vhm24r.reconciliation.types import (
    ROLES,
    DecisionKind,
    ExceptionState,
    ExceptionType,
    MatchKind,
    Outcome,
)

TEXT_LIMIT = 4_000
MOST = 50
"""Parts of one split or merge."""

OF_RECORDS = (
    ExceptionType.FISCAL_ONLY,
    ExceptionType.PAYME_ONLY,
    ExceptionType.CLICK_ONLY,
    ExceptionType.UZUM_ONLY,
    ExceptionType.SALE_ONLY,
)


@dataclass(frozen=True, slots=True)
class RecordRef:
    """A record by what names it in its source, or by its id. Records with a key of their own have occurrence 0."""

    source: str | None = None
    external_id: str | None = None
    account: str | None = None
    occurrence: int | None = None
    record_id: int | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """One order (by number) with its records, or one record with its orders, and why. `confirm`: although the sums
    differ.
    """

    orders: Sequence[str]
    records: Sequence[RecordRef]
    reason: str
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions that hold now, and the job that acts on them; None where it has been done already."""

    decisions: list[int]
    job_id: int | None


Pair = tuple[int, int]
"""Ids of a record and an order."""


async def match_by_hand(
    session: AsyncSession, actor: Actor, jobs: Jobs, wish: Wish, now: datetime, zone: ZoneInfo
) -> Decided:
    """Say that records and orders belong together. Saying it again is success.

    Raises:
        ReasonMissing, ManyToMany, OrderNotFound, OrderClosed, RecordNotFound, RecordAmbiguous, RecordNamesOrder,
        RecordTaken: what is wrong with the wish. SumsDiffer: the money is not the same, and nobody confirmed that.
    """
    actor.require(Permission.MATCHES_WRITE)
    await require_writable(session)
    reason = _because(wish.reason)
    if not wish.orders or not wish.records or max(len(wish.orders), len(wish.records)) > MOST:
        raise ManyToMany
    orders = await _lock_orders(session, wish.orders, actor.granted)
    records = await _lock_records(session, wish.records, actor.granted)
    if len(orders) > 1 and len(records) > 1:
        raise ManyToMany
    standing = await _standing(session, [row.record_id for row in records], [row.id for row in orders])
    _refuse_taken(records, orders, standing)
    pairs = [(record.record_id, order.id) for record in records for order in orders]
    said = {(row.record_id, row.order_id): row.id for row in standing}
    if all(pair in said for pair in pairs):
        return Decided([said[pair] for pair in pairs], None)
    if not wish.confirm:
        await _compare_sums(session, records, orders, standing)
    await _make_way(session, actor, pairs, records, now)
    made = await _decide(session, actor, DecisionKind.MATCH, [pair for pair in pairs if pair not in said], reason, now)
    exceptions = await _settle_exceptions(session, actor, records, orders, reason, now)
    subject = f"order:{orders[0].number}" if len(orders) == 1 else f"record:{records[0].record_id}"
    data = {
        "orders": [row.number for row in orders],
        "records": [{"id": row.record_id, "source": row.source, "external_id": row.external_id} for row in records],
        "decisions": made,
        "exceptions": exceptions,
        "confirmed": wish.confirm,
    }
    await audit.record(session, actor, Deed("match.made", subject, reason, data), now)
    job_id = await _ask(session, jobs, _days(records, orders, zone), now)
    decided = said | dict(zip([pair for pair in pairs if pair not in said], made, strict=True))
    return Decided([decided[pair] for pair in pairs], job_id)


async def unmatch(
    session: AsyncSession, actor: Actor, jobs: Jobs, match_id: int, reason: str, now: datetime, zone: ZoneInfo
) -> Decided:
    """Take a match away. One made by a rule is not made again between these two; one made by hand is as if never said.

    Raises:
        ReasonMissing: nobody says why. MatchNotFound: there is no such match (any more).
    """
    actor.require(Permission.MATCHES_WRITE)
    await require_writable(session)
    because = _because(reason)
    match = await _live_match(session, match_id)
    pair = (int(match.record_id), int(match.order_id))
    records = await queries.record_facts(session, [pair[0]], ())
    orders = await _orders(session, "id = ANY (:wanted)", [pair[1]])
    granted = actor.granted
    if not all(granted.machine(row.machine_code) for row in orders):
        raise MatchNotFound(id=match_id)
    if not all(granted.record(row.machine_code, row.source) for row in records):
        raise MatchNotFound(id=match_id)
    released = await _release(session, actor, [pair], DecisionKind.MATCH, now)
    made: list[int] = []
    if match.kind == MatchKind.AUTO:
        standing = await _standing_of(session, pair)
        if standing is not None:
            return Decided([standing], None)
        made = await _decide(session, actor, DecisionKind.UNMATCH, [pair], because, now)
    elif not released:
        return Decided(await _last_decision(session, pair), None)
    await _bring_back_exceptions(session, records, orders)
    number = orders[0].number if orders else ""
    data = {"match": match_id, "kind": match.kind, "rule": match.rule, "record": pair[0], "decisions": made or released}
    await audit.record(session, actor, Deed("match.taken_back", f"order:{number}", because, data), now)
    return Decided(made or released, await _ask(session, jobs, _days(records, orders, zone), now))


def _because(reason: str) -> str:
    words = reason.strip()[:TEXT_LIMIT]
    if not words:
        raise ReasonMissing
    return words


async def _lock_orders(session: AsyncSession, numbers: Sequence[str], granted: Granted) -> Sequence[AnyRow]:
    """Vending orders that stand, locked until the transaction ends.

    Raises:
        OrderNotFound: there is none of a number, or of a machine that is not granted. OrderClosed: one is cancelled.
    """
    askable = sorted({number for number in numbers if "\x00" not in number})
    rows = await _orders(session, "number = ANY (:wanted)", askable)
    known = {row.number for row in rows if granted.machine(row.machine_code)}
    for number in numbers:
        if number not in known:
            raise OrderNotFound(number=number[:80])
    for row in rows:
        if row.status == OrderStatus.CANCELLED:
            raise OrderClosed(number=row.number)
    return rows


async def _orders(session: AsyncSession, condition: str, wanted: Sequence[Any]) -> Sequence[AnyRow]:
    statement = f"""
        SELECT id, number, status, occurred_at, amount, coalesce(currency, '') AS currency, payment_method, machine_code
        FROM orders WHERE {condition} AND withdrawn_at IS NULL AND channel = '{Channel.VENDING}' ORDER BY id FOR UPDATE
    """
    return (await session.execute(text(statement), {"wanted": list(wanted)})).all()


async def _lock_records(session: AsyncSession, refs: Sequence[RecordRef], granted: Granted) -> Sequence[AnyRow]:
    """Records that stand and name no order, locked, so that of two people one decides first.

    Raises:
        RecordNotFound, RecordAmbiguous, RecordNamesOrder.
    """
    named: dict[int, RecordRef] = {}
    for ref in refs:
        named.setdefault(await _record_id(session, ref), ref)
    ids = sorted(named)
    await session.execute(
        text("SELECT FROM evidence_records WHERE id = ANY (:ids) ORDER BY id FOR UPDATE"), {"ids": ids}
    )
    rows = await queries.record_facts(session, ids, await gross_sources(session))
    seen = [row for row in rows if granted.record(row.machine_code, row.source)]
    found = {row.record_id for row in seen if ROLES[SourceName(row.source)] in SOURCES_OF}
    for record_id, ref in named.items():
        if record_id not in found:
            raise RecordNotFound(source=ref.source, external_id=ref.external_id or record_id)
    for row in rows:
        if row.order_id is not None:
            raise RecordNamesOrder(source=row.source, external_id=row.external_id)
    return rows


async def _record_id(session: AsyncSession, ref: RecordRef) -> int:
    """The id of a standing record; without an account every one that its source is known to have is tried."""
    if ref.record_id is not None:
        if not 0 < ref.record_id < LARGEST_ID:
            raise RecordNotFound(source=ref.source, external_id=ref.record_id)
        return ref.record_id
    source, external_id = ref.source or "", ref.external_id or ""
    if ref.occurrence or "\x00" in source + external_id + (ref.account or ""):
        raise RecordNotFound(source=source[:40], external_id=external_id[:80])
    accounts: list[str | None] = [ref.account] if ref.account else [None, *await queries.accounts_of(session, source)]
    identities: list[UUID] = [identity_of(source, account, external_id) for account in accounts]
    found = await queries.standing_by_identity(session, identities)
    if not found:
        raise RecordNotFound(source=source[:40], external_id=external_id[:80])
    if len(found) > 1:
        raise RecordAmbiguous(source=source, external_id=external_id)
    return found[0]


async def _standing(session: AsyncSession, record_ids: list[int], order_ids: list[int]) -> Sequence[AnyRow]:
    """Matches by hand that hold, of any of the records or orders, where both sides stand."""
    statement = f"""
        SELECT d.id, d.record_id, d.order_id, o.number, o.amount, coalesce(o.currency, '') AS currency, e.source
        FROM reconciliation_decisions d JOIN orders o ON o.id = d.order_id AND o.withdrawn_at IS NULL
        JOIN evidence_records f ON f.id = d.record_id
        JOIN evidence_records e ON e.identity = f.identity AND e.record_id = f.id AND e.current
        WHERE d.kind = '{DecisionKind.MATCH}' AND d.released_at IS NULL
            AND (d.record_id = ANY (:records) OR d.order_id = ANY (:orders)) ORDER BY d.id
    """
    return (await session.execute(text(statement), {"records": record_ids, "orders": order_ids})).all()


def _refuse_taken(records: Iterable[AnyRow], orders: Iterable[AnyRow], standing: Iterable[AnyRow]) -> None:
    wanted = {row.id for row in orders}
    by_id = {row.record_id: row for row in records}
    for row in standing:
        if row.record_id in by_id and row.order_id not in wanted:
            taken = by_id[row.record_id]
            raise RecordTaken(source=taken.source, external_id=taken.external_id, number=row.number)


async def _compare_sums(
    session: AsyncSession, records: Sequence[AnyRow], orders: Sequence[AnyRow], standing: Sequence[AnyRow]
) -> None:
    """The records of each role, with those matched by hand before, must come to what the orders come to.

    Raises:
        SumsDiffer: they do not. ManyToMany: with what was said before it would be several to several.
    """
    roles = {_role(row) for row in records}
    before = sorted({row.record_id for row in standing} - {row.record_id for row in records})
    earlier = await queries.record_facts(session, before, await gross_sources(session))
    theirs = _sums((row.currency or "", row.amount) for row in orders)
    for role in sorted(roles):
        mine = [row for row in (*records, *earlier) if _role(row) is role]
        if len(mine) > 1 and len(orders) > 1:
            raise ManyToMany
        ours = _sums((row.currency or "", row.amount) for row in mine)
        if ours != theirs:
            raise SumsDiffer(records=_told(ours), orders=_told(theirs))


def _role(row: AnyRow) -> Role:
    return ROLES[SourceName(row.source)]


def _sums(amounts: Iterable[tuple[str, int | None]]) -> dict[str, int]:
    total: defaultdict[str, int] = defaultdict(int)
    for currency, amount in amounts:
        total[currency] += amount or 0
    return dict(total)


def _told(sums: dict[str, int]) -> str:
    return " + ".join(f"{format_minor(amount)} {currency}".strip() for currency, amount in sorted(sums.items()))


async def _make_way(
    session: AsyncSession, actor: Actor, pairs: Sequence[Pair], records: Sequence[AnyRow], now: datetime
) -> None:
    """The latest word counts: what was said against these pairs is taken back, and so are earlier matches of theirs
    that are suspended, which would come back beside the new ones.
    """
    await _release(session, actor, pairs, DecisionKind.UNMATCH, now)
    sources = [str(source) for role in {_role(row) for row in records} for source in SOURCES_OF[role]]
    await run_sql(
        session,
        f"""
        UPDATE reconciliation_decisions d SET released_at = :now, released_by_id = :by_id, released_by = :by
        FROM evidence_records f
        WHERE f.id = d.record_id AND d.kind = '{DecisionKind.MATCH}' AND d.released_at IS NULL
            AND (d.record_id = ANY (:records) OR (d.order_id = ANY (:orders) AND f.source = ANY (:sources)))
            AND NOT (EXISTS (SELECT FROM orders o WHERE o.id = d.order_id AND o.withdrawn_at IS NULL)
                AND EXISTS (SELECT FROM evidence_records e
                    WHERE e.identity = f.identity AND e.record_id = f.id AND e.current))
        """,
        now=now,
        by_id=actor.id,
        by=actor.name,
        records=[record for record, _ in pairs],
        orders=[order for _, order in pairs],
        sources=sources,
    )


async def _release(
    session: AsyncSession, actor: Actor, pairs: Sequence[Pair], kind: DecisionKind, now: datetime
) -> list[int]:
    """Take decisions of a kind back; returns which."""
    statement = """
        UPDATE reconciliation_decisions d SET released_at = :now, released_by_id = :by_id, released_by = :by
        FROM unnest(CAST(:records AS bigint[]), CAST(:orders AS bigint[])) AS p (record_id, order_id)
        WHERE d.record_id = p.record_id AND d.order_id = p.order_id AND d.kind = :kind AND d.released_at IS NULL
        RETURNING d.id
    """
    params = {"now": now, "by_id": actor.id, "by": actor.name, "kind": kind, **_columns(pairs)}
    return sorted((await session.execute(text(statement), params)).scalars())


async def _decide(
    session: AsyncSession, actor: Actor, kind: DecisionKind, pairs: Sequence[Pair], reason: str, now: datetime
) -> list[int]:
    """Write decisions; returns their ids in the order of the pairs."""
    statement = """
        INSERT INTO reconciliation_decisions (kind, record_id, order_id, reason, author_id, author_name, at)
        SELECT :kind, p.record_id, p.order_id, :reason, :author_id, :author, :now
        FROM unnest(CAST(:records AS bigint[]), CAST(:orders AS bigint[])) WITH ORDINALITY AS p (record_id, order_id, n)
        ORDER BY p.n RETURNING id
    """
    params = {"kind": kind, "reason": reason, "author_id": actor.id, "author": actor.name, "now": now}
    return sorted((await session.execute(text(statement), {**params, **_columns(pairs)})).scalars())


def _columns(pairs: Sequence[Pair]) -> dict[str, list[int]]:
    return {"records": [record for record, _ in pairs], "orders": [order for _, order in pairs]}


def _subjects(records: Iterable[AnyRow], orders: Sequence[AnyRow]) -> dict[str, list[str]]:
    """The exceptions that a match of these is about, as types and subjects."""
    roles = {_role(row) for row in records}
    found = [(str(kind), f"record:{row.record_id}") for row in records for kind in OF_RECORDS]
    found += [(str(kind), f"order:{row.id}") for row in orders for kind in _settled_by(roles, row.payment_method)]
    return {"types": [kind for kind, _ in found], "subjects": [subject for _, subject in found]}


def _settled_by(roles: Collection[Role], payment_method: str | None) -> list[ExceptionType]:
    """What an order's exceptions are called that documents of these roles settle."""
    found = []
    if Role.SALE in roles:
        found.append(ExceptionType.HW_ONLY)
    if Role.RECEIPT in roles:
        found.append(ExceptionType.FISCAL_MISMATCH)
    if Role.PAYMENT in roles:
        found.append(ExceptionType.GATEWAY_MISMATCH)
    if (Role.PAYMENT if payment_method == "qr" else Role.RECEIPT) in roles:
        found.append(ExceptionType.AMBIGUOUS_MATCH)
    return found


async def _settle_exceptions(
    session: AsyncSession,
    actor: Actor,
    records: Sequence[AnyRow],
    orders: Sequence[AnyRow],
    reason: str,
    now: datetime,
) -> list[int]:
    """Open exceptions of the records and orders are matched; returns which."""
    statement = f"""
        UPDATE reconciliation_exceptions e SET state = '{ExceptionState.RESOLVED}', outcome = '{Outcome.MATCHED}',
            outcome_reason = :reason, resolved_by_id = :by_id, resolved_by = :by, resolved_at = :now
        FROM unnest(CAST(:types AS text[]), CAST(:subjects AS text[])) AS s (type, subject)
        WHERE e.type = s.type AND e.subject = s.subject AND e.state = '{ExceptionState.OPEN}' RETURNING e.id
    """
    params = {"reason": reason, "by_id": actor.id, "by": actor.name, "now": now, **_subjects(records, orders)}
    return sorted((await session.execute(text(statement), params)).scalars())


async def _bring_back_exceptions(session: AsyncSession, records: Sequence[AnyRow], orders: Sequence[AnyRow]) -> None:
    """Exceptions that a match settled are as evidence has them."""
    await run_sql(
        session,
        f"""
        UPDATE reconciliation_exceptions e SET state = {AS_FOUND}, {CLEARED}
        FROM unnest(CAST(:types AS text[]), CAST(:subjects AS text[])) AS s (type, subject)
        WHERE e.type = s.type AND e.subject = s.subject AND e.state = '{ExceptionState.RESOLVED}'
            AND e.outcome = '{Outcome.MATCHED}'
        """,
        **_subjects(records, orders),
    )


async def _live_match(session: AsyncSession, match_id: int) -> AnyRow:
    if not 0 < match_id < LARGEST_ID:
        raise MatchNotFound(id=match_id)
    statement = (
        "SELECT id, record_id, order_id, kind, rule FROM evidence_matches WHERE id = :id AND withdrawn_at IS NULL"
    )
    row = (await session.execute(text(statement), {"id": match_id})).one_or_none()
    if row is None:
        raise MatchNotFound(id=match_id)
    return row


async def _standing_of(session: AsyncSession, pair: Pair) -> int | None:
    statement = """
        SELECT id FROM reconciliation_decisions
        WHERE record_id = :record_id AND order_id = :order_id AND released_at IS NULL
    """
    params = {"record_id": pair[0], "order_id": pair[1]}
    found: int | None = (await session.execute(text(statement), params)).scalar_one_or_none()
    return found


async def _last_decision(session: AsyncSession, pair: Pair) -> list[int]:
    statement = """
        SELECT id FROM reconciliation_decisions WHERE record_id = :record_id AND order_id = :order_id
        ORDER BY id DESC LIMIT 1
    """
    params = {"record_id": pair[0], "order_id": pair[1]}
    return list((await session.execute(text(statement), params)).scalars())


def _days(records: Iterable[AnyRow], orders: Iterable[AnyRow], zone: ZoneInfo) -> set[date]:
    """The business days of some facts; those without a time lie on a day of their own."""
    instants = [row.occurred_at for row in (*records, *orders)]
    return {EPOCH_DAY if at is None else business_day(at, zone) for at in instants}


async def _ask(session: AsyncSession, jobs: Jobs, days: set[date], now: datetime) -> int:
    for day in sorted(days):
        await ask_for_days(session, day, day, now)
    return await jobs.defer(session, RECONCILE)
