"""Cash-register receipts (sources.md, section 3): a title row, then the header; English is a flat table."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import partial
from zoneinfo import ZoneInfo

from vhm24r.ops.demo.facts import Receipt
from vhm24r.ops.demo.layout import Row, Table, dotted_time, iso_time, local, numbered, with_total
from vhm24r.ops.demo.network import Register
from vhm24r.ops.demo.spec import Language

COLUMNS_RU = (
    "№", "Фискальный модуль", "Номер чека", "Операция", "Дата и время", "Сумма операции", "Наличные", "Карта",
    "Торговый пункт",
)  # fmt: skip
COLUMNS_EN = (
    "fiscal_check_number", "fiscal_time", "amount", "taxpayer_id", "cash_register_id", "shift_number",
    "receipt_type",
)  # fmt: skip
TAXPAYER_ID = "300000001"


def table(
    receipts: Iterable[Receipt],
    zone: ZoneInfo,
    register: Register,
    period: tuple[date, date],
    language: Language = "ru",
    *,
    total: bool = False,
) -> Table:
    """The report of one register; `total` adds the `Итого` row (Russian layout only)."""
    if language == "en":
        return Table(COLUMNS_EN, _rows_en(receipts, zone, period[0]), register.module)
    title = f"Отчёт по чекам за период {period[0]:%d.%m.%Y} - {period[1]:%d.%m.%Y}"
    rows = partial(_rows_ru, zone=zone)
    return Table(
        COLUMNS_RU,
        with_total(receipts, rows, COLUMNS_RU.index("Сумма операции"), len(COLUMNS_RU)) if total else rows(receipts),
        register.module,
        preamble=((title, ""),),
        delimiter=";",
    )


def _rows_ru(receipts: Iterable[Receipt], zone: ZoneInfo) -> Iterator[Row]:
    def render(number: int, receipt: Receipt) -> Row:
        return (
            number,
            receipt.register.module,
            receipt.external_id,
            "Возврат" if receipt.is_return else "Продажа",
            dotted_time(receipt.at, zone),
            receipt.amount_som,
            0 if receipt.by_card else receipt.amount_som,
            receipt.amount_som if receipt.by_card else 0,
            receipt.place,
        )

    return numbered(receipts, render)


def _rows_en(receipts: Iterable[Receipt], zone: ZoneInfo, first_day: date) -> Iterator[Row]:
    for receipt in receipts:
        yield (
            receipt.external_id,
            iso_time(receipt.at, zone),
            receipt.amount_som,
            TAXPAYER_ID,
            receipt.register.module,
            # A register opens one shift a day.
            (local(receipt.at, zone).date() - first_day).days + 1,
            "return" if receipt.is_return else "sale",
        )
