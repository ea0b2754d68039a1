"""CSV and its kin: text with a delimiter; encoding and delimiter found from the content."""

import csv
import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from vhm24r.intake.formats.encodings import decoded, encoding_of
from vhm24r.intake.formats.openings import begins_structured
from vhm24r.intake.formats.protocol import CHUNK_ROWS, HEAD_BYTES, Sample
from vhm24r.intake.types import Chunk, Table

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 60
LONGEST_RECORD_LINES = 100
"""Lines one cell may span: addresses take a few; beyond it a quotation mark was never closed."""

HEADER_WEIGHT = 4
"""How much more a delimiter counts whose first row looks like a header. Decimal commas and addresses
make more cells than the semicolons between them; but they split no header."""

_NAMED = re.compile(r'\ufeff?"?sep=([,;|\t])"?(?:[\r\n]|$)', re.IGNORECASE)
"""The line a spreadsheet program writes above the table to name the delimiter."""

csv.field_size_limit(1024 * 1024 * 1024)  # a long cell is an issue of its row, not the end of the file


def delimiter_of(text: str) -> str | None:
    """The delimiter the text names, or the one that splits the most lines into the same number of cells."""
    named = _NAMED.match(text)
    if named:
        return named[1]
    scores = {delimiter: _score(text, delimiter) for delimiter in DELIMITERS}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] else None


def _score(text: str, delimiter: str) -> int:
    """Cells `delimiter` makes in lines of the commonest width; titles above the table do not count."""
    rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), SAMPLE_LINES))
    widths = [len(row) for row in rows if len(row) > 1]
    if not widths:
        return 0
    common = max(set(widths), key=widths.count)
    first = next(row for row in rows if len(row) == common)
    return widths.count(common) * common * (HEADER_WEIGHT if _names_columns(first, delimiter) else 1)


def _names_columns(row: list[str], delimiter: str) -> bool:
    """Whether the cells of `row` may be a header: no numbers, and no other delimiter within them."""
    others = [other for other in DELIMITERS if other != delimiter]
    return not any(cell.strip()[:1].isdigit() or any(other in cell for other in others) for cell in row)


class Delimited:
    """Delimited text of any encoding, cells divided by one of `delimiters`."""

    def __init__(self, name: str = "csv", delimiters: tuple[str, ...] = (",", ";", "|")) -> None:
        """Read what is divided by one of `delimiters` under the format name `name`."""
        self.name = name
        self.delimiters = delimiters

    def recognises(self, sample: Sample) -> bool:
        """Text in which one of the delimiters makes columns, and makes them best of all."""
        text = decoded(sample.head)
        return text is not None and not begins_structured(text) and delimiter_of(text) in self.delimiters

    def tables(self, path: Path) -> Iterator[Table]:
        """One table; rows keep the width they have, so that a ragged one can be seen."""
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        encoding = encoding_of(head) or "utf-8"
        delimiter = delimiter_of(head.decode(encoding, errors="replace")) or self.delimiters[0]
        yield Table(0, None, _chunks(path, encoding, delimiter))


def _chunks(path: Path, encoding: str, delimiter: str) -> Iterator[Chunk]:
    """Lines in bulk; where a cell spans lines or a quote is not closed, record by record."""
    # a byte that is no text becomes U+FFFD, and the row that holds it an issue
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        number, left = 1, list(islice(file, CHUNK_ROWS))
        if left and _NAMED.match(left[0]):
            left[0] = "\n"  # it names the delimiter: no data, but a line that counts
        while left:
            rows = _plain_rows(left, delimiter)
            broken: frozenset[int] = frozenset()
            if rows is None:
                left += islice(file, LONGEST_RECORD_LINES)
                rows, broken, used = _records(left, delimiter, number, at_end=len(left) < LONGEST_RECORD_LINES)
                left = left[used:]
            else:
                left = []
            yield Chunk(number, rows, broken)
            number += len(rows)
            left += islice(file, CHUNK_ROWS)


def _plain_rows(lines: list[str], delimiter: str) -> list[list[str]] | None:
    """One record a line, as almost every report has it; None when the lines are not that plain."""
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows if len(rows) == len(lines) else None


def _records(
    lines: list[str], delimiter: str, number: int, *, at_end: bool
) -> tuple[list[list[str]], frozenset[int], int]:
    """Records that may span lines: (rows, numbers of the broken ones, lines used).

    A record that is not complete within LONGEST_RECORD_LINES has a quote that nobody closed: its first
    line is given out as broken, and reading goes on with the next one, so that nothing is swallowed.
    """
    rows: list[list[str]] = []
    broken: set[int] = set()
    used = 0
    while used < len(lines) and (at_end or len(lines) - used >= LONGEST_RECORD_LINES):
        reader = csv.reader(lines[used : used + LONGEST_RECORD_LINES], delimiter=delimiter, strict=True)
        try:
            rows.append(next(reader))
            used += reader.line_num
        except csv.Error:
            broken.add(number + len(rows))
            rows += csv.reader(lines[used : used + 1], delimiter=delimiter, quoting=csv.QUOTE_NONE)
            used += 1
    return rows, frozenset(broken), used
