"""People and access as a person sees them: coming in, waiting, deciding about others, devices, keys, the log."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.async_api import Browser, Page, Route, ViewportSize, expect

from tests.conftest import SYSTEM
from tests.factories import hw_row, write_csv
from tests.page.conftest import drop, expect_status, link_for, shot, sign_in
from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.permissions import Role
from vhm24r.identity.service import coming_in, people
from vhm24r.identity.service.approval import approve, reject
from vhm24r.identity.types import Client
from vhm24r.kit.actor import Actor
from vhm24r.ops.process import Services
from vhm24r.settings import Mode, Settings

pytestmark = pytest.mark.page

TOKEN = "123456:test-token"  # of no bot there is
BOT = "orders_bot"
PHONE = ViewportSize(width=390, height=844)
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0"
WIDGET_STUB = """
    const place = document.currentScript;
    const shown = document.createElement('p');
    shown.id = 'widget';
    shown.textContent = [place.dataset.telegramLogin, place.dataset.size, place.dataset.requestAccess].join(' ');
    shown.title = place.dataset.authUrl;
    place.replaceWith(shown);
"""
REACHES_TO = """Math.max(...[...document.querySelectorAll('main :is(h1, h2, p, li, td, button, a, span)')]
    .map((one) => one.getBoundingClientRect().right))"""
"""How far to the right anything reaches; pages scroll inside of themselves, so their own width would not tell."""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a process that has a bot."""
    return Settings.load(
        mode=Mode.DEVELOPMENT, data_dir=tmp_path, database_url=database_url, port=0, db_pool=6, rate_limits="off",
        telegram_token=TOKEN, telegram_bot_name=BOT,
    )  # fmt: skip


def signed(fields: dict[str, str], secret: bytes) -> dict[str, str]:
    """The fields with Telegram's hash over them."""
    lines = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    return fields | {"hash": hmac.new(secret, lines.encode(), "sha256").hexdigest()}


def init_data(services: Services, telegram_id: int, name: str) -> str:
    """What Telegram hands to a Mini App that this person opens."""
    user = {"id": telegram_id, "first_name": name, "username": f"user{telegram_id}", "language_code": "en"}
    fields = {"auth_date": str(int(services.clock.now().timestamp())), "query_id": "AAF", "user": json.dumps(user)}
    return urlencode(signed(fields, hmac.digest(b"WebAppData", TOKEN.encode(), "sha256")))


def widget_fields(services: Services, telegram_id: int, name: str) -> str:
    """What Telegram's Login Widget comes back with, as an address has it."""
    at = str(int(services.clock.now().timestamp()))
    fields = {"id": str(telegram_id), "first_name": name, "auth_date": at, "photo_url": "https://t.me/i/1.jpg"}
    return urlencode(signed(fields, hashlib.sha256(TOKEN.encode()).digest()))


async def ask_for_access(services: Services, telegram_id: int, name: str) -> int:
    """Somebody unknown comes in with Telegram, and waits."""
    client = Client("127.0.0.1", "tests")
    found = await coming_in.sign_in_by_mini_app(services.access, init_data(services, telegram_id, name), client)
    return found.person_id


async def let_in(services: Services, person_id: int, role: Role = Role.OPERATOR) -> None:
    """An administrator says yes."""
    async with services.db.write() as session:
        await approve(session, Actor.system("test"), services.bus, person_id, role, services.clock.now())


async def open_mini_app(services: Services, web: str, page: Page, telegram_id: int, name: str) -> None:
    """As Telegram opens it."""
    data = quote(init_data(services, telegram_id, name), safe="")
    await page.goto(f"{web}/app#tgWebAppData={data}&tgWebAppVersion=8.0&tgWebAppPlatform=android")


