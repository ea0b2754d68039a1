"""The machine controller's order report (sources.md, section 1): 20 Russian or 16 English columns.

Pure rendering of a `TrueOrder`. Times are the machine's own: true time plus its clock's error.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from vhm24r.ops.demo.layout import Row, Table, iso_time
from vhm24r.ops.demo.orders import TrueOrder
from vhm24r.ops.demo.spec import Language

SHEET = "Заказы"
COLUMNS_RU = (
    "Номер заказа", "Номер оператора", "Наименование товара", "Название вкуса", "Ресурс заказа", "Тип заказа",
    "Статус платежа", "Тип чашки", "Машинный код", "Адрес", "Цена заказа", "Статус варки", "Время создания",
    "Время оплаты", "Время заваривания", "Срок поставки", "Время возврата денег", "Платежная карта",
    "Причина", "Замечание",
)  # fmt: skip
COLUMNS_EN = (
    "Order number", "Machine code", "Address", "Goods name", "Taste name", "Order type", "Order resource",
    "Order price", "Creation time", "Paying time", "Brewing time", "Delivery time", "Refund time",
    "Payment status", "Brew status", "Reason",
)  # fmt: skip

RESOURCES_RU = {
    "cash": ("Оплата наличными",),
    "qr": ("Таможенный платеж", "Таможенный платеж", "QR платежи"),
    "card": ("Карты",),
    "vip": ("vip", "VIP"),
    "credit": ("Оплата кредита",),
    "test": ("testShipment",),
}
RESOURCES_EN = {
    "cash": "Cash",
    "qr": "Custom payment",
    "card": "Card",
    "vip": "VIP",
    "credit": "Credit",
    "test": "Test",
}
_REASONS = {
    "ru": {"": None, "no_water": "Нет воды", "no_cup": "Нет стаканов", "jam": "Застрял стакан"},
    "en": {"": None, "no_water": "No water", "no_cup": "No cups", "jam": "Cup jammed"},
}
_REMARKS = {"": None, "customer_request": "Возврат по обращению", "checked": "Проверено оператором"}
_REFUNDED_RU = ("Возвращен", "Возврат")
_DELIVERED_RU = ("Доставлен", "Доставлен", "Доставка подтверждена")
_FAILED_RU = ("Сбой доставки", "Не доставлено")


def table(orders: Iterable[TrueOrder], zone: ZoneInfo, language: Language = "ru") -> Table:
    """The report as a table; the orders are consumed once, row by row."""
    if language == "en":
        return Table(COLUMNS_EN, _rows_en(orders, zone), "Orders", encoding="utf-8")
    return Table(COLUMNS_RU, _rows_ru(orders, zone), SHEET, encoding="utf-8-sig")


def _rows_ru(orders: Iterable[TrueOrder], zone: ZoneInfo) -> Iterator[Row]:
    for order in orders:
        machine, product, index = order.machine, order.product, order.index
        resources = RESOURCES_RU[order.method]
        refunded = order.refunded_at is not None
        yield (
            order.number,
            machine.operator,
            product.name,
            product.tastes[order.taste][0],
            resources[index % len(resources)],
            "Обычный заказ",
            _REFUNDED_RU[index % 2] if refunded else "Оплачено",
            "Большой стакан" if index % 5 == 0 else "Стандартный стакан",
            machine.code,
            machine.address,
            order.price_som,
            _brew_status_ru(order),
            *_times(order, zone),
            f"8600{index % 90 + 10}******{index * 7919 % 10_000:04}" if order.method == "card" else None,
            _REASONS["ru"][order.reason],
            _REMARKS[order.remark],
        )


def _rows_en(orders: Iterable[TrueOrder], zone: ZoneInfo) -> Iterator[Row]:
    for order in orders:
        status = "Delivery failed" if order.failed else "Delivered" if order.delivered_at else None
        yield (
            order.number,
            order.machine.code,
            order.machine.address,
            order.product.name_en,
            order.product.tastes[order.taste][1],
            "Regular order",
            RESOURCES_EN[order.method],
            order.price_som,
            *_times(order, zone),
            "Refunded" if order.refunded_at else "Paid",
            status,
            _REASONS["en"][order.reason],
        )


def _brew_status_ru(order: TrueOrder) -> str | None:
    if order.failed:
        return _FAILED_RU[order.index % 2]
    return _DELIVERED_RU[order.index % 3] if order.delivered_at else None


def _times(order: TrueOrder, zone: ZoneInfo) -> tuple[str | None, ...]:
    """Created, paid, brewed, delivered, refunded, as the machine's clock has them."""
    instants: tuple[datetime | None, ...] = (
        order.created_at,
        order.paid_at,
        order.brewed_at,
        order.delivered_at,
        order.refunded_at,
    )
    if order.machine.clock_skew_s:
        skew = timedelta(seconds=order.machine.clock_skew_s)
        instants = tuple(None if at is None else at + skew for at in instants)
    return tuple([iso_time(at, zone) for at in instants])
