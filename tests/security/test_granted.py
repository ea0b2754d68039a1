"""Who is limited to some machines or sources sees nothing of the others, and cannot tell that they exist."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import sign_in
from tests.factories import csv_bytes, number
from tests.integration.reconciled import (
    ORDERS,
    PAYMENTS,
    RECEIPTS,
    SALES,
    exception_of,
    order,
    payment,
    receipt,
    reconcile,
    sale,
)
from tests.integration.sharing import imported, process
from tests.security.conftest import client_of
from vhm24r.api.app import build_app
from vhm24r.identity.permissions import Role
from vhm24r.identity.service.people import grant
from vhm24r.kit.actor import Actor, Granted
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.security
MINE, OTHER = "a1b2c3d4e5f6", "ffffffffffff"
HIDDEN = number(9)


@pytest.fixture(scope="module")
async def network(
    server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    """A reconciled network of two machines: four orders on one, one on the other."""
    async with process(server, template, tmp_path_factory.mktemp("network")) as services:
        orders = [*ORDERS, order(9, "16:00:00", "33000", Машинный_код=OTHER)]
        sales = [*SALES, sale(9, "16:00:02", "33000", Machine_Code=OTHER)]
        for name, rows in (("orders", orders), ("sales", sales), ("receipts", RECEIPTS), ("payments", PAYMENTS)):
            found = await imported(services, rows, f"{name}.csv")
            assert found["status"] == "applied", found
        await reconcile(services)
        yield services


@pytest.fixture(scope="module")
def here(network: Services) -> FastAPI:
    return build_app(network)


async def limited(
    services: Services, app: FastAPI, *, machines: list[str] | None = None, sources: list[str] | None = None,
    role: Role = Role.OPERATOR,
) -> httpx.AsyncClient:  # fmt: skip
    """A client of a new person who sees so much and no more."""
    token = await sign_in(services, role)
    person = (await services.access.authenticate(token)).person.id
    async with services.db.write() as session:
        await grant(session, Actor.system("test"), person, machines, sources, services.clock.now())
    services.access.forget(person)
    return client_of(app, token)


async def machine_of(services: Services, app: FastAPI) -> str:
    """The code of the machine that the orders of the small network are of."""
    async with client_of(app, await sign_in(services, Role.VIEWER)) as viewer:
        found = (await viewer.get(f"/api/v1/orders/{number(1)}")).json()
    return str(found["machine"]["code"])


async def test_orders_of_other_machines_do_not_exist(network: Services, here: FastAPI) -> None:
    mine = await machine_of(network, here)
    async with await limited(network, here, machines=[mine]) as operator:
        listed = (await operator.get("/api/v1/orders", params={"with_total": "true"})).json()
        one, hidden, made_up = [await operator.get(f"/api/v1/orders/{n}") for n in (number(1), HIDDEN, "NOSUCH")]
        answers = {
            (method, path): (await operator.request(method, f"/api/v1/orders/{HIDDEN}{path}", json=body)).status_code
            for method, path, body in (
                ("GET", "/changes", None), ("GET", "/versions", None), ("GET", "/timeline", None),
                ("GET", "/versions/1", None), ("PATCH", "", {"product": "x"}), ("DELETE", "", None),
                ("POST", "/notes", {"text": "x"}),
            )
        }  # fmt: skip
        filtered = (await operator.get("/api/v1/orders", params={"machine": OTHER})).json()["items"]
        searched = (await operator.get("/api/v1/orders", params={"q": HIDDEN})).json()["items"]

    assert (len(listed["items"]), listed["total"], one.status_code) == (4, 4, 200)
    assert hidden.status_code == made_up.status_code == 404
    assert hidden.json()["code"] == made_up.json()["code"]
    assert set(answers.values()) == {404}
    assert filtered == searched == []


async def test_machines_of_others_do_not_exist(network: Services, here: FastAPI) -> None:
    mine = await machine_of(network, here)
    async with await limited(network, here, machines=[mine]) as operator:
        machines = [row["code"] for row in (await operator.get("/api/v1/machines")).json()["items"]]
        hidden = await operator.patch(f"/api/v1/machines/{OTHER}", json={"name": "x"})
        made = await operator.post(
            "/api/v1/orders",
            json={
                "occurred_at": "2026-01-05T09:00:00Z", "amount": {"amount": "5.00", "currency": "UZS"},
                "machine_code": OTHER,
            },
        )  # fmt: skip

    assert machines == [mine]
    assert (hidden.status_code, made.status_code) == (404, 404)


async def test_who_sees_some_machines_brings_in_no_files(network: Services, here: FastAPI) -> None:
    mine = await machine_of(network, here)
    async with await limited(network, here, machines=[mine]) as operator:
        me = (await operator.get("/api/v1/auth/me")).json()["permissions"]
        listed = await operator.get("/api/v1/imports")
        watched = await operator.get("/api/v1/events", params={"topics": "imports"})

    assert not {"imports:read", "imports:write"} & set(me)
    assert (listed.status_code, watched.status_code) == (403, 403)


async def test_exceptions_of_other_machines_do_not_exist(network: Services, here: FastAPI) -> None:
    mine = await machine_of(network, here)
    async with client_of(here, await sign_in(network, Role.ADMIN)) as admin:
        everything = (await admin.get("/api/v1/reconciliation/exceptions", params={"limit": "100"})).json()["items"]
    hidden = [item for item in everything if (item["machine"] or {}).get("code") == OTHER]
    async with await limited(network, here, machines=[mine]) as operator:
        seen = (
            await operator.get("/api/v1/reconciliation/exceptions", params={"limit": "100", "with_total": "true"})
        ).json()
        single = await operator.get(f"/api/v1/reconciliation/exceptions/{hidden[0]['id']}")
        touched = [
            await operator.post(f"/api/v1/reconciliation/exceptions/{hidden[0]['id']}/{step}", json=body)
            for step, body in (
                ("comment", {"text": "x"}), ("resolve", {"outcome": "explained", "reason": "x"}),
                ("assign", {"person_id": None}),
            )
        ]  # fmt: skip
        matched = await operator.post(
            "/api/v1/reconciliation/matches",
            json={"orders": [HIDDEN], "records": [{"source": "payme", "external_id": "x"}], "reason": "x"},
        )

    assert hidden
    assert {item["id"] for item in seen["items"]} == {item["id"] for item in everything} - {h["id"] for h in hidden}
    assert seen["total"] == len(seen["items"])
    assert [answer.status_code for answer in (single, *touched, matched)] == [404] * 5


async def test_sums_over_the_whole_network_are_for_who_sees_it(network: Services, here: FastAPI) -> None:
    mine = await machine_of(network, here)
    async with await limited(network, here, machines=[mine]) as operator:
        refused = {
            path: (await operator.get(f"/api/v1/reconciliation/{path}")).json().get("code")
            for path in ("summary", "drift", "offsets", "gateways", "collections")
        }
        run = await operator.post("/api/v1/reconciliation/run", json={})

    assert set(refused.values()) == {"app.part_only"}
    assert (run.status_code, run.json()["code"]) == (403, "app.part_only")


async def test_evidence_of_other_sources_is_not_shown(network: Services, here: FastAPI) -> None:
    async with await limited(network, here, sources=["happy_workers", "vendhub"]) as operator:
        shown = (await operator.get(f"/api/v1/orders/{number(1)}")).json()["evidence"]
        exceptions = (await operator.get("/api/v1/reconciliation/exceptions", params={"limit": "100"})).json()["items"]
        imports = (await operator.get("/api/v1/imports")).json()["items"]
        ids = [row["id"] for row in imports]
        async with client_of(here, await sign_in(network, Role.ADMIN)) as admin:
            everything = (await admin.get("/api/v1/imports")).json()["items"]
        hidden = next(row for row in everything if row["source"] == "payme")
        answers = [
            (await operator.request(method, f"/api/v1/imports/{hidden['id']}{path}", json={})).status_code
            for method, path in (
                ("GET", ""),
                ("GET", "/rows"),
                ("GET", "/errors"),
                ("POST", "/undo"),
                ("POST", "/apply"),
            )
        ]

    assert {record["source"] for record in shown} == {"happy_workers", "vendhub"}
    assert not [item for item in exceptions if item["record"] and item["record"]["source"] in ("fiscal", "payme")]
    assert {row["source"] for row in imports} == {"happy_workers", "vendhub"}
    assert hidden["id"] not in ids
    assert answers == [404] * 5


async def test_who_is_granted_no_source_sees_no_import(network: Services, here: FastAPI) -> None:
    async with await limited(network, here, sources=[]) as operator:
        listed = (await operator.get("/api/v1/imports")).json()["items"]
        asked = [f"/api/v1/imports/{index}{path}" for index in range(1, 5) for path in ("", "/rows", "/file")]
        answers = [(await operator.get(address)).status_code for address in asked]
        watched = await operator.get("/api/v1/events", params={"topics": "imports"})

    assert (listed, set(answers)) == ([], {404})
    assert (watched.status_code, watched.json()["code"]) == (403, "app.part_only")


async def test_mappings_are_of_who_sees_other_layouts(network: Services, here: FastAPI) -> None:
    async with await limited(network, here, sources=["payme"]) as operator:
        listed = await operator.get("/api/v1/mappings")
        forgotten = await operator.delete("/api/v1/mappings/shop")

    assert listed.json()["items"] == []
    assert (forgotten.status_code, forgotten.json()["code"]) == (403, "app.part_only")


async def test_changes_name_no_file_to_who_does_not_see_all_sources(network: Services, here: FastAPI) -> None:
    async with await limited(network, here, sources=["payme"]) as operator:
        changes = (await operator.get(f"/api/v1/orders/{number(1)}")).json()["changes"]

    assert changes
    assert {(change["import_id"], change["file"], change["locator"]) for change in changes} == {(None, None, None)}


async def test_a_match_of_another_source_is_not_parted(network: Services, here: FastAPI) -> None:
    async with client_of(here, await sign_in(network, Role.ADMIN)) as admin:
        evidence = (await admin.get(f"/api/v1/orders/{number(1)}")).json()["evidence"]
    match = next(record["match"]["id"] for record in evidence if record["source"] == "fiscal")
    async with await limited(network, here, sources=["payme"]) as operator:
        parted = await operator.request(
            "DELETE", f"/api/v1/reconciliation/matches/{match}", params={"reason": "x"}, json={"reason": "x"}
        )

    assert parted.status_code == 404


async def test_a_file_of_a_source_that_is_not_granted_is_not_applied(network: Services, here: FastAPI) -> None:
    async with await limited(network, here, sources=["vendhub"]) as operator:
        files = {"files": ("payme.csv", csv_bytes([payment(77, "20:00:00", "5000")]))}
        sent = (await operator.post("/api/v1/imports", files=files)).json()["items"][0]
        await network.jobs.drain()
        own = await operator.get(f"/api/v1/imports/{sent['id']}")
    async with client_of(here, await sign_in(network, Role.ADMIN)) as admin:
        ended: dict[str, Any] = (await admin.get(f"/api/v1/imports/{sent['id']}")).json()

    assert (ended["status"], ended["error"]["code"]) == ("refused", "intake.source_not_granted")
    assert own.status_code == 404


async def test_a_key_sees_no_more_than_its_maker(network: Services, here: FastAPI) -> None:
    mine = await machine_of(network, here)
    async with await limited(network, here, machines=[mine]) as operator:
        made = await operator.post("/api/v1/api-keys", json={"name": "x", "scopes": ["orders:read"]})
    async with client_of(here, None, Authorization=f"Bearer {made.json()['secret']}") as program:
        hidden = await program.get(f"/api/v1/orders/{HIDDEN}")

    assert hidden.status_code == 404


@pytest.mark.parametrize(
    ("granted", "machine", "source", "record"),
    [
        (Granted(), True, True, True),
        (Granted(machines=frozenset({"m"})), True, True, True),
        (Granted(machines=frozenset()), False, True, False),
        (Granted(sources=frozenset({"payme"})), True, True, True),
        (Granted(sources=frozenset()), True, False, False),
    ],
)
def test_what_is_granted(granted: Granted, machine: bool, source: bool, record: bool) -> None:
    assert (granted.machine("m"), granted.source("payme"), granted.record("m", "payme")) == (machine, source, record)
    assert granted.record(None, "payme") is source
    assert granted.source(None)
    assert granted.machine(None) is (granted.machines is None)


async def test_candidates_of_others_take_no_place_of_ones_own(
    server: EmbeddedServer, template: str, tmp_path: Any
) -> None:
    """Twenty orders of another machine are nearer to a receipt than one's own."""
    async with process(server, template, tmp_path) as services:
        near = [order(10 + n, f"10:00:{n:02}", "7000", Машинный_код=OTHER) for n in range(20)]
        await imported(services, [order(1, "09:50:00", "7000", Машинный_код=MINE), *near])
        await imported(services, [receipt(1, "10:30:00", "7000")], "receipts.csv")
        await reconcile(services)
        app = build_app(services)
        path = f"/api/v1/reconciliation/exceptions/{(await exception_of(services, '501'))['id']}"
        async with (
            await limited(services, app, machines=[MINE]) as operator,
            client_of(app, await sign_in(services, Role.ADMIN)) as admin,
        ):
            mine, all_of_them = [(await http.get(path)).json()["candidates"] for http in (operator, admin)]

        mine_lacks = f"/api/v1/reconciliation/exceptions/{(await exception_of(services, number(1)))['id']}"
        async with (
            await limited(services, app, sources=["happy_workers", "payme"]) as blind,
            client_of(app, await sign_in(services, Role.ADMIN)) as admin,
        ):
            unseen, seen = [(await http.get(mine_lacks)).json()["candidates"] for http in (blind, admin)]

    assert [found["orders"][0]["number"] for found in mine] == [number(1)]
    assert number(1) not in [found["orders"][0]["number"] for found in all_of_them]
    assert (unseen, len(seen)) == ([], 1)
