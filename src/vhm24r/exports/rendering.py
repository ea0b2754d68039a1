"""Renderers: orders → bytes, streamed. CSV for spreadsheets, JSON for programs."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Any

import orjson

from vhm24r.evidence.types import SALE_FIELD_NAMES
from vhm24r.kit.text import harmless

CSV_BATCH = 500
HEAD_COLUMNS = ("number", "channel", "origin", "status", "match_status", "version", "last_change", "tags")


class ExportFormat(StrEnum):
    """What an export can be."""

    CSV = "csv"
    JSON = "json"


async def render(orders: AsyncIterator[dict[str, Any]], form: ExportFormat) -> AsyncIterator[bytes]:
    """The whole file in pieces; memory does not grow with the number of orders."""
    async for piece in _csv(orders) if form is ExportFormat.CSV else _json(orders):
        yield piece


async def _csv(orders: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*HEAD_COLUMNS, *SALE_FIELD_NAMES])
    yield "\ufeff".encode()  # so that spreadsheets read UTF-8
    pending = 0
    async for order in orders:
        writer.writerow([harmless(cell) for cell in _cells(order)])
        pending += 1
        if pending >= CSV_BATCH:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
            pending = 0
    yield text.getvalue().encode()


def _cells(order: Mapping[str, Any]) -> list[object]:
    head = [order[name] for name in HEAD_COLUMNS[:6]]
    return [
        *head,
        order["last_change"]["kind"],
        " ".join(order["tags"]),
        *(order["fields"][n] for n in SALE_FIELD_NAMES),
    ]


async def _json(orders: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    yield b"["
    separator = b"\n"
    async for order in orders:
        yield separator + orjson.dumps(order)
        separator = b",\n"
    yield b"\n]\n"
