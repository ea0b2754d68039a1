"""Cash-register receipts. Every fiscal module numbers its own: the module is the account of a receipt."""

from collections.abc import MutableMapping

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.sources.columns import RUNNING_NUMBER
from vhm24r.intake.sources.declaration import Cell, Column, Source
from vhm24r.intake.values import NULL
from vhm24r.kit.money import parse_minor

DIRECTIONS = {"Продажа": "sale", "Sale": "sale", "Возврат": "return", "Return": "return", "Refund": "return"}

_METHOD_OF_PARTS = {(True, False): "cash", (False, True): "card"}
"""(has a cash part, has a card part) → how it was paid; of both, of none or of something unreadable nothing is said."""


def paid_by(fields: MutableMapping[str, list[str]]) -> None:
    """Fill `payment_method` from the cash and card parts of the amount, where the layout has both."""
    if "cash_part" in fields and "card_part" in fields:
        parts = zip(fields["cash_part"], fields["card_part"], strict=True)
        fields["payment_method"] = [_method(cash, card) for cash, card in parts]


def _method(cash: str, card: str) -> str:
    sums = [0 if part == NULL else parse_minor(part) for part in (cash, card)]
    return NULL if None in sums else _METHOD_OF_PARTS.get((bool(sums[0]), bool(sums[1])), NULL)


FISCAL = Source(
    name=SourceName.FISCAL,
    role=Role.RECEIPT,
    key="external_id",
    derive=paid_by,
    columns=(
        RUNNING_NUMBER,
        Column(
            "account",
            ("Фискальный модуль", "Fiscal module", "Cash register ID"),
            Cell.CODE,
            required=True,
            telling=True,
            shared=("Cash register ID",),
        ),
        Column(
            "external_id",
            ("Номер чека", "Fiscal check number", "Receipt number"),
            Cell.CODE,
            required=True,
            telling=True,
            shared=("Номер чека", "Receipt number"),
        ),
        Column("occurred_at", ("Дата и время", "Fiscal time", "Operation time"), Cell.INSTANT, required=True),
        Column("amount", ("Сумма операции", "Operation amount", "Amount"), Cell.AMOUNT, required=True),
        Column("direction", ("Операция", "Operation type", "Receipt type"), Cell.CHOICE, DIRECTIONS),
        Column("place", ("Торговый пункт", "Trade point")),
        Column("cash_amount", ("Наличные", "Cash amount"), Cell.AMOUNT, extra=True, word_into="cash_part"),
        Column("card_amount", ("Карта", "Card amount"), Cell.AMOUNT, extra=True, word_into="card_part"),
        Column("recipe_number", ("Номер рецепта", "Recipe number"), Cell.CODE, extra=True),
        Column("cashier", ("Кассир", "Cashier"), extra=True),
        Column("customer", ("Покупатель", "Customer"), extra=True),
        Column("taxpayer_id", ("ИНН", "Taxpayer ID"), Cell.CODE, extra=True),
        Column("shift_number", ("Номер смены", "Shift number"), Cell.CODE, extra=True),
    ),
)
