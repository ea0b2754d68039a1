"""PDF documents: rows and columns found again from where the words stand."""

import random
from collections.abc import Sequence
from pathlib import Path

import pypdfium2
import pytest

from tests.documents import Texts, doc_bytes, docx_bytes, pdf_bytes, printed_table, xls_bytes
from tests.factories import csv_bytes, hw_row
from vhm24r.intake.errors import FileDamaged, FileEncrypted, FileExcessive, FileRefused, NoText, TooManyPages
from vhm24r.intake.formats import portable_document
from vhm24r.intake.formats.page_layout import Word, lines_of, tables_of
from vhm24r.intake.formats.portable_document import PortableDocument
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.types import Table

pytestmark = pytest.mark.unit

HEADER = ["Номер заказа", "Товар", "Цена", "Адрес", "Время создания", "Статус", "Причина"]
PLACES = [30, 140, 240, 310, 430, 550, 660]


def order(index: int, **changes: str) -> list[str]:
    row = {
        "number": f"ff{index:010}",
        "product": "Эспрессо двойной" if index % 3 else "Чай",
        "price": "15 000,00",
        "address": "ул. Навои, 12",
        "time": "2025-12-25 00:14:59",
        "status": "Оплачено",
        "reason": "",
    }
    return list((row | changes).values())


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(content)
    return path


def read(folder: Path, pages: Sequence[Texts], turned: int = 0) -> list[Table]:
    return list(PortableDocument().tables(written(folder, pdf_bytes(pages, turned=turned))))


def rows_of(folder: Path, pages: Sequence[Texts], turned: int = 0) -> list[list[str]]:
    (table,) = read(folder, pages, turned)
    return [row for chunk in table.chunks for row in chunk.rows]


def printed(rows: Sequence[Sequence[str]], **changes: float) -> Texts:
    return printed_table(rows, PLACES, **changes)[0]


@pytest.mark.parametrize("pitch", [9.5, 12, 14, 20])
@pytest.mark.parametrize("count", [1, 2, 20])
def test_a_printed_report_has_the_same_cells(tmp_path: Path, pitch: float, count: int) -> None:
    rows = [HEADER, *(order(n) for n in range(count))]

    assert rows_of(tmp_path, [printed(rows, pitch=pitch)]) == rows


def test_a_table_goes_on_over_pages_and_its_rows_are_numbered_through(tmp_path: Path) -> None:
    first = [HEADER, *(order(n, reason="бой" if n == 3 else "") for n in range(20))]
    second = [HEADER, *(order(n) for n in range(20, 25))]

    (table,) = read(tmp_path, [printed(first), [], printed(second)])
    chunks = list(table.chunks)

    assert (table.index, table.sheet) == (0, None)
    assert [(chunk.first_row, chunk.page) for chunk in chunks] == [(1, 1), (22, 3)]
    assert [chunk.rows for chunk in chunks] == [first, second]


def test_a_page_of_words_alone_belongs_to_the_table_before(tmp_path: Path) -> None:
    rows = [HEADER, order(1)]

    (table,) = read(tmp_path, [printed(rows), [(30, 500, "Подпись")]])

    assert [chunk.rows for chunk in table.chunks] == [rows, [["Подпись", *[""] * 6]]]


def test_words_without_any_table_are_one_column(tmp_path: Path) -> None:
    """A letter, or what a broken transfer left of a report: somebody says that it has no header."""
    pages = [[(30.0, 700.0 - 40 * n, text) for n, text in enumerate(("Уважаемые коллеги", "Отчёт 24", "15", "15"))]]

    rows = rows_of(tmp_path, pages)

    assert rows == [["Уважаемые коллеги"], ["Отчёт 24"], ["15"], ["15"]]


def test_another_layout_is_another_table(tmp_path: Path) -> None:
    totals, _ = printed_table([["Автомат", "Сумма по всем товарам за месяц целиком"]] * 6, [30, 200])

    tables = read(tmp_path, [totals, printed([HEADER, *(order(n) for n in range(9))])])

    assert [(table.index, table.sheet) for table in tables] == [(0, "table 1"), (1, "table 2")]
    assert [chunk.first_row for table in tables for chunk in table.chunks] == [1, 1]


