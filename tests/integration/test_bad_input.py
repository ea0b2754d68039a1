"""Files that are no reports, rows that cannot be read, and failures half-way: nothing is guessed or half-written."""

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.conftest import SYSTEM
from tests.factories import csv_bytes, hw_row, number, vendhub_row, write_xlsx
from tests.integration.sharing import imported
from tests.logs import logged_by
from vhm24r.intake.service import reading_back, receiving, running
from vhm24r.intake.service.receiving import Arrival
from vhm24r.intake.service.resuming import ABANDONED_AFTER, resume_abandoned
from vhm24r.intake.service.running import run
from vhm24r.kit.clock import FixedClock
from vhm24r.kit.errors import Conflict
from vhm24r.ops.process import Services
from vhm24r.ops.rules import change_rule
from vhm24r.orders.events import OrdersChanged

pytestmark = pytest.mark.integration

TABLES = (
    "orders", "vending_orders", "order_changes", "order_creations", "evidence_files", "evidence_records",
    "evidence_sightings", "machines", "products",
)  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


class Vetoed(Conflict):
    """What a subscriber of these tests says."""

    code = "app.conflict"


async def written(services: Services) -> dict[str, int]:
    """How many rows imports have written, and how many applies the audit log speaks of."""
    async with services.db.read() as session:
        counts = {t: (await session.execute(text(f"SELECT count(*) FROM {t}"))).scalar_one() for t in TABLES}
        applied = await session.execute(text("SELECT count(*) FROM audit_entries WHERE action = 'import.applied'"))
        staging = await session.execute(
            text("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'evidence\\_staged\\_%'")
        )
        return counts | {"applied": applied.scalar_one(), "staging": staging.scalar_one()}


async def issues_of(services: Services, done: dict[str, Any]) -> list[dict[str, Any]]:
    async with services.db.read() as session:
        return (await reading_back.list_issues(session, SYSTEM, done["id"], "en")).items


async def original(services: Services, done: dict[str, Any]) -> bytes:
    return b"".join([chunk async for chunk in services.blobs.stream(done["file"]["sha256"])])


