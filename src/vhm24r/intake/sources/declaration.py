"""What a source declares about its tables, and how sure we are that a header is one of its."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vhm24r.evidence.types import Role, SourceName
from vhm24r.kit.text import fold


class Cell(StrEnum):
    """How the cells of a column are read."""

    TEXT = "text"
    CODE = "code"
    AMOUNT = "amount"
    INSTANT = "instant"
    CHOICE = "choice"
    STRICT_CHOICE = "strict_choice"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source: the headers it goes by and the record field it fills.

    `word_into` names a field that keeps the cell's own word beside the canonical one. `extra` columns
    are kept under their name in the record's extra facts. `required` ones must be in the header.
    """

    field: str
    headers: tuple[str, ...]
    cell: Cell = Cell.TEXT
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    required: bool = False
    extra: bool = False
    word_into: str | None = None

    def answers_to(self, folded: str) -> bool:
        """Whether a folded header cell names this column."""
        return any(fold(header) == folded for header in self.headers)


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of report. `key` is the column that identifies a record; a record with the same key is
    a new version of it. `makes_orders`: a row with an unknown order number becomes an order.
    `is_revenue`: such an order counts as money (decisions 1: one known to sales alone does not).
    """

    name: SourceName
    role: Role
    columns: tuple[Column, ...]
    key: str
    makes_orders: bool
    currency: str = "UZS"
    key_with_machine: bool = False
    is_revenue: bool = True

    def claim(self, header: Sequence[str]) -> "Claim | None":
        """How well a header row fits; None when a required column is missing."""
        places: dict[str, int] = {}
        folded = [fold(cell) for cell in header]
        taken: set[int] = set()
        for column in self.columns:
            for index, name in enumerate(folded):
                if name and index not in taken and column.answers_to(name):
                    places.setdefault(_place_key(column), index)
                    taken.add(index)
                    break
        if any(column.required and _place_key(column) not in places for column in self.columns):
            return None
        named = sum(1 for name in folded if name)
        return Claim(self, places, round(len(taken) / named, 3)) if named else None


def _place_key(column: Column) -> str:
    return column.headers[0]


@dataclass(frozen=True, slots=True)
class Claim:
    """A source's claim on a header: where its columns are (first header → index) and the share of
    the header's columns it knows.
    """

    source: Source
    places: Mapping[str, int]
    confidence: float

    def index_of(self, column: Column) -> int | None:
        """Where a column of the source stands in this table."""
        return self.places.get(_place_key(column))
