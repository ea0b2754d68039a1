"""Words of intake: raw tables, issues with their place, import statuses and their table of steps."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from vhm24r.kit.fsm import Machine

HEADER_SEARCH_ROWS = 30
"""A header is looked for in this many first rows of every sheet (reference: sources)."""


class Level(StrEnum):
    """How much an issue matters: a blocker stops the file, an error leaves out its row."""

    BLOCKER = "blocker"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class ImportStatus(StrEnum):
    """Where an import stands. `received`, `identified`, `parsed` and `checked` are in progress;
    the periodic task `intake.resume` owns those whose worker died.
    """

    RECEIVED = "received"
    IDENTIFIED = "identified"
    PARSED = "parsed"
    CHECKED = "checked"
    APPLIED = "applied"
    DRY_RUN = "dry_run"
    DUPLICATE = "duplicate"
    NEEDS_MAPPING = "needs_mapping"
    REFUSED = "refused"
    FAILED = "failed"
    UNDONE = "undone"


IN_PROGRESS = frozenset({ImportStatus.RECEIVED, ImportStatus.IDENTIFIED, ImportStatus.PARSED, ImportStatus.CHECKED})

_STOPS = frozenset({ImportStatus.REFUSED, ImportStatus.FAILED, ImportStatus.NEEDS_MAPPING})

IMPORT = Machine(
    "import",
    {
        ImportStatus.RECEIVED: frozenset(
            {ImportStatus.IDENTIFIED, ImportStatus.PARSED, ImportStatus.DUPLICATE, *_STOPS}
        ),
        ImportStatus.IDENTIFIED: frozenset({ImportStatus.PARSED, ImportStatus.RECEIVED, *_STOPS}),
        ImportStatus.PARSED: frozenset({ImportStatus.CHECKED, ImportStatus.RECEIVED, *_STOPS}),
        ImportStatus.CHECKED: frozenset({ImportStatus.APPLIED, ImportStatus.DRY_RUN, ImportStatus.RECEIVED, *_STOPS}),
        ImportStatus.DRY_RUN: frozenset({ImportStatus.RECEIVED}),
        ImportStatus.FAILED: frozenset({ImportStatus.RECEIVED}),
        ImportStatus.NEEDS_MAPPING: frozenset({ImportStatus.RECEIVED}),
        ImportStatus.APPLIED: frozenset({ImportStatus.UNDONE}),
        ImportStatus.UNDONE: frozenset({ImportStatus.RECEIVED}),
    },
)


@dataclass(frozen=True, slots=True)
class Issue:
    """What is wrong, where, and with which value. `code` names the sentence in the catalogues.

    `member` is the file of an archive, `cells` the row as it came.
    """

    code: str
    level: Level
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    value: str | None = None
    params: dict[str, str] = field(default_factory=dict)
    sheet_index: int = 0
    member: str | None = None
    page: int | None = None
    cells: list[str] = field(default_factory=list)


class ReadAgain(Exception):
    """What was assumed for the sake of speed does not hold: the file has to be read again, patiently."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive rows of a table; `first_row` is the number of the first one, from 1.

    `page` is the page of a paginated document the rows stand on, from 1. `broken` are the numbers of rows
    whose quotes do not fit: their cells are not to be trusted. `header` is there when the table has more columns
    from here on: those it had, and new ones.
    """

    first_row: int
    rows: list[list[str]]
    broken: frozenset[int] = frozenset()
    page: int | None = None
    header: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells as text: one sheet of a workbook, or a whole text file (sheet name None).

    `hidden` says that a person who opens the file does not see the sheet.
    """

    index: int
    sheet: str | None
    chunks: Iterator[Chunk]
    total_rows: int | None = None
    hidden: bool = False
