"""A source of our own, as the guide tells to write one: the whole of what a new report layout takes."""

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.declaration import Cell, Column, Source

KIOSK = Source(
    name=SourceName.GENERIC,  # a real one adds its name to SourceName
    role=Role.SALE,
    key="external_id",
    columns=(
        Column("external_id", ("Row", "Строка"), Cell.CODE, required=True),
        Column("order_number", ("Order number", "Номер заказа"), Cell.CODE, required=True),
        Column("occurred_at", ("Time", "Время"), Cell.INSTANT, required=True),
        Column("amount", ("Sum", "Сумма"), Cell.AMOUNT, required=True),
        Column("payment_method", ("Paid by",), Cell.STRICT_CHOICE, {"Cash": "cash"}, word_into="payment_resource"),
        Column("cashier", ("Cashier", "Кассир"), extra=True),
    ),
)
