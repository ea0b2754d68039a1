"""Mapping: what the columns of a layout nobody has declared mean, said once by a person. Pure.

A mapping is turned into a `Source`, so that everything after it is the same for all files. It is
remembered for the exact header it was made for.
"""

import dataclasses
import re
from collections.abc import Mapping as Facts
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from zoneinfo import ZoneInfo, available_timezones

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.errors import MappingInvalid
from vhm24r.intake.sources.declaration import VENDING_SPACE, Cell, Column, Source
from vhm24r.intake.sources.registry import by_name
from vhm24r.intake.values import LARGEST_AMOUNT, NULL, UNREADABLE, AmountReader, InstantReader, Reader
from vhm24r.kit.money import Currency
from vhm24r.kit.text import fold

CURRENCY_WORDS = {code.value: code.value for code in Currency} | {
    "сум": "UZS", "сумов": "UZS", "сўм": "UZS", "so'm": "UZS", "so’m": "UZS", "soʻm": "UZS", "so‘m": "UZS",
    "sum": "UZS", "€": "EUR", "£": "GBP", "₸": "KZT", "тенге": "KZT", "₽": "RUB", "руб": "RUB", "руб.": "RUB",
    "₴": "UAH", "грн": "UAH", "грн.": "UAH", "$": "USD", "us$": "USD",
}  # fmt: skip
"""How exports write the currencies kept here."""

GENERIC_COLUMNS = (
    Column("order_number", (), Cell.CODE),
    Column("occurred_at", (), Cell.INSTANT, clock="time_of_day"),
    Column("time_of_day", ()),
    Column("amount", (), Cell.AMOUNT),
    Column("quantity", (), Cell.QUANTITY),
    Column("unit_price", (), Cell.AMOUNT),
    Column("currency", (), Cell.CURRENCY, CURRENCY_WORDS),
    Column("product", ()),
    Column("payment_method", ()),
    Column("machine_code", (), Cell.CODE),
    Column("machine_address", ()),
    Column("payment_status", ()),
    Column("card", (), Cell.CARD),
    Column("reason", ()),
    Column("remark", ()),
)
"""What a column of another shop's export may mean; columns without a meaning are kept as extra facts."""

GENERIC_FIELDS = tuple(column.field for column in GENERIC_COLUMNS)
LONGEST_NAME = 60
TAKEN_SPACES = frozenset({VENDING_SPACE, "manual"})
"""Number spaces that are not a mapping's: orders of machines, and those made by hand."""

_SLASHED = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-]\d{2,4}")


@dataclass(frozen=True, slots=True)
class Computed:
    """Facts that follow from others: amount = quantity × price, a negative amount is a return, and what a row
    does not say of its currency.
    """

    multiplied: bool
    currency: str

    def __call__(self, fields: MutableMapping[str, list[str]]) -> None:
        """Fill `amount`, `direction` and the empty cells of `currency`.

        A product that no amount could be is an unreadable price: the row is left out with an issue of that column.
        """
        fields["currency"] = [self.currency if word == NULL else word for word in fields["currency"]]
        if self.multiplied:
            pairs = zip(fields["quantity"], fields["unit_price"], strict=True)
            products = [_product(quantity, price) for quantity, price in pairs]
            fields["amount"] = [NULL if product is UNREADABLE else product for product in products]
            prices = zip(fields["unit_price"], products, strict=True)
            fields["unit_price"] = [UNREADABLE if product is UNREADABLE else price for price, product in prices]
        fields["direction"] = ["return" if amount.startswith("-") else "sale" for amount in fields["amount"]]


