"""JSON records: texts and numbers as written, a row for every record, damage that is always named."""

import json
import random
import tracemalloc
from pathlib import Path

import pytest

from tests.factories import HW_HEADER, csv_bytes, hw_row
from vhm24r.intake.errors import FileDamaged, FileExcessive, FileRefused, TooDeep
from vhm24r.intake.formats import json_records, spool
from vhm24r.intake.formats.json_records import JsonRecords
from vhm24r.intake.formats.protocol import CHUNK_ROWS, Sample
from vhm24r.intake.types import Chunk, Table

pytestmark = pytest.mark.unit


def tables_of(folder: Path, content: bytes | str) -> list[Table]:
    path = folder / "report"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(JsonRecords().tables(path))


def rows_of(folder: Path, content: bytes | str) -> list[list[str]]:
    (table,) = tables_of(folder, content)
    return [row for chunk in table.chunks for row in chunk.rows]


def broken_of(folder: Path, content: str) -> set[int]:
    (table,) = tables_of(folder, content)
    return {number for chunk in table.chunks for number in chunk.broken}


def recognised(content: bytes) -> bool:
    return JsonRecords().recognises(Sample(Path("report"), content))


REPORT = [hw_row(n) for n in range(1, 41)]
EXPECTED = [list(HW_HEADER), *(list(row.values()) for row in REPORT)]


def lines(records: list[dict[str, str]]) -> str:
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_of_objects_is_a_table(tmp_path: Path, encoding: str, indent: int | None) -> None:
    content = json.dumps(REPORT, ensure_ascii=False, indent=indent).encode(encoding)

    (table,) = tables_of(tmp_path, content)

    assert recognised(content)
    assert (table.index, table.sheet, table.total_rows) == (0, None, 40)
    assert list(table.chunks) == [Chunk(0, EXPECTED)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["", "\n", "\r\n\r\n"])
def test_one_object_a_line_is_the_same_table(tmp_path: Path, encoding: str, ending: str) -> None:
    content = (lines(REPORT) + ending).encode(encoding)

    assert recognised(content)
    assert [row for row in rows_of(tmp_path, content) if any(row)] == EXPECTED


@pytest.mark.parametrize("ascii_only", [True, False])
def test_escaped_letters_are_letters(tmp_path: Path, ascii_only: bool) -> None:
    assert rows_of(tmp_path, json.dumps(REPORT, ensure_ascii=ascii_only)) == EXPECTED


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ('"0012"', "0012"),
        ('" x "', " x "),
        ("15000", "15000"),
        ("15000.10", "15000.10"),
        ("-0", "-0"),
        ("8.6E+15", "8.6E+15"),
        ("0.0000001", "0.0000001"),
        ("8600123456789012345678901234567890", "8600123456789012345678901234567890"),
        ("9" * 5000, "9" * 5000),
        ("1e400", "1e400"),
        ("null", ""),
        ("true", "true"),
        ("false", "false"),
        ("{}", "{}"),
        ("[]", "[]"),
        ('[1.50, "a\\"b", null, true, {"b": [2]}]', '[1.50, "a\\"b", null, true, {"b": [2]}]'),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\ud83d"', "\ufffd"),
        ('"a\\u0000b"', "a\x00b"),
    ],
)
@pytest.mark.parametrize("shape", ['[{{"a": {0}}}]', '{{"a": {0}}}\n{{"a": ""}}'])
def test_a_value_arrives_as_it_is_written(tmp_path: Path, written: str, text: str, shape: str) -> None:
    assert rows_of(tmp_path, shape.format(written))[:2] == [["a"], [text]]


def test_objects_within_a_record_become_columns(tmp_path: Path) -> None:
    content = '[{"id": 1, "buyer": {"name": "Анна", "card": {"pan": "8600"}}}, {"id": 2, "buyer": null}]'

    assert rows_of(tmp_path, content) == [
        ["id", "buyer.name", "buyer.card.pan", "buyer"],
        ["1", "Анна", "8600", ""],
        ["2", "", "", ""],
    ]


def test_a_key_met_late_keeps_its_value_and_a_repeated_one_its_last(tmp_path: Path) -> None:
    records = [*({"a": str(n)} for n in range(CHUNK_ROWS + 5)), {"b": "late"}]
    content = json.dumps(records)[:-1] + ', {"a": "first", "a": "last"}]'

    rows = rows_of(tmp_path, content)

    assert rows[0] == ["a", "b"]
    assert rows[1] == ["0", ""]
    assert rows[-2:] == [["", "late"], ["last", ""]]


def test_chunks_number_records_from_one(tmp_path: Path) -> None:
    (table,) = tables_of(tmp_path, json.dumps([{"a": str(n)} for n in range(1, CHUNK_ROWS + 4)]))

    chunks = list(table.chunks)

    assert [(chunk.first_row, len(chunk.rows)) for chunk in chunks] == [(0, CHUNK_ROWS + 1), (CHUNK_ROWS + 1, 3)]
    assert chunks[1].rows[0] == [str(CHUNK_ROWS + 1)]


