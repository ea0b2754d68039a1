"""Delimited text: encoding and delimiter found from the content, rows kept as wide as they are."""

import codecs
import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import csv_bytes, hw_row, vendhub_row
from vhm24r.intake.errors import FileRefused
from vhm24r.intake.formats.delimited import Delimited, delimiter_of
from vhm24r.intake.formats.encodings import decoded, encoding_of
from vhm24r.intake.formats.openings import begins_html, begins_json, begins_structured, begins_xml
from vhm24r.intake.formats.protocol import CHUNK_ROWS, HEAD_BYTES, Sample
from vhm24r.intake.types import Chunk

pytestmark = pytest.mark.unit


CSV = Delimited("csv", (",", ";", "|"))
TSV = Delimited("tsv", ("\t",))


def recognised(content: bytes) -> list[str]:
    sample = Sample(Path("report"), content[:HEAD_BYTES])
    return [form.name for form in (CSV, TSV) if form.recognises(sample)]


def chunks_of(path: Path, content: bytes) -> list[Chunk]:
    path.write_bytes(content)
    (table,) = CSV.tables(path)
    assert (table.index, table.sheet, table.total_rows) == (0, None, None)
    return list(table.chunks)


def rows_of(folder: Path, content: bytes) -> list[list[str]]:
    return [row for chunk in chunks_of(folder / "report", content) for row in chunk.rows]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "cp866", "koi8-r"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("count", [1, 5, 100])
def test_a_report_is_read_in_every_encoding_and_delimiter(
    tmp_path: Path, encoding: str, delimiter: str, count: int
) -> None:
    reports = [[hw_row(n) for n in range(count)], [vendhub_row(n) for n in range(count)]]

    for rows in reports:
        content = csv_bytes(rows, encoding=encoding, delimiter=delimiter)

        assert recognised(content) == ["tsv" if delimiter == "\t" else "csv"]
        assert rows_of(tmp_path, content) == [list(rows[0]), *(list(row.values()) for row in rows)]


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8_r"])
@pytest.mark.parametrize(
    "text",
    [
        "ДАТА;СУММА\n1;2\n",
        "ID;Штрихкод\n1;2\n",
        "дата;цена\n1;2\n",
        "НАЗВАНИЕ ПОСТАВЩИКА;НАЗВАНИЕ КАССЫ\n1;2\n",
        "Order;Name\n1;Эспрессо\n",
        "a;b\nбез сахара;и\n",
    ],
)
def test_a_few_cyrillic_words_tell_their_encoding(text: str, encoding: str) -> None:
    assert encoding_of(text.encode(encoding)) == encoding


@pytest.mark.parametrize(
    "text",
    [
        "Café;Größe\n",
        "Straße;é\n",
        "Name;Preis\nÄpfel;1\n",
        "ÉTÉ;ÖL\n",
        "a;b\nFußgänger;à\n",
        "Prix;Libellé\n1 €;«café»\n",
    ],
)
def test_a_western_table_is_not_taken_for_a_russian_one(tmp_path: Path, text: str) -> None:
    content = text.encode("cp1252")

    assert encoding_of(content) == "cp1252"
    assert rows_of(tmp_path, content) == [line.split(";") for line in text.splitlines()]


def test_a_sign_that_is_no_letter_is_read_where_it_is_likely() -> None:
    assert encoding_of("№;Сумма\n".encode("cp1251")) == "cp1251"
    assert encoding_of(b"\xb0;\xa7\n") == "cp1251"


def test_the_text_of_no_text_is_none() -> None:
    assert decoded(b"\x89PNG\r\n\x1a\n\x00\x00") is None
    assert decoded("Цена".encode("cp1251")) == "Цена"


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
        ("a,b\n".encode("utf-16-le"), "utf-16-le"),
        ("Цена;№ 5\n".encode("utf-16-be"), "utf-16-be"),
        (b"a\x00b\x00\x01\x00", None),
        (b"\x00\x00\x00\x01ab", None),
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
        ("Период: 01.12.2025, 31.12.2025\n\n№;Сумма\n1;15 000,00\n2;16 000,00\n", ";"),
        ("id;a;b;c\n1;1,5;2,5;3,5\n2;1,5;2,5;3,5\n", ";"),
        ("Касса;Цена\nул. Навои, 1, дом 2, кв. 3;1\nул. Навои, 2, дом 4, кв. 5;2\n", ";"),
        ("sep=;\na,b;c,d\n", ";"),
        ('"sep=|"\r\na,b|c\n', "|"),
        ("SEP=\t\na;b\tc\n", "\t"),
        ("separator;b\n1;2\n", ";"),
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
    (table,) = CSV.tables(path)

    rows = [row for chunk in table.chunks for row in chunk.rows]

    assert [len(row[0]) for row in rows] == [1, 1, 1024 * 1024 + 1]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_an_unclosed_quote_breaks_its_own_row_and_swallows_none(tmp_path: Path, ending: str) -> None:
    lines = ["a,b", *(f"{n},x" for n in range(500))]
    lines[50], lines[499] = '49,"x', '498,"y'
    path = tmp_path / "report"
    path.write_text(ending.join(lines) + ending, newline="")
    (table,) = CSV.tables(path)

    chunks = list(table.chunks)

    assert sum(len(chunk.rows) for chunk in chunks) == 501
    assert {number for chunk in chunks for number in chunk.broken} == {51, 500}


