"""Delimited text: encoding and delimiter found from the content, rows kept as wide as they are."""

import codecs
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import csv_bytes, hw_row, vendhub_row
from vhm24r.intake.formats.delimited import HEAD_BYTES, Delimited, delimiter_of, encoding_of
from vhm24r.intake.formats.protocol import CHUNK_ROWS
from vhm24r.intake.types import Chunk

pytestmark = pytest.mark.unit


def chunks_of(path: Path, content: bytes) -> list[Chunk]:
    path.write_bytes(content)
    (table,) = Delimited().tables(path)
    assert (table.index, table.sheet, table.total_rows) == (0, None, None)
    return list(table.chunks)


def rows_of(folder: Path, content: bytes) -> list[list[str]]:
    return [row for chunk in chunks_of(folder / "report", content) for row in chunk.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "cp866", "koi8-r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("count", [1, 40])
def test_a_report_is_read_in_every_encoding_and_delimiter(
    tmp_path: Path, encoding: str, delimiter: str, count: int
) -> None:
    reports = [[hw_row(n) for n in range(count)], [vendhub_row(n) for n in range(count)]]

    for rows in reports:
        content = csv_bytes(rows, encoding=encoding, delimiter=delimiter)

        assert Delimited().recognises(content)
        assert rows_of(tmp_path, content) == [list(rows[0]), *(list(row.values()) for row in rows)]


def test_big_endian_utf_16_is_read_by_its_mark(tmp_path: Path) -> None:
    content = codecs.BOM_UTF16_BE + "Номер;Цена\r\n1;2\r\n".encode("utf-16-be")

    assert rows_of(tmp_path, content) == [["Номер", "Цена"], ["1", "2"]]


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (b"a,b\n1,2\n", "utf-8"),
        ("Номер,Цена\n".encode(), "utf-8"),
        (b"\xef\xbb\xbfa,b", "utf-8-sig"),
        (b"\xff\xfea\x00", "utf-16"),
        (b"\xfe\xff\x00a", "utf-16"),
        (b"", "utf-8"),
        (b"a\x00b", None),
        (b"\x89PNG\r\n\x1a\n\x00\x00", None),
        (b"\x01\x02\x03\x04\xff\xfe\xfd" * 10, None),
        ("a,b\n".encode("utf-16-le"), None),
    ],
)
def test_an_encoding_is_found_or_the_content_is_no_text(head: bytes, encoding: str | None) -> None:
    assert encoding_of(head) == encoding


def test_a_character_cut_at_the_end_of_the_sample_is_still_utf_8() -> None:
    head = ("a" + "я" * HEAD_BYTES).encode()[:HEAD_BYTES]

    assert head[-1:] == "я".encode()[:1]
    assert encoding_of(head) == "utf-8"


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b,c\n1,2,3\n", ","),
        ("a;b;c\n1;2;3\n", ";"),
        ("a\tb\n1\t2\n", "\t"),
        ("a|b\n1|2\n", "|"),
        ("a;b;c\n15 000,00;2,5;3,1\n16 000,00;2,5;3,1\n", ";"),
        ('a,b\n"1;2;3;4",5\n"6;7;8;9",10\n', ","),
        ('"a;b";"c;d"\n"1,2,3";x\n', ";"),
        ("Отчёт за декабрь\n\na;b;c;d\n1;2;3;4\n", ";"),
        ("one column\nonly\n", None),
        ("", None),
        ("\n\n\n", None),
    ],
)
def test_the_delimiter_is_the_one_that_makes_equal_rows(text: str, delimiter: str | None) -> None:
    assert delimiter_of(text) == delimiter


def test_a_field_that_no_delimiter_can_read_makes_no_columns() -> None:
    assert delimiter_of('"' + "x" * 1024 * 1024 + "y\n1,2\n") is None


