"""What a reading process tells its parent: what it knows at first, the batches, what it knows at the end."""

import io
import pickle
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.factories import HW_HEADER, hw_row, write_csv
from vhm24r.intake.canonical import Counts
from vhm24r.intake.errors import FileEmpty, SourceMismatch
from vhm24r.intake.reader_process import produce
from vhm24r.intake.reading import Batch, ReadFile, read

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Tashkent")


def told(path: Path, wanted: str | None = None) -> list[object]:
    output = io.BytesIO()
    produce(path, ZONE, wanted, output)
    output.seek(0)
    items = []
    while output.tell() < len(output.getvalue()):
        items.append(pickle.load(output))
    return items


def test_a_file_is_told_as_it_is_read(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "report.csv", [hw_row(1), hw_row(2, Цена_заказа="x")])
    reading, batches = read(path, ZONE)

    first, *between, last = told(path)

    assert between == list(batches)
    assert isinstance(first, ReadFile)
    assert isinstance(last, ReadFile)
    assert (first.counts, first.content_hash) == (Counts(), "")
    assert last == reading
    assert last.counts == Counts(total=2, staged=1, issues=1)


def test_the_parent_takes_over_what_is_known_at_the_end(tmp_path: Path) -> None:
    first, _, last = told(write_csv(tmp_path / "report.csv", [hw_row(1)]))
    assert isinstance(first, ReadFile)
    assert isinstance(last, ReadFile)

    first.become(last)

    assert first == last


def test_an_error_before_the_first_row_is_all_that_is_told(tmp_path: Path) -> None:
    (error,) = told(write_csv(tmp_path / "report.csv", [hw_row(1)]), "vendhub")

    assert isinstance(error, SourceMismatch)
    assert error.params["source"] == "vendhub"


def test_an_error_at_the_end_comes_after_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(",".join(HW_HEADER) + "\n", encoding="utf-8")

    first, batch, error = told(path)

    assert isinstance(first, ReadFile)
    assert isinstance(batch, Batch)
    assert isinstance(error, FileEmpty)
