"""Reconciliation over HTTP: documented shapes, refusals by name, writes that may be repeated."""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from tests.conftest import Visitor
from tests.factories import MACHINE
from tests.integration.reconciled import (
    PROVEN,
    WITHOUT_RECEIPT,
    bring_network,
    exception_of,
    live_matches,
    match_id_of,
    reconcile,
    rows,
    statuses,
)
from tests.integration.sharing import imported
from vhm24r.api.schemas import (
    CollectionOut,
    DriftOut,
    ExceptionDetailOut,
    ExceptionOut,
    GatewaysOut,
    OffsetOut,
    ReconciliationOut,
)
from vhm24r.identity.permissions import Role
from vhm24r.ops.process import Services
from vhm24r.reconciliation.service.requesting import RECONCILE

pytestmark = pytest.mark.integration

API = "/api/v1/reconciliation"


@pytest.fixture
async def network(services: Services) -> dict[str, int]:
    """The imports of the network, by name, with a bank line and collections."""
    imports = await bring_network(services)
    bank = {"Date": "2025-12-26 10:00:00", "Debit": "0", "Credit": "40550", "Payment purpose": "PAYME payout",
            "Correspondent": "INSPIRED", "Document number": "77"}  # fmt: skip
    cash = [
        {"Date": f"2025-12-{day} 23:00:00", "Machine code": MACHINE, "Amount": amount, "Collector": "Anvar"}
        for day, amount in (("24", "5000"), ("25", "20000"))
    ]
    await imported(services, [bank], "bank.csv")
    await imported(services, cash, "cash.csv")
    await reconcile(services)
    return imports


async def got(http: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await http.get(f"{API}/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def exact(model: type[BaseModel], item: dict[str, Any]) -> bool:
    """Whether an item is of a documented shape: nothing missing, nothing beside it."""
    parsed = model.model_validate(item)
    return set(item) == set(parsed.model_dump(by_alias=True))


async def test_answers_are_of_the_documented_shapes(
    services: Services, operator: httpx.AsyncClient, network: dict[str, int]
) -> None:
    summary = await got(operator, "summary", **{"from": "2025-12-25"})
    drift = (await got(operator, "drift", by="day,source,machine"))["items"]
    gateways = await got(operator, "gateways")
    collections = (await got(operator, "collections"))["items"]
    offsets = (await got(operator, "offsets"))["items"]
    listed = await got(operator, "exceptions", with_total="true")
    one = await got(operator, f"exceptions/{(await exception_of(services, WITHOUT_RECEIPT))['id']}")

    assert exact(ReconciliationOut, summary)
    assert set(summary["last_run"]) >= {"from", "to", "conserved"}
    assert drift and all(exact(DriftOut, item) for item in drift)
    assert exact(GatewaysOut, gateways) and gateways["payouts"][0]["credit"]["amount"]["amount"] == "40550.00"
    assert len(collections) == 2 and all(exact(CollectionOut, item) for item in collections)
    assert offsets and all(exact(OffsetOut, item) for item in offsets)
    assert listed["total"] == len(listed["items"]) and all(exact(ExceptionOut, item) for item in listed["items"])
    assert exact(ExceptionDetailOut, one) and len(one["candidates"]) == 3


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("summary", {"from": "soon"}, "orders.filter_invalid"),
        ("summary", {"from": "2025-12-25", "to": "2025-12-24"}, "reconciliation.days_invalid"),
        ("drift", {"by": "hour"}, "reconciliation.grouping_unknown"),
        ("drift", {"source": "a\x00b"}, "http.invalid"),
        ("gateways", {"to": "1066-10-14"}, "orders.filter_invalid"),
        ("offsets", {"cursor": "?"}, "page.bad_cursor"),
        ("offsets", {"limit": "0"}, "http.invalid"),
        ("exceptions", {"state": "odd"}, "orders.filter_invalid"),
        ("exceptions", {"sort": "odd"}, "orders.filter_invalid"),
        ("exceptions", {"cursor": "?"}, "page.bad_cursor"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_name(
    operator: httpx.AsyncClient, path: str, params: dict[str, str], code: str
) -> None:
    answer = await operator.get(f"{API}/{path}", params=params)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "exceptions/999999", None),
        ("GET", f"exceptions/{'9' * 30}", None),
        ("POST", "exceptions/999999/assign", {"person_id": None}),
        ("POST", "exceptions/999999/comment", {"text": "x"}),
        ("POST", "exceptions/999999/resolve", {"outcome": "explained", "reason": "x"}),
        ("POST", "exceptions/999999/reopen", {}),
        ("POST", "matches", {"orders": ["NOSUCHORDER"], "records": [{"record_id": 1}], "reason": "x"}),
        ("DELETE", "matches/999999?reason=x", None),
    ],
)
async def test_what_is_not_there_is_not_found(
    operator: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None
) -> None:
    answer = (
        await operator.request(method, f"{API}/{path}", json=body)
        if body is not None
        else (await operator.request(method, f"{API}/{path}"))
    )

    assert answer.status_code == 404, answer.text


