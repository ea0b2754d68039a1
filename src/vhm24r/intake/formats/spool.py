"""Rows put by until a file of records is read to its end: only then are all its columns known.

Whoever does not want to wait gets them as they come, in a table to which columns may be added.
"""

import tempfile
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import orjson

from vhm24r.intake.errors import FileDamaged, FileExcessive
from vhm24r.intake.formats.protocol import CHUNK_ROWS
from vhm24r.intake.types import Chunk, ReadAgain, Table

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

_END = object()


Block = tuple[list[list[str]], list[int]]
"""Rows put by together, and the places among them of those that could not be read."""


class Spool:
    """The rows of one table, on disk from IN_MEMORY_BYTES on; or `ready` for somebody who takes them as they come.

    `format` and `sheet` are for errors; `file_bytes` is the size of the file that is being read.
    """

    def __init__(self, format: str, sheet: str | None, file_bytes: int, *, growing: bool = False) -> None:
        self.format = format
        self.sheet = sheet
        self.columns: dict[str, None] = {}
        self._names: tuple[str, ...] = ()
        self.count = 0
        self._cells = 0
        self._most_cells = max(ALWAYS_CELLS, CELLS_A_BYTE * file_bytes)
        self.ready: deque[Block] | None = deque() if growing else None
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
            self.flush()

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
        self.flush()
        return Table(index, self.sheet, self._chunks(), self.count)

    def flush(self) -> None:
        """Put by what was added.

        Raises:
            FileExcessive: the table unfolds to an absurd number of cells.
        """
        self._cells += sum(map(len, self._rows))
        cells = max(self._cells, self.count * len(self.columns))
        if cells > self._most_cells:
            raise FileExcessive(part=self.sheet or "", size_mb=cells >> 20, limit_mb=self._most_cells >> 20)
        if self._rows:
            self._keep((self._rows, self._broken))
        self._rows, self._broken = [], []

    def _keep(self, block: Block) -> None:
        rows, broken = block
        if self.ready is None:
            self._file.write(_written(rows, broken) + b"\n")
        else:
            self.ready.append((_sound_rows(rows), broken))

    def _chunks(self) -> Iterator[Chunk]:
        """Chunks of all rows put by."""
        if self.ready is None:
            self._file.seek(0)
            yield from self.numbered(map(orjson.loads, self._file))
        else:
            yield from self.numbered(self.ready)

    def numbered(self, blocks: Iterable[Block]) -> Iterator[Chunk]:
        """Chunks as they were put by; numbered from 0 when the header is made of the columns.

        Raises:
            ReadAgain: columns get names after the first rows were given out without.
        """
        number, width = 1, 0
        for rows, places in blocks:
            header = [_sound(name) for name in self.columns]
            for row in rows:
                if len(row) < len(header):  # a column that was named later
                    row += [""] * (len(header) - len(row))
            broken = frozenset(place + 1 for place in places)
            if number == 1 and header:
                yield Chunk(0, [header, *rows], broken)
            elif header and not width:
                raise ReadAgain
            else:
                yield Chunk(number, rows, broken, header=header if len(header) > width else None)
            number, width = number + len(rows), len(header)


def _written(rows: list[list[str]], broken: list[int]) -> bytes:
    try:
        return orjson.dumps([rows, broken])
    except TypeError:
        return orjson.dumps([_sound_rows(rows), broken])


def _sound_rows(rows: list[list[str]]) -> list[list[str]]:
    try:
        "".join(map("".join, rows)).encode()
    except UnicodeEncodeError:
        return [[_sound(cell) for cell in row] for row in rows]
    return rows


def _sound(cell: str) -> str:
    """The text with U+FFFD for every half of a surrogate pair: an escape can make one, and it is no character."""
    return cell.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Spools:
    """The tables of one file, in the order in which they were first met; `growing` for `grown`."""

    def __init__(self, format: str, path: Path, *, growing: bool = False) -> None:
        self.format = format
        self._growing = growing
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
            spool = self._spools[sheet] = Spool(self.format, name, self._file_bytes, growing=self._growing)
        return spool

    def tables(self) -> Iterator[Table]:
        """What was put by, table by table."""
        yield from [spool.table(index) for index, spool in enumerate(self._spools.values())]

    def grown(self, reading: Iterator[None]) -> Iterator[Table]:
        """The tables of a file that `reading` reads on; a long one begins before its end.

        Raises:
            ReadAgain: while iterating; there is another table, or names for the columns of this one.
        """
        for _ in reading:
            if any(spool.ready for spool in self._spools.values()):
                spool = self._only()
                yield Table(0, spool.sheet, spool.numbered(self._passing(spool, reading)))
                return
        yield from self.tables()

    def _passing(self, spool: Spool, reading: Iterator[None]) -> Iterator[Block]:
        assert spool.ready is not None  # it grows
        at_end = False
        while not at_end:
            while spool.ready:
                yield spool.ready.popleft()
            at_end = next(reading, _END) is _END
            self._only()
        spool.flush()
        yield from spool.ready

    def _only(self) -> Spool:
        if len(self._spools) > 1:
            raise ReadAgain
        return next(iter(self._spools.values()))

    def __len__(self) -> int:
        return len(self._spools)
