"""Exports: cells no spreadsheet runs, CSV and JSON that stay whole for none, one and many."""

import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from vhm24r.evidence.types import SALE_FIELD_NAMES
from vhm24r.exports.rendering import CSV_BATCH, HEAD_COLUMNS, ExportFormat, render
from vhm24r.kit.text import harmless

pytestmark = pytest.mark.unit


def an_order(index: int, **fields: str) -> dict[str, Any]:
    return {
        "number": f"A{index}", "channel": "vending", "origin": "happy_workers", "status": "recorded",
        "match_status": None, "version": 1, "last_change": {"kind": "new", "at": "2025-12-24T19:14:59Z"},
        "tags": ["спор", "vip"], "fields": {**dict.fromkeys(SALE_FIELD_NAMES), **fields},
    }  # fmt: skip


async def rendered(orders: list[dict[str, Any]], form: ExportFormat) -> list[bytes]:
    async def stream() -> AsyncIterator[dict[str, Any]]:
        for order in orders:
            yield order

    return [piece async for piece in render(stream(), form)]


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        '=HYPERLINK("http://x")',
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "-",
        "+",
        "=5",
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_is_quoted(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "text"),
    [("-15.00", "-15.00"), ("+998901234567", "+998901234567"), ("-5", "-5"), ("15000.00", "15000.00"), (None, ""),
     ("", ""), (7, "7"), ("a=b", "a=b"), ("Эспрессо", "Эспрессо"), ("ул. Навои, 1", "ул. Навои, 1")],
)  # fmt: skip
def test_numbers_and_words_stay_as_they_are(cell: object, text: str) -> None:
    assert harmless(cell) == text


async def test_a_csv_begins_with_its_mark_and_header() -> None:
    pieces = await rendered([], ExportFormat.CSV)

    assert b"".join(pieces).startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(b"".join(pieces).decode("utf-8-sig")))) == [[*HEAD_COLUMNS, *SALE_FIELD_NAMES]]


async def test_a_csv_row_holds_head_and_fields_harmless() -> None:
    order = an_order(1, amount="-15.00", product='=1+1,"x"\nnew line')

    text = b"".join(await rendered([order], ExportFormat.CSV)).decode("utf-8-sig")

    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["number"] == "A1"
    assert row["match_status"] == ""
    assert row["last_change"] == "new"
    assert row["tags"] == "спор vip"
    assert row["amount"] == "-15.00"
    assert row["product"] == '\'=1+1,"x"\nnew line'


@pytest.mark.parametrize("count", [1, CSV_BATCH, CSV_BATCH + 1, 2 * CSV_BATCH])
async def test_a_csv_of_many_orders_comes_in_pieces_and_loses_none(count: int) -> None:
    pieces = await rendered([an_order(index) for index in range(count)], ExportFormat.CSV)

    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode("utf-8-sig"))))
    assert [row["number"] for row in rows] == [f"A{index}" for index in range(count)]
    assert len(pieces) == 2 + count // CSV_BATCH


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_json_is_one_array(count: int) -> None:
    orders = [an_order(index, product="Латте") for index in range(count)]

    assert json.loads(b"".join(await rendered(orders, ExportFormat.JSON))) == orders
