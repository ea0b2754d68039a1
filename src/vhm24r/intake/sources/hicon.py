"""HICON machine reports: running totals by product since the machine was set up, without a time.

What a period sold is the difference to the machine's previous report. The names of the columns are known
by their meaning only (sources.md): all but the product are required, so that a price list is never taken for one.
"""

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.columns import RUNNING_NUMBER
from vhm24r.intake.sources.declaration import Cell, Column, Source

HICON = Source(
    name=SourceName.HICON,
    role=Role.COUNTER,
    key=None,
    timed=False,
    columns=(
        RUNNING_NUMBER,
        Column("product_id", ("Product ID", "ID товара"), Cell.CODE, extra=True, required=True),
        Column("commodity_code", ("Commodity code", "Код товара"), Cell.CODE, extra=True, required=True, telling=True),
        Column("product", ("Name", "Product", "Product name", "Commodity name", "Наименование", "Наименование товара")),
        Column("cash", ("Cash", "Наличные"), extra=True, required=True),
        Column("quantity", ("Quantity", "Количество"), extra=True, required=True),
        Column("amount", ("Total", "Итого", "Всего"), Cell.AMOUNT, required=True),
        Column("machine_code", ("Machine code", "Машинный код"), Cell.CODE),
    ),
)
