"""One order: what is known of it, its versions, and what people do to it."""

import itertools
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.factories import MACHINE, hw_row, number, vendhub_row
from tests.integration.sharing import client, imported
from vhm24r.api.schemas import ChangeOut, OrderOut
from vhm24r.identity.permissions import Role
from vhm24r.kit.ids import ALPHABET
from vhm24r.ops.process import Services

pytestmark = pytest.mark.integration

_indices = itertools.count(1_000)


@pytest.fixture(scope="module")
async def http(shared: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with await client(shared, Role.OPERATOR) as operator:
        yield operator


@pytest.fixture
def index() -> int:
    """An order of this test alone."""
    return next(_indices)


async def order(http: httpx.AsyncClient, found: str | int, path: str = "") -> Any:
    """The order (or what is under it) as JSON."""
    address = number(found) if isinstance(found, int) else found
    answer = await http.get(f"/api/v1/orders/{address}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def patch(http: httpx.AsyncClient, index: int, **body: Any) -> dict[str, Any]:
    answer = await http.patch(f"/api/v1/orders/{number(index)}", json=body)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.json()
    return changed


async def test_an_order_shows_fields_evidence_and_places(shared: Services, http: httpx.AsyncClient, index: int) -> None:
    machine = await imported(shared, [hw_row(1), hw_row(index, Замечание="тёплая вода")], f"machine-{index}.csv")
    sales = await imported(shared, [vendhub_row(index, Order_price="14 000,00")], f"sales-{index}.csv")

    found = await order(http, index)

    assert OrderOut.model_validate(found).number == number(index)
    assert set(found) == set(OrderOut.model_fields)
    assert {name: value for name, value in found["fields"].items() if value is not None} == {
        "machine_code": MACHINE, "occurred_at": "2025-12-24T19:14:59Z", "amount": "15000.00", "currency": "UZS",
        "product": "Эспрессо", "payment_method": "cash", "payment_resource": "Оплата наличными",
        "machine_address": "ул. Навои, 1", "order_type": "Обычный", "payment_status": "paid",
        "brew_status": "delivered", "paid_at": "2025-12-24T19:15:07Z", "delivered_at": "2025-12-24T19:16:00Z",
        "remark": "тёплая вода",
    }  # fmt: skip
    assert [
        (e["source"], e["external_id"], e["amount"], e["role"], e["file"], e["locator"], e["import_id"])
        for e in found["evidence"]
    ] == [
        ("happy_workers", number(index), {"amount": "15000.00", "currency": "UZS"}, "sale", f"machine-{index}.csv",
         {"file": None, "member": None, "sheet": None, "page": None, "row": 3}, machine["id"]),
        ("vendhub", str(1000 + index), {"amount": "14000.00", "currency": "UZS"}, "sale", f"sales-{index}.csv",
         {"file": None, "member": None, "sheet": None, "page": None, "row": 2}, sales["id"]),
    ]  # fmt: skip
    assert found["evidence"][1]["extra"] == {"goods_id": "7", "username": "operator-03"}
    match = found["evidence"][1]["match"]
    assert (match["kind"], match["rule"], match["confidence"]) == ("auto", "order_number", 100)
    assert match["reasons"] == [{"code": "same_number"}]
    assert (found["version"], found["fields_edited"], found["notes"]) == (1, [], [])


async def test_its_first_change_says_who_when_and_from_which_row(
    shared: Services, http: httpx.AsyncClient, index: int
) -> None:
    done = await imported(shared, [hw_row(index)], f"report-{index}.csv")

    changes = (await order(http, index, "/changes"))["items"]

    assert changes == [
        {
            "version": 1, "kind": "new", "field": None, "old": None, "new": None, "at": "2026-01-05T09:00:00Z",
            "actor": {"kind": "system", "id": None, "name": "test"}, "reason": None, "import_id": done["id"],
            "file": f"report-{index}.csv",
            "locator": {"file": None, "member": None, "sheet": None, "page": None, "row": 2},
        }
    ]  # fmt: skip


async def test_every_version_is_replayed(shared: Services, http: httpx.AsyncClient, index: int) -> None:
    rows = [
        hw_row(index, Срок_поставки="", Статус_варки="", Причина=""),
        hw_row(index, Причина="сбой"),
        hw_row(index, Причина="сбой", Цена_заказа="16000", Срок_поставки="2025-12-25 00:20:00"),
    ]
    seen = []
    for row in rows:
        await imported(shared, [row])
        seen.append((await order(http, index))["fields"])
    seen.append((await patch(http, index, fields={"product": "Латте", "remark": "проверено"}))["fields"])
    await http.delete(f"/api/v1/orders/{number(index)}")

    versions = (await order(http, index, "/versions"))["items"]
    replayed = [(await order(http, index, f"/versions/{n}"))["fields"] for n in range(1, 6)]

    assert [(v["version"], v["kind"]) for v in versions] == [
        (5, "changed"), (4, "changed"), (3, "changed"), (2, "filled"), (1, "new"),
    ]  # fmt: skip
    assert [{k: v for k, v in fields.items() if k != "status"} for fields in replayed] == [*seen, seen[-1]]
    assert [fields["status"] for fields in replayed] == [*["recorded"] * 4, "cancelled"]


@pytest.mark.parametrize("version", [0, 2, -1, 10**20])
async def test_a_version_that_never_was(shared: Services, http: httpx.AsyncClient, index: int, version: int) -> None:
    await imported(shared, [hw_row(index)])

    answer = await http.get(f"/api/v1/orders/{number(index)}/versions/{version}")

    assert (answer.status_code, answer.json()["code"]) == (404, "orders.version_not_found")
    assert answer.json()["params"] == {"number": number(index), "version": str(version), "last": "1"}


async def test_an_edit_fills_changes_and_clears(shared: Services, http: httpx.AsyncClient, index: int) -> None:
    await imported(shared, [hw_row(index)])

    edited = await patch(
        http, index, reason="звонок клиента",
        fields={"amount": "15 500,00", "remark": "VIP", "delivered_at": None, "paid_at": "2025-12-25T05:00:00+05:00"},
    )  # fmt: skip

    changes = [(c["field"], c["kind"], c["old"], c["new"]) for c in edited["changes"] if c["version"] == 2]
    assert changes == [
        ("amount", "changed", "15000.00", "15500.00"),
        ("delivered_at", "changed", "2025-12-24T19:16:00Z", None),
        ("paid_at", "changed", "2025-12-24T19:15:07Z", "2025-12-25T00:00:00Z"),
        ("remark", "filled", None, "VIP"),
    ]
    assert {(c["reason"], c["actor"]["kind"], c["file"]) for c in edited["changes"] if c["version"] == 2} == {
        ("звонок клиента", "person", None)
    }
    assert edited["fields_edited"] == ["amount", "delivered_at", "paid_at", "remark"]
    assert edited["amount"] == {"amount": "15500.00", "currency": "UZS"}
    assert (edited["version"], edited["last_change"]["kind"]) == (2, "changed")


async def test_an_edit_that_only_fills_is_a_fill(shared: Services, http: httpx.AsyncClient, index: int) -> None:
    await imported(shared, [hw_row(index)])

    edited = await patch(http, index, fields={"remark": "VIP"})

    assert edited["last_change"]["kind"] == "filled"
    assert edited["versions"][0]["kind"] == "filled"


async def test_an_edit_that_says_nothing_new_makes_no_version(
    shared: Services, http: httpx.AsyncClient, index: int
) -> None:
    await imported(shared, [hw_row(index)])

    first = await patch(http, index, fields={"product": "Эспрессо"})
    again = await patch(http, index, fields={"product": "Эспрессо"})

    assert (first["version"], first["fields_edited"]) == (1, ["product"])
    assert again == first


async def test_an_edited_field_survives_reports_until_it_is_released(
    shared: Services, http: httpx.AsyncClient, index: int
) -> None:
    await imported(shared, [hw_row(index)])
    await patch(http, index, fields={"amount": "1.00"})

    later = await imported(shared, [hw_row(index, Цена_заказа="17000", Замечание="из отчёта")])
    kept = await order(http, index)
    released = await patch(http, index, release=["amount"])

    assert (later["rows"]["changed"], later["rows"]["filled"]) == (0, 1)
    assert (kept["fields"]["amount"], kept["fields"]["remark"]) == ("1.00", "из отчёта")
    assert (released["fields"]["amount"], released["fields_edited"]) == ("17000.00", [])
    assert [(c["field"], c["kind"], c["old"], c["new"]) for c in released["changes"][:1]] == [
        ("amount", "changed", "1.00", "17000.00")
    ]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"fields": {"machine_code": "other"}}, "orders.field_not_editable", "machine_code"),
        ({"fields": {"number": "X"}}, "orders.field_not_editable", "number"),
        ({"fields": {"status": "cancelled"}}, "orders.field_not_editable", "status"),
        ({"release": ["machine_code"]}, "orders.field_not_editable", "machine_code"),
        ({"fields": {"amount": "much"}}, "orders.field_invalid", "amount"),
        ({"fields": {"amount": "9" * 25}}, "orders.field_invalid", "amount"),
        ({"fields": {"amount": "1.0055"}}, "orders.field_invalid", "amount"),
        ({"fields": {"occurred_at": "yesterday"}}, "orders.field_invalid", "occurred_at"),
        ({"fields": {"occurred_at": "2025-12-25T00:00:00"}}, "orders.field_invalid", "occurred_at"),
        ({"fields": {"payment_method": "barter"}}, "orders.field_invalid", "payment_method"),
        ({"fields": {"currency": "XXX"}}, "orders.field_invalid", "currency"),
        ({"fields": {"product": "x" * 501}}, "orders.field_invalid", "product"),
        ({"fields": {"product": "a\x00b"}}, "orders.field_invalid", "product"),
        ({"tags": {"add": [" "]}}, "orders.field_invalid", "tags"),
        ({"tags": {"add": ["x" * 41]}}, "orders.field_invalid", "tags"),
        ({"fields": {"amount": 5}}, "http.invalid", "fields.amount"),
        ({"reason": "x" * 501}, "http.invalid", "reason"),
        ({"fields": {"product": "Чай"}, "reason": "a\x00b"}, "http.invalid", "reason"),
    ],
)
async def test_what_cannot_be_edited_is_refused_by_field_and_changes_nothing(
    shared: Services, http: httpx.AsyncClient, index: int, body: dict[str, Any], code: str, field: str
) -> None:
    await imported(shared, [hw_row(index)])
    before = await order(http, index)

    answer = await http.patch(f"/api/v1/orders/{number(index)}", json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["params"]["field"] == field
    assert await order(http, index) == before


async def test_tags_are_words_once_each(shared: Services, http: httpx.AsyncClient, index: int) -> None:
    await imported(shared, [hw_row(index)])

    added = await patch(http, index, tags={"add": ["Жалоба", " жалоба ", "vip"]})
    removed = await patch(http, index, tags={"add": ["late"], "remove": ["vip"]})

    assert (added["tags"], added["version"]) == (["жалоба", "vip"], 1)
    assert (removed["tags"], removed["version"]) == (["жалоба", "late"], 1)


async def test_notes_stay_in_order_with_their_authors(shared: Services, http: httpx.AsyncClient, index: int) -> None:
    await imported(shared, [hw_row(index)])

    answers = [
        await http.post(f"/api/v1/orders/{number(index)}/notes", json={"text": words})
        for words in ("первая ", "вторая")
    ]
    empty = await http.post(f"/api/v1/orders/{number(index)}/notes", json={"text": " \n"})
    broken = await http.post(f"/api/v1/orders/{number(index)}/notes", json={"text": "a\x00b"})

    assert [answer.status_code for answer in answers] == [201, 201]
    assert (empty.status_code, empty.json()["code"]) == (422, "orders.note_empty")
    assert (broken.status_code, broken.json()["params"]["field"]) == (422, "text")
    notes = (await order(http, index))["notes"]
    assert [(note["text"], note["author"], note["at"]) for note in notes] == [
        ("первая", "Test operator", "2026-01-05T09:00:00Z"),
        ("вторая", "Test operator", "2026-01-05T09:00:00Z"),
    ]
    assert notes == [answer.json() for answer in answers]


async def test_cancelling_is_soft_and_twice_is_once(shared: Services, http: httpx.AsyncClient, index: int) -> None:
    await imported(shared, [hw_row(index)])

    first = await http.delete(f"/api/v1/orders/{number(index)}", params={"reason": "ошибка кассира"})
    again = await http.delete(f"/api/v1/orders/{number(index)}", params={"reason": "ещё раз"})

    cancelled = first.json()
    assert (first.status_code, cancelled["status"], cancelled["version"]) == (200, "cancelled", 2)
    assert [(c["field"], c["old"], c["new"], c["reason"]) for c in cancelled["changes"][:1]] == [
        ("status", "recorded", "cancelled", "ошибка кассира")
    ]
    assert again.json() == cancelled


async def test_a_cancelled_order_takes_no_edits(shared: Services, http: httpx.AsyncClient, index: int) -> None:
    await imported(shared, [hw_row(index)])
    await http.delete(f"/api/v1/orders/{number(index)}")

    answer = await http.patch(f"/api/v1/orders/{number(index)}", json={"fields": {"product": "Чай"}})

    assert (answer.status_code, answer.json()["code"]) == (409, "orders.closed")
    assert (await order(http, index))["fields"]["product"] == "Эспрессо"


async def test_an_order_made_by_hand(http: httpx.AsyncClient) -> None:
    answer = await http.post(
        "/api/v1/orders",
        json={
            "occurred_at": "2025-12-25T05:00:00+05:00", "amount": {"amount": "12 000,50", "currency": "UZS"},
            "machine_code": MACHINE, "product": "Чай", "payment_method": "cash", "note": "касса не печатала",
        },
    )  # fmt: skip

    made = answer.json()
    assert answer.status_code == 201
    assert len(made["number"]) == 8
    assert set(made["number"]) <= set(ALPHABET)
    assert (made["origin"], made["status"], made["version"], made["evidence"]) == ("manual", "recorded", 1, [])
    assert (made["occurred_at"], made["amount"]["amount"], made["product"]) == (
        "2025-12-25T00:00:00Z", "12000.50", "Чай",
    )  # fmt: skip
    assert [note["text"] for note in made["notes"]] == ["касса не печатала"]
    assert await order(http, made["number"]) == made


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": {"amount": "free", "currency": "UZS"}}, None),
        ({"amount": {"amount": "9" * 30, "currency": "UZS"}}, None),
        ({"amount": {"amount": "1", "currency": "XXX"}}, "currency"),
        ({"payment_method": "barter"}, "payment_method"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": "2025-12-25T00:00:00"}, "occurred_at"),
        ({"channel": "shipping"}, "channel"),
        ({"product": "x" * 201}, "product"),
        ({"product": "a\x00b"}, "product"),
        ({"note": "a\x00b"}, "note"),
        ({"machine_code": "a\x00b"}, "machine_code"),
    ],
)
async def test_an_order_by_hand_that_makes_no_sense_is_refused(
    http: httpx.AsyncClient, change: dict[str, Any], field: str | None
) -> None:
    body = {"occurred_at": "2025-12-25T00:00:00Z", "amount": {"amount": "1.00", "currency": "UZS"}} | change
    before = (await http.get("/api/v1/orders", params={"with_total": True, "limit": 1})).json()["total"]

    answer = await http.post("/api/v1/orders", json=body)

    assert answer.status_code == 422
    assert answer.json()["params"].get("field") == field
    after = (await http.get("/api/v1/orders", params={"with_total": True, "limit": 1})).json()["total"]
    assert after == before


