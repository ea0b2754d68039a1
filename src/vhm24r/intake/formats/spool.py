"""Rows put by until a file of records is read to its end: only then are all its columns known."""

import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from vhm24r.intake.errors import FileDamaged, FileExcessive
from vhm24r.intake.formats.protocol import CHUNK_ROWS
from vhm24r.intake.types import Chunk, Table

MOST_TABLES = 200
"""Tables of one file; each has a place of its own to put rows by."""

MOST_COLUMNS = 2_000
"""Columns of one table; the widest report known has sixty."""

CELLS_A_BYTE = 8
"""Cells a table may have per byte of its file, blank ones too: a hostile file would name a thousand
columns once and then write millions of empty records."""

ALWAYS_CELLS = 16 * 1024 * 1024
"""Cells a table of the smallest file may have."""

IN_MEMORY_BYTES = 1024 * 1024


class Spool:
    """The rows of one table, on disk from IN_MEMORY_BYTES on.

    `format` and `sheet` are for errors; `file_bytes` is the size of the file that is being read.
    """

    def __init__(self, format: str, sheet: str | None, file_bytes: int) -> None:
        self.format = format
        self.sheet = sheet
        self.columns: dict[str, None] = {}
        self._names: tuple[str, ...] = ()
        self.count = 0
        self._cells = 0
        self._most_cells = max(ALWAYS_CELLS, CELLS_A_BYTE * file_bytes)
        self._rows: list[list[str]] = []
        self._broken: list[int] = []
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - closed with the spool
        weakref.finalize(self, self._file.close)

    def add(self, row: list[str]) -> None:
        """Put by a row as it is.

        Raises:
            FileExcessive: the table unfolds to an absurd number of cells.
        """
        self._rows.append(row)
        self.count += 1
        if len(self._rows) == CHUNK_ROWS:
            self._flush()

    def add_broken(self, text: str) -> None:
        """Put by a row that could not be read, as one cell."""
        self._broken.append(self.count)
        self.add([text])

    def add_record(self, record: Mapping[str, str]) -> None:
        """Put by a row with a cell for every column known so far; new names become columns.

        Raises:
            FileDamaged: more names than any report has columns.
            FileExcessive: the table unfolds to an absurd number of cells.
        """
        columns = self.columns
        if tuple(record) == self._names:  # most records are made alike
            self.add(list(record.values()))
            return
        if not record.keys() <= columns.keys():
            columns.update(dict.fromkeys(record))
            if len(columns) > MOST_COLUMNS:
                raise FileDamaged(format=self.format, reason=f"more than {MOST_COLUMNS} columns")
            self._names = tuple(columns)
        self.add([record.get(name, "") for name in columns])

    def table(self, index: int) -> Table:
        """All rows put by, below a header of the columns if there are any.

        Raises:
            FileExcessive: the table unfolds to an absurd number of cells.
        """
        self._flush()
        return Table(index, self.sheet, self._chunks(), self.count)

    def _flush(self) -> None:
        self._cells += sum(map(len, self._rows))
        cells = max(self._cells, self.count * len(self.columns))
        if cells > self._most_cells:
            raise FileExcessive(part=self.sheet or "", size_mb=cells >> 20, limit_mb=self._most_cells >> 20)
        if self._rows:
            self._file.write(_written(self._rows, self._broken) + b"\n")
        self._rows, self._broken = [], []

    def _chunks(self) -> Iterator[Chunk]:
        """Chunks as they were put by; numbered from 0 when the header is made of the columns."""
        header = [_sound(name) for name in self.columns]
        width = len(header)
        number = 0 if header else 1
        self._file.seek(0)
        for line in self._file:
            rows, places = orjson.loads(line)
            broken = frozenset(place + 1 for place in places)
            if width:
                for row in rows:
                    if len(row) < width:  # a column that was named later
                        row += [""] * (width - len(row))
            first, number = number, number + len(rows)
            if first == 0:
                rows.insert(0, header)
                number += 1
            yield Chunk(first, rows, broken)


def _written(rows: list[list[str]], broken: list[int]) -> bytes:
    try:
        return orjson.dumps([rows, broken])
    except TypeError:
        return orjson.dumps([[[_sound(cell) for cell in row] for row in rows], broken])


def _sound(cell: str) -> str:
    """The text with U+FFFD for every half of a surrogate pair: an escape can make one, and it is no character."""
    return cell.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Spools:
    """The tables of one file, in the order in which they were first met."""

    def __init__(self, format: str, path: Path) -> None:
        self.format = format
        self._file_bytes = path.stat().st_size
        self._spools: dict[str | None, Spool] = {}

    def __getitem__(self, sheet: str | None) -> Spool:
        """The table of that name, a new one when there is none yet.

        Raises:
            FileDamaged: there are more than MOST_TABLES.
        """
        spool = self._spools.get(sheet)
        if spool is None:
            if len(self._spools) == MOST_TABLES:
                raise FileDamaged(format=self.format, reason=f"more than {MOST_TABLES} lists")
            name = None if sheet is None else _sound(sheet)
            spool = self._spools[sheet] = Spool(self.format, name, self._file_bytes)
        return spool

    def tables(self) -> Iterator[Table]:
        """What was put by, table by table."""
        yield from [spool.table(index) for index, spool in enumerate(self._spools.values())]

    def __len__(self) -> int:
        return len(self._spools)
