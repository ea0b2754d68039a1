"""Files of layouts nobody has declared: asked once, remembered by their header, then as any other file."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from typer.testing import Result

from tests.conftest import NOW, SYSTEM
from tests.factories import csv_bytes, hw_row, number, write_csv, write_xlsx
from tests.integration.command_line import command, documents, environment
from tests.integration.conftest import Bring
from tests.integration.sharing import client, imported
from tests.integration.standing import rows_of, standing, undone
from vhm24r.api.schemas import MappingHelpOut, MappingOut
from vhm24r.identity.permissions import Role
from vhm24r.intake.errors import MappingInvalid
from vhm24r.intake.mapping import Mapping
from vhm24r.intake.models import ColumnMapping
from vhm24r.intake.service import mapping
from vhm24r.kit.text import fold
from vhm24r.ops.process import Services

pytestmark = pytest.mark.integration

COFFEE = ("date", "datetime", "cash_type", "card", "money", "coffee_name")
SALES = (
    ("3/1/2024", "3/1/2024 10:15", "card", "ANON-0000-0000-0001", "38.7", "Latte"),
    ("3/1/2024", "3/1/2024 12:19", "card", "ANON-0000-0000-0002", "38.7", "Hot Chocolate"),
    ("3/25/2024", "3/25/2024 9:05", "cash", "", "40", "Latte"),
)
COFFEE_MEANS = {
    "name": "coffee", "currency": "UAH", "month_first": True, "zone": "Europe/Kyiv",
    "columns": {
        "occurred_at": "datetime", "payment_method": "cash_type", "card": "card", "amount": "money",
        "product": "coffee_name",
    },
}  # fmt: skip

RETAIL = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
RETAIL_MEANS = {
    "name": "retail", "currency": "GBP", "month_first": True, "zone": "Europe/London", "rows_per_order": True,
    "columns": {
        "order_number": "InvoiceNo", "occurred_at": "InvoiceDate", "product": "Description", "quantity": "Quantity",
        "unit_price": "UnitPrice",
    },
}  # fmt: skip

Line = tuple[str, str, str, str, str, str, str, str]


def line(invoice: str, product: str, quantity: str, price: str, at: str = "12/1/2010 8:26") -> Line:
    return (invoice, f"S{product}", product, quantity, at, price, "17850", "United Kingdom")


INVOICES = [
    line("536365", "HOLDER", "6", "2.55"),
    line("536365", "LANTERN", "8", "3.39"),
    line("536365", "Discount", "-1", "5"),
    line("536366", "WARMER", "6", "1.85", "12/1/2010 8:28"),
    line("C536379", "HOLDER", "-2", "2.55", "12/13/2010 9:41"),
]
"""15.30 + 27.12 − 5.00 = 37.42; 11.10; returns of −5.10."""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


@pytest.fixture
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with await client(services, Role.OPERATOR) as operator:
        yield operator


async def send(services: Services, http: httpx.AsyncClient, content: bytes, name: str = "a.csv", **params: Any) -> Any:
    """Upload a file and let a worker take it to its end."""
    answer = await http.post("/api/v1/imports", files={"files": (name, content, "text/csv")}, params=params)
    await services.jobs.drain()
    return (await http.get(f"/api/v1/imports/{answer.json()['items'][0]['id']}")).json()


async def mapped(services: Services, http: httpx.AsyncClient, item: Any, said: dict[str, Any]) -> Any:
    """Say what the columns of a waiting import mean, and let a worker go on with it."""
    answer = await http.post(f"/api/v1/imports/{item['id']}/mapping", json=said)
    assert answer.status_code == 202, answer.text
    await services.jobs.drain()
    return (await http.get(f"/api/v1/imports/{item['id']}")).json()


async def test_an_unknown_layout_waits_until_it_is_told_what_it_means(
    services: Services, http: httpx.AsyncClient
) -> None:
    item = await send(services, http, table(COFFEE, SALES))
    help_ = (await http.get(f"/api/v1/imports/{item['id']}/mapping")).json()
    done = await mapped(services, http, item, COFFEE_MEANS)

    assert (item["status"], item["error"]["code"]) == ("needs_mapping", "intake.source_unknown")
    assert item["error"]["detail"] == (
        "No known report has the columns of “a.csv”: date, datetime, cash_type, card, money, coffee_name."
        " The original is kept; nothing of it was imported."
    )
    assert MappingHelpOut.model_validate(help_).header == list(COFFEE)
    assert help_["rows"] == [list(row) for row in SALES]
    assert help_["month_first"] is True
    assert {guess["column"]: guess["field"] for guess in help_["columns"]} == {
        "date": None, "datetime": "occurred_at", "cash_type": "payment_method", "card": "card", "money": "amount",
        "coffee_name": "product",
    }  # fmt: skip
    targets = {target["name"]: target["required"] for target in help_["targets"]}
    assert targets["generic"] == ["occurred_at"]
    assert set(targets["payme"]) == {"external_id", "occurred_at", "amount"}
    assert (done["status"], done["source"], done["orders"]["new"], done["error"]) == ("applied", "coffee", 3, None)
    assert done["money_effect"]["new"] == [{"amount": "117.40", "currency": "UAH"}]
    orders = await rows_of(services, "SELECT * FROM orders ORDER BY occurred_at")
    assert [(o["amount"], o["currency"], o["product"], o["payment_method"], o["origin"]) for o in orders] == [
        (3870, "UAH", "Latte", "card", "generic"),
        (3870, "UAH", "Hot Chocolate", "card", "generic"),
        (4000, "UAH", "Latte", "cash", "generic"),
    ]
    assert [o["occurred_at"].isoformat() for o in orders] == [
        "2024-03-01T08:15:00+00:00", "2024-03-01T10:19:00+00:00", "2024-03-25T07:05:00+00:00",
    ]  # fmt: skip
    assert all(len(o["number"]) == 12 and o["number"].isalnum() for o in orders)
    records = await rows_of(services, "SELECT account, extra FROM evidence_records ORDER BY occurred_at")
    assert [(r["account"], r["extra"]["date"]) for r in records] == [("coffee", row[0]) for row in SALES]


DATE_AND_TIME = ("Order", "Date", "Time", "Sum")
CLOCKED = {
    "name": "kiosk",
    "columns": {"order_number": "Order", "occurred_at": "Date", "time_of_day": "Time", "amount": "Sum"},
}


async def test_the_time_of_day_may_have_a_column_of_its_own(services: Services, http: httpx.AsyncClient) -> None:
    rows = [
        ("1", "25.12.2025", "09:15", "5"), ("2", "2025-12-25", "", "5"), ("3", "25.12.2025 10:00:00", "10:00", "5"),
        ("4", "25.12.2025 0:00", "11:30:00", "5"), ("5", "2025-12-25T00:00:00", "11:30", "5"),
        ("6", "25.12.2025", "noon", "5"), ("7", "25.12.2025 10:00", "11:00", "5"),
    ]  # fmt: skip
    waiting = await send(services, http, table(DATE_AND_TIME, rows))
    guessed = (await http.get(f"/api/v1/imports/{waiting['id']}/mapping")).json()
    done = await mapped(services, http, waiting, CLOCKED)

    assert {guess["column"]: guess["field"] for guess in guessed["columns"]} == {
        "Order": "order_number", "Date": "occurred_at", "Time": "time_of_day", "Sum": "amount",
    }  # fmt: skip
    orders = await rows_of(services, "SELECT occurred_at FROM orders ORDER BY source_number")
    assert [order["occurred_at"].isoformat() for order in orders] == [
        "2025-12-25T04:15:00+00:00", "2025-12-24T19:00:00+00:00", "2025-12-25T05:00:00+00:00",
        "2025-12-25T06:30:00+00:00", "2025-12-25T06:30:00+00:00",
    ]  # fmt: skip
    issues = (await http.get(f"/api/v1/imports/{done['id']}/errors")).json()["items"]
    assert [(issue["locator"]["row"], issue["column"], issue["value"]) for issue in issues] == [
        (7, "Date", "25.12.2025 noon"), (8, "Date", "25.12.2025 10:00 11:00"),
    ]  # fmt: skip


async def test_dates_and_times_of_a_workbook_are_joined(services: Services, bring: Bring, tmp_path: Path) -> None:
    book = write_xlsx(
        tmp_path / "kiosk.xlsx", [dict(zip(DATE_AND_TIME, ["1", date(2025, 12, 25), "09:15", 5], strict=True))]
    )
    waiting = await bring(book)
    async with await client(services, Role.OPERATOR) as http:
        done = await mapped(services, http, waiting, CLOCKED)

    orders = await rows_of(services, "SELECT occurred_at FROM orders")
    assert (done["status"], orders[0]["occurred_at"].isoformat()) == ("applied", "2025-12-25T04:15:00+00:00")


async def test_the_header_is_remembered_and_no_other(services: Services, http: httpx.AsyncClient) -> None:
    first = await send(services, http, table(COFFEE, SALES[:1]))
    await mapped(services, http, first, COFFEE_MEANS)

    again = await send(services, http, table([f" {cell} " for cell in COFFEE], SALES))
    other = await send(services, http, table(COFFEE[1:], [row[1:] for row in SALES]))
    listed = (await http.get("/api/v1/mappings")).json()["items"]

    assert (again["status"], again["rows"]["new"], again["rows"]["unchanged"]) == ("applied", 2, 1)
    assert other["status"] == "needs_mapping"
    assert [MappingOut.model_validate(item).name for item in listed] == ["coffee"]
    assert (listed[0]["header"], listed[0]["made_by"]) == (list(COFFEE), "Test operator")
    assert listed[0]["columns"] == COFFEE_MEANS["columns"]


async def test_a_mapping_is_forgotten_and_what_came_by_it_stays(services: Services, http: httpx.AsyncClient) -> None:
    first = await send(services, http, table(COFFEE, SALES[:1]))
    await mapped(services, http, first, COFFEE_MEANS)

    answers = [await http.delete(f"/api/v1/mappings/{name}") for name in ("coffee", "coffee", "a%00b")]
    again = await send(services, http, table(COFFEE, SALES))

    assert [answer.status_code for answer in answers] == [204, 404, 404]
    assert [answer.json()["code"] for answer in answers[1:]] == ["intake.mapping_not_found"] * 2
    assert again["status"] == "needs_mapping"
    assert len(await rows_of(services, "SELECT id FROM orders")) == 1
    audit = await rows_of(
        services, "SELECT action, subject FROM audit_entries WHERE action LIKE 'mapping.%' ORDER BY id"
    )
    assert [tuple(entry.values()) for entry in audit] == [
        ("mapping.saved", "mapping:coffee"), ("mapping.forgotten", "mapping:coffee"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"columns": {"occurred_at": "datetime"}}, "field_missing"),
        ({"columns": {**COFFEE_MEANS["columns"], "remark": "notes"}}, "column_unknown"),  # type: ignore[dict-item]
        ({"columns": {**COFFEE_MEANS["columns"], "reason": "card"}}, "column_twice"),  # type: ignore[dict-item]
        ({"columns": {**COFFEE_MEANS["columns"], "colour": "date"}}, "field_unknown"),  # type: ignore[dict-item]
        ({"columns": {"amount": " "}}, "columns_missing"),
        ({"currency": "XXX"}, "currency_unknown"),
        ({"zone": "Nowhere"}, "zone_unknown"),
        ({"target": "nobody"}, "target_unknown"),
        ({"name": " "}, "name_missing"),
        ({"name": "a\x00b"}, "name_missing"),
        ({"name": "vending"}, "name_taken"),
    ],
)
async def test_a_mapping_that_makes_no_sense_is_refused_and_the_import_still_waits(
    services: Services, http: httpx.AsyncClient, changes: dict[str, Any], problem: str
) -> None:
    item = await send(services, http, table(COFFEE, SALES))

    answer = await http.post(f"/api/v1/imports/{item['id']}/mapping", json=COFFEE_MEANS | changes)

    assert (answer.status_code, answer.json()["code"]) == (422, "intake.mapping_invalid")
    assert answer.json()["params"]["problem"] == problem
    assert problem not in answer.json()["detail"]  # said in words
    assert (await http.get(f"/api/v1/imports/{item['id']}")).json()["status"] == "needs_mapping"
    assert (await http.get("/api/v1/mappings")).json()["items"] == []


async def test_only_an_import_that_waits_for_it_takes_a_mapping(services: Services, http: httpx.AsyncClient) -> None:
    applied = await send(services, http, csv_bytes([hw_row(1)]))
    nameless = await send(services, http, b"1,2\n3,4\n")

    answers = [await http.post(f"/api/v1/imports/{i['id']}/mapping", json=COFFEE_MEANS) for i in (applied, nameless)]
    asked = await http.get(f"/api/v1/imports/{applied['id']}/mapping")

    assert nameless["status"] == "needs_mapping"
    assert [(a.status_code, a.json()["code"]) for a in (*answers, asked)] == [(409, "intake.not_unmapped")] * 3


async def test_a_viewer_maps_and_forgets_nothing(services: Services, http: httpx.AsyncClient) -> None:
    item = await send(services, http, table(COFFEE, SALES))
    async with await client(services, Role.VIEWER) as viewer:
        answers = [
            await viewer.post(f"/api/v1/imports/{item['id']}/mapping", json=COFFEE_MEANS),
            await viewer.delete("/api/v1/mappings/coffee"),
        ]
        seen = await viewer.get(f"/api/v1/imports/{item['id']}/mapping")

    assert [answer.status_code for answer in answers] == [403, 403]
    assert seen.status_code == 200


async def test_a_preview_that_is_mapped_stays_a_preview(services: Services, http: httpx.AsyncClient) -> None:
    item = await send(services, http, table(COFFEE, SALES), dry_run=True)
    done = await mapped(services, http, item, COFFEE_MEANS)

    assert (done["status"], done["rows"]["new"]) == ("dry_run", 3)
    assert await rows_of(services, "SELECT id FROM orders") == []


async def test_a_declared_report_with_odd_headers_is_mapped_onto_its_source(
    services: Services, http: httpx.AsyncClient
) -> None:
    header = ("Ref", "Paid on", "Som", "What")
    item = await send(services, http, table(header, [("6761", "25.12.2025 10:00", "15 000,00", "coffee")]))
    said = {
        "name": "payme of the bank", "target": "payme",
        "columns": {"external_id": "Ref", "occurred_at": "Paid on", "amount": "Som"},
    }  # fmt: skip
    done = await mapped(services, http, item, said)

    assert (done["status"], done["source"], done["orders"]["new"]) == ("applied", "payme", 0)
    records = await rows_of(
        services, "SELECT source, account, external_id, amount, currency, extra FROM evidence_records"
    )
    assert records == [
        {"source": "payme", "account": None, "external_id": "6761", "amount": 1_500_000, "currency": "UZS",
         "extra": {"What": "coffee"}}
    ]  # fmt: skip


async def test_a_named_source_that_does_not_fit_may_be_mapped(services: Services, http: httpx.AsyncClient) -> None:
    item = await send(services, http, table(COFFEE, SALES), source="vendhub")
    done = await mapped(services, http, item, COFFEE_MEANS)

    assert (item["status"], item["error"]["code"]) == ("needs_mapping", "intake.source_mismatch")
    assert (done["status"], done["rows"]["new"]) == ("applied", 3)


async def retail(services: Services, http: httpx.AsyncClient) -> Any:
    item = await send(services, http, table(RETAIL, INVOICES))
    return await mapped(services, http, item, RETAIL_MEANS)


async def invoices(services: Services) -> dict[str, int]:
    """Amounts by number."""
    found = await rows_of(services, "SELECT number, amount FROM orders WHERE withdrawn_at IS NULL ORDER BY number")
    return {row["number"]: row["amount"] for row in found}


async def test_several_rows_are_one_order_and_returns_subtract(services: Services, http: httpx.AsyncClient) -> None:
    done = await retail(services, http)

    assert (done["status"], done["rows"]["new"], done["orders"]["new"]) == ("applied", 5, 3)
    assert done["money_effect"]["new"] == [{"amount": "43.42", "currency": "GBP"}]
    assert await invoices(services) == {"536365": 3742, "536366": 1110, "C536379": -510}
    orders = await rows_of(services, "SELECT currency, occurred_at, origin_space FROM orders WHERE number = 'C536379'")
    assert [tuple(order.values())[::2] for order in orders] == [("GBP", "retail")]
    assert orders[0]["occurred_at"].isoformat() == "2010-12-13T09:41:00+00:00"
    records = await rows_of(services, "SELECT amount, direction, account FROM evidence_records ORDER BY row")
    assert [tuple(record.values()) for record in records] == [
        (1530, "sale", "retail"), (2712, "sale", "retail"), (-500, "return", "retail"), (1110, "sale", "retail"),
        (-510, "return", "retail"),
    ]  # fmt: skip


async def test_invoices_again_change_nothing_not_even_as_a_workbook(
    services: Services, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    await retail(services, http)
    before = await standing(services)
    cells = [
        {**dict(zip(RETAIL, row, strict=True)), "Quantity": int(row[3]), "UnitPrice": float(row[5])} for row in INVOICES
    ]
    book = write_xlsx(tmp_path / "again.xlsx", cells).read_bytes()

    shuffled = await send(services, http, table(RETAIL, INVOICES[::-1]))
    workbook = await send(services, http, book, "again.xlsx")

    assert [(i["status"], i["rows"]["unchanged"], i["format"]) for i in (shuffled, workbook)] == [
        ("applied", 5, "csv"), ("applied", 5, "xlsx"),
    ]  # fmt: skip
    after = await standing(services)
    assert (after["orders"], after["records"]) == (before["orders"], before["records"])


async def test_a_corrected_line_is_a_further_fact_until_the_first_file_is_undone(
    services: Services, http: httpx.AsyncClient
) -> None:
    first = await retail(services, http)
    corrected = [line("536365", "HOLDER", "5", "2.55"), *INVOICES[1:]]

    second = await send(services, http, table(RETAIL, corrected))
    both = (await invoices(services))["536365"]
    await undone(services, first["id"])

    assert (second["rows"]["new"], second["rows"]["unchanged"]) == (1, 4)
    assert both == 3742 + 1275  # rows without a key are what they say: nobody can know that one replaces another
    assert await invoices(services) == {"536365": 3742 - 255, "536366": 1110, "C536379": -510}


async def test_an_invoice_whose_lines_come_in_two_files_adds_up(services: Services, http: httpx.AsyncClient) -> None:
    await retail(services, http)
    more = await send(services, http, table(RETAIL, [INVOICES[0], line("536365", "BELL", "2", "1.00")]))

    assert (more["rows"]["new"], more["rows"]["unchanged"], more["orders"]["changed"]) == (1, 1, 1)
    assert more["money_effect"]["changed"] == [{"amount": "2.00", "currency": "GBP"}]
    assert (await invoices(services))["536365"] == 3942
    await undone(services, more["id"])
    assert (await invoices(services))["536365"] == 3742


async def test_a_number_that_others_have_gets_the_mappings_name_behind_it(
    services: Services, http: httpx.AsyncClient
) -> None:
    await imported(services, [hw_row(1)])
    for name, header in (("Магазин", ("Счёт", "Дата", "Сумма")), ("Кофейня", ("Чек", "Когда", "Цена"))):
        columns = dict(zip(("order_number", "occurred_at", "amount"), header, strict=True))
        item = await send(
            services, http, table(header, [(number(1), "25.12.2025 10:00", "5"), ("7", "25.12.2025", "9")])
        )
        done = await mapped(services, http, item, {"name": name, "columns": columns})
        again = await send(services, http, table(header, [(number(1), "25.12.2025 10:00", "6")]))
        assert (done["status"], done["orders"]["new"]) == ("applied", 2)
        assert (again["status"], again["orders"]) == ("applied", {"new": 0, "filled": 0, "changed": 1})

    found = await rows_of(services, "SELECT number, origin_space, amount FROM orders ORDER BY id")
    numbers = [row["number"] for row in found]
    assert [(row["origin_space"], row["amount"]) for row in found] == [
        ("vending", 1_500_000), ("Магазин", 600), ("Магазин", 900), ("Кофейня", 600), ("Кофейня", 900),
    ]  # fmt: skip
    assert numbers[0] == number(1)
    assert numbers[1].startswith(f"{number(1)}@-")
    assert numbers[3].startswith(f"{number(1)}@-")
    assert numbers[4].startswith("7@-")
    assert len(set(numbers)) == 5


async def test_a_plain_name_stands_behind_a_taken_number(services: Services, http: httpx.AsyncClient) -> None:
    await imported(services, [hw_row(1, Номер_заказа="536365")])
    await retail(services, http)

    assert await invoices(services) == {
        "536365": 1_500_000, "536365@retail": 3742, "536366": 1110, "C536379": -510,
    }  # fmt: skip


async def test_a_currency_column_is_believed_and_its_gaps_are_filled(
    services: Services, http: httpx.AsyncClient
) -> None:
    header = ("No", "When", "Sum", "Cur")
    rows = [
        ("1", "2025-12-25", "5", "usd"), ("2", "2025-12-25", "6", ""), ("3", "2025-12-25", "7", "coins"),
        ("4", "2025-12-25", "8", "TRY"), ("5", "2025-12-25", "9", "сум"),
    ]  # fmt: skip
    item = await send(services, http, table(header, rows))
    columns = {"order_number": "No", "occurred_at": "When", "amount": "Sum", "currency": "Cur"}
    done = await mapped(services, http, item, {"name": "shop", "columns": columns, "currency": "EUR"})

    found = await rows_of(services, "SELECT currency FROM orders ORDER BY number")
    issues = (await http.get(f"/api/v1/imports/{item['id']}/errors")).json()["items"]
    assert (done["status"], done["rows"]["issues"]) == ("applied", 1)
    assert [row["currency"] for row in found] == ["USD", "EUR", "EUR", "UZS"]
    assert sorted((i["level"], i["code"], i["column"], i["value"]) for i in issues) == [
        ("error", "intake.currency_unknown", "Cur", "TRY"), ("warning", "intake.currency_assumed", "Cur", "coins"),
    ]  # fmt: skip


async def test_a_header_has_one_mapping_and_a_name_has_one_header(services: Services, http: httpx.AsyncClient) -> None:
    first = await send(services, http, table(COFFEE, SALES[:1]), dry_run=True)
    await mapped(services, http, first, COFFEE_MEANS)
    other = await send(services, http, table(RETAIL, INVOICES))
    refused = await http.post(f"/api/v1/imports/{other['id']}/mapping", json=RETAIL_MEANS | {"name": "coffee"})
    async with services.db.write() as session:
        with pytest.raises(MappingInvalid) as error:
            await mapping.save(session, SYSTEM, COFFEE_MEANS | {"name": "a"}, list(COFFEE), NOW)
        with pytest.raises(MappingInvalid) as layout:
            await mapping.save(session, SYSTEM, RETAIL_MEANS | {"name": " coffee "}, list(RETAIL), NOW)
        await mapping.save(session, SYSTEM, COFFEE_MEANS | {"currency": "EUR"}, [c.upper() for c in COFFEE], NOW)

    assert error.value.params == {"problem": "header_taken", "value": "coffee"}
    assert layout.value.params == {"problem": "name_taken_by_layout", "value": "coffee"}
    assert refused.status_code == 422
    assert refused.json()["params"] == {"problem": "name_taken_by_layout", "value": "coffee"}
    assert refused.json()["detail"] == (
        "“coffee” is the name of a mapping made for other columns. Choose another name, or forget that mapping first."
    )
    listed = (await http.get("/api/v1/mappings")).json()["items"]
    assert [(item["name"], item["currency"], item["header"]) for item in listed] == [("coffee", "EUR", list(COFFEE))]


async def remembered(services: Services, said: dict[str, Any], header: Sequence[str]) -> None:
    """A mapping as earlier versions kept it, without a look at the others."""
    whole = Mapping.of(said).stored()
    async with services.db.write() as session:
        session.add(ColumnMapping(
            name=said["name"], header=list(header), said=whole, actor_name="x", created_at=NOW, updated_at=NOW
        ))  # fmt: skip


async def test_a_mapping_that_was_kept_without_a_header_takes_no_file(
    bring: Bring, services: Services, http: httpx.AsyncClient
) -> None:
    greedy = {"name": "greedy", "columns": {"occurred_at": "Время создания", "amount": "Цена заказа"}}
    await remembered(services, greedy, [])

    odd = await bring([{"Цена заказа": "5", "x": "y", "Время создания": "2025-12-25"}])
    machine = await bring([hw_row(1)])
    done = await mapped(services, http, odd, greedy)

    assert (odd["status"], machine["status"], machine["source"]) == ("needs_mapping", "applied", "happy_workers")
    assert (done["status"], done["source"], done["rows"]["new"]) == ("applied", "greedy", 1)  # it has its header now


async def test_two_mappings_of_one_header_are_a_tie_and_a_person_is_asked(
    services: Services, http: httpx.AsyncClient
) -> None:
    header = [fold(cell) for cell in COFFEE]
    await remembered(services, COFFEE_MEANS | {"name": "a", "currency": "EUR"}, header)
    await remembered(services, COFFEE_MEANS, header)

    tied = await send(services, http, table(COFFEE, SALES))
    still = await http.post(f"/api/v1/imports/{tied['id']}/mapping", json=COFFEE_MEANS)
    await http.delete("/api/v1/mappings/a")
    done = await mapped(services, http, tied, COFFEE_MEANS)

    assert (tied["status"], tied["error"]["code"]) == ("needs_mapping", "intake.source_unknown")
    assert still.json()["params"] == {"problem": "header_taken", "value": "a"}
    assert (done["status"], done["source"]) == ("applied", "coffee")


async def test_two_mappings_that_mean_the_same_are_no_tie(services: Services, http: httpx.AsyncClient) -> None:
    header = ("Ref", "Paid on", "Som")
    columns = {"external_id": "Ref", "occurred_at": "Paid on", "amount": "Som"}
    for name in ("one", "two"):
        said = {"name": name, "target": "payme", "columns": columns}
        await remembered(services, said, [fold(cell) for cell in header])

    done = await send(services, http, table(header, [("6761", "25.12.2025 10:00", "15 000,00")]))

    assert (done["status"], done["source"]) == ("applied", "payme")


async def test_a_name_with_a_slash_is_forgotten_like_any_other(services: Services, http: httpx.AsyncClient) -> None:
    item = await send(services, http, table(COFFEE, SALES))
    await mapped(services, http, item, COFFEE_MEANS | {"name": "shop/2 a"})

    answers = [await http.delete(f"/api/v1/mappings/{name}") for name in ("shop", "shop%2F2%20a")]

    assert [answer.status_code for answer in answers] == [404, 204]
    assert (await http.get("/api/v1/mappings")).json()["items"] == []


async def test_a_quantity_with_decimals_is_no_group_of_thousands(services: Services, http: httpx.AsyncClient) -> None:
    item = await send(services, http, table(RETAIL, [line("1", "BEANS", "1.250", "10.00")]))
    await mapped(services, http, item, RETAIL_MEANS)

    assert await invoices(services) == {"1": 1250}


async def test_a_product_no_amount_could_be_leaves_out_its_row_alone(
    services: Services, http: httpx.AsyncClient
) -> None:
    rows = [line("1", "HOLDER", "6", "2.55"), line("2", "MOON", "1000000000", "900000000000")]
    item = await send(services, http, table(RETAIL, rows))
    done = await mapped(services, http, item, RETAIL_MEANS)
    issues = (await http.get(f"/api/v1/imports/{item['id']}/errors")).json()["items"]

    assert (done["status"], done["rows"]["new"], done["rows"]["issues"]) == ("applied", 1, 1)
    assert [(i["code"], i["column"], i["locator"]["row"]) for i in issues] == [
        ("intake.amount_unreadable", "UnitPrice", 3)
    ]
    assert await invoices(services) == {"1": 1530}


Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    """`vhm24r` on this test's database."""
    env = environment(database_url, tmp_path / "data")
    return lambda *arguments: command(*arguments, env=env)


