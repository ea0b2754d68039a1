"""Tables to files: CSV with any encoding and delimiter, and XLSX. Rows are written as they come.

Files are byte for byte the same for the same table: CSV has fixed line ends, and the XLSX document
properties carry a given date instead of the moment of writing.
"""

import csv
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from itertools import chain
from pathlib import Path

from rustpy_xlsxwriter import Format, write_worksheet

from vhm24r.ops.demo.layout import Cell, Table, dotted
from vhm24r.ops.demo.spec import FileFormat

_DOCUMENT_DATE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_Merge = tuple[int, int, int, int, str] | tuple[int, int, int, int, str, Format | None]
_PROPERTIES = ("docProps/core.xml", "docProps/app.xml")


def write_table(path: Path, table: Table, file_format: FileFormat, made_on: date) -> int:
    """Writes the table and returns the number of rows below its header (total rows included)."""
    if file_format == "xlsx":
        return _write_xlsx(path, table, made_on)
    return _write_csv(path, table)


def _write_csv(path: Path, table: Table) -> int:
    count = 0
    with path.open("w", encoding=table.encoding, newline="") as file:
        writer = csv.writer(file, delimiter=table.delimiter, lineterminator="\r\n")
        width = len(table.columns)
        for label, value in table.preamble:
            writer.writerow([label, "", value, *[""] * (width - 3)])
        writer.writerow(table.columns)
        for count, row in enumerate(table.rows, start=1):  # noqa: B007 - the last count is the result
            writer.writerow([dotted(cell) if isinstance(cell, datetime) else cell for cell in row])
    return count


def _write_xlsx(path: Path, table: Table, made_on: date) -> int:
    counter = _Counter()
    write_worksheet(
        counter.records(table),
        str(path),
        sheet_name=table.sheet,
        header_row=len(table.preamble),
        datetime_format="dd.mm.yyyy hh:mm:ss",
        merge_ranges=_preamble_cells(table) or None,
    )
    _fix_document_date(path, made_on)
    return counter.rows


class _Counter:
    """Hands rows to the workbook writer as records and counts them on the way."""

    def __init__(self) -> None:
        self.rows = 0

    def records(self, table: Table) -> Iterator[dict[str, Cell]]:
        """Records in column order; without any row one empty record, or the header would be lost."""
        rows = iter(table.rows)
        first = next(rows, None)
        if first is None:
            yield dict.fromkeys(table.columns)
            return
        for row in chain((first,), rows):
            self.rows += 1
            yield dict(zip(table.columns, row, strict=True))


def _preamble_cells(
    table: Table,
) -> list[_Merge]:
    """Preamble rows as merged cells: label over two columns, value over two; a lone label over all."""
    last = len(table.columns) - 1
    cells: list[_Merge] = []
    for number, (label, value) in enumerate(table.preamble):
        if label and value:
            cells += [(number, 0, number, 1, label), (number, 2, number, 3, value)]
        elif label:
            cells.append((number, 0, number, last, label))
    return cells


def _fix_document_date(path: Path, made_on: date) -> None:
    """Replaces the time of writing in the document properties; they are the last parts of the archive."""
    stamp = f"{made_on.isoformat()}T18:00:00Z".encode()
    with zipfile.ZipFile(path, "a") as archive:
        tail = [info for info in archive.infolist() if info.filename in _PROPERTIES]
        parts = [(info.filename, _DOCUMENT_DATE.sub(stamp, archive.read(info))) for info in tail]
        archive.start_dir = min(info.header_offset for info in tail)
        for info in tail:
            archive.filelist.remove(info)
            del archive.NameToInfo[info.filename]
        for name, content in parts:
            archive.writestr(zipfile.ZipInfo(name), content)
