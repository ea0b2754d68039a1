"""Keys for programs: a choice of their maker's present rights, shown once, ended at once."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.conftest import SYSTEM, Visitor, sign_in
from tests.security.conftest import client_of
from vhm24r.api.app import build_app
from vhm24r.identity.permissions import Role
from vhm24r.identity.service import approval
from vhm24r.kit.clock import FixedClock, iso
from vhm24r.ops.process import Services

pytestmark = pytest.mark.security
KEYS = "/api/v1/api-keys"


@pytest.fixture
def here(services: Services) -> FastAPI:
    return build_app(services)


def by_key(app: FastAPI, secret: str) -> httpx.AsyncClient:
    return client_of(app, None, Authorization=f"Bearer {secret}")


async def make(maker: httpx.AsyncClient, *scopes: str, **given: Any) -> dict[str, Any]:
    answer = await maker.post(KEYS, json={"name": "Reports", "scopes": scopes, **given})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_key_opens_what_was_chosen_and_nothing_else(services: Services, here: FastAPI) -> None:
    async with client_of(here, await sign_in(services, Role.OPERATOR)) as maker:
        key = await make(maker, "orders:read")
    async with by_key(here, key["secret"]) as program:
        me = await program.get("/api/v1/auth/me")
        orders = await program.get("/api/v1/orders")
        imports = await program.get("/api/v1/imports")

    assert key["prefix"] == key["secret"][: len(key["prefix"])] and key["secret"].startswith("vhm24r_")
    assert (me.json()["permissions"], orders.status_code, imports.status_code) == (["orders:read"], 200, 403)


async def test_a_key_needs_no_header_against_other_sites(services: Services, here: FastAPI) -> None:
    async with client_of(here, await sign_in(services, Role.OPERATOR)) as maker:
        key = await make(maker, "orders:read", "orders:write")
    async with by_key(here, key["secret"]) as program:
        del program.headers["X-Requested-With"]
        made = await program.post(
            "/api/v1/orders",
            json={"occurred_at": "2026-01-05T09:00:00Z", "amount": {"amount": "5.00", "currency": "UZS"}},
        )
    async with services.db.read() as session:
        entry = (await session.execute(text("SELECT * FROM audit_entries WHERE action = 'order.created'"))).one()

    assert made.status_code == 201
    assert (entry.actor_kind, entry.actor_name) == ("api_key", "Test operator (Reports)")


async def test_the_secret_is_shown_once_and_kept_nowhere(services: Services, here: FastAPI) -> None:
    async with client_of(here, await sign_in(services, Role.OPERATOR)) as maker:
        headers = {"Idempotency-Key": "once"}
        body = {"name": "Reports", "scopes": ["orders:read"]}
        made = await maker.post(KEYS, json=body, headers=headers)
        again = await maker.post(KEYS, json=body, headers=headers)
        listed = await maker.get(KEYS)
    async with services.db.read() as session:
        everything = ""
        for table in (await session.execute(text("SELECT relname FROM pg_stat_user_tables"))).scalars().all():
            found = await session.execute(text(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" t'))
            everything += found.scalar_one() or ""

    secret = made.json()["secret"]
    assert made.headers["cache-control"] == "no-store"
    assert (again.status_code, again.json()["code"]) == (409, "idempotency.secret_shown")
    assert [key["prefix"] for key in listed.json()["items"]] == [made.json()["prefix"]]
    assert "secret" not in listed.text.replace("secret_", "")
    assert secret not in everything
    assert secret.encode().hex() not in everything


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "x", "scopes": ["settings:write"]}, "identity.scope_invalid"),
        ({"name": "x", "scopes": ["keys:write"]}, "identity.scope_invalid"),
        ({"name": "x", "scopes": []}, "identity.scope_invalid"),
        ({"name": "x", "scopes": ["no:such"]}, "http.invalid"),
        ({"name": " ", "scopes": ["orders:read"]}, "identity.name_invalid"),
        ({"name": "x" * 129, "scopes": ["orders:read"]}, "identity.name_invalid"),
        ({"name": "x", "scopes": ["orders:read"], "expires_at": "2026-01-05T09:00:00Z"}, "identity.lifetime_invalid"),
        ({"name": "x", "scopes": ["orders:read"], "expires_at": "2028-01-05T09:00:00Z"}, "identity.lifetime_invalid"),
        ({"name": "x", "scopes": ["orders:read"], "expires_at": "2027-01-05T09:00:00"}, "http.invalid"),
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(
    services: Services, here: FastAPI, body: dict[str, Any], code: str
) -> None:
    async with client_of(here, await sign_in(services, Role.OPERATOR)) as maker:
        answer = await maker.post(KEYS, json=body)
        listed = await maker.get(KEYS)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert listed.json()["items"] == []


async def test_a_key_never_exceeds_its_makers_present_rights(services: Services, here: FastAPI) -> None:
    async with client_of(here, await sign_in(services, Role.OPERATOR)) as maker:
        key = await make(maker, "orders:read", "orders:write", "imports:write")
        person = (await maker.get("/api/v1/auth/me")).json()["id"]
    async with by_key(here, key["secret"]) as program:
        before = (await program.get("/api/v1/auth/me")).json()["permissions"]
        async with services.db.write() as session:
            await approval.change_role(session, SYSTEM, services.bus, person, Role.VIEWER, services.clock.now())
        services.access.forget(person)
        after = (await program.get("/api/v1/auth/me")).json()["permissions"]
        async with services.db.write() as session:
            await approval.block(session, SYSTEM, services.bus, person, None, services.clock.now())
        services.access.forget(person)
        blocked = await program.get("/api/v1/auth/me")

    assert before == ["imports:write", "orders:read", "orders:write"]
    assert after == ["orders:read"]
    assert (blocked.status_code, blocked.json()["code"]) == (401, "identity.key_invalid")


async def test_a_key_ends_when_it_is_revoked_and_when_its_time_is_over(services: Services, here: FastAPI) -> None:
    assert isinstance(services.clock, FixedClock)
    ends = iso(services.clock.now() + timedelta(days=1))
    async with client_of(here, await sign_in(services, Role.OPERATOR)) as maker:
        short, long = await make(maker, "orders:read", expires_at=ends), await make(maker, "orders:read")
        person = (await maker.get("/api/v1/auth/me")).json()["id"]
        revoked = await maker.delete(f"{KEYS}/{long['id']}")
        again = await maker.delete(f"{KEYS}/{long['id']}")
    services.access.forget(person)
    async with by_key(here, short["secret"]) as program, by_key(here, long["secret"]) as other:
        young, dead = await program.get("/api/v1/orders"), await other.get("/api/v1/orders")
        services.clock.advance(timedelta(days=1))
        services.access.forget(person)
        old = await program.get("/api/v1/orders")

    assert (revoked.status_code, again.status_code) == (204, 204)
    assert (young.status_code, dead.status_code, old.status_code) == (200, 401, 401)


async def test_ones_own_keys_are_ones_own_but_for_an_owner(
    services: Services, visitors: dict[Role | None, Visitor]
) -> None:
    operator, admin, owner = (visitors[role].http for role in (Role.OPERATOR, Role.ADMIN, Role.OWNER))
    key = await make(operator, "orders:read")
    seen = {role: [row["id"] for row in (await visitors[role].http.get(KEYS)).json()["items"]] for role in (
        Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER,
    )}  # fmt: skip
    refused = await admin.delete(f"{KEYS}/{key['id']}")
    ended = await owner.delete(f"{KEYS}/{key['id']}")

    assert seen == {Role.VIEWER: [], Role.OPERATOR: [key["id"]], Role.ADMIN: [], Role.OWNER: [key["id"]]}
    assert (refused.status_code, refused.json()["code"], ended.status_code) == (404, "identity.key_not_found", 204)


async def test_a_key_makes_no_keys_and_touches_no_device(services: Services, here: FastAPI) -> None:
    async with client_of(here, await sign_in(services, Role.OWNER)) as owner:
        key = await make(owner, "orders:read", "people:read", "settings:read")
    async with by_key(here, key["secret"]) as program:
        answers = {
            path: (await program.request(method, path, json=body)).status_code
            for method, path, body in (
                ("POST", KEYS, {"name": "x", "scopes": ["orders:read"]}), ("GET", "/api/v1/auth/sessions", None),
                ("DELETE", "/api/v1/auth/sessions", None), ("PATCH", "/api/v1/auth/me", {"language": "uz"}),
                ("POST", "/api/v1/users", {"name": "x", "role": "viewer"}),
            )
        }  # fmt: skip
        people = await program.get("/api/v1/users")

    assert set(answers.values()) == {403}
    assert people.status_code == 200


async def test_when_a_key_was_last_used_is_known(services: Services, here: FastAPI) -> None:
    assert isinstance(services.clock, FixedClock)
    async with client_of(here, await sign_in(services, Role.OPERATOR)) as maker:
        key = await make(maker, "orders:read")
        services.clock.advance(timedelta(minutes=3))
        async with by_key(here, key["secret"]) as program:
            await program.get("/api/v1/orders")
        listed = (await maker.get(KEYS)).json()["items"]

    assert key["last_used_at"] is None
    assert datetime.fromisoformat(listed[0]["last_used_at"]) == services.clock.now()


@pytest.mark.parametrize("secret", ["vhm24r_", "vhm24r_AAAAAA_made-up", "vhm24r_" + "x" * 5_000])
async def test_a_made_up_key_opens_nothing(here: FastAPI, secret: str) -> None:
    async with by_key(here, secret) as program:
        answer = await program.get("/api/v1/auth/me")

    assert (answer.status_code, answer.json()["code"]) == (401, "identity.key_invalid")