def test_wrapped_cells_are_joined_to_their_row(tmp_path: Path) -> None:
    rows = [
        ["Номер\nзаказа", "Товар", "Цена", "Адрес", "Время\nсоздания", "Статус", "Причина\nвозврата"],
        *(order(n, number=f"ff{n:06}\n{n:08}", address="ул. Навои,\nдом 12") for n in range(12)),
        order(12, number="ff12", time="2025-12-25\n00:14:59"),
    ]

    found = rows_of(tmp_path, [printed(rows)])

    assert found[0] == ["Номер заказа", "Товар", "Цена", "Адрес", "Время создания", "Статус", "Причина возврата"]
    assert found[1:13] == [order(n, number=f"ff{n:06}{n:08}", address="ул. Навои, дом 12") for n in range(12)]
    assert found[13] == order(12, number="ff12")


def test_wrapped_cells_are_joined_where_rows_are_as_close_as_lines(tmp_path: Path) -> None:
    rows = [
        ["Номер", "Название\nтовара", "Цена", "Адрес", "Время\nсоздания", "Статус", "Причина"],
        *(order(n, product="Эспрессо\nдвойной" if n == 4 else "Чай") for n in range(12)),
    ]

    found = rows_of(tmp_path, [printed(rows, pitch=9.5)])

    assert found[0] == ["Номер", "Название товара", "Цена", "Адрес", "Время создания", "Статус", "Причина"]
    assert found[1:] == [order(n, product="Эспрессо двойной" if n == 4 else "Чай") for n in range(12)]


def test_a_line_of_totals_stays_away_from_the_last_order(tmp_path: Path) -> None:
    rows = [HEADER, *(order(n) for n in range(12)), ["", "", "180 000,00", "", "", "", ""]]
    named = [*rows[:-1], ["", "Итого", "", "", "180 шт.", "", ""]]

    assert rows_of(tmp_path, [printed(rows, pitch=9.5)]) == rows
    assert rows_of(tmp_path, [printed(named, pitch=9.5)]) == named


def test_orders_without_a_number_are_rows_of_their_own(tmp_path: Path) -> None:
    rows = [HEADER, *(order(n, number="" if n % 2 else f"ff{n:010}") for n in range(12))]

    assert rows_of(tmp_path, [printed(rows, pitch=9.5)]) == rows


@pytest.mark.parametrize("text", ["Страница 1 из 3", "стр. 1", "Page 1 of 3", "1 / 3", "- 1 из 3 -"])
@pytest.mark.parametrize("distance", [9.5, 40])
def test_a_line_that_counts_pages_is_a_row_of_one_cell(tmp_path: Path, text: str, distance: float) -> None:
    rows = [HEADER, *(order(n) for n in range(5))]
    texts, below = printed_table(rows, PLACES)

    assert rows_of(tmp_path, [[*texts, (400, below + 14 - distance, text)]]) == [*rows, [text]]
    assert rows_of(tmp_path, [[*texts, (400, 550 + distance, text)]]) == [[text], *rows]


def test_a_title_over_the_table_splits_no_columns(tmp_path: Path) -> None:
    title = "Отчёт о продажах за декабрь 2025 года по всем автоматам сети и всем способам оплаты"
    texts, _ = printed_table([HEADER, *(order(n) for n in range(5))], PLACES)

    found = rows_of(tmp_path, [[(30, 580, title), (60, 570, "за период"), *texts]])

    assert found[:3] == [[title, *[""] * 6], ["за период", *[""] * 6], HEADER]


def test_a_text_longer_than_its_cell_keeps_its_neighbours_apart(tmp_path: Path) -> None:

    pages = [[HEADER, *(order(n) for n in range(start, start + 30))] for start in range(0, 300, 30)]
    long = order(999, address="ул. Амира Темура, дом 12, возле метро", time="")
    rows = [row for page in pages for row in page] + [long]

    assert rows_of(tmp_path, [*(printed(page) for page in pages), printed([long])]) == rows


