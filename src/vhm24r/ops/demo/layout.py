"""What all layouts share: the shape of a table, and how times, prices and cards are printed.

Pure. A cell is text, a whole number, a naive local time (a real Excel date; the CSV writer prints it),
a float (only an Excel serial time, never money) or None for an empty cell.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

Cell = str | int | float | datetime | None
Row = tuple[Cell, ...]

_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # a day of no zone, like the cells


@dataclass(frozen=True, slots=True)
class Table:
    """One sheet or CSV file: preamble rows of (label, value), the header, then the rows (consumed once)."""

    columns: tuple[str, ...]
    rows: Iterable[Row]
    sheet: str
    preamble: tuple[tuple[str, str], ...] = ()
    encoding: str = "utf-8"
    delimiter: str = ","


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    """The naive wall-clock time of the business zone."""
    return instant.astimezone(zone).replace(tzinfo=None)


def iso_time(instant: datetime | None, zone: ZoneInfo) -> str | None:
    """`yyyy-mm-dd HH:MM:SS`, None stays an empty cell."""
    return None if instant is None else instant.astimezone(zone).isoformat(" ", "seconds")[:19]


def dotted_time(instant: datetime, zone: ZoneInfo) -> str:
    """`dd.mm.yyyy HH:MM:SS`."""
    return dotted(local(instant, zone))


def dotted(wall: datetime) -> str:
    """A naive local time as `dd.mm.yyyy HH:MM:SS`."""
    return f"{wall.day:02}.{wall.month:02}.{wall.year} {wall.isoformat(' ', 'seconds')[11:]}"


def serial_time(instant: datetime, zone: ZoneInfo) -> float:
    """The Excel serial number of a local time: days since 1899-12-30."""
    span = local(instant, zone) - _EXCEL_EPOCH
    return span.days + span.seconds / 86_400


def spaced_amount(amount_som: int) -> str:
    """Whole UZS as `15 000,00`."""
    return f"{amount_som:,}".replace(",", " ") + ",00"


class _HasAmount(Protocol):
    @property
    def amount_som(self) -> int: ...


Fact = TypeVar("Fact", bound=_HasAmount)


def numbered(facts: Iterable[Fact], render: Callable[[int, Fact], Row]) -> Iterator[Row]:
    """Rows with a running number; a record written twice repeats its number, as a copied row does."""
    number, previous = 0, None
    for fact in facts:
        number += fact is not previous
        previous = fact
        yield render(number, fact)


def with_total(
    facts: Iterable[Fact],
    rows: Callable[[Iterable[Fact]], Iterator[Row]],
    at: int,
    width: int,
) -> Iterator[Row]:
    """The rows, then a total row: `Итого` in the first cell, the sum of the amounts in cell `at`."""
    total_som = 0

    def counted() -> Iterator[Fact]:
        nonlocal total_som
        for fact in facts:
            total_som += fact.amount_som
            yield fact

    yield from rows(counted())
    yield tuple("Итого" if i == 0 else total_som if i == at else None for i in range(width))
