"""The first file of an installation is loaded without indexes: it ends as any other way does, and so do the tables."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
import rustpy_xlsxwriter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.archives import Packed, zip_archive
from tests.factories import Row, csv_bytes, hw_row, number, payme_row, vendhub_row, write_xlsx
from tests.integration.sharing import imported, process
from tests.integration.standing import HISTORY, SIGHTINGS, rows_of, standing
from vhm24r.intake import staging
from vhm24r.intake.formats import delimited
from vhm24r.intake.service import running
from vhm24r.intake.service.applying import Applying, begin
from vhm24r.intake.service.resuming import drop_forgotten
from vhm24r.kit.errors import Busy
from vhm24r.ops.process import Services
from vhm24r.orders import first_load
from vhm24r.platform import db
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.integration

OTHER_MACHINE = "24a8ff000002"
TABLES = "('orders', 'vending_orders', 'evidence_records')"
INDEXES = f"""
    SELECT tablename, indexdef FROM pg_indexes WHERE tablename IN {TABLES}
    UNION ALL SELECT conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid::regclass::text IN {TABLES} ORDER BY 1, 2
"""
PAST = f"""
    SELECT o.number, h.version, h.field, h.kind, h.old, h.new, h.sheet, h."row" FROM {HISTORY} h
    JOIN orders o ON o.id = h.order_id ORDER BY 1, 2, 3
"""
SEEN = f"""
    SELECT s.position, s.sheet, s."row", s.outcome, e.external_id, e.current FROM {SIGHTINGS} s
    JOIN evidence_records e ON e.id = s.version_id ORDER BY 1
"""
HELD = f"""
    SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE relname IN {TABLES} AND mode = 'AccessExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
PLAIN = [hw_row(n) for n in range(40)]

KEYLESS = [hw_row(n, Номер_заказа="") for n in range(12)]
PAID = [payme_row(n) for n in range(30)]