def test_every_list_of_records_in_an_object_is_a_table(tmp_path: Path) -> None:
    content = """{"date": "2025-12-25", "tags": ["a", "b", 1], "empty": [], "none": {},
        "data": {"orders": [{"id": 1}, {"id": 2}], "page": {"n": 1, "refunds": [{"id": 3}]}}, "rows": [["x"], [1.0]]}"""

    tables = tables_of(tmp_path, content)
    firsts = [next(table.chunks) for table in tables]  # headers are looked for before any table is read to its end

    assert [(table.index, table.sheet) for table in tables] == [
        (0, "data.orders"),
        (1, "data.page.refunds"),
        (2, "rows"),
    ]
    assert firsts == [Chunk(0, [["id"], ["1"], ["2"]]), Chunk(0, [["id"], ["3"]]), Chunk(1, [["x"], ["1.0"]])]


def test_an_array_of_arrays_has_its_header_in_it(tmp_path: Path) -> None:
    (table,) = tables_of(tmp_path, '[["Номер","Цена"],["A",15000.10],[],["B",null,{"c":1}], 5]')

    assert list(table.chunks) == [
        Chunk(1, [["Номер", "Цена"], ["A", "15000.10"], [], ["B", "", '{"c": 1}'], ["5"]], frozenset({5}))
    ]


def test_an_object_without_lists_is_one_record(tmp_path: Path) -> None:
    assert rows_of(tmp_path, '{"id": 7, "tags": ["a"]}') == [["id", "tags"], ["7", '["a"]']]
    assert rows_of(tmp_path, '\n{"id": 7,\n "pay": {"sum": 15000.10}}') == [["id", "pay.sum"], ["7", "15000.10"]]


@pytest.mark.parametrize("content", ["{}", "[]", '{"a": []}', '[1, "two"]'])
def test_a_document_without_records_has_no_tables(tmp_path: Path, content: str) -> None:
    assert tables_of(tmp_path, content) == []


def test_an_element_that_is_no_record_is_a_broken_row(tmp_path: Path) -> None:
    content = '[{"a": 1}, 2, null, [3.0], {"a": 4}]'

    assert broken_of(tmp_path, content) == {2, 3, 4}
    assert rows_of(tmp_path, content) == [["a"], ["1"], ["2"], ["null"], ["[3.0]"], ["4"]]


def test_a_line_that_is_no_object_is_a_broken_row_and_reading_goes_on(tmp_path: Path) -> None:
    content = '{"a": 1}\n{"a": 2\n\n[3]\n{"a": NaN}\n{"a": 5} {"a": 6}\n{"a": 7}\n{"a": "8'

    assert rows_of(tmp_path, content) == [
        ["a"], ["1"], ['{"a": 2'], [""], ["[3]"], ['{"a": NaN}'], ['{"a": 5} {"a": 6}'], ["7"], ['{"a": "8'],
    ]  # fmt: skip
    assert broken_of(tmp_path, content) == {2, 4, 5, 6, 8}


def test_a_blank_line_before_the_first_object_keeps_its_number(tmp_path: Path) -> None:
    assert rows_of(tmp_path, '\n{"a": 1}\n{"a": 2}\n') == [["a"], [""], ["1"], ["2"]]


@pytest.mark.parametrize(
    "content",
    [
        '[{"a": 1}',
        '[{"a": 1},',
        '[{"a": 1},]',
        '[{"a": 1} {"a": 2}]',
        '[{"a": "x',
        '[{"a": NaN}]',
        '[{"a": tru',
        '[{"a": 1}]]',
        '[{"a": 1}] x',
        '{"a": {"b": 1}',
        '{"a": [1, 2}',
        '{"a" 1}',
        "{1: 2}",
        '{"a": 1,}',
        '{"a": 1]',
        '"text"',
        "",
        '[{"a": 1}, {"a": "\n"}]' + " " * 600_000,
        '[{"a": 1}, {"a": +}' + "," * 600_000,
    ],
)
def test_a_document_that_is_no_json_to_its_end_is_damaged(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileDamaged) as caught:
        tables_of(tmp_path, content)

    assert caught.value.params["format"] == "json"
    assert caught.value.params["reason"]


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    "content",
    [
        f"[{nested(64)}]",
        f"[{nested(500)}]",
        f"[{nested(100_000)}]",
        "[" * 100_000,
        nested(65),
        nested(100_000),
        f'{{"a": 1}}\n{nested(65)}',
        f'{{"a": 1}}\n{nested(100_000)}',
        '[{"a": ' + "[" * 64 + "]" * 64 + "}]",
        '{"a":' * 64 + "[]" + "}" * 64,
    ],
)
def test_lists_in_lists_beyond_sixty_four_are_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(TooDeep) as caught:
        tables_of(tmp_path, content)

    assert caught.value.params == {"most": 64}