async def test_an_owner_lets_somebody_in_blocks_and_finds_it_in_the_log(
    services: Services, web: str, page: Page
) -> None:
    await sign_in(services, web, page, Role.OWNER)
    await page.get_by_role("link", name="People").click()
    await expect(page.get_by_test_id("people-table")).to_be_visible()

    await ask_for_access(services, 501, "Test Person")
    await expect(page.get_by_test_id("people-waiting")).to_contain_text("1 person waits for approval")
    await shot(page, "people")
    await page.get_by_test_id("people-waiting").get_by_role("button").click()
    await expect(page.get_by_test_id("people-table").locator("tbody tr")).to_have_count(1)
    await page.get_by_text("Test Person").click()

    await expect(page.get_by_test_id("person-status")).to_have_attribute("data-status", "pending")
    await shot(page, "person-pending")
    await page.get_by_test_id("approve").click()
    await page.get_by_test_id("approve-role").click()
    await page.get_by_role("option", name="Operator").click()
    await page.get_by_test_id("approve-confirm").click()
    await expect(page.get_by_test_id("person-status")).to_have_attribute("data-status", "approved")
    await expect(page.get_by_test_id("device")).to_have_count(1)
    await shot(page, "person")

    await page.get_by_test_id("block").click()
    await page.get_by_test_id("block-reason").fill("left the company")
    await page.get_by_test_id("block-confirm").click()
    await expect(page.get_by_test_id("person-status")).to_have_attribute("data-status", "blocked")
    await expect(page.get_by_test_id("device")).to_have_count(0)

    await page.get_by_role("link", name="What was decided").click()
    log = page.get_by_test_id("audit-table")
    await expect(log).to_contain_text("Person blocked")
    await expect(log).to_contain_text("left the company")
    await page.get_by_test_id("audit-expand").first.click()
    await expect(page.get_by_test_id("audit-data")).to_contain_text("approved → blocked")
    await shot(page, "audit")


async def test_the_log_of_some_days(services: Services, web: str, page: Page) -> None:
    around_the_first_of_march_in_tashkent = {
        "too early": datetime(2026, 2, 28, 18, 59, 59, 900_000, UTC),
        "at its beginning": datetime(2026, 2, 28, 19, tzinfo=UTC),
        "at its end": datetime(2026, 3, 1, 18, 59, 59, 900_000, UTC),
        "too late": datetime(2026, 3, 1, 19, tzinfo=UTC),
    }
    async with services.db.write() as session:
        for reason, at in around_the_first_of_march_in_tashkent.items():
            await audit.record(session, SYSTEM, Deed("setting.changed", "setting:x", reason), at)
    await sign_in(services, web, page, Role.OWNER)
    await page.goto(f"{web}/audit")
    log = page.get_by_test_id("audit-table")
    rows = log.locator("tbody tr")
    await expect(log).to_contain_text("too early")

    await page.get_by_test_id("filter-period").press("Enter")
    await page.get_by_label("From", exact=True).fill("2026-03-01")
    await page.get_by_label("To", exact=True).fill("2026-03-01")
    await page.get_by_label("To", exact=True).press("Enter")
    await expect(rows).to_have_count(2)
    await expect(rows).to_contain_text(["at its end", "at its beginning"])
    await expect(page).to_have_url(f"{web}/audit?from=2026-03-01&to=2026-03-01")

    await page.reload()
    await expect(rows).to_have_count(2)
    await expect(page.get_by_test_id("filter-period")).to_have_text("Period: 01 Mar 2026")
    await shot(page, "audit-period")

    await page.goto(f"{web}/audit?subject=setting:x&to=2026-03-01")
    await expect(rows).to_contain_text(["at its end", "at its beginning", "too early"])
    await page.goto(f"{web}/audit?subject=setting:x&from=2026-03-01")
    await expect(rows).to_contain_text(["too late", "at its end", "at its beginning"])
    await page.get_by_role("button", name="Remove filter: Period").press("Enter")
    await expect(rows).to_have_count(4)


async def test_a_period_of_the_log_that_ends_before_it_starts(services: Services, web: str, page: Page) -> None:
    await sign_in(services, web, page, Role.OWNER)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/v1/audit" in request.url else None)

    await page.goto(f"{web}/audit?from=2026-03-02&to=2026-03-01")
    await expect(page.get_by_test_id("audit-backwards")).to_contain_text("The period starts after it ends")
    await expect(page.get_by_test_id("audit-table")).to_have_count(0)
    await shot(page, "audit-backwards")
    await page.wait_for_load_state("networkidle")
    assert asked == []

    await page.get_by_role("button", name="Clear filters").click()
    await expect(page.get_by_test_id("audit-table")).to_contain_text("Person added")
    await expect(page.get_by_test_id("audit-backwards")).to_have_count(0)
    assert len(asked) == 1


