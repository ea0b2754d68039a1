"""Workbooks: cells as a person sees them, row numbers of the sheet, damage that is always named."""

import contextlib
import random
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
import python_calamine
import rustpy_xlsxwriter
import xlwt

from tests.documents import doc_bytes, docx_bytes, ole_bytes, pdf_bytes, saved, xls_bytes
from tests.factories import csv_bytes, hw_row, write_xlsx
from vhm24r.intake.errors import FileDamaged, FileEncrypted, FileExcessive, FileRefused
from vhm24r.intake.formats import sheet_parts
from vhm24r.intake.formats.merged import stands_in_every_row
from vhm24r.intake.formats.office_package import LARGEST_PART, open_package
from vhm24r.intake.formats.protocol import CHUNK_ROWS, Format, Sample
from vhm24r.intake.formats.workbook import BinaryWorkbook, Workbook, text_of
from vhm24r.intake.types import Chunk

pytestmark = pytest.mark.unit

NS = "http://schemas.openxmlformats.org"


def part(tag: str, namespace: str, content: str) -> str:
    return f'<?xml version="1.0"?><{tag} xmlns="{NS}/{namespace}" xmlns:r="{NS}/officeDocument/2006/relationships">{content}</{tag}>'  # noqa: E501


def relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{NS}/officeDocument/2006/relationships/{kind}" Target="{target}"/>'


def write_raw(path: Path, sheets: dict[str, str], *, start: str = "", end: str = "", before: str = "") -> Path:
    """A workbook out of the XML rows of its sheets; `start` and `end` stand around the rows of each, `before`
    in front of the list of sheets.
    """
    names = list(enumerate(sheets, 1))
    listed = "".join(f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in names)
    links = "".join(relation(n, "worksheet", f"worksheets/sheet{n}.xml") for n, _ in names)
    top = relation(1, "officeDocument", "xl/workbook.xml")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", part("Types", "package/2006/content-types", ""))
        archive.writestr("_rels/.rels", part("Relationships", "package/2006/relationships", top))
        archive.writestr(
            "xl/workbook.xml", part("workbook", "spreadsheetml/2006/main", f"{before}<sheets>{listed}</sheets>")
        )
        archive.writestr("xl/_rels/workbook.xml.rels", part("Relationships", "package/2006/relationships", links))
        for n, name in names:
            body = part("worksheet", "spreadsheetml/2006/main", f"{start}<sheetData>{sheets[name]}</sheetData>{end}")
            archive.writestr(f"xl/worksheets/sheet{n}.xml", body)
    return path


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


DATES = part(
    "styleSheet", "spreadsheetml/2006/main", '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs>'
)


