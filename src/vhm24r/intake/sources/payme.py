"""Payme: QR payments of one merchant. A report with a preamble in Russian, or a flat table.

The number of the merchant's order is the gateway's business: no machine knows it, so it is an extra fact
and never joins an order by number. `place` is the cash desk, in the flat table the terminal.
"""

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.columns import RUNNING_NUMBER, STATES
from vhm24r.intake.sources.declaration import Cell, Column, Source

PAYME = Source(
    name=SourceName.PAYME,
    role=Role.PAYMENT,
    key="external_id",
    columns=(
        RUNNING_NUMBER,
        Column(
            "external_id",
            ("ИДЕНТИФИКАТОР ПЛАТЕЖА (ПЛАТЕЖНАЯ СИСТЕМА)", "System ID", "Payment system ID", "Transaction ID"),
            Cell.CODE,
            required=True,
            telling=True,
            shared=("Transaction ID",),
        ),
        Column("occurred_at", ("ВРЕМЯ ОПЛАТЫ", "Payment time", "Transaction time"), Cell.INSTANT, required=True),
        Column("amount", ("СУММА БЕЗ КОМИССИИ", "Amount without commission", "Amount"), Cell.AMOUNT, required=True),
        Column("fee", ("СУММА КОМИССИИ", "Commission"), Cell.AMOUNT),
        Column("state", ("СОСТОЯНИЕ ОПЛАТЫ", "State", "Status"), Cell.CHOICE, STATES),
        Column("card", ("НОМЕР КАРТЫ", "Card", "Card number", "Masked PAN"), Cell.CARD),
        Column("terminal_id", ("Terminal ID",), Cell.CODE, extra=True, telling=True, word_into="place"),
        Column("place", ("НАЗВАНИЕ КАССЫ", "Cash desk name", "Cash desk")),
        Column("cash_desk_id", ("ИДЕНТИФИКАТОР КАССЫ", "Cash desk identifier", "Cash desk ID"), Cell.CODE, extra=True),
        Column("merchant_order", ("НОМЕР ЗАКАЗА", "Order number"), Cell.CODE, extra=True),
        Column("merchant_id", ("Merchant ID",), Cell.CODE, extra=True),
        Column("provider", ("НАЗВАНИЕ ПОСТАВЩИКА", "Provider"), extra=True),
        Column("processing", ("НАЗВАНИЕ ПРОЦЕССИНГА", "Processing"), extra=True),
        Column("rrn", ("RRN", "Reference number"), Cell.CODE, extra=True),
        Column("username", ("Username",), extra=True),
        Column("phone_number", ("Phone number",), Cell.CODE, extra=True, telling=True),
        Column("report_number", ("НОМЕР ОТЧЕТА", "Report number"), Cell.CODE, extra=True),
        Column("cancel_time", ("ВРЕМЯ ОТМЕНЫ", "Cancel time"), extra=True),
        Column("processing_time", ("ВРЕМЯ ПРОЦЕССИНГА", "Processing time"), extra=True),
        Column("bank_time", ("ВРЕМЯ БАНКА", "Bank time"), extra=True),
        Column("epos_merchant", ("EPOS МЕРЧАНТ", "EPOS merchant"), Cell.CODE, extra=True),
        Column("epos_terminal", ("EPOS ТЕРМИНАЛ", "EPOS terminal"), Cell.CODE, extra=True),
        Column("client_commission", ("КОМИССИЯ С КЛИЕНТА", "Client commission"), extra=True),
        Column(
            "provider_payment_id",
            ("ИДЕНТИФИКАТОР ПЛАТЕЖА (ПОСТАВЩИК)", "Provider payment ID"),
            Cell.CODE,
            extra=True,
        ),
        Column("bank_receipt_date", ("ДАТА ПОСТУПЛЕНИЯ В БАНК", "Bank receipt date"), extra=True),
        Column("fiscal_sign", ("ФИСКАЛЬНЫЙ ПРИЗНАК", "Fiscal sign"), Cell.CODE, extra=True),
        Column("fiscal_receipt_id", ("ИДЕНТИФИКАТОР ФИСКАЛЬНОГО ЧЕКА", "Fiscal receipt ID"), Cell.CODE, extra=True),
        Column("outside_id", ("ВНЕШНИЙ ИДЕНТИФИКАТОР", "External ID"), Cell.CODE, extra=True),
        Column("description", ("ОПИСАНИЕ", "Description"), extra=True),
    ),
)
