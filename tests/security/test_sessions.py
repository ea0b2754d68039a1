"""Sessions: carried on by one window at a time, closed when a copy shows up, gone within seconds of a block."""

import asyncio
import base64
import json
from collections import Counter
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.conftest import SYSTEM, tokens_of
from tests.integration.sharing import process
from tests.security.conftest import HEADERS, client_of
from vhm24r.api.app import build_app
from vhm24r.api.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from vhm24r.identity.errors import SessionEnded
from vhm24r.identity.permissions import Role
from vhm24r.identity.service import approval, signing_keys
from vhm24r.identity.service.coming_in import issue_link, sign_in_by_link
from vhm24r.identity.service.people import get_person
from vhm24r.identity.service.sessions import forget_ended
from vhm24r.identity.types import Client, Tokens
from vhm24r.kit.clock import FixedClock
from vhm24r.main import access_of
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.security
REFRESH = "/api/v1/auth/refresh"
ME = "/api/v1/auth/me"


def pass_time(services: Services, by: timedelta) -> None:
    assert isinstance(services.clock, FixedClock)
    services.clock.advance(by)


def browser_of(app: FastAPI, tokens: Tokens) -> httpx.AsyncClient:
    """A browser with both cookies of a session."""
    browser = client_of(app)
    browser.cookies.set(ACCESS_COOKIE, tokens.access, domain="test.local", path="/")
    browser.cookies.set(REFRESH_COOKIE, tokens.refresh, domain="test.local", path="/api/v1/auth")
    return browser


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, signature))


async def test_an_access_token_lives_fifteen_minutes_and_is_carried_on(services: Services) -> None:
    tokens = await tokens_of(services, Role.OPERATOR)
    async with browser_of(build_app(services), tokens) as browser:
        pass_time(services, timedelta(minutes=14, seconds=59))
        young = await browser.get(ME)
        pass_time(services, timedelta(seconds=1))
        old = await browser.get(ME)
        refreshed = await browser.post(REFRESH, json={})
        carried_on = await browser.get(ME)

    assert (young.status_code, old.status_code, old.json()["code"]) == (200, 401, "identity.token_expired")
    assert (refreshed.status_code, refreshed.json()["tokens"], refreshed.headers["cache-control"]) == (
        200, None, "no-store",
    )  # fmt: skip
    assert carried_on.status_code == 200


async def test_a_program_gets_its_tokens_in_the_answer(services: Services) -> None:
    tokens = await tokens_of(services, Role.VIEWER)
    async with client_of(build_app(services)) as program:
        refreshed = await program.post(REFRESH, json={"refresh_token": tokens.refresh})
        said = refreshed.json()["tokens"]
        me = await program.get(ME, headers=bearer(said["access_token"]))
        chosen = await program.patch(
            ME, json={"language": "uz"}, headers=bearer(said["access_token"]) | {"X-Requested-With": ""}
        )

    assert "set-cookie" not in refreshed.headers
    assert said["expires_in"] == 900
    assert (me.json()["role"], chosen.status_code) == ("viewer", 200)


@pytest.mark.parametrize("windows", [200])
async def test_of_many_windows_one_carries_on_and_nobody_is_logged_out(services: Services, windows: int) -> None:
    tokens = await tokens_of(services, Role.OPERATOR)
    async with browser_of(build_app(services), tokens) as browser:
        answers = await asyncio.gather(
            *(browser.post(REFRESH, json={"refresh_token": tokens.refresh}) for _ in range(windows))
        )
        winner = next(answer for answer in answers if answer.status_code == 200).json()["tokens"]
        again = await browser.post(REFRESH, json={"refresh_token": winner["refresh_token"]})
        me = await browser.get(ME)

    assert Counter((a.status_code, a.json().get("code")) for a in answers) == {
        (200, None): 1, (409, "identity.refresh_raced"): windows - 1,
    }  # fmt: skip
    assert (again.status_code, me.status_code) == (200, 200)


