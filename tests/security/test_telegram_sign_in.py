"""Coming in with Telegram: the widget once, the Mini App again while young; somebody unknown waits for a decision."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text

from tests.conftest import SYSTEM, sign_in
from tests.integration.sharing import process
from tests.security.conftest import client_of
from tests.telegram import BOT_ID, PUBLIC_KEY, TOKEN, init_data, widget_fields
from vhm24r.api.app import build_app
from vhm24r.identity.errors import TelegramDataInvalid
from vhm24r.identity.permissions import Role
from vhm24r.identity.service.access import TelegramAccess
from vhm24r.identity.service.people import create_person
from vhm24r.identity.telegram import check_widget
from vhm24r.kit.clock import FixedClock
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.security
WIDGET, MINI_APP, ME = "/api/v1/auth/telegram", "/api/v1/auth/miniapp", "/api/v1/auth/me"


@pytest.fixture
async def telegram(server: EmbeddedServer, template: str, tmp_path: Any) -> AsyncIterator[Services]:
    """A process with a bot, whose owner is Telegram's person 1000."""
    async with process(
        server, template, tmp_path, telegram_token=TOKEN, telegram_bot_name="orders_bot", owner_telegram_id=1000
    ) as services:
        yield services


@pytest.fixture
def here(telegram: Services) -> FastAPI:
    return build_app(telegram)


def pass_time(services: Services, by: timedelta) -> None:
    assert isinstance(services.clock, FixedClock)
    services.clock.advance(by)


async def approve(services: Services, app: FastAPI, person_id: int, role: Role = Role.OPERATOR) -> None:
    async with client_of(app, await sign_in(services, Role.ADMIN)) as admin:
        answer = await admin.post(f"/api/v1/users/{person_id}/approve", json={"role": role})
    assert answer.status_code == 200


async def test_a_stranger_asks_waits_and_is_let_in(telegram: Services, here: FastAPI) -> None:
    async with client_of(here) as browser:
        asked = await browser.post(WIDGET, json=widget_fields(telegram.clock.now(), username="tester"))
        waiting = await browser.get(ME)
        closed = await browser.get("/api/v1/orders")
        await approve(telegram, here, asked.json()["id"])
        let_in = await browser.get(ME)
        orders = await browser.get("/api/v1/orders")

    assert (asked.status_code, asked.json()["status"], asked.json()["permissions"]) == (200, "pending", [])
    assert (waiting.status_code, waiting.json()["name"]) == (200, "Test")
    assert (closed.status_code, closed.json()["code"]) == (403, "identity.awaiting_approval")
    assert (let_in.json()["status"], let_in.json()["role"], orders.status_code) == ("approved", "operator", 200)


async def test_a_person_who_is_known_comes_in_as_that_person(telegram: Services, here: FastAPI) -> None:
    async with telegram.db.write() as session:
        known = await create_person(
            session, SYSTEM, name="Known", role=Role.VIEWER, now=telegram.clock.now(), telegram_id=777, language="uz"
        )
    async with client_of(here) as browser:
        came = await browser.post(WIDGET, json=widget_fields(telegram.clock.now(), first_name="Other"))

    said = came.json()
    assert (said["id"], said["name"], said["role"], said["language"]) == (known.id, "Known", "viewer", "uz")


async def test_widget_data_signs_in_once(telegram: Services, here: FastAPI) -> None:
    fields = widget_fields(telegram.clock.now())
    async with client_of(here) as first, client_of(here) as second:
        answers = await asyncio.gather(*(first.post(WIDGET, json=fields) for _ in range(5)))
        replayed = await second.post(WIDGET, json=fields)

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401, 401]
    assert (replayed.status_code, replayed.json()["code"]) == (401, "identity.telegram_data_used")
    assert "set-cookie" not in replayed.headers


async def test_a_mini_app_signs_in_again_while_its_data_is_young(telegram: Services, here: FastAPI) -> None:
    data = init_data(telegram.clock.now())
    async with client_of(here) as frame:
        statuses = []
        for pause in (timedelta(0), timedelta(minutes=59), timedelta(minutes=2)):
            pass_time(telegram, pause)
            answer = await frame.post(MINI_APP, json={"init_data": data})
            statuses.append((answer.status_code, answer.json().get("code")))

    assert statuses == [(200, None), (200, None), (401, "identity.telegram_data_too_old")]


async def test_a_mini_app_gets_its_tokens_and_no_cookie(telegram: Services, here: FastAPI) -> None:
    async with client_of(here) as frame:
        came = await frame.post(MINI_APP, json={"init_data": init_data(telegram.clock.now(), user={"id": 1000})})
        tokens = came.json()["tokens"]
        me = await frame.get(ME, headers={"Authorization": f"Bearer {tokens['access_token']}"})
        next_ones = await frame.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})

    assert "set-cookie" not in came.headers
    assert (me.json()["role"], next_ones.status_code) == ("owner", 200)


async def test_the_owner_of_the_settings_is_let_in_at_once(telegram: Services, here: FastAPI) -> None:
    async with client_of(here) as browser:
        came = await browser.post(WIDGET, json=widget_fields(telegram.clock.now(), id="1000"))
        again = await browser.post(WIDGET, json=widget_fields(telegram.clock.now() + timedelta(seconds=1), id="1000"))
    async with telegram.db.read() as session:
        owners = await session.execute(text("SELECT count(*) FROM people WHERE role = 'owner'"))
        assert owners.scalar_one() == 1

    assert (came.json()["role"], came.json()["status"]) == ("owner", "approved")
    assert again.json()["id"] == came.json()["id"]


