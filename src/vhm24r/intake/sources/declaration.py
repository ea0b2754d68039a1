"""What a source declares about its tables, and how sure we are that a header is one of its."""

import dataclasses
from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vhm24r.evidence.types import Role, SourceName
from vhm24r.kit.text import fold

VENDING_SPACE = "vending"
"""The number space that machine and sales reports share (decisions 3)."""

TELLING_WEIGHT = 3
"""A telling column against an ordinary one: the flat layouts of the gateways differ by one or two columns,
and with this weight a single one of them beside six common ones decides (6/9 for the runner-up)."""

Derive = Callable[[MutableMapping[str, list[str]]], None]
"""Fills fields from others, a column of canonical texts at a time (`values.NULL` is empty)."""


class Cell(StrEnum):
    """How the cells of a column are read."""

    TEXT = "text"
    CODE = "code"
    AMOUNT = "amount"
    QUANTITY = "quantity"
    INSTANT = "instant"
    CHOICE = "choice"
    STRICT_CHOICE = "strict_choice"
    CURRENCY = "currency"
    CARD = "card"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source: the headers it goes by and the record field it fills.

    `field` is a record field, `account`, `external_id`, or a name of its own that `Source.derive` makes
    use of. `headers` are its spellings, the better one first should a table have two of them; an underscore
    may stand for every space (`Terminal ID`, `terminal_id`). `word_into` names a field that keeps the cell's
    own word beside the canonical one; a later column of that field takes its place. `extra` columns are kept
    under their name in the record's extra facts. `required` ones must be in the header; `telling` ones are
    hardly in anybody else's, and weigh more — but for their `shared` spellings, which tell nothing.
    `month_first`: 3/1/2024 is in March. `clock` names the field of a column with the time of day, where this one has
    the date alone.
    """

    field: str
    headers: tuple[str, ...]
    cell: Cell = Cell.TEXT
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    required: bool = False
    extra: bool = False
    telling: bool = False
    month_first: bool = False
    word_into: str | None = None
    clock: str | None = None
    shared: tuple[str, ...] = ()
    names: tuple[str, ...] = dataclasses.field(init=False, repr=False, compare=False)
    telling_names: frozenset[str] = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the spellings once: headers are looked for in thirty rows of every sheet."""
        telling = frozenset(_names(self.headers)) - frozenset(_names(self.shared)) if self.telling else frozenset()
        object.__setattr__(self, "names", _names(self.headers))
        object.__setattr__(self, "telling_names", telling)

    def answers_to(self, folded: str) -> bool:
        """Whether a folded header cell names this column."""
        return folded in self.names


def _names(headers: Sequence[str]) -> tuple[str, ...]:
    """The folded forms of some spellings, each as it is and with underscores."""
    return tuple(name for header in headers for name in (fold(header), fold(header).replace(" ", "_")))


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of report.

    `key` is the field that identifies a record, a row with the same key being a new version of it; None
    where rows have no key and are identified by what they say. `makes_orders`: a row with an unknown
    order number becomes an order, in the number space `space`. `is_revenue`: such an order counts as
    money (decisions 1: one known to sales alone does not). `timed`: its rows have a time. `grouped`:
    several rows may make one order. `account` separates the keys of one source (the mapping of a
    generic file); a column of that name does it row by row.
    """

    name: SourceName
    role: Role
    columns: tuple[Column, ...]
    key: str | None
    makes_orders: bool = False
    currency: str = "UZS"
    key_with_machine: bool = False
    is_revenue: bool = True
    timed: bool = True
    grouped: bool = False
    account: str | None = None
    space: str = VENDING_SPACE
    zone: str | None = None
    derive: Derive | None = None

    def claim(self, header: Sequence[str], telling: Collection[str] = ()) -> "Claim | None":
        """How well a header row fits; None when a required column is missing.

        `telling` are names of telling columns, of any source: one that is not ours weighs against us as
        much as one of ours weighs for us.
        """
        free: dict[str, list[int]] = {}
        for index, cell in enumerate(header):
            if name := fold(cell):
                free.setdefault(name, []).append(index)
        places: dict[str, int] = {}
        known, told = 0, not any(column.telling for column in self.columns)
        for column in self.columns:
            found = next((name for name in column.names if free.get(name)), None)
            if found is not None:
                places[_place_key(column)] = free[found].pop(0)
                known += TELLING_WEIGHT if found in column.telling_names else 1
                told = told or found in column.telling_names
            elif column.required:
                return None
        strange = sum(len(left) * (TELLING_WEIGHT if name in telling else 1) for name, left in free.items())
        return Claim(self, places, round(known / (known + strange), 3), told) if known else None


def _place_key(column: Column) -> str:
    return column.headers[0]


@dataclass(frozen=True, slots=True)
class Claim:
    """A source's claim on a header: where its columns are (first header → index) and the weighted share
    of the header's columns it knows. `told`: some telling column is there, or the source has none.
    """

    source: Source
    places: Mapping[str, int]
    confidence: float
    told: bool = True

    def index_of(self, column: Column) -> int | None:
        """Where a column of the source stands in this table."""
        return self.places.get(_place_key(column))
