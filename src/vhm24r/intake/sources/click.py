"""Click: QR payments. The sheet «Общий отчет», or a flat table.

`place` is the cash desk, in the flat table the service. «Клиент» is the payer's card: it is masked like one.
"""

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.columns import RUNNING_NUMBER, STATES
from vhm24r.intake.sources.declaration import Cell, Column, Source

CLICK = Source(
    name=SourceName.CLICK,
    role=Role.PAYMENT,
    key="external_id",
    columns=(
        RUNNING_NUMBER,
        Column(
            "external_id",
            ("Click ID", "Transaction ID"),
            Cell.CODE,
            required=True,
            telling=True,
            shared=("Transaction ID",),
        ),
        Column("occurred_at", ("Дата", "Date", "Transaction time"), Cell.INSTANT, required=True),
        Column("amount", ("Сумма", "Amount"), Cell.AMOUNT, required=True),
        Column("fee", ("Комиссия", "Commission"), Cell.AMOUNT),
        Column("state", ("Статус платежа", "Payment status", "Status"), Cell.CHOICE, STATES),
        Column("card", ("Клиент", "Client", "Card number", "Masked PAN"), Cell.CARD),
        Column("service_id", ("Service ID",), Cell.CODE, extra=True, telling=True, word_into="place"),
        Column("place", ("Касса", "Cash desk")),
        Column("billing_id", ("Billing ID",), Cell.CODE, extra=True, telling=True),
        Column("merchant_order", ("Идент-р", "Identifier", "Merchant trans ID"), Cell.CODE, extra=True),
        Column("merchant_id", ("Merchant ID",), Cell.CODE, extra=True),
        Column("service", ("Сервис", "Service"), extra=True),
        Column("method", ("Способ оплаты", "Payment method", "Method"), extra=True),
        Column("error_code", ("Error code",), Cell.CODE, extra=True, telling=True),
        Column("click_trans_id", ("Click trans ID",), Cell.CODE, extra=True, telling=True),
    ),
)
