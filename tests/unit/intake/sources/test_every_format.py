"""Every layout of every source, written in every format: the format changes nothing of what its rows state."""

import csv
import io
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import orjson
import pytest
import rustpy_xlsxwriter

from tests.archives import Packed, rar4, rar5, zip_archive
from tests.documents import doc_bytes, docx_bytes, docx_table, pdf_bytes, printed_table, xls_bytes
from tests.reading import read_file
from tests.unit.intake.sources.layouts import LAYOUTS, ZONE, Layout

pytestmark = pytest.mark.unit

Cells = Sequence[Sequence[str]]
XML_NAME = re.compile(r"[№\w][\w.-]*")
NUMERO = "№"
"""The number of a row, which says nothing of it; the font of our printed pages does not have the sign."""

PRINTED_COLUMN = 260
"""Between two columns of a printed page: more than the longest cell takes."""


def _delimited(delimiter: str, encoding: str) -> Callable[[Cells], bytes]:
    def write(rows: Cells) -> bytes:
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter).writerows(rows)
        return text.getvalue().encode(encoding)

    return write


def _fixed_width(rows: Cells) -> bytes:
    widths = [max(map(len, column)) + 2 for column in zip(*rows, strict=True)]
    return "\n".join("".join(map(str.ljust, row, widths)) for row in rows).encode()


def _xml_name(name: str) -> str:
    return name.replace(" ", "_")


def _objects(rows: Cells) -> list[dict[str, str]]:
    header, *cells = rows
    return [dict(zip(header, row, strict=True)) for row in cells]


def _xml(rows: Cells) -> bytes:
    header, *cells = rows
    names = [_xml_name(name) for name in header]
    records = ("".join(f"<{n}>{escape(c)}</{n}>" for n, c in zip(names, row, strict=True)) for row in cells)
    return f"<report>{''.join(f'<row>{record}</row>' for record in records)}</report>".encode()


def _xlsx(rows: Cells) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.xlsx"
        rustpy_xlsxwriter.write_worksheet([dict(row) for row in _objects(rows)], str(path), "Sheet1")
        return path.read_bytes()


def _pdf(rows: Cells) -> bytes:
    wanted = [place for place, name in enumerate(rows[0]) if name != NUMERO]
    printed = [[row[place] for place in wanted] for row in rows]
    return pdf_bytes([printed_table(printed, [20 + PRINTED_COLUMN * number for number in range(len(wanted))])[0]])


_csv = _delimited(",", "utf-8")
FORMATS: dict[str, Callable[[Cells], bytes]] = {
    "csv, windows-1251": _delimited(";", "cp1251"),
    "csv, utf-16": _delimited(",", "utf-16"),
    "tsv": _delimited("\t", "utf-8"),
    "txt": _fixed_width,
    "xlsx": _xlsx,
    "xls": xls_bytes,
    "pdf": _pdf,
    "doc": lambda rows: doc_bytes(rows),
    "docx": lambda rows: docx_bytes(docx_table(rows)),
    "json": lambda rows: orjson.dumps(_objects(rows)),
    "ndjson": lambda rows: b"\n".join(map(orjson.dumps, _objects(rows))),
    "xml": _xml,
    "zip": lambda rows: zip_archive([Packed("report.csv", _csv(rows))]),
    "rar 4": lambda rows: rar4([Packed("report.csv", _csv(rows))]),
    "rar 5": lambda rows: rar5([Packed("report.csv", _csv(rows))]),
}


def stated(path: Path) -> tuple[str, list[tuple[bytes, bytes]]]:
    """The source of a file, and what its rows state: identities and contents."""
    file, batches = read_file(path, ZONE)
    found: list[tuple[bytes, bytes]] = []
    for batch in batches:
        if batch.stated:
            one = batch.stated
            found += [
                (one.identities[at : at + 16], one.contents[at : at + 16]) for at in range(0, len(one.contents), 16)
            ]
    return file.source.name, found


def cells_of(layout: Layout) -> Cells:
    return [[" ".join(name.split()) for name in layout.header], *layout.cells]


def can_be_written(layout: Layout, form: str) -> bool:
    """In XML a column is called by its name, which not every name can be."""
    return form != "xml" or all(XML_NAME.fullmatch(_xml_name(name)) for name in cells_of(layout)[0])


CASES = [(layout, form) for layout in LAYOUTS for form in FORMATS if can_be_written(layout, form)]


@pytest.mark.parametrize(("layout", "form"), CASES, ids=[f"{layout.id}-{form}" for layout, form in CASES])
def test_a_layout_states_the_same_in_every_format(tmp_path: Path, layout: Layout, form: str) -> None:
    rows = cells_of(layout)
    plain, other = tmp_path / "plain.csv", tmp_path / "other"
    plain.write_bytes(_csv(rows))
    other.write_bytes(FORMATS[form](rows))
    expected = stated(plain)

    assert expected[0] == layout.source.name
    assert expected[1]
    assert stated(other) == expected


def test_all_but_one_layout_can_be_written_in_xml() -> None:
    assert len(CASES) == len(LAYOUTS) * len(FORMATS) - 1
