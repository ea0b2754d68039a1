"""XLSX workbooks: cells as a person sees them, row numbers of the sheet, damage that is always named."""

import random
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
import rustpy_xlsxwriter

from tests.factories import hw_row, write_xlsx
from vhm24r.intake.formats.protocol import CHUNK_ROWS, Unreadable
from vhm24r.intake.formats.workbook import LARGEST_PART, Workbook
from vhm24r.intake.types import Chunk

pytestmark = pytest.mark.unit

NS = "http://schemas.openxmlformats.org"


def part(tag: str, namespace: str, content: str) -> str:
    return f'<?xml version="1.0"?><{tag} xmlns="{NS}/{namespace}" xmlns:r="{NS}/officeDocument/2006/relationships">{content}</{tag}>'  # noqa: E501


def relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{NS}/officeDocument/2006/relationships/{kind}" Target="{target}"/>'


def write_raw(path: Path, sheets: dict[str, str]) -> Path:
    """A workbook out of the XML rows of its sheets."""
    names = list(enumerate(sheets, 1))
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in names)
    links = "".join(relation(n, "worksheet", f"worksheets/sheet{n}.xml") for n, _ in names)
    top = relation(1, "officeDocument", "xl/workbook.xml")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", part("Types", "package/2006/content-types", ""))
        archive.writestr("_rels/.rels", part("Relationships", "package/2006/relationships", top))
        archive.writestr("xl/workbook.xml", part("workbook", "spreadsheetml/2006/main", f"<sheets>{listed}</sheets>"))
        archive.writestr("xl/_rels/workbook.xml.rels", part("Relationships", "package/2006/relationships", links))
        for n, name in names:
            body = part("worksheet", "spreadsheetml/2006/main", f"<sheetData>{sheets[name]}</sheetData>")
            archive.writestr(f"xl/worksheets/sheet{n}.xml", body)
    return path


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def rows_of(path: Path) -> list[list[str]]:
    return [row for table in Workbook().tables(path) for chunk in table.chunks for row in chunk.rows]


def drain(path: Path) -> None:
    rows_of(path)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0012", "0012"),
        ("Эспрессо", "Эспрессо"),
        ("8.6E+15", "8.6E+15"),
        (15000, "15000"),
        (-15000, "-15000"),
        (0, "0"),
        (15000.5, "15000.5"),
        (15000.0, "15000"),
        (46016.010405, "46016.010405"),
        (123456789012345, "123456789012345"),
        (999999999999999, "999999999999999"),
        (8600123456789012, "8.600123E+15"),
        (-8600123456789012, "-8.600123E+15"),
        (True, "True"),
        (False, "False"),
        (None, ""),
        (datetime(2025, 12, 25, 0, 14, 59), "2025-12-25 00:14:59"),
        (datetime(2025, 12, 25), "2025-12-25"),
        (date(2025, 12, 25), "2025-12-25"),
    ],
    ids=repr,
)
def test_a_cell_becomes_the_text_a_person_sees(tmp_path: Path, value: object, text: str) -> None:
    path = write_xlsx(tmp_path / "cells", [{"first": "x", "cell": value, "last": "y"}])

    assert rows_of(path) == [["first", "cell", "last"], ["x", text, "y"]]


def test_a_report_written_as_a_workbook_has_the_same_cells(tmp_path: Path) -> None:
    rows = [hw_row(1), hw_row(2)]
    path = write_xlsx(tmp_path / "report", rows, "Отчёт")

    (table,) = Workbook().tables(path)

    assert (table.index, table.sheet, table.total_rows) == (0, "Отчёт", 3)
    assert list(table.chunks) == [Chunk(1, [list(rows[0]), *(list(row.values()) for row in rows)])]


def test_row_numbers_are_those_of_the_sheet_wherever_its_data_begins(tmp_path: Path) -> None:
    rows = (
        f'<row r="3">{text_cell("B3", "Номер")}{text_cell("C3", "Цена")}</row>'
        f'<row r="6">{text_cell("B6", "A1")}<c r="C6"><v>15000</v></c></row>'
    )
    path = write_raw(tmp_path / "offset", {"S": rows})

    (table,) = Workbook().tables(path)
    (chunk,) = table.chunks

    assert table.total_rows == 6
    numbered = {number: row for number, row in enumerate(chunk.rows, chunk.first_row) if any(row)}
    assert numbered == {3: ["Номер", "Цена"], 6: ["A1", "15000"]}


