"""What answers carry besides their content, and what they never tell."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.conftest import Visitor, sign_in
from tests.logs import logged_by
from tests.security.conftest import Clients, client_of
from vhm24r.api import problems
from vhm24r.api.app import build_app
from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.api.headers import security_headers
from vhm24r.identity.permissions import Role
from vhm24r.ops.process import Services
from vhm24r.settings import Settings

pytestmark = pytest.mark.security
HEADERS_OF_ALL = security_headers(Settings.load())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/orders/anything", 200),
        ("/health", 200),
        ("/api/v1/auth/me", 200),
        ("/api/v1/orders/NOSUCHORDER", 404),
        ("/api/v1/nothing", 404),
        ("/webhooks/nothing", 404),
        ("/api/v1/orders?limit=0", 422),
        ("/link/made-up", 303),
        ("/api/docs", 307),
    ],
)
async def test_every_answer_carries_the_security_headers(clients: Clients, path: str, status: int) -> None:
    answer = await clients[Role.OWNER].get(path)

    assert answer.status_code in {status, 503 if status == 200 and not path.startswith(("/api", "/health")) else status}
    assert {name: answer.headers.get(name) for name in HEADERS_OF_ALL} == HEADERS_OF_ALL
    assert len(answer.headers["X-Request-Id"]) == 32


def test_scripts_come_from_this_site_only() -> None:
    policy = dict(directive.strip().split(" ", 1) for directive in HEADERS_OF_ALL["Content-Security-Policy"].split(";"))

    assert policy["default-src"] == policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"


async def test_a_problem_has_its_code_sentence_and_request_id(clients: Clients) -> None:
    answer = await clients[Role.OWNER].get("/api/v1/orders/NOSUCHORDER")

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "status": 404,
        "code": "orders.not_found",
        "title": "Not found",
        "detail": "There is no order NOSUCHORDER.",
        "params": {"number": "NOSUCHORDER"},
        "request_id": answer.headers["X-Request-Id"],
    }


@pytest.mark.parametrize(
    ("wanted", "title"),
    [("ru", "Войдите, пожалуйста"), ("uz-UZ,en;q=0.5", "Iltimos, kiring"), ("de, en;q=0.3", "Please sign in")],
)
async def test_nobody_is_answered_in_the_browsers_language(site: FastAPI, wanted: str, title: str) -> None:
    async with client_of(site, **{"Accept-Language": wanted}) as browser:
        answer = await browser.get("/api/v1/orders")

    assert answer.json()["title"] == title


async def test_a_body_larger_than_any_honest_one_is_refused(clients: Clients) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(1025):
            yield b"x" * 1024

    declared = await clients[Role.OWNER].patch("/api/v1/auth/me", json={"language": "e" * (1024 * 1024)})
    streamed = await clients[Role.OWNER].patch(
        "/api/v1/auth/me", content=endless(), headers={"Content-Type": "application/json"}
    )

    assert declared.headers["content-type"] == streamed.headers["content-type"] == "application/problem+json"
    assert declared.json() == {
        "status": 413,
        "code": "http.too_large",
        "title": "Too large",
        "detail": "The request has 1.1 MiB; at most 1 MiB are taken. Nothing was kept: send less at once.",
        "params": {"problem": "declared", "size_mb": "1.1", "limit_mb": "1"},
        "request_id": declared.headers["X-Request-Id"],
    }
    assert (streamed.status_code, streamed.json()["params"]) == (413, {"limit_mb": "1"})
    assert streamed.json()["detail"] == (
        "The request is too large: at most 1 MiB are taken. Nothing was kept: send less at once."
    )


@pytest.mark.parametrize(
    ("wanted", "title", "detail"),
    [
        (
            "ru", "Слишком много за раз",
            "В запросе 3072.0 МиБ, а принимаем до 2048 МиБ. Ничего не сохранено: пришлите меньше за один раз.",
        ),
        (
            "en", "Too large",
            "The request has 3072.0 MiB; at most 2048 MiB are taken. Nothing was kept: send less at once.",
        ),
        (
            "uz", "Bir martaga juda koʻp",
            "Soʻrov — 3072.0 MiB, 2048 MiB gacha olamiz. Hech narsa saqlanmadi: bir martada kamroq yuboring.",
        ),
    ],
)  # fmt: skip
async def test_a_declared_size_is_refused_in_the_persons_language_and_nothing_is_read(
    shared: Services, site: FastAPI, wanted: str, title: str, detail: str
) -> None:
    asked = []

    async def unread() -> AsyncIterator[bytes]:
        asked.append("body")
        yield b"x"

    headers = {"Content-Type": "multipart/form-data; boundary=edge", "Content-Length": str(3 * 1024**3)}
    async with client_of(site, await sign_in(shared, Role.OPERATOR)) as person:
        await person.patch("/api/v1/auth/me", json={"language": wanted})
        signed_in = await person.post("/api/v1/imports", content=unread(), headers=headers)
    async with client_of(site, **{"Accept-Language": wanted}) as nobody:
        at_the_way_in = await nobody.post(
            "/api/v1/auth/link", content=unread(), headers={"Content-Length": str(3 * 1024**3)}
        )

    assert (signed_in.status_code, signed_in.json()["title"], signed_in.json()["detail"]) == (413, title, detail)
    assert (at_the_way_in.status_code, at_the_way_in.json()["title"]) == (413, title)
    assert at_the_way_in.json()["params"] == {"problem": "declared", "size_mb": "3072.0", "limit_mb": "1"}
    assert asked == []


async def test_exactly_as_much_as_is_taken_is_taken(clients: Clients) -> None:
    body = b'{"language": "en"}'
    filled = body + b" " * (1024 * 1024 - len(body))

    answers = [
        await clients[Role.OWNER].patch(
            "/api/v1/auth/me", content=content, headers={"Content-Type": "application/json"}
        )
        for content in (filled, filled + b" ")
    ]

    assert [answer.status_code for answer in answers] == [200, 413]


async def test_the_page_never_leaves_its_folder(clients: Clients) -> None:
    for path in ("/../../etc/passwd", "/..%2f..%2f..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/pyproject.toml"):
        answer = await clients[None].get(path)
        assert "root:" not in answer.text
        assert "[project]" not in answer.text


async def test_a_failure_of_ours_tells_nothing_but_its_request_id(services: Services) -> None:
    app = build_app(services)
    async with client_of(app, await sign_in(services, Role.OWNER)) as owner:
        async with services.db.write() as session:
            await session.execute(text("DROP TABLE machines"))
        with logged_by(problems) as logged:
            answer = await owner.get("/api/v1/machines")

    problem = answer.json()
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["title"], problem["params"]) == ("http.unexpected", "Our fault", {})
    assert answer.headers["X-Request-Id"] == problem["request_id"]
    assert {name: answer.headers.get(name) for name in HEADERS_OF_ALL} == HEADERS_OF_ALL
    for word in ("traceback", "psycopg", "sqlalchemy", "select", "machines", ".py"):
        assert word not in answer.text.lower()
    assert [entry["event"] for entry in logged] == ["http.unexpected"]


async def test_ready_says_what_is_down_and_no_more(services: Services) -> None:
    app = build_app(services)
    async with client_of(app) as probe:
        up = await probe.get("/ready")
        async with services.db.write() as session:
            await session.execute(text("ALTER TABLE alembic_version RENAME TO elsewhere"))
        down = await probe.get("/ready")
        alive = await probe.get("/health")

    assert (up.status_code, up.json()) == (
        200, {"database": True, "migrations": True, "jobs": True, "storage": True},
    )  # fmt: skip
    assert (down.status_code, down.json()) == (
        503, {"database": False, "migrations": False, "jobs": False, "storage": True},
    )  # fmt: skip
    assert (alive.status_code, alive.json()) == (200, {"status": "ok"})


async def test_metrics_name_no_person_and_no_order(clients: Clients) -> None:
    await clients[Role.OWNER].get("/api/v1/orders/SECRET123")
    answer = await clients[None].get("/metrics")

    assert answer.status_code == 200
    assert "vhm24r_http_request_seconds_count" in answer.text
    assert "SECRET123" not in answer.text


async def test_a_kept_answer_is_not_given_to_somebody_who_is_out(
    services: Services, visitors: dict[Role | None, Visitor]
) -> None:
    operator = visitors[Role.OPERATOR].http
    body = {"occurred_at": "2026-01-05T09:00:00Z", "amount": {"amount": "5.00", "currency": "UZS"}}
    headers = {"Idempotency-Key": "once"}
    first = await operator.post("/api/v1/orders", json=body, headers=headers)
    again = await operator.post("/api/v1/orders", json=body, headers=headers)
    async with services.db.write() as session:
        await session.execute(text("UPDATE people SET status = 'blocked'"))
    services.access.forget((await operator.get("/api/v1/auth/me")).json()["id"])

    blocked = await operator.post("/api/v1/orders", json=body, headers=headers)

    assert (first.status_code, again.status_code, blocked.status_code) == (201, 201, 401)
    assert again.json() == first.json()
    assert "number" not in blocked.json()


async def test_a_strangers_key_is_not_kept(shared: Services, clients: Clients) -> None:
    headers = {"Idempotency-Key": "strangers", "Cookie": f"{ACCESS_COOKIE}=made-up", "X-Requested-With": "page"}
    answers = [await clients[None].post("/api/v1/orders", json={}, headers=headers) for _ in range(2)]
    async with shared.db.read() as session:
        kept = await session.execute(text("SELECT count(*) FROM idempotency_keys WHERE key = 'strangers'"))

    assert [answer.status_code for answer in answers] == [401, 401]
    assert kept.scalar_one() == 0
