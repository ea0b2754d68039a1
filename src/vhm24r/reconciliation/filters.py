"""Which exceptions, and which days: the one description of it for API and command line."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from vhm24r.evidence.types import SourceName
from vhm24r.kit.clock import day_bounds
from vhm24r.orders.filters import a_day, a_text, an_amount, read_param
from vhm24r.reconciliation.errors import DaysInvalid
from vhm24r.reconciliation.types import ExceptionState, ExceptionType

ANY_STATE: Literal["all"] = "all"
ME: Literal["me"] = "me"
NOBODY: Literal["none"] = "none"
LONG_AGO, FAR_AWAY = date(1970, 1, 1), date(9999, 1, 1)


@dataclass(frozen=True, slots=True)
class Days:
    """Business days, both ends included; None is open. Facts without a time lie on the first day of 1970."""

    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        """Refuse a span that ends before it begins.

        Raises:
            DaysInvalid: it does.
        """
        if self.first is not None and self.last is not None and self.last < self.first:
            raise DaysInvalid(first=self.first, last=self.last)

    @classmethod
    def from_texts(cls, first: str | None, last: str | None) -> Self:
        """Read days as a query string has them, yyyy-mm-dd.

        Raises:
            FilterInvalid: naming the end that is no day. DaysInvalid: the last is before the first.
        """
        return cls(read_param("from", a_day, first), read_param("to", a_day, last))

    @property
    def bounds(self) -> dict[str, date]:
        """Both ends as parameters of a condition on days."""
        return {"first": self.first or LONG_AGO, "last": self.last or FAR_AWAY}

    def instants(self, zone: ZoneInfo) -> dict[str, datetime]:
        """The half-open interval of instants as parameters of a condition."""
        start = day_bounds(self.first, zone)[0] if self.first else datetime(1900, 1, 1, tzinfo=UTC)
        end = day_bounds(self.last, zone)[1] if self.last else datetime(9999, 1, 1, tzinfo=UTC)
        return {"start": start, "end": end}


@dataclass(frozen=True, slots=True)
class ExceptionFilter:
    """Every field narrows; None does not. `assignee` is a person's id, `me` or `none`; `amount_min` is minor units."""

    state: ExceptionState | Literal["all"] = ExceptionState.OPEN
    type: ExceptionType | None = None
    source: SourceName | None = None
    machine: str | None = None
    assignee: int | Literal["me", "none"] | None = None
    from_: date | None = None
    to: date | None = None
    amount_min: int | None = None

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


def _assignee(text: str) -> int | str:
    if text in (ME, NOBODY):
        return text
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError(text)
    return number


_READERS: dict[str, Any] = {
    "state": lambda text: ANY_STATE if text == ANY_STATE else ExceptionState(text),
    "type": ExceptionType,
    "source": SourceName,
    "assignee": _assignee,
    "from": a_day,
    "to": a_day,
    "amount_min": an_amount,
}