async def test_the_timeline_holds_changes_and_notes_newest_first(
    shared: Services, http: httpx.AsyncClient, index: int
) -> None:
    await imported(shared, [hw_row(index)])
    await http.post(f"/api/v1/orders/{number(index)}/notes", json={"text": "позвонить"})
    await patch(http, index, fields={"remark": "ok"})

    items = (await order(http, index, "/timeline"))["items"]

    assert sorted((item["type"], item.get("field"), item.get("text")) for item in items if item["type"] == "note") == [
        ("note", None, "позвонить")
    ]
    assert [item["at"] for item in items] == sorted((item["at"] for item in items), reverse=True)
    assert [ChangeOut.model_validate(item).kind for item in items if item["type"] == "change"] == ["filled", "new"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/notes"), ("GET", "/changes"), ("GET", "/versions"),
        ("GET", "/versions/1"), ("GET", "/timeline"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("missing", ["NOSUCHORDER", "a%00b"])
async def test_an_unknown_order_is_not_found(http: httpx.AsyncClient, method: str, path: str, missing: str) -> None:
    body: dict[str, Any] = {"json": {"text": "x"}} if method in {"PATCH", "POST"} else {}

    answer = await http.request(method, f"/api/v1/orders/{missing}{path}", **body)

    assert (answer.status_code, answer.json()["code"]) == (404, "orders.not_found")