def test_the_command_says_which_columns_it_does_not_know(run: Run, tmp_path: Path) -> None:
    report = tmp_path / "coffee.csv"
    report.write_bytes(table(COFFEE, SALES))

    done = run("import", report)
    waiting = run("imports", "list")

    assert done.exit_code == 4
    assert done.stdout == (
        "✗ coffee.csv: No known report has the columns of “coffee.csv”: date, datetime, cash_type, card, money,"
        " coffee_name. The original is kept; nothing of it was imported.\n"
    )
    assert "needs_mapping" in waiting.stdout


def test_the_command_takes_a_mapping_from_a_file(run: Run, tmp_path: Path) -> None:
    report, means = tmp_path / "coffee.csv", tmp_path / "coffee.json"
    report.write_bytes(table(COFFEE, SALES))
    means.write_bytes(orjson.dumps(COFFEE_MEANS))

    done = run("import", report, "--map", means)
    listed = orjson.loads(run("orders", "list", "--json").stdout)

    assert done.exit_code == 0
    assert done.stderr == ""  # no bar without a terminal
    assert done.stdout.startswith("✓ coffee.csv (coffee) is import #1: 3 rows — 3 new")
    assert [order["amount"] for order in listed["items"]] == [
        {"amount": "40.00", "currency": "UAH"}, *[{"amount": "38.70", "currency": "UAH"}] * 2,
    ]  # fmt: skip


