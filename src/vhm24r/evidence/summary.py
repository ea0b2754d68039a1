"""What staged rows are in sum, counted while they were read: the database need not be asked for it."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

Span = tuple[datetime | None, datetime | None]
"""First and last instant of some facts; None where none of them has one."""


@dataclass(frozen=True, slots=True)
class Run:
    """Rows that follow one another on a sheet, as their statements do: `position` and `row` are of the first."""

    position: int
    row: int
    sheet: int
    length: int

    def is_followed_by(self, other: "Run") -> bool:
        """Whether the two are one run."""
        shift = (other.position - self.position, other.row - self.row, other.sheet)
        return shift == (self.length, self.length, self.sheet)


@dataclass(frozen=True, slots=True)
class Summary:
    """What some rows are in sum.

    `machines` are pairs of code and address as the rows name them; `money` is what their orders would count for, in
    minor units by currency (`orders.counted`, but for who reports); `addressable`: each names an order, by a number
    that may stand in an address as it is.
    """

    runs: tuple[Run, ...] = ()
    span: Span = (None, None)
    machines: frozenset[tuple[str, str | None]] = frozenset()
    products: frozenset[str] = frozenset()
    money: Counter[str] = field(default_factory=Counter)
    addressable: bool = True

    @property
    def rows(self) -> int:
        """How many rows."""
        return sum(run.length for run in self.runs)

    @property
    def first(self) -> int:
        """The position of the first of them."""
        return self.runs[0].position


def in_sum(summaries: Iterable[Summary]) -> Summary:
    """What rows that follow one another are, read in several pieces."""
    pieces = list(summaries)
    instants = [instant for piece in pieces for instant in piece.span if instant is not None]
    money: Counter[str] = Counter()
    for piece in pieces:
        money.update(piece.money)  # adding counters would drop what is negative
    return Summary(
        tuple(_joined(run for piece in pieces for run in piece.runs)),
        (min(instants, default=None), max(instants, default=None)),
        frozenset().union(*(piece.machines for piece in pieces)),
        frozenset().union(*(piece.products for piece in pieces)),
        money,
        all(piece.addressable for piece in pieces),
    )


def _joined(runs: Iterable[Run]) -> Iterator[Run]:
    last: Run | None = None
    for run in runs:
        if last is not None and last.is_followed_by(run):
            last = Run(last.position, last.row, last.sheet, last.length + run.length)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last