async def test_particulars_in_the_log_are_readable(services: Services, web: str, page: Page) -> None:
    person = {"status": "approved", "role": "admin"}
    settled = [{"id": 1, "state": "open"}, {"id": 2, "state": "open"}]
    told: dict[str, tuple[dict[str, object], list[str]]] = {
        "person.blocked": (
            {"old": person, "new": person | {"status": "blocked"}},
            ["roleadmin", "statusapproved → blocked"],
        ),
        "setting.changed": ({"old": 5, "new": 7}, ["old → new5 → 7"]),
        "order.cancelled": ({"from": "active", "to": "cancelled"}, ["from → toactive → cancelled"]),
        "person.granted": ({"machines": [], "sources": None}, ["sources—", "machines[]"]),
        "order.edited": (
            {"fields": ["amount", "product"], "tags": {"old": ["vip"], "new": ["vip", "late"]}},
            ["tagsvip → vip, late", "fieldsamount, product"],
        ),
        "exception.assigned": (
            {"old": settled, "new": {"assignee_id": 3}},
            ["old → newid: 1, state: open; id: 2, state: open → assignee_id: 3"],
        ),
        "order.noted": ({}, []),
    }
    async with services.db.write() as session:
        for action, (data, _) in told.items():
            await audit.record(session, SYSTEM, Deed(action, "thing:x", data=data), services.clock.now())
    await sign_in(services, web, page, Role.OWNER)
    await page.goto(f"{web}/audit?subject=thing:x")
    await expect(page.get_by_test_id("audit-expand")).to_have_count(len(told))
    for button in await page.get_by_test_id("audit-expand").all():
        await button.click()

    for action, (_, lines) in told.items():
        entry = page.get_by_role("row").filter(has_text=f"{action} · thing:x")
        await expect(entry.get_by_test_id("audit-data").locator("div")).to_have_text(lines)
        await expect(entry.get_by_text("Particulars")).to_have_count(1 if lines else 0)
    await shot(page, "audit-particulars")
    await page.set_viewport_size(PHONE)
    assert await page.evaluate(REACHES_TO) <= PHONE["width"]
    await shot(page, "phone-audit-particulars")


async def test_grants_a_link_and_forgetting(services: Services, web: str, page: Page, tmp_path: Path) -> None:
    await page.emulate_media(reduced_motion="reduce")
    person = await ask_for_access(services, 502, "Bobur")
    await let_in(services, person)
    await sign_in(services, web, page, Role.OWNER)
    await drop(page, write_csv(tmp_path / "machines.csv", [hw_row(1)]))
    await expect_status(page, "applied")
    await page.goto(f"{web}/people/{person}")

    await page.get_by_test_id("grants").click()
    await page.get_by_test_id("all-sources").click()
    await page.get_by_role("option", name="Payme").click()
    await page.get_by_test_id("all-machines").click()
    await page.get_by_role("listbox", name="Machines").get_by_role("option").first.click()
    await shot(page, "grants")
    await page.get_by_test_id("grants-confirm").click()
    await expect(page.get_by_test_id("grants-confirm")).to_be_hidden()
    await expect(page.get_by_role("definition").filter(has_text="Payme")).to_be_visible()

    await page.get_by_test_id("link").click()
    await page.get_by_test_id("link-confirm").click()
    link = await page.get_by_test_id("secret").input_value()
    await shot(page, "person-link")
    await page.evaluate("Object.defineProperty(navigator.clipboard, 'writeText', { value: () => Promise.reject() })")
    await page.get_by_test_id("secret-copy").click()
    await expect(page.get_by_test_id("secret-copy")).to_have_text("Copied")
    await page.context.grant_permissions(["clipboard-read"])
    assert await page.evaluate("navigator.clipboard.readText()") == link
    assert "/link/" in link
    await page.get_by_test_id("secret-done").click()

    async with page.expect_download() as copy:
        await page.get_by_test_id("person-export").click()
    kept = json.loads((await (await copy.value).path()).read_text())
    assert kept["person"]["machines"]

    await page.get_by_test_id("erase").click()
    await expect(page.get_by_test_id("erase-confirm")).to_be_disabled()
    await page.get_by_test_id("erase-name").fill("Bobur")
    await page.get_by_test_id("erase-confirm").click()
    await expect(page.get_by_role("heading", name=f"person #{person}")).to_be_visible()


