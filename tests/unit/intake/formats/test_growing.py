"""Records given before their file is read to its end: the same rows, under a header that may grow."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

import pytest

from tests.factories import Row, hw_row
from tests.reading import task_of
from vhm24r.intake.errors import FileDamaged
from vhm24r.intake.formats import spool
from vhm24r.intake.formats.json_records import JsonRecords
from vhm24r.intake.formats.protocol import Growing
from vhm24r.intake.formats.xml_records import XmlRecords
from vhm24r.intake.reading import Batch, Closed, Opened, Step, read
from vhm24r.intake.types import Chunk, ReadAgain, Table

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Tashkent")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "CHUNK_ROWS", 10)


def as_lines(rows: Iterable[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def as_array(rows: Iterable[Row]) -> str:
    return json.dumps(list(rows), ensure_ascii=False)


def as_list_inside(rows: Iterable[Row]) -> str:
    return json.dumps({"made": "2025-12-25", "orders": list(rows)}, ensure_ascii=False)


def as_xml(rows: Iterable[Row]) -> str:
    def element(name: str, cell: str) -> str:
        tag = name.replace(" ", "_")
        return f"<{tag}>{escape(cell)}</{tag}>"

    records = "".join(f"<order>{''.join(map(element, row, row.values()))}</order>\n" for row in rows)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<orders>{records}</orders>'


WRITERS = {"lines": as_lines, "array": as_array, "list inside": as_list_inside, "xml": as_xml}


def written(folder: Path, text: str, name: str = "report") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def format_of(way: str) -> Growing:
    return XmlRecords() if way == "xml" else JsonRecords()


def chunks_of(tables: Iterable[Table]) -> list[Chunk]:
    return [chunk for table in tables for chunk in table.chunks]


def rows_of(chunks: Sequence[Chunk]) -> list[list[str]]:
    return [row for chunk in chunks for row in chunk.rows]


def steps_of(path: Path, *, hasty: bool) -> list[Step]:
    task = task_of(ZONE)
    return list(read(path, replace(task, hasty=hasty)))


def content(steps: Sequence[Step]) -> tuple[object, ...]:
    lines = b"".join(step.lines for step in steps if isinstance(step, Batch))
    (closed,) = (step for step in steps if isinstance(step, Closed))
    return lines, closed.file.content_hash, closed.file.counts, closed.file.sheets


@pytest.mark.parametrize("way", WRITERS)
def test_rows_are_the_same_as_those_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr("vhm24r.intake.formats.xml_records.BLOCK_BYTES", 8_192)
    path = written(tmp_path, WRITERS[way]([hw_row(n) for n in range(35)]))

    hasty, patient = steps_of(path, hasty=True), steps_of(path, hasty=False)

    assert content(hasty) == content(patient)
    opened = hasty[0]
    assert isinstance(opened, Opened)
    assert opened.file.total_rows is None  # nobody knows yet


@pytest.mark.parametrize("way", WRITERS)
def test_a_short_table_is_given_as_a_whole(tmp_path: Path, way: str) -> None:
    path = written(tmp_path, WRITERS[way]([hw_row(n) for n in range(9)]))
    form = format_of(way)

    (grown,), (whole,) = list(form.growing_tables(path)), list(form.tables(path))  # type: ignore[attr-defined]

    assert list(grown.chunks) == list(whole.chunks)
    assert grown.total_rows == whole.total_rows == 9


@pytest.mark.parametrize("way", WRITERS)
def test_a_further_fact_may_be_named_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr("vhm24r.intake.formats.xml_records.BLOCK_BYTES", 8_192)
    rows = [hw_row(n) | ({"Погода": f"снег {n}"} if n > 22 else {}) for n in range(35)]
    path = written(tmp_path, WRITERS[way](rows))

    hasty = steps_of(path, hasty=True)

    assert content(hasty) == content(steps_of(path, hasty=False))
    assert "снег 23".encode() in b"".join(step.lines for step in hasty if isinstance(step, Batch))
    assert chunks_of(format_of(way).growing_tables(path))[-1].header is None  # it is told once


@pytest.mark.parametrize("way", WRITERS)
def test_a_fact_that_is_read_must_not_be_named_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr("vhm24r.intake.formats.xml_records.BLOCK_BYTES", 8_192)
    rows = [{name: cell for name, cell in hw_row(n).items() if n > 22 or name != "Адрес"} for n in range(35)]

    with pytest.raises(ReadAgain):
        steps_of(written(tmp_path, WRITERS[way](rows)), hasty=True)


def test_two_lists_are_no_table_that_grows(tmp_path: Path) -> None:
    rows = [hw_row(n) for n in range(15)]
    both = written(tmp_path, json.dumps({"orders": rows, "more": rows}))

    with pytest.raises(ReadAgain):
        chunks_of(JsonRecords().growing_tables(both))


def test_a_long_list_behind_a_short_one_is_none_either(tmp_path: Path) -> None:
    rows = [hw_row(n) for n in range(15)]
    both = written(tmp_path, json.dumps({"orders": rows[:2], "more": rows}))

    with pytest.raises(ReadAgain):
        chunks_of(JsonRecords().growing_tables(both))


def test_rows_without_names_grow_none(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps([[str(n), "x"] for n in range(25)]))

    assert rows_of(chunks_of(JsonRecords().growing_tables(path))) == [[str(n), "x"] for n in range(25)]


def test_names_after_rows_without_are_read_patiently(tmp_path: Path) -> None:
    lines = ["1"] * 10 + [json.dumps({"a": "1"})] * 10
    path = written(tmp_path, "{}\n" + "\n".join(lines))

    with pytest.raises(ReadAgain):
        chunks_of(JsonRecords().growing_tables(path))


def test_a_half_of_a_character_is_none_in_a_table_that_grows(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": "\\ud83d", "\\ud83d": "x"}\n' * 12)

    assert rows_of(chunks_of(JsonRecords().growing_tables(path)))[:2] == [["a", "\ufffd"], ["\ufffd", "x"]]


@pytest.mark.parametrize(("way", "said"), [("array", FileDamaged), ("xml", ReadAgain)])
def test_a_cut_file_is_damaged_after_its_first_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, said: type[Exception]
) -> None:
    monkeypatch.setattr("vhm24r.intake.formats.xml_records.BLOCK_BYTES", 8_192)
    path = written(tmp_path, WRITERS[way]([hw_row(n) for n in range(35)])[:-40])
    task = task_of(ZONE)
    steps = read(path, replace(task, hasty=True))
    found: list[Step] = []

    with pytest.raises(said):
        found.extend(steps)

    assert any(isinstance(step, Batch) for step in found)
    with pytest.raises(FileDamaged):
        steps_of(path, hasty=False)


@pytest.mark.parametrize("way", WRITERS)
@pytest.mark.parametrize("late", ["Номер заказа", "Машинный код", "Время создания", "Цена заказа"])
def test_a_table_nobody_claims_yet_is_read_patiently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, late: str
) -> None:
    monkeypatch.setattr("vhm24r.intake.formats.xml_records.BLOCK_BYTES", 8_192)
    rows = [{name: cell for name, cell in hw_row(n).items() if n > 12 or name != late} for n in range(35)]
    path = written(tmp_path, WRITERS[way](rows))

    with pytest.raises(ReadAgain):
        steps_of(path, hasty=True)

    assert isinstance(steps_of(path, hasty=False)[-1], Closed)


def test_orders_behind_a_list_of_something_else_are_found(tmp_path: Path) -> None:
    log, rows = [{"at": str(n)} for n in range(25)], [hw_row(n) for n in range(30)]
    path = written(tmp_path, json.dumps({"log": log, "orders": rows}, ensure_ascii=False))

    with pytest.raises(ReadAgain):
        steps_of(path, hasty=True)


def test_a_table_that_grows_beyond_its_claim_has_the_confidence_of_the_whole(tmp_path: Path) -> None:
    rows = [hw_row(n) | ({"Погода": "снег"} if n > 22 else {}) for n in range(35)]
    path = written(tmp_path, as_lines(rows))

    confidences = [
        step.file.confidence
        for hasty in (True, False)
        for step in steps_of(path, hasty=hasty)
        if isinstance(step, Closed)
    ]

    assert confidences[0] == confidences[1] < 1


def test_a_workbook_of_2003_is_no_table_that_grows(tmp_path: Path) -> None:
    cells = "<Row><Cell><Data>a</Data></Cell></Row>" * 25
    space = 'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"'
    sheets = f'<Worksheet ss:Name="S"><Table>{cells}</Table></Worksheet>'
    path = written(
        tmp_path, f'<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" {space}>{sheets}</Workbook>'
    )

    (table,) = XmlRecords().growing_tables(path)

    assert (table.sheet, table.total_rows) == ("S", 25)
