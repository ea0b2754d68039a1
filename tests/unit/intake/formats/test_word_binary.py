"""DOC documents: their tables, or lines with tabs; the program that reads them may fail in any way."""

import platform
import random
import stat
from pathlib import Path

import pytest

from tests.documents import doc_bytes, docx_bytes, pdf_bytes, xls_bytes
from tests.factories import csv_bytes, hw_row
from vhm24r.intake.errors import FileDamaged, FileEncrypted, FileExcessive, FileRefused, ReaderMissing
from vhm24r.intake.formats import word_binary
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.formats.word_binary import WordBinary
from vhm24r.intake.types import Table

readable = pytest.mark.skipif(
    (platform.system(), platform.machine()) not in word_binary.PROGRAMS, reason="no reader for DOC on this machine"
)
pytestmark = [pytest.mark.unit, readable]

ENCRYPTED = 0x0100
"""The flag of a document's header."""


def written(folder: Path, content: bytes) -> Path:
    path = folder / "отчёт -x.doc"
    path.write_bytes(content)
    return path


def tables_of(folder: Path, content: bytes) -> list[Table]:
    return list(WordBinary().tables(written(folder, content)))


def rows_of(table: Table) -> list[list[str]]:
    return [row for chunk in table.chunks for row in chunk.rows]


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program of ours in the place of the one that reads documents."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(word_binary, "_program", lambda: (path, folder))


def test_a_report_in_a_table_has_the_same_cells(tmp_path: Path) -> None:
    rows = [hw_row(n) for n in range(1, 60)]
    cells = [list(rows[0]), *(list(row.values()) for row in rows)]

    (table,) = tables_of(tmp_path, doc_bytes("Отчёт за декабрь", cells, "Итого\tпо <всем> & каждому"))

    assert (table.index, table.sheet, table.total_rows) == (0, None, 60)
    assert rows_of(table) == cells


def test_several_tables_are_numbered(tmp_path: Path) -> None:
    tables = tables_of(tmp_path, doc_bytes([["a", "b"]], "between", [["<c>", "две\nстроки"], ["e", ""]], "behind\nit"))

    assert [(table.index, table.sheet, rows_of(table)) for table in tables] == [
        (0, "table 1", [["a", "b"]]),
        (1, "table 2", [["<c>", "две\nстроки"], ["e", ""]]),
    ]


def test_without_tables_lines_with_tabs_are_one(tmp_path: Path) -> None:
    long = "очень длинный адрес " * 20

    (table,) = tables_of(tmp_path, doc_bytes(f"Номер\tЦена\tАдрес\nA1\t\t{long}x\nA2\t15000"))

    assert rows_of(table) == [["Номер", "Цена", "Адрес"], ["A1", "", f"{long}x"], ["A2", "15000"]]


def test_a_letter_has_no_tables(tmp_path: Path) -> None:
    assert tables_of(tmp_path, doc_bytes("Уважаемые коллеги!\nОтчёта не будет.")) == []


def test_a_document_is_recognised_and_nobody_elses_file(tmp_path: Path) -> None:
    assert WordBinary().recognises(Sample.of(written(tmp_path, doc_bytes("a"))))
    for other in (xls_bytes([["a"]]), docx_bytes(""), pdf_bytes([[(9, 9, "x")]]), csv_bytes([hw_row()]), b""):
        assert not WordBinary().recognises(Sample.of(written(tmp_path, other)))


def test_a_document_with_a_password_is_encrypted(tmp_path: Path) -> None:
    path = written(tmp_path, doc_bytes("secret", flags=ENCRYPTED))

    assert WordBinary().recognises(Sample.of(path))
    with pytest.raises(FileEncrypted):
        list(WordBinary().tables(path))


def test_a_table_of_more_columns_than_the_program_knows_is_not_read_in_part(tmp_path: Path) -> None:
    with pytest.raises(FileDamaged, match="number of columns"):
        tables_of(tmp_path, doc_bytes([[f"c{n}" for n in range(32)]]))


@pytest.mark.parametrize("permille", [0, 10, 100, 300, 500, 800, 950])
def test_a_truncated_document_is_refused_and_its_place_stays_ours(tmp_path: Path, permille: int) -> None:
    whole = doc_bytes([["a", "b"]] * 100)
    cut = written(tmp_path, whole[: len(whole) * permille // 1000])

    WordBinary().recognises(Sample.of(cut))
    with pytest.raises(FileDamaged) as caught:
        list(WordBinary().tables(cut))

    assert str(tmp_path) not in str(caught.value.params)


def test_a_document_with_damaged_bytes_is_read_or_refused_and_nothing_else(tmp_path: Path) -> None:
    whole = doc_bytes("text", [["a", "b", "c"]] * 30)
    chance = random.Random(20251225)
    refused = 0

    for _ in range(60):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 30)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            tables_of(tmp_path, bytes(content))
        except FileRefused:
            refused += 1

    assert refused > 5


def test_a_program_that_dies_writing_marks_may_still_write_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, monkeypatch, '[ "$1" = -x ] && kill -SEGV $$; printf "\\n\\na\\tb\\n1\\t2\\n"')

    assert [rows_of(table) for table in tables_of(tmp_path, b"")] == [[["a", "b"], ["1", "2"]]]


@pytest.mark.parametrize("script", ["kill -SEGV $$", '[ "$1" = -x ] && kill -SEGV $$; echo prose'])
def test_a_program_that_dies_and_leaves_no_table_makes_a_damaged_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    program(tmp_path, monkeypatch, script)

    with pytest.raises(FileDamaged, match="stumbled"):
        tables_of(tmp_path, b"")


def test_output_that_is_no_xml_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, monkeypatch, "echo '<book><informaltable>'")

    with pytest.raises(FileDamaged):
        tables_of(tmp_path, b"")


def test_marks_of_fields_do_not_spoil_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = r"<row><entry>\n\001a\n</entry><entry><emphasis>b</emphasis></entry></row>"
    program(tmp_path, monkeypatch, f"printf '<book><informaltable>{row}</informaltable></book>'")

    assert [rows_of(table) for table in tables_of(tmp_path, b"")] == [[["a", "b"]]]


def test_a_program_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_binary, "SECONDS", 0.2)
    program(tmp_path, monkeypatch, "exec sleep 60")

    with pytest.raises(FileDamaged, match=r"not read within 0\.2 s"):
        tables_of(tmp_path, b"")


def test_a_program_that_writes_too_much_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_binary, "LARGEST_OUTPUT", 3 * 1024 * 1024)
    program(tmp_path, monkeypatch, "exec yes")

    with pytest.raises(FileExcessive) as caught:
        tables_of(tmp_path, b"")

    assert caught.value.params["limit_mb"] == 3


def test_a_machine_without_the_program_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")

    with pytest.raises(ReaderMissing):
        tables_of(tmp_path, doc_bytes("a"))
