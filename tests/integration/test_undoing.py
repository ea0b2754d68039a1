"""Undo and redo of applied imports: what others still say stays, what people touched is kept, nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import text

from tests.conftest import NOW, SYSTEM
from tests.factories import Row, csv_bytes, hw_row, number, vendhub_row, write_csv
from tests.integration.command_line import command, environment
from tests.integration.conftest import PERSON, Bring, Query
from tests.integration.sharing import client, imported, process
from tests.integration.standing import HISTORY, import_of, redone, rows_of, standing, undone
from vhm24r.identity.permissions import Role
from vhm24r.intake.errors import ImportNotApplied
from vhm24r.intake.service.undoing import undo
from vhm24r.ops.process import Services
from vhm24r.orders.service import editing, reading
from vhm24r.orders.types import OrderEdit
from vhm24r.platform.business_settings import store
from vhm24r.platform.embedded import EmbeddedServer
from vhm24r.platform.flags import READ_ONLY, ReadOnly

pytestmark = pytest.mark.integration

LATER = "2025-12-25 00:30:00"


async def test_orders_that_nothing_reports_any_more_are_withdrawn(
    bring: Bring, query: Query, services: Services
) -> None:
    done = await bring([hw_row(1), hw_row(2, Цена_заказа="20000")])
    report = await undone(services, done["id"])

    assert report == {
        "records": 2, "orders": {"withdrawn": 2, "changed": 0, "kept": 0},
        "money": [{"amount": "35000.00", "currency": "UZS"}], "kept": [],
        "at": "2026-01-05T09:00:00Z", "by": SYSTEM.name,
    }  # fmt: skip
    assert (await import_of(services, done["id"]))["status"] == "undone"
    async with services.db.read() as session:
        history = await session.execute(text(f"SELECT version, kind, field FROM {HISTORY} ORDER BY order_id, version"))
        assert [tuple(row) for row in history] == [(1, "new", ""), (2, "withdrawn", "")] * 2
    assert await standing(services) == {"orders": [], "records": [], "files": []}
    assert await query("SELECT withdrawn_at, version FROM orders") == [{"withdrawn_at": NOW, "version": 2}] * 2
    assert len(await query("SELECT * FROM evidence_records")) == 2


async def test_withdrawn_orders_are_in_no_list_and_not_found(services: Services) -> None:
    done = await imported(services, [hw_row(1), hw_row(2)])
    async with await client(services, Role.OPERATOR) as http:
        await undone(services, done["id"])
        listed = (await http.get("/api/v1/orders", params={"with_total": True})).json()
        one = await http.get(f"/api/v1/orders/{number(1)}")
        edited = await http.patch(f"/api/v1/orders/{number(1)}", json={"fields": {"remark": "?"}})
        rows = (await http.get(f"/api/v1/imports/{done['id']}/rows")).json()

    assert (listed["items"], listed["total"]) == ([], 0)
    assert [(a.status_code, a.json()["code"]) for a in (one, edited)] == [(404, "orders.not_found")] * 2
    assert len(rows["items"]) == 2  # what the file said is still known


async def test_a_number_comes_back_as_the_same_order(bring: Bring, query: Query, services: Services) -> None:
    first = await bring([hw_row(1)])
    (before,) = await query("SELECT id FROM orders")
    await undone(services, first["id"])

    again = await bring([hw_row(1, Цена_заказа="17000")], name="other.csv")

    assert (again["status"], again["orders"]) == ("applied", {"new": 0, "filled": 0, "changed": 1})
    assert again["money_effect"] == {"new": [{"amount": "17000.00", "currency": "UZS"}], "changed": []}
    assert await query("SELECT id, amount, version, withdrawn_at FROM orders") == [
        {"id": before["id"], "amount": 1_700_000, "version": 3, "withdrawn_at": None}
    ]
    history = await query(f"SELECT version, kind, field, old, new FROM {HISTORY} ORDER BY version, field")
    assert [(h["version"], h["kind"], h["field"], h["old"], h["new"]) for h in history] == [
        (1, "new", "", None, None),
        (2, "withdrawn", "", None, None),
        (3, "restored", "", None, None),
        (3, "changed", "amount", "15000.00", "17000.00"),
    ]
    async with services.db.read() as session:
        order = await reading.get_order(session, SYSTEM, number(1))
        first_version = await reading.get_version(session, SYSTEM, number(1), 1)
    assert [version["version"] for version in order["versions"]] == [3, 2, 1]
    assert first_version["fields"]["amount"] == "15000.00"


async def test_fields_fall_back_to_what_other_imports_say(bring: Bring, query: Query, services: Services) -> None:
    await bring([hw_row(1, Срок_поставки="")])
    late = await bring([hw_row(1, Срок_поставки=LATER, Цена_заказа="16000")])

    report = await undone(services, late["id"])

    assert (report["orders"], report["records"]) == ({"withdrawn": 0, "changed": 1, "kept": 0}, 1)
    assert report["money"] == [{"amount": "1000.00", "currency": "UZS"}]
    assert await query(
        "SELECT amount, version, delivered_at FROM orders JOIN vending_orders v ON v.order_id = orders.id"
    ) == [{"amount": 1_500_000, "version": 3, "delivered_at": None}]
    history = await query(f"SELECT field, kind, old, new, file_id FROM {HISTORY} WHERE version = 3 ORDER BY field")
    assert history == [
        {"field": "amount", "kind": "changed", "old": "16000.00", "new": "15000.00", "file_id": None},
        {"field": "delivered_at", "kind": "changed", "old": "2025-12-24T19:30:00Z", "new": None, "file_id": None},
    ]


async def test_what_another_file_says_too_stays_and_is_ascribed_to_it(
    bring: Bring, query: Query, services: Services
) -> None:
    first = await bring([hw_row(1), hw_row(2)], name="first.csv")
    await bring([hw_row(3), hw_row(1)], name="second.csv")

    report = await undone(services, first["id"])

    assert (report["records"], report["orders"]["withdrawn"]) == (1, 1)
    found = await query(
        "SELECT o.number, f.name, e.row FROM evidence_records e JOIN evidence_files f ON f.id = e.file_id"
        " JOIN orders o ON o.id = e.order_id WHERE NOT e.withdrawn ORDER BY 1"
    )
    assert found == [
        {"number": number(1), "name": "second.csv", "row": 3},
        {"number": number(3), "name": "second.csv", "row": 2},
    ]
    assert await query("SELECT version FROM orders WHERE withdrawn_at IS NULL ORDER BY number") == [{"version": 1}] * 2


def unnumbered(index: int) -> Row:
    """A machine row without a number: identified by what it says."""
    return hw_row(index, Номер_заказа="", Время_создания=f"2025-12-25 00:14:{index:02}")


@pytest.mark.parametrize(("which", "left"), [("two", 3), ("three", 2)])
async def test_of_equal_rows_without_a_key_the_largest_count_stands(
    bring: Bring, query: Query, services: Services, which: str, left: int
) -> None:
    files = {"two": [unnumbered(1)] * 2, "three": [unnumbered(1)] * 3}
    done = {name: await bring(rows, name=f"{name}.csv") for name, rows in files.items()}
    assert len(await query("SELECT * FROM orders")) == 3

    await undone(services, done[which]["id"])

    found = await query("SELECT occurrence FROM evidence_records WHERE current ORDER BY 1")
    assert [row["occurrence"] for row in found] == list(range(left))
    assert len(await query("SELECT * FROM orders WHERE withdrawn_at IS NULL")) == left


async def match_by_hand(services: Services, order_id: int) -> None:
    async with services.db.write() as session:
        await session.execute(
            text(
                "INSERT INTO evidence_matches (record_id, order_id, role, kind, rule, confidence, interchangeable,"
                " reasons, change_set_id) VALUES (999, :order_id, 'payment', 'manual', 'hand', 100, false, '[]', 1)"
            ),
            {"order_id": order_id},
        )


async def test_orders_that_people_have_touched_are_kept_and_listed(
    bring: Bring, query: Query, services: Services
) -> None:
    done = await bring([hw_row(index) for index in range(1, 8)])
    async with services.db.write() as session:
        for index, edit in (
            (1, OrderEdit({"product": "Чай"})),
            (2, OrderEdit({}, add_tags=("check",))),
            (6, OrderEdit({"product": "Чай"}, add_tags=("check",))),
        ):
            await editing.edit_order(session, PERSON, services.bus, number(index), edit, NOW)
        await editing.add_note(session, PERSON, number(3), "call back", NOW)
        await editing.cancel_order(session, PERSON, services.bus, number(4), "twice", NOW)
    ids = {row["number"]: row["id"] for row in await query("SELECT number, id FROM orders")}
    await match_by_hand(services, ids[number(5)])

    report = await undone(services, done["id"])

    assert report["orders"] == {"withdrawn": 1, "changed": 0, "kept": 6}
    assert report["kept"] == [
        {"number": number(1), "reasons": ["edited"]},
        {"number": number(2), "reasons": ["tagged"]},
        {"number": number(3), "reasons": ["noted"]},
        {"number": number(4), "reasons": ["status"]},
        {"number": number(5), "reasons": ["matched"]},
        {"number": number(6), "reasons": ["edited", "tagged"]},
    ]
    assert report["money"] == [{"amount": "15000.00", "currency": "UZS"}]  # the others still count
    kept = await query("SELECT number, amount FROM orders WHERE withdrawn_at IS NULL ORDER BY 1")
    assert kept == [{"number": number(index), "amount": 1_500_000} for index in range(1, 7)]
    assert await query("SELECT 1 AS x FROM evidence_records WHERE NOT withdrawn") == []


async def test_an_edit_that_was_given_back_keeps_nothing(bring: Bring, services: Services) -> None:
    done = await bring([hw_row(1)])
    async with services.db.write() as session:
        for edit in (
            OrderEdit({"product": "Чай"}, add_tags=("x",)),
            OrderEdit({}, release=("product",), remove_tags=("x",)),
        ):
            await editing.edit_order(session, PERSON, services.bus, number(1), edit, NOW)

    assert (await undone(services, done["id"]))["orders"] == {"withdrawn": 1, "changed": 0, "kept": 0}


async def test_an_edit_lies_on_top_of_what_is_left(bring: Bring, query: Query, services: Services) -> None:
    await bring([hw_row(1)])
    late = await bring([hw_row(1, Цена_заказа="16000", Наименование_товара="Латте")])
    async with services.db.write() as session:
        await editing.edit_order(session, PERSON, services.bus, number(1), OrderEdit({"product": "Чай"}), NOW)

    await undone(services, late["id"])

    assert await query("SELECT product, amount FROM orders") == [{"product": "Чай", "amount": 1_500_000}]


async def test_money_of_orders_known_to_sales_alone_is_not_gone(bring: Bring, services: Services) -> None:
    sales = await bring([vendhub_row(1)])
    report = await undone(services, sales["id"])

    assert (report["orders"]["withdrawn"], report["money"]) == (1, [])


async def test_an_order_that_falls_back_to_sales_counts_no_more(bring: Bring, query: Query, services: Services) -> None:
    await bring([vendhub_row(1, Order_price="14000")])
    machine = await bring([hw_row(1)])

    report = await undone(services, machine["id"])

    assert report["orders"] == {"withdrawn": 0, "changed": 1, "kept": 0}
    assert report["money"] == [{"amount": "15000.00", "currency": "UZS"}]
    found = await query(
        "SELECT origin, amount, payment_status FROM orders JOIN vending_orders v ON v.order_id = orders.id"
    )
    assert found == [{"origin": "vendhub", "amount": 1_400_000, "payment_status": None}]


async def test_sales_below_a_machine_report_are_undone_without_a_trace(
    bring: Bring, query: Query, services: Services
) -> None:
    sales = await bring([vendhub_row(1, Order_price="14000")])
    await bring([hw_row(1)])

    report = await undone(services, sales["id"])

    assert report["orders"] == {"withdrawn": 0, "changed": 0, "kept": 0}
    assert await query("SELECT origin, amount, version FROM orders") == [
        {"origin": "happy_workers", "amount": 1_500_000, "version": 2}
    ]
    assert [row["source"] for row in await query("SELECT source FROM evidence_records WHERE current")] == [
        "happy_workers"
    ]


STORY: dict[str, list[Row]] = {
    "morning": [hw_row(i, Срок_поставки="", Статус_варки="") for i in range(1, 6)] + [unnumbered(1), unnumbered(1)],
    "noon": [hw_row(i) for i in range(3, 9)] + [unnumbered(1)],
    "sales": [vendhub_row(i, Goods_name="Кофе") for i in (2, 4, 9)],
    "moved": [vendhub_row(4, Goods_name="Кофе", Order_number=number(5)), vendhub_row(9, Order_price="1")],
    "evening": [hw_row(4, Цена_заказа="16000"), hw_row(8, Срок_поставки=LATER, Статус_платежа="Возврат"), hw_row(10)],
    "again": [hw_row(4), hw_row(1), *[unnumbered(1)] * 3],
}
"""Days of reports that overlap, fill in, correct, take back and repeat one another."""


async def tell(services: Services, names: Sequence[str]) -> dict[str, int]:
    """Import these files of the story, in this order; their ids."""
    return {name: (await imported(services, STORY[name], f"{name}.csv"))["id"] for name in names}


@pytest.mark.parametrize(
    "gone",
    [
        ("morning", "noon"), ("noon", "morning"), ("evening", "sales", "again"), ("again", "evening", "sales"),
        ("sales", "moved"), ("moved", "sales"), ("again", "morning", "evening"),
        ("again", "moved", "evening", "sales", "noon", "morning"),
    ],
)  # fmt: skip
async def test_what_was_undone_in_any_order_was_never_there(
    services: Services, server: EmbeddedServer, template: str, tmp_path: Path, gone: tuple[str, ...]
) -> None:
    ids = await tell(services, list(STORY))
    for name in gone:
        await undone(services, ids[name])

    (tmp_path / "calm").mkdir()
    async with process(server, template, tmp_path / "calm") as calm:
        await tell(calm, [name for name in STORY if name not in gone])
        assert await standing(services) == await standing(calm)


@pytest.mark.parametrize("name", list(STORY))
async def test_redo_brings_everything_back(services: Services, name: str) -> None:
    ids = await tell(services, list(STORY))
    before, orders = await standing(services), await rows_of(services, "SELECT id, number FROM orders ORDER BY id")

    await undone(services, ids[name])
    changed = await standing(services)
    done = await redone(services, ids[name])

    assert (done["status"], done["undo"], done["error"]) == ("applied", None, None)
    assert changed != before
    assert await standing(services) == before
    assert await rows_of(services, "SELECT id, number FROM orders ORDER BY id") == orders


async def test_everything_undone_and_redone_in_turn_is_as_before(services: Services) -> None:
    ids = await tell(services, list(STORY))
    before = await standing(services)

    for name in ("noon", "evening", "sales", "again", "morning", "moved"):
        await undone(services, ids[name])
    nothing = await standing(services)
    for name in ("sales", "again", "moved", "noon", "evening", "morning"):
        await redone(services, ids[name])

    assert nothing == {"orders": [], "records": [], "files": []}
    assert await standing(services) == before


async def test_a_redone_import_shows_the_rows_of_its_last_run(services: Services) -> None:
    done = await imported(services, [hw_row(1), hw_row(2)])
    await undone(services, done["id"])
    again = await redone(services, done["id"])
    async with await client(services, Role.OPERATOR) as http:
        rows = (await http.get(f"/api/v1/imports/{done['id']}/rows")).json()["items"]

    assert (again["rows"]["total"], again["rows"]["changed"]) == (2, 2)
    assert again["money_effect"]["new"] == [{"amount": "30000.00", "currency": "UZS"}]
    assert [(row["position"], row["outcome"]) for row in rows] == [(0, "changed"), (1, "changed")]


async def test_the_same_bytes_after_an_undo_are_no_duplicate(services: Services) -> None:
    first = await imported(services, [hw_row(1)])
    await undone(services, first["id"])
    second = await imported(services, [hw_row(1)])
    third = await redone(services, first["id"])

    assert (second["status"], third["status"], third["duplicate_of"]) == ("applied", "duplicate", second["id"])


async def test_only_an_applied_import_is_undone(services: Services) -> None:
    preview = await imported(services, [hw_row(1)], dry_run=True)
    refused = await imported(services, b"")

    for item in (preview, refused):
        with pytest.raises(ImportNotApplied) as error:
            await undo(services.intake, SYSTEM, item["id"])
        assert error.value.params == {"import_id": item["id"], "status": item["status"]}


async def test_undoing_twice_is_undoing_once(services: Services) -> None:
    done = await imported(services, [hw_row(1)])
    once = await undone(services, done["id"])

    assert await undone(services, done["id"]) == once
    assert await rows_of(services, "SELECT version FROM orders") == [{"version": 2}]


async def test_nothing_is_undone_or_redone_while_changes_are_switched_off(services: Services) -> None:
    done, other = await imported(services, [hw_row(1)]), await imported(services, [hw_row(2)])
    await undone(services, other["id"])
    async with services.db.write() as session:
        await store(session, READ_ONLY, True, NOW)

    with pytest.raises(ReadOnly):
        await undo(services.intake, SYSTEM, done["id"])
    async with await client(services, Role.OPERATOR) as http:
        answers = [
            await http.post(f"/api/v1/imports/{done['id']}/undo"),
            await http.post(f"/api/v1/imports/{other['id']}/apply"),
        ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(409, "platform.read_only")] * 2
    states = [(await import_of(services, item["id"]))["status"] for item in (done, other)]
    assert states == ["applied", "undone"]


@pytest.fixture
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    await services.live.start()
    async with await client(services, Role.OPERATOR) as operator:
        yield operator


async def test_undo_over_http_is_a_job_that_everybody_hears_of(services: Services, http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/v1/imports", files={"files": ("a.csv", csv_bytes([hw_row(1)]), "text/csv")})
    (item,) = answer.json()["items"]
    path = f"/api/v1/imports/{item['id']}"
    early = await http.post(f"{path}/undo")
    await services.jobs.drain()

    async with services.live.watch(frozenset({"imports", "orders"})) as heard:
        asked = await http.post(f"{path}/undo")
        await services.jobs.drain()
        names: list[tuple[str, Any]] = []
        while ("orders.changed", None) not in names or ("import.finished", "undone") not in names:
            event = await asyncio.wait_for(heard.get(), 20)
            names.append((event.name, event.data.get("status")))
    done = (await http.get(path)).json()
    again = await http.post(f"{path}/undo")
    missing = await http.post("/api/v1/imports/999999/undo")
    redo = await http.post(f"{path}/apply")
    await services.jobs.drain()
    back = (await http.get(path)).json()

    assert (early.status_code, early.json()["code"]) == (409, "intake.not_applied")
    assert (asked.status_code, asked.json()["status"]) == (202, "applied")
    assert (done["status"], done["undo"]["by"]) == ("undone", "Test operator")
    assert done["undo"]["orders"] == {"withdrawn": 1, "changed": 0, "kept": 0}
    assert (again.status_code, again.json()["code"]) == (409, "intake.not_applied")
    assert (missing.status_code, missing.json()["code"]) == (404, "intake.import_not_found")
    assert (redo.status_code, back["status"], back["undo"]) == (202, "applied", None)
    audit = await rows_of(
        services, "SELECT action, actor_name FROM audit_entries WHERE action LIKE 'import.%' ORDER BY id"
    )
    assert [(entry["action"], entry["actor_name"]) for entry in audit] == [
        (action, "Test operator")
        for action in ("import.received", "import.applied", "import.undone", "import.redone", "import.applied")
    ]


async def test_a_viewer_undoes_nothing(services: Services) -> None:
    done = await imported(services, [hw_row(1)])
    async with await client(services, Role.VIEWER) as viewer:
        answer = await viewer.post(f"/api/v1/imports/{done['id']}/undo")

    assert (answer.status_code, answer.json()["params"]) == (403, {"permission": "imports:write"})


def test_undo_and_redo_on_the_command_line(database_url: str, tmp_path: Path) -> None:
    env = environment(database_url, tmp_path / "data")
    report = write_csv(tmp_path / "report.csv", [hw_row(1), hw_row(2)])
    command("import", report, env=env)
    early = command("imports", "redo", "1", env=env)
    command("orders", "edit", number(2), "--set", "product=Чай", env=env)

    undone = command("imports", "undo", "1", env=env)
    shown = command("imports", "show", "1", env=env)
    twice = command("imports", "undo", "1", "--json", env=env)
    redone = command("imports", "redo", "1", env=env)
    command("imports", "undo", "1", env=env)
    as_json = command("imports", "redo", "1", "--json", env=env)

    assert (early.exit_code, early.stdout) == (1, "")
    assert early.stderr == "Import #1 is “applied”; only a previewed, undone or failed one can be applied.\n"
    assert (undone.exit_code, undone.stderr) == (0, "")
    assert undone.stdout.splitlines() == ["✓ Import #1 is undone: 2 orders withdrawn, 0 changed, 0 kept."]
    assert shown.stdout.splitlines()[0] == undone.stdout.splitlines()[0]
    assert (twice.exit_code, orjson.loads(twice.stdout)["status"]) == (0, "undone")
    assert (redone.exit_code, redone.stderr) == (0, "")
    assert redone.stdout.startswith("✓ report.csv (happy_workers) is import #1: 2 rows")
    assert (as_json.exit_code, orjson.loads(as_json.stdout)["status"]) == (0, "applied")
