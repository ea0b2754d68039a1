"""Text whose columns are aligned by blanks, as terminals and old accounting programs print tables."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from vhm24r.intake.formats.delimited import delimiter_of
from vhm24r.intake.formats.encodings import decoded, encoding_of
from vhm24r.intake.formats.openings import begins_structured
from vhm24r.intake.formats.protocol import CHUNK_ROWS, HEAD_BYTES, Sample
from vhm24r.intake.types import Chunk, Table

SAMPLE_LINES = 200
LONGEST_LINE = 10_000
"""Characters of a sample line beyond which a text is no table a person could read."""

LEAST_LINES = 2
"""A header and a row below it."""

CROSSED_SHARE = 20
"""One line in this many may have a value that sticks out into the gap between two columns."""

_GAP = re.compile(r" {2,}")
_RULER = re.compile(r"\s*(?:[-=_]{2,}|[-=_+]{3,})(?:\s+[-=_+]+)*\s*")
_DASHES = re.compile(r"[-=_]+")


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the columns stand: the first character of each gap between two of them, and the one behind it."""

    gaps: tuple[tuple[int, int], ...]
    starts: tuple[int, ...]
    ends: tuple[int | None, ...]

    @classmethod
    def between(cls, gaps: list[tuple[int, int]]) -> "Columns":
        """The columns beside these gaps."""
        return cls(tuple(gaps), (0, *(end for _, end in gaps)), (*(start for start, _ in gaps), None))

    def fits(self, line: str) -> bool:
        """Whether no value of `line` reaches into a gap."""
        return not any(line[start:end].strip() for start, end in self.gaps)

    def holds(self, line: str) -> bool:
        """Whether `line` fits and has values in two columns or more."""
        return not _is_ruler(line) and self.fits(line) and sum(map(bool, self.cells(line))) > 1

    def cells(self, line: str) -> list[str]:
        """The values of a line that fits."""
        return [line[start:end].strip() for start, end in zip(self.starts, self.ends, strict=True)]


def columns_of(text: str) -> Columns | None:
    """The columns of the table that begins in `text`; None when nothing is aligned there."""
    lines = _sample(text)
    if any(len(line) > LONGEST_LINE for line in lines):
        return None
    ruled = next((line for line in lines if _is_ruler(line) and len(_DASHES.findall(line)) > 1), None)
    filled = [line for line in lines if line.strip() and not _is_ruler(line)]
    table = [line for line in filled if _GAP.search(line.strip())]
    if ruled is not None:
        dashes = [match.span() for match in _DASHES.finditer(ruled)]
        columns = Columns.between([(end, start) for (_, end), (start, _) in pairwise(dashes)])
        table = filled
    else:
        columns = Columns.between(_common_gaps(table))
    fitting = [line for line in table if columns.holds(line)]
    if not columns.gaps or len(fitting) < LEAST_LINES or len(fitting) * 2 < len(filled):
        return None
    return columns


def _sample(text: str) -> list[str]:
    return [line.expandtabs() for line in text.splitlines()[:SAMPLE_LINES]]


def _common_gaps(table: list[str]) -> list[tuple[int, int]]:
    """Runs of two and more positions that are blank in nearly all lines, between the first and the last value.

    They are blank in the header, the first of the lines with the most values: its names are often longer than those.
    """
    if len(table) < LEAST_LINES:
        return []
    taken = Counter(at for line in table for at, character in enumerate(line) if character != " ")
    allowed = len(table) // CROSSED_SHARE
    header = max(table, key=lambda line: len(_GAP.split(line.strip())))
    places = sorted(at for at, count in taken.items() if count > allowed or header[at : at + 1].strip())
    return [(left + 1, right) for left, right in pairwise(places) if right - left > 2]


def _is_ruler(line: str) -> bool:
    return _RULER.fullmatch(line) is not None


class FixedWidth:
    """Columns aligned by two and more blanks, or drawn by a line of dashes below the header."""

    name = "txt"

    def recognises(self, sample: Sample) -> bool:
        """Text with aligned columns whose header no delimiter divides."""
        text = decoded(sample.head)
        if text is None or ("  " not in text and "--" not in text) or begins_structured(text):
            return False
        columns = columns_of(text)
        return columns is not None and not _is_divided(text, columns)

    def tables(self, path: Path) -> Iterator[Table]:
        """One table; rulers and blank lines are blank rows, so that every line keeps its number."""
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        encoding = encoding_of(head) or "utf-8"
        columns = columns_of(head.decode(encoding, errors="replace")) or Columns.between([])
        yield Table(0, None, _chunks(path, encoding, columns))


def _is_divided(text: str, columns: Columns) -> bool:
    """Whether this is delimited text that somebody aligned: its header has as many delimiters as its rows."""
    delimiter = delimiter_of(text)
    if delimiter is None or delimiter == "\t":
        return delimiter is not None
    counts = [line.count(delimiter) for line in _sample(text) if columns.holds(line)]
    return counts[0] > 0 and counts.count(counts[0]) * 2 > len(counts)


def _chunks(path: Path, encoding: str, columns: Columns) -> Iterator[Chunk]:
    with path.open(encoding=encoding, errors="replace") as file:
        number = 1
        while lines := list(islice(file, CHUNK_ROWS)):
            rows: list[list[str]] = []
            broken: set[int] = set()
            for line in lines:
                row = _row(line, columns)
                if row is None:
                    row = _GAP.split(line.strip())
                    broken.add(number + len(rows))
                rows.append(row)
            yield Chunk(number, rows, frozenset(broken))
            number += len(rows)


def _row(line: str, columns: Columns) -> list[str] | None:
    """The cells of a line; None when a value crosses the columns and it is not plain where it ends."""
    text = line.rstrip().expandtabs()
    if not text or _is_ruler(text):
        return []
    if columns.fits(text):
        return columns.cells(text)
    cells = _GAP.split(text.strip())
    return cells if len(cells) == len(columns.starts) else None
