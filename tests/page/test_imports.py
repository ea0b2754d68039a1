"""Everything a person does with an import: say what columns mean, look before applying, stop, undo, apply again."""

from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from tests.conftest import SYSTEM
from tests.factories import hw_row, number, write_csv
from tests.page.conftest import drop, expect_status, shot, sign_in
from vhm24r.identity.permissions import Role
from vhm24r.ops.demo import write_happy_workers
from vhm24r.ops.process import Services
from vhm24r.ops.rules import change_rule

pytestmark = pytest.mark.page

SHOP = """sold,takings,what,place
01.02.2026 10:15,15000,Latte,Navoi 1
01.02.2026 11:40,18 500,Cappuccino,Navoi 1
02.02.2026 09:05,12000,Espresso,Station
"""


async def test_an_unknown_layout_is_explained_once_and_then_read_by_itself(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    shop = tmp_path / "shop.csv"
    shop.write_text(SHOP)
    await sign_in(services, web, page)
    await drop(page, shop)
    await expect_status(page, "needs_mapping")

    await page.get_by_test_id("import-open").click()
    columns = page.get_by_test_id("mapping-columns")
    await expect(columns).to_contain_text("by values")
    await expect(page.get_by_test_id("mapping-check")).to_contain_text("Everything needed is there")

    await choose(page, "takings", "Keep as extra")
    await expect(page.get_by_test_id("mapping-check")).to_contain_text("An amount is needed")
    await expect(page.get_by_test_id("mapping-send")).to_be_disabled()
    await choose(page, "takings", "Amount")
    await choose(page, "what", "Product")
    await shot(page, "mapping")
    await page.get_by_test_id("mapping-send").click()

    await expect_status(page, "applied")
    await expect(page.get_by_test_id("import-effect")).to_contain_text("+3 orders, +45,500")
    await page.get_by_role("link", name="Orders of this import").click()
    await expect(page.get_by_test_id("orders-table")).to_contain_text("Cappuccino")

    shop.write_text(SHOP.replace("Latte", "Mocha"))
    await drop(page, shop)
    await expect_status(page, "applied")
    await expect(page.get_by_test_id("mappings")).to_contain_text("takings → Amount")
    await page.get_by_test_id("mapping-forget").click()
    await page.get_by_test_id("forget-mapping-confirm").click()
    await expect(page.get_by_test_id("mappings")).to_have_count(0)


async def test_a_refusal_of_the_server_stands_beside_the_form(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    shop = tmp_path / "shop.csv"
    shop.write_text(SHOP)
    await sign_in(services, web, page)
    await drop(page, shop)
    await page.get_by_test_id("import-open").click()
    await expect(page.get_by_test_id("mapping-columns")).to_be_visible()
    await page.route("**/mapping", refuse)

    await page.get_by_test_id("mapping-send").click()

    await expect(page.get_by_test_id("mapping-refused")).to_contain_text("this will not do")
    await expect(page.get_by_test_id("mapping-columns")).to_be_visible()


async def test_a_preview_shows_the_differences_and_is_applied_by_one_button(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    await sign_in(services, web, page)
    await drop(page, write_csv(tmp_path / "first.csv", [hw_row(1, Срок_поставки=""), hw_row(2)]))
    await expect_status(page, "applied")
    await page.get_by_test_id("preview-first").click()
    later = [hw_row(1), hw_row(2, Цена_заказа="17000"), hw_row(3)]
    await drop(page, write_csv(tmp_path / "later.csv", later))
    await expect_status(page, "dry_run")

    await page.get_by_test_id("import-open").first.click()
    await expect(page.get_by_test_id("import-effect")).to_contain_text("+1 order, +15,000")
    await expect(page.get_by_test_id("import-fields")).to_contain_text("Amount")
    await expect(page.get_by_test_id("diff-table")).to_contain_text("17,000")
    await expect(page.get_by_test_id("diff-table").get_by_role("link")).to_have_text([number(1), number(2)])
    await shot(page, "preview")
    await page.get_by_test_id("import-apply").click()

    await expect_status(page, "applied")
    await page.goto(f"{web}/imports")
    await expect(page.get_by_test_id("preview-first")).to_be_checked()


async def test_an_undone_import_lists_what_was_kept_and_can_be_applied_again(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    await sign_in(services, web, page)
    await drop(page, write_csv(tmp_path / "report.csv", [hw_row(1), hw_row(2)]))
    await expect_status(page, "applied")
    await page.goto(f"{web}/orders/{number(2)}")
    await page.get_by_test_id("note-text").fill("the customer called")
    await page.get_by_test_id("note-add").click()
    await expect(page.get_by_text("the customer called").first).to_be_visible()

    await page.goto(f"{web}/imports/1")
    await page.get_by_test_id("import-undo").click()
    await expect(page.get_by_role("dialog")).to_contain_text("leave the list and the revenue")
    await page.get_by_test_id("undo-import-confirm").click()

    await expect_status(page, "undone")
    await expect(page.get_by_test_id("undo-report")).to_contain_text("1 order withdrawn, −15,000")
    await expect(page.get_by_test_id("undo-kept")).to_contain_text("has a note")
    await expect(page.get_by_test_id("undo-kept").get_by_role("link")).to_have_text(number(2))
    await shot(page, "undone")
    await page.get_by_test_id("import-apply").click()
    await expect_status(page, "applied")
    await page.goto(f"{web}/orders")
    await expect(page.get_by_test_id("order-mark")).to_have_count(2)


async def test_an_import_in_progress_can_be_stopped(services: Services, web: str, page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    write_happy_workers(large, 60_000, 3)
    await sign_in(services, web, page)
    await drop(page, large)
    await expect(page.get_by_test_id("import-progress")).to_contain_text("rows")

    await page.get_by_test_id("import-cancel").click()

    await expect(page.get_by_test_id("import-error")).to_contain_text("Nothing was written")
    await expect(page.get_by_test_id("import-status").first).to_have_text("Cancelled")
    await page.goto(f"{web}/orders")
    await expect(page.get_by_text("No orders yet")).to_be_visible()


async def test_an_import_that_failed_is_applied_again_with_the_keyboard_alone(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    large = tmp_path / "large.csv"
    write_happy_workers(large, 40_000, 3)
    await sign_in(services, web, page)
    await switch(services, "intake.apply", on=False)
    await drop(page, large)
    await expect_status(page, "failed", patience=60_000)
    await page.goto(f"{web}/imports/1")
    await expect(page.get_by_test_id("import-error")).to_contain_text("switched off")
    await expect(page.get_by_test_id("import-apply")).to_have_text("Apply again")
    await shot(page, "failed")
    await switch(services, "intake.apply", on=True)

    await tab_to(page, "import-apply")
    await page.keyboard.press("Enter")

    await expect(page.get_by_test_id("import-progress")).to_contain_text("rows")
    await expect(page.get_by_test_id("import-error")).to_have_count(0)
    await expect_status(page, "applied", patience=60_000)
    await expect(page.get_by_test_id("import-apply")).to_have_count(0)
    await expect(page.get_by_test_id("import-effect")).to_contain_text("orders")


async def test_applying_again_is_refused_in_words_while_changes_are_off_and_works_afterwards(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    await page.set_viewport_size({"width": 390, "height": 844})
    await sign_in(services, web, page)
    await switch(services, "read_only", on=True)
    await drop(page, write_csv(tmp_path / "report.csv", [hw_row(1), hw_row(2)]))
    await expect_status(page, "failed")

    await page.get_by_test_id("import-apply").click()
    await expect(page.get_by_text("Changes are switched off at the moment").first).to_be_visible()
    await expect_status(page, "failed")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await shot(page, "refused-again")
    await switch(services, "read_only", on=False)
    await page.get_by_test_id("import-apply").click()

    await expect_status(page, "applied")
    await page.goto(f"{web}/orders")
    await expect(page.get_by_test_id("order-mark")).to_have_count(2)


async def test_a_preview_that_failed_is_a_preview_again(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    await sign_in(services, web, page)
    large = tmp_path / "large.csv"
    write_happy_workers(large, 60_000, 3)
    await page.get_by_role("link", name="Imports").first.click()
    await page.get_by_test_id("preview-first").click()
    await drop(page, large)
    await expect(page.get_by_test_id("import-progress")).to_contain_text("rows")
    await page.get_by_test_id("import-cancel").click()
    await expect(page.get_by_test_id("import-status").first).to_have_text("Cancelled")

    await expect(page.get_by_test_id("import-apply")).to_have_text("Preview again")
    await page.get_by_test_id("import-apply").click()

    await expect_status(page, "dry_run", patience=60_000)
    await expect(page.get_by_test_id("import-apply")).to_have_text("Apply")


async def test_who_may_only_look_is_not_offered_to_apply_again(
    services: Services, web: str, page: Page, tmp_path: Path
) -> None:
    await sign_in(services, web, page)
    await switch(services, "intake.apply", on=False)
    await drop(page, write_csv(tmp_path / "report.csv", [hw_row(1)]))
    await expect_status(page, "failed")
    await expect(page.get_by_test_id("import-apply")).to_be_visible()

    await page.context.clear_cookies()
    await sign_in(services, web, page, Role.VIEWER)
    await page.goto(f"{web}/imports/1")

    await expect_status(page, "failed")
    await expect(page.get_by_role("button", name="Original file")).to_be_visible()
    await expect(page.get_by_test_id("import-apply")).to_have_count(0)


async def switch(services: Services, key: str, *, on: bool) -> None:
    """Turn a kill switch on or off, as an administrator does."""
    async with services.db.write() as session:
        await change_rule(session, SYSTEM, key, on, services.clock.now())


async def tab_to(page: Page, test_id: str) -> None:
    """Move the focus to a thing as somebody without a mouse does."""
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement?.dataset.testid") == test_id:
            return
    pytest.fail(f"{test_id} is out of the keyboard's reach")


async def choose(page: Page, column: str, meaning: str) -> None:
    """Say what a column means, with the keyboard's own way of picking from a list."""
    await page.get_by_role("combobox", name=f"Meaning of “{column}”").press("Enter")
    await page.get_by_role("option", name=meaning, exact=True).press("Enter")


async def refuse(route: Route) -> None:
    """Answer in the server's place."""
    problem = {"code": "intake.mapping_invalid", "title": "Not accepted", "detail": "this will not do", "params": {}}
    await route.fulfill(status=422, json=problem | {"status": 422, "request_id": "r"})