async def test_a_copy_of_an_old_token_closes_the_session_for_both(services: Services) -> None:
    tokens = await tokens_of(services, Role.OPERATOR)
    async with client_of(build_app(services)) as anybody:
        first = await anybody.post(REFRESH, json={"refresh_token": tokens.refresh})
        pass_time(services, timedelta(seconds=11))
        stolen = await anybody.post(REFRESH, json={"refresh_token": tokens.refresh})
        owner = await anybody.post(REFRESH, json={"refresh_token": first.json()["tokens"]["refresh_token"]})
        services.access.forget((first.json())["id"])
        access = await anybody.get(ME, headers=bearer(first.json()["tokens"]["access_token"]))
    async with services.db.read() as session:
        written = await session.execute(text("SELECT action FROM audit_entries ORDER BY id DESC LIMIT 1"))

    assert (stolen.status_code, stolen.json()["code"]) == (401, "identity.refresh_reused")
    assert (owner.status_code, owner.json()["code"]) == (401, "identity.session_ended")
    assert (access.status_code, access.json()["code"]) == (401, "identity.session_ended")
    assert written.scalar_one() == "session.refresh_reused"


@pytest.mark.parametrize(
    ("role", "idle"),
    [(Role.OPERATOR, timedelta(hours=12)), (Role.OWNER, timedelta(hours=12)), (Role.CUSTOMER, timedelta(days=30))],
)
async def test_an_idle_session_ends_and_a_used_one_does_not(services: Services, role: Role, idle: timedelta) -> None:
    async with browser_of(build_app(services), await tokens_of(services, role)) as browser:
        statuses = []
        for pause in (idle, idle, idle + timedelta(seconds=1)):
            pass_time(services, pause)
            statuses.append((await browser.post(REFRESH, json={})).status_code)

    assert statuses == [200, 200, 401]


async def test_no_session_lives_for_ever(services: Services) -> None:
    async with browser_of(build_app(services), await tokens_of(services, Role.OPERATOR)) as browser:
        days = []
        while (await browser.post(REFRESH, json={})).status_code == 200:
            days.append(await browser.get(ME))
            pass_time(services, timedelta(hours=12))

    assert len(days) == 180


async def test_limits_are_business_rules(services: Services) -> None:
    async with browser_of(build_app(services), await tokens_of(services, Role.OWNER)) as owner:
        changed = await owner.put("/api/v1/settings/access.idle_staff_hours", json={"value": 1})
        refused = await owner.put("/api/v1/settings/access.idle_staff_hours", json={"value": 0})
        pass_time(services, timedelta(hours=1, seconds=1))
        idle = await owner.post(REFRESH, json={})

    assert (changed.status_code, refused.status_code) == (200, 422)
    assert (idle.status_code, idle.json()["code"]) == (401, "identity.session_ended")


async def test_ended_sessions_are_dropped_after_a_week(services: Services) -> None:
    ended, used = await tokens_of(services, Role.OPERATOR), await tokens_of(services, Role.CUSTOMER)
    async with client_of(build_app(services), ended.access) as browser:
        await browser.post("/api/v1/auth/logout")
    pass_time(services, timedelta(days=8))
    async with services.db.write() as session:
        await forget_ended(session, services.clock.now())
        left = list((await session.execute(text("SELECT id FROM sessions"))).scalars())
        tokens = list((await session.execute(text("SELECT session_id FROM refresh_tokens"))).scalars())

    assert left == tokens == [used.session_id]


async def test_devices_are_listed_and_signed_out_one_by_one(services: Services) -> None:
    app = build_app(services)
    here = await tokens_of(services, Role.OPERATOR)
    async with browser_of(app, here) as browser:
        me = (await browser.get(ME)).json()
        async with services.db.write() as session:
            await session.execute(text("UPDATE sessions SET user_agent = 'Firefox', ip = '203.0.113.7'"))
        elsewhere = [await _another(services, me["id"]) for _ in range(3)]
        listed = (await browser.get("/api/v1/auth/sessions")).json()["items"]
        one = await browser.delete(f"/api/v1/auth/sessions/{elsewhere[0].session_id}")
        again = await browser.delete(f"/api/v1/auth/sessions/{elsewhere[0].session_id}")
        others = await browser.delete("/api/v1/auth/sessions")
        left = (await browser.get("/api/v1/auth/sessions")).json()["items"]
        statuses = [(await browser.get(ME, headers=bearer(tokens.access))).status_code for tokens in elsewhere]

    assert {row["id"] for row in listed} == {here.session_id, *(tokens.session_id for tokens in elsewhere)}
    assert [row["current"] for row in listed if row["id"] == here.session_id] == [True]
    assert next(row for row in listed if row["current"])["user_agent"] == "Firefox"
    assert (one.status_code, again.status_code, others.json()) == (204, 404, {"closed": 2})
    assert [row["id"] for row in left] == [here.session_id]
    assert statuses == [401, 401, 401]


