"""The bank statement: money that came in or went out. Its rows have no key and no order.

A document number repeats among banks and days: it is one of the facts a row is identified by, not a key.
"""

from collections.abc import MutableMapping

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.columns import RUNNING_NUMBER
from vhm24r.intake.sources.declaration import Cell, Column, Source
from vhm24r.intake.values import NULL, UNREADABLE

_NOTHING = (NULL, "0")


def moved(fields: MutableMapping[str, list[str]]) -> None:
    """Fill `amount` and `direction` from the debit or the credit.

    A row with both says two things at once: its debit counts as unreadable, and the row becomes an issue.
    """
    nothing = [NULL] * len(fields["amount"])
    sides = list(zip(fields.get("debit", nothing), fields.get("credit", nothing), strict=True))
    fields["debit"] = [UNREADABLE if _has_both(debit, credit) else debit for debit, credit in sides]
    fields["amount"] = [_of_side(debit, credit, debit, credit) for debit, credit in sides]
    fields["direction"] = [_of_side(debit, credit, "out", "in") for debit, credit in sides]


def _has_both(debit: str, credit: str) -> bool:
    return not {debit, credit} & {*_NOTHING, UNREADABLE}


def _of_side(debit: str, credit: str, of_debit: str, of_credit: str) -> str:
    """What belongs to the side with the money; empty when it is none, both, or unreadable."""
    if UNREADABLE in (debit, credit) or (debit in _NOTHING) == (credit in _NOTHING):
        return NULL
    return of_debit if credit in _NOTHING else of_credit


BANK = Source(
    name=SourceName.BANK,
    role=Role.BANK,
    key=None,
    derive=moved,
    columns=(
        RUNNING_NUMBER,
        Column("occurred_at", ("Дата", "Date"), Cell.INSTANT, required=True),
        Column("debit", ("Дебет", "Debit"), Cell.AMOUNT, required=True),
        Column("credit", ("Кредит", "Credit"), Cell.AMOUNT, required=True),
        Column("remark", ("Назначение платежа", "Payment purpose", "Purpose"), telling=True),
        Column("correspondent", ("Корреспондент", "Correspondent"), extra=True, telling=True),
        Column("document_number", ("Номер документа", "Document number"), Cell.CODE, extra=True),
    ),
)
