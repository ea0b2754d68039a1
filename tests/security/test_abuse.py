"""Too often, too much, from elsewhere: refused with a time to come back, and noticed."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.conftest import sign_in, tokens_of
from tests.integration.sharing import process
from tests.security.conftest import HEADERS, client_of
from tests.telegram import TOKEN
from vhm24r.api.app import build_app
from vhm24r.api.headers import policy, security_headers
from vhm24r.api.server import WebServer
from vhm24r.identity.permissions import Role
from vhm24r.identity.types import Client
from vhm24r.kit.clock import FixedClock
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer
from vhm24r.platform.events import AlertRaised
from vhm24r.platform.rates import Counters, Rate, TooOften
from vhm24r.settings import BadSettings, RateClass, Settings, rates_of

pytestmark = pytest.mark.security


def with_rates(services: Services, rates: str, **given: object) -> Services:
    """The same process with other settings."""
    return replace(services, settings=services.settings.model_copy(update={"rate_limits": rates, **given}))


async def test_a_person_who_asks_too_often_waits_and_others_do_not(services: Services) -> None:
    assert isinstance(services.clock, FixedClock)
    app = build_app(with_rates(services, "read=3/minute"))
    tokens = [await sign_in(services, Role.VIEWER) for _ in range(2)]
    async with client_of(app, tokens[0]) as one, client_of(app, tokens[1]) as other:
        answers = [await one.get("/api/v1/orders") for _ in range(4)]
        elsewhere = await other.get("/api/v1/orders")
        written = await one.patch("/api/v1/auth/me", json={"language": "en"})
        services.clock.advance(timedelta(seconds=int(answers[3].headers["Retry-After"])))
        later = await one.get("/api/v1/orders")

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert (answers[3].json()["code"], answers[3].headers["Retry-After"]) == ("platform.too_often", "60")
    assert (elsewhere.status_code, written.status_code, later.status_code) == (200, 200, 200)


async def test_a_key_has_its_own_count(services: Services) -> None:
    app = build_app(with_rates(services, "read=2/minute"))
    async with client_of(app, await sign_in(services, Role.VIEWER)) as person:
        made = await person.post("/api/v1/api-keys", json={"name": "x", "scopes": ["orders:read"]})
        async with client_of(app, None, Authorization=f"Bearer {made.json()['secret']}") as program:
            by_key = [(await program.get("/api/v1/orders")).status_code for _ in range(3)]
        by_person = (await person.get("/api/v1/orders")).status_code

    assert (by_key, by_person) == ([200, 200, 429], 200)


async def test_strangers_are_counted_by_address(services: Services) -> None:
    app = build_app(with_rates(services, "refused=2/minute"))
    async with client_of(app) as stranger, client_of(app, await sign_in(services, Role.VIEWER)) as known:
        answers = [(await stranger.get("/api/v1/orders")).status_code for _ in range(3)]
        at_home = await known.get("/api/v1/orders")

    assert (answers, at_home.status_code) == ([401, 401, 429], 200)


async def test_ways_in_are_counted_over_all_processes(services: Services) -> None:
    settled = with_rates(services, "sign_in=3/hour")
    apps = [build_app(settled) for _ in range(2)]
    statuses = []
    for app in (*apps, *apps):
        async with client_of(app, address="192.0.2.7") as stranger:
            statuses.append((await stranger.post("/api/v1/auth/link", json={"token": "made-up"})).status_code)

    assert statuses == [401, 401, 401, 429]


async def test_exports_of_people_are_counted_over_all_processes(services: Services) -> None:
    settled = with_rates(services, "export=1/hour")
    token = await sign_in(services, Role.OWNER)
    statuses = []
    for _ in range(2):
        async with client_of(build_app(settled), token) as owner:
            statuses.append((await owner.get("/api/v1/users/1/export")).status_code)

    assert statuses == [200, 429]


async def test_vain_attempts_lock_an_address_out_and_tell_the_administrators(services: Services) -> None:
    assert isinstance(services.clock, FixedClock)
    alerts: list[AlertRaised] = []

    async def hear(_: Any, event: AlertRaised) -> None:
        alerts.append(event)

    services.bus.same_transaction(AlertRaised, hear)
    app = build_app(services)
    honest = await tokens_of(services, Role.OPERATOR)
    async with client_of(app, address="192.0.2.7") as stranger, client_of(app, honest.access) as known:
        answers = [await stranger.post("/api/v1/auth/link", json={"token": f"guess-{n}"}) for n in range(12)]
        at_home = await known.get("/api/v1/orders")
        services.clock.advance(timedelta(seconds=int(answers[-1].headers["Retry-After"])))
        later = await stranger.post("/api/v1/auth/link", json={"token": "guess"})
    async with services.db.read() as session:
        written = (await session.execute(text("SELECT * FROM audit_entries WHERE action = 'sign_in.locked_out'"))).all()

    assert Counter(answer.json()["code"] for answer in answers) == {
        "identity.link_invalid": 10, "identity.locked_out": 2,
    }  # fmt: skip
    assert {answer.status_code for answer in answers[10:]} == {429}
    assert [(alert.code, alert.params["attempts"]) for alert in alerts] == [("alert.locked_out", "10")]
    assert [row.subject for row in written] == ["address:192.0.2.7"]
    assert (at_home.status_code, later.status_code) == (200, 401)


async def test_many_vain_attempts_at_once_are_all_counted(services: Services) -> None:
    async with client_of(build_app(services)) as stranger:
        answers = await asyncio.gather(
            *(stranger.post("/api/v1/auth/link", json={"token": f"guess-{n}"}) for n in range(30))
        )

    assert sum(answer.status_code == 401 for answer in answers) <= 10
    assert {answer.status_code for answer in answers} <= {401, 429}


def test_the_usual_rates_can_be_named_one_by_one() -> None:
    assert rates_of("off") == {}
    assert rates_of("read=5/second, sign_in=1/day")[RateClass.READ] == "5/second"
    assert set(rates_of("")) == set(RateClass)
    for wrong in ("x=1/minute", "read", "read=0/minute", "read=1/week", "read=-1/minute"):
        with pytest.raises(BadSettings):
            Settings.load(rate_limits=wrong)
        with pytest.raises(ValueError, match=r"is not (like|a rate)"):
            Rate.parse(wrong) if "=" not in wrong else rates_of(wrong)


async def test_counters_in_memory_do_not_grow_for_ever(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(services.clock, FixedClock)
    monkeypatch.setattr("vhm24r.platform.rates.MOST_COUNTERS", 10)
    counters, rate = Counters(services.db, services.clock), Rate(1, 60)
    for number in range(25):
        counters.here(rate, f"a{number}")
    services.clock.advance(timedelta(minutes=1))
    counters.here(rate, "later")
    with pytest.raises(TooOften):
        counters.here(rate, "later")

    assert len(counters._memory) <= 10


async def test_past_counters_are_forgotten(services: Services) -> None:
    assert isinstance(services.clock, FixedClock)
    await services.access.counters.everywhere(Rate(5, 60), "old")
    services.clock.advance(timedelta(minutes=5))
    await services.access.counters.everywhere(Rate(5, 60), "new")
    await services.access.counters.forget_past()
    async with services.db.read() as session:
        left = list((await session.execute(text("SELECT key FROM rate_counters"))).scalars())

    assert [key.partition(":")[0] for key in left] == ["new"]


@pytest.mark.parametrize(
    ("trusted", "seen"), [("", "127.0.0.1"), ("127.0.0.1", "203.0.113.9"), ("10.0.0.0/8", "127.0.0.1")]
)
async def test_an_address_in_a_header_counts_from_a_trusted_proxy_alone(
    server: EmbeddedServer, template: str, tmp_path: Path, trusted: str, seen: str
) -> None:
    async with process(server, template, tmp_path, trusted_proxies=trusted) as services:
        web = WebServer(services)
        await web.start()
        try:
            async with httpx.AsyncClient(base_url=web.url, headers=HEADERS) as behind:
                tokens = await tokens_of(services, Role.OPERATOR)
                await behind.post(
                    "/api/v1/auth/refresh", json={"refresh_token": tokens.refresh},
                    headers={"X-Forwarded-For": "203.0.113.9"},
                )  # fmt: skip
            async with services.db.read() as session:
                ip = (await session.execute(text("SELECT ip FROM sessions"))).scalar_one()
        finally:
            await web.stop()

    assert ip == seen


async def test_other_sites_call_only_when_they_are_named(services: Services) -> None:
    origin = {"Origin": "https://shop.example"}
    token = (await tokens_of(services, Role.VIEWER)).access
    asked = {**origin, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    async with client_of(build_app(services)) as closed:
        preflight = await closed.options("/api/v1/orders", headers=asked)
    async with client_of(build_app(with_rates(services, "off", cors_origins="https://shop.example"))) as opened:
        allowed = await opened.options("/api/v1/orders", headers=asked)
        answer = await opened.get("/api/v1/orders", headers={**origin, "Authorization": f"Bearer {token}"})
        other = await opened.get("/api/v1/orders", headers={"Origin": "https://evil.example"})

    assert "access-control-allow-origin" not in preflight.headers
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-credentials" not in allowed.headers
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://shop.example")
    assert "access-control-allow-origin" not in other.headers


async def test_two_pages_are_a_little_wider_where_a_bot_is_set_up(services: Services) -> None:
    bot = Settings.load(telegram_token=TOKEN, telegram_bot_name="orders_bot")
    found = {}
    for name, given in (
        ("none", {}),
        ("bot", {"telegram_token": bot.telegram_token, "telegram_bot_name": "orders_bot"}),
    ):
        async with client_of(build_app(with_rates(services, "off", **given))) as browser:
            for path in ("/", "/sign-in", "/app"):
                found[name, path] = (await browser.get(path)).headers["Content-Security-Policy"]

    usual = policy()
    assert [found["none", path] for path in ("/", "/sign-in", "/app")] == [usual] * 3
    assert found["bot", "/"] == usual
    assert found["bot", "/sign-in"] == policy(
        scripts="'self' https://telegram.org", frames="https://oauth.telegram.org"
    )
    assert found["bot", "/app"] == policy(shown_in="https://web.telegram.org")
    assert "unsafe-eval" not in "".join(found.values())


def test_https_is_for_good_where_it_is_used() -> None:
    plain = security_headers(Settings.load(public_url="http://x.example"))
    secure = security_headers(Settings.load(public_url="https://x.example"))

    assert "Strict-Transport-Security" not in plain
    assert secure["Strict-Transport-Security"].startswith("max-age=31536000")


async def test_a_key_of_repetition_goes_round_no_rate_and_no_door(services: Services) -> None:
    app = build_app(with_rates(services, "write=3/minute"))
    headers = {"Idempotency-Key": "once"}
    async with client_of(app, await sign_in(services, Role.CUSTOMER)) as customer:
        same = [(await customer.patch("/api/v1/auth/me", json={"language": "en"}, headers=headers)) for _ in range(5)]
        nowhere = [await customer.post("/api/v1/nothing", headers={"Idempotency-Key": str(n)}) for n in range(5)]
    async with services.db.read() as session:
        kept = list((await session.execute(text("SELECT key FROM idempotency_keys"))).scalars())

    assert [answer.status_code for answer in same] == [200, 200, 200, 429, 429]
    assert same[1].headers["idempotency-replayed"] == "true"
    assert {answer.status_code for answer in nowhere} == {405}
    assert kept == ["once"]


async def test_uploads_have_their_own_rate(services: Services) -> None:
    app = build_app(with_rates(services, "upload=1/minute"))
    async with client_of(app, await sign_in(services, Role.OPERATOR)) as operator:
        file = {"files": ("a.csv", b"a,b\n")}
        statuses = [(await operator.post("/api/v1/imports", files=file)).status_code for _ in range(2)]
        written = await operator.patch("/api/v1/auth/me", json={"language": "en"})

    assert (statuses, written.status_code) == ([202, 429], 200)


async def test_an_office_behind_one_address_carries_its_sessions_on(services: Services) -> None:
    app = build_app(with_rates(services, ""))
    office = [await tokens_of(services, Role.VIEWER) for _ in range(70)]
    async with client_of(app) as browser:
        answers = [
            await browser.post("/api/v1/auth/refresh", json={"refresh_token": tokens.refresh}) for tokens in office
        ]

    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False), ("192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8::2", True), ("2001:db8:0:1::1", "2001:db8:0:2::1", False), ("unknown", "unix", False),
    ],
)  # fmt: skip
def test_an_address_is_counted_by_the_network_of_a_household(one: str, other: str, same: bool) -> None:
    assert (Client(one).place == Client(other).place) is same


@pytest.mark.parametrize("proxies", ["*", "everybody", "10.0.0.0/33"])
def test_not_everybody_is_a_trusted_proxy(proxies: str) -> None:
    with pytest.raises(BadSettings):
        Settings.load(trusted_proxies=proxies)


async def test_half_characters_and_long_texts_are_refused_and_not_echoed(services: Services) -> None:
    async with client_of(build_app(services), await sign_in(services, Role.OWNER)) as owner:
        headers = {"Content-Type": "application/json"}
        answers = [
            await owner.request(method, path, content=body, headers=headers)
            for method, path, body in (
                ("PATCH", "/api/v1/auth/me", b'{"language": "\\ud800"}'),
                ("POST", "/api/v1/users", b'{"name": "x", "role": "viewer", "language": "\\ud800"}'),
                ("PUT", "/api/v1/settings/read_only", b'{"value": "\\ud800"}'),
                ("PUT", "/api/v1/settings/read_only", b'{"value": "' + b"x" * 500_000 + b'"}'),
            )
        ]

    assert [answer.status_code for answer in answers] == [422] * 4
    assert max(len(answer.content) for answer in answers) < 5_000