async def _another(services: Services, person_id: int) -> Tokens:
    """One more session of somebody."""
    async with services.db.write() as session:
        link = await issue_link(session, SYSTEM, await get_person(session, person_id), services.clock.now())
    return (await sign_in_by_link(services.access, link, Client("198.51.100.1", "Chrome"))).tokens


async def test_nobody_signs_somebody_elses_device_out(services: Services) -> None:
    app = build_app(services)
    mine, theirs = await tokens_of(services, Role.OWNER), await tokens_of(services, Role.OPERATOR)
    async with browser_of(app, mine) as owner, browser_of(app, theirs) as operator:
        refused = await owner.delete(f"/api/v1/auth/sessions/{theirs.session_id}")
        still_in = await operator.get(ME)

    assert (refused.status_code, refused.json()["code"], still_in.status_code) == (
        404,
        "identity.session_not_found",
        200,
    )


async def test_a_block_reaches_every_process_at_once(services: Services, server: EmbeddedServer, template: str) -> None:
    """Two processes on one database: what one of them decides the other hears of."""
    await services.live.start()
    other = access_of(services.settings, services.db, services.clock, services.bus)
    tokens = await tokens_of(services, Role.OPERATOR)
    person = (await services.access.authenticate(tokens.access)).person
    services.live.hear("access", other.hear)
    await other.authenticate(tokens.access)

    async with services.db.write() as session:
        await approval.block(session, SYSTEM, services.bus, person.id, "left", services.clock.now())
    refused = await _until_refused(other, tokens.access)
    await services.live.stop()

    assert refused < 2.0


