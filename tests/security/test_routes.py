"""Every door of the HTTP edge: which permission it declares, and that it holds for every role."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount

from tests.conftest import sign_in
from tests.integration.sharing import process
from tests.security.conftest import Clients, client_of
from vhm24r.api.app import build_app
from vhm24r.api.endpoints.running import TOPICS
from vhm24r.api.routing import GuardedRoute
from vhm24r.api.security import WRITING, Door, Needs, Open, SignedInOnly
from vhm24r.identity.permissions import PERMISSIONS, Permission, Role
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer
from vhm24r.settings import Mode

pytestmark = pytest.mark.security

STATIC = {"/assets", "/api-docs", "/api/openapi.json"}
"""Files and the description of the API: the same bytes for everybody."""

JSON = {"Content-Type": "application/json"}
BAD_REQUESTS: list[dict[str, Any]] = [
    {"content": b'{"broken": ', "headers": JSON},
    {"content": b"\xff\xfe\x00", "headers": JSON},
    {"json": ["no object"]},
    {"json": {"body": {"limit": None}}},
    {"content": b"no form", "headers": {"Content-Type": "multipart/form-data; boundary=edge"}},
    {"content": b"--edge\r\nnonsense", "headers": {"Content-Type": "multipart/form-data"}},
    {"content": b"x", "headers": JSON | {"Content-Length": str(5 * 1024**3)}},
    {"params": {"limit": "many", "topics": "", "amount_min": "x", "source": "guess", "reason": "\x00"}},
]
"""What no route can read, in the body or in the query; and more than any route takes."""

SAMPLES = {
    "{code}": "NOSUCHMACHINE",
    "{import_id}": "999999",
    "{person_id}": "999999",
    "{session_id}": "999999",
    "{key_id}": "999999",
    "{number}": "NOSUCHORDER",
    "{version}": "1",
    "{exception_id}": "999999",
    "{match_id}": "999999",
    "{key}": "no.such",
    "{name}": "no.csv",
    "{name:path}": "no.csv",
}


def calls_of(dependant: Dependant) -> Iterator[Any]:
    """What a route calls before itself, at any depth."""
    for child in dependant.dependencies:
        yield child.call
        yield from calls_of(child)


def doors_of(app: FastAPI) -> dict[tuple[str, str], list[Door]]:
    """(method, path) → the doors declared by the route, or none."""
    found: dict[tuple[str, str], list[Door]] = {}
    for route in iter_route_contexts(app.routes):
        path = str(route.path)
        if path in STATIC and (isinstance(route.original_route, Mount) or path == "/api/openapi.json"):
            continue
        dependant = getattr(route, "dependant", None)
        calls = [] if dependant is None else list(calls_of(dependant))
        doors = [call for call in calls if isinstance(call, Needs | Open | SignedInOnly)]
        for method in sorted(route.methods or {"*"}):
            found[method, path] = doors
    return found


def permissions_of(app: FastAPI) -> dict[tuple[str, str], Permission]:
    """The routes that need a permission."""
    return {
        route: door.permission for route, doors in doors_of(app).items() for door in doors if isinstance(door, Needs)
    }


def address(path: str) -> str:
    """A path with something in place of its parameters."""
    for parameter, value in SAMPLES.items():
        path = path.replace(parameter, value)
    assert "{" not in path
    return path


def body_of(method: str) -> dict[str, Any]:
    """Arguments of a request that is well-formed and means nothing."""
    return {"json": {}} if method in {"POST", "PUT", "PATCH"} else {}


def test_every_route_declares_exactly_one_door(site: FastAPI) -> None:
    doors = doors_of(site)

    assert len(doors) > 25
    assert {route: found for route, found in doors.items() if len(found) != 1} == {}


def test_every_door_is_asked_before_the_body_is_read(site: FastAPI) -> None:
    routes = [route for route in iter_route_contexts(site.routes) if getattr(route, "dependant", None) is not None]
    early = [getattr(route.original_route, "doors", ()) for route in routes]

    assert {type(route.original_route) for route in routes} == {GuardedRoute}
    assert [len(doors) for doors in early] == [1] * len(routes)


def test_only_these_routes_are_open(site: FastAPI) -> None:
    opened = {route for route, doors in doors_of(site).items() if isinstance(doors[0], Open)}

    assert opened == {
        ("GET", "/health"),
        ("GET", "/ready"),
        ("GET", "/metrics"),
        ("GET", "/api/docs"),
        ("POST", "/api/v1/auth/link"),
        ("POST", "/api/v1/auth/logout"),
        ("POST", "/api/v1/auth/miniapp"),
        ("POST", "/api/v1/auth/refresh"),
        ("POST", "/api/v1/auth/telegram"),
        ("GET", "/api/v1/auth/ways"),
        ("GET", "/link/{token}"),
        ("HEAD", "/link/{token}"),
        ("GET", "/{path:path}"),
        ("HEAD", "/{path:path}"),
    }


def test_every_open_route_says_why(site: FastAPI) -> None:
    reasons = [door.reason for doors in doors_of(site).values() for door in doors if isinstance(door, Open)]

    assert all(len(reason.split()) >= 3 for reason in reasons)


async def test_a_permission_opens_its_routes_and_nothing_else_does(site: FastAPI, clients: Clients) -> None:
    wrong = []
    for (method, path), permission in permissions_of(site).items():
        for role, client in clients.items():
            answer = await client.request(method, address(path), **body_of(method))
            if role is None:
                right = answer.status_code == 401
            elif permission in PERMISSIONS[role]:
                right = answer.status_code not in (401, 403) and answer.status_code < 500
            else:
                right = answer.status_code == 403 and answer.json()["params"] == {"permission": str(permission)}
            if not right:
                wrong.append((method, path, role, answer.status_code))

    assert wrong == []


async def test_nobody_hears_about_validation_who_may_not_ask(site: FastAPI, clients: Clients) -> None:
    wrong = []
    for (method, path), permission in permissions_of(site).items():
        for role, client in clients.items():
            if role is not None and permission in PERMISSIONS[role]:
                continue
            for number, bad in enumerate(BAD_REQUESTS):
                answer = await client.request(method, address(path), **bad)
                right = (401, "app.unauthenticated") if role is None else (403, "app.forbidden")
                if (answer.status_code, answer.json()["code"]) != right:
                    wrong.append((method, path, role, number, answer.status_code))

    assert wrong == []


async def test_whoever_may_ask_hears_what_is_wrong(site: FastAPI, clients: Clients) -> None:
    heard = {}
    for method, path in permissions_of(site):
        answers = [await clients[Role.OWNER].request(method, address(path), **bad) for bad in BAD_REQUESTS]
        heard[method, path] = {answer.status_code for answer in answers}

    assert set().union(*heard.values()) <= {200, 204, 400, 404, 409, 413, 422}
    assert all(413 in statuses for statuses in heard.values())
    assert heard["POST", "/api/v1/orders"] == {400, 413, 422}
    assert heard["POST", "/api/v1/imports"] == {400, 413, 422}


@pytest.mark.parametrize("bad", BAD_REQUESTS)
async def test_a_write_of_another_site_hears_nothing_either(
    shared: Services, site: FastAPI, bad: dict[str, Any]
) -> None:
    async with client_of(site, await sign_in(shared, Role.OWNER)) as browser:
        del browser.headers["X-Requested-With"]
        answer = await browser.post("/api/v1/orders", **bad)

    assert (answer.status_code, answer.json()["code"]) == (403, "http.cross_site")


async def test_a_key_repeats_what_was_said_of_a_bad_request(clients: Clients) -> None:
    headers = JSON | {"Idempotency-Key": "bad-body"}
    answers = [
        await clients[role].post("/api/v1/orders", content=b"{", headers=headers)
        for role in (None, Role.VIEWER, Role.OPERATOR, Role.OPERATOR)
    ]

    assert [answer.status_code for answer in answers] == [401, 403, 422, 422]
    assert ["idempotency-replayed" in answer.headers for answer in answers] == [False, False, False, True]


async def test_routes_about_oneself_are_for_everybody_signed_in(shared: Services, site: FastAPI) -> None:
    about_oneself = [route for route, doors in doors_of(site).items() if isinstance(doors[0], SignedInOnly)]
    wrong: list[tuple[str, str, Role | None, int]] = []
    for method, path in about_oneself:
        async with client_of(site) as nobody:
            for said in (body_of(method), *BAD_REQUESTS):
                answer = await nobody.request(method, path, **said)
                if answer.status_code != 401:
                    wrong.append((method, path, None, answer.status_code))
        for role in Role:
            async with client_of(site, await sign_in(shared, role)) as somebody:
                answer = await somebody.request(method, path, **body_of(method))
                if answer.status_code in (401, 403):
                    wrong.append((method, path, role, answer.status_code))

    assert wrong == []
    assert sorted(about_oneself) == [
        ("DELETE", "/api/v1/auth/sessions"), ("DELETE", "/api/v1/auth/sessions/{session_id}"),
        ("GET", "/api/v1/auth/me"), ("GET", "/api/v1/auth/sessions"), ("GET", "/api/v1/events"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "denied"),
    [
        (Role.OWNER, set()),
        (Role.ADMIN, set()),
        (Role.OPERATOR, {"audit:read", "people:read", "people:write", "settings:read", "settings:write"}),
        (
            Role.VIEWER,
            {
                "audit:read", "imports:write", "machines:write", "matches:write", "orders:write", "people:read",
                "people:write", "settings:read", "settings:write",
            },
        ),
        (
            Role.CUSTOMER,
            {
                "audit:read",
                "imports:read",
                "imports:write",
                "keys:write",
                "machines:read",
                "machines:write",
                "matches:read",
                "matches:write",
                "orders:read",
                "orders:write",
                "people:read",
                "people:write",
                "settings:read",
                "settings:write",
            },
        ),
    ],
)  # fmt: skip
def test_what_each_role_may_not_do(site: FastAPI, role: Role, denied: set[str]) -> None:
    needed = set(permissions_of(site).values())

    assert {str(permission) for permission in needed - PERMISSIONS[role]} == denied


async def test_every_write_with_the_cookie_alone_is_cross_site(shared: Services, site: FastAPI) -> None:
    writes = [
        (method, path)
        for (method, path), doors in doors_of(site).items()
        if method in WRITING and not isinstance(doors[0], Open)
    ]
    token = await sign_in(shared, Role.OWNER)
    async with client_of(site, token) as browser:
        del browser.headers["X-Requested-With"]
        answers = {route: await browser.request(route[0], address(route[1]), **body_of(route[0])) for route in writes}
        still_signed_in = await browser.get("/api/v1/auth/me")

    assert len(answers) >= 9
    assert {a.status_code for a in answers.values()} == {403}
    assert {a.json()["code"] for a in answers.values()} == {"http.cross_site"}
    assert still_signed_in.status_code == 200


@pytest.mark.parametrize(
    "value", ["a%00b", "9" * 30, "-1", "%FF%FE", "..%2F..%2Fetc", "%27%22%3B--", "x" * 3_000, "%E2%80%AE", "%0D%0A"]
)
async def test_no_path_parameter_makes_a_fault_of_ours(site: FastAPI, clients: Clients, value: str) -> None:
    faults = []
    for method, path in doors_of(site):
        if "{" not in path:
            continue
        parameters = re.findall(r"{[^}]+}", path)
        for parameter in parameters:
            tried = address(path.replace(parameter, value))
            answer = await clients[Role.OWNER].request(method, tried, **body_of(method))
            if answer.status_code >= 500 and answer.status_code != 503:  # 503: the page is not built
                faults.append((method, path, parameter, answer.status_code))

    assert faults == []


async def stream_status(site: FastAPI, cookie: str, topics: str) -> int:
    """The status of a live stream that is left as soon as it has begun."""
    began = asyncio.Event()
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        for message in asked:
            return message
        await began.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        elif message.get("body"):
            began.set()

    headers = [(b"host", b"test"), (b"cookie", cookie.encode())] if cookie else [(b"host", b"test")]
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/api/v1/events", "raw_path": b"/api/v1/events", "query_string": f"topics={topics}".encode(),
        "root_path": "", "headers": headers, "server": ("test", 80), "client": ("test", 1),
    }  # fmt: skip
    await asyncio.wait_for(site(scope, receive, send), 10)
    return statuses[0]


async def test_a_topic_is_watched_by_the_roles_that_may_read_it(site: FastAPI, clients: Clients) -> None:
    wrong = []
    for topic, permission in TOPICS.items():
        for role, client in clients.items():
            cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
            status = await stream_status(site, cookie, topic)
            expected = 401 if role is None else 200 if permission in PERMISSIONS[role] else 403
            if status != expected:
                wrong.append((topic, role, status))

    assert set(TOPICS) == {"alerts", "imports", "orders", "people", "reconciliation"}
    assert wrong == []


async def test_one_forbidden_topic_closes_the_whole_stream(clients: Clients) -> None:
    answer = await clients[Role.CUSTOMER].get("/api/v1/events", params={"topics": "imports,orders"})

    assert (answer.status_code, answer.json()["code"]) == (403, "app.forbidden")


async def test_an_unknown_topic_is_refused_by_name(clients: Clients) -> None:
    answer = await clients[Role.OWNER].get("/api/v1/events", params={"topics": "orders,wallets"})

    assert (answer.status_code, answer.json()["code"]) == (422, "live.topic_unknown")
    assert answer.json()["params"] == {"topic": "wallets", "known": "alerts, imports, orders, people, reconciliation"}


@pytest.mark.parametrize("mode", [Mode.PRODUCTION, Mode.DEVELOPMENT, Mode.DEMO])
async def test_samples_exist_in_the_demo_only(
    server: EmbeddedServer, template: str, tmp_path: Path, mode: Mode
) -> None:
    (tmp_path / "reports" / "samples").mkdir(parents=True)
    (tmp_path / "reports" / "samples" / "one.csv").write_bytes(b"a,b\n")
    async with process(server, template, tmp_path, mode=mode) as services:
        app = build_app(services)
        async with client_of(app, await sign_in(services, Role.OWNER)) as owner:
            listed = await owner.get("/api/v1/demo/samples")
            taken = await owner.get("/api/v1/demo/samples/one.csv")
            outside = await owner.get("/api/v1/demo/samples/..%2F..%2Fone.csv")

    assert outside.status_code == 404
    if mode is Mode.DEMO:
        assert [item["name"] for item in listed.json()["items"]] == ["one.csv"]
        assert (taken.status_code, taken.content) == (200, b"a,b\n")
    else:
        assert (listed.status_code, listed.json()["code"]) == (404, "demo.sample_not_found")
        assert (taken.status_code, taken.json()["code"]) == (404, "demo.sample_not_found")
