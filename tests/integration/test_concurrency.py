"""The same things at once: one result, whoever comes first."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import hw_row, number, vendhub_row
from tests.integration.sharing import client, imported, process
from tests.integration.standing import HISTORY
from vhm24r.identity.permissions import Role
from vhm24r.ops.process import Services
from vhm24r.orders.events import OrdersChanged
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.integration

HERE = "datname = current_database()"
FIELDS = "number, origin, amount, product, occurred_at, payment_method, machine_code"


@pytest.fixture
async def services(server: EmbeddedServer, template: str, tmp_path: Path) -> AsyncIterator[Services]:
    """A process with connections for several imports side by side."""
    async with process(server, template, tmp_path, db_pool=16) as opened:
        yield opened


async def rows(services: Services, statement: str) -> list[tuple[Any, ...]]:
    async with services.db.read() as session:
        return [tuple(row) for row in await session.execute(text(statement))]


async def test_the_same_file_four_times_at_once_counts_once(services: Services) -> None:
    report = [hw_row(index) for index in range(1, 40)]

    done = await asyncio.gather(*(imported(services, report) for _ in range(4)))

    brought = sorted((item["status"], item["rows"]["new"], item["rows"]["unchanged"]) for item in done)
    assert [item for item in brought if item[1]] == [("applied", 39, 0)]
    assert all(item in {("applied", 0, 39), ("duplicate", 0, 39)} for item in brought if not item[1])
    assert await rows(services, "SELECT count(*), min(version), max(version) FROM orders") == [(39, 1, 1)]
    assert await rows(services, "SELECT count(*) FROM evidence_records") == [(39,)]
    assert await rows(services, f"SELECT count(*) FROM {HISTORY}") == [(39,)]
    assert await rows(services, "SELECT tablename FROM pg_tables WHERE tablename LIKE 'evidence\\_staged\\_%'") == []


async def test_the_same_upload_by_two_workers_counts_once(services: Services) -> None:
    content = {"files": ("a.csv", b"", "text/csv")}
    async with await client(services, Role.OPERATOR) as http:
        header = ",".join(hw_row(1))
        line = ",".join(f'"{cell}"' for cell in hw_row(1).values())
        content["files"] = ("a.csv", f"{header}\n{line}\n".encode(), "text/csv")
        for _ in range(3):
            await http.post("/api/v1/imports", files=content)
        await asyncio.gather(*(services.jobs.drain() for _ in range(3)))
        listed = (await http.get("/api/v1/imports")).json()["items"]

    assert sum(item["rows"]["new"] for item in listed) == 1
    assert {item["status"] for item in listed} <= {"applied", "duplicate"}
    assert await rows(services, "SELECT count(*) FROM orders") == [(1,)]


async def test_files_about_the_same_orders_at_once_end_as_one_after_the_other(
    services: Services, server: EmbeddedServer, template: str, tmp_path: Path
) -> None:
    files = [
        [hw_row(i, Срок_поставки="", Статус_варки="") for i in range(1, 30)],
        [hw_row(i, Срок_поставки="2025-12-25 00:20:00", Цена_заказа="16000") for i in range(10, 40)],
        [vendhub_row(i, Goods_name="Кофе") for i in range(20, 50)],
    ]
    question = f"SELECT {FIELDS}, delivered_at FROM orders JOIN vending_orders v ON v.order_id = orders.id ORDER BY 1"
    evidence = "SELECT source, external_id, amount, current FROM evidence_records ORDER BY 1, 2, 3"

    await asyncio.gather(*(imported(services, file) for file in files))

    (tmp_path / "calm").mkdir()
    async with process(server, template, tmp_path / "calm") as calm:
        for file in files:
            await imported(calm, file)
        assert await rows(services, question) == await rows(calm, question)
        assert await rows(services, evidence) == await rows(calm, evidence)
    assert await rows(services, "SELECT count(*) FROM orders") == [(49,)]


async def patch(http: httpx.AsyncClient, index: int, **fields: str) -> httpx.Response:
    return await http.patch(f"/api/v1/orders/{number(index)}", json={"fields": fields})


async def test_two_edits_at_once_are_two_versions(services: Services) -> None:
    await imported(services, [hw_row(1)])
    async with await client(services, Role.OPERATOR) as one, await client(services, Role.ADMIN) as two:
        answers = await asyncio.gather(
            patch(one, 1, product="Латте"), patch(two, 1, remark="VIP"), patch(one, 1, taste="ваниль")
        )

    assert [answer.status_code for answer in answers] == [200] * 3
    assert await rows(services, "SELECT version, edited_fields FROM orders") == [(4, ["product", "remark", "taste"])]
    versions = await rows(services, f"SELECT version FROM {HISTORY} ORDER BY 1")
    assert versions == [(1,), (2,), (3,), (4,)]


async def test_an_edit_during_an_import_is_kept(services: Services) -> None:
    await imported(services, [hw_row(1), hw_row(2)])
    half_way, edited = asyncio.Event(), asyncio.Event()

    async def pause(session: AsyncSession, event: OrdersChanged) -> None:
        if not half_way.is_set():
            half_way.set()
            await edited.wait()

    services.bus.same_transaction(OrdersChanged, pause)
    later = [hw_row(1, Цена_заказа="17000"), hw_row(3)]
    async with await client(services, Role.OPERATOR) as http:
        running = asyncio.create_task(imported(services, later))
        await half_way.wait()
        untouched = await patch(http, 2, product="Чай")  # not in this file: nobody waits
        waiting = asyncio.create_task(patch(http, 1, amount="1.00"))  # locked by the import until it commits
        edited.set()
        done, answer = await running, await waiting

    assert (done["status"], done["rows"]["changed"], done["rows"]["new"]) == ("applied", 1, 1)
    assert (untouched.status_code, answer.status_code) == (200, 200)
    assert await rows(services, f"SELECT amount, version FROM orders WHERE number = '{number(1)}'") == [(100, 3)]
    changes = await rows(services, f"SELECT version, field, old, new FROM {HISTORY} WHERE field = 'amount' ORDER BY 1")
    assert changes == [(2, "amount", "15000.00", "17000.00"), (3, "amount", "17000.00", "1.00")]


async def test_an_edit_made_before_an_import_holds_against_it(services: Services) -> None:
    await imported(services, [hw_row(1)])
    async with await client(services, Role.OPERATOR) as http:
        answer, done = await asyncio.gather(
            patch(http, 1, product="Чай"), imported(services, [hw_row(1, Наименование_товара="Какао", Цена_заказа="1")])
        )

    assert (answer.status_code, done["status"]) == (200, "applied")
    assert await rows(services, "SELECT product, amount, version FROM orders") == [("Чай", 100, 3)]


async def waiting(services: Services) -> int:
    """How many statements of this database wait for a lock."""
    locks = "pg_locks l JOIN pg_stat_activity a USING (pid)"
    return int((await rows(services, f"SELECT count(*) FROM {locks} WHERE NOT granted AND {HERE}"))[0][0])


@pytest.mark.parametrize("reported", [{"Наименование_товара": "Какао"}, {"Замечание": "из отчёта"}])
async def test_an_edit_between_comparing_and_writing_is_not_lost(services: Services, reported: dict[str, str]) -> None:
    await imported(services, [hw_row(1)])
    async with await client(services, Role.OPERATOR) as http, services.db.write() as holding:
        await holding.execute(text("LOCK TABLE evidence_sightings IN SHARE MODE"))  # the import stops before orders
        running = asyncio.create_task(imported(services, [hw_row(1, **reported)]))
        while await waiting(services) < 1:
            assert not running.done()
        editing = asyncio.create_task(patch(http, 1, product="Чай"))
        while await waiting(services) < 2:
            assert not editing.done()
        await holding.commit()
        answer, done = await editing, await running

    assert (answer.status_code, done["status"]) == (200, "applied")
    assert await rows(services, "SELECT product, version FROM orders") == [("Чай", 3)]
    assert await rows(services, f"SELECT version, count(*) FROM {HISTORY} GROUP BY 1 ORDER BY 1") == [
        (1, 1), (2, 1), (3, 1),
    ]  # fmt: skip


async def test_an_order_held_for_too_long_is_busy_and_not_a_fault(services: Services) -> None:
    await imported(services, [hw_row(1)])
    async with await client(services, Role.OPERATOR) as http, services.db.write() as holding:
        await holding.execute(text("SELECT FROM orders FOR UPDATE"))
        answer = await patch(http, 1, product="Чай")

    assert (answer.status_code, answer.json()["code"]) == (503, "app.busy")
    assert answer.headers["retry-after"] == "1"
    assert await rows(services, "SELECT product, version FROM orders") == [("Эспрессо", 1)]