def test_a_mapping_file_counts_for_the_header_it_met_and_no_other(run: Run, tmp_path: Path) -> None:
    report, means, other = (tmp_path / name for name in ("coffee.csv", "coffee.json", "other.csv"))
    report.write_bytes(table(COFFEE, SALES[:1]))
    means.write_bytes(orjson.dumps(COFFEE_MEANS))
    other.write_bytes(table([*COFFEE, "shop"], [[*row, "x"] for row in SALES]))

    first = run("import", report, "--map", means, "--dry-run")
    (listed,) = orjson.loads(run("mappings", "list", "--json").stdout)
    report.write_bytes(table(COFFEE, SALES))
    again = run("import", report)
    strange = run("import", other)

    assert first.stdout.startswith("✓ coffee.csv (coffee), preview #1: 1 rows")
    assert (listed["name"], listed["header"]) == ("coffee", list(COFFEE))
    assert again.stdout.startswith("✓ coffee.csv (coffee) is import #2: 3 rows — 3 new")
    assert strange.exit_code == 4


def test_a_mapping_file_leaves_known_reports_alone_and_says_where_it_is_of_no_use(run: Run, tmp_path: Path) -> None:
    report, means, other = (tmp_path / name for name in ("coffee.csv", "coffee.json", "other.csv"))
    report.write_bytes(table(COFFEE, SALES))
    means.write_bytes(orjson.dumps(COFFEE_MEANS))
    other.write_bytes(table(("a", "b"), [("x", "y")]))
    machine = write_csv(tmp_path / "machine.csv", [hw_row(1)])

    done = run("import", machine, other, report, tmp_path / "gone.csv", "--map", means, "--json")

    results = documents(done.stdout)
    assert [(r["status"], r["source"]) for r in results] == [
        ("applied", "happy_workers"), ("needs_mapping", None), ("applied", "coffee"), ("failed", None),
    ]  # fmt: skip
    assert results[1]["error"] == {
        "code": "intake.mapping_invalid",
        "message": "The file has no column “card, cash_type, coffee_name, datetime, money”."
                   " Take the headers as they stand in the file.",
    }  # fmt: skip