def test_quoted_delimiters_line_breaks_and_quotes_stay_in_their_cell(tmp_path: Path) -> None:
    content = 'a,b,c\r\n"ул. Навои, 1","первая\r\nвторая","кафе ""Уют"""\r\n'.encode()

    assert rows_of(tmp_path, content)[1] == ["ул. Навои, 1", "первая\r\nвторая", 'кафе "Уют"']


def test_rows_keep_the_width_they_have_and_blank_lines_stay_rows(tmp_path: Path) -> None:
    content = b"a,b,c\n1,2\n\n1,2,3,4\n1,2,3\n"

    assert rows_of(tmp_path, content) == [
        ["a", "b", "c"],
        ["1", "2"],
        [],
        ["1", "2", "3", "4"],
        ["1", "2", "3"],
    ]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_every_line_ending_ends_a_row(tmp_path: Path, line_end: str) -> None:
    assert rows_of(tmp_path, line_end.join(["a;b", "1;2", "3;4"]).encode()) == [["a", "b"], ["1", "2"], ["3", "4"]]


def test_rows_come_in_chunks_that_know_their_first_row(tmp_path: Path) -> None:
    content = b"a,b\n" * (CHUNK_ROWS * 2 + 3)

    chunks = chunks_of(tmp_path / "report", content)

    assert [(chunk.first_row, len(chunk.rows)) for chunk in chunks] == [
        (1, CHUNK_ROWS),
        (CHUNK_ROWS + 1, CHUNK_ROWS),
        (2 * CHUNK_ROWS + 1, 3),
    ]


def test_a_file_of_exactly_one_chunk_has_no_empty_second_one(tmp_path: Path) -> None:
    assert [len(chunk.rows) for chunk in chunks_of(tmp_path / "report", b"a,b\n" * CHUNK_ROWS)] == [CHUNK_ROWS]


def test_a_broken_byte_behind_the_sample_becomes_the_replacement_character(tmp_path: Path) -> None:
    row = "Эспрессо,15000\n".encode()
    good = row * (HEAD_BYTES // len(row) + 1)

    rows = rows_of(tmp_path, good + b"\xff\xfe,7\n")

    assert rows[-1] == ["\ufffd\ufffd", "7"]
    assert rows[0] == ["Эспрессо", "15000"]


def test_a_field_beyond_a_mebibyte_is_a_field_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"a,b\n1,2\n" + b"x" * (1024 * 1024 + 1) + b",2\n")
    (table,) = Delimited().tables(path)

    rows = [row for chunk in table.chunks for row in chunk.rows]

    assert [len(row[0]) for row in rows] == [1, 1, 1024 * 1024 + 1]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_an_unclosed_quote_breaks_its_own_row_and_swallows_none(tmp_path: Path, ending: str) -> None:
    lines = ["a,b", *(f"{n},x" for n in range(500))]
    lines[50], lines[499] = '49,"x', '498,"y'
    path = tmp_path / "report"
    path.write_text(ending.join(lines) + ending, newline="")
    (table,) = Delimited().tables(path)

    chunks = list(table.chunks)

    assert sum(len(chunk.rows) for chunk in chunks) == 501
    assert {number for chunk in chunks for number in chunk.broken} == {51, 500}


def test_a_cell_may_span_lines_and_the_rows_below_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text('a,b\n1,"two\nlines"\n2,x\n')
    (table,) = Delimited().tables(path)

    (chunk,) = table.chunks

    assert chunk.rows == [["a", "b"], ["1", "two\nlines"], ["2", "x"]]
    assert chunk.broken == frozenset()


@given(
    st.lists(
        st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    )
)
def test_what_a_csv_writer_writes_is_read_back(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    folder = tmp_path_factory.mktemp("csv")
    content = csv_bytes([{"Номер": "x", "Цена": "y"}, *({"Номер": row[0], "Цена": row[1]} for row in rows)])

    assert rows_of(folder, content) == [["Номер", "Цена"], ["x", "y"], *rows]
