"""An order as API, CLI, exports and webhooks show it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from vhm24r.evidence.types import SALE_FIELD_NAMES, FieldKind
from vhm24r.orders.views import field_values, locator, moment, money, order_row, presented

pytestmark = pytest.mark.unit

AT = datetime(2025, 12, 24, 19, 14, 59, tzinfo=UTC)


def a_row(**changes: object) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": "A1", "channel": "vending", "origin": "happy_workers", "status": "recorded", "match_status": None,
        "occurred_at": AT, "amount": 1_500_000, "currency": "UZS", "machine_code": "24a8ff000001",
        "machine_name": None, "address": "ул. Навои, 1", "product": "Эспрессо", "payment_method": "cash",
        "last_change": "new", "changed_at": AT, "version": 1, "tags": None,
    }  # fmt: skip
    return row | changes


def test_an_order_is_shown_with_money_instants_and_its_machine() -> None:
    assert order_row(a_row()) == {
        "number": "A1",
        "channel": "vending",
        "origin": "happy_workers",
        "status": "recorded",
        "match_status": None,
        "occurred_at": "2025-12-24T19:14:59Z",
        "amount": {"amount": "15000.00", "currency": "UZS"},
        "machine": {"code": "24a8ff000001", "name": None, "address": "ул. Навои, 1"},
        "product": "Эспрессо",
        "payment_method": "cash",
        "last_change": {"kind": "new", "at": "2025-12-24T19:14:59Z"},
        "version": 1,
        "tags": [],
    }


def test_what_an_order_does_not_have_is_null_and_never_zero() -> None:
    row = order_row(a_row(amount=None, occurred_at=None, machine_code=None, tags=["спор"]))

    assert (row["amount"], row["occurred_at"], row["machine"], row["tags"]) == (None, None, None, ["спор"])


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (None, "UZS", None),
        (0, "UZS", {"amount": "0.00", "currency": "UZS"}),
        (-5, "USD", {"amount": "-0.05", "currency": "USD"}),
        (100, None, {"amount": "1.00", "currency": "UZS"}),
    ],
)
def test_money_is_a_decimal_text_with_its_currency(
    amount: int | None, currency: str | None, shown: dict[str, str] | None
) -> None:
    assert money(amount, currency) == shown


def test_an_instant_is_shown_in_utc() -> None:
    assert moment(AT.astimezone(timezone(timedelta(hours=5)))) == "2025-12-24T19:14:59Z"
    assert moment(None) is None


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (None, FieldKind.AMOUNT, None),
        (AT, FieldKind.INSTANT, "2025-12-24T19:14:59Z"),
        (1_500_000, FieldKind.AMOUNT, "15000.00"),
        ("Эспрессо", FieldKind.TEXT, "Эспрессо"),
        (7, FieldKind.TEXT, "7"),
    ],
)
def test_a_field_is_shown_in_the_form_history_keeps(value: object, kind: FieldKind, shown: str | None) -> None:
    assert presented(value, kind) == shown


def test_every_imported_field_is_shown() -> None:
    row: dict[str, Any] = {**dict.fromkeys(SALE_FIELD_NAMES), "amount": 500, "occurred_at": AT, "product": "Латте"}

    values = field_values(row)

    assert tuple(values) == SALE_FIELD_NAMES
    assert {name: value for name, value in values.items() if value is not None} == {
        "amount": "5.00",
        "occurred_at": "2025-12-24T19:14:59Z",
        "product": "Латте",
    }


@pytest.mark.parametrize(
    ("sheets", "sheet", "row", "place"),
    [
        (["Лист", "Второй"], 1, 7, {"member": None, "sheet": "Второй", "page": None, "row": 7}),
        ([""], 0, 7, {"member": None, "sheet": None, "page": None, "row": 7}),
        (None, 0, 7, {"member": None, "sheet": None, "page": None, "row": 7}),
        (["Лист"], None, 7, {"member": None, "sheet": None, "page": None, "row": 7}),
        (["Лист"], 3, 7, {"member": None, "sheet": None, "page": None, "row": 7}),
        (["Лист"], 0, None, None),
    ],
)
def test_a_place_in_a_file_names_sheet_and_row(
    sheets: list[str] | None, sheet: int | None, row: int | None, place: dict[str, Any] | None
) -> None:
    assert locator(sheets, sheet, row) == place


def test_a_place_in_an_archive_names_the_member() -> None:
    assert locator(["Лист"], 0, 7, "a.xlsx") == {"member": "a.xlsx", "sheet": "Лист", "page": None, "row": 7}