async def test_signing_out_another_device(services: Services, web: str, page: Page, browser: Browser) -> None:
    await sign_in(services, web, page)
    async with services.db.write() as session:
        me = await people.get_person(session, 1)
        link = await coming_in.issue_link(session, Actor.system("test"), me, services.clock.now())
    other = await (await browser.new_context(locale="en-US", user_agent=FIREFOX)).new_page()
    await other.goto(f"{web}/link/{link}")
    await expect(other.get_by_test_id("orders-table")).to_be_visible()

    await page.get_by_test_id("person-menu").click()
    await page.get_by_role("menuitem", name="Devices").click()
    await expect(page.get_by_test_id("device")).to_have_count(2)
    await expect(page.get_by_text("Firefox 143 · Windows")).to_be_visible()
    await shot(page, "devices")
    await page.get_by_test_id("sign-out-device").click()
    await page.get_by_test_id("sign-out-device-confirm").click()
    await expect(page.get_by_test_id("device")).to_have_count(1)

    await other.get_by_role("link", name="Imports").click()
    await expect(other.get_by_test_id("sign-in-needed")).to_contain_text("Your session has ended")
    await shot(other, "sign-in-expired")
    await other.context.close()


async def test_a_key_is_shown_once_and_revoked(services: Services, web: str, page: Page) -> None:
    await page.emulate_media(reduced_motion="reduce")
    await sign_in(services, web, page)
    await page.get_by_test_id("person-menu").click()
    await page.get_by_role("menuitem", name="API keys").click()

    await page.get_by_test_id("make-key").click()
    await page.get_by_test_id("key-name").fill("Accounting")
    await page.get_by_role("option", name="Read orders").click()
    await shot(page, "key-form")
    await page.get_by_test_id("make-key-confirm").click()
    secret = await page.get_by_test_id("secret").input_value()
    await shot(page, "key-secret")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_test_id("secret-copy").click()
    await expect(page.get_by_test_id("secret-copy")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    await page.get_by_test_id("secret-done").click()

    key = page.get_by_test_id("key")
    await expect(key).to_contain_text("_".join(secret.split("_")[:2]))
    await expect(key).not_to_contain_text(secret)
    await shot(page, "keys")
    await page.get_by_test_id("revoke-key").click()
    await page.get_by_test_id("revoke-key-confirm").click()
    await expect(key).to_contain_text("Revoked")


async def test_a_page_left_open_carries_its_session_on(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    await sign_in(services, web, page)
    refreshed: list[int] = []
    page.on("response", lambda answer: refreshed.append(answer.status) if answer.url.endswith("/refresh") else None)

    await page.context.clear_cookies(name=ACCESS_COOKIE)
    await page.get_by_role("link", name="Imports").click()
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()
    assert refreshed == [200]

    await page.context.clear_cookies(name=ACCESS_COOKIE)
    await page.get_by_test_id("drop-input").set_input_files(str(write_csv(tmp_path / "late.csv", [hw_row(1)])))
    await expect_status(page, "applied")
    await page.context.clear_cookies(name=ACCESS_COOKIE)
    await page.get_by_role("link", name="Orders", exact=True).click()
    await expect(page.get_by_test_id("order-mark")).to_have_count(1)
    assert refreshed == [200, 200, 200]


async def test_who_waits_goes_on_when_let_in(services: Services, web: str, page: Page) -> None:
    await page.set_viewport_size(PHONE)
    await open_mini_app(services, web, page, 503, "Aziza")
    await expect(page.get_by_test_id("waiting")).to_contain_text("Aziza, an administrator will let you in")
    await shot(page, "waiting-phone")

    await let_in(services, await ask_for_access(services, 503, "Aziza"))

    await expect(page.get_by_test_id("orders-table")).to_be_visible(timeout=10_000)


async def test_who_waits_is_told_of_a_refusal(services: Services, web: str, page: Page) -> None:
    await open_mini_app(services, web, page, 504, "Sardor")
    await expect(page.get_by_test_id("waiting")).to_contain_text("You are in line")
    await shot(page, "waiting")

    async with services.db.write() as session:
        person = await people.with_telegram_id(session, 504)
        assert person is not None
        await reject(session, Actor.system("test"), services.bus, person.id, None, services.clock.now())

    await expect(page.get_by_test_id("waiting")).to_contain_text("You were not let in", timeout=10_000)
    await shot(page, "waiting-refused")


async def test_a_mini_app_comes_in_without_cookies(services: Services, web: str, page: Page, tmp_path: Path) -> None:
    await let_in(services, await ask_for_access(services, 505, "Olim"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.headers.get("authorization", "")))

    await open_mini_app(services, web, page, 505, "Olim")
    await expect(page.get_by_test_id("orders-table")).to_be_visible()
    assert page.url == f"{web}/orders"
    await page.get_by_role("link", name="Imports").click()
    await page.get_by_test_id("drop-input").set_input_files(str(write_csv(tmp_path / "chat.csv", [hw_row(1)])))
    await expect_status(page, "applied")

    assert await page.context.cookies() == []
    assert any(header.startswith("Bearer ") for header in asked)


async def test_signing_in_with_the_login_widget(services: Services, web: str, browser: Browser) -> None:
    await let_in(services, await ask_for_access(services, 506, "Nodira"))
    context = await browser.new_context(locale="en-US")
    page = await context.new_page()
    trouble: list[str] = []
    page.on("console", lambda said: trouble.append(said.text) if "Content Security Policy" in said.text else None)

    async def stub(route: Route) -> None:
        await route.fulfill(content_type="text/javascript", body=WIDGET_STUB)

    await page.route("https://telegram.org/**", stub)
    await page.goto(f"{web}/imports")
    await page.get_by_test_id("telegram-go").click()
    await expect(page.locator("#widget")).to_have_text(f"{BOT} large write")
    await expect(page.locator("#widget")).to_have_attribute("title", f"{web}/sign-in")
    await shot(page, "sign-in-telegram")

    await page.goto(f"{web}/sign-in?{widget_fields(services, 506, 'Nodira')}")
    await expect(page).to_have_url(f"{web}/imports")
    await expect(page.get_by_test_id("drop-input")).to_be_attached()

    await context.clear_cookies()
    await page.goto(f"{web}/sign-in")
    await expect(page.locator("#widget")).to_be_visible()
    await page.goto(f"{web}/sign-in?{widget_fields(services, 506, 'Nodira')}0")
    await expect(page.get_by_role("alert")).to_contain_text("Telegram did not sign this")
    await shot(page, "sign-in-refused")
    assert trouble == []
    await context.close()


async def test_fields_nobody_asked_for_sign_in_only_on_demand(services: Services, web: str, page: Page) -> None:
    await let_in(services, await ask_for_access(services, 507, "Mallory"))
    await page.goto(f"{web}/sign-in?{widget_fields(services, 507, 'Mallory')}")

    button = page.get_by_test_id("continue-as")
    await expect(button).to_have_text("Continue as Mallory")
    await expect(page).to_have_url(f"{web}/sign-in")
    assert await page.context.cookies() == []
    await shot(page, "sign-in-unasked")
    await button.click()
    await expect(page.get_by_test_id("orders-table")).to_be_visible()


async def test_an_operator_finds_pages_of_the_administrator_closed(services: Services, web: str, page: Page) -> None:
    await sign_in(services, web, page)
    await expect(page.get_by_role("link", name="People")).to_have_count(0)

    await page.goto(f"{web}/people")
    await expect(page.get_by_role("heading", name="These pages are open to staff").first).to_be_visible()

    await page.context.clear_cookies()
    await page.goto(await link_for(services, web, Role.CUSTOMER))
    await expect(page.get_by_role("heading", name="These pages are open to staff").first).to_be_visible()
    await page.get_by_test_id("person-menu").click()
    await page.get_by_role("menuitem", name="Devices").click()
    await expect(page.get_by_test_id("device")).to_have_count(1)


async def test_people_fit_the_width_of_a_phone(services: Services, web: str, page: Page) -> None:
    await page.set_viewport_size(PHONE)
    person = await ask_for_access(services, 508, "Test Person WithAnUncommonlyLongNameOfOneWord AndMore")
    await page.goto(await link_for(services, web, Role.OWNER))
    await expect(page.get_by_test_id("orders-table")).to_be_visible()

    for path, shown in [
        ("people", "people-table"), (f"people/{person}", "person-status"), ("devices", "devices"),
        ("audit?from=2020-01-01&to=2099-12-31", "audit-table"), ("keys", "make-key"),
    ]:  # fmt: skip
        await page.goto(f"{web}/{path}")
        await expect(page.get_by_test_id(shown)).to_be_visible()
        await expect(page.locator("[aria-hidden=true] .animate-pulse")).to_have_count(0)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert (path, width <= 390, await page.evaluate(REACHES_TO) <= 390) == (path, True, True)
        await shot(page, f"phone-{shown}")
