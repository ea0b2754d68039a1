"""Previews, similar files, the limit of bad rows, and cancelling: what is said before or instead of writing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import NOW, SYSTEM
from tests.factories import Row, csv_bytes, hw_row, number, vendhub_row, write_xlsx
from tests.integration.conftest import Bring
from tests.integration.sharing import client, imported
from tests.integration.standing import counts, import_of, redone, rows_of, standing, undone
from vhm24r.identity.permissions import Role
from vhm24r.intake.service import receiving
from vhm24r.intake.service.receiving import Arrival
from vhm24r.intake.service.rules import MOST_ISSUES_PERCENT
from vhm24r.intake.service.running import run
from vhm24r.ops.process import Services
from vhm24r.platform.business_settings import store

pytestmark = pytest.mark.integration

SAME_AFTERWARDS = ("rows", "orders", "money_effect", "fields", "similar_to", "format", "source", "confidence")


async def test_a_preview_says_what_applying_would_do_and_writes_nothing(services: Services) -> None:
    await imported(services, [hw_row(1), hw_row(2, Срок_поставки=""), hw_row(3)])
    before = await counts(services)
    rows = [
        hw_row(1, Цена_заказа="16000", Замечание="VIP"), hw_row(2), hw_row(3), hw_row(4), hw_row(4),
        hw_row(5, Цена_заказа="?"),
    ]  # fmt: skip

    preview = await imported(services, rows, dry_run=True)
    written = await counts(services)
    applied = await redone(services, preview["id"])

    assert (preview["status"], preview["dry_run"]) == ("dry_run", True)
    assert preview["rows"] == {
        "total": 6, "new": 1, "updated": 2, "filled": 1, "changed": 1, "unchanged": 1, "skipped": 1, "issues": 1,
    }  # fmt: skip
    assert preview["orders"] == {"new": 1, "filled": 1, "changed": 1}
    assert preview["fields"] == [
        {"field": "amount", "kind": "changed", "count": 1},
        {"field": "delivered_at", "kind": "filled", "count": 1},
        {"field": "remark", "kind": "filled", "count": 1},
    ]
    assert preview["diff"] == [
        {"number": number(1), "field": "amount", "kind": "changed", "old": "15000.00", "new": "16000.00"},
        {"number": number(1), "field": "remark", "kind": "filled", "old": None, "new": "VIP"},
        {"number": number(2), "field": "delivered_at", "kind": "filled", "old": None, "new": "2025-12-24T19:16:00Z"},
    ]
    assert preview["money_effect"] == {
        "new": [{"amount": "15000.00", "currency": "UZS"}], "changed": [{"amount": "1000.00", "currency": "UZS"}],
    }  # fmt: skip
    assert written == before
    assert (applied["status"], applied["dry_run"]) == ("applied", False)
    assert {name: applied[name] for name in SAME_AFTERWARDS} == {name: preview[name] for name in SAME_AFTERWARDS}
    assert (await counts(services))["orders"] == before["orders"] + 1


async def test_a_preview_of_an_undone_report_counts_what_would_come_back(services: Services) -> None:
    first = await imported(services, [hw_row(1)])
    await undone(services, first["id"])
    before = await counts(services)

    preview = await imported(services, [hw_row(1), hw_row(2)], dry_run=True)

    assert (preview["orders"], preview["rows"]["new"]) == ({"new": 1, "filled": 0, "changed": 1}, 1)
    assert preview["money_effect"] == {"new": [{"amount": "30000.00", "currency": "UZS"}], "changed": []}
    assert preview["diff"] == []
    assert await counts(services) == before


def day(count: int, **changes: str) -> list[Row]:
    return [hw_row(index, **changes) for index in range(1, count + 1)]


async def test_a_report_that_was_exported_again_is_called_similar(services: Services) -> None:
    first = await imported(services, day(100))
    changed = [hw_row(index, Цена_заказа="1") for index in (3, 50)]
    kept = [row for row in day(100) if row["Номер заказа"] not in {number(3), number(50)}]

    again = await imported(services, [*kept, *changed], dry_run=True)
    half = await imported(services, [*day(50), *(hw_row(index) for index in range(200, 260))], dry_run=True)
    other = await imported(services, [hw_row(index) for index in range(300, 340)], dry_run=True)
    sales = await imported(services, [vendhub_row(index) for index in range(1, 101)], dry_run=True)

    assert again["similar_to"] == {"import_id": first["id"], "percent": 98}
    assert [item["similar_to"] for item in (half, other, sales)] == [None] * 3


async def test_of_two_earlier_reports_the_closer_one_is_named_and_an_undone_one_is_none(services: Services) -> None:
    await imported(services, day(60))
    close = await imported(services, day(90))
    both = await imported(services, day(100), dry_run=True)
    await undone(services, close["id"])
    left = await imported(services, day(101), dry_run=True)

    assert both["similar_to"] == {"import_id": close["id"], "percent": 90}
    assert left["similar_to"] == {"import_id": close["id"] - 1, "percent": 59}


async def test_an_old_report_is_found_behind_many_others(services: Services) -> None:
    first = await imported(services, day(50))
    for index in range(7):
        await imported(services, [hw_row(1_000 + index)])
    again = await imported(services, [*day(50), hw_row(2_000)], dry_run=True)

    assert again["similar_to"] == {"import_id": first["id"], "percent": 98}


async def test_a_large_report_is_compared_by_a_sample(services: Services) -> None:
    first = await imported(services, day(4_500))
    again = await imported(services, [*day(4_500)[:4_100], *(hw_row(i) for i in range(9_000, 9_410))])

    assert again["similar_to"]["import_id"] == first["id"]
    assert 88 <= again["similar_to"]["percent"] <= 94


async def test_a_workbook_saved_again_is_the_same_report(bring: Bring, services: Services, tmp_path: Path) -> None:
    first = await bring([*day(30), *[hw_row(40, Номер_заказа="")] * 2])
    before = await standing(services)

    book = write_xlsx(tmp_path / "saved.xlsx", [*day(30), *[hw_row(40, Номер_заказа="")] * 2])
    again = await bring(book)

    assert (again["format"], again["rows"]["unchanged"], again["rows"]["total"]) == ("xlsx", 32, 32)
    assert again["similar_to"] == {"import_id": first["id"], "percent": 100}
    after = await standing(services)
    assert (after["orders"], after["records"]) == (before["orders"], before["records"])


def spoiled(good: int, bad: int) -> list[Row]:
    return day(good) + [hw_row(1_000 + index, Цена_заказа="?") for index in range(bad)]


@pytest.mark.parametrize(("good", "bad", "status"), [(19, 20, "refused"), (20, 20, "applied"), (1, 19, "applied")])
async def test_a_file_of_mostly_bad_rows_is_not_imported(bring: Bring, good: int, bad: int, status: str) -> None:
    done = await bring(spoiled(good, bad))

    assert (done["status"], done["rows"]["issues"], len(done["issues"])) == (status, bad, bad)
    if status == "refused":
        assert done["error"]["code"] == "intake.too_many_issues"
        assert {**done["error"]["params"], "name": ""} == {"rows": "20", "total": "39", "most": "50", "name": ""}
        assert done["orders"] == {"new": 0, "filled": 0, "changed": 0}


@pytest.mark.parametrize(("percent", "status"), [(100, "applied"), (10, "refused"), (0, "refused")])
async def test_how_many_bad_rows_are_too_many_is_a_setting(
    bring: Bring, services: Services, percent: int, status: str
) -> None:
    async with services.db.write() as session:
        await store(session, MOST_ISSUES_PERCENT, percent, NOW)

    done = await bring(spoiled(10, 30))

    assert (done["status"], len(done["issues"])) == (status, 30)
    assert len(await rows_of(services, "SELECT id FROM orders")) == (10 if status == "applied" else 0)


@pytest.fixture
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with await client(services, Role.OPERATOR) as operator:
        yield operator


async def cancel(http: httpx.AsyncClient, import_id: int) -> httpx.Response:
    return await http.post(f"/api/v1/imports/{import_id}/cancel")


async def test_an_import_that_waits_is_cancelled_before_it_begins(services: Services, http: httpx.AsyncClient) -> None:
    before = await counts(services)
    answer = await http.post("/api/v1/imports", files={"files": ("a.csv", csv_bytes([hw_row(1)]), "text/csv")})
    (item,) = answer.json()["items"]

    asked = await cancel(http, item["id"])
    await services.jobs.drain()
    done = await import_of(services, item["id"])
    again = await cancel(http, item["id"])

    assert (asked.status_code, asked.json()["status"]) == (202, "received")
    assert (done["status"], done["error"]["code"]) == ("failed", "intake.cancelled")
    assert (again.status_code, again.json()["code"]) == (409, "intake.not_cancellable")
    assert await counts(services) == before


async def received(services: Services, rows: list[Row]) -> int:
    """An import nobody runs yet."""
    path = services.settings.data_dir / "large.csv"
    path.write_bytes(csv_bytes(rows))
    arrival = Arrival(path, "large.csv")
    sha256 = await receiving.keep(services.blobs, arrival, services.settings.upload_limit_mb)
    async with services.db.write() as session:
        return (await receiving.receive(session, SYSTEM, arrival, sha256, services.clock.now())).id


async def test_a_running_import_is_cancelled_and_leaves_nothing(services: Services, http: httpx.AsyncClient) -> None:
    before = await counts(services)
    import_id = await received(services, day(20_000))
    begun, asked = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_for_the_wish(done: int, total: int | None, phase: str) -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(asked.wait(), loop).result(60)

    running = asyncio.create_task(run(replace(services.intake, on_progress=wait_for_the_wish), import_id))
    await asyncio.wait_for(begun.wait(), 60)
    answer = await cancel(http, import_id)
    asked.set()
    await running
    done = await import_of(services, import_id)

    assert (answer.status_code, answer.json()["progress"]["phase"]) == (202, "reading")
    assert (done["status"], done["error"]["code"], done["progress"]) == ("failed", "intake.cancelled", None)
    assert done["error"]["detail"] == "Reading “large.csv” was cancelled. Nothing was written, the original is kept."
    assert await counts(services) == before
    assert await rows_of(services, "SELECT 1 FROM pg_tables WHERE tablename ~ '^evidence_staged_[0-9]'") == []


@pytest.mark.parametrize("moment", ["applied", "dry_run"])
async def test_an_import_that_has_ended_is_not_cancelled(
    services: Services, http: httpx.AsyncClient, moment: str
) -> None:
    item: Any = await imported(services, [hw_row(1)], dry_run=moment == "dry_run")

    answer = await cancel(http, item["id"])
    missing = await cancel(http, 999_999)

    assert (answer.status_code, answer.json()["params"]["status"]) == (409, moment)
    assert missing.status_code == 404
    assert (await redone(services, item["id"]))["status"] == "applied" if moment == "dry_run" else True


async def test_a_viewer_cancels_nothing(services: Services) -> None:
    import_id = await received(services, day(1))
    async with await client(services, Role.VIEWER) as viewer:
        assert (await cancel(viewer, import_id)).status_code == 403
