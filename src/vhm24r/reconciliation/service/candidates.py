"""What might settle an exception: documents for an order, orders for a document, the likeliest first.

Of the same amount near in time, then farther, then of another amount at the same moment; two that add up come last.
Only suggestions: a person decides.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.types import Role, SourceName
from vhm24r.kit.actor import Granted
from vhm24r.kit.money import format_minor
from vhm24r.platform.business_settings import values_of
from vhm24r.platform.db import AnyRow
from vhm24r.reconciliation import queries
from vhm24r.reconciliation.queries import SOURCES_OF, Wanted
from vhm24r.reconciliation.service import rules
from vhm24r.reconciliation.types import ROLES, ExceptionType
from vhm24r.reconciliation.views import order_view, record_view

REACH = 5
"""How many windows away a counterpart is still near: clocks that were not put right are off by minutes."""

FAR = timedelta(days=1)
SAME_MOMENT = timedelta(seconds=60)
TOGETHER = timedelta(seconds=120)
MOST_NEAR, MOST_FAR, MOST_OTHER, MOST_TOGETHER = 10, 5, 5, 5
COMBINED = 80
"""Facts of two minutes that are tried in pairs."""

LACKED = {
    ExceptionType.HW_ONLY: Role.SALE,
    ExceptionType.FISCAL_MISMATCH: Role.RECEIPT,
    ExceptionType.GATEWAY_MISMATCH: Role.PAYMENT,
}
"""What an order lacks, by the type of its exception; an open choice is of what its payment asks for."""


def role_lacked(kind: str, payment_method: str | None) -> Role | None:
    """Which document would settle an exception of an order; None where none would."""
    if kind == ExceptionType.AMBIGUOUS_MATCH:
        return Role.PAYMENT if payment_method == "qr" else Role.RECEIPT
    return LACKED.get(ExceptionType(kind))


async def gross_sources(session: AsyncSession) -> tuple[str, ...]:
    """Gateways whose reports contain the commission in their amounts."""
    values = await values_of(session, tuple(rules.GROSS.values()))
    return tuple(str(source) for source, setting in rules.GROSS.items() if values[setting.key])


async def windows(session: AsyncSession) -> dict[str, int]:
    """The window of every source in seconds."""
    values = await values_of(session, rules.RULES)
    of_money = {str(source): int(values[setting.key]) for source, setting in rules.WINDOW_S.items()}
    return {**of_money, str(SourceName.VENDHUB): int(values[rules.SALE_WINDOW_S.key])}


async def candidates_of(session: AsyncSession, exception: AnyRow, granted: Granted) -> list[dict[str, Any]]:
    """Candidates that somebody may see, as `{"kind": "pair" | "split" | "merge", "orders", "records", "reasons"}`; none
    where nothing fits.
    """
    if exception.order_id is not None:
        return await _for_order(session, exception, granted)
    if exception.record_id is not None:
        return await _for_record(session, exception.record_id, granted)
    return []


async def _for_order(session: AsyncSession, exception: AnyRow, granted: Granted) -> list[dict[str, Any]]:
    order = await queries.order_facts(session, exception.order_id)
    role = None if order is None else role_lacked(exception.type, order.payment_method)
    if order is None or role is None or order.at is None or not order.amount:
        return []
    wanted = await _wanted(session, role, order, order.at, order.id, granted)
    reach = await _reaches(session)
    same = await queries.records_near(session, wanted, within=FAR, limit=MOST_NEAR + MOST_FAR, same_amount=True)
    other = await queries.records_near(session, wanted, within=SAME_MOMENT, limit=MOST_OTHER, same_amount=False)
    parts = await queries.records_near(session, wanted, within=TOGETHER, limit=COMBINED, same_amount=None)
    mine, place = order_view(order), order.machine_code
    near = [row for row in same if abs(row.seconds) <= reach[row.source]]
    found = [_pair([mine], [record_view(row)], _reasons(row, wanted, place)) for row in _ranked(near, same, other)]
    return found + [
        _pair([mine], [record_view(row) for row in two], _adds_up(two), kind="split")
        for two in _adding_up(parts, wanted.amount)
    ]


async def _for_record(session: AsyncSession, record_id: int, granted: Granted) -> list[dict[str, Any]]:
    gross = await gross_sources(session)
    (record,) = await queries.record_facts(session, [record_id], gross) or (None,)
    if record is None or record.occurred_at is None or not record.amount or record.amount < 0:
        return []
    role = ROLES[SourceName(record.source)]
    if role not in SOURCES_OF or record.order_id is not None:
        return []
    wanted = await _wanted(session, role, record, record.occurred_at, record.record_id, granted)
    reach = (await _reaches(session))[record.source]
    same = await queries.orders_near(session, wanted, within=FAR, limit=MOST_NEAR + MOST_FAR, same_amount=True)
    other = await queries.orders_near(session, wanted, within=SAME_MOMENT, limit=MOST_OTHER, same_amount=False)
    parts = await queries.orders_near(session, wanted, within=TOGETHER, limit=COMBINED, same_amount=None)
    mine, place = record_view(record), record.machine_code
    near = [row for row in same if abs(row.seconds) <= reach]
    found = [_pair([order_view(row)], [mine], _reasons(row, wanted, place)) for row in _ranked(near, same, other)]
    return found + [
        _pair([order_view(row) for row in two], [mine], _adds_up(two), kind="merge")
        for two in _adding_up(parts, wanted.amount)
    ]


async def _wanted(
    session: AsyncSession, role: Role, row: AnyRow, at: datetime, own_id: int, granted: Granted
) -> Wanted:
    values = await values_of(session, (rules.CARD_RECEIPTS,))
    return Wanted(
        role=role,
        at=at,
        amount=row.amount,
        currency=row.currency or "",
        machine=row.machine_code,
        gross=await gross_sources(session),
        cards=bool(values[rules.CARD_RECEIPTS.key]),
        apart_from=own_id,
        granted=granted,
    )


async def _reaches(session: AsyncSession) -> dict[str, int]:
    return {source: seconds * REACH for source, seconds in (await windows(session)).items()}


def _ranked(near: Sequence[AnyRow], same: Sequence[AnyRow], other: Sequence[AnyRow]) -> Iterator[AnyRow]:
    """The same amount near, the same amount farther, another amount; each nearest first, as they come."""
    yield from near[:MOST_NEAR]
    yield from [row for row in same if row not in near][:MOST_FAR]
    yield from other


def _reasons(row: AnyRow, wanted: Wanted, place: str | None) -> list[dict[str, Any]]:
    """What speaks for a candidate. Seconds are positive where the record is later than the order."""
    same = row.amount == wanted.amount
    reasons: list[dict[str, Any]] = [
        {"code": "same_amount"} if same else {"code": "other_amount", "amount": format_minor(row.amount)},
        {"code": "seconds_apart", "seconds": int(row.seconds)},
    ]
    if place is not None and row.machine_code == place:
        reasons.append({"code": "same_place"})
    return reasons


def _adding_up(parts: Sequence[AnyRow], amount: int) -> list[tuple[AnyRow, AnyRow]]:
    """Pairs that come to an amount, those nearest in time first."""
    two = [pair for pair in combinations(parts, 2) if pair[0].amount + pair[1].amount == amount]
    return sorted(two, key=_apart)[:MOST_TOGETHER]


def _apart(rows: Iterable[AnyRow]) -> int:
    return max(abs(int(row.seconds)) for row in rows)


def _adds_up(rows: Iterable[AnyRow]) -> list[dict[str, Any]]:
    return [{"code": "adds_up"}, {"code": "seconds_apart", "seconds": _apart(rows)}]


def _pair(
    orders: list[dict[str, Any]], records: list[dict[str, Any]], reasons: list[dict[str, Any]], kind: str = "pair"
) -> dict[str, Any]:
    return {"kind": kind, "orders": orders, "records": records, "reasons": reasons}
