"""Rows that were read before are recalled, and come to the same; everything else is read."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import rustpy_xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import HW_HEADER, Row, hw_row, write_csv, write_xlsx
from tests.reading import task_of
from vhm24r.intake import canonical, known_rows, reading
from vhm24r.intake.errors import TooManyIssues
from vhm24r.intake.formats import delimited
from vhm24r.intake.known_rows import KnownRows, Shelf, hashes_of, layout_of
from vhm24r.intake.reading import Batch, Closed, Step, read
from vhm24r.intake.sources.registry import claims, winner
from vhm24r.intake.statements import HASH_BYTES
from vhm24r.intake.types import ReadAgain

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Tashkent")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "scratch").mkdir()
    return Shelf(tmp_path / "known", tmp_path / "scratch")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_ROWS", 10)


def steps_of(path: Path, shelf: Shelf | None, *, hasty: bool = True) -> list[Step]:
    task = task_of(ZONE)
    return list(read(path, replace(task, shelf=shelf, hasty=hasty)))


def report(folder: Path, rows: list[Row], name: str = "report.csv", delimiter: str = ",") -> Path:
    return write_csv(folder / name, rows, delimiter=delimiter)


def remembered(folder: Path, rows: list[Row], shelf: Shelf) -> None:
    steps_of(report(folder, rows, "earlier.csv"), shelf)
    shelf.keep()


def batches(steps: list[Step]) -> list[Batch]:
    return [step for step in steps if isinstance(step, Batch)]


def hashes(statements: list[Batch]) -> tuple[bytes, bytes]:
    stated = [batch.stated for batch in statements if batch.stated]
    return b"".join(one.identities for one in stated), b"".join(one.contents for one in stated)


def closed(steps: list[Step]) -> Closed:
    return next(step for step in steps if isinstance(step, Closed))


def test_a_report_that_comes_again_is_recalled_and_comes_to_the_same(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n) for n in range(35)]
    remembered(tmp_path, rows, shelf)
    again = report(tmp_path, rows, delimiter=";")

    recalled, plain = steps_of(again, shelf), steps_of(again, None)

    assert [batch.recalled for batch in batches(recalled)] == [True] * 4
    assert hashes(batches(recalled)) == hashes(batches(plain))
    assert closed(recalled).file == closed(plain).file
    for one, other in zip(batches(recalled), batches(plain), strict=True):
        assert one.stated is not None
        assert other.stated is not None
        assert (one.stated.summary.runs, one.stated.summary.span) == (
            other.stated.summary.runs,
            other.stated.summary.span,
        )
        assert one.stated.outlines == other.stated.outlines
        assert one.rows_read == other.rows_read


def test_rows_are_known_whatever_stands_before_them(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n) for n in range(60)]
    remembered(tmp_path, rows, shelf)

    newest_first = steps_of(report(tmp_path, [hw_row(n) for n in range(100, 107)] + rows), shelf)

    assert [batch.recalled for batch in batches(newest_first)] == [False, *[True] * 6]
    assert closed(newest_first).file.counts.staged == 67


def test_a_chunk_with_one_other_row_is_read(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n) for n in range(40)]
    remembered(tmp_path, rows, shelf)

    changed = steps_of(report(tmp_path, [*rows[:25], hw_row(25, Цена_заказа="9"), *rows[26:]]), shelf)

    assert [batch.recalled for batch in batches(changed)] == [True, True, False, True, True]


def test_a_chunk_with_anything_to_say_of_it_is_read_again(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n, Цена_заказа="?") if n == 15 else hw_row(n) for n in range(40)]
    remembered(tmp_path, rows, shelf)

    again = steps_of(report(tmp_path, rows), shelf)

    assert [batch.recalled for batch in batches(again)] == [True, False, True, True, True]
    assert [issue.code for batch in batches(again) for issue in batch.issues] == ["intake.amount_unreadable"]


def test_rows_said_twice_in_one_file_are_told_apart(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n) for n in range(29)]
    remembered(tmp_path, rows, shelf)

    twice = report(tmp_path, [*rows, *rows[9:29]])

    with_memory, without = steps_of(twice, shelf), steps_of(twice, None)
    assert closed(with_memory).file.counts == closed(without).file.counts
    assert closed(with_memory).file.counts.duplicates == 20


def test_a_workbook_saved_again_is_recalled(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n) for n in range(30)]
    steps_of(write_xlsx(tmp_path / "one.xlsx", rows), shelf)
    shelf.keep()

    again = steps_of(write_xlsx(tmp_path / "two.xlsx", rows, sheet="Лист1"), shelf)

    assert [batch.recalled for batch in batches(again)] == [True]


def test_what_was_not_applied_is_not_known(tmp_path: Path, shelf: Shelf) -> None:
    path = report(tmp_path, [hw_row(n) for n in range(20)])
    steps_of(path, shelf)

    assert not any(batch.recalled for batch in batches(steps_of(path, shelf)))


def test_who_must_not_recall_remembers_all_the_same(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n) for n in range(20)]
    remembered(tmp_path, rows, shelf)

    assert not any(batch.recalled for batch in batches(steps_of(report(tmp_path, rows), shelf, hasty=False)))
    assert list(shelf.scratch.iterdir())


def test_a_file_that_makes_no_sense_is_not_believed(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n) for n in range(20)]
    remembered(tmp_path, rows, shelf)
    (kept,) = shelf.folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:-1])

    assert not any(batch.recalled for batch in batches(steps_of(report(tmp_path, rows), shelf)))


def test_a_file_that_is_not_taken_is_not_known(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n) if n < 20 else hw_row(n, Цена_заказа="?") for n in range(60)]
    with pytest.raises(TooManyIssues):
        list(read(report(tmp_path, rows), replace(task_of(ZONE), shelf=shelf, hasty=True, most_issues_percent=50)))
    shelf.keep()

    assert list(shelf.folder.iterdir()) == []


def test_a_disk_that_takes_no_more_stops_nobody(tmp_path: Path) -> None:
    nowhere = Shelf(tmp_path / "known", tmp_path / "none")

    steps = steps_of(report(tmp_path, [hw_row(n) for n in range(20)]), nowhere)
    nowhere.keep()

    assert closed(steps).file.counts.staged == 20


def test_the_layout_not_met_for_the_longest_time_goes(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_rows, "MOST_FILES", 2)
    for name in "abc":
        (shelf.scratch / f"{name}.rows").write_bytes(name.encode())
        shelf.keep()
        (shelf.scratch / f"{name}.rows").unlink()

    assert sorted(path.name for path in shelf.folder.iterdir()) == ["b.rows", "c.rows"]


def test_what_was_not_finished_is_swept(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError("no space left")

    shelf.keep()
    old = shelf.folder / "x.rows.scratch.part"
    old.write_bytes(b"")
    os.utime(old, (0, 0))
    (shelf.scratch / "a.rows").write_bytes(b"a")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="space"):
            shelf.keep()
    assert [path.name for path in shelf.folder.iterdir()] == [old.name]

    (shelf.scratch / "a.rows").unlink()
    shelf.keep()

    assert list(shelf.folder.iterdir()) == []


def test_too_many_rows_are_not_kept(tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_rows, "MOST_ROWS", 15)

    steps_of(report(tmp_path, [hw_row(n) for n in range(40)]), shelf)

    assert list(shelf.scratch.iterdir()) == []


def test_beyond_them_rows_are_not_even_hashed(tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[int] = []

    def counted(rows: Sequence[Sequence[str]], width: int) -> bytes | None:
        hashed.append(len(rows))
        return hashes_of(rows, width)

    monkeypatch.setattr(known_rows, "MOST_ROWS", 15)
    monkeypatch.setattr(reading, "hashes_of", counted)

    steps_of(report(tmp_path, [hw_row(n) for n in range(40)]), shelf)

    assert hashed == [9, 10]


def test_a_word_nobody_knows_is_told_wherever_it_comes_first(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n, Статус_платежа="Марсианин") if n in {3, 12, 25} else hw_row(n) for n in range(40)]
    remembered(tmp_path, rows, shelf)

    rolling = steps_of(report(tmp_path, rows[10:]), shelf)

    assert [(issue.code, issue.row) for batch in batches(rolling) for issue in batch.issues] == [
        ("intake.word_unknown", 4)
    ]
    assert any(batch.recalled for batch in batches(rolling))


def test_an_issue_without_room_is_reason_enough_to_read(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n, Время_создания="") if n == 15 else hw_row(n) for n in range(40)]
    task = replace(task_of(ZONE), shelf=shelf, hasty=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(canonical.Room, "__init__", no_room)
        list(read(report(tmp_path, rows), task))
    shelf.keep()

    assert list(shelf.folder.iterdir()) == []


def no_room(self: canonical.Room) -> None:
    self.issues = self.characters = 0


def test_a_key_said_anew_behind_recalled_rows_is_read_patiently(tmp_path: Path, shelf: Shelf) -> None:
    rows = [hw_row(n) for n in range(30)]
    remembered(tmp_path, rows, shelf)

    with pytest.raises(ReadAgain):
        steps_of(report(tmp_path, [*rows, hw_row(3, Цена_заказа="9")]), shelf)


def test_sheets_of_one_layout_are_known_together(tmp_path: Path, shelf: Shelf) -> None:
    sheets = {"one": [hw_row(n) for n in range(20)], "two": [hw_row(n) for n in range(50, 70)]}
    first, again = tmp_path / "first.xlsx", tmp_path / "again.xlsx"
    write_sheets(first, sheets)
    steps_of(first, shelf)
    shelf.keep()
    write_sheets(again, dict(reversed(sheets.items())))

    assert [batch.recalled for batch in batches(steps_of(again, shelf))] == [True, True]


def write_sheets(path: Path, sheets: dict[str, list[Row]]) -> None:
    rustpy_xlsxwriter.write_worksheets(list(sheets.items()), str(path))


def test_whatever_decides_how_cells_are_read_is_in_the_name_of_a_layout() -> None:
    claim = winner(claims(HW_HEADER))
    assert claim is not None
    one = layout_of(claim, HW_HEADER, ZONE)

    assert one == layout_of(claim, HW_HEADER, ZONE)
    assert one != layout_of(claim, HW_HEADER, ZoneInfo("UTC"))
    assert one != layout_of(claim, [*HW_HEADER, "more"], ZONE)


@pytest.mark.parametrize(
    ("rows", "width"),
    [
        ([], 2),
        ([["a"]], 2),
        ([["a", "b"], ["c"]], 2),
        ([["a\x1fb", "c"]], 2),
        ([["\ud83d", "c"]], 2),
    ],
)
def test_rows_that_may_look_alike_have_no_hashes(rows: list[list[str]], width: int) -> None:
    assert hashes_of(rows, width) is None


def test_a_line_break_belongs_to_its_cell() -> None:
    rows = [["a\nb", "c"], ["a", "b\nc"], ["a", "b"], ["c", ""]]
    found = hashes_of(rows, 2) or b""

    assert len({found[at : at + HASH_BYTES] for at in range(0, len(found), HASH_BYTES)}) == len(rows)


@given(st.lists(st.integers(0, 6), max_size=14), st.integers(0, 13), st.integers(1, 5))
def test_rows_are_found_where_they_stood_side_by_side(numbers: list[int], start: int, length: int) -> None:
    def column(mark: int) -> bytes:
        return b"".join(bytes([mark, place]) + bytes(14) for place in range(len(numbers)))

    rows = b"".join(bytes([number]) * 16 for number in numbers)
    known = KnownRows(Path(), (rows, column(1), column(2)))
    wanted = rows[start * 16 : (start + length) * 16]

    found = known.find(wanted) if wanted else None

    if found is not None:
        at = found[0][1]
        assert numbers[at : at + len(wanted) // 16] == numbers[start : start + length]
        assert found == tuple(column(mark)[at * 16 : at * 16 + len(wanted)] for mark in (1, 2))
    if len(set(numbers)) == len(numbers) and wanted:
        assert found is not None
    assert known.find(b"\xff" * 16) is None
