"""A small network that has been reconciled: one of everything that goes right and wrong."""

from typing import Any

from sqlalchemy import text

from tests.conftest import SYSTEM
from tests.factories import Row, fiscal_row, hw_row, number, payme_row, vendhub_row
from tests.integration.sharing import imported
from vhm24r.ops.process import Services
from vhm24r.reconciliation.filters import ExceptionFilter
from vhm24r.reconciliation.service import exceptions
from vhm24r.reconciliation.service.deciding import Decided, RecordRef, Wish, match_by_hand, unmatch
from vhm24r.reconciliation.service.running import run_waiting

QR = "Таможенный платеж"
DAY = "2025-12-25"
PROVEN, WITHOUT_RECEIPT, SPLIT, WITHOUT_PAYMENT = (number(index) for index in (1, 2, 3, 4))


def order(index: int, at: str, amount: str, **changes: str) -> Row:
    """An order paid at a time of DAY."""
    moment = f"{DAY} {at}"
    return hw_row(
        index, Время_создания=moment, Время_оплаты=moment, Срок_поставки=moment, Цена_заказа=amount, **changes
    )


def sale(index: int, at: str, amount: str, **changes: str) -> Row:
    """The sale of such an order."""
    return vendhub_row(index, Time=f"25.12.2025 {at}", Order_price=amount, **changes)


def receipt(index: int, at: str, amount: str, **changes: str) -> Row:
    """A receipt."""
    return fiscal_row(index, Fiscal_time=f"{DAY} {at}", Operation_amount=amount, **changes)


def payment(index: int, at: str, amount: str, **changes: str) -> Row:
    """A payment at Payme."""
    return payme_row(index, Payment_time=f"{DAY} {at}", Amount_without_commission=amount, **changes)


ORDERS = [
    order(1, "09:00:00", "15000"),
    order(2, "10:00:00", "16000"),
    order(3, "12:00:00", "20000", Ресурс_заказа=QR),
    order(4, "14:00:00", "21000", Ресурс_заказа=QR),
]
SALES = [
    sale(1, "09:00:02", "15000"),
    sale(2, "10:00:02", "16000"),
    sale(3, "12:00:02", "20000", Order_resource=QR, Payment_type="Payme"),
    sale(4, "14:00:02", "21000", Order_resource=QR, Payment_type="Payme"),
]
RECEIPTS = [
    receipt(1, "09:00:05", "15000"),  # of order 1
    receipt(2, "10:06:30", "16000"),  # too late for order 2
    receipt(3, "18:00:00", "16000"),  # of the same amount, hours later
    receipt(4, "10:00:10", "11000"),  # at the right moment, of another amount
]
PAYMENTS = [
    payment(1, "12:00:10", "12000"),  # the first and
    payment(2, "12:00:40", "8000"),  # the second part of order 3
    payment(3, "14:01:40", "21000"),  # near order 4, but beyond the window
]


async def reconcile(services: Services) -> None:
    """Settle what waits."""
    await run_waiting(services.reconciler, SYSTEM)


async def bring_network(services: Services) -> dict[str, int]:
    """Import all of it and reconcile; the imports by name."""
    files = {"orders": ORDERS, "sales": SALES, "receipts": RECEIPTS, "payments": PAYMENTS}
    imports = {name: (await imported(services, rows, f"{name}.csv"))["id"] for name, rows in files.items()}
    await reconcile(services)
    return imports


async def listed(services: Services, **params: str) -> list[dict[str, Any]]:
    """Exceptions of a filter, in the order of their ids."""
    zone, now = services.settings.zone, services.clock.now()
    async with services.db.read() as session:
        where = ExceptionFilter.from_params(params)
        page = await exceptions.list_exceptions(session, SYSTEM, where, now, zone, limit=500)
    return sorted(page.items, key=lambda item: item["id"])


async def exception_of(services: Services, name: str) -> dict[str, Any]:
    """The only exception of an order or of a record, by its number or external id."""
    found = await listed(services, state="all")
    (one,) = [item for item in found if name in ((item["order"] or {}).get("number"), _external_id(item))]
    return one


def _external_id(item: dict[str, Any]) -> str | None:
    return None if item["record"] is None else str(item["record"]["external_id"])


async def shown(services: Services, exception_id: int) -> dict[str, Any]:
    """One exception, whole."""
    async with services.db.read() as session:
        return await exceptions.get_exception(
            session, SYSTEM, exception_id, services.clock.now(), services.settings.zone
        )


def ref(name: str) -> RecordRef:
    """A record named SOURCE:EXTERNAL_ID."""
    source, _, external_id = name.partition(":")
    return RecordRef(source, external_id)


async def matched(
    services: Services, orders: list[str], records: list[str], *, confirm: bool = False, reason: str = "seen"
) -> Decided:
    """Match by hand, as `SYSTEM`; records are named SOURCE:EXTERNAL_ID. Nothing is settled yet."""
    wish = Wish(orders, [ref(name) for name in records], reason, confirm)
    async with services.db.write() as session:
        return await match_by_hand(session, SYSTEM, services.jobs, wish, services.clock.now(), services.settings.zone)


async def unmatched(services: Services, match_id: int, reason: str = "not this one") -> Decided:
    """Take a match away, as `SYSTEM`. Nothing is settled yet."""
    async with services.db.write() as session:
        return await unmatch(
            session, SYSTEM, services.jobs, match_id, reason, services.clock.now(), services.settings.zone
        )


async def rows(services: Services, statement: str, **params: object) -> list[dict[str, Any]]:
    """Rows of a statement, as dicts."""
    async with services.db.read() as session:
        return [dict(row._mapping) for row in await session.execute(text(statement), params)]


async def statuses(services: Services) -> dict[str, str]:
    """Order number → match status."""
    found = await rows(
        services, "SELECT number, match_status FROM orders JOIN order_match_statuses ON order_id = id ORDER BY number"
    )
    return {row["number"]: row["match_status"] for row in found}


async def live_matches(services: Services) -> list[tuple[str, str, str]]:
    """(order number, record's external id, kind) of all that stand."""
    found = await rows(
        services,
        "SELECT o.number, f.external_id, m.kind FROM evidence_matches m JOIN orders o ON o.id = m.order_id"
        " JOIN evidence_records f ON f.id = m.record_id WHERE m.withdrawn_at IS NULL ORDER BY 1, 2",
    )
    return [(row["number"], row["external_id"], row["kind"]) for row in found]


async def match_id_of(services: Services, number: str, external_id: str) -> int:
    """The id of a live match."""
    (found,) = await rows(
        services,
        "SELECT m.id FROM evidence_matches m JOIN orders o ON o.id = m.order_id JOIN evidence_records f"
        " ON f.id = m.record_id WHERE m.withdrawn_at IS NULL AND o.number = :number AND f.external_id = :external_id",
        number=number,
        external_id=external_id,
    )
    return int(found["id"])
