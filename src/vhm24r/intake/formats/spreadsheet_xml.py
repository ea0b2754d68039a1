"""The spreadsheet XML of 2003: a workbook in one XML file, as many older programs still write it."""

from typing import Any, BinaryIO

from lxml import etree

from vhm24r.intake.errors import FileDamaged
from vhm24r.intake.formats.spool import Spool, Spools

_SPACE = "{urn:schemas-microsoft-com:office:spreadsheet}"
WORKBOOK = f"{_SPACE}Workbook"

MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
"""What a sheet can hold: places beyond are damage, and would be filled with blank cells."""


def read_workbook(file: BinaryIO, spools: Spools, options: dict[str, Any]) -> None:
    """Put by the rows of every sheet; the row numbers are those of the sheet.

    Raises:
        XMLSyntaxError: it is not XML to its end.
        FileDamaged, FileExcessive: a place outside of any sheet, too many cells.
    """
    wanted = (f"{_SPACE}Worksheet", f"{_SPACE}Row")
    spool: Spool | None = None
    for event, element in etree.iterparse(file, events=("start", "end"), tag=wanted, **options):
        if element.tag == wanted[0]:
            if event == "start":
                spool = spools[element.get(f"{_SPACE}Name")]
            else:
                element.clear()
        elif event == "end" and spool is not None:
            place = _place(element, spool.count + 1, MOST_ROWS)
            for _ in range(spool.count + 1, place):
                spool.add([])
            spool.add(_cells(element))
            _forget(element)


def _cells(row: etree._Element) -> list[str]:
    cells: list[str] = []
    for cell in row.iterchildren(f"{_SPACE}Cell"):
        place = _place(cell, len(cells) + 1, MOST_COLUMNS)
        cells += [""] * (place - 1 - len(cells))
        cells.append(_text(cell))
        cells += [""] * min(_whole(cell.get(f"{_SPACE}MergeAcross"), 0), MOST_COLUMNS - len(cells))
    return cells


def _text(cell: etree._Element) -> str:
    """The text a person sees; an instant without the `T` and the thousandths."""
    data = cell.find(f"{_SPACE}Data")
    if data is None:
        return ""
    text = "".join(map(str, data.itertext()))
    if data.get(f"{_SPACE}Type") == "DateTime":
        return text.replace("T", " ").removesuffix(".000").removesuffix(" 00:00:00")
    return text


def _place(element: etree._Element, following: int, most: int) -> int:
    """Where a row or cell stands, from 1: behind the last one, or further on if it says so.

    Raises:
        FileDamaged: before the last one, or beyond `most`.
    """
    place = _whole(element.get(f"{_SPACE}Index"), following)
    if not following <= place <= most:
        raise FileDamaged(format="xml", reason=f"a row or cell at place {place}")
    return place


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 10 else default


def _forget(element: etree._Element) -> None:
    """Give back the memory of what is read: this element's content, and those before it."""
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # the stubs are older
    parent = element.getparent()
    assert parent is not None
    while element.getprevious() is not None:
        del parent[0]
