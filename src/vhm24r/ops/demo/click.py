"""Click (sources.md, section 5): sheet «Общий отчет» with real Excel dates; English is a flat table."""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from vhm24r.ops.demo.facts import Payment
from vhm24r.ops.demo.layout import Row, Table, iso_time, local, numbered
from vhm24r.ops.demo.payme import MERCHANT, NEIGHBOUR, commission
from vhm24r.ops.demo.spec import Language

COLUMNS_RU = (
    "№", "Click ID", "Billing ID", "Идент-р", "Сервис", "Касса", "Клиент", "Способ оплаты", "Сумма",
    "Статус платежа", "Дата",
)  # fmt: skip
COLUMNS_EN = (
    "transaction_id", "transaction_time", "amount", "card_number", "merchant_id", "service_id", "commission",
    "status", "error_code", "click_trans_id", "merchant_trans_id",
)  # fmt: skip
SHEET = "Общий отчет"


def table(payments: Iterable[Payment], zone: ZoneInfo, language: Language = "ru") -> Table:
    """The report of a period; payments are consumed once."""
    if language == "en":
        return Table(COLUMNS_EN, _rows_en(payments, zone), "Report")
    return Table(COLUMNS_RU, _rows_ru(payments, zone), SHEET, delimiter=";")


def _rows_ru(payments: Iterable[Payment], zone: ZoneInfo) -> Iterator[Row]:
    def render(number: int, payment: Payment) -> Row:
        return (
            number,
            payment.external_id,
            payment.rrn,
            payment.reference,
            MERCHANT if payment.is_own else NEIGHBOUR,
            payment.cash_desk,
            payment.card,
            payment.processing,
            payment.amount_som,
            "Аннулирован" if payment.is_reversed else "Успешно подтвержден",
            local(payment.at, zone),
        )

    return numbered(payments, render)


def _rows_en(payments: Iterable[Payment], zone: ZoneInfo) -> Iterator[Row]:
    for payment in payments:
        yield (
            payment.external_id,
            iso_time(payment.at, zone),
            payment.amount_som,
            payment.card,
            "merchant-02" if payment.is_own else "merchant-78",
            f"service-{payment.machine.index + 1:03}" if payment.is_own else "service-900",
            commission(payment.amount_som),
            "REVERSED" if payment.is_reversed else "SUCCESS",
            "-9" if payment.is_reversed else "0",
            payment.external_id,
            payment.reference,
        )
