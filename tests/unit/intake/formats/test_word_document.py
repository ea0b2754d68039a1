"""DOCX documents: every table a table, merged cells and tables in cells as a person reads them."""

import random
import zipfile
from pathlib import Path

import pytest

from tests.documents import doc_bytes, docx_bytes, docx_cell, docx_table, pdf_bytes
from tests.factories import csv_bytes, hw_row, write_xlsx
from vhm24r.intake.errors import FileDamaged, FileExcessive, FileRefused, ForbiddenContent
from vhm24r.intake.formats.protocol import CHUNK_ROWS, Sample
from vhm24r.intake.formats.word_document import WordDocument
from vhm24r.intake.types import Table

pytestmark = pytest.mark.unit


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def tables_of(folder: Path, content: bytes) -> list[Table]:
    return list(WordDocument().tables(written(folder, content)))


def rows_of(folder: Path, body: str) -> list[list[str]]:
    (table,) = tables_of(folder, docx_bytes(body))
    return [row for chunk in table.chunks for row in chunk.rows]


def test_a_report_in_a_table_has_the_same_cells(tmp_path: Path) -> None:
    rows = [hw_row(1), hw_row(2)]
    cells = [list(rows[0]), *(list(row.values()) for row in rows)]

    (table,) = tables_of(tmp_path, docx_bytes(f"<w:p/>{docx_table(cells)}<w:p/>"))

    assert (table.index, table.sheet, table.total_rows, table.hidden) == (0, None, 3, False)
    assert [(chunk.first_row, chunk.rows) for chunk in table.chunks] == [(1, cells)]


def test_several_tables_are_numbered_and_asked_side_by_side(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, docx_bytes(docx_table([["a"]]) + docx_table([["b"], ["c"]])))

    chunks = [table.chunks for table in tables]

    assert [(table.index, table.sheet, table.total_rows) for table in tables] == [(0, "table 1", 1), (1, "table 2", 2)]
    assert [next(chunk).rows for chunk in reversed(chunks)] == [[["b"], ["c"]], [["a"]]]


def test_a_document_without_tables_has_none(tmp_path: Path) -> None:
    assert tables_of(tmp_path, docx_bytes("<w:p><w:r><w:t>letter</w:t></w:r></w:p>")) == []


def test_long_tables_come_in_chunks(tmp_path: Path) -> None:
    (table,) = tables_of(tmp_path, docx_bytes(docx_table([["x"]] * (CHUNK_ROWS + 1))))

    assert [(chunk.first_row, len(chunk.rows)) for chunk in table.chunks] == [(1, CHUNK_ROWS), (CHUNK_ROWS + 1, 1)]


def test_cells_merged_across_leave_the_others_blank(tmp_path: Path) -> None:
    wide = docx_cell("wide", '<w:gridSpan w:val="2"/>')
    late = f'<w:tr><w:trPr><w:gridBefore w:val="1"/><w:gridAfter w:val="1"/></w:trPr>{docx_cell("x")}</w:tr>'
    body = docx_table([["a", "b", "c"], [wide, "z"]]).replace("</w:tbl>", f"{late}</w:tbl>")

    assert rows_of(tmp_path, body) == [["a", "b", "c"], ["wide", "", "z"], ["", "x", ""]]


def test_a_text_merged_over_rows_stands_in_each_and_an_amount_in_the_first(tmp_path: Path) -> None:
    begin, on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    body = docx_table(
        [
            [docx_cell("автомат", begin), docx_cell("15 000,00", begin), "1"],
            [docx_cell("", on), docx_cell("", '<w:vMerge w:val="continue"/>'), "2"],
            [docx_cell("", on), docx_cell("own"), "3"],
            [docx_cell("another", begin), docx_cell("", on), "4"],
        ]
    )

    assert rows_of(tmp_path, body) == [
        ["автомат", "15 000,00", "1"],
        ["автомат", "", "2"],
        ["автомат", "own", "3"],
        ["another", "", "4"],
    ]


