"""Cells that once slipped through: each ends as a value or as an issue, never as garbage or a crash."""

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.factories import HW_HEADER, csv_bytes, hw_row
from tests.reading import read_file
from vhm24r.intake.formats.encodings import encoding_of
from vhm24r.intake.formats.protocol import HEAD_BYTES
from vhm24r.intake.formats.workbook import _number
from vhm24r.intake.reading import Batch, ReadFile
from vhm24r.intake.values import UNREADABLE, InstantReader
from vhm24r.kit.money import parse_minor
from vhm24r.kit.pagination import BadCursor, decode_id, encode_cursor
from vhm24r.orders.errors import FilterInvalid
from vhm24r.orders.filters import OrderFilter

pytestmark = pytest.mark.unit
ZONE = ZoneInfo("Asia/Tashkent")


def read_all(path: Path) -> tuple[ReadFile, list[Batch]]:
    reading, batches = read_file(path, ZONE)
    return reading, list(batches)


@pytest.mark.parametrize(
    ("cell", "instant"),
    [
        ("2025-12-25 04", "2025-12-24 23:00:00+00"),
        ("2025-12-25 04:0", "2025-12-24 23:00:00+00"),
        ("2025-1-1 4", UNREADABLE),
    ],
)
def test_a_time_without_minutes_is_an_instant_or_unreadable_never_half_of_one(cell: str, instant: str) -> None:
    reader = InstantReader(ZONE)

    assert reader[cell] == instant
    assert reader.column(["2025-12-25 04:05:06", cell]) == ["2025-12-24 23:05:06+00", instant]


@pytest.mark.parametrize(
    ("cell", "text"), [(float("inf"), "INF"), (59.970000000000006, "59.97"), (1e15, "1.000000E+15")]
)
def test_numbers_of_a_spreadsheet_become_the_text_a_person_sees(cell: float, text: str) -> None:
    assert _number(cell) == text


@pytest.mark.parametrize(("text", "minor"), [("0.500", 50), ("0,125", None), ("0.50", 50), ("1 UZS 5", None)])
def test_grouping_never_begins_with_zero_and_units_stand_at_the_ends(text: str, minor: int | None) -> None:
    assert parse_minor(text) == minor


@pytest.mark.parametrize("day", [date(1, 1, 1), date(9999, 12, 31)])
def test_a_filter_refuses_days_beyond_the_calendar_of_business(day: date) -> None:
    with pytest.raises(FilterInvalid):
        OrderFilter.from_params({"from": day.isoformat()})


@pytest.mark.parametrize("key", [["abc"], [None], [-1], [2**63]])
def test_a_cursor_of_ids_holds_one_id(key: list[str | int | None]) -> None:
    with pytest.raises(BadCursor):
        decode_id(encode_cursor(key))


def test_one_broken_byte_does_not_make_a_utf8_report_unknown(tmp_path: Path) -> None:
    rows = [hw_row(index) for index in range(1, 30)]
    content = csv_bytes(rows).replace("ул. Навои, 1".encode(), b"\xff", 1)
    path = tmp_path / "one-bad-byte.csv"
    path.write_bytes(content)

    reading, batches = read_all(path)

    assert encoding_of(content[:HEAD_BYTES]) == "utf-8"
    assert (reading.counts.staged, reading.counts.issues) == (28, 1)
    assert [(i.code, i.row, i.column) for i in batches[0].issues] == [("intake.text_broken", 2, "Адрес")]


def test_words_of_rows_left_out_are_not_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "repeated-header.csv"
    header_again = dict(zip(HW_HEADER, HW_HEADER, strict=True))
    path.write_bytes(csv_bytes([hw_row(1), header_again, hw_row(2)]))

    reading, batches = read_all(path)

    assert reading.counts.skipped == 1
    assert [issue.code for batch in batches for issue in batch.issues] == []


def test_columns_nobody_knows_keep_every_value(tmp_path: Path) -> None:
    path = tmp_path / "extra.csv"
    text = csv_bytes([hw_row(1)]).decode().splitlines()
    path.write_text(f"{text[0]},Доп,Доп,\n{text[1]},a,b,c\n", encoding="utf-8")

    _, batches = read_all(path)

    facts = batches[0].lines.decode().rstrip("\n").split("\t")[-1]
    assert facts == '{"column 23":"c","Доп":"a","Доп (22)":"b"}'
