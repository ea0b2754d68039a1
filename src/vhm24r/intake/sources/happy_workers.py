"""The machine controller's order report: the backbone of a vending network."""

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.declaration import Cell, Column, Source

PAYMENT_METHODS = {
    "Оплата наличными": "cash",
    "Cash": "cash",
    "Таможенный платеж": "qr",  # a machine translation of "custom payment"
    "QR платежи": "qr",
    "Custom payment": "qr",
    "vip": "vip",
    "Оплата кредита": "credit",
    "Credit": "credit",
    "Карты": "card",
    "Card": "card",
    "testShipment": "test",
    "Test": "test",
}
PAYMENT_STATUSES = {
    "Оплачено": "paid",
    "Paid": "paid",
    "Возвращен": "refunded",
    "Возврат": "refunded",
    "Refunded": "refunded",
}
BREW_STATUSES = {
    "Доставлен": "delivered",
    "Доставка подтверждена": "delivered",
    "Delivered": "delivered",
    "Delivery confirmed": "delivered",
    "Сбой доставки": "failed",
    "Не доставлено": "failed",
    "Delivery failed": "failed",
    "Not delivered": "failed",
}

HAPPY_WORKERS = Source(
    name=SourceName.HAPPY_WORKERS,
    role=Role.SALE,
    key="order_number",
    key_with_machine=True,
    makes_orders=True,
    columns=(
        Column("order_number", ("Номер заказа", "Order number"), Cell.CODE, required=True),
        Column("machine_code", ("Машинный код", "Machine code"), Cell.CODE, required=True),
        Column("occurred_at", ("Время создания", "Creation time"), Cell.INSTANT, required=True),
        Column("amount", ("Цена заказа", "Order price"), Cell.AMOUNT, required=True),
        Column("product", ("Наименование товара", "Goods name")),
        Column(
            "payment_method",
            ("Ресурс заказа", "Order resource"),
            Cell.STRICT_CHOICE,
            PAYMENT_METHODS,
            word_into="payment_resource",
        ),
        Column("machine_address", ("Адрес", "Address")),
        Column("taste", ("Название вкуса", "Taste name")),
        Column("order_type", ("Тип заказа", "Order type")),
        Column("payment_status", ("Статус платежа", "Payment status"), Cell.CHOICE, PAYMENT_STATUSES, required=True),
        Column("brew_status", ("Статус варки", "Brew status"), Cell.CHOICE, BREW_STATUSES),
        Column("cup_type", ("Тип чашки", "Cup type")),
        Column("operator_number", ("Номер оператора", "Operator number"), Cell.CODE),
        Column("paid_at", ("Время оплаты", "Paying time"), Cell.INSTANT),
        Column("brewed_at", ("Время заваривания", "Brewing time"), Cell.INSTANT),
        Column("delivered_at", ("Срок поставки", "Delivery time"), Cell.INSTANT),
        Column("refunded_at", ("Время возврата денег", "Refund time"), Cell.INSTANT),
        Column("card", ("Платежная карта", "Payment card"), Cell.CARD),
        Column("reason", ("Причина", "Reason")),
        Column("remark", ("Замечание", "Remark")),
    ),
)
