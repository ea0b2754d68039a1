"""Aligned text: columns found from what is blank in every line, and no value cut in silence."""

import random
from pathlib import Path

import pytest

from tests.factories import csv_bytes, hw_row, vendhub_row
from vhm24r.intake.formats.fixed_width import LONGEST_LINE, FixedWidth, columns_of
from vhm24r.intake.formats.protocol import CHUNK_ROWS, Sample
from vhm24r.intake.types import Chunk

pytestmark = pytest.mark.unit


def aligned(rows: list[dict[str, str]], *, gap: int = 2, ruler: bool = False) -> str:
    """The rows as a terminal would print them."""
    table = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    if ruler:
        table.insert(1, ["-" * width for width in widths])
    written = ((" " * gap).join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return "\n".join(line.rstrip() for line in written) + "\n"


def chunks_of(folder: Path, content: str | bytes) -> list[Chunk]:
    path = folder / "report"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (table,) = FixedWidth().tables(path)
    assert (table.index, table.sheet, table.total_rows) == (0, None, None)
    return list(table.chunks)


def rows_of(folder: Path, content: str | bytes) -> list[list[str]]:
    return [row for chunk in chunks_of(folder, content) for row in chunk.rows]


def recognised(content: str | bytes) -> bool:
    return FixedWidth().recognises(Sample(Path("x"), content.encode() if isinstance(content, str) else content))


def order(index: int) -> dict[str, str]:
    return {name: value or "-" for name, value in hw_row(index).items()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1251", "cp866"])
@pytest.mark.parametrize("count", [1, 5, 300])
@pytest.mark.parametrize("ruler", [False, True])
def test_an_aligned_report_is_read(tmp_path: Path, encoding: str, count: int, ruler: bool) -> None:
    rows = [order(index) for index in range(count)]
    content = aligned(rows, ruler=ruler).encode(encoding)

    assert recognised(content)
    assert rows_of(tmp_path, content) == [list(rows[0]), *([[]] if ruler else []), *(list(r.values()) for r in rows)]


TABLE = """Отчёт за декабрь 2025 года, по автоматам
        напечатан 31.12.2025

Номер   Товар            Цена
A1      Эспрессо    15 000,00
A2                  16 000,00
A3      Латте

Итого               31 000,00
"""


def test_titles_blank_cells_and_right_aligned_numbers_find_their_place(tmp_path: Path) -> None:
    assert recognised(TABLE)
    rows = rows_of(tmp_path, TABLE)

    assert rows[3:] == [
        ["Номер", "Товар", "Цена"],
        ["A1", "Эспрессо", "15 000,00"],
        ["A2", "", "16 000,00"],
        ["A3", "Латте", ""],
        [],
        ["Итого", "", "31 000,00"],
    ]


def test_a_ruler_draws_columns_that_one_blank_divides(tmp_path: Path) -> None:
    content = "ID   NAME       SUM\n---- ---------- -----\n0001 Эспрессо М 15000\n0002 Латте        500\n"

    assert recognised(content)
    assert rows_of(tmp_path, content) == [
        ["ID", "NAME", "SUM"],
        [],
        ["0001", "Эспрессо М", "15000"],
        ["0002", "Латте", "500"],
    ]


def test_a_line_below_the_title_draws_no_columns(tmp_path: Path) -> None:
    content = f"{'=' * 30}\nID    NAME\n{'-' * 30}\n1     a b\n2     c d\n{'-' * 30}\n"

    assert recognised(content)
    assert rows_of(tmp_path, content) == [[], ["ID", "NAME"], [], ["1", "a b"], ["2", "c d"], []]


def test_tabs_and_every_line_ending_are_blanks(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "ID  \tNAME\r\n1   \ta b\r\n2   \tc\r\n") == [["ID", "NAME"], ["1", "a b"], ["2", "c"]]


def test_a_value_that_crosses_the_columns_is_not_cut(tmp_path: Path) -> None:
    lines = [f"{n:<6}{'name':<10}{n * 100}" for n in range(1, 60)]
    lines[29] = "30    a very long name indeed  3000"
    lines[39] = "40    another long name without end 4000"
    lines[49] = "a title among the rows"

    (chunk,) = chunks_of(tmp_path, "\n".join(["id    name      price", *lines]))

    assert chunk.rows[30] == ["30", "a very long name indeed", "3000"]
    assert chunk.rows[40] == ["40", "another long name without end 4000"]
    assert chunk.rows[50] == ["a title among the rows"]
    assert chunk.broken == {41, 51}
    assert chunk.rows[59] == ["59", "name", "5900"]


def test_rows_come_in_chunks_that_know_their_first_row(tmp_path: Path) -> None:
    lines = [f"{n:<8}{n}" for n in range(CHUNK_ROWS + 2)]
    lines[-1] = "a long line that crosses"

    chunks = chunks_of(tmp_path, "\n".join(lines))

    assert [(chunk.first_row, len(chunk.rows)) for chunk in chunks] == [(1, CHUNK_ROWS), (CHUNK_ROWS + 1, 2)]
    assert chunks[1].broken == {CHUNK_ROWS + 2}


@pytest.mark.parametrize(
    "content",
    [
        "just a line of words\nand another one\n",
        "A sentence.  Another one follows.\nThen a second line.  It is longer.\nAnd a third line of prose here.\n",
        "Dear Sir,\n\n    we write to you\n    about the report\n\n    Yours\n",
        "one line  only\n",
        "a  b\n\nword\nword\nword\nword\nword\n",
        "-----  ----\n",
        "--------\n--------\n",
        "",
        "\n\n",
        "a  b\n1  2\n" + "x" * (LONGEST_LINE + 1),
        '{"a":  1,\n "b":  2}',
        "<a>\n  <b  c='1'/>\n  <b  c='2'/>\n</a>",
    ],
)
def test_prose_and_other_formats_are_no_aligned_text(content: str) -> None:
    assert not recognised(content)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimited_text_stays_delimited_text(delimiter: str) -> None:
    assert not recognised(csv_bytes([hw_row(n, Замечание="два  пробела") for n in range(9)], delimiter=delimiter))
    assert not recognised(csv_bytes([vendhub_row(n) for n in range(9)], delimiter=delimiter))
    assert not recognised(
        f"id    {delimiter}  name    {delimiter}  price\n1     {delimiter}  abcd    {delimiter}  100\n" * 3
    )


def test_binaries_are_no_aligned_text(tmp_path: Path) -> None:
    assert not recognised(b"\x89PNG\r\n\x1a\n\x00  \x00")
    assert rows_of(tmp_path, b"nothing aligned") == [["nothing aligned"]]


def test_a_ruler_without_a_table_is_divided_by_its_delimiter() -> None:
    assert columns_of("---- ----\na;bc\nd;ef\n") is None
    assert not recognised("-- --\na; b;\nc; d;\n")


def test_a_ragged_share_of_the_lines_does_not_hide_the_columns() -> None:
    lines = [f"{n:<6}{'name':<10}{n}" for n in range(100)]
    lines[50] = "50    a name that is far too long  50"

    columns = columns_of("\n".join(lines))

    assert columns is not None
    assert len(columns.starts) == 3


def test_damaged_bytes_are_read_whatever_they_are(tmp_path: Path) -> None:
    chance = random.Random(20251225)
    whole = aligned([order(n) for n in range(20)]).encode()
    for _ in range(200):
        content = bytearray(whole[: chance.randrange(1, len(whole))])
        for _ in range(chance.randrange(5)):
            content[chance.randrange(len(content))] = chance.choice((0, 9, 10, 32, 45, chance.randrange(256)))
        recognised(bytes(content))
        assert all(isinstance(cell, str) for row in rows_of(tmp_path, bytes(content)) for cell in row)