async def test_an_exception_is_worked_on(
    services: Services, operator: httpx.AsyncClient, network: dict[str, int]
) -> None:
    path = f"{API}/exceptions/{(await exception_of(services, '504'))['id']}"
    me = (await operator.get("/api/v1/auth/me")).json()
    assigned = await operator.post(f"{path}/assign", json={"person_id": me["id"]})
    mine = await got(operator, "exceptions", assignee="me")
    said = await operator.post(f"{path}/comment", json={"text": "asked"})
    settled = await operator.post(f"{path}/resolve", json={"outcome": "reported", "reason": "wrong till"})
    again = await operator.post(f"{path}/resolve", json={"outcome": "reported", "reason": "wrong till"})
    reopened = await operator.post(f"{path}/reopen", json={"reason": "no"})

    assert assigned.json()["assignee"] == {"id": me["id"], "name": me["name"]}
    assert len(mine["items"]) == 1
    assert (said.status_code, said.json()["said"][0]["author"]) == (201, me["name"])
    assert (settled.json()["state"], settled.json()["resolved_by"]) == ("resolved", me["name"])
    assert (again.status_code, again.json()["code"]) == (409, "reconciliation.exception_settled")
    assert again.json()["detail"].endswith("is “resolved” already. Nothing was changed.")
    assert (reopened.json()["state"], reopened.json()["outcome"]) == ("open", None)


async def test_many_at_once(services: Services, operator: httpx.AsyncClient, network: dict[str, int]) -> None:
    ids = [item["id"] for item in (await got(operator, "exceptions"))["items"]]

    async def bulk(**body: Any) -> httpx.Response:
        return await operator.post(f"{API}/exceptions/bulk", json={"ids": ids, **body})

    assert (await bulk(action="assign", person_id=None)).json()["changed"] == len(ids)
    assert (await bulk(action="resolve", outcome="explained", reason="x")).json()["changed"] == len(ids)
    assert (await bulk(action="resolve", outcome="explained", reason="x")).json()["skipped"] == sorted(ids)
    assert (await bulk(action="reopen")).json() == {"changed": len(ids), "skipped": [], "unknown": []}
    assert (await bulk(action="resolve", outcome="explained")).json()["code"] == "reconciliation.outcome_invalid"
    for refused in ({"action": "forget"}, {"action": "reopen", "ids": []}, {"action": "reopen", "ids": [0]}):
        assert (await bulk(**refused)).status_code == 422


