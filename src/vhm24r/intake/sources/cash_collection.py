"""Cash collection (инкассация): banknotes taken out of a machine. Its rows have no key and no order."""

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.columns import RUNNING_NUMBER
from vhm24r.intake.sources.declaration import Cell, Column, Source

CASH_COLLECTION = Source(
    name=SourceName.CASH_COLLECTION,
    role=Role.CASH,
    key=None,
    columns=(
        RUNNING_NUMBER,
        Column("occurred_at", ("Дата", "Date"), Cell.INSTANT, required=True),
        Column("machine_code", ("Машинный код", "Machine code"), Cell.CODE, required=True),
        Column("amount", ("Сумма", "Amount"), Cell.AMOUNT, required=True),
        Column("collector", ("Инкассатор", "Collector"), extra=True, required=True, telling=True),
    ),
)