async def test_of_two_windows_of_a_stranger_one_person_is_made(telegram: Services, here: FastAPI) -> None:
    data = init_data(telegram.clock.now())
    async with client_of(here) as frame:
        answers = await asyncio.gather(*(frame.post(MINI_APP, json={"init_data": data}) for _ in range(5)))
    async with telegram.db.read() as session:
        asked = await session.execute(text("SELECT count(*) FROM audit_entries WHERE action = 'person.asked'"))
        assert asked.scalar_one() == 1

    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.json()["id"] for answer in answers}) == 1


@pytest.mark.parametrize("decision", ["reject", "block"])
async def test_who_was_turned_down_does_not_come_back(telegram: Services, here: FastAPI, decision: str) -> None:
    now = telegram.clock.now()
    async with client_of(here) as browser, client_of(here, await sign_in(telegram, Role.ADMIN)) as admin:
        asked = (await browser.post(WIDGET, json=widget_fields(now))).json()
        await admin.post(f"/api/v1/users/{asked['id']}/{decision}", json={"reason": "not one of us"})
        after = await browser.get(ME)
        again = await browser.post(WIDGET, json=widget_fields(now + timedelta(seconds=1)))

    assert (after.status_code, after.json()["code"]) == (401, "identity.session_ended")
    assert (again.status_code, again.json()["code"]) == (401, "identity.not_approved")


async def test_the_mini_app_is_checked_without_the_token_too(telegram: Services, here: FastAPI) -> None:
    telegram.access.telegram = TelegramAccess(bot_id=BOT_ID, public_keys=(PUBLIC_KEY,))
    data = init_data(telegram.clock.now())
    async with client_of(here) as frame:
        came = await frame.post(MINI_APP, json={"init_data": data})
        changed = await frame.post(MINI_APP, json={"init_data": data.replace("777", "778")})
        widget = await frame.post(WIDGET, json=widget_fields(telegram.clock.now()))

    assert (came.status_code, changed.status_code) == (200, 401)
    assert (widget.status_code, widget.json()["code"]) == (409, "identity.telegram_not_set_up")


async def test_without_a_bot_there_is_no_way_in_with_telegram(services: Services) -> None:
    async with client_of(build_app(services)) as browser:
        ways = await browser.get("/api/v1/auth/ways")
        widget = await browser.post(WIDGET, json=widget_fields(services.clock.now()))
        mini_app = await browser.post(MINI_APP, json={"init_data": init_data(services.clock.now())})

    assert ways.json() == {"telegram_bot": None, "mini_app": False}
    assert [answer.json()["code"] for answer in (widget, mini_app)] == ["identity.telegram_not_set_up"] * 2


async def test_the_page_learns_which_ways_there_are(here: FastAPI) -> None:
    async with client_of(here) as browser:
        ways = await browser.get("/api/v1/auth/ways")

    assert ways.json() == {"telegram_bot": "orders_bot", "mini_app": True}


@pytest.mark.parametrize(
    "data",
    [
        "",
        "user=x",
        "hash=",
        "a=1&a=2",
        "user=%7B%7D&auth_date=1&hash=00",
        "' OR 1=1 --",
        "../../etc/passwd",
        "x" * 8_192,
    ],
)
async def test_made_up_data_is_refused_with_a_sentence_and_counted(
    telegram: Services, here: FastAPI, data: str
) -> None:
    async with client_of(here) as frame:
        answer = await frame.post(MINI_APP, json={"init_data": data})
        counted = (await frame.get("/metrics")).text

    assert (answer.status_code, answer.json()["code"]) == (401, "identity.telegram_data_invalid")
    assert answer.json()["detail"] == "Telegram did not sign this for our bot. Sign in again."
    assert 'vhm24r_vain_sign_ins_total{code="identity.telegram_data_invalid"}' in counted


async def test_the_first_owner_may_have_asked_before_the_settings_named_them(telegram: Services, here: FastAPI) -> None:
    named = telegram.access.telegram
    telegram.access.telegram = replace(named, owner_id=None)
    async with client_of(here) as browser:
        asked = await browser.post(WIDGET, json=widget_fields(telegram.clock.now(), id="1000"))
        telegram.access.telegram = named
        came = await browser.post(WIDGET, json=widget_fields(telegram.clock.now() + timedelta(seconds=1), id="1000"))

    assert (asked.json()["status"], came.json()["status"], came.json()["role"]) == ("pending", "approved", "owner")


async def test_the_settings_name_no_second_owner(telegram: Services, here: FastAPI) -> None:
    await sign_in(telegram, Role.OWNER)
    async with client_of(here) as browser:
        came = await browser.post(WIDGET, json=widget_fields(telegram.clock.now(), id="1000"))

    assert (came.json()["status"], came.json()["role"]) == ("pending", "customer")


def test_a_value_brings_no_lines_of_its_own(telegram: Services) -> None:
    """Signed for one person, and written so that it could be read as signed for another."""
    now = telegram.clock.now()
    signed = widget_fields(now, id="999", first_name="X\nid=1")
    split = {"id": "1", "first_name": "X", "auth_date": signed["auth_date"], "hash": signed["hash"], "id=999\nz": ""}
    for fields in (signed, split):
        with pytest.raises(TelegramDataInvalid):
            check_widget(fields, TOKEN, now)
