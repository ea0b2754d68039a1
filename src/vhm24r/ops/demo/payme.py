"""Payme (sources.md, section 4): six preamble rows, header on row 7; English is a flat table.

The Russian header has a Latin A at the end of `НАЗВАНИЕ ПОСТАВЩИКA` and a line break inside the key's name.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial
from zoneinfo import ZoneInfo

from vhm24r.ops.demo.facts import Payment
from vhm24r.ops.demo.layout import Row, Table, iso_time, numbered, with_total
from vhm24r.ops.demo.spec import Language

COLUMNS_RU = (
    "№", "НАЗВАНИЕ ПОСТАВЩИК\u0041", "НАЗВАНИЕ КАССЫ", "ИДЕНТИФИКАТОР ПЛАТЕЖА \n (ПЛАТЕЖНАЯ СИСТЕМА)",
    "НОМЕР ЗАКАЗА", "ВРЕМЯ ОПЛАТЫ", "СОСТОЯНИЕ ОПЛАТЫ", "НАЗВАНИЕ ПРОЦЕССИНГА", "НОМЕР КАРТЫ",
    "СУММА БЕЗ КОМИССИИ", "СУММА КОМИССИИ", "RRN",
)  # fmt: skip
COLUMNS_EN = (
    "transaction_id", "transaction_time", "amount", "masked_pan", "merchant_id", "terminal_id", "commission",
    "status", "username", "phone_number", "reference_number",
)  # fmt: skip
MERCHANT = "VENDING NETWORK"
NEIGHBOUR = "СОСЕДНИЙ МАГАЗИН"
_FEE_PERCENT = 2


def table(
    payments: Iterable[Payment],
    zone: ZoneInfo,
    period: tuple[date, date],
    language: Language = "ru",
    *,
    total: bool = False,
) -> Table:
    """The report of a period; `total` adds the `Итого` row (Russian layout only)."""
    if language == "en":
        return Table(COLUMNS_EN, _rows_en(payments, zone), "Payme")
    rows = partial(_rows_ru, zone=zone)
    return Table(
        COLUMNS_RU,
        with_total(payments, rows, COLUMNS_RU.index("СУММА БЕЗ КОМИССИИ"), len(COLUMNS_RU))
        if total
        else rows(payments),
        "Отчет",
        preamble=_preamble(period, zone),
        encoding="utf-8-sig",
        delimiter=";",
    )


def commission(amount_som: int) -> int:
    """The gateway's fee in whole UZS; prices are multiples of 500, so it is exact."""
    return amount_som * _FEE_PERCENT // 100


def _preamble(period: tuple[date, date], zone: ZoneInfo) -> tuple[tuple[str, str], ...]:
    return (
        ("ТИП ОТЧЕТА", "Платежи"),
        ("ПОСТАВЩИК", MERCHANT),
        ("ПЕРИОД С", f"{period[0]:%d.%m.%Y} 00:00:00"),
        ("ПЕРИОД ПО", f"{period[1]:%d.%m.%Y} 23:59:59"),
        ("ВАЛЮТА", "UZS"),
        ("ЧАСОВОЙ ПОЯС", zone.key),
    )


def _rows_ru(payments: Iterable[Payment], zone: ZoneInfo) -> Iterator[Row]:
    def render(number: int, payment: Payment) -> Row:
        return (
            number,
            MERCHANT if payment.is_own else NEIGHBOUR,
            payment.cash_desk,
            payment.external_id,
            payment.reference,
            iso_time(payment.at, zone),
            "ОТМЕНЕН" if payment.is_reversed else "ОПЛАЧЕН",
            payment.processing,
            payment.card,
            payment.amount_som,
            commission(payment.amount_som),
            payment.rrn,
        )

    return numbered(payments, render)


def _rows_en(payments: Iterable[Payment], zone: ZoneInfo) -> Iterator[Row]:
    for payment in payments:
        yield (
            payment.external_id,
            iso_time(payment.at, zone),
            payment.amount_som,
            payment.card,
            "merchant-01" if payment.is_own else "merchant-77",
            f"terminal-{payment.machine.index + 1:03}" if payment.is_own else "terminal-900",
            commission(payment.amount_som),
            "REVERSED" if payment.is_reversed else "SUCCESS",
            None,  # the payer's name and phone are nobody's business here
            None,
            payment.rrn,
        )