def archive(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return packed.getvalue()


def without_header(content: bytes) -> bytes:
    return content.split(b"\r\n", 1)[1]


@pytest.mark.parametrize(
    ("name", "content", "status", "code"),
    [
        ("picture.csv", PNG, "refused", "intake.format_unknown"),
        ("picture.xlsx", PNG, "refused", "intake.format_unknown"),
        ("binary.csv", bytes(range(256)) * 40, "refused", "intake.format_unknown"),
        ("archive.xlsx", archive(a=b"hello"), "refused", "intake.nothing_in_archive"),
        ("words.csv", b"hello\nworld\n", "refused", "intake.format_unknown"),
        ("nul.csv", csv_bytes([hw_row(1, Замечание="a\x00b")]), "refused", "intake.format_unknown"),
        ("empty.csv", b"", "refused", "intake.file_empty"),
        ("blank.csv", b" \r\n\r\n", "refused", "intake.file_empty"),
        ("header.csv", csv_bytes([hw_row(1)]).split(b"\r\n")[0] + b"\r\n", "refused", "intake.file_empty"),
        ("tail.csv", without_header(csv_bytes([hw_row(1)])), "needs_mapping", "intake.header_missing"),
        ("other.csv", b"Name,Price\nTea,5\n", "needs_mapping", "intake.source_unknown"),
    ],
)
async def test_what_is_no_report_is_kept_and_changes_nothing(
    shared: Services, name: str, content: bytes, status: str, code: str
) -> None:
    before = await written(shared)

    done = await imported(shared, content, name)

    assert (done["status"], done["error"]["code"]) == (status, code)
    assert f"“{name}”" in done["error"]["detail"]
    assert (done["progress"], done["rows"]["new"]) == (None, 0)
    assert await original(shared, done) == content
    assert await written(shared) == before


async def test_unknown_columns_are_named(shared: Services) -> None:
    done = await imported(shared, "Дата;Сумма;Касса\n01.01.2026;5;1\n".encode("cp1251"), "kassa.csv")

    assert done["error"]["params"]["columns"] == "Дата, Сумма, Касса"
    assert done["error"]["detail"] == (
        "No known report has the columns of “kassa.csv”: Дата, Сумма, Касса."
        " The original is kept; nothing of it was imported."
    )


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
async def test_a_truncated_workbook_is_refused_whole(shared: Services, tmp_path: Path, share: float) -> None:
    whole = write_xlsx(tmp_path / "whole.xlsx", [hw_row(index) for index in range(1, 60)]).read_bytes()
    before = await written(shared)

    done = await imported(shared, whole[: int(len(whole) * share)], "cut.xlsx")

    assert (done["status"], done["error"]["code"]) == ("refused", "intake.file_damaged")
    assert done["error"]["detail"].startswith("“cut.xlsx” is damaged: it begins like ")
    assert await written(shared) == before


async def test_good_rows_are_taken_and_each_bad_one_is_named(shared: Services, tmp_path: Path) -> None:
    rows = [
        hw_row(101),
        hw_row(102, Цена_заказа="пятнадцать"),
        hw_row(103, Время_создания="вчера"),
        hw_row(104, Номер_заказа="8.6E+15"),
        hw_row(105),
    ]
    path = write_xlsx(tmp_path / "mixed.xlsx", rows, "Заказы")

    done = await imported(shared, path.read_bytes(), "mixed.xlsx")

    assert (done["status"], done["format"]) == ("applied", "xlsx")
    assert (done["rows"]["total"], done["rows"]["new"], done["rows"]["issues"]) == (5, 2, 3)
    place = {"file": "mixed.xlsx", "member": None, "sheet": "Заказы", "page": None}
    assert [(i["locator"], i["column"], i["value"], i["code"]) for i in await issues_of(shared, done)] == [
        ({**place, "row": 3}, "Цена заказа", "пятнадцать", "intake.amount_unreadable"),
        ({**place, "row": 4}, "Время создания", "вчера", "intake.time_unreadable"),
        ({**place, "row": 5}, "Номер заказа", "8.6E+15", "intake.code_damaged"),
    ]
    assert await original(shared, done) == path.read_bytes()
    async with shared.db.read() as session:
        found = await session.execute(
            text("SELECT number FROM orders WHERE number = ANY(:numbers) ORDER BY number"),
            {"numbers": [number(index) for index in range(101, 106)]},
        )
        assert list(found.scalars()) == [number(101), number(105)]


async def test_broken_bytes_cost_their_row_only(shared: Services) -> None:
    rows = [hw_row(index, Замечание="пометка") for index in range(201, 221)]
    content = csv_bytes(rows).replace("пометка".encode(), b"\xff\xfe", 1)

    done = await imported(shared, content, "bytes.csv")

    assert (done["status"], done["rows"]["new"], done["rows"]["issues"]) == ("applied", 19, 1)
    (issue,) = await issues_of(shared, done)
    assert (issue["code"], issue["locator"]["row"], issue["column"]) == ("intake.text_broken", 2, "Замечание")


async def test_a_nul_deep_in_a_file_costs_its_row_only(shared: Services) -> None:
    rows = [hw_row(index) for index in range(10_000, 11_500)]
    rows[-2]["Замечание"] = "a\x00b"

    done = await imported(shared, rows, "deep.csv")

    assert (done["status"], done["rows"]["new"], done["rows"]["issues"]) == ("applied", 1_499, 1)
    (issue,) = await issues_of(shared, done)
    assert (issue["code"], issue["locator"]["row"], issue["value"]) == ("intake.text_broken", 1_500, "a␀b")


async def test_cells_beyond_the_last_column_cost_their_row(shared: Services) -> None:
    lines = csv_bytes([hw_row(301), hw_row(302)]).split(b"\r\n")
    lines[2] += ",лишнее".encode()

    done = await imported(shared, b"\r\n".join(lines), "wide.csv")

    assert (done["rows"]["new"], done["rows"]["issues"]) == (1, 1)
    (issue,) = await issues_of(shared, done)
    assert (issue["code"], issue["value"]) == ("intake.row_too_long", "лишнее")


async def test_a_file_of_nothing_but_bad_rows_is_refused_with_its_issues(shared: Services) -> None:
    before = await written(shared)

    done = await imported(shared, [hw_row(i, Цена_заказа="?") for i in (401, 402)], "bad.csv")

    assert (done["status"], done["error"]["code"]) == ("refused", "intake.nothing_readable")
    assert done["rows"] | {"total": 2, "issues": 2} == done["rows"]
    assert [issue["locator"]["row"] for issue in await issues_of(shared, done)] == [2, 3]
    assert await written(shared) == before


async def test_rows_of_totals_and_repeated_headers_are_passed_over(shared: Services) -> None:
    header = dict(zip(hw_row(1), hw_row(1), strict=True))
    total = dict.fromkeys(hw_row(1), "") | {"Номер заказа": "Итого:", "Цена заказа": "30000"}

    done = await imported(shared, [hw_row(501), header, hw_row(502), total], "printed.csv")

    assert (done["rows"]["new"], done["rows"]["skipped"], done["rows"]["issues"]) == (2, 2, 0)


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [("intake.apply", False, "intake.switched_off"), ("read_only", True, "platform.read_only")],
)
async def test_a_kill_switch_stops_files_and_lets_previews_through(
    services: Services, key: str, value: bool, code: str
) -> None:
    async with services.db.write() as session:
        await change_rule(session, SYSTEM, key, value, services.clock.now())

    preview = await imported(services, [hw_row(1)], dry_run=True)
    stopped = await imported(services, [hw_row(1)])

    assert preview["status"] == "dry_run"
    assert (stopped["status"], stopped["error"]["code"]) == ("failed", code)
    assert set((await written(services)).values()) == {0}


