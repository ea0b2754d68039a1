"""The one description of "which orders": for API, CLI, export, saved views and bulk actions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, exists, or_, select, union_all

from vhm24r.evidence.models import EvidenceFile, EvidenceRecord
from vhm24r.kit.clock import day_bounds
from vhm24r.kit.money import parse_minor
from vhm24r.orders.errors import FilterInvalid
from vhm24r.orders.history import created_in
from vhm24r.orders.models import SORTED_AT_EXPRESSION, Order, OrderChange, OrderMatchStatus, VendingMachine
from vhm24r.orders.types import ChangeKind, Channel, MatchStatus, OrderStatus

TEXT_LIMIT = 100
UPDATED: Literal["updated"] = "updated"


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Every field narrows; None does not. Dates are business days, both ends included; amounts are
    minor units. Serialises to a flat dict of texts (`to_params`) and back (`from_params`).
    """

    q: str | None = None
    from_: date | None = None
    to: date | None = None
    channel: Channel | None = None
    status: OrderStatus | None = None
    match_status: MatchStatus | None = None
    machine: str | None = None
    product: str | None = None
    payment_method: str | None = None
    change: ChangeKind | Literal["updated"] | None = None
    source: str | None = None
    import_id: int | None = None
    tag: str | None = None
    amount_min: int | None = None
    amount_max: int | None = None

    @classmethod
    def from_params(cls, params: Mapping[str, str | None]) -> Self:
        """Read texts as a query string has them.

        Raises:
            FilterInvalid: naming the field and the value that cannot be read.
        """
        values: dict[str, Any] = {}
        for item in fields(cls):
            name = item.name.rstrip("_")
            value = read_param(name, _READERS.get(name, a_text), params.get(name))
            if value is not None:
                values[item.name] = value
        return cls(**values)

    def to_params(self) -> dict[str, str]:
        """The same filter as texts, amounts in units."""
        given = {item.name.rstrip("_"): getattr(self, item.name) for item in fields(self)}
        return {
            name: _amount_text(value) if name.startswith("amount") else str(value)
            for name, value in given.items()
            if value is not None
        }

    def conditions(self, zone: ZoneInfo) -> list[ColumnElement[bool]]:
        """As SQL over `orders`; withdrawn orders never show."""
        found: list[ColumnElement[bool]] = [Order.withdrawn_at.is_(None)]
        equal = {
            Order.channel: self.channel,
            Order.status: self.status,
            Order.machine_code: self.machine,
            Order.product: self.product,
            Order.payment_method: self.payment_method,
        }
        found += [column == value for column, value in equal.items() if value is not None]
        if self.from_ is not None:
            found.append(day_bounds(self.from_, zone)[0] <= SORTED_AT_EXPRESSION)
        if self.to is not None:
            found.append(and_(day_bounds(self.to, zone)[1] > SORTED_AT_EXPRESSION, Order.occurred_at.is_not(None)))
        if self.amount_min is not None:
            found.append(Order.amount >= self.amount_min)
        if self.amount_max is not None:
            found.append(Order.amount <= self.amount_max)
        if self.tag is not None:
            found.append(and_(Order.tags.is_not(None), Order.tags.contains([self.tag])))
        if self.match_status is not None:
            said = select(OrderMatchStatus.order_id).where(OrderMatchStatus.match_status == self.match_status)
            found.append(Order.id.in_(said))
        return [*found, *self._change_conditions(), *self._text_conditions()]

    def _change_conditions(self) -> list[ColumnElement[bool]]:
        """By what last happened to the order, by the import that changed it, by who speaks of it."""
        found: list[ColumnElement[bool]] = []
        if self.import_id is not None:
            sets = select(EvidenceFile.change_set_id).where(EvidenceFile.import_id == self.import_id).scalar_subquery()
            changed = select(OrderChange.order_id).where(OrderChange.change_set_id.in_(sets))
            if self.change == ChangeKind.NEW:
                found.append(Order.id.in_(created_in(sets)))
            elif self.change is not None:
                found.append(Order.id.in_(changed.where(OrderChange.kind.in_(self._kinds()))))
            else:
                found.append(Order.id.in_(union_all(created_in(sets), changed)))
        elif self.change is not None:
            found.append(Order.last_change.in_(self._kinds()))
        if self.source is not None:
            said = exists().where(
                EvidenceRecord.order_id == Order.id,
                EvidenceRecord.source == self.source,
                EvidenceRecord.withdrawn.is_(False),
            )
            found.append(said)
        return found

    def _kinds(self) -> tuple[str, ...]:
        """`updated` is either of filled and changed."""
        if self.change == UPDATED:
            return (ChangeKind.FILLED, ChangeKind.CHANGED)
        return (str(self.change),)

    def _text_conditions(self) -> list[ColumnElement[bool]]:
        """A number or its beginning, a machine (code, name, address), or a product."""
        if self.q is None:
            return []
        words = _like(self.q)
        machines = select(VendingMachine.code).where(
            or_(
                VendingMachine.code.ilike(f"{words}%"),
                VendingMachine.name.ilike(f"%{words}%"),
                VendingMachine.address.ilike(f"%{words}%"),
            )
        )
        return [
            or_(
                Order.number.like(f"{words}%"),
                Order.machine_code.in_(machines),
                Order.product.ilike(f"%{words}%"),
            )
        ]


def _like(text: str) -> str:
    return text.strip().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def read_param(name: str, reader: Callable[[str], Any], value: str | None) -> Any:  # noqa: ANN401  # of its field's type
    """One text of a query string as its reader reads it; None where nothing was given.

    Raises:
        FilterInvalid: it cannot be read.
    """
    if value is None or value == "":
        return None
    try:
        return reader(value)
    except ValueError as error:
        raise FilterInvalid(field=name, value=value[:TEXT_LIMIT]) from error


def a_text(value: str) -> str:
    """A text of a query; ValueError for one that no column can hold or nobody would write."""
    if len(value) > TEXT_LIMIT or "\x00" in value:
        raise ValueError(value)
    return value


def an_amount(value: str) -> int:
    """An amount of a query in minor units, or ValueError."""
    amount = parse_minor(value)
    if amount is None or abs(amount) > 10**17:
        raise ValueError(value)
    return amount


def _amount_text(value: int) -> str:
    return f"{'-' if value < 0 else ''}{abs(value) // 100}.{abs(value) % 100:02}"


def a_day(value: str) -> date:
    """A business day of a query, or ValueError; no report is of other years."""
    day = date.fromisoformat(value)
    if not 1970 <= day.year <= 2200:
        raise ValueError(value)
    return day


def _integer(value: str) -> int:
    number = int(value)
    if not 0 <= number < 2**62:
        raise ValueError(value)
    return number


_READERS: dict[str, Any] = {
    "from": a_day,
    "to": a_day,
    "channel": Channel,
    "status": OrderStatus,
    "match_status": MatchStatus,
    "change": lambda text: UPDATED if text == UPDATED else ChangeKind(text),
    "import_id": _integer,
    "amount_min": an_amount,
    "amount_max": an_amount,
}
