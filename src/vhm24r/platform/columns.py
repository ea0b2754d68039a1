"""Whole columns of numbers between PostgreSQL and NumPy, without a Python object a value or a row.

What is read comes as one array a column, what is written as a binary COPY. Where all values are `bigint` and none is
NULL, each takes the same room in either: what arrives is an array already, and what is sent needs no formatting.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql
from psycopg.pq.abc import PGresult
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.db import driver_connection

Ints = NDArray[np.int64]

HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
"""Signature, flags and the length of an extension nobody uses."""

TAIL = b"\xff\xff"
WIDTH = 8

BIGINTS = 1016
"""The number PostgreSQL gives the type `bigint[]`."""

ARRAY_HEAD = np.dtype([("dimensions", ">i4"), ("has_nulls", ">i4"), ("of", ">i4"), ("length", ">i4"), ("first", ">i4")])
ELEMENT = np.dtype([("width", ">i4"), ("value", ">i8")])
"""An array of one dimension as the server sends it: a head, then each value with its width before it."""


def _row(columns: int) -> np.dtype[Any]:
    """The layout of one row: the number of fields, then each with its length before it."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for place in range(columns):
        fields += [(f"length{place}", ">i4"), (f"value{place}", ">i8")]
    return np.dtype(fields)


async def read_columns(session: AsyncSession, query: str, names: Sequence[str], **params: object) -> dict[str, Ints]:
    """What a query of `bigint` columns without NULLs finds, a column a name; some millions of rows at most.

    `params` are put in by the driver as literals: so the planner knows them.
    """
    listed = [sql.Identifier(name) for name in names]
    statement = sql.SQL("SELECT {} FROM ({}) AS found ({})").format(
        sql.SQL(", ").join(sql.SQL("array_agg({})").format(name) for name in listed),
        _filled(query, params),
        sql.SQL(", ").join(listed),
    )
    connection = await driver_connection(session)
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(statement)
        assert cursor.pgresult is not None
        return {name: _values(cursor.pgresult, place) for place, name in enumerate(names)}


def _values(result: PGresult, place: int) -> Ints:
    """The array in a field of a result's only row; one of nothing is NULL."""
    content = result.get_value(0, place) or bytes(ARRAY_HEAD.itemsize)
    if result.ftype(place) != BIGINTS or np.frombuffer(content, ARRAY_HEAD, count=1)["has_nulls"][0]:
        raise ValueError("the query has a NULL, or a column that is no bigint")
    return np.frombuffer(content, ELEMENT, offset=ARRAY_HEAD.itemsize)["value"].astype(np.int64)


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
