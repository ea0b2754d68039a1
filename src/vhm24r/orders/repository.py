"""Every SELECT of orders. Never commits."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    false,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from vhm24r.audit.models import AuditEntry
from vhm24r.evidence.models import EvidenceFile, EvidenceMatch, EvidenceRecord
from vhm24r.evidence.types import SALE_FIELD_NAMES, SourceName
from vhm24r.kit.actor import EVERYTHING, Granted
from vhm24r.kit.pagination import BadCursor, Page, decode_cursor, page_of
from vhm24r.orders.errors import FilterInvalid, MachineNotFound, OrderNotFound
from vhm24r.orders.filters import OrderFilter
from vhm24r.orders.history import history_of
from vhm24r.orders.models import (
    SORTED_AMOUNT,
    SORTED_AT_EXPRESSION,
    Order,
    OrderChange,
    OrderMatchStatus,
    OrderNote,
    Product,
    VendingMachine,
    VendingOrder,
)
from vhm24r.orders.types import DEFAULT_SORT, SALE_SOURCES
from vhm24r.platform.db import AnyRow

SORTED: dict[str, ColumnElement[Any]] = {
    "occurred_at": SORTED_AT_EXPRESSION,
    "amount": literal_column(str(SORTED_AMOUNT), BigInteger()),
}
EXPORT_BATCH = 2_000


def row_columns() -> list[Any]:
    """What lists show of an order, its machine and its last change."""
    return [
        Order.id,
        Order.number,
        Order.channel,
        Order.origin,
        Order.status,
        OrderMatchStatus.match_status,
        OrderMatchStatus.findings,
        OrderMatchStatus.reasons,
        Order.occurred_at,
        Order.amount,
        Order.currency,
        Order.machine_code,
        VendingMachine.name.label("machine_name"),
        VendingMachine.address,
        Order.product,
        Order.payment_method,
        Order.last_change,
        AuditEntry.at.label("changed_at"),
        Order.version,
        Order.tags,
    ]


def _rows() -> Select[Any]:
    return (
        select(*row_columns())
        .select_from(Order)
        .outerjoin(VendingMachine, VendingMachine.code == Order.machine_code)
        .outerjoin(AuditEntry, AuditEntry.id == Order.last_change_set_id)
        .outerjoin(OrderMatchStatus, OrderMatchStatus.order_id == Order.id)
    )


def _after(sort: str, cursor: str) -> ColumnElement[bool]:
    """Rows beyond the cursor in the direction of the sort."""
    value, last_id = decode_cursor(cursor, 2)
    key: Any = value
    if sort.endswith("occurred_at"):
        try:
            key = datetime.fromisoformat(str(value))
        except ValueError as error:
            raise BadCursor from error
    if type(last_id) is not int or type(key) not in (int, datetime) or not 0 <= last_id < 2**63:
        raise BadCursor
    if type(key) is int and abs(key) >= 2**63:
        raise BadCursor
    here = tuple_(SORTED[sort.removeprefix("-")], Order.id)
    there = tuple_(literal(key, type_=SORTED[sort.removeprefix("-")].type), literal(last_id))
    return here < there if sort.startswith("-") else here > there


def _key(row: AnyRow) -> list[str | int | None]:
    """The cursor of a row: instants as ISO texts."""
    value = row.sorted
    return [value.isoformat() if isinstance(value, datetime) else value, row.id]


async def list_orders(
    session: AsyncSession,
    where: OrderFilter,
    zone: ZoneInfo,
    *,
    sort: str = DEFAULT_SORT,
    limit: int = 50,
    cursor: str | None = None,
    granted: Granted = EVERYTHING,
) -> Page[AnyRow]:
    """A page of orders, newest first unless sorted otherwise (`amount`, `-amount`, `occurred_at`).

    The page is picked before its machines and changes are looked up, so that a filter never joins
    more rows than it shows.

    Raises:
        FilterInvalid: there is no such sort. BadCursor: the cursor is not of this list.
    """
    if sort.removeprefix("-") not in SORTED:
        raise FilterInvalid(field="sort", value=sort)
    key = SORTED[sort.removeprefix("-")]
    direction = [key.desc(), Order.id.desc()] if sort.startswith("-") else [key, Order.id]
    picked = select(Order.id, key.label("sorted")).where(*where.conditions(zone), *seen_by(granted))
    picked = picked.order_by(*direction).limit(limit + 1)
    if cursor:
        picked = picked.where(_after(sort, cursor))
    page = picked.subquery("page")
    order = [page.c.sorted.desc(), page.c.id.desc()] if sort.startswith("-") else [page.c.sorted, page.c.id]
    statement = _rows().add_columns(page.c.sorted).join(page, page.c.id == Order.id).order_by(*order)
    return page_of(list((await session.execute(statement)).all()), limit, _key)


async def count_orders(session: AsyncSession, where: OrderFilter, zone: ZoneInfo, granted: Granted = EVERYTHING) -> int:
    """How many orders the filter holds."""
    statement = select(func.count()).select_from(Order).where(*where.conditions(zone), *seen_by(granted))
    return int((await session.execute(statement)).scalar_one())


def seen_by(granted: Granted) -> list[ColumnElement[bool]]:
    """Orders of the machines that somebody may see; one without a machine is for those who see all."""
    return [] if granted.machines is None else [Order.machine_code.in_(granted.machines)]


async def stream_orders(
    session: AsyncSession, where: OrderFilter, zone: ZoneInfo, granted: Granted = EVERYTHING
) -> AsyncIterator[Sequence[AnyRow]]:
    """Every order of the filter, oldest first, in batches: the one generator of every export."""
    vending = [getattr(VendingOrder, name) for name in VENDING_COLUMNS]
    last = 0
    while True:
        statement = (
            _rows()
            .add_columns(*vending, Order.edited_fields, Order.created_at)
            .outerjoin(VendingOrder, VendingOrder.order_id == Order.id)
            .where(*where.conditions(zone), *seen_by(granted), Order.id > last)
            .order_by(Order.id)
            .limit(EXPORT_BATCH)
        )
        rows = (await session.execute(statement)).all()
        if not rows:
            return
        yield rows
        last = rows[-1].id


VENDING_COLUMNS = tuple(column.name for column in VendingOrder.__table__.columns if column.name != "order_id")


def _refuse_impossible(number: str) -> None:
    """No order has a number that the database cannot even be asked for."""
    if "\x00" in number:
        raise OrderNotFound(number=number)


async def get_row(session: AsyncSession, number: str, granted: Granted = EVERYTHING) -> AnyRow:
    """One order with all its fields.

    Raises:
        OrderNotFound: there is none of this number, or it is of a machine that is not granted.
    """
    _refuse_impossible(number)
    vending = [getattr(VendingOrder, name) for name in VENDING_COLUMNS]
    statement = (
        _rows()
        .add_columns(*vending, Order.edited_fields, Order.created_at, Order.source_number, Order.withdrawn_at)
        .outerjoin(VendingOrder, VendingOrder.order_id == Order.id)
        .where(Order.number == number, Order.withdrawn_at.is_(None), *seen_by(granted))
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise OrderNotFound(number=number)
    return row


async def lock_order(session: AsyncSession, number: str, granted: Granted = EVERYTHING) -> Order:
    """The order, locked until the transaction ends.

    Raises:
        OrderNotFound: there is none of this number, or it is of a machine that is not granted.
    """
    _refuse_impossible(number)
    statement = select(Order).where(Order.number == number, Order.withdrawn_at.is_(None), *seen_by(granted))
    order = (await session.execute(statement.with_for_update())).scalar_one_or_none()
    if order is None:
        raise OrderNotFound(number=number)
    return order


async def list_changes(session: AsyncSession, order_ids: Sequence[int]) -> Sequence[AnyRow]:
    """Every change of some orders, newest first, with who, when, why and the file it came from."""
    history = history_of(order_ids).c
    statement = (
        select(
            history.order_id,
            history.version,
            history.kind,
            history.field,
            history.old,
            history.new,
            history.sheet,
            history.row.label("file_row"),
            AuditEntry.at,
            AuditEntry.actor_kind,
            AuditEntry.actor_id,
            AuditEntry.actor_name,
            AuditEntry.reason,
            EvidenceFile.import_id,
            EvidenceFile.name.label("file_name"),
            EvidenceFile.member,
            EvidenceFile.sheets,
        )
        .join(AuditEntry, AuditEntry.id == history.change_set_id)
        .outerjoin(EvidenceFile, EvidenceFile.id == history.file_id)
        .order_by(history.version.desc(), history.field)
    )
    return (await session.execute(statement)).all()


async def list_evidence(session: AsyncSession, order_ids: Sequence[int]) -> Sequence[AnyRow]:
    """What the sources say of some orders: every standing record with its place and its match.

    A record belongs to an order because it names it, or because it was matched with it.
    """
    named = (
        _evidence(EvidenceRecord.order_id)
        .outerjoin(EvidenceMatch, false())
        .where(EvidenceRecord.order_id.in_(order_ids), EvidenceRecord.current)
    )
    first = aliased(EvidenceRecord)
    matched = (
        _evidence(EvidenceMatch.order_id)
        .join(first, first.identity == EvidenceRecord.identity)
        .join(EvidenceMatch, and_(EvidenceMatch.record_id == first.id, EvidenceMatch.withdrawn_at.is_(None)))
        .where(EvidenceMatch.order_id.in_(order_ids), EvidenceRecord.current)
    )
    found = union_all(named, matched).subquery("found")
    statement = select(found).order_by(found.c.source, found.c.id)
    return (await session.execute(statement)).all()


def _evidence(order_id: ColumnElement[Any] | InstrumentedAttribute[Any]) -> Select[Any]:
    return (
        select(
            order_id.label("order_id"),
            EvidenceRecord.id,
            EvidenceRecord.source,
            EvidenceRecord.external_id,
            EvidenceRecord.amount,
            EvidenceRecord.currency,
            EvidenceRecord.occurred_at,
            EvidenceRecord.state,
            EvidenceRecord.direction,
            EvidenceRecord.extra,
            EvidenceFile.name.label("file_name"),
            EvidenceFile.member,
            EvidenceFile.sheets,
            EvidenceFile.import_id,
            EvidenceRecord.sheet,
            EvidenceRecord.row.label("file_row"),
            EvidenceMatch.id.label("match_id"),
            EvidenceMatch.kind.label("match_kind"),
            EvidenceMatch.rule,
            EvidenceMatch.confidence,
            EvidenceMatch.interchangeable,
            EvidenceMatch.seconds,
            EvidenceMatch.ahead_s,
            EvidenceMatch.margin_s,
            EvidenceMatch.reasons,
            EvidenceMatch.role,
        )
        .select_from(EvidenceRecord)
        .outerjoin(EvidenceFile, EvidenceFile.id == EvidenceRecord.file_id)
    )


async def list_notes(session: AsyncSession, order_ids: Sequence[int]) -> Sequence[OrderNote]:
    """Notes of some orders, oldest first."""
    statement = select(OrderNote).where(OrderNote.order_id.in_(order_ids)).order_by(OrderNote.id)
    return (await session.execute(statement)).scalars().all()


async def list_machines(session: AsyncSession) -> Sequence[VendingMachine]:
    """Every machine, by code."""
    return (await session.execute(select(VendingMachine).order_by(VendingMachine.code))).scalars().all()


async def lock_machine(session: AsyncSession, code: str) -> VendingMachine:
    """The machine, locked until the transaction ends.

    Raises:
        MachineNotFound: no report has named it.
    """
    if "\x00" in code:
        raise MachineNotFound(code=code)
    statement = select(VendingMachine).where(VendingMachine.code == code).with_for_update()
    found = (await session.execute(statement)).scalar_one_or_none()
    if found is None:
        raise MachineNotFound(code=code)
    return found


async def list_products(session: AsyncSession) -> Sequence[Product]:
    """Every product, by name."""
    return (await session.execute(select(Product).order_by(Product.name))).scalars().all()


async def reported_fields(session: AsyncSession, order_id: int) -> dict[str, Any]:
    """What the standing and earlier statements say of each field: the fold of one order (decisions 4)."""
    moved = func.coalesce(
        EvidenceRecord.refunded_at,
        EvidenceRecord.delivered_at,
        EvidenceRecord.brewed_at,
        EvidenceRecord.paid_at,
        EvidenceRecord.occurred_at,
    )
    statement = (
        select(
            EvidenceRecord.source,
            EvidenceRecord.record_id,
            *(getattr(EvidenceRecord, name) for name in SALE_FIELD_NAMES),
        )
        .outerjoin(EvidenceFile, EvidenceFile.id == EvidenceRecord.file_id)
        .where(EvidenceRecord.order_id == order_id, EvidenceRecord.withdrawn.is_(False))
        .where(EvidenceRecord.source.in_(SALE_SOURCES))
        .order_by(
            (EvidenceRecord.source == SourceName.HAPPY_WORKERS).desc(),
            moved.desc().nulls_last(),
            EvidenceFile.import_id.desc(),
            EvidenceRecord.file_id.desc(),
            EvidenceRecord.sheet.desc(),
            EvidenceRecord.row.desc(),
        )
    )
    rows = (await session.execute(statement)).all()
    fields = {
        name: next((row._mapping[name] for row in rows if row._mapping[name] is not None), None)
        for name in SALE_FIELD_NAMES
    }
    if any(row.source == SourceName.GENERIC for row in rows):  # its rows may be parts of one order
        latest = {row.record_id: row.amount for row in reversed(rows)}
        amounts = [amount for amount in latest.values() if amount is not None]
        fields["amount"] = sum(amounts) if amounts else None
    return fields


async def numbers_of(session: AsyncSession, order_ids: Sequence[int]) -> dict[int, str]:
    """Order id → number."""
    rows = await session.execute(select(Order.id, Order.number).where(Order.id.in_(order_ids)))
    return {row.id: row.number for row in rows}


async def list_changes_of_set(
    session: AsyncSession, change_set_id: int, places: Sequence[tuple[int, int, int]]
) -> Sequence[AnyRow]:
    """Field changes that rows of one import made; `places` are (file id, sheet index, row)."""
    statement = select(
        OrderChange.file_id,
        OrderChange.sheet,
        OrderChange.row.label("file_row"),
        OrderChange.field,
        OrderChange.kind,
        OrderChange.old,
        OrderChange.new,
    ).where(
        OrderChange.change_set_id == change_set_id,
        OrderChange.field != "",
        tuple_(OrderChange.file_id, OrderChange.sheet, OrderChange.row).in_(places),
    )
    return (await session.execute(statement)).all()
