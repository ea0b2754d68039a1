"""The tables of a document, which have no names: numbered where there are several."""

from collections.abc import Iterator, Sequence

from vhm24r.intake.formats.protocol import CHUNK_ROWS
from vhm24r.intake.types import Chunk, Table

Rows = list[list[str]]
"""The rows of one table, cells as text."""


def numbered(found: Sequence[Rows]) -> Iterator[Table]:
    """Tables with their rows numbered from 1; `table 2` and so on where there is more than one."""
    for index, rows in enumerate(found):
        yield Table(index, f"table {index + 1}" if len(found) > 1 else None, _chunks(rows), len(rows))


def _chunks(rows: Rows) -> Iterator[Chunk]:
    for start in range(0, len(rows), CHUNK_ROWS):
        yield Chunk(start + 1, rows[start : start + CHUNK_ROWS])
