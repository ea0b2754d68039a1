"""Words that lie on pages become the rows and columns a person sees. Pure: numbers in, text out.

Columns are what lies between the corridors no line of a table runs through, learned over all its pages, so
that a column that is empty on one page is a column there too. Rows are lines; lines that are nearer to each
other than rows are belong to one row, whose cells are wrapped. Where nothing is wrapped by that measure, a
line that leaves the first column and most others free goes on with the row above it.

Lengths are in points; y grows upwards, as in the documents these words come from.
"""

import re
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil, floor, inf
from statistics import median

from vhm24r.intake.formats.merged import AMOUNT

SAME_LINE = 0.3
"""Of a word's height: words whose baselines differ by less stand on one line."""

CORRIDOR = 0.4
"""Of a word's height: a narrower gap is a space between two words of one cell."""

STEPS = 4
"""Columns are measured in quarters of a point."""

LEAST_SHARE = 0.4
"""Of the fullest line's cells: a line with fewer is no line to learn columns from (a title, a footer)."""

TOLERATED = (0.0, 0.005, 0.02)
"""Shares of a table's lines that may run through a corridor: some texts are longer than their cell."""

SAME_TABLE = 0.8
"""Share of a table's columns that must be left when a page is added, else another table begins there."""

CLEAR_LINES = 5
"""Fewer lines may happen to have gaps where no column ends."""

CLOSE_LINES = 1.45
"""Of a word's height: the lines of one cell are not further apart."""

CLEAR_STEP = 1.12
"""How much further apart rows are than the lines of a cell, where both occur."""

FARTHEST_ROWS = 4.0
"""Of a word's height: a larger distance is no sign of how far apart rows are (a title, a footer)."""

PAGE_NUMBER = re.compile(
    r"\W*(?:(?:страница|стр|page|sahifa|bet)\.?\s*\d+(?:\s*(?:из|of|/)\s*\d+)?|\d+\s*(?:из|of|/)\s*\d+)\W*",
    re.IGNORECASE,
)
"""A line that only counts pages; it is no part of the row above it."""

TOTAL = re.compile(r"итого|всего|total|жами|jami", re.IGNORECASE)
"""How a line of totals begins, which often leaves the first column free."""

WHOLE_WIDTH = (-inf, inf)
"""The only column of text in which no line tells of several."""

CODE = re.compile(r"[0-9A-Za-z]*[0-9][0-9A-Za-z]*")
"""A piece of a long number or code: broken off at the edge of its cell, it goes on without a space."""


@dataclass(frozen=True, slots=True)
class Word:
    """Text without a gap, from `left` to `right` on a baseline at `y`; `height` is that of its font."""

    text: str
    left: float
    right: float
    y: float
    height: float


Line = list[Word]
"""The words of one line from left to right; never empty."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What stands in one column of a line, and where it ends."""

    text: str
    right: float


Cells = dict[int, Stretch]
"""The texts of a line by their column from 0."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the texts of each column begin and end, and the middles of the corridors between them."""

    edges: list[tuple[float, float]]
    middles: list[float]

    def of(self, word: Word) -> int:
        """The column a word begins in, or the next one to it."""
        return bisect(self.middles, word.left + min(word.right - word.left, word.height) / 2)


@dataclass(slots=True)
class Coverage:
    """How many lines of a table cover each point of the width: by how much that changes, and where."""

    lines: int = 0
    changes: Counter[int] = field(default_factory=Counter)

    def plus(self, lines: Iterable[Line]) -> "Coverage":
        """This and some more lines."""
        both = Coverage(self.lines, Counter(self.changes))
        for line in lines:
            both.lines += 1
            for word in line:
                both.changes[floor(word.left * STEPS)] += 1
                both.changes[ceil(word.right * STEPS)] -= 1
        return both

    def columns(self, height: float) -> Columns:
        """The columns of text `height` high: as many as a tolerated share of overlong texts leaves apart."""
        found = [self._columns(int(share * self.lines), CORRIDOR * height) for share in TOLERATED]
        edges = max(found, key=len) or [WHOLE_WIDTH]  # the first, strictest one of equals
        return Columns(edges, [(left[1] + right[0]) / 2 for left, right in pairwise(edges)])

    def _columns(self, most: int, corridor: float) -> list[tuple[float, float]]:
        edges: list[tuple[float, float]] = []
        level, begin = 0, 0.0
        for point in sorted(self.changes):
            before, level = level, level + self.changes[point]
            place = point / STEPS
            if before <= most < level:
                joined = bool(edges) and place - edges[-1][1] < corridor
                begin = edges.pop()[0] if joined else place
            elif level <= most < before:
                edges.append((begin, place))
        return edges


