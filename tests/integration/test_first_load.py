"""The first file of an installation is loaded without indexes: it ends as any other way does, and so do the tables."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import Row, csv_bytes, hw_row, number, vendhub_row
from tests.integration.sharing import imported, process
from tests.integration.standing import HISTORY, SIGHTINGS, rows_of, standing
from vhm24r.intake.formats import delimited
from vhm24r.intake.service import running
from vhm24r.kit.errors import Busy
from vhm24r.ops.process import Services
from vhm24r.orders import first_load
from vhm24r.platform import db
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.integration

OTHER_MACHINE = "24a8ff000002"
INDEXES = "SELECT tablename, indexdef FROM pg_indexes WHERE tablename IN ('orders', 'evidence_records') ORDER BY 2"
PAST = f"""
    SELECT o.number, h.version, h.field, h.kind, h.old, h.new, h.sheet, h."row" FROM {HISTORY} h
    JOIN orders o ON o.id = h.order_id ORDER BY 1, 2, 3
"""
SEEN = f"""
    SELECT s.position, s.sheet, s."row", s.outcome, e.external_id, e.current FROM {SIGHTINGS} s
    JOIN evidence_records e ON e.id = s.version_id ORDER BY 1
"""
PLAIN = [hw_row(n) for n in range(40)]

FILES: dict[str, Sequence[Row]] = {
    "plain": PLAIN,
    "sales": [vendhub_row(n) for n in range(40)],
    "a key said again in a later part": [*PLAIN, hw_row(3, Цена_заказа="9000"), *(hw_row(n) for n in range(40, 60))],
    "a row said again in a later part": [*PLAIN, hw_row(3), *(hw_row(n) for n in range(40, 60))],
    "a number on two machines": [*PLAIN, hw_row(3, Машинный_код=OTHER_MACHINE), hw_row(41)],
    "a number that is no address": [*PLAIN, hw_row(41, Номер_заказа="№ 7/25"), hw_row(42)],
    "a bad row": [*PLAIN, hw_row(41, Цена_заказа="?"), hw_row(42)],
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_ROWS", 5)
    monkeypatch.setattr(running, "PART_ROWS", (5, 10))
    monkeypatch.setattr(running, "LARGE_BYTES", 0)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the indexes were put by, for every file that was worth it."""
    found: list[bool] = []
    begin = first_load.begin

    async def watched(session: AsyncSession) -> bool:
        found.append(await begin(session))
        return found[-1]

    monkeypatch.setattr(first_load, "begin", watched)
    return found


@pytest.mark.parametrize("name", FILES)
async def test_a_first_load_ends_where_the_usual_way_does(
    services: Services,
    server: EmbeddedServer,
    template: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    begun: list[bool],
    name: str,
) -> None:
    async def lived(where: Services) -> list[Any]:
        ended = [await imported(where, csv_bytes(rows)) for rows in (FILES[name], FILES[name][:20], PLAIN)]
        shown = [[view[part] for part in ("status", "rows", "orders", "money_effect")] for view in ended]
        return [shown, await standing(where), *[await rows_of(where, asked) for asked in (PAST, SEEN, INDEXES)]]

    first = await lived(services)
    assert begun == [True]

    monkeypatch.setattr(running, "LARGE_BYTES", 1 << 30)
    (tmp_path / "usual").mkdir()
    async with process(server, template, tmp_path / "usual") as others:
        assert await lived(others) == first
    assert begun == [True]


async def test_a_file_that_fails_behind_its_first_part_leaves_the_indexes(
    services: Services, begun: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await rows_of(services, INDEXES)

    async def broken(*_: object) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(first_load, "end", broken)
    failed = await imported(services, PLAIN)

    assert (failed["status"], begun) == ("failed", [True])
    assert await rows_of(services, INDEXES) == before
    assert await rows_of(services, "SELECT id FROM orders") == []


async def test_whoever_reads_is_not_pushed_aside(services: Services, begun: list[bool]) -> None:
    async with services.db.write() as reader:
        await reader.execute(text("SELECT count(*) FROM orders"))
        done = await imported(services, PLAIN)

    assert (done["status"], done["orders"]["new"], begun) == ("applied", 40, [False])


async def test_where_orders_stand_nothing_is_put_by(services: Services, begun: list[bool]) -> None:
    await imported(services, PLAIN)
    await imported(services, [hw_row(n) for n in range(100, 140)])

    assert begun == [True]


async def test_whoever_asks_meanwhile_waits_and_may_ask_again(
    services: Services, begun: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[type[Exception] | int] = []
    end = first_load.end

    async def ask() -> int:
        async with services.db.read() as session:
            await session.execute(text("SET lock_timeout = 100"))
            try:
                return int((await session.execute(text("SELECT count(*) FROM orders"))).scalar_one())
            finally:
                await session.execute(text(f"SET lock_timeout = {db.LOCK_TIMEOUT_MS}"))

    async def watched(session: AsyncSession) -> None:
        with pytest.raises(Busy):
            await ask()
        asked.append(Busy)
        await end(session)

    monkeypatch.setattr(first_load, "end", watched)
    await imported(services, PLAIN)
    asked.append(await ask())

    assert asked == [Busy, 40]
    assert begun == [True]


async def test_two_first_files_at_once_both_arrive(services: Services) -> None:
    reports = [PLAIN, [hw_row(n) for n in range(30, 70)]]
    before = await rows_of(services, INDEXES)

    ended = await asyncio.gather(*(imported(services, rows) for rows in reports))

    assert [view["status"] for view in ended] == ["applied", "applied"]
    numbers = [row["number"] for row in await rows_of(services, "SELECT number FROM orders ORDER BY 1")]
    assert numbers == sorted(number(n) for n in range(70))
    assert await rows_of(services, INDEXES) == before