def test_sixty_four_levels_are_read(tmp_path: Path) -> None:
    assert rows_of(tmp_path, f"[{nested(63)}]") == [[".".join("a" * 63)], ["1"]]
    assert rows_of(tmp_path, nested(64)) == [[".".join("a" * 64)], ["1"]]


def test_a_string_longer_than_a_block_is_read(tmp_path: Path) -> None:
    text = "я" * 3_000_000

    assert rows_of(tmp_path, json.dumps([{"a": text}, {"a": "b"}], ensure_ascii=False)) == [["a"], [text], ["b"]]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 64])
def test_a_value_may_be_cut_anywhere_between_two_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(json_records, "BLOCK_BYTES", block)
    records = [{"a": "Эспрессо\\u0451", "b": 15000, "c": True, "d": [12, 34]}, {"a": "😀"}]
    content = json.dumps({"x": -1.5e3, "rows": records, "y": {"z": 123456}}, ensure_ascii=False)

    assert rows_of(tmp_path, content) == [
        ["a", "b", "c", "d"],
        ["Эспрессо\\u0451", "15000", "true", "[12, 34]"],
        ["😀", "", "", ""],
    ]


def test_a_broken_byte_becomes_the_replacement_character(tmp_path: Path) -> None:
    content = lines(REPORT).encode().replace("Эспрессо".encode(), b"\xff", 1)

    assert rows_of(tmp_path, content)[1][2] == "\ufffd"


def test_other_texts_are_not_recognised() -> None:
    texts = [csv_bytes(REPORT), b"[a];[b]\n1;2\n", b"{a},b\n", b"<a/>", b"", b"prose", b"\x00\x01", b"PK\x03\x04"]

    assert not any(recognised(text) for text in texts)


def test_memory_stays_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "CHUNK_ROWS", 500)
    monkeypatch.setattr(json_records, "BLOCK_BYTES", 64 * 1024)
    path = tmp_path / "large"
    record = json.dumps(hw_row(), ensure_ascii=False)
    path.write_text("[" + ",".join([record] * 12_000) + "]")

    tracemalloc.start()
    (table,) = JsonRecords().tables(path)
    count = sum(len(chunk.rows) for chunk in table.chunks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert count == 12_001
    assert peak * 2 < path.stat().st_size


def test_lists_of_the_same_name_are_one_table(tmp_path: Path) -> None:
    assert rows_of(tmp_path, '{"a": [{"b": 1}], "a": [{"b": 2}]}') == [["b"], ["1"], ["2"]]


def test_half_a_character_in_a_name_is_replaced(tmp_path: Path) -> None:
    (table,) = tables_of(tmp_path, r'{"a\ud83d": [{"b\ude00": 1}]}')

    assert table.sheet == "a\ufffd"
    assert next(table.chunks).rows[0] == ["b\ufffd"]


def test_a_table_that_unfolds_absurdly_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "ALWAYS_CELLS", 1024 * 1024)
    wide = json.dumps({str(n): "x" for n in range(1_000)})

    with pytest.raises(FileExcessive) as caught:
        tables_of(tmp_path, f'{{"rows": [{wide}{", {}" * 20_000}]}}')

    assert caught.value.params["part"] == "rows"
    assert int(str(caught.value.params["size_mb"])) > int(str(caught.value.params["limit_mb"]))


def test_more_columns_or_lists_than_a_report_has_are_damage(tmp_path: Path) -> None:
    with pytest.raises(FileDamaged, match="2000 columns"):
        tables_of(tmp_path, json.dumps([{str(n): 1 for n in range(2_001)}]))
    with pytest.raises(FileDamaged, match="200 lists"):
        tables_of(tmp_path, json.dumps({str(n): [{"a": 1}] for n in range(201)}))


@pytest.mark.parametrize("shape", ["array", "lines", "object"])
def test_damaged_bytes_are_read_or_refused_and_nothing_else(tmp_path: Path, shape: str) -> None:
    chance = random.Random(20251225)
    records = [{**row, "n": {"x": [1, 2.5, None]}} for row in REPORT[:5]]
    whole = {
        "array": json.dumps(records, ensure_ascii=False),
        "lines": "\n".join(json.dumps(record, ensure_ascii=False) for record in records),
        "object": json.dumps({"a": 1, "data": {"rows": records}}),
    }[shape].encode()
    refused = 0

    for _ in range(300):
        content = bytearray(whole if chance.random() < 0.5 else whole[: chance.randrange(1, len(whole))])
        for _ in range(chance.randrange(4)):
            content[chance.randrange(len(content))] = chance.choice((0, 34, 10, 91, 123, chance.randrange(256)))
        recognised(bytes(content))
        try:
            for table in tables_of(tmp_path, bytes(content)):
                assert all(isinstance(cell, str) for chunk in table.chunks for row in chunk.rows for cell in row)
        except FileRefused:
            refused += 1

    assert refused > 10
