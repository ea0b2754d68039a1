"""Whole columns of numbers between PostgreSQL and NumPy, without a Python object a value.

A row of a binary COPY whose columns are all `bigint` and never NULL has a fixed length: what arrives is an array
already, and what is sent needs no formatting.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.db import driver_connection

Ints = NDArray[np.int64]

HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
"""Signature, flags and the length of an extension nobody uses."""

TAIL = b"\xff\xff"
WIDTH = 8


def _row(columns: int) -> np.dtype[Any]:
    """The layout of one row: the number of fields, then each with its length before it."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for place in range(columns):
        fields += [(f"length{place}", ">i4"), (f"value{place}", ">i8")]
    return np.dtype(fields)


async def read_columns(session: AsyncSession, query: str, names: Sequence[str], **params: object) -> dict[str, Ints]:
    """What a query of `bigint` columns without NULLs finds, a column a name.

    `params` are put in by the driver as literals: COPY takes none of the server's own.
    """
    connection = await driver_connection(session)
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT binary)").format(_filled(query, params))
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        content = b"".join([bytes(piece) async for piece in copy])
    rows = np.frombuffer(content, _row(len(names)), offset=len(HEAD), count=_count(content, len(names)))
    return {name: rows[f"value{place}"].astype(np.int64) for place, name in enumerate(names)}


def _count(content: bytes, columns: int) -> int:
    size = _row(columns).itemsize
    count, rest = divmod(len(content) - len(HEAD) - len(TAIL), size)
    if rest:
        raise ValueError("the query has a NULL, or a column that is no bigint")
    return count


def _filled(query: str, params: dict[str, object]) -> sql.Composed:
    """The query with `{name}` in place of parameters."""
    return sql.SQL(query).format(**{name: sql.Literal(value) for name, value in params.items()})


async def write_columns(session: AsyncSession, table: str, columns: dict[str, Ints]) -> None:
    """Append rows to a table (a constant name) whose columns of these names are `bigint`."""
    connection = await driver_connection(session)
    count = len(next(iter(columns.values())))
    rows = np.empty(count, _row(len(columns)))
    rows["fields"] = len(columns)
    for place, values in enumerate(columns.values()):
        rows[f"length{place}"], rows[f"value{place}"] = WIDTH, values
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), names)
    async with connection.cursor() as cursor, cursor.copy(statement) as copy:
        await copy.write(HEAD)
        await copy.write(rows.tobytes())
        await copy.write(TAIL)
