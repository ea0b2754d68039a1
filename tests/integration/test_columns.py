"""Columns of numbers to the database and back."""

import numpy as np
import pytest

from vhm24r.ops.process import Services
from vhm24r.platform.columns import read_columns, write_columns
from vhm24r.platform.db import run_sql

pytestmark = pytest.mark.integration


async def test_what_is_written_is_read(services: Services) -> None:
    rng = np.random.default_rng(1)
    given = {name: rng.integers(-(2**62), 2**62, 5_000) for name in ("one", "two", "three")}
    async with services.db.write() as session:
        await run_sql(session, "CREATE TEMP TABLE numbers (one bigint, two bigint, three bigint)")
        await write_columns(session, "numbers", given)
        found = await read_columns(session, "SELECT three, one, two FROM numbers", ("three", "one", "two"))

    for name, column in given.items():
        assert (found[name] == column).all()


async def test_nothing_is_read_as_nothing(services: Services) -> None:
    async with services.db.read() as session:
        found = await read_columns(session, "SELECT 1::bigint WHERE {never}", ("one",), never=False)

    assert found["one"].tolist() == []


@pytest.mark.parametrize("query", ["SELECT 1::bigint, NULL::bigint", "SELECT 1::bigint, 2::int", "SELECT 'a', 'b'"])
async def test_anything_but_whole_numbers_is_refused(services: Services, query: str) -> None:
    async with services.db.read() as session:
        with pytest.raises(ValueError, match="no bigint"):
            await read_columns(session, query, ("one", "two"))
