"""Uzum: QR payments. A flat table of transactions, or one of receipts.

`place` is the shop; a table of receipts has only the service.
"""

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.columns import RUNNING_NUMBER, STATES
from vhm24r.intake.sources.declaration import Cell, Column, Source

UZUM = Source(
    name=SourceName.UZUM,
    role=Role.PAYMENT,
    key="external_id",
    columns=(
        RUNNING_NUMBER,
        Column("external_id", ("Transaction ID", "Receipt ID", "ID чека"), Cell.CODE, required=True),
        Column("occurred_at", ("Transaction time", "Payment time", "Время оплаты"), Cell.INSTANT, required=True),
        Column("amount", ("Amount", "Сумма"), Cell.AMOUNT, required=True),
        Column("fee", ("Commission", "Комиссия"), Cell.AMOUNT),
        Column("state", ("Status", "Статус"), Cell.CHOICE, STATES),
        Column("card", ("Masked PAN", "Card number", "Номер карты"), Cell.CARD),
        Column("service", ("Service", "Сервис"), extra=True, word_into="place"),
        Column("shop_id", ("Shop ID",), Cell.CODE, extra=True, telling=True, word_into="place"),
        Column("merchant_id", ("Merchant ID", "ID мерчанта"), Cell.CODE, extra=True),
        Column("merchant_order", ("Order ID",), Cell.CODE, extra=True),
        Column("cashback_amount", ("Cashback amount",), extra=True, telling=True),
        Column("card_type", ("Card type", "Тип карты"), extra=True, telling=True),
    ),
)