async def _until_refused(access: Any, token: str) -> float:
    """Seconds until a token opens nothing any more."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 6:
        try:
            await access.authenticate(token)
        except Exception:  # noqa: BLE001  # whichever refusal it is
            return loop.time() - began
        await asyncio.sleep(0.02)
    return 6.0


async def test_a_block_acts_within_five_seconds_where_no_news_arrive(services: Services) -> None:
    tokens = await tokens_of(services, Role.OPERATOR)
    person = (await services.access.authenticate(tokens.access)).person
    async with services.db.write() as session:
        await approval.block(session, SYSTEM, services.bus, person.id, None, services.clock.now())

    assert await _until_refused(services.access, tokens.access) < 5.5


async def test_keys_are_rotated_and_tokens_of_the_old_one_still_count(services: Services) -> None:
    app = build_app(services)
    old = await tokens_of(services, Role.OPERATOR)
    async with services.db.write() as session:
        kid = await signing_keys.rotate(session, SYSTEM, services.access.signer, services.clock.now())
    services.access.signer.know([])
    new = await tokens_of(services, Role.OPERATOR)
    async with client_of(app) as browser:
        both = [(await browser.get(ME, headers=bearer(tokens.access))).status_code for tokens in (old, new)]
        pass_time(services, timedelta(minutes=31))
        services.access.signer.know([])
        late = await browser.get(ME, headers=bearer(old.access))

    assert jwt.get_unverified_header(new.access)["kid"] == kid != jwt.get_unverified_header(old.access)["kid"]
    assert (both, late.status_code, late.json()["code"]) == ([200, 200], 401, "identity.token_invalid")


async def test_keys_rotate_by_themselves_once_a_month(services: Services) -> None:
    first = jwt.get_unverified_header((await tokens_of(services, Role.OPERATOR)).access)["kid"]
    kids = []
    for days in (29, 2, 2):
        pass_time(services, timedelta(days=days))
        async with services.db.write() as session:
            await signing_keys.rotate_old(session, SYSTEM, services.access.signer, services.clock.now())
            kids.append(
                list((await session.execute(text("SELECT kid FROM signing_keys ORDER BY created_at"))).scalars())
            )

    assert kids[0] == [first]
    assert (kids[1][0], len(kids[1])) == (first, 2)
    assert kids[2] == kids[1][1:]


async def test_processes_with_another_secret_do_not_believe_each_other(services: Services) -> None:
    tokens = await tokens_of(services, Role.OPERATOR)
    settings = services.settings.model_copy(update={"data_dir": services.settings.data_dir / "elsewhere"})
    stranger = access_of(settings, services.db, services.clock, services.bus)

    assert await _until_refused(stranger, tokens.access) < 1.0
    async with services.db.read() as session:
        assert await signing_keys.foreign(session, stranger.signer)


async def test_tokens_that_we_did_not_make_open_nothing(services: Services) -> None:
    app = build_app(services)
    tokens = await tokens_of(services, Role.OPERATOR)
    header, claims = (
        jwt.get_unverified_header(tokens.access),
        jwt.decode(tokens.access, options={"verify_signature": False}),
    )
    signer = services.access.signer
    key = signer._keys[header["kid"]]
    far = {**claims, "exp": claims["exp"] + 10**6}
    made_up = {
        "none": forged({**header, "alg": "none"}, claims),
        "None": forged({**header, "alg": "None"}, claims),
        "unsigned": forged(header, claims),
        "signed with little": jwt.encode(claims, "0" * 32, "HS256", headers={"kid": header["kid"]}),
        "signed with the key's name": jwt.encode(claims, header["kid"] * 2, "HS256", headers={"kid": header["kid"]}),
        "another algorithm": jwt.encode(claims, key * 2, "HS512", headers={"kid": header["kid"]}),
        "unknown key": jwt.encode(claims, key, "HS256", headers={"kid": "19990101-UNKNOWN"}),
        "key from a path": jwt.encode(claims, b"\x00" * 32, "HS256", headers={"kid": "../../../dev/null"}),
        "key as a list": forged({**header, "kid": [header["kid"]]}, claims),
        "no key": jwt.encode(claims, key, "HS256"),
        "longer life": forged(header, far, base64.urlsafe_b64decode(tokens.access.split(".")[2] + "==")),
        "for somebody else": jwt.encode({**claims, "aud": "other"}, key, "HS256", headers={"kid": header["kid"]}),
        "another person": jwt.encode({**claims, "sub": "999"}, key, "HS256", headers={"kid": header["kid"]}),
        "no session": jwt.encode(
            {name: claims[name] for name in claims if name != "sid"}, key, "HS256", headers={"kid": header["kid"]}
        ),
        "session as a text": jwt.encode({**claims, "sid": "1"}, key, "HS256", headers={"kid": header["kid"]}),
        "from the future": jwt.encode(
            {**claims, "iat": claims["iat"] + 3600, "exp": claims["exp"] + 3600}, key, "HS256",
            headers={"kid": header["kid"]},
        ),
        "no time": jwt.encode({**claims, "exp": "never"}, key, "HS256", headers={"kid": header["kid"]}),
        "no token": "a.b.c", "dots": "...", "long": "x" * 5_000, "unicode": "ключ",
    }  # fmt: skip
    async with client_of(app) as browser:
        honest = await browser.get(ME, headers=bearer(tokens.access))
        answers = {
            name: await browser.get(ME, headers={b"Authorization": b"Bearer " + token.encode()})
            for name, token in made_up.items()
        }

    assert honest.status_code == 200
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(made_up, 401)
    assert {answer.json()["code"] for answer in answers.values()} <= {
        "identity.token_invalid",
        "identity.session_ended",
    }
    assert not any(
        token in answer.text for (name, token), answer in zip(made_up.items(), answers.values(), strict=True)
    )


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("Authorization", "Bearer {0}"), ("Authorization", "Bearer {1}")], 401),
        ([("Cookie", f"{ACCESS_COOKIE}={{0}}; {ACCESS_COOKIE}={{1}}")], 401),
        ([("Cookie", f"{ACCESS_COOKIE}={{0}}"), ("Cookie", f"{ACCESS_COOKIE}={{1}}")], 401),
        ([("Cookie", f"{ACCESS_COOKIE}={{0}}; {ACCESS_COOKIE}={{0}}")], 200),
        ([("Authorization", "Basic {0}")], 401),
        ([("Authorization", "{0}")], 401),
        ([("Authorization", "Bearer ")], 401),
        ([("Authorization", "bearer {0}")], 200),
        ([("Authorization", "Bearer {0}"), ("Cookie", f"{ACCESS_COOKIE}={{1}}")], 200),
        ([("X-Forwarded-User", "1"), ("X-Authenticated-User", "1")], 401),
        ([("Cookie", f"{ACCESS_COOKIE.upper()}={{0}}")], 401),
    ],
)
async def test_who_says_twice_who_it_is_says_nothing(
    services: Services, headers: list[tuple[str, str]], status: int
) -> None:
    first, second = [await tokens_of(services, role) for role in (Role.VIEWER, Role.OWNER)]
    filled = [(name, value.format(first.access, second.access)) for name, value in headers]
    async with client_of(build_app(services)) as anybody:
        answer = await anybody.get(ME, headers=[*HEADERS.items(), *filled])

    assert answer.status_code == status
    if status == 200:
        assert answer.json()["role"] == "viewer"


async def test_a_cookie_carries_on_for_our_page_alone(services: Services) -> None:
    tokens = await tokens_of(services, Role.OPERATOR)
    async with browser_of(build_app(services), tokens) as browser:
        cross = await browser.post(REFRESH, json={}, headers={"Sec-Fetch-Site": "cross-site"})
        del browser.headers["X-Requested-With"]
        bare = await browser.post(REFRESH, json={})
        written = await browser.post(
            "/api/v1/auth/logout", headers={"X-Requested-With": "x", "Sec-Fetch-Site": "same-site"}
        )

    assert [(a.status_code, a.json()["code"]) for a in (cross, bare, written)] == [(403, "http.cross_site")] * 3


@pytest.mark.parametrize("token", ["", "made-up", "x" * 200])
async def test_a_made_up_refresh_token_carries_nothing_on(services: Services, token: str) -> None:
    async with client_of(build_app(services)) as anybody:
        answer = await anybody.post(REFRESH, json={"refresh_token": token})
        nothing = await anybody.post(REFRESH, json={})

    assert [(a.status_code, a.json()["code"]) for a in (answer, nothing)] == [(401, "identity.refresh_invalid")] * 2


@pytest.mark.parametrize("why", ["blocked", "away for too long"])
async def test_a_stream_ends_with_its_session(server: EmbeddedServer, template: str, tmp_path: Any, why: str) -> None:
    async with process(server, template, tmp_path) as services:
        await services.live.start()
        tokens = await tokens_of(services, Role.OPERATOR)
        person = (await services.access.authenticate(tokens.access)).person
        app = build_app(services)
        loop = asyncio.get_running_loop()
        began, never = asyncio.Event(), asyncio.Event()
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for message in asked:
                return message
            await never.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                began.set()

        headers = [(b"host", b"test"), (b"authorization", f"Bearer {tokens.access}".encode())]
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": "/api/v1/events", "raw_path": b"/api/v1/events", "query_string": b"topics=orders",
            "root_path": "", "headers": headers, "server": ("test", 80), "client": ("test", 1),
        }  # fmt: skip
        stream = asyncio.create_task(app(scope, receive, send))
        await asyncio.wait_for(began.wait(), 10)
        if why == "blocked":
            async with services.db.write() as session:
                await approval.block(session, SYSTEM, services.bus, person.id, None, services.clock.now())
        else:
            pass_time(services, timedelta(hours=12, minutes=1))
        over = loop.time()
        await asyncio.wait_for(stream, 10)
        seconds = loop.time() - over
        await services.live.stop()

    assert seconds < 5.5


async def test_who_held_the_old_telegram_account_is_signed_out(services: Services) -> None:
    tokens = await tokens_of(services, Role.OPERATOR)
    person = (await services.access.authenticate(tokens.access)).person
    async with services.db.write() as session:
        await approval.bind_telegram(session, SYSTEM, person.id, 12345, services.clock.now())
    services.access.forget(person.id)

    with pytest.raises(SessionEnded):
        await services.access.authenticate(tokens.access)


async def test_a_process_that_may_have_missed_news_asks_again(services: Services) -> None:
    access = services.access
    tokens = await tokens_of(services, Role.OPERATOR)
    person = (await access.authenticate(tokens.access)).person
    async with services.db.write() as session:
        await approval.block(session, SYSTEM, services.bus, person.id, None, services.clock.now())
        kid = await signing_keys.rotate(session, SYSTEM, access.signer, services.clock.now())
    access.hear({"missed": True})

    with pytest.raises(SessionEnded):
        await access.authenticate(tokens.access)
    assert jwt.get_unverified_header((await tokens_of(services, Role.OPERATOR)).access)["kid"] == kid


async def test_who_was_away_signs_out_as_well(services: Services) -> None:
    app = build_app(services)
    tokens = await tokens_of(services, Role.OPERATOR)
    pass_time(services, timedelta(minutes=20))
    async with browser_of(app, tokens) as browser, client_of(app) as stranger:
        left = await browser.post("/api/v1/auth/logout")
        carried = await stranger.post(REFRESH, json={"refresh_token": tokens.refresh})
        nobody = await stranger.post("/api/v1/auth/logout")

    assert (left.status_code, nobody.status_code) == (204, 204)
    assert len(left.headers.get_list("set-cookie")) == 2
    assert (carried.status_code, carried.json()["code"]) == (401, "identity.session_ended")
