"""Web pages with tables: what many systems download under the name of a spreadsheet."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from vhm24r.intake.errors import FileDamaged
from vhm24r.intake.formats.encodings import decoded, encoding_of
from vhm24r.intake.formats.openings import begins_html
from vhm24r.intake.formats.protocol import HEAD_BYTES, Sample
from vhm24r.intake.formats.spool import Spool, Spools
from vhm24r.intake.types import Table

NAME = "html"
WIDEST_SPAN = 1_000
"""Columns one cell may span, as browsers have it."""

BLOCK_CHARACTERS = 512 * 1024
OVERLAP = 8
"""Characters of a block looked at again with the next one: `</table` may be cut between the two."""

_OPTIONS: dict[str, Any] = {"no_network": True, "huge_tree": False, "remove_comments": True, "encoding": "utf-8"}


class HtmlTables:
    """The tables of a web page, each a sheet of its own; cells that span columns are followed by blank ones."""

    name = NAME

    def recognises(self, sample: Sample) -> bool:
        """Text that begins as a web page or a table of one, and has a row of a table."""
        text = decoded(sample.head)
        return text is not None and begins_html(text) and "<tr" in text.lower()

    def tables(self, path: Path) -> Iterator[Table]:
        """Tables in the order in which they begin; read to the end before the first row.

        Raises:
            FileDamaged: the page is cut, or nothing can be made of it.
            FileExcessive: it unfolds to an absurd number of cells.
        """
        with path.open("rb") as file:
            encoding = encoding_of(file.read(HEAD_BYTES)) or "utf-8"
        spools = Spools(NAME, path)
        try:
            _read(path, encoding, _Page(spools))
        except etree.XMLSyntaxError as error:
            raise FileDamaged(format=NAME, reason=str(error)) from error
        yield from spools.tables()


def _read(path: Path, encoding: str, page: "_Page") -> None:
    """Parse block by block, as UTF-8 whatever the page says of itself.

    Raises:
        FileDamaged: tables are not closed, or the parser met a limit; it would go on in silence.
        XMLSyntaxError: there is nothing at all.
    """
    parser = etree.HTMLPullParser(events=("start", "end"), tag=("table", "tr"), **_OPTIONS)
    tags = _Tags()
    with path.open(encoding=encoding, errors="replace") as file:
        while text := file.read(BLOCK_CHARACTERS):
            tags.see(text)
            parser.feed(text.encode())
            page.take(parser.read_events())
    parser.close()
    page.take(parser.read_events())
    if tags.are_open:
        raise FileDamaged(format=NAME, reason="the end is missing")
    for entry in parser.feed_error_log:
        if entry.level == etree.ErrorLevels.FATAL:
            raise FileDamaged(format=NAME, reason=entry.message)


class _Tags:
    """Counts tables that begin and end."""

    def __init__(self) -> None:
        self._open = 0
        self._page_ended = False
        self._kept = ""

    @property
    def are_open(self) -> bool:
        """Whether neither the page nor all of its tables are closed."""
        return self._open > 0 and not self._page_ended

    def see(self, text: str) -> None:
        """Count in the next block."""
        seen = self._kept + text.lower()
        self._page_ended |= "</html" in seen
        for tag, step in (("<table", 1), ("</table", -1)):
            self._open += step * (seen.count(tag) - self._kept.count(tag))
        self._kept = seen[-OVERLAP:]


class _Page:
    """Puts by the rows of tables as the parser meets them."""

    def __init__(self, spools: Spools) -> None:
        self._spools = spools
        self._open: list[Spool] = []

    def take(self, events: Iterable[Any]) -> None:
        """Put by the rows that have ended, and give back their memory."""
        for event, element in events:
            if element.tag == "table":
                if event == "start":
                    self._open.append(self._spools[str(len(self._spools) + 1)])
                else:
                    self._open.pop()
            elif event == "end" and self._open:
                if element.find(".//table") is None:  # otherwise it only holds a table for the layout
                    self._open[-1].add(_cells(element))
                    element.clear(keep_tail=True)
                while element.getprevious() is not None:
                    element.getparent().remove(element.getprevious())


def _cells(row: etree._Element) -> list[str]:
    cells: list[str] = []
    for cell in row.iterchildren("td", "th"):
        cells.append(" ".join("".join(map(str, cell.itertext())).split()))
        span = cell.get("colspan", "")
        if span.isascii() and span.isdigit() and len(span) < 5:
            cells += [""] * (min(int(span), WIDEST_SPAN) - 1)
    return cells
