"""Ways in and out: a link works once, a session ends when it should, and only hashes are kept."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from tests.conftest import SYSTEM, sign_in
from tests.integration.command_line import command, environment
from tests.security.conftest import client_of
from vhm24r.api.app import build_app
from vhm24r.api.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from vhm24r.identity.errors import TelegramIdTaken
from vhm24r.identity.models import SignInLink
from vhm24r.identity.permissions import Role
from vhm24r.identity.service.approval import block
from vhm24r.identity.service.coming_in import issue_link
from vhm24r.identity.service.people import create_person
from vhm24r.kit.clock import FixedClock
from vhm24r.kit.ids import token_hash
from vhm24r.main import open_services
from vhm24r.ops.process import Services
from vhm24r.settings import Mode, Settings

pytestmark = pytest.mark.security


async def link_for(services: Services, role: Role = Role.OPERATOR, *, endless: bool = False) -> str:
    """The token of a fresh link of a new person."""
    now = services.clock.now()
    async with services.db.write() as session:
        person = await create_person(session, SYSTEM, name="Guest", role=role, now=now, language="en")
        return await issue_link(session, SYSTEM, person, now, endless=endless)


async def block_owner_of(services: Services, token: str) -> None:
    """Block the person whose link this is."""
    async with services.db.write() as session:
        whose = select(SignInLink.person_id).where(SignInLink.token_hash == token_hash(token))
        person_id = (await session.execute(whose)).scalar_one()
        await block(session, SYSTEM, services.bus, person_id, None, services.clock.now())


def pass_time(services: Services, by: timedelta) -> None:
    assert isinstance(services.clock, FixedClock)
    services.clock.advance(by)


async def test_a_followed_link_signs_in_and_leads_to_the_page(shared: Services, site: FastAPI) -> None:
    token = await link_for(shared, Role.VIEWER)

    async with client_of(site) as browser:
        answer = await browser.get(f"/link/{token}")
        me = await browser.get("/api/v1/auth/me")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert me.json() | {"id": 0} == {
        "id": 0, "name": "Guest", "role": "viewer", "status": "approved", "language": "en",
        "timezone": "Asia/Tashkent", "mode": "development",
        "permissions": [
            "events:watch", "imports:read", "keys:write", "machines:read", "matches:read", "orders:read",
            "profile:write",
        ],
    }  # fmt: skip


async def test_a_link_works_once(shared: Services, site: FastAPI) -> None:
    token = await link_for(shared)

    async with client_of(site) as first, client_of(site) as second:
        opened = await first.post("/api/v1/auth/link", json={"token": token})
        again = await second.post("/api/v1/auth/link", json={"token": token})
        followed = await second.get(f"/link/{token}")

    assert opened.status_code == 200
    assert (again.status_code, again.json()["code"]) == (401, "identity.link_used")
    assert (followed.status_code, followed.headers["location"]) == (303, "/sign-in?error=identity.link_used")
    assert "set-cookie" not in {*again.headers, *followed.headers}


async def test_of_many_taps_at_once_exactly_one_wins(shared: Services, site: FastAPI) -> None:
    token = await link_for(shared)

    async with client_of(site) as browser:
        answers = await asyncio.gather(*(browser.get(f"/link/{token}") for _ in range(6)))

    places = sorted(answer.headers["location"] for answer in answers)
    assert places == ["/", *["/sign-in?error=identity.link_used"] * 5]
    async with shared.db.read() as session:
        opened = await session.execute(
            text("SELECT count(*) FROM sessions s JOIN sign_in_links l USING (person_id) WHERE l.token_hash = :digest"),
            {"digest": hashlib.sha256(token.encode()).digest()},
        )
        assert opened.scalar_one() == 1


async def test_a_link_lives_ten_minutes(shared: Services, site: FastAPI) -> None:
    punctual, late = await link_for(shared), await link_for(shared)

    async with client_of(site) as browser:
        pass_time(shared, timedelta(minutes=10))
        assert (await browser.get(f"/link/{punctual}")).headers["location"] == "/"
        pass_time(shared, timedelta(seconds=1))
        answer = await browser.get(f"/link/{late}")

    assert answer.headers["location"] == "/sign-in?error=identity.link_expired"


async def test_a_demo_link_has_no_time_limit_and_works_once(shared: Services, site: FastAPI) -> None:
    token = await link_for(shared, endless=True)
    pass_time(shared, timedelta(days=400))

    async with client_of(site) as browser:
        first, second = [await browser.get(f"/link/{token}") for _ in range(2)]

    assert first.headers["location"] == "/"
    assert second.headers["location"] == "/sign-in?error=identity.link_used"


def test_a_printed_link_of_production_expires(database_url: str, tmp_path: Path) -> None:
    env = environment(database_url, tmp_path, "production")
    printed = [command("user", "link", "owner", env=env).stdout.strip() for _ in range(2)]
    settings = Settings.load(mode=Mode.PRODUCTION, data_dir=tmp_path, database_url=database_url)

    async def follow() -> list[str]:
        clock = FixedClock(datetime.now(UTC) + timedelta(minutes=9))
        async with (
            open_services(settings, database_url, clock=clock) as services,
            client_of(build_app(services)) as browser,
        ):
            in_time = await browser.get(printed[0])
            clock.advance(timedelta(minutes=2))
            return [in_time.headers["location"], (await browser.get(printed[1])).headers["location"]]

    assert all(link.startswith("http://localhost:8000/link/") for link in printed)
    assert asyncio.run(follow()) == ["/", "/sign-in?error=identity.link_expired"]


async def test_an_unknown_link_is_refused(site: FastAPI) -> None:
    async with client_of(site) as browser:
        followed = await browser.get("/link/made-up")
        posted = await browser.post("/api/v1/auth/link", json={"token": "made-up"})

    assert followed.headers["location"] == "/sign-in?error=identity.link_invalid"
    assert (posted.status_code, posted.json()["code"]) == (401, "identity.link_invalid")


async def test_a_blocked_person_comes_in_by_no_link(shared: Services, site: FastAPI) -> None:
    token = await link_for(shared)
    await block_owner_of(shared, token)

    async with client_of(site) as browser:
        answer = await browser.get(f"/link/{token}")

    assert answer.headers["location"] == "/sign-in?error=identity.link_invalid"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "agent",
    [
        "TelegramBot (like TwitterBot)",
        "WhatsApp/2.23.20.0",
        "facebookexternalhit/1.1",
        "Slackbot-LinkExpanding 1.0",
        "Mozilla/5.0 (compatible; Discordbot/2.0)",
        "Mozilla/5.0 (compatible; Googlebot/2.1)",
    ],
)
async def test_a_preview_uses_nothing_up(shared: Services, site: FastAPI, agent: str) -> None:
    token = await link_for(shared)

    async with client_of(site) as browser:
        preview = await browser.get(f"/link/{token}", headers={"User-Agent": agent})
        opened = await browser.get(f"/link/{token}")

    assert (preview.status_code, preview.text) == (200, "VHM24R")
    assert "set-cookie" not in preview.headers
    assert opened.headers["location"] == "/"


async def test_head_uses_nothing_up(shared: Services, site: FastAPI) -> None:
    token = await link_for(shared)

    async with client_of(site) as browser:
        looked = await browser.head(f"/link/{token}")
        opened = await browser.get(f"/link/{token}")

    assert looked.status_code == 200
    assert "set-cookie" not in looked.headers
    assert opened.headers["location"] == "/"


@pytest.mark.parametrize(("address", "secure"), [("http://localhost:8000", False), ("https://orders.example", True)])
async def test_the_cookie_is_for_this_site_alone(shared: Services, address: str, secure: bool) -> None:
    token = await link_for(shared)
    there = replace(shared, settings=shared.settings.model_copy(update={"public_url": address}))

    async with client_of(build_app(there)) as browser:
        answer = await browser.get(f"/link/{token}")

    found = {}
    for cookie in answer.headers.get_list("set-cookie"):
        name_and_value, *flags = cookie.split("; ")
        found[name_and_value.partition("=")[0]] = sorted(flags)
    always = ["HttpOnly", "Max-Age=31536000", *(["Secure"] if secure else [])]
    assert found == {
        ACCESS_COOKIE: sorted([*always, "Path=/", "SameSite=lax"]),
        REFRESH_COOKIE: sorted([*always, "Path=/api/v1/auth", "SameSite=strict"]),
    }


async def test_signing_out_closes_this_session_and_no_other(shared: Services, site: FastAPI) -> None:
    cookie, other = await sign_in(shared, Role.OPERATOR), await sign_in(shared, Role.OPERATOR)

    async with client_of(site, cookie) as browser, client_of(site, other) as elsewhere:
        left = await browser.post("/api/v1/auth/logout")
        kept_open = await elsewhere.get("/api/v1/auth/me")
    async with client_of(site, cookie) as thief:
        replayed = await thief.get("/api/v1/auth/me")

    assert left.status_code == 204
    cleared = left.headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cleared] == [ACCESS_COOKIE, REFRESH_COOKIE]
    assert all('=""; expires=' in cookie for cookie in cleared)
    assert kept_open.status_code == 200
    assert (replayed.status_code, replayed.json()["code"]) == (401, "identity.session_ended")


async def test_a_made_up_cookie_opens_nothing(site: FastAPI) -> None:
    async with client_of(site, "made-up") as browser:
        answer = await browser.get("/api/v1/orders")

    assert (answer.status_code, answer.json()["code"]) == (401, "identity.token_invalid")


async def test_only_hashes_of_secrets_are_stored(shared: Services, site: FastAPI) -> None:
    token = await link_for(shared)
    async with client_of(site) as browser:
        await browser.get(f"/link/{token}")
        access, refresh = browser.cookies[ACCESS_COOKIE], browser.cookies[REFRESH_COOKIE]

    async with shared.db.read() as session:
        everything = ""
        for table in (
            "people",
            "sign_in_links",
            "sessions",
            "refresh_tokens",
            "signing_keys",
            "audit_entries",
            "idempotency_keys",
        ):
            rows = await session.execute(text(f"SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t"))
            everything += rows.scalar_one()

    assert hashlib.sha256(token.encode()).hexdigest() in everything
    assert hashlib.sha256(refresh.encode()).hexdigest() in everything
    assert [secret for secret in (token, access, refresh) if secret in everything] == []


async def test_signing_in_is_written_down(shared: Services, site: FastAPI) -> None:
    token = await link_for(shared)
    async with client_of(site) as browser:
        await browser.get(f"/link/{token}")
        me = (await browser.get("/api/v1/auth/me")).json()

    async with shared.db.read() as session:
        rows = await session.execute(
            text("SELECT action, actor_kind FROM audit_entries WHERE subject = :subject ORDER BY id"),
            {"subject": f"person:{me['id']}"},
        )
        assert [tuple(row) for row in rows] == [
            ("person.created", "system"),
            ("person.link_issued", "system"),
            ("session.opened", "person"),
        ]


async def test_a_chosen_language_is_kept_and_spoken(shared: Services, site: FastAPI) -> None:
    async with client_of(site, await sign_in(shared, Role.CUSTOMER)) as browser:
        chosen = await browser.patch("/api/v1/auth/me", json={"language": "uz"})
        spoken = await browser.get("/api/v1/orders", headers={"Accept-Language": "en"})
        unknown = await browser.patch("/api/v1/auth/me", json={"language": "tlh"})
        kept = await browser.get("/api/v1/auth/me")

    assert (chosen.status_code, chosen.json()["language"], kept.json()["language"]) == (200, "uz", "uz")
    assert (spoken.status_code, spoken.json()["title"]) == (403, "Ruxsat yoʻq")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "identity.language_unknown")


async def test_a_telegram_account_belongs_to_one_person(shared: Services) -> None:
    async def add(session: AsyncSession) -> None:
        now = shared.clock.now()
        await create_person(session, SYSTEM, name="Guest", role=Role.VIEWER, now=now, telegram_id=777)

    async with shared.db.write() as session:
        await add(session)
        with pytest.raises(TelegramIdTaken):
            await add(session)
