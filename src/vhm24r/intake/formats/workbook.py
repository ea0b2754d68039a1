"""Workbooks, XLSX and XLS: every sheet is a table; cells become the text a person sees in them."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import python_calamine

from vhm24r.intake.errors import FileDamaged, FileEncrypted
from vhm24r.intake.formats.merged import stands_in_every_row
from vhm24r.intake.formats.office_package import open_package, part_names
from vhm24r.intake.formats.ole import MAGIC, is_honest, start_of, stream_names
from vhm24r.intake.formats.protocol import CHUNK_ROWS, Sample
from vhm24r.intake.formats.sheet_parts import Errors, is_large, sheet_parts, survey, verify
from vhm24r.intake.types import Chunk, Table

HALF_SECOND = timedelta(milliseconds=500)
"""Times are rounded to seconds as a spreadsheet shows them, not cut."""

REMEMBERED_NUMBERS = 16_384
"""Prices repeat, and looking one up is cheaper than writing it again."""

ENCRYPTED_PACKAGE = "EncryptedPackage"
"""The stream an XLSX with a password lies in; from outside it is an OLE file like any other."""

STREAMS = frozenset({"Workbook", "Book"})
"""What the stream of an XLS is called since 1997, and before."""

FILE_PASS = b"\x2f\x00"
FIRST_RECORDS = 3
"""A password is told among the first records: behind the beginning, and a protection against writing."""

SHARED_STRINGS = "xl/sharedstrings.xml"

VISIBLE = python_calamine.SheetVisibleEnum.Visible


class Workbook:
    """Office Open XML spreadsheets, macros and the binary kind (XLSM, XLSB) among them."""

    name = "xlsx"

    def recognises(self, sample: Sample) -> bool:
        """A package with a workbook in it, or one locked with a password."""
        if sample.head.startswith(MAGIC):
            return ENCRYPTED_PACKAGE in stream_names(sample.path)
        return any(name.startswith("xl/") for name in part_names(sample))

    def tables(self, path: Path) -> Iterator[Table]:
        """Sheets in their order; row numbers are those of the sheet."""
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                raise FileEncrypted(format=self.name)
        near = _survey(path, self.name, large=False)  # before anybody makes room for cells that lie far apart
        with ThreadPoolExecutor(1) as beside:  # the reader leaves us half of the time
            rest = beside.submit(_survey, path, self.name, large=True)
            try:
                yield from _tables(path, self.name, lambda: near | rest.result())
            except FileDamaged:
                rest.result()  # it says better what is wrong
                raise


class BinaryWorkbook:
    """Spreadsheets of Excel 5 to 2003."""

    name = "xls"

    def recognises(self, sample: Sample) -> bool:
        """An OLE file with a workbook in it."""
        return sample.head.startswith(MAGIC) and not stream_names(sample.path).isdisjoint(STREAMS)

    def tables(self, path: Path) -> Iterator[Table]:
        """Sheets in their order; row numbers are those of the sheet."""
        if not is_honest(path):
            raise FileDamaged(format=self.name, reason="it states more than it has room for")
        if _has_password(start_of(path, STREAMS)):
            raise FileEncrypted(format=self.name)
        return _tables(path, self.name, dict)


def _has_password(start: bytes) -> bool:
    """Whether the first records of a workbook, each behind its kind and its length, say it is encrypted."""
    place = 0
    for _ in range(FIRST_RECORDS):
        if start[place : place + 2] == FILE_PASS:
            return True
        place += 4 + int.from_bytes(start[place + 2 : place + 4], "little")
    return False


def _survey(path: Path, form: str, *, large: bool) -> dict[str, Errors]:
    """The cells in error of the large sheets or of the others, by name; what is read by the way is verified."""
    with open_package(path, form) as package:
        if large:
            verify(package, SHARED_STRINGS)
        parts = sheet_parts(package).items()
        return {sheet: survey(package, sheet, part) for sheet, part in parts if is_large(package, part) is large}


def _tables(path: Path, form: str, errors: Callable[[], dict[str, Errors]]) -> Iterator[Table]:
    # by its content: given a path, the reader would go by the name of the file
    with path.open("rb") as file, _refusals(form, None):
        book = python_calamine.CalamineWorkbook.from_filelike(file)
    for index, about in enumerate(book.sheets_metadata):
        with _refusals(form, about.name):
            sheet = book.get_sheet_by_name(about.name)
        if sheet.end is not None:
            chunks = _chunks(sheet, _additions(sheet, errors().get(about.name, {})))
            yield Table(index, about.name, chunks, sheet.end[0] + 1, hidden=about.visible != VISIBLE)


@contextmanager
def _refusals(form: str, sheet: str | None) -> Iterator[None]:
    """What the reader raises, as the refusal it stands for."""
    try:
        yield
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        place = {} if sheet is None else {"sheet": sheet}
        raise FileDamaged(format=form, reason=str(error), **place) from error
    except BaseException as error:
        # the reader's own panic is no Exception, and its name cannot be imported
        if type(error).__name__ != "PanicException":
            raise
        raise FileDamaged(format=form, reason="the reader gave up") from error


@dataclass(slots=True)
class _Additions:
    """What stands in cells the reader gives as empty. Rows count from 1, columns from the first one in use.

    `errors` are the cells in error by their row; `merged` are the cells merged over rows by their first
    row: column and last row. `open` are those of them the rows have come to: last row and text.
    """

    errors: Errors
    merged: dict[int, list[tuple[int, int]]]
    open: dict[int, tuple[int, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.errors or self.merged)

    def add_to(self, rows: list[list[str]], first_row: int) -> None:
        """Complete some consecutive rows, which come in their order."""
        for number, row in enumerate(rows, first_row):
            for column, (last, text) in list(self.open.items()):
                if number > last:
                    del self.open[column]
                elif not row[column]:
                    row[column] = text
            for column, text in self.errors.get(number, ()):
                row[column] = text
            for column, last in self.merged.get(number, ()):
                if stands_in_every_row(row[column]):
                    self.open[column] = (last, row[column])


def _additions(sheet: python_calamine.CalamineSheet, errors: Errors) -> _Additions:
    (_, first), width = sheet.start or (0, 0), sheet.width
    placed = {
        row: [(column - first, text) for column, text in cells if 0 <= column - first < width]
        for row, cells in errors.items()
    }
    merged: dict[int, list[tuple[int, int]]] = {}
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or ():
        if bottom > top and 0 <= left - first < width:
            merged.setdefault(top + 1, []).append((left - first, bottom + 1))
    return _Additions(placed, merged)


def _chunks(sheet: python_calamine.CalamineSheet, additions: _Additions) -> Iterator[Chunk]:
    rows, number, texts = iter(sheet.iter_rows()), 1, _TEXT_OF
    while True:
        # one comprehension: this is where the time of a large workbook goes
        some = [
            [cell if type(cell) is str else texts[type(cell)](cell) for cell in row] for row in islice(rows, CHUNK_ROWS)
        ]
        if not some:
            return
        if additions:
            additions.add_to(some, number)
        yield Chunk(number, some)
        number += len(some)


def text_of(cell: object) -> str:
    """The text a person sees of what a cell holds."""
    return cell if isinstance(cell, str) else _TEXT_OF[type(cell)](cell)


def _instant(cell: datetime) -> str:
    """To the second; a reader that counts in fractions of a day is some milliseconds off."""
    if not cell.microsecond:
        return str(cell)
    try:
        return (cell + HALF_SECOND).isoformat(" ", "seconds")
    except OverflowError:  # the last half second of the year 9999
        return cell.isoformat(" ", "seconds")


def _time_of_day(cell: time) -> str:
    midnight = datetime(2000, 1, 1)  # noqa: DTZ001  # a spreadsheet knows no zones, and the day is not used
    return _instant(datetime.combine(midnight, cell))[-8:]


def _duration(cell: timedelta) -> str:
    """Hours beyond a day go on counting, as a spreadsheet shows them."""
    seconds = round(abs(cell).total_seconds())
    sign = "-" if cell < timedelta() and seconds else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


@lru_cache(REMEMBERED_NUMBERS)
def _number(cell: float) -> str:
    """Whole numbers without `.0`; from 10¹⁵ on a spreadsheet has lost digits, and the text shows it.

    Fractions have the 15 digits a spreadsheet shows, without the noise of binary fractions.
    """
    if not math.isfinite(cell):
        return f"{cell:E}"
    if cell == int(cell):
        return str(int(cell)) if abs(cell) < 10**15 else f"{cell:E}"
    return f"{cell:.15g}"


_TEXT_OF: dict[type, Callable[[Any], str]] = {
    bool: str,
    float: _number,
    int: _number,
    datetime: _instant,
    date: str,
    time: _time_of_day,
    timedelta: _duration,
}
"""What a cell may hold, and the text a person sees of it."""