def _product(quantity: str, price: str) -> str:
    """Minor units: a quantity in thousandths × a price in minor units, halves rounded away from zero.

    Empty where one of them is no number, UNREADABLE where an amount cannot be that large.
    """
    if not (quantity.lstrip("-").isdigit() and price.lstrip("-").isdigit()):
        return NULL
    thousandths = int(quantity) * int(price)
    minor = (abs(thousandths) + 500) // 1000
    if minor > LARGEST_AMOUNT:
        return UNREADABLE
    return str(minor if thousandths >= 0 else -minor)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Columns of a layout by the field they fill, and what the file does not say itself.

    `target` is `generic` (orders of another shop) or the name of a declared source that arrives with
    other headers. `header` are the folded cells of the header it was made for, and the only one that
    fits. `rows_per_order`: several rows may be one order, their amounts add up.
    `month_first`: 3/1/2024 is the first of March.
    """

    name: str
    columns: Facts[str, str]
    target: str = SourceName.GENERIC
    header: tuple[str, ...] = ()
    currency: str = "UZS"
    zone: str | None = None
    rows_per_order: bool = False
    month_first: bool = False
    declared: tuple[Column, ...] = field(default=GENERIC_COLUMNS, repr=False)

    @classmethod
    def of(cls, said: Facts[str, Any], header: Sequence[str] = ()) -> Self:
        """A checked mapping from JSON: `name`, `columns` {field: header}, and the rest by their names.

        Without a header it is checked as far as that goes, and fits nothing.

        Raises:
            MappingInvalid: `problem` and `value` say what is wrong with it.
        """
        known = {"name", "columns", "target", "currency", "zone", "rows_per_order", "month_first"}
        _refuse("field_unknown", set(said) - known)
        columns = said.get("columns")
        name = said.get("name")
        if not isinstance(name, str) or not 0 < len(name.strip()) <= LONGEST_NAME or "\x00" in name:
            raise MappingInvalid(problem="name_missing", value=str(name))
        _refuse("name_taken", {name.strip()} & TAKEN_SPACES)
        if not isinstance(columns, dict) or not all(isinstance(v, str) and v.strip() for v in columns.values()):
            raise MappingInvalid(problem="columns_missing", value=str(columns))
        mapping = cls(
            name=name.strip(),
            columns={str(key): str(value) for key, value in columns.items()},
            target=str(said.get("target") or SourceName.GENERIC),
            header=tuple(fold(cell) for cell in header),
            currency=str(said.get("currency") or "UZS").upper(),
            zone=str(said["zone"]) if said.get("zone") else None,
            rows_per_order=said.get("rows_per_order") is True,
            month_first=said.get("month_first") is True,
        )
        mapping._check()
        return mapping

    def _check(self) -> None:
        generic = self.target == SourceName.GENERIC
        base = None if generic else by_name(self.target)
        if not generic and base is None:
            raise MappingInvalid(problem="target_unknown", value=self.target)
        _refuse("field_unknown", set(self.columns) - {column.field for column in _columns(base)})
        folded = [fold(header) for header in self.columns.values()]
        _refuse("column_twice", {name for name in folded if folded.count(name) > 1})
        if self.header:
            _refuse("column_unknown", {h for h in self.columns.values() if fold(h) not in self.header})
        if generic and "occurred_at" not in self.columns:
            raise MappingInvalid(problem="field_missing", value="occurred_at")
        if generic and "amount" not in self.columns and not self._multiplied:
            raise MappingInvalid(problem="field_missing", value="amount")
        if self.rows_per_order and "order_number" not in self.columns:
            raise MappingInvalid(problem="field_missing", value="order_number")
        if base is not None:
            _refuse("field_missing", {c.field for c in base.columns if c.required} - set(self.columns))
        if self.currency not in Currency.__members__:
            raise MappingInvalid(problem="currency_unknown", value=self.currency)
        if self.zone is not None and self.zone not in available_timezones():
            raise MappingInvalid(problem="zone_unknown", value=self.zone)

    @property
    def _multiplied(self) -> bool:
        return "amount" not in self.columns and {"quantity", "unit_price"} <= set(self.columns)

    def stored(self) -> dict[str, Any]:
        """As JSON, the way `of` takes it."""
        return {
            "name": self.name, "columns": dict(self.columns), "target": self.target, "currency": self.currency,
            "zone": self.zone, "rows_per_order": self.rows_per_order, "month_first": self.month_first,
        }  # fmt: skip

    def fits(self, row: Sequence[str]) -> bool:
        """Whether a row is the header this mapping was made for."""
        return bool(self.header) and tuple(fold(cell) for cell in row) == self.header

    def source(self) -> Source:
        """The mapping as a source."""
        base = None if self.target == SourceName.GENERIC else by_name(self.target)
        columns = tuple(
            dataclasses.replace(
                column, headers=(self.columns[column.field],), required=True, month_first=self.month_first
            )
            for column in _columns(base)
            if column.field in self.columns
        )
        if base is not None:
            return dataclasses.replace(base, columns=columns, currency=self.currency, zone=self.zone)
        keyed = "order_number" in self.columns and not self.rows_per_order
        return Source(
            name=SourceName.GENERIC,
            role=Role.SALE,
            columns=columns,
            key="order_number" if keyed else None,
            makes_orders=True,
            currency=self.currency,
            grouped=self.rows_per_order,
            account=self.name,
            space=self.name,
            zone=self.zone,
            derive=Computed(self._multiplied, self.currency),
        )


def _columns(base: Source | None) -> tuple[Column, ...]:
    return GENERIC_COLUMNS if base is None else base.columns


def _refuse(problem: str, values: set[str]) -> None:
    if values:
        raise MappingInvalid(problem=problem, value=", ".join(sorted(values)))


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a column probably means: `why` is `name` or `values`; `field` None says nobody can tell."""

    column: str
    field: str | None
    why: str | None


