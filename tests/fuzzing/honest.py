"""Sound files to begin with: every format and container, with orders that our sources claim."""

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape

import xlwt

from tests.archives import Packed, rar4, rar5, zip_archive
from tests.documents import doc_bytes, docx_bytes, docx_table, ole_bytes, pdf_bytes, printed_table, saved
from tests.factories import csv_bytes, hw_row
from tests.hostile import honest

ROWS = 12

Parts = dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Honest:
    """A sound file. One whose parts are compressed or checked by sums can be `packed` again out of damaged `parts`."""

    form: str
    content: bytes
    parts: Parts = field(default_factory=dict)
    packed: Callable[[Parts], bytes] | None = None


def honest_files() -> list[Honest]:
    """Every format of the registry, some in several layouts; the same bytes at every run."""
    rows = [hw_row(number) for number in range(ROWS)]
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    small = honest()
    archived = {"отчёт.csv": csv_bytes(rows), "b.xlsx": small["xlsx"], "c.json": _json(rows)}
    return [
        Honest("csv", csv_bytes(rows)),
        Honest("csv", csv_bytes(rows, delimiter=";", encoding="cp1251")),
        Honest("csv", csv_bytes(rows, encoding="utf-16")),
        Honest("tsv", csv_bytes(rows, delimiter="\t")),
        Honest("txt", csv_bytes(rows, delimiter="|", encoding="cp866")),
        Honest("txt", _aligned(table).encode("koi8-r")),
        Honest("json", _json(rows)),
        Honest("json", json.dumps({"ok": True, "data": {"orders": rows}}, ensure_ascii=False, indent=1).encode()),
        Honest("ndjson", b"\n".join(json.dumps(row, ensure_ascii=False).encode() for row in rows)),
        Honest("xml", _xml(table)),
        Honest("xml", _xml_attributes(small["xml"])),
        Honest("spreadsheet-xml", _spreadsheet_xml(table)),
        Honest("html", _html(table)),
        _xls(table),
        Honest("doc", doc_bytes("Report\n", table)),
        Honest("pdf", _pdf(table)),
        Honest("pdf", small["pdf"]),
        _zipped("xlsx", small["xlsx"]),
        _zipped("docx", docx_bytes(docx_table(table))),
        _zipped("zip", zip_archive([Packed(name, data) for name, data in archived.items()])),
        Honest("rar-4", rar4(_members(archived)), archived, lambda parts: rar4(_members(parts))),
        Honest("rar-5", rar5(_members(archived)), archived, lambda parts: rar5(_members(parts))),
    ]


def _members(parts: Parts) -> list[Packed]:
    return [Packed(name, data) for name, data in parts.items()]


def _zipped(form: str, content: bytes) -> Honest:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return Honest(form, content, parts, lambda damaged: zip_archive(_members(damaged)))


def _xls(table: Sequence[Sequence[str]]) -> Honest:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    for number, row in enumerate(table):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    return Honest("xls", saved(book), {"Workbook": book.get_biff_data()}, ole_bytes)


def _json(rows: Sequence[object]) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode()


def _aligned(table: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = ("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\r\n".join(lines)


def _xml(table: Sequence[Sequence[str]]) -> bytes:
    names = [f"column{number}" for number in range(len(table[0]))]
    rows = (
        "".join(f"<{name}>{escape(cell)}</{name}>" for name, cell in zip(names, row, strict=True)) for row in table[1:]
    )
    text = f"<orders>{''.join(f'<order>{row}</order>' for row in rows)}</orders>"
    return f'<?xml version="1.0" encoding="windows-1251"?>{text}'.encode("cp1251")


def _xml_attributes(elements: bytes) -> bytes:
    return elements.replace(b"<row><number>", b'<row number="').replace(b"</number></row>", b'" price="15000"/>')


def _spreadsheet_xml(table: Sequence[Sequence[str]]) -> bytes:
    space = "urn:schemas-microsoft-com:office:spreadsheet"
    cells = ("".join(f'<Cell><Data ss:Type="String">{escape(cell)}</Data></Cell>' for cell in row) for row in table)
    rows = "".join(f"<Row>{row}</Row>" for row in cells)
    sheet = f'<Worksheet ss:Name="S"><Table>{rows}</Table></Worksheet>'
    return f'<?xml version="1.0"?><Workbook xmlns="{space}" xmlns:ss="{space}">{sheet}</Workbook>'.encode()


def _html(table: Sequence[Sequence[str]]) -> bytes:
    rows = "".join(f"<tr>{''.join(f'<td colspan=1>{escape(cell)}</td>' for cell in row)}</tr>" for row in table)
    return f'<html><head><meta charset="utf-8"></head><body><table border=1>{rows}</table></body></html>'.encode()


def _pdf(table: Sequence[Sequence[str]]) -> bytes:
    narrow = [[cell[:14] for cell in row[:6]] for row in table]
    places = [30 + 130 * column for column in range(6)]
    pages = [printed_table(narrow, places)[0], printed_table([narrow[0], *narrow[1:5]], places)[0]]
    return pdf_bytes(pages)