@dataclass(slots=True)
class PagedTable:
    """A table over some pages: the number and the lines of each; `height` is that of its text."""

    columns: Columns
    coverage: Coverage
    height: float
    pages: list[tuple[int, list[Line]]]

    def rows(self) -> Iterator[tuple[int, list[list[str]]]]:
        """The rows of each page, with its number; a line that only counts pages is a row of one cell."""
        pages = [(number, [(line[0].y, self._cells(line)) for line in lines]) for number, lines in self.pages]
        nearest = _nearest_rows([lines for _, lines in pages], self.height)
        for number, lines in pages:
            yield number, [self._row(group) for group in _groups(lines, self.height, nearest)]

    def _cells(self, line: Line) -> Cells:
        """A line cut at the corridors; a text that runs through one stays in the column it begins in."""
        stretches: list[tuple[int, Line]] = []
        for word in line:
            column = self.columns.of(word)
            if stretches:
                begun, words = stretches[-1]
                if column <= begun or word.left - words[-1].right < CORRIDOR * word.height:
                    words.append(word)
                    continue
            stretches.append((column, [word]))
        return {column: Stretch(" ".join(word.text for word in words), words[-1].right) for column, words in stretches}

    def _row(self, group: Sequence[Cells]) -> list[str]:
        if _counts_pages(group[0]):
            return [_text(group[0])]
        row = [""] * len(self.columns.edges)
        ends = [0.0] * len(row)
        for cells in group:
            for column, stretch in cells.items():
                full = ends[column] > self.columns.edges[column][1] - self.height
                separator = "" if full and CODE.fullmatch(row[column]) and CODE.fullmatch(stretch.text) else " "
                row[column] = f"{row[column]}{separator}{stretch.text}" if row[column] else stretch.text
                ends[column] = stretch.right
        return row


Placed = list[tuple[float, Cells]]
"""The lines of a page from top to bottom: their y and their cells."""


def lines_of(words: Iterable[Word]) -> list[Line]:
    """The words of a page as lines from top to bottom."""
    lines: list[Line] = []
    for word in sorted(words, key=lambda word: (-word.y, word.left)):
        if lines and lines[-1][0].y - word.y <= SAME_LINE * max(word.height, lines[-1][0].height):
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word.left) for line in lines]


def tables_of(pages: Iterable[tuple[int, list[Line]]]) -> list[PagedTable]:
    """Numbered pages put together to tables, each as long as its columns go on; empty pages are passed over."""
    tables: list[PagedTable] = []
    for number, lines in pages:
        if not lines:
            continue
        height = median([word.height for line in lines for word in line])
        telling = _telling_lines(lines)
        own = Coverage().plus(telling)
        if tables:
            last = tables[-1]
            both = last.coverage.plus(telling)
            columns = both.columns(height)
            if not any(_is_blurred(columns, coverage, height) for coverage in (last.coverage, own)):
                last.coverage, last.columns = both, columns
                last.pages.append((number, lines))
                continue
        tables.append(PagedTable(own.columns(height), own, height, [(number, lines)]))
    return tables


def _is_blurred(columns: Columns, before: Coverage, height: float) -> bool:
    """Whether columns that were clear before run into each other now."""
    return before.lines >= CLEAR_LINES and len(columns.edges) < SAME_TABLE * len(before.columns(height).edges)


def _telling_lines(lines: Sequence[Line]) -> list[Line]:
    """The lines of a page to learn columns from: those of several cells, and not of much fewer than others."""
    counts = [_apart(line) for line in lines]
    least = max(2.0, LEAST_SHARE * max(counts))
    return [line for line, count in zip(lines, counts, strict=True) if count >= least]


def _apart(line: Line) -> int:
    """How many stretches of a line are further apart than two words."""
    return 1 + sum(after.left - word.right >= 2 * CORRIDOR * word.height for word, after in pairwise(line))


def _text(cells: Cells) -> str:
    return " ".join(stretch.text for stretch in cells.values())


def _counts_pages(cells: Cells) -> bool:
    return PAGE_NUMBER.fullmatch(_text(cells)) is not None


def _nearest_rows(pages: Sequence[Placed], height: float) -> float:
    """The least distance of two rows in points; 0 where no cell is wrapped by that measure.

    Distances of lines are looked at from the least on: those within a cell end where the next one is
    clearly larger. They are taken for that only if their lines mostly fill other columns than the line
    above, and rows with a larger distance are not rare.
    """
    pairs = sorted(
        ((above[0] - below[0]) / height, above[1].keys() == below[1].keys())
        for lines in pages
        for above, below in pairwise(lines)
        if above[0] - below[0] <= FARTHEST_ROWS * height
    )
    for end, ((near, _), (far, _)) in enumerate(pairwise(pairs), 1):
        if near > CLOSE_LINES:
            break
        if far >= CLEAR_STEP * near and far > 1.0:
            alike = sum(same for _, same in pairs[:end])
            if alike * 2 <= end and (len(pairs) - end) * 6 >= len(pairs):
                return height * (near + far) / 2
    return 0.0


def _groups(lines: Placed, height: float, nearest: float) -> Iterator[list[Cells]]:
    """The lines of each row of a page, which has lines."""
    group: list[Cells] = []
    last = 0.0
    for y, cells in lines:
        goes_on = bool(group) and not _counts_pages(cells) and not _counts_pages(group[-1])
        if goes_on and nearest:
            goes_on = last - y < nearest
        elif goes_on:
            goes_on = last - y <= CLOSE_LINES * height and _is_rest(cells, group)
        if group and not goes_on:
            yield group
            group = []
        group.append(cells)
        last = y
    yield group


def _is_rest(cells: Cells, group: Sequence[Cells]) -> bool:
    """Whether a line as near as any other only carries on the wrapped cells of the row above."""
    first = group[0]
    if cells.keys() < first.keys() and not _has_digit(cells) and not _has_digit(first):
        return True  # a heading: rows of data have numbers
    if 0 in cells or 0 not in first or len(cells) * 2 > len(first) or not cells.keys() <= first.keys():
        return False
    if TOTAL.match(_text(cells)):
        return False
    return not any(AMOUNT.fullmatch(cells[column].text) and AMOUNT.fullmatch(first[column].text) for column in cells)


def _has_digit(cells: Cells) -> bool:
    return any(character.isdigit() for stretch in cells.values() for character in stretch.text)