def test_the_text_of_a_cell_is_what_a_person_reads_in_it(tmp_path: Path) -> None:
    runs = (
        '<w:tc><w:p><w:pPr><w:tabs><w:tab w:val="left"/></w:tabs></w:pPr>'
        "<w:r><w:t>one</w:t><w:tab/><w:t>two</w:t><w:br/><w:t>three</w:t><w:noBreakHyphen/><w:t/></w:r></w:p>"
        "<w:p><w:del><w:r><w:delText>gone</w:delText></w:r></w:del><w:ins><w:r><w:t>four</w:t></w:r></w:ins></w:p></w:tc>"
    )
    compatible = "http://schemas.openxmlformats.org/markup-compatibility/2006"
    double = (
        f'<w:tc><w:p><w:r><mc:AlternateContent xmlns:mc="{compatible}"><mc:Choice><w:t>box</w:t></mc:Choice>'
        "<mc:Fallback><w:t>box</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p></w:tc>"
    )
    nested = f"<w:tc>{docx_table([['in', 'side']])}<w:p/></w:tc>"
    field = f"<w:sdt><w:sdtContent>{docx_cell('chosen')}</w:sdtContent></w:sdt>"

    assert rows_of(tmp_path, docx_table([[runs, double, nested, field], ["a", "b\nc", "<!-- -->", "<?x y?>"]])) == [
        ["one\ttwo\nthree-\nfour", "box", "in\nside", "chosen"],
        ["a", "b\nc"],
    ]


@pytest.mark.parametrize("value", ["-3", "x", "", "²"])
def test_a_width_that_is_no_number_is_one_column(tmp_path: Path, value: str) -> None:
    cell = docx_cell("a", f'<w:gridSpan w:val="{value}"/>')

    assert rows_of(tmp_path, docx_table([[cell, "b"]])) == [["a", "b"]]


def test_an_absurd_width_is_cut_to_what_a_row_can_have(tmp_path: Path) -> None:
    cell = docx_cell("a", '<w:gridSpan w:val="999999999"/>')

    assert len(rows_of(tmp_path, docx_table([[cell]]))[0]) == 1000


def test_a_document_is_recognised_and_nobody_elses_file(tmp_path: Path) -> None:
    document = docx_bytes(docx_table([["a"]]))
    workbook = write_xlsx(tmp_path / "report.docx", [hw_row()]).read_bytes()

    assert WordDocument().recognises(Sample.of(written(tmp_path, document)))
    assert WordDocument().recognises(Sample.of(written(tmp_path, document[:-40])))
    for other in (workbook, doc_bytes("a"), pdf_bytes([[(9, 9, "x")]]), csv_bytes([hw_row()]), b"PK\x03\x04", b""):
        assert not WordDocument().recognises(Sample.of(written(tmp_path, other)))


def test_a_doctype_is_refused_whatever_it_declares(tmp_path: Path) -> None:
    content = docx_bytes(docx_table([["&bomb;"]]), before='<!DOCTYPE x [<!ENTITY bomb "boom">]>')

    with pytest.raises(ForbiddenContent) as caught:
        tables_of(tmp_path, content)

    assert caught.value.params == {"what": "DOCTYPE"}


def test_a_document_that_unpacks_two_hundredfold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileExcessive) as caught:
        tables_of(tmp_path, docx_bytes(" " * 30_000_000))

    assert caught.value.params["part"] == "word/document.xml"


@pytest.mark.parametrize("body", ["<w:tbl>", "\x00", "</w:body>"])
def test_a_document_that_is_no_xml_is_damaged(tmp_path: Path, body: str) -> None:
    with pytest.raises(FileDamaged):
        tables_of(tmp_path, docx_bytes(body))


def test_a_package_without_its_document_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "letter"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("word/styles.xml", "")

    assert WordDocument().recognises(Sample.of(path))
    with pytest.raises(FileDamaged):
        list(WordDocument().tables(path))


def test_a_document_with_damaged_bytes_is_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    whole = docx_bytes(docx_table([[f"text {n}", n] for n in range(30)]))
    chance = random.Random(20251225)
    refused = 0

    for _ in range(300):
        content = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 5)):
            if content:
                content[chance.randrange(len(content))] = chance.randrange(256)
        path = written(tmp_path, bytes(content))
        WordDocument().recognises(Sample.of(path))
        try:
            for table in WordDocument().tables(path):
                list(table.chunks)
        except FileRefused:
            refused += 1

    assert refused > 100


def test_a_document_that_is_not_compressed_and_damaged_is_read_or_refused(tmp_path: Path) -> None:
    whole = docx_bytes(docx_table([[f"text {n}", n] for n in range(9)]), compression=zipfile.ZIP_STORED)
    content = bytearray(whole)
    content[whole.index(b"text 3")] = 0x58

    with pytest.raises(FileDamaged, match="CRC"):  # bytes that are good XML and not those that were written
        tables_of(tmp_path, bytes(content))
