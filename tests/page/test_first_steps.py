"""The first steps of an operator: sign in by link, drop a report, watch it, see the orders and their marks."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.factories import hw_row, number, write_csv, write_xlsx
from tests.page.conftest import drop, expect_status, shot, sign_in
from vhm24r.ops.demo import write_happy_workers
from vhm24r.ops.process import Services

pytestmark = pytest.mark.page

FURTHEST_RIGHT = """Math.max(...[...document.querySelectorAll('[data-testid="import-card"] :is(h2, p, li, footer *)')]
    .map((one) => one.getBoundingClientRect().right))"""
"""How far to the right a card reaches; the page itself scrolls, so its own width would not tell."""


async def test_sign_in_drop_a_report_and_see_orders_with_their_marks(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    first = write_csv(tmp_path / "december.csv", [hw_row(1), hw_row(2, Срок_поставки=""), hw_row(3)])
    second = write_xlsx(tmp_path / "again.xlsx", [hw_row(1), hw_row(2), hw_row(3, Цена_заказа="17000")])

    await sign_in(services, web, page)
    await drop(page, first)
    await expect_status(page, "applied")
    await drop(page, second)
    await expect_status(page, "applied")
    await shot(page, "imports")

    await page.goto(f"{web}/orders")
    marks = page.get_by_test_id("order-mark")
    await expect(marks).to_have_count(3)
    kinds = [await marks.nth(index).get_attribute("data-kind") for index in range(3)]
    assert sorted(kinds, key=str) == ["changed", "filled", "new"]
    await shot(page, "orders")

    await page.goto(f"{web}/orders/{number(3)}")
    await expect(page.get_by_text("17,000").first).to_be_visible()
    await expect(page.get_by_text("again.xlsx").first).to_be_visible()
    await shot(page, "order")


async def test_progress_is_shown_while_a_large_report_is_read(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    large = tmp_path / "large.csv"
    write_happy_workers(large, 40_000, 3)
    await sign_in(services, web, page)
    await page.evaluate("""() => {
        const Native = window.EventSource; window.heard = [];
        window.EventSource = class extends Native {
            addEventListener(name, listener, options) {
                super.addEventListener(name, (event) => { window.heard.push(name); listener(event); }, options);
            }
        };
    }""")

    await page.get_by_role("link", name="Imports").first.click()
    await page.get_by_test_id("drop-input").set_input_files(str(large))
    await expect_status(page, "applied", patience=60_000)

    heard = await page.evaluate("window.heard")
    assert heard.count("import.progress") >= 3
    assert "import.finished" in heard


async def test_a_report_nobody_knows_says_which_columns_it_had(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    strange = tmp_path / "strange.csv"
    strange.write_text("sku,quantity,warehouse\na,1,north\n")
    await sign_in(services, web, page)

    await drop(page, strange)

    card = page.get_by_test_id("import-card").first
    await expect_status(page, "needs_mapping")
    await expect(card).to_contain_text("sku, quantity, warehouse")


async def test_without_a_session_the_page_says_how_to_get_in(web: str, page: Page) -> None:
    await page.goto(f"{web}/orders")

    await expect(page.get_by_test_id("sign-in-needed")).to_be_visible()
    await shot(page, "sign-in")


async def test_it_works_at_the_width_of_a_phone(services: Services, web: str, page: Page, tmp_path: Path) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await sign_in(services, web, page)
    await drop(page, write_csv(tmp_path / "orders_of_all_machines_from_2025-12-01_to_2025-12-25.csv", [hw_row(1)]))
    await expect_status(page, "applied")

    width = await page.evaluate("document.documentElement.scrollWidth")
    brief = await page.evaluate(FURTHEST_RIGHT)
    await page.goto(f"{web}/imports/1")
    await expect_status(page, "applied")
    whole = await page.evaluate(FURTHEST_RIGHT)

    assert (width <= 390, brief <= 390, whole <= 390) == (True, True, True)
    await shot(page, "phone")
