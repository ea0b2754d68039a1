"""What several sources share: the running number of a row, the words for a payment that stands or not."""

from vhm24r.intake.sources.declaration import Column

RUNNING_NUMBER = Column("running_number", ("№",))
"""The row's place in its file. It says nothing about the fact and is not kept: the same payment has
another number in the report of the day and in that of the month.
"""

STATES = {
    "ОПЛАЧЕН": "ok",
    "Успешно подтвержден": "ok",
    "Успешно подтверждён": "ok",
    "SUCCESS": "ok",
    "PAID": "ok",
    "CONFIRMED": "ok",
    "ОТМЕНЕН": "reversed",
    "ОТМЕНЁН": "reversed",
    "Аннулирован": "reversed",
    "REVERSED": "reversed",
    "CANCELLED": "reversed",
    "CANCELED": "reversed",
}
"""The gateways' words for a payment that stands, and for one whose money went back."""
