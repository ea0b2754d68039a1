"""Orders as a list: its documented shape, every filter, and pages that lose and repeat nothing."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.factories import MACHINE, hw_row, number, vendhub_row
from tests.integration.sharing import client, imported
from vhm24r.api.schemas import ListOf, MachineOut, OrderRowOut, ProductOut
from vhm24r.identity.permissions import Role
from vhm24r.kit.clock import FixedClock
from vhm24r.kit.pagination import encode_cursor
from vhm24r.ops.process import Services

pytestmark = pytest.mark.integration

OTHER = "24a8ff000002"
BY_HAND = "hand"


@dataclass(frozen=True, slots=True)
class Shop:
    """A small network: its orders by label, in the order they were made, and the two machine reports."""

    http: httpx.AsyncClient
    numbers: dict[str, str]
    first: int
    second: int

    async def page(self, **params: Any) -> dict[str, Any]:
        """The answer to a list request that succeeds."""
        answer = await self.http.get("/api/v1/orders", params={"limit": 500, **params})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def labels(self, **params: Any) -> list[str]:
        """Which orders a request lists."""
        names = {number: label for label, number in self.numbers.items()}
        return [names[item["number"]] for item in (await self.page(**params))["items"]]


@pytest.fixture(scope="module")
async def shop(shared: Services) -> AsyncIterator[Shop]:
    """Orders around a midnight of the business zone, some alike, some without time or amount."""
    rows = [
        hw_row(1),
        hw_row(2, Время_создания="2025-12-24 23:59:59", Ресурс_заказа="Таможенный платеж", Цена_заказа="20000",
               Наименование_товара="Капучино", Машинный_код=OTHER, Адрес="пр. Амира Темура, 5"),
        hw_row(3, Время_создания="2025-12-25 23:59:59", Ресурс_заказа="vip", Цена_заказа="12000,50", Срок_поставки=""),
        hw_row(4, Время_создания="", Цена_заказа="7000", Наименование_товара="Латте"),
        hw_row(5, Цена_заказа=""),
        hw_row(6),
        hw_row(7, Время_создания="2025-12-26 10:00:00", Цена_заказа="9 000"),
    ]  # fmt: skip
    first = await imported(shared, rows, "first.csv")
    assert isinstance(shared.clock, FixedClock)
    shared.clock.advance(timedelta(minutes=1))
    again = [rows[1] | {"Цена заказа": "21000"}, rows[2] | {"Срок поставки": "2025-12-26 00:01:00"}]
    second = await imported(shared, again, "second.csv")
    await imported(shared, [vendhub_row(1), vendhub_row(8, Time="26.12.2025 00:00:00")], "sales.csv")
    async with await client(shared, Role.OPERATOR) as operator:
        made = await operator.post(
            "/api/v1/orders",
            json={"occurred_at": "2025-12-20T12:00:00Z", "amount": {"amount": "100.00", "currency": "USD"}},
        )
        by_hand = made.json()["number"]
        await operator.patch(f"/api/v1/orders/{number(6)}", json={"tags": {"add": ["vip-guest"]}})
        await operator.delete(f"/api/v1/orders/{number(7)}")
        async with shared.db.write() as session:
            await session.execute(
                text(
                    "INSERT INTO order_match_statuses (order_id, match_status)"
                    " SELECT id, 'matched' FROM orders WHERE number = :n"
                ),
                {"n": number(1)},
            )
        numbers = {str(i): number(i) for i in range(1, 9)} | {BY_HAND: by_hand}
        yield Shop(operator, numbers, first["id"], second["id"])


async def test_every_item_is_of_the_documented_shape(shop: Shop) -> None:
    body = await shop.page()

    assert len(body["items"]) == 9
    for item in body["items"]:
        assert OrderRowOut.model_validate(item, strict=False).model_dump(mode="json") == item
        assert set(item) == set(OrderRowOut.model_fields)
    ListOf[OrderRowOut].model_validate(body)
    assert set(body) == {"items", "next_cursor", "total"}


async def test_one_item_value_by_value(shop: Shop) -> None:
    item = (await shop.page(q=number(2)))["items"][0]

    assert item == {
        "number": number(2), "channel": "vending", "origin": "happy_workers", "status": "recorded",
        "match_status": None, "occurred_at": "2025-12-24T18:59:59Z",
        "amount": {"amount": "21000.00", "currency": "UZS"},
        "machine": {"code": OTHER, "name": None, "address": "пр. Амира Темура, 5"},
        "product": "Капучино", "payment_method": "qr",
        "last_change": {"kind": "changed", "at": "2026-01-05T09:01:00Z"}, "version": 2, "tags": [],
    }  # fmt: skip


async def test_orders_without_time_or_amount_say_so(shop: Shop) -> None:
    timeless, priceless = [(await shop.page(q=number(index)))["items"][0] for index in (4, 5)]

    assert (timeless["occurred_at"], timeless["amount"]) == (None, {"amount": "7000.00", "currency": "UZS"})
    assert (priceless["occurred_at"], priceless["amount"]) == ("2025-12-24T19:14:59Z", None)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"q": number(2)}, "2"),
        ({"q": number(2)[:-1]}, "1 2 3 4 5 6 7 8"),
        ({"q": OTHER[:12]}, "2"),
        ({"q": "амира"}, "2"),
        ({"q": "капуч"}, "2"),
        ({"q": "КАПУЧ"}, "2"),
        ({"q": "%"}, ""),
        ({"q": "_"}, ""),
        ({"q": "\\"}, ""),
        ({"q": number(3)[1:]}, ""),
        ({"from": "2025-12-25", "to": "2025-12-25"}, "1 3 5 6"),
        ({"from": "2025-12-26"}, "7 8"),
        ({"to": "2025-12-24"}, "2 hand"),
        ({"change": "new"}, "1 4 5 6 8 hand"),
        ({"change": "filled"}, "3"),
        ({"change": "changed"}, "2 7"),
        ({"change": "updated"}, "2 3 7"),
        ({"source": "happy_workers"}, "1 2 3 4 5 6 7"),
        ({"source": "vendhub"}, "1 8"),
        ({"source": "payme"}, ""),
        ({"tag": "vip-guest"}, "6"),
        ({"tag": "vip"}, ""),
        ({"amount_min": "15000", "amount_max": "15000.00"}, "1 6 8"),
        ({"amount_min": "15 000,01"}, "2"),
        ({"amount_max": "12000.50"}, "3 4 7 hand"),
        ({"status": "cancelled"}, "7"),
        ({"status": "recorded"}, "1 2 3 4 5 6 8 hand"),
        ({"status": "draft"}, ""),
        ({"match_status": "matched"}, "1"),
        ({"channel": "vending"}, "1 2 3 4 5 6 7 8 hand"),
        ({"channel": "shipping"}, ""),
        ({"machine": OTHER}, "2"),
        ({"machine": MACHINE}, "1 3 4 5 6 7 8"),
        ({"product": "Латте"}, "4"),
        ({"payment_method": "vip"}, "3"),
        ({"payment_method": "cash", "from": "2025-12-26", "status": "recorded"}, "8"),
        ({"q": ""}, "1 2 3 4 5 6 7 8 hand"),
    ],
)
async def test_each_filter_narrows_to_the_right_orders(shop: Shop, params: dict[str, str], expected: str) -> None:
    assert sorted(await shop.labels(**params)) == expected.split()


@pytest.mark.parametrize(
    ("which", "change", "expected"),
    [
        ("first", None, "1 2 3 4 5 6 7"),
        ("first", "new", "1 2 3 4 5 6 7"),
        ("first", "updated", ""),
        ("second", None, "2 3"),
        ("second", "new", ""),
        ("second", "filled", "3"),
        ("second", "changed", "2"),
        ("second", "updated", "2 3"),
        ("none", None, ""),
    ],
)
async def test_an_import_narrows_to_what_it_changed(shop: Shop, which: str, change: str | None, expected: str) -> None:
    found = {"first": shop.first, "second": shop.second, "none": 999_999}[which]
    params = {"import_id": found} | ({"change": change} if change else {})

    assert sorted(await shop.labels(**params)) == expected.split()


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("-occurred_at", "7 8 3 6 5 1 2 hand 4"),
        ("occurred_at", "4 hand 2 1 5 6 3 8 7"),
        ("-amount", "2 8 6 1 3 7 4 hand 5"),
        ("amount", "5 hand 4 7 3 1 6 8 2"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 4])
async def test_pages_lose_and_repeat_nothing(shop: Shop, sort: str, expected: str, limit: int) -> None:
    found: list[str] = []
    names = {number: label for label, number in shop.numbers.items()}
    page: dict[str, Any] = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        page = await shop.page(sort=sort, limit=limit, cursor=page["next_cursor"])
        assert len(page["items"]) <= limit
        found += [names[item["number"]] for item in page["items"]]

    assert found == expected.split()


async def test_the_total_is_counted_only_when_asked_for(shop: Shop) -> None:
    assert (await shop.page(limit=1))["total"] is None
    assert (await shop.page(limit=1, with_total=True))["total"] == 9
    assert (await shop.page(limit=1, with_total=True, q="капуч"))["total"] == 1
    assert (await shop.page(limit=1, with_total=True, tag="nobody"))["total"] == 0


@pytest.mark.parametrize(
    ("params", "code", "field"),
    [
        ({"from": "yesterday"}, "orders.filter_invalid", "from"),
        ({"from": "0001-01-01"}, "orders.filter_invalid", "from"),
        ({"to": "2025-13-01"}, "orders.filter_invalid", "to"),
        ({"to": "9999-12-31"}, "orders.filter_invalid", "to"),
        ({"channel": "post"}, "orders.filter_invalid", "channel"),
        ({"status": "gone"}, "orders.filter_invalid", "status"),
        ({"match_status": "perfect"}, "orders.filter_invalid", "match_status"),
        ({"change": "old"}, "orders.filter_invalid", "change"),
        ({"import_id": "first"}, "orders.filter_invalid", "import_id"),
        ({"import_id": "-1"}, "orders.filter_invalid", "import_id"),
        ({"import_id": str(10**30)}, "orders.filter_invalid", "import_id"),
        ({"amount_min": "much"}, "orders.filter_invalid", "amount_min"),
        ({"amount_max": "9" * 30}, "orders.filter_invalid", "amount_max"),
        ({"q": "x" * 101}, "orders.filter_invalid", "q"),
        ({"machine": "a\x00b"}, "orders.filter_invalid", "machine"),
        ({"tag": "\x00"}, "orders.filter_invalid", "tag"),
        ({"sort": "product"}, "orders.filter_invalid", "sort"),
        ({"sort": "--amount"}, "orders.filter_invalid", "sort"),
        ({"limit": "0"}, "http.invalid", "limit"),
        ({"limit": "501"}, "http.invalid", "limit"),
        ({"with_total": "maybe"}, "http.invalid", "with_total"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_name(
    shop: Shop, params: dict[str, str], code: str, field: str
) -> None:
    answer = await shop.http.get("/api/v1/orders", params=params)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["params"]["field"] == field


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        ("-occurred_at", "not a cursor"),
        ("-occurred_at", encode_cursor(["2025-12-25T00:00:00+00:00"])),
        ("-occurred_at", encode_cursor(["long ago", 1])),
        ("-occurred_at", encode_cursor([1_500_000, 1])),
        ("-occurred_at", encode_cursor(["2025-12-25T00:00:00+00:00", "1"])),
        ("amount", encode_cursor(["2025-12-25T00:00:00+00:00", 1])),
        ("amount", encode_cursor([None, 1])),
        ("amount", encode_cursor([10**30, 1])),
        ("amount", encode_cursor([1, 10**30])),
        ("-occurred_at", encode_cursor(["2025-12-25T00:00:00+00:00", 10**30])),
    ],
)
async def test_a_cursor_of_another_list_is_refused(shop: Shop, sort: str, cursor: str) -> None:
    answer = await shop.http.get("/api/v1/orders", params={"sort": sort, "cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (422, "page.bad_cursor")


async def test_machines_and_products_are_those_the_reports_named(shop: Shop) -> None:
    machines = (await shop.http.get("/api/v1/machines")).json()["items"]
    products = (await shop.http.get("/api/v1/products")).json()["items"]

    assert [(machine["code"], machine["address"], machine["active"]) for machine in machines] == [
        (MACHINE, "ул. Навои, 1", True),
        (OTHER, "пр. Амира Темура, 5", True),
    ]
    assert [product["name"] for product in products] == ["Капучино", "Латте", "Эспрессо"]
    for machine in machines:
        assert set(machine) == set(MachineOut.model_fields)
    for product in products:
        assert set(product) == set(ProductOut.model_fields)