NAMES: Facts[str, tuple[str, ...]] = {
    "order_number": (
        "order number", "order id", "order no", "order", "invoice", "invoiceno", "invoice no", "name", "receipt",
        "transaction id", "номер заказа", "заказ", "№ заказа", "номер чека", "чек", "buyurtma raqami", "buyurtma",
    ),
    "occurred_at": (
        "datetime", "date time", "created at", "created", "order date", "invoicedate", "invoice date", "timestamp",
        "date", "time", "paid at", "дата и время", "дата", "время", "дата заказа", "создан", "sana", "vaqt",
    ),
    "time_of_day": ("time", "order time", "время", "время заказа", "vaqt"),
    "amount": (
        "amount", "total", "sum", "money", "order total", "total price", "order price", "subtotal", "сумма", "итого",
        "стоимость", "сумма заказа", "summa", "jami",
    ),
    "unit_price": (
        "unit price", "unitprice", "price", "item price", "lineitem price", "цена", "цена за единицу", "narx",
    ),
    "quantity": ("quantity", "qty", "count", "lineitem quantity", "количество", "кол-во", "miqdor", "soni"),
    "currency": ("currency", "валюта", "valyuta"),
    "product": (
        "product", "item", "goods name", "description", "coffee_name", "product name", "lineitem name", "товар",
        "наименование", "наименование товара", "продукт", "mahsulot", "nomi",
    ),
    "payment_method": (
        "payment method", "payment type", "cash_type", "payment", "способ оплаты", "тип оплаты", "toʻlov turi",
    ),
    "machine_code": ("machine code", "machine", "device", "terminal", "машинный код", "автомат", "avtomat"),
    "machine_address": ("address", "location", "адрес", "место", "manzil"),
    "payment_status": ("payment status", "financial status", "status", "статус", "статус платежа", "holat"),
    "card": ("card", "card number", "pan", "карта", "номер карты", "karta"),
    "remark": ("note", "notes", "comment", "remark", "примечание", "комментарий", "izoh"),
}  # fmt: skip
"""Headers that say what they mean, in the order in which they are believed; folded before comparing."""

SURE_SHARE = 0.8


def suggest(columns: Sequence[str], rows: Sequence[Sequence[str]], zone: ZoneInfo) -> tuple[list[Suggestion], bool]:
    """What the columns probably mean, each field at most once; and whether dates put the month first.

    By name first; a time and an amount that no name gives away are looked for in the values.
    """
    meant: dict[int, tuple[str, str]] = {}
    for name, words in NAMES.items():
        ranked = {fold(word): rank for rank, word in enumerate(words)}
        found = [(ranked[fold(c)], i) for i, c in enumerate(columns) if fold(c) in ranked and i not in meant]
        if found:
            meant[min(found)[1]] = (name, "name")
    taken = {name for name, _ in meant.values()}
    instants = (InstantReader(zone), InstantReader(zone, month_first=True))
    shapes: tuple[tuple[str, tuple[Reader, ...]], ...] = (("occurred_at", instants), ("amount", (AmountReader(),)))
    for name, readers in shapes:
        priced = name == "amount" and {"quantity", "unit_price"} <= taken
        if name in taken or priced:
            continue
        free = [i for i in range(len(columns)) if i not in meant]
        shares = [(max(_share(reader, rows, i) for reader in readers), -i) for i in free]
        share, place = max(shares, default=(0.0, 0))
        if share >= SURE_SHARE:
            meant[-place] = (name, "values")
    suggestions = [Suggestion(c, *meant.get(i, (None, None))) for i, c in enumerate(columns) if c]
    when = next((i for i, (name, _) in meant.items() if name == "occurred_at"), None)
    return suggestions, when is not None and _month_first([row[when] for row in rows if when < len(row)])


def _share(reader: Reader, rows: Sequence[Sequence[str]], index: int) -> float:
    """How many of the filled cells of a column the reader can read."""
    read = [value for row in rows if index < len(row) and (value := reader[row[index]]) != NULL]
    return sum(1 for value in read if value is not UNREADABLE) / len(read) if read else 0.0


def _month_first(cells: Sequence[str]) -> bool:
    """Whether some date can only be read with the month first, and none with the day first."""
    pairs = [(int(m[1]), int(m[2])) for cell in cells if (m := _SLASHED.match(cell.strip()))]
    return any(second > 12 for _, second in pairs) and all(first <= 12 for first, _ in pairs)
