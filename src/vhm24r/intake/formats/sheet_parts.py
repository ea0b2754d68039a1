"""What a workbook's own parts say that its reader does not tell: cells in error, and how far a sheet goes.

The reader gives an error (`#DIV/0!`) as an empty cell, and makes room for every cell between two far ones.
Reading a part to its end also verifies its checksum, which the reader does not.
"""

import posixpath
import re

from lxml import etree

from vhm24r.intake.errors import FileDamaged, FileExcessive
from vhm24r.intake.formats.office_package import Package

LARGEST_AREA = 50_000_000
"""Cells from the first to the last one of a sheet: a full sheet of forty columns."""

CELL_BYTES = 32
"""What the reader takes for a cell, empty or not."""

SCANNED_BYTES = 16 * 1024 * 1024
"""A sheet that hides its dimension is searched for far cells up to this size; in a larger one they are
found by the limit of the process that reads it.
"""

OVERLAP_BYTES = 65_536
"""How much of a block is looked at again with the next one: longer than any cell with its formula."""

DIMENSION = re.compile(rb"<(?:\w+:)?dimension[^>]*?\bref=[\"']([A-Z]+[0-9]+)(?::([A-Z]+[0-9]+))?[\"']")
PLACE = re.compile(rb"\br=[\"']([A-Z]{1,3})([0-9]{1,7})[\"']")
ERROR_MARKS = (b't="e"', b"t='e'")
ERROR_CELL = re.compile(
    rb"<(?:\w+:)?c\s([^>]*\bt=[\"']e[\"'][^>]*)>"  # its attributes, the place among them
    rb"(?:<(?:\w+:)?f\b[^>]*/>|<(?:\w+:)?f\b[^>]*>[^<]*</(?:\w+:)?f>)?"
    rb"\s*<(?:\w+:)?v>([^<]{1,20})</"
)
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


Errors = dict[int, list[tuple[int, str]]]
"""The cells in error by their row from 1: the column from 0, and the text a person sees there."""


def sheet_parts(package: Package) -> dict[str, str]:
    """The part of every sheet by the sheet's name; none for a binary workbook, whose parts are no XML."""
    names = _root(package.part("xl/workbook.xml"), package.form)
    links = _root(package.part("xl/_rels/workbook.xml.rels"), package.form)
    if names is None or links is None:
        return {}
    targets = {
        str(link.get("Id")): posixpath.normpath(posixpath.join("/xl", str(link.get("Target")))).lstrip("/")
        for link in links
    }
    found: dict[str, str] = {}
    for sheet in names.iter("{*}sheet"):
        link = sheet.get(RELATION) or sheet.get(STRICT_RELATION)
        if link in targets:
            found[str(sheet.get("name"))] = targets[link]
    return found


def _root(content: bytes, form: str) -> etree._Element | None:
    if not content:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise FileDamaged(format=form, reason=str(error)) from error


def verify(package: Package, part: str) -> None:
    """Read a part to its end for its checksum.

    Raises:
        FileDamaged: it is not what its checksum says.
    """
    for _ in package.blocks(part):
        pass


def is_large(package: Package, part: str) -> bool:
    """Whether a part is too large to be searched for far cells."""
    return package.size(part) > SCANNED_BYTES


def survey(package: Package, sheet: str, part: str) -> Errors:
    """Look through the part of a sheet: its cells in error.

    Raises:
        FileDamaged: it cannot be unpacked, or is not what its checksum says.
        FileExcessive: its cells lie so far apart that no reader has room for what is between them.
    """
    errors: Errors = {}
    overlap, far = b"", (0, 0)
    may_be_far = not is_large(package, part)
    for block in package.blocks(part):
        may_be_far = may_be_far and (bool(overlap) or not _has_honest_dimension(block))
        text = overlap + block
        if any(mark in text for mark in ERROR_MARKS):
            _note_errors(text, errors)
        if may_be_far:
            far = _farther(far, PLACE.findall(text))
        overlap = text[-OVERLAP_BYTES:]
    area = far[0] * far[1]
    if area > LARGEST_AREA:
        raise FileExcessive(part=sheet, size_mb=area * CELL_BYTES >> 20, limit_mb=LARGEST_AREA * CELL_BYTES >> 20)
    return {row: sorted(set(cells)) for row, cells in errors.items()}


def _has_honest_dimension(start: bytes) -> bool:
    """Whether the sheet says how far it goes, and there is room for it."""
    said = DIMENSION.search(start[:OVERLAP_BYTES])
    if said is None:
        return False
    ends = [_place(corner) for corner in said.groups() if corner]
    return max(row for row, _ in ends) * max(column + 1 for _, column in ends) <= LARGEST_AREA


def _note_errors(text: bytes, errors: Errors) -> None:
    for attributes, value in ERROR_CELL.findall(text):
        place = PLACE.search(attributes)
        if place is not None:
            row, column = _place(place[1] + place[2])
            errors.setdefault(row, []).append((column, value.decode("utf-8", errors="replace")))


def _farther(far: tuple[int, int], places: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    """The greatest row from 1 and the number of columns of what is known so far and some more places."""
    if not places:
        return far
    widest = max({letters for letters, _ in places}, key=lambda letters: (len(letters), letters))
    return max(far[0], *(int(row) for _, row in places)), max(far[1], _place(widest + b"1")[1] + 1)


def _place(place: bytes) -> tuple[int, int]:
    """The row from 1 and the column from 0 of a place such as `B7`."""
    letters = place.rstrip(b"0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return int(place[len(letters) :]), column - 1