def test_a_mapping_file_that_was_corrected_replaces_what_was_said(run: Run, tmp_path: Path) -> None:
    report, means = tmp_path / "coffee.csv", tmp_path / "coffee.json"
    report.write_bytes(table(COFFEE, SALES))
    means.write_bytes(orjson.dumps(COFFEE_MEANS))

    run("import", report, "--map", means, "--dry-run")
    means.write_bytes(orjson.dumps(COFFEE_MEANS | {"currency": "EUR"}))
    same = [run("import", report, "--map", means, "--dry-run", "--json") for _ in range(2)]
    means.write_bytes(orjson.dumps(RETAIL_MEANS | {"name": "coffee"}))
    other = run("import", report, "--map", means)

    effects = [documents(done.stdout)[0]["money_effect"] for done in same]
    assert effects == [{"new": [{"amount": "117.40", "currency": "EUR"}], "changed": []}] * 2
    assert (other.exit_code, other.stdout) == (1, "")
    assert other.stderr.startswith("“coffee” is the name of a mapping made for other columns.")


def test_mappings_are_listed_and_forgotten(run: Run, tmp_path: Path) -> None:
    report, means = tmp_path / "coffee.csv", tmp_path / "coffee.json"
    report.write_bytes(table(COFFEE, SALES))
    names = ("a/b", "c [d]")
    for name in names:
        means.write_bytes(orjson.dumps(COFFEE_MEANS | {"name": name}))
        report.write_bytes(table([*COFFEE, name], [[*row, ""] for row in SALES]))
        run("import", report, "--map", means, "--dry-run")

    listed = run("mappings", "list").stdout
    forgotten = run("mappings", "forget", "a/b"), run("mappings", "forget", "c [d]", "--json")
    unknown = [run("mappings", "forget", name) for name in ("a/b", "\udcff")]

    assert all(name in listed for name in (*names, "generic", "command line", "occurred_at = datetime"))
    assert forgotten[0].stdout == "✓ The mapping “a/b” is forgotten; what was imported with it stays.\n"
    assert orjson.loads(forgotten[1].stdout) == {"name": "c [d]", "forgotten": True}
    assert [(done.exit_code, done.stderr) for done in unknown] == [
        (1, "There is no mapping “a/b”.\n"), (1, "There is no mapping “�”.\n"),
    ]  # fmt: skip
    assert orjson.loads(run("mappings", "list", "--json").stdout) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{", None])
def test_a_mapping_file_that_is_none_is_one_sentence(run: Run, tmp_path: Path, content: bytes | None) -> None:
    report, means = tmp_path / "coffee.csv", tmp_path / "coffee.json"
    report.write_bytes(table(COFFEE, SALES))
    if content is not None:
        means.write_bytes(content)

    done = run("import", report, "--map", means)

    assert (done.exit_code, done.stdout) == (1, "")
    assert str(means) in done.stderr
    assert "no_json" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