def test_every_sheet_is_a_table_and_an_empty_one_is_passed_over(tmp_path: Path) -> None:
    sheets = {
        "Первый": f'<row r="1">{text_cell("A1", "a")}</row>',
        "Пустой": "",
        "Второй": f'<row r="1">{text_cell("A1", "b")}</row>',
    }
    path = write_raw(tmp_path / "sheets", sheets)

    found = [(table.index, table.sheet, list(table.chunks)) for table in Workbook().tables(path)]

    assert found == [(0, "Первый", [Chunk(1, [["a"]])]), (2, "Второй", [Chunk(1, [["b"]])])]


def test_long_sheets_come_in_chunks_that_know_their_first_row(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "long", [{"a": index} for index in range(CHUNK_ROWS + 1)])

    (table,) = Workbook().tables(path)

    assert [(chunk.first_row, len(chunk.rows)) for chunk in table.chunks] == [(1, CHUNK_ROWS), (CHUNK_ROWS + 1, 2)]


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"PK\x03\x04....xl/workbook.xml", True),
        (b"PK\x03\x04....[Content_Types].xml", True),
        (b"PK\x03\x04....report.csv", False),
        (b"....xl/workbook.xml", False),
        (b"", False),
    ],
)
def test_a_workbook_is_recognised_by_its_first_bytes(head: bytes, *, known: bool) -> None:
    assert Workbook().recognises(head) is known


def test_a_real_workbook_is_recognised(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "report.csv", [hw_row()])

    assert Workbook().recognises(path.read_bytes())


@pytest.mark.parametrize("permille", [1, 10, 50, 100, 250, 400, 500, 600, 750, 900, 950, 990, 999])
def test_a_truncated_workbook_is_unreadable_wherever_it_was_cut(tmp_path: Path, permille: int) -> None:
    whole = write_xlsx(tmp_path / "whole", [hw_row(n) for n in range(30)]).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) * permille // 1000])

    with pytest.raises(Unreadable) as caught:
        drain(cut)

    assert caught.value.params["reason"]


def test_a_workbook_with_damaged_bytes_is_read_or_unreadable_and_nothing_else(tmp_path: Path) -> None:
    whole = write_xlsx(tmp_path / "whole", [hw_row(n) for n in range(3)]).read_bytes()
    chance = random.Random(20251225)
    damaged = tmp_path / "damaged"
    refused = 0

    for _ in range(400):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 5)):
            content[chance.randrange(4, len(content))] = chance.randrange(256)
        damaged.write_bytes(content)
        try:
            drain(damaged)
        except Unreadable:
            refused += 1

    assert refused > 100


def test_an_archive_made_for_a_later_kind_of_zip_is_unreadable(tmp_path: Path) -> None:
    content = bytearray(write_xlsx(tmp_path / "whole", [hw_row()]).read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 92
    path = tmp_path / "later"
    path.write_bytes(content)

    with pytest.raises(Unreadable, match=r"zip file version 9\.2"):
        drain(path)


def test_an_archive_that_holds_no_workbook_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "letter.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<document/>")

    assert Workbook().recognises(path.read_bytes())
    with pytest.raises(Unreadable):
        drain(path)


def test_a_sheet_that_is_listed_and_missing_is_unreadable_by_name(tmp_path: Path) -> None:
    whole = write_raw(tmp_path / "whole", {"Первый": "", "Второй": ""})
    partial = tmp_path / "partial"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(partial, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"<broken" if name.endswith("sheet2.xml") else source.read(name))

    with pytest.raises(Unreadable) as caught:
        drain(partial)

    assert caught.value.params["sheet"] == "Второй"


def test_a_part_that_unpacks_two_hundredfold_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "bomb", {"S": " " * 30_000_000})

    with pytest.raises(Unreadable) as caught:
        drain(path)

    assert caught.value.params == {"reason": "unpacks to an absurd size", "part": "xl/worksheets/sheet1.xml"}


def test_a_part_that_says_it_is_larger_than_a_gibibyte_is_refused(tmp_path: Path) -> None:
    content = bytearray(write_raw(tmp_path / "whole", {"S": ""}).read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 20 : directory + 24] = (LARGEST_PART - 1).to_bytes(4, "little")
    content[directory + 24 : directory + 28] = (LARGEST_PART + 1).to_bytes(4, "little")
    path = tmp_path / "large"
    path.write_bytes(content)

    with pytest.raises(Unreadable, match="absurd size"):
        drain(path)


def test_a_repetitive_honest_report_is_not_taken_for_a_bomb(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "same", [{"a": "Эспрессо", "b": 15000} for _ in range(20_000)])

    assert len(rows_of(path)) == 20_001


def test_two_sheets_of_one_writer_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "two"
    rustpy_xlsxwriter.write_worksheets([("b", [{"x": 1}]), ("a", [{"x": 2}])], str(path))

    assert [table.sheet for table in Workbook().tables(path)] == ["b", "a"]