def with_dates(path: Path) -> Path:
    """The workbook, its cells of style 1 made instants."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/styles.xml", DATES)
    return path


def rows_of(path: Path, form: Format | None = None) -> list[list[str]]:
    return [row for table in (form or Workbook()).tables(path) for chunk in table.chunks for row in chunk.rows]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


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


def test_a_workbook_is_recognised_under_any_name(tmp_path: Path) -> None:
    report = write_xlsx(tmp_path / "report.csv", [hw_row()])
    old = written(tmp_path / "report.xlsx", xls_bytes([["a"]]))

    assert Workbook().recognises(Sample.of(report))
    assert not BinaryWorkbook().recognises(Sample.of(report))
    assert BinaryWorkbook().recognises(Sample.of(old))
    assert not Workbook().recognises(Sample.of(old))


def others(folder: Path) -> Iterator[Path]:
    yield written(folder / "letter.docx", docx_bytes(""))
    yield written(folder / "letter.doc", doc_bytes("letter"))
    yield written(folder / "report.pdf", pdf_bytes([[(10, 10, "x")]]))
    yield written(folder / "report.csv", csv_bytes([hw_row()]))
    yield written(folder / "half.docx", docx_bytes("")[:-30])
    yield written(folder / "empty", b"")
    yield written(folder / "start", b"PK\x03\x04")
    packed = folder / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(write_xlsx(folder / "report.xlsx", [hw_row()]), "report.xlsx")
    yield packed
    yield written(folder / "half.zip", packed.read_bytes()[:-30])
    with zipfile.ZipFile(folder / "folder.zip", "w") as archive:
        archive.writestr("xl/report.csv", "a,b")
    yield folder / "folder.zip"


def test_a_workbook_recognises_nobody_elses_files(tmp_path: Path) -> None:
    for path in others(tmp_path):
        assert not Workbook().recognises(Sample.of(path)), path
        assert not BinaryWorkbook().recognises(Sample.of(path)), path


def test_a_workbook_with_the_path_names_of_another_system_is_one(tmp_path: Path) -> None:
    path = tmp_path / "report"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[content_types].xml", "")
        archive.writestr("XL\\workbook.xml", "")

    assert Workbook().recognises(Sample.of(path))


@pytest.mark.parametrize("permille", [1, 10, 50, 100, 250, 400, 500, 600, 750, 900, 950, 990, 999])
def test_a_truncated_workbook_is_unreadable_wherever_it_was_cut(tmp_path: Path, permille: int) -> None:
    whole = write_xlsx(tmp_path / "whole", [hw_row(n) for n in range(30)]).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) * permille // 1000])

    assert permille < 250 or Workbook().recognises(Sample.of(cut))
    with pytest.raises(FileDamaged) as caught:
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
        except FileRefused:
            refused += 1

    assert refused > 100


def test_an_archive_made_for_a_later_kind_of_zip_is_unreadable(tmp_path: Path) -> None:
    content = bytearray(write_xlsx(tmp_path / "whole", [hw_row()]).read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 92
    path = tmp_path / "later"
    path.write_bytes(content)

    with pytest.raises(FileDamaged, match=r"zip file version 9\.2"):
        drain(path)


def test_a_sheet_that_is_listed_and_missing_is_unreadable_by_name(tmp_path: Path) -> None:
    whole = write_raw(tmp_path / "whole", {"Первый": "", "Второй": ""})
    partial = tmp_path / "partial"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(partial, "w") as target:
        for name in source.namelist():
            target.writestr(name, b"<broken" if name.endswith("sheet2.xml") else source.read(name))

    with pytest.raises(FileDamaged) as caught:
        drain(partial)

    assert caught.value.params["sheet"] == "Второй"


def test_a_part_that_unpacks_two_hundredfold_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "bomb", {"S": " " * 30_000_000})

    with pytest.raises(FileExcessive) as caught:
        drain(path)

    assert caught.value.params == {"part": "xl/worksheets/sheet1.xml", "size_mb": 28, "limit_mb": 1024}


def test_a_part_that_says_it_is_larger_than_a_gibibyte_is_refused(tmp_path: Path) -> None:
    content = bytearray(write_raw(tmp_path / "whole", {"S": ""}).read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[directory + 20 : directory + 24] = (LARGEST_PART - 1).to_bytes(4, "little")
    content[directory + 24 : directory + 28] = (LARGEST_PART + 1).to_bytes(4, "little")
    path = tmp_path / "large"
    path.write_bytes(content)

    with pytest.raises(FileExcessive) as caught:
        drain(path)

    assert caught.value.params["size_mb"] == 1024


def test_a_repetitive_honest_report_is_not_taken_for_a_bomb(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "same", [{"a": "Эспрессо", "b": 15000} for _ in range(20_000)])

    assert len(rows_of(path)) == 20_001


def test_two_sheets_of_one_writer_keep_their_order(tmp_path: Path) -> None:
    path = tmp_path / "two"
    rustpy_xlsxwriter.write_worksheets([("b", [{"x": 1}]), ("a", [{"x": 2}])], str(path))

    assert [table.sheet for table in Workbook().tables(path)] == ["b", "a"]


def test_cells_in_error_reach_their_row(tmp_path: Path) -> None:
    rows = (
        f'<row r="2">{text_cell("B2", "Номер")}{text_cell("C2", "Цена")}</row>'
        '<row r="3"><c r="B3"><v>1</v></c><c r="C3" t="e"><f>B3/0</f><v>#DIV/0!</v></c></row>'
        "<row r='4'><c s='1' t='e' r='B4'><v>#N/A</v></c><c t='e'><v>#REF!</v></c></row>"
    )
    path = write_raw(tmp_path / "errors", {"S": rows})

    assert rows_of(path)[1:] == [["Номер", "Цена"], ["1", "#DIV/0!"], ["#N/A", ""]]


def test_an_error_at_the_edge_of_a_block_is_seen_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vhm24r.intake.formats.office_package.BLOCK_BYTES", 7)
    monkeypatch.setattr(sheet_parts, "OVERLAP_BYTES", 200)
    path = write_raw(tmp_path / "errors", {"S": '<row r="1"><c r="A1" t="e"><v>#DIV/0!</v></c></row>'})

    assert rows_of(path) == [["#DIV/0!"]]
    with open_package(path, "xlsx") as package:
        assert sheet_parts.survey(package, "S", "xl/worksheets/sheet1.xml") == {1: [(0, "#DIV/0!")]}


def test_a_text_merged_over_rows_stands_in_each_and_an_amount_in_the_first(tmp_path: Path) -> None:
    rows = (
        f'<row r="2">{text_cell("B2", "автомат")}<c r="C2"><v>15000</v></c><c r="D2" s="1"><v>46016</v></c></row>'
        f'<row r="3">{text_cell("E3", "x")}</row><row r="4"><c r="E4"><v>1</v></c></row>'
        f'<row r="5">{text_cell("B5", "wide")}{text_cell("E5", "y")}</row>'
    )
    merged = "".join(f'<mergeCell ref="{ref}"/>' for ref in ("B2:B4", "C2:C4", "D2:D3", "B5:D5", "E5:E9", "A1:A9"))
    path = with_dates(write_raw(tmp_path / "merged", {"S": rows}, end=f"<mergeCells>{merged}</mergeCells>"))

    assert rows_of(path)[1:] == [
        ["автомат", "15000", "2025-12-25", ""],
        ["автомат", "", "2025-12-25", "x"],
        ["автомат", "", "", "1"],
        ["wide", "", "", "y"],
    ]


def test_a_merged_text_goes_on_in_the_next_chunk_and_covers_no_other_text(tmp_path: Path) -> None:
    last = CHUNK_ROWS + 3
    rows = [f'<row r="{n}"><c r="B{n}"><v>{n}</v></c></row>' for n in range(1, last + 1)]
    rows[CHUNK_ROWS - 1] = f'<row r="{CHUNK_ROWS}">{text_cell(f"A{CHUNK_ROWS}", "автомат")}</row>'
    rows[CHUNK_ROWS] = f'<row r="{CHUNK_ROWS + 1}">{text_cell(f"A{CHUNK_ROWS + 1}", "own")}</row>'
    end = f'<mergeCells><mergeCell ref="A{CHUNK_ROWS}:A{CHUNK_ROWS + 2}"/></mergeCells>'
    path = write_raw(tmp_path / "merged", {"S": "".join(rows)}, end=end)

    assert [row[0] for row in rows_of(path)[-4:]] == ["автомат", "own", "автомат", ""]


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("24a8ff000001", True), ("ул. Навои, 1", True), ("21.11.2026", True), ("2025-12-25 00:14:59", True), ("", True),
        ("15000", False), ("15 000,00", False), ("1.234,56", False), ("(15\u00a0000)", False), ("-5", False),
        ("15000 UZS", False), ("15 000 сум", False), ("0012", False),
    ],
)  # fmt: skip
def test_what_a_merged_cell_says_holds_for_its_rows_unless_it_is_an_amount(text: str, *, repeated: bool) -> None:
    assert stands_in_every_row(text) is repeated


def test_merged_cells_of_a_binary_workbook_are_the_same(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("S")
    sheet.write_merge(0, 2, 0, 0, "автомат")
    sheet.write_merge(0, 1, 1, 1, 15000)
    sheet.write(2, 1, 1)
    path = written(tmp_path / "report", saved(book))

    assert rows_of(path, BinaryWorkbook()) == [["автомат", "15000"], ["автомат", ""], ["автомат", "1"]]


def test_hidden_sheets_say_so(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    for visibility in (0, 1, 2):
        sheet = book.add_sheet(f"S{visibility}")
        sheet.visibility = visibility
        sheet.write(0, 0, "x")
    path = written(tmp_path / "report", saved(book))
    new = write_raw(tmp_path / "new", {"A": f'<row r="1">{text_cell("A1", "a")}</row>'})
    content = zipfile.ZipFile(new).read("xl/workbook.xml").replace(b"<sheet ", b'<sheet state="veryHidden" ')
    with zipfile.ZipFile(new) as source, zipfile.ZipFile(tmp_path / "hidden", "w") as target:
        for name in source.namelist():
            target.writestr(name, content if name == "xl/workbook.xml" else source.read(name))

    assert [(table.sheet, table.hidden) for table in BinaryWorkbook().tables(path)] == [
        ("S0", False), ("S1", True), ("S2", True),
    ]  # fmt: skip
    assert [table.hidden for table in Workbook().tables(tmp_path / "hidden")] == [True]


@pytest.mark.parametrize("since_1904", [False, True])
def test_dates_are_right_in_both_date_systems(tmp_path: Path, *, since_1904: bool) -> None:
    moment = datetime(2025, 12, 25, 0, 14, 59)
    book = xlwt.Workbook()
    book.dates_1904 = since_1904
    book.add_sheet("S").write(0, 0, moment, xlwt.easyxf(num_format_str="yyyy-mm-dd hh:mm:ss"))
    old = written(tmp_path / "old", saved(book))
    serial = 46016.010405 - (1462 if since_1904 else 0)
    before = '<workbookPr date1904="1"/>' if since_1904 else ""
    cell = f'<row r="1"><c r="A1" s="1"><v>{serial}</v></c></row>'
    new = with_dates(write_raw(tmp_path / "new", {"S": cell}, before=before))

    assert rows_of(old, BinaryWorkbook()) == [["2025-12-25 00:14:59"]]
    assert rows_of(new) == [["2025-12-25 00:14:59"]]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (datetime(2025, 12, 25, 0, 14, 58, 992000), "2025-12-25 00:14:59"),
        (datetime(2025, 12, 25, 0, 14, 58, 400000), "2025-12-25 00:14:58"),
        (datetime(9999, 12, 31, 23, 59, 59, 999999), "9999-12-31 23:59:59"),
        (time(1, 2, 3), "01:02:03"),
        (time(1, 2, 2, 999000), "01:02:03"),
        (timedelta(days=1, hours=12), "36:00:00"),
        (timedelta(minutes=-5), "-0:05:00"),
        (timedelta(microseconds=-5), "0:00:00"),
        (float("nan"), "NAN"),
        (float("inf"), "INF"),
    ],
    ids=repr,
)
def test_times_and_odd_numbers_become_what_a_person_sees(cell: object, text: str) -> None:
    assert text_of(cell) == text


def test_a_binary_workbook_has_the_same_cells(tmp_path: Path) -> None:
    rows = [hw_row(1), hw_row(2)]
    path = written(tmp_path / "report", xls_bytes([list(rows[0]), *(list(row.values()) for row in rows)], "Отчёт"))

    (table,) = BinaryWorkbook().tables(path)

    assert (table.index, table.sheet, table.total_rows, table.hidden) == (0, "Отчёт", 3, False)
    width = len(rows[0]) - 1  # nothing is written in its last columns
    (chunk,) = table.chunks
    assert [row[:12] for row in chunk.rows] == [list(rows[0])[:12], *(list(row.values())[:12] for row in rows)]
    assert len(chunk.rows[0]) > width


def test_a_workbook_with_a_password_is_encrypted_and_still_a_workbook(tmp_path: Path) -> None:
    path = written(tmp_path / "locked", ole_bytes({"EncryptionInfo": b"x", "EncryptedPackage": b"y"}))

    assert Workbook().recognises(Sample.of(path))
    assert not BinaryWorkbook().recognises(Sample.of(path))
    with pytest.raises(FileEncrypted):
        drain(path)


def test_a_binary_workbook_with_a_password_is_encrypted(tmp_path: Path) -> None:
    content = xls_bytes([["a"]])
    place = content.index(b"\xe1\x00\x02\x00")  # the record behind the first one; its number becomes FILEPASS
    path = written(tmp_path / "locked", content[:place] + b"\x2f\x00" + content[place + 2 :])

    assert BinaryWorkbook().recognises(Sample.of(path))
    with pytest.raises(FileEncrypted):
        rows_of(path, BinaryWorkbook())


def test_an_archive_with_a_password_is_encrypted(tmp_path: Path) -> None:
    content = bytearray(write_raw(tmp_path / "whole", {"S": ""}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path = written(tmp_path / "locked", bytes(content))

    with pytest.raises(FileEncrypted):
        drain(path)


@pytest.mark.parametrize("dimension", ["", '<dimension ref="A1:XFD1048576"/>', '<dimension ref="A1"/>'])
def test_two_cells_at_the_ends_of_the_world_are_refused(tmp_path: Path, dimension: str) -> None:
    rows = f'<row r="1">{text_cell("A1", "a")}</row><row r="1048576">{text_cell("XFD1048576", "b")}</row>'
    path = write_raw(tmp_path / "far", {"Отчёт": rows}, start=dimension)
    if 'A1"' in dimension:  # a lie; found where the cells are, by the limits of the process that reads them
        with open_package(path, "xlsx") as package:
            assert sheet_parts.survey(package, "Отчёт", "xl/worksheets/sheet1.xml") == {}
        return

    with pytest.raises(FileExcessive) as caught:
        drain(path)

    assert caught.value.params == {"part": "Отчёт", "size_mb": 524288, "limit_mb": 1525}


def test_a_sheet_that_says_too_much_and_holds_little_is_read(tmp_path: Path) -> None:
    rows = f'<row r="1">{text_cell("A1", "a")}</row>'
    path = write_raw(tmp_path / "small", {"S": rows}, start='<dimension ref="A1:XFD1048576"/>')

    assert rows_of(path) == [["a"]]


def test_a_list_of_sheets_that_is_no_xml_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "report"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook")
        archive.writestr("xl/_rels/workbook.xml.rels", "<Relationships/>")

    with pytest.raises(FileDamaged):
        drain(path)


def test_a_binary_package_has_no_xml_to_look_through(tmp_path: Path) -> None:
    path = tmp_path / "report"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.bin", b"")

    with open_package(path, "xlsx") as package:
        assert sheet_parts.sheet_parts(package) == {}
        assert package.size("xl/workbook.xml") == 0


def test_a_sheet_without_a_part_of_its_own_has_none(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "report", {"S": ""})
    content = (
        zipfile.ZipFile(path).read("xl/workbook.xml").replace(b"</sheets>", b'<sheet name="X" r:id="rId9"/></sheets>')
    )
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(tmp_path / "more", "w") as target:
        for name in source.namelist():
            target.writestr(name, content if name == "xl/workbook.xml" else source.read(name))

    with open_package(tmp_path / "more", "xlsx") as package:
        assert sheet_parts.sheet_parts(package) == {"S": "xl/worksheets/sheet1.xml"}


@pytest.mark.parametrize("permille", [1, 50, 100, 250, 500, 600, 750, 900, 950, 999])
def test_a_truncated_binary_workbook_is_read_or_damaged_and_nothing_else(tmp_path: Path, permille: int) -> None:
    whole = xls_bytes([[f"text {n}", n] for n in range(300)])
    path = written(tmp_path / "cut", whole[: len(whole) * permille // 1000])

    BinaryWorkbook().recognises(Sample.of(path))
    with contextlib.suppress(FileRefused):
        assert len(rows_of(path, BinaryWorkbook())) in {0, 300}


DAMAGING = """
import random, sys
from pathlib import Path
from vhm24r.intake.errors import FileRefused
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.formats.workbook import BinaryWorkbook
whole, chance, refused = Path(sys.argv[1]).read_bytes(), random.Random(20251225), 0
damaged = Path(sys.argv[1] + ".damaged")
for _ in range(200):
    content = bytearray(whole)
    for _ in range(chance.randrange(1, 9)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    damaged.write_bytes(content)
    BinaryWorkbook().recognises(Sample.of(damaged))
    try:
        for table in BinaryWorkbook().tables(damaged):
            list(table.chunks)
    except FileRefused:
        refused += 1
print(refused)
"""


def test_a_binary_workbook_with_damaged_bytes_is_read_or_damaged_and_nothing_else(tmp_path: Path) -> None:
    # the reader may ask for any amount of memory and abort; its panics write to the error output
    path = written(tmp_path / "report", xls_bytes([["text", n, 1.5] for n in range(20)]))

    done = subprocess.run([sys.executable, "-c", DAMAGING, str(path)], capture_output=True, text=True, check=False)

    assert done.returncode in {0, -signal.SIGABRT}, done.stderr
    assert done.returncode or int(done.stdout) > 10


class PanicException(BaseException):
    """What the reader raises when it gives up; it cannot be imported."""


@pytest.mark.parametrize("raised", [PanicException, KeyboardInterrupt])
def test_a_reader_that_gives_up_is_damage_and_an_interruption_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: type[BaseException]
) -> None:
    class Book:
        @staticmethod
        def from_filelike(_: object) -> None:
            raise raised

    monkeypatch.setattr(python_calamine, "CalamineWorkbook", Book)
    path = written(tmp_path / "report", xls_bytes([["a"]]))

    with pytest.raises(FileDamaged if raised is PanicException else KeyboardInterrupt):
        rows_of(path, BinaryWorkbook())


def test_shared_texts_that_are_not_what_was_written_are_damage(tmp_path: Path) -> None:
    whole = write_raw(tmp_path / "whole", {"S": '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'})
    shared = part("sst", "spreadsheetml/2006/main", "<si><t>Espresso</t></si>")
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("xl/SharedStrings.xml", shared)  # any case will do
    content = whole.read_bytes()

    assert rows_of(whole) == [["Espresso"]]
    with pytest.raises(FileDamaged, match="CRC"):
        drain(written(tmp_path / "damaged", content.replace(b"Espresso", b"Esprasso")))
