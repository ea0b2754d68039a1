"""XLSX workbooks: every sheet is a table; cells become the text a person sees in them."""

import math
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import python_calamine

from vhm24r.intake.formats.protocol import CHUNK_ROWS, Unreadable
from vhm24r.intake.types import Chunk, Table

LARGEST_PART = 1024 * 1024 * 1024
"""Unpacked bytes of one part beyond which a workbook is refused: no honest report comes near."""

HALF_SECOND = timedelta(milliseconds=500)
"""Times are rounded to seconds as a spreadsheet shows them, not cut."""

LARGEST_RATIO = 200
"""Unpacked to packed bytes of one part; spreadsheets compress ten- to thirtyfold."""


class Workbook:
    """Office Open XML spreadsheets."""

    name = "xlsx"

    def recognises(self, head: bytes) -> bool:
        """A ZIP archive whose first names are those of a workbook."""
        return head.startswith(b"PK\x03\x04") and (b"xl/" in head or b"[Content_Types].xml" in head)

    def tables(self, path: Path) -> Iterator[Table]:
        """Sheets in their order; row numbers are those of the sheet."""
        _check_archive(path)
        try:
            book = python_calamine.CalamineWorkbook.from_path(str(path))
        except (python_calamine.CalamineError, OSError, ValueError) as error:
            raise Unreadable(reason=str(error)) from error
        for index, name in enumerate(book.sheet_names):
            try:
                sheet = book.get_sheet_by_name(name)
            except (python_calamine.CalamineError, OSError, ValueError) as error:
                raise Unreadable(reason=str(error), sheet=name) from error
            if sheet.end is not None:
                yield Table(index, name, _chunks(sheet), sheet.end[0] + 1)


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Unreadable(reason=str(error)) from error
    for part in parts:
        bomb = part.file_size > LARGEST_RATIO * max(part.compress_size, 65_536)
        if part.file_size > LARGEST_PART or bomb:
            raise Unreadable(reason="unpacks to an absurd size", part=part.filename)


def _chunks(sheet: python_calamine.CalamineSheet) -> Iterator[Chunk]:
    rows = iter(sheet.iter_rows())
    number = 1
    while True:
        some = [[cell if type(cell) is str else _text(cell) for cell in row] for row in islice(rows, CHUNK_ROWS)]
        if not some:
            return
        yield Chunk(number, some)
        number += len(some)


def _text(cell: object) -> str:  # what a cell may hold
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float | int):
        return _number(cell)
    if isinstance(cell, datetime):
        return (cell + HALF_SECOND).strftime("%Y-%m-%d %H:%M:%S")
    return str(cell)


def _number(cell: float) -> str:
    """Whole numbers without `.0`; from 10¹⁵ on a spreadsheet has lost digits, and the text shows it.

    Fractions have the 15 digits a spreadsheet shows, without the noise of binary fractions.
    """
    if not math.isfinite(cell):
        return f"{cell:E}"
    if cell == int(cell):
        return str(int(cell)) if abs(cell) < 10**15 else f"{cell:E}"
    return f"{cell:.15g}"