async def test_a_veto_half_way_leaves_nothing_half_written(services: Services) -> None:
    vetoes = [True]

    async def veto(session: AsyncSession, event: OrdersChanged) -> None:
        there = await session.execute(text("SELECT count(*) FROM orders"))
        assert there.scalar_one() == 2  # the change is there for its own transaction
        if vetoes.pop():
            raise Vetoed

    services.bus.same_transaction(OrdersChanged, veto)
    rows = [hw_row(1), hw_row(2)]

    failed = await imported(services, rows)
    nothing = await written(services)
    vetoes.append(False)
    applied = await imported(services, rows)

    assert (failed["status"], failed["error"]["code"], failed["rows"]["new"]) == ("failed", "app.conflict", 0)
    assert set(nothing.values()) == {0}
    assert (applied["status"], applied["rows"]["new"]) == ("applied", 2)
    assert (await written(services))["applied"] == 1


async def test_a_fault_half_way_leaves_nothing_and_the_same_file_is_taken_again(services: Services) -> None:
    faults = [True]

    async def fail(session: AsyncSession, event: OrdersChanged) -> None:
        if faults.pop():
            await session.execute(text("SELECT 1 / 0"))

    services.bus.same_transaction(OrdersChanged, fail)
    rows = [hw_row(1), hw_row(2)]

    with logged_by(running) as logged:
        failed = await imported(services, rows)
    nothing = await written(services)
    faults.append(False)
    applied = await imported(services, rows)

    assert (failed["status"], failed["error"]["code"]) == ("failed", "intake.failed")
    assert failed["error"]["params"]["reason"] == "DataError"
    assert [entry["event"] for entry in logged] == ["import.failed"]
    assert set(nothing.values()) == {0}
    assert (applied["status"], applied["rows"]["new"]) == ("applied", 2)
    assert (await written(services))["applied"] == 1


async def test_a_lost_original_is_a_failure_that_says_so(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(csv_bytes([hw_row(1)]))
    async with services.db.write() as session:
        row = await receiving.receive(session, SYSTEM, Arrival(path, path.name), "0" * 64, services.clock.now())

    await run(services.intake, row.id)

    async with services.db.read() as session:
        done = await reading_back.get_import(session, SYSTEM, row.id, "en")
    assert done["error"]["code"] == "platform.blob_missing"
    assert set((await written(services)).values()) == {0}


async def test_an_import_nobody_works_at_is_taken_up_again(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(csv_bytes([vendhub_row(1)]))
    sha256 = await receiving.keep(services.blobs, Arrival(path, path.name), 1)
    async with services.db.write() as session:
        row = await receiving.receive(session, SYSTEM, Arrival(path, path.name), sha256, services.clock.now())
    assert isinstance(services.clock, FixedClock)

    young = await resume_abandoned(services.intake, services.jobs)
    services.clock.advance(ABANDONED_AFTER + timedelta(seconds=1))
    old = await resume_abandoned(services.intake, services.jobs)
    spoken_for = await resume_abandoned(services.intake, services.jobs)
    await services.jobs.drain()

    assert (young, old, spoken_for) == ([], [row.id], [])
    async with services.db.read() as session:
        assert (await reading_back.get_import(session, SYSTEM, row.id, "en"))["status"] == "applied"
    assert await resume_abandoned(services.intake, services.jobs) == []