def test_words_written_apart_are_one_text_and_columns_of_spaces_are_none(tmp_path: Path) -> None:
    rows = [HEADER, *(order(n) for n in range(5))]
    apart: list[tuple[float, float, str]] = []
    for x, y, text in printed(rows):
        for word in text.split():
            apart.append((x, y, word))
            x += 4 * len(word) + 2
    wide = [(30.0, 300.0 - 10 * n, "A1     Чай     15000") for n in range(5)]

    assert rows_of(tmp_path, [apart]) == rows
    assert rows_of(tmp_path, [wide]) == [["A1", "Чай", "15000"]] * 5


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_turned_page_is_read_as_it_is_seen(tmp_path: Path, turned: int) -> None:
    rows = [["Order 1", "Price 1"], *([f"A{n}", f"{n}000"] for n in range(9))]
    texts, _ = printed_table(rows, [30, 200])

    assert rows_of(tmp_path, [texts], turned) == rows


def test_a_document_is_recognised_and_nobody_elses_file(tmp_path: Path) -> None:
    document = pdf_bytes([[(9, 9, "x")]])

    assert PortableDocument().recognises(Sample.of(written(tmp_path, document)))
    assert PortableDocument().recognises(Sample.of(written(tmp_path, b"\r\n" * 500 + document)))
    for other in (docx_bytes(""), doc_bytes("%PDF"), xls_bytes([["a"]]), csv_bytes([hw_row()]), b"%PDF", b""):
        assert not PortableDocument().recognises(Sample.of(written(tmp_path, other)))


def test_a_document_with_a_password_is_encrypted_and_one_anybody_opens_is_read(tmp_path: Path) -> None:
    rows = [HEADER, order(1)]
    free = written(tmp_path, pdf_bytes([printed(rows)], password=""))

    (table,) = PortableDocument().tables(free)
    assert [chunk.rows for chunk in table.chunks] == [rows]
    with pytest.raises(FileEncrypted):
        list(PortableDocument().tables(written(tmp_path, pdf_bytes([printed(rows)], password="secret"))))


def test_a_scan_has_no_text(tmp_path: Path) -> None:
    with pytest.raises(NoText):
        read(tmp_path, [[], []])


def test_too_many_pages_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable_document, "MOST_PAGES", 2)

    with pytest.raises(TooManyPages):
        read(tmp_path, [[(30, 30, "x")]] * 3)


def test_a_page_of_too_many_characters_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable_document, "MOST_CHARACTERS", 9)

    with pytest.raises(FileExcessive, match="page 2"):
        read(tmp_path, [[(30, 30, "123456789")], [(30, 30, "1234567890")]])


def test_a_page_that_cannot_be_opened_is_damage_by_its_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise pypdfium2.PdfiumError("no")

    monkeypatch.setattr(pypdfium2.PdfPage, "get_textpage", fail)

    with pytest.raises(FileDamaged) as caught:
        read(tmp_path, [[(30, 30, "x")]])

    assert caught.value.params == {"format": "pdf", "reason": "no", "page": 1}


def test_a_document_with_damaged_bytes_is_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    whole = pdf_bytes([printed([HEADER, *(order(n) for n in range(5))])] * 2)
    chance = random.Random(20251225)
    refused = 0

    for _ in range(100):
        content = bytearray(whole[: chance.randrange(len(whole))] if chance.random() < 0.3 else whole)
        for _ in range(chance.randrange(1, 20)):
            if content:
                content[chance.randrange(len(content))] = chance.randrange(256)
        path = written(tmp_path, bytes(content))
        PortableDocument().recognises(Sample.of(path))
        try:
            for table in PortableDocument().tables(path):
                list(table.chunks)
        except FileRefused:
            refused += 1

    assert refused > 15


def test_words_on_nearly_one_baseline_stand_on_one_line() -> None:
    words = [Word("b", 50, 60, 99.2, 8), Word("a", 10, 20, 100, 8), Word("c", 10, 20, 90, 8)]

    assert [[word.text for word in line] for line in lines_of(words)] == [["a", "b"], ["c"]]


def test_cells_in_the_middle_or_at_the_bottom_of_their_row_belong_to_it() -> None:
    words = []
    for n in range(10):
        top = 500 - 30 * n
        words += [Word(f"A{n}", 10, 20, top - 5, 8), Word("one", 50, 70, top, 8), Word("two", 50, 70, top - 10, 8)]
        words += [Word("x", 80, 85, top - 5, 8), Word(f"{n}", 95, 99, top - 10, 8)]

    (table,) = tables_of([(1, lines_of(words))])

    assert list(table.rows()) == [(1, [[f"A{n}", "one two", "x", f"{n}"] for n in range(10)])]