FILES: dict[str, Sequence[Row]] = {
    "plain": PLAIN,
    "sales": [vendhub_row(n) for n in range(40)],
    "a key said again in a later part": [*PLAIN, hw_row(3, Цена_заказа="9000"), *(hw_row(n) for n in range(40, 60))],
    "a row said again in a later part": [*PLAIN, hw_row(3), *(hw_row(n) for n in range(40, 60))],
    "a number on two machines": [*PLAIN, hw_row(3, Машинный_код=OTHER_MACHINE), hw_row(41)],
    "a number that is no address": [*PLAIN, hw_row(41, Номер_заказа="№ 7/25"), hw_row(42)],
    "a bad row": [*PLAIN, hw_row(41, Цена_заказа="?"), hw_row(42)],
    "payments": PAID,
    "a payment said again in a later part": [*PAID, payme_row(3), payme_row(40)],
    "without numbers, twice": [*KEYLESS, *KEYLESS, *PLAIN],
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


@pytest.mark.parametrize(
    "second",
    [PLAIN[20:], PLAIN[10:], [hw_row(3, Машинный_код=OTHER_MACHINE), *PLAIN[20:]]],
    ids=["plain", "overlapping", "a number on two machines"],
)
async def test_sheets_of_a_workbook_are_loaded_one_after_another(
    services: Services,
    server: EmbeddedServer,
    template: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    begun: list[bool],
    second: Sequence[Row],
) -> None:
    book = tmp_path / "two.xlsx"
    rustpy_xlsxwriter.write_worksheets(
        [("a", [dict(row) for row in PLAIN[:20]]), ("b", [dict(row) for row in second])], str(book)
    )

    async def lived(where: Services) -> list[Any]:
        done = await imported(where, book.read_bytes(), "two.xlsx")
        return [done["rows"], done["orders"], await standing(where), await rows_of(where, PAST)]

    first = await lived(services)
    assert begun == [True]
    monkeypatch.setattr(running, "LARGE_BYTES", 1 << 30)
    (tmp_path / "usual").mkdir()
    async with process(server, template, tmp_path / "usual") as others:
        assert await lived(others) == first


async def test_an_archive_is_loaded_the_usual_way(services: Services, begun: list[bool]) -> None:
    content = zip_archive([Packed("a.csv", csv_bytes(PLAIN)), Packed("b.csv", csv_bytes(PAID))])
    done = await imported(services, content, "reports.zip")

    assert (done["status"], done["rows"]["new"], begun) == ("applied", 70, [])


@pytest.mark.parametrize(("limit", "name"), [("FIRST_LOAD_BYTES", "a.csv"), ("FIRST_LOAD_PACKED_BYTES", "a.xlsx")])
async def test_a_file_that_would_take_long_is_loaded_the_usual_way(
    services: Services, begun: list[bool], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, limit: str, name: str
) -> None:
    monkeypatch.setattr(running, limit, 100)
    content = write_xlsx(tmp_path / name, PLAIN).read_bytes() if name.endswith("xlsx") else csv_bytes(PLAIN)
    done = await imported(services, content, name)

    assert (done["status"], begun) == ("applied", [])


async def test_whoever_comes_second_holds_nobody_up(
    services: Services, begun: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have asked whether anything stands before one of them wrote. The second one corrects a payment, which no
    unique index would notice.
    """
    held: list[Any] = []
    finish = Applying.finish

    async def nobody(_: AsyncSession) -> bool:
        return True

    async def overtaken(*given: Any) -> Applying:
        monkeypatch.setattr(running, "begin", begin)
        await imported(services, PAID)
        return await begin(*given)

    async def watched(applying: Applying, row: Any) -> None:
        held.append(await rows_of(services, HELD))
        await finish(applying, row)

    monkeypatch.setattr(running, "nothing_stands", nobody)
    monkeypatch.setattr(running, "begin", overtaken)
    monkeypatch.setattr(Applying, "finish", watched)
    corrected = [payme_row(3, Amount_without_commission="1"), *PAID[4:], payme_row(50)]
    second = await imported(services, corrected)

    assert (begun, [len(locks) for locks in held]) == ([True, False], [3, 0])
    assert second["rows"]["new"] == 1
    versions = "SELECT count(*) AS versions, count(DISTINCT record_id) AS records FROM evidence_records"
    assert await rows_of(services, versions) == [{"versions": 32, "records": 31}]


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


@pytest.mark.parametrize(
    "done",
    [
        "CREATE TABLE labels_on_paper (order_id bigint REFERENCES orders)",
        "CREATE VIEW amounts AS SELECT id, amount FROM orders GROUP BY id",
        "ALTER TABLE orders REPLICA IDENTITY USING INDEX orders_pkey",
        "ALTER TABLE orders CLUSTER ON orders_number_key",
        "ALTER INDEX orders_pkey RENAME TO orders_pk",
        "DROP INDEX orders_sorted_amount_id_ix",
        "INSERT INTO vending_orders (order_id) VALUES (7)",
    ],
)
async def test_what_an_owner_has_done_to_the_tables_stays(services: Services, begun: list[bool], done: str) -> None:
    async with services.db.write() as session:
        await session.execute(text(done))
        await session.commit()
    before = await rows_of(services, INDEXES)
    view = await imported(services, PLAIN)

    assert (view["status"], view["orders"]["new"]) == ("applied", 40)
    assert True not in begun
    assert await rows_of(services, INDEXES) == before


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


async def test_whoever_keeps_records_to_himself_for_long_is_waited_for_in_vain(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading asks what stands on a connection of its own."""
    await imported(services, PLAIN)
    shutil.rmtree(services.intake.known_rows)  # what is recalled is asked for when it is applied
    monkeypatch.setattr(staging, "PASSING_PATIENCE_MS", 100)
    async with services.db.write() as session:
        await session.execute(text("LOCK TABLE evidence_records IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(Busy):
            await imported(services, [*PLAIN, hw_row(41)])

    waiting = (await rows_of(services, "SELECT id, status FROM imports ORDER BY id DESC LIMIT 1"))[0]
    assert waiting["status"] == "received"
    await running.run(services.intake, waiting["id"])
    assert (await rows_of(services, "SELECT status, rows_new FROM imports ORDER BY id DESC LIMIT 1"))[0] == {
        "status": "applied", "rows_new": 1,
    }  # fmt: skip


async def test_what_was_staged_may_be_held_by_a_backup(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = Applying.finish
    staged = "SELECT tablename FROM pg_tables WHERE tablename ~ '^evidence_staged_[0-9]+_' ORDER BY 1"
    with psycopg.connect(services.db.conninfo) as backup:

        async def watched(applying: Applying, row: Any) -> None:
            await finish(applying, row)
            name = (await rows_of(services, staged))[0]["tablename"]
            backup.execute(f"LOCK TABLE {name} IN ACCESS SHARE MODE")

        monkeypatch.setattr(Applying, "finish", watched)
        done = await imported(services, PLAIN)
        assert (done["status"], done["rows"]["new"]) == ("applied", 40)
        before = await rows_of(services, staged)
        await drop_forgotten(services.intake)
        assert len(before) == 5
        assert await rows_of(services, staged) == before

    await drop_forgotten(services.intake)
    assert await rows_of(services, staged) == []
    again = await rows_of(services, "SELECT status, rows_new FROM imports")
    assert again == [{"status": "applied", "rows_new": 40}]
