"""DOCX documents: every table is a table, its cells as a person reads them.

The document is one XML part, parsed row by row straight out of the archive. Its rows are held until all
are known: a table has a number only among others, and the tables of a document are asked side by side.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from lxml import etree

from vhm24r.intake.errors import FileDamaged, ForbiddenContent
from vhm24r.intake.formats.merged import stands_in_every_row
from vhm24r.intake.formats.numbered_tables import Rows, numbered
from vhm24r.intake.formats.office_package import open_package, part_names
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.types import Table

DOCUMENT = "word/document.xml"
LARGEST_DOCUMENT = 256 * 1024 * 1024
"""Unpacked bytes of a document, which is held in memory: a hundred thousand rows have half of it."""

MOST_COLUMNS = 1_000
"""Columns of one row, merged ones counted; a word processor allows 63."""

BODY, TABLE, ROW, PARAGRAPH, FALLBACK = "{*}body", "{*}tbl", "{*}tr", "{*}p", "{*}Fallback"
PIECES_TEXT = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
PIECES = ("{*}t", *(f"{{*}}{kind}" for kind in PIECES_TEXT))
"""What the text of a paragraph consists of."""

PROPERTIES = frozenset({"trPr", "tcPr"})

WRAPPERS = frozenset({"sdt", "sdtContent", "customXml", "smartTag"})
"""What may stand around a cell; the name of a row's own properties is none of them."""


class WordDocument:
    """Office Open XML documents."""

    name = "docx"

    def recognises(self, sample: Sample) -> bool:
        """A package with a document in it."""
        return any(name.startswith("word/") for name in part_names(sample))

    def tables(self, path: Path) -> Iterator[Table]:
        """The tables in their order, numbered where there are several; a table in a cell is its text."""
        with open_package(path, self.name, LARGEST_DOCUMENT) as package, closing(package.blocks(DOCUMENT)) as blocks:
            try:
                found = _read(blocks)
            except etree.XMLSyntaxError as error:
                raise FileDamaged(format=self.name, reason=str(error)) from error
        yield from numbered(found)


@dataclass(slots=True)
class _Grid:
    """The rows of one table so far, and by column the text of merged cells that go on."""

    rows: Rows = field(default_factory=list)
    merged: dict[int, str] = field(default_factory=dict)

    def add(self, row: etree._Element) -> None:
        """A row of the document: cells over several columns leave the others blank."""
        for double in list(row.iter(FALLBACK)):  # the same text again, for older programs
            parent = double.getparent()
            assert parent is not None  # it is in the row
            parent.remove(double)
        cells = [""] * _number(row, "gridBefore", 0)
        merged: dict[int, str] = {}
        for cell in _cells(row):
            text, column = _text(cell), len(cells)
            going_on = _property(cell, "vMerge")
            if going_on is not None:
                if _value(going_on) != "restart":
                    text = self.merged.get(column, "")
                merged[column] = text if stands_in_every_row(text) else ""
            cells.append(text)
            cells.extend([""] * (_number(cell, "gridSpan", 1) - 1))
        cells.extend([""] * _number(row, "gridAfter", 0))
        self.merged = merged
        self.rows.append(cells)


def _read(blocks: Iterable[bytes]) -> list[Rows]:
    """The rows of every table that is in no other table.

    Raises:
        etree.XMLSyntaxError: it is no XML, or not all of it.
        ForbiddenContent: it declares a DOCTYPE.
    """
    parser = etree.XMLPullParser(
        ("start", "end"),
        tag=(BODY, TABLE, ROW, PARAGRAPH),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    found: list[_Grid] = []
    depth = 0
    for block in blocks:
        parser.feed(block)
        for event, element in cast("Iterator[tuple[str, etree._Element]]", parser.read_events()):
            depth = _take(event, element, depth, found)
    parser.close()
    return [grid.rows for grid in found]


def _take(event: str, element: etree._Element, depth: int, found: list[_Grid]) -> int:
    """Note what begins or ends here; returns how many tables we are in then."""
    kind = _kind(element)
    if event == "start":
        if kind == "body" and _has_doctype(element):
            raise ForbiddenContent(what="DOCTYPE")
        if kind == "tbl" and depth == 0:
            found.append(_Grid())
        return depth + (kind == "tbl")
    if kind == "tr" and depth == 1:
        found[-1].add(element)
    if (kind == "tr" and depth == 1) or (kind == "p" and depth == 0):
        element.clear()  # read, or no part of a table: a long document would fill the memory
    return depth - (kind == "tbl")


def _has_doctype(element: etree._Element) -> bool:
    return bool(element.getroottree().docinfo.internalDTD is not None)


def _kind(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _cells(row: etree._Element) -> Iterator[etree._Element]:
    """The cells of a row, also those in a form field; not those of a table in a cell."""
    for child in row:
        kind = _kind(child)
        if kind == "tc":
            yield child
        elif kind in WRAPPERS:
            yield from _cells(child)


def _text(cell: etree._Element) -> str:
    """Paragraphs on lines of their own; what a tracked change deleted is gone."""
    pieces: list[str] = []
    for element in cell.iter(PARAGRAPH, *PIECES):
        kind = _kind(element)
        if kind == "t":
            pieces.append(element.text or "")
        elif kind == "p":
            pieces.append("\n")
        elif (parent := element.getparent()) is not None and _kind(parent) == "r":  # no tab stop of a style
            pieces.append(PIECES_TEXT[kind])
    return "".join(pieces).strip("\n")


def _property(element: etree._Element, name: str) -> etree._Element | None:
    """A property of a row or a cell; they stand before its content."""
    for child in element:
        if _kind(child) in PROPERTIES:
            return next((found for found in child if _kind(found) == name), None)
    return None


def _value(found: etree._Element) -> str:
    return next((str(value) for name, value in found.attrib.items() if str(name).endswith("}val")), "")


def _number(element: etree._Element, name: str, missing: int) -> int:
    """A property that counts columns, within what a row can have."""
    found = _property(element, name)
    value = "" if found is None else _value(found)
    return min(int(value), MOST_COLUMNS) if value.isascii() and value.isdigit() else missing