def test_a_cell_may_span_lines_and_the_rows_below_keep_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text('a,b\n1,"two\nlines"\n2,x\n')
    (table,) = CSV.tables(path)

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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_the_line_that_names_the_delimiter_is_no_data_and_keeps_its_number(
    tmp_path: Path, encoding: str, ending: str
) -> None:
    content = ending.join(["sep=;", "a,b;c", "1,5;2", ""]).encode(encoding)

    assert recognised(content) == ["csv"]
    assert rows_of(tmp_path, content) == [[], ["a,b", "c"], ["1,5", "2"]]


def test_six_lines_above_the_table_do_not_hide_its_delimiter(tmp_path: Path) -> None:
    preamble = ["ТИП ОТЧЕТА, платежи", "С 01.12.2025, 00:00", "ПО 31.12.2025, 23:59", "a, b", "c, d", "e, f"]
    table = ["№;НАЗВАНИЕ КАССЫ;СУММА", *(f"{n};ул. Навои, {n};15 000,00" for n in range(9))]

    rows = rows_of(tmp_path, "\n".join([*preamble, *table]).encode())

    assert len(rows) == 16
    assert rows[6] == ["№", "НАЗВАНИЕ КАССЫ", "СУММА"]


def test_a_text_that_is_cut_where_it_is_empty_has_no_rows(tmp_path: Path) -> None:
    assert rows_of(tmp_path, b"") == []


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "b": 2}',
        ' [{"a": 1},\n {"a": 2}]',
        '[["a","b"],\n["c","d"]]',
        "[]",
        "{}",
        "[1, 2]",
        '<?xml version="1.0"?><a b="1,2"/>',
        "<rows>\n <row a='1,2'/></rows>",
        "<!DOCTYPE html><p>a, b",
        "<table><tr><td>a,b",
        '<a b="1"/>',
        "\ufeff<!-- a,b -->\n<html>",
    ],
)
def test_json_and_markup_are_no_delimited_text(text: str) -> None:
    assert begins_structured(text)
    assert recognised(f"{text}\n".encode()) == []


@pytest.mark.parametrize(
    "text",
    [
        "[Номер];[Цена]\n1;2\n",
        "<Номер>;<Цена>\n1;2\n",
        "{id},{price}\n1,2\n",
        '"[a]",b\n1,2\n',
        "<b,c>,d\n1,2\n",
        "[a,b\n1,2\n",
    ],
)
def test_a_header_that_begins_with_a_bracket_is_a_header(text: str) -> None:
    assert not (begins_json(text) or begins_xml(text) or begins_html(text))
    assert recognised(text.encode()) == ["csv"]


def test_prose_and_binaries_are_no_delimited_text() -> None:
    prose = b"just a line of words\nand another one\n"

    for content in (prose, b"", b"\x89PNG\r\n\x1a\n\x00,\x00,", b"\xff\xff\x00\x01"):
        assert recognised(content) == []


def test_damaged_bytes_are_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    chance = random.Random(20251225)
    rows = [hw_row(n, Причина='он сказал "нет"\nи ушёл') for n in range(20)]
    for encoding in ("utf-8", "utf-16", "cp1251"):
        whole = csv_bytes(rows, encoding=encoding)
        for _ in range(60):
            content = bytearray(whole[: chance.randrange(len(whole))])
            for _ in range(chance.randrange(5)):
                if content:
                    content[chance.randrange(len(content))] = chance.choice((0, 34, 10, chance.randrange(256)))
            recognised(bytes(content))
            with contextlib.suppress(FileRefused):
                assert all(len(chunk.rows) <= CHUNK_ROWS for chunk in chunks_of(tmp_path / "x", bytes(content)))
