"""A real Chromium on the built page, served by the real web process with a worker beside it."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.conftest import SYSTEM
from vhm24r.api.page import page_folder
from vhm24r.api.server import WebServer
from vhm24r.identity.permissions import Role
from vhm24r.identity.service import coming_in, people
from vhm24r.ops.process import Services

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic",
]  # fmt: skip


def chromium() -> str | None:
    """The browser to drive: the one named, or the one on PATH."""
    named = os.environ.get("VHM24R_CHROMIUM")
    return named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium; without one the page tests are skipped and say so, unless a browser is required."""
    path = chromium()
    if path is None or page_folder() is None:
        reason = (
            "no Chromium: install one or set VHM24R_CHROMIUM" if path is None else "the page is not built: make web"
        )
        if os.environ.get("VHM24R_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as driver:
        running = await driver.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield running
        await running.close()


@pytest.fixture
async def web(services: Services) -> AsyncIterator[str]:
    """The address of the web process, with a worker running beside it."""
    server = WebServer(services)
    await server.start()
    worker = asyncio.create_task(services.jobs.work())
    yield server.url
    await server.stop()
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page that fails the test on a script error or a request to somebody else's host."""
    context = await browser.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = await context.new_page()
    trouble: list[str] = []
    page.on("pageerror", lambda error: trouble.append(f"script error: {error}"))
    page.on(
        "request",
        lambda request: (
            trouble.append(f"request to {request.url}")
            if not request.url.startswith(("http://localhost", "data:", "blob:"))
            else None
        ),
    )
    yield page
    await context.close()
    assert trouble == []


async def link_for(services: Services, url: str, role: Role) -> str:
    """A one-time sign-in address for a new person of this role who reads English."""
    async with services.db.write() as session:
        now = services.clock.now()
        person = await people.create_person(session, SYSTEM, name=f"Test {role}", role=role, now=now, language="en")
        return f"{url}/link/{await coming_in.issue_link(session, SYSTEM, person, now)}"


async def sign_in(services: Services, url: str, page: Page, role: Role = Role.OPERATOR) -> None:
    """Come in by a link."""
    await page.goto(await link_for(services, url, role))
    await expect(page.get_by_test_id("orders-table")).to_be_visible()


async def drop(page: Page, *files: Path) -> None:
    """Bring files in as a person does."""
    await page.goto("/".join(page.url.split("/", 3)[:3]) + "/imports")
    await page.get_by_test_id("drop-input").set_input_files([str(file) for file in files])


async def expect_status(page: Page, status: str, *, patience: float | None = None) -> None:
    """Wait until the import on top stands so; `patience` are the milliseconds a large file may take."""
    badge = page.get_by_test_id("import-status").first
    await expect(badge).to_have_attribute("data-status", status, timeout=patience)


async def shot(page: Page, name: str) -> None:
    """Keep a picture of the page among the artifacts."""
    ARTIFACTS.mkdir(exist_ok=True)
    await page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)