async def test_a_match_is_made_and_taken_away(
    services: Services, operator: httpx.AsyncClient, network: dict[str, int]
) -> None:
    body = {"orders": [WITHOUT_RECEIPT], "records": [{"source": "fiscal", "external_id": "502"}], "reason": "till"}
    made = await operator.post(f"{API}/matches", json=body)
    queued = await rows(services, "SELECT task_name FROM procrastinate_jobs WHERE id = :id", id=made.json()["job_id"])
    await services.jobs.drain()
    after = await statuses(services)
    match_id = await match_id_of(services, WITHOUT_RECEIPT, "502")
    bare = await operator.delete(f"{API}/matches/{match_id}")
    taken = await operator.delete(f"{API}/matches/{match_id}", params={"reason": "no"})
    of_rule = await match_id_of(services, PROVEN, "501")
    apart = await operator.request("DELETE", f"{API}/matches/{of_rule}", json={"reason": "not this one"})
    await services.jobs.drain()

    assert (made.status_code, len(made.json()["decisions"])) == (201, 1)
    assert queued == [{"task_name": RECONCILE.name}]
    assert after[WITHOUT_RECEIPT] == "fully_matched"
    assert (bare.status_code, bare.json()["code"]) == (422, "reconciliation.reason_missing")
    assert (taken.status_code, apart.status_code) == (200, 200)
    assert await live_matches(services) == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"records": [{"source": "fiscal", "external_id": "504"}]}, 409, "reconciliation.sums_differ"),
        ({"records": [{"source": "vendhub", "external_id": "1002"}]}, 409, "reconciliation.record_names_order"),
        ({"records": [{}]}, 404, "reconciliation.record_not_found"),
        ({"records": []}, 422, "http.invalid"),
        ({"records": [{"source": "fiscal", "external": "502"}]}, 422, "http.invalid"),
        ({"reason": ""}, 422, "reconciliation.reason_missing"),
    ],
)
async def test_a_match_that_cannot_be_is_refused(
    operator: httpx.AsyncClient, network: dict[str, int], change: dict[str, Any], status: int, code: str
) -> None:
    body = {"orders": [WITHOUT_RECEIPT], "records": [{"source": "fiscal", "external_id": "502"}], "reason": "x"}
    answer = await operator.post(f"{API}/matches", json=body | change)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_write_with_a_key_happens_once(
    services: Services, operator: httpx.AsyncClient, network: dict[str, int]
) -> None:
    path = f"{API}/exceptions/{(await exception_of(services, '504'))['id']}/comment"
    answers = [await operator.post(path, json={"text": "asked"}, headers={"Idempotency-Key": "once"}) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert len((await got(operator, path.removeprefix(f"{API}/").removesuffix("/comment")))["said"]) == 1


@pytest.mark.parametrize(
    "body", [{}, {"from": "2025-12-25"}, {"to": "2025-12-25"}, {"from": "2025-12-25", "to": "2025-12-25"}]
)
async def test_a_run_is_asked_for(
    services: Services, operator: httpx.AsyncClient, network: dict[str, int], body: dict[str, str]
) -> None:
    runs = await rows(services, "SELECT count(*) AS n FROM reconciliation_runs")
    answer = await operator.post(f"{API}/run", json=body)
    await services.jobs.drain()

    assert (answer.status_code, answer.json()["job_id"] > 0) == (202, True)
    assert (await rows(services, "SELECT count(*) AS n FROM reconciliation_runs"))[0]["n"] == runs[0]["n"] + 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"from": "soon"}, "orders.filter_invalid"),
        ({"from": "2025-12-25", "to": "2025-12-24"}, "reconciliation.days_invalid"),
        ({"since": "2025-12-25"}, "http.invalid"),
    ],
)
async def test_a_run_of_no_days_is_refused(operator: httpx.AsyncClient, body: dict[str, str], code: str) -> None:
    answer = await operator.post(f"{API}/run", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_viewers_look_and_customers_do_not(visitors: dict[Role | None, Visitor]) -> None:
    looking = {role: (await visitors[role].http.get(f"{API}/summary")).status_code for role in visitors}
    running = {role: (await visitors[role].http.post(f"{API}/run", json={})).status_code for role in visitors}

    assert looking == {None: 401, Role.OWNER: 200, Role.ADMIN: 200, Role.OPERATOR: 200, Role.VIEWER: 200,
                       Role.CUSTOMER: 403}  # fmt: skip
    assert running == {None: 401, Role.OWNER: 202, Role.ADMIN: 202, Role.OPERATOR: 202, Role.VIEWER: 403,
                       Role.CUSTOMER: 403}  # fmt: skip
