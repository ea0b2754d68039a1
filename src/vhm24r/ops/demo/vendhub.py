"""The sales system's report (sources.md, section 2): semicolons, CP1251, `15 000,00`.

The workbook variant has numbers for amounts and Excel serial numbers for `Time`.
"""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from vhm24r.ops.demo.facts import Sale
from vhm24r.ops.demo.happy_workers import RESOURCES_RU
from vhm24r.ops.demo.layout import Row, Table, dotted_time, serial_time, spaced_amount
from vhm24r.ops.demo.spec import FileFormat

COLUMNS = (
    "ID", "Goods name", "Goods ID", "Order number", "Time", "Order price", "Machine Code", "Machine category",
    "Payment type", "Order resource", "Username", "Amount of accrued bonus", "ИКПУ", "Штрихкод", "Маркировка",
    "Упаковка",
)  # fmt: skip
GATEWAY_NAMES = {"payme": "Payme", "click": "Click", "uzum": "Uzum"}
_PAYMENT_TYPES = {
    "cash": "Наличные",
    "qr": "QR",
    "card": "Карта",
    "vip": "VIP",
    "credit": "Кредит",
    "test": "Тест",
}


def table(sales: Iterable[Sale], zone: ZoneInfo, file_format: FileFormat = "csv") -> Table:
    """The report as a table; sales are consumed once."""
    rows = _rows(sales, zone, is_workbook=file_format == "xlsx")
    return Table(COLUMNS, rows, "Sheet1", encoding="cp1251", delimiter=";")


def _rows(sales: Iterable[Sale], zone: ZoneInfo, *, is_workbook: bool) -> Iterator[Row]:
    for sale in sales:
        order, product = sale.order, sale.order.product
        bonus_som = sale.price_som // 100 if order.method == "vip" else 0
        yield (
            sale.external_id,
            product.name,
            product.ikpu[5:11],
            sale.number,
            serial_time(sale.at, zone) if is_workbook else dotted_time(sale.at, zone),
            sale.price_som if is_workbook else spaced_amount(sale.price_som),
            order.machine.code,
            "Снеки" if product.ikpu.startswith(("018", "019")) else "Кофе",
            GATEWAY_NAMES[sale.gateway] if sale.gateway else _PAYMENT_TYPES[order.method],
            RESOURCES_RU[order.method][0],
            order.machine.operator,
            bonus_som if is_workbook else spaced_amount(bonus_som),
            product.ikpu,
            f"478{product.ikpu[4:14]}",
            None,
            "шт",
        )
