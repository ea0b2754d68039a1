"""A file in, orders with their history out: the main path and the decisions behind it."""

import pytest

from tests.conftest import NOW, SYSTEM
from tests.factories import MACHINE, hw_row, number, vendhub_row
from tests.integration.conftest import Bring, Query
from tests.integration.standing import HISTORY, SIGHTINGS
from vhm24r.ops.process import Services
from vhm24r.orders.service.editing import create_order
from vhm24r.orders.types import NewOrder

pytestmark = pytest.mark.integration


async def test_a_first_report_makes_orders_with_one_history_row_each(bring: Bring, query: Query) -> None:
    done = await bring([hw_row(1), hw_row(2, Цена_заказа="20 000,00")])

    assert done["status"] == "applied"
    assert done["source"] == "happy_workers"
    assert done["rows"] == {
        "total": 2, "new": 2, "updated": 0, "filled": 0, "changed": 0, "unchanged": 0, "skipped": 0, "issues": 0,
    }  # fmt: skip
    orders = await query("SELECT * FROM orders ORDER BY number")
    assert [order["number"] for order in orders] == [number(1), number(2)]
    assert [order["amount"] for order in orders] == [1_500_000, 2_000_000]
    assert orders[0]["machine_code"] == MACHINE
    assert orders[0]["occurred_at"].isoformat() == "2025-12-24T19:14:59+00:00"
    changes = await query(f"SELECT kind, field, version, row FROM {HISTORY} ORDER BY row")
    assert changes == [
        {"kind": "new", "field": "", "version": 1, "row": 2},
        {"kind": "new", "field": "", "version": 1, "row": 3},
    ]


async def test_the_same_bytes_again_are_a_duplicate_and_change_nothing(bring: Bring, query: Query) -> None:
    first = await bring([hw_row(1)])
    again = await bring([hw_row(1)], name="other-name.csv")

    assert again["status"] == "duplicate"
    assert again["duplicate_of"] == first["id"]
    assert len(await query(f"SELECT * FROM {SIGHTINGS}")) == 1


async def test_the_same_rows_in_other_bytes_are_unchanged(bring: Bring, query: Query) -> None:
    await bring([hw_row(1), hw_row(2)])
    again = await bring([hw_row(2), hw_row(1)])

    assert again["status"] == "applied"
    assert again["rows"]["unchanged"] == 2
    assert again["orders"] == {"new": 0, "filled": 0, "changed": 0}
    assert [row["version"] for row in await query("SELECT version FROM orders")] == [1, 1]
    assert len(await query("SELECT * FROM evidence_records")) == 2
    assert len(await query(f"SELECT * FROM {SIGHTINGS}")) == 4


async def test_a_filled_and_a_changed_field_are_told_apart(bring: Bring, query: Query) -> None:
    await bring([hw_row(1, Срок_поставки="", Статус_варки=""), hw_row(2)])
    again = await bring([hw_row(1), hw_row(2, Цена_заказа="16000", Время_возврата_денег="2025-12-25 00:30:00")])

    assert (again["rows"]["filled"], again["rows"]["changed"], again["rows"]["updated"]) == (1, 1, 2)
    changes = await query(
        f"SELECT o.number, c.field, c.kind, c.old, c.new, c.version FROM {HISTORY} c"
        " JOIN orders o ON o.id = c.order_id WHERE c.field <> '' ORDER BY o.number, c.field"
    )
    assert [(c["number"], c["field"], c["kind"], c["old"], c["new"]) for c in changes] == [
        (number(1), "brew_status", "filled", None, "delivered"),
        (number(1), "delivered_at", "filled", None, "2025-12-24T19:16:00Z"),
        (number(2), "amount", "changed", "15000.00", "16000.00"),
        (number(2), "refunded_at", "filled", None, "2025-12-24T19:30:00Z"),
    ]
    assert {c["version"] for c in changes} == {2}


async def test_an_empty_cell_never_clears_a_value(bring: Bring, query: Query) -> None:
    await bring([hw_row(1, Замечание="тёплая вода")])
    again = await bring([hw_row(1, Замечание="", Срок_поставки="2025-12-25 00:17:00")])

    assert again["rows"]["changed"] == 1
    assert (await query("SELECT remark FROM vending_orders"))[0]["remark"] == "тёплая вода"


async def test_an_older_export_does_not_take_an_order_back(bring: Bring, query: Query) -> None:
    late = hw_row(1, Время_возврата_денег="2025-12-25 00:30:00", Статус_платежа="Возврат")
    await bring([late])
    again = await bring([hw_row(1)])

    assert again["rows"]["unchanged"] == 1
    assert (await query("SELECT payment_status FROM vending_orders"))[0]["payment_status"] == "refunded"
    assert len(await query("SELECT * FROM evidence_records")) == 2
    assert len(await query("SELECT * FROM evidence_records WHERE current")) == 1


async def test_sales_of_a_known_order_are_evidence_and_never_overwrite(bring: Bring, query: Query) -> None:
    await bring([hw_row(1)])
    sales = await bring([vendhub_row(1, Order_price="14 000,00")])

    assert sales["source"] == "vendhub"
    assert sales["orders"] == {"new": 0, "filled": 0, "changed": 0}
    orders = await query("SELECT amount, origin FROM orders")
    assert orders == [{"amount": 1_500_000, "origin": "happy_workers"}]
    records = await query("SELECT source, amount, order_id IS NOT NULL AS attached FROM evidence_records ORDER BY id")
    assert [(r["source"], r["amount"], r["attached"]) for r in records] == [
        ("happy_workers", 1_500_000, True),
        ("vendhub", 1_400_000, True),
    ]


async def test_sales_with_an_unknown_number_make_an_order_that_the_machine_row_fills(
    bring: Bring, query: Query
) -> None:
    sales = await bring([vendhub_row(1)])
    assert sales["orders"]["new"] == 1
    assert (await query("SELECT origin FROM orders"))[0]["origin"] == "vendhub"

    await bring([hw_row(1)])

    orders = await query("SELECT number, origin, version FROM orders")
    assert orders == [{"number": number(1), "origin": "happy_workers", "version": 2}]
    filled = await query(f"SELECT field FROM {HISTORY} WHERE kind = 'filled' ORDER BY field")
    assert "delivered_at" in {row["field"] for row in filled}


@pytest.mark.parametrize("first", ["machine", "sales"])
async def test_orders_do_not_depend_on_which_file_came_first(bring: Bring, query: Query, first: str) -> None:
    files = [[hw_row(1)], [vendhub_row(1, Goods_name="Кофе")]]
    for rows in files if first == "machine" else reversed(files):
        await bring(rows)

    found = await query("SELECT number, origin, amount, product, occurred_at FROM orders")
    assert [(o["number"], o["origin"], o["product"]) for o in found] == [(number(1), "happy_workers", "Эспрессо")]
    assert found[0]["occurred_at"].isoformat() == "2025-12-24T19:14:59+00:00"


async def test_one_number_on_two_machines_is_two_orders(bring: Bring, query: Query) -> None:
    await bring([hw_row(1)])
    await bring([hw_row(1, Машинный_код="24a8ff000002")])
    both = await bring([hw_row(2), hw_row(2, Машинный_код="24a8ff000002")])

    assert both["orders"]["new"] == 2
    numbers = [row["number"] for row in await query("SELECT number FROM orders ORDER BY number")]
    assert numbers == [number(1), f"{number(1)}@24a8ff000002", number(2), f"{number(2)}@24a8ff000002"]


async def test_rows_twice_in_one_file(bring: Bring, query: Query) -> None:
    done = await bring([hw_row(1), hw_row(1), hw_row(2), hw_row(2, Срок_поставки="2025-12-25 00:20:00")])

    assert (done["rows"]["new"], done["rows"]["skipped"]) == (3, 1)
    assert [issue["code"] for issue in done["issues"]] == ["intake.key_repeated"]
    outcomes = [row["outcome"] for row in await query(f"SELECT outcome FROM {SIGHTINGS} ORDER BY position")]
    assert outcomes == ["new", "duplicate", "new", "new"]
    delivered = await query(
        "SELECT v.delivered_at FROM vending_orders v JOIN orders o ON o.id = v.order_id ORDER BY o.number"
    )
    assert delivered[1]["delivered_at"].isoformat() == "2025-12-24T19:20:00+00:00"
    assert len(await query("SELECT * FROM orders")) == 2
    assert len(await query("SELECT * FROM evidence_records WHERE current")) == 2


async def test_a_dry_run_says_what_would_happen_and_writes_nothing(bring: Bring, query: Query) -> None:
    await bring([hw_row(1)])
    preview = await bring([hw_row(1, Цена_заказа="16000"), hw_row(2)], dry_run=True)

    assert preview["status"] == "dry_run"
    assert (preview["rows"]["new"], preview["rows"]["changed"]) == (1, 1)
    assert preview["money_effect"] == {
        "new": [{"amount": "15000.00", "currency": "UZS"}],
        "changed": [{"amount": "1000.00", "currency": "UZS"}],
    }
    assert len(await query("SELECT * FROM orders")) == 1
    assert len(await query("SELECT * FROM evidence_files")) == 1
    assert await query("SELECT tablename FROM pg_tables WHERE tablename LIKE 'evidence_staged_%'") == []


async def test_a_key_said_three_times_with_two_values_is_one_record_of_two_versions(bring: Bring, query: Query) -> None:
    later = hw_row(1, Срок_поставки="2025-12-25 00:20:00")
    done = await bring([hw_row(1), later, later])

    assert (done["status"], done["rows"]["skipped"]) == ("applied", 1)
    assert len(await query("SELECT * FROM evidence_records")) == 2
    assert len(await query(f"SELECT * FROM {SIGHTINGS}")) == 3


async def test_a_number_that_no_address_takes_is_cleaned_and_still_found_again(bring: Bring, query: Query) -> None:
    await bring([hw_row(1, Номер_заказа="д 1/2")])
    await bring([vendhub_row(1, Order_number="д 1/2", Machine_Code="")])
    await bring([vendhub_row(2, Order_number="д 1/2")])

    orders = await query("SELECT number, source_number FROM orders")
    assert [order["source_number"] for order in orders] == ["д 1/2"]
    assert orders[0]["number"].isascii()
    assert len(await query("SELECT * FROM evidence_records WHERE order_id IS NOT NULL")) == 3


async def test_a_sale_without_machine_joins_the_machine_named_in_the_same_file(bring: Bring, query: Query) -> None:
    await bring([vendhub_row(1, Machine_Code=""), vendhub_row(2, Order_number=number(1))])

    assert [order["number"] for order in await query("SELECT number FROM orders")] == [number(1)]


async def test_a_file_of_known_rows_covers_its_days_all_the_same(bring: Bring, query: Query) -> None:
    await bring([hw_row(1), hw_row(2)])
    await bring([hw_row(2), hw_row(1)])

    days = await query("SELECT covers_from::text AS first, covers_to::text AS last FROM evidence_files ORDER BY id")
    assert days == [{"first": "2025-12-25", "last": "2025-12-25"}] * 2


async def test_the_money_of_a_new_order_is_what_its_rows_fold_to(bring: Bring) -> None:
    later = hw_row(1, Цена_заказа="16000", Время_возврата_денег="2025-12-25 01:00:00")
    done = await bring([hw_row(1), later])

    assert done["money_effect"]["new"] == [{"amount": "16000.00", "currency": "UZS"}]


async def test_a_sale_of_no_machine_is_claimed_by_one_machine_only(bring: Bring, query: Query) -> None:
    await bring([vendhub_row(1, Machine_Code="")])
    await bring([hw_row(1, Цена_заказа="100"), hw_row(1, Машинный_код="24a8ff000002", Цена_заказа="700")])

    orders = await query("SELECT number, amount FROM orders ORDER BY number")
    assert orders == [
        {"number": number(1), "amount": 10_000},
        {"number": f"{number(1)}@24a8ff000002", "amount": 70_000},
    ]


async def test_sales_join_a_known_number_whatever_machine_they_name(bring: Bring, query: Query) -> None:
    await bring([hw_row(1)])
    sales = await bring([vendhub_row(1, Machine_Code="24a8ff000002")])

    assert sales["orders"]["new"] == 0
    assert [order["number"] for order in await query("SELECT number FROM orders")] == [number(1)]


@pytest.mark.parametrize("together", [True, False])
async def test_a_sale_whose_number_is_corrected_goes_to_the_other_order(
    bring: Bring, query: Query, together: bool
) -> None:
    first, corrected = vendhub_row(1), vendhub_row(1, Order_number=number(2))
    for rows in [[first, corrected]] if together else [[first], [corrected]]:
        done = await bring(rows)

        assert done["status"] == "applied"
    assert [order["number"] for order in await query("SELECT number FROM orders ORDER BY number")] == [
        number(1),
        number(2),
    ]
    current = await query("SELECT o.number FROM evidence_records e JOIN orders o ON o.id = e.order_id WHERE e.current")
    assert current == [{"number": number(2)}]


async def test_equal_times_are_decided_by_the_later_row_everywhere(bring: Bring, query: Query) -> None:
    for price in ("100", "200"):
        await bring([hw_row(1, Цена_заказа=price)])
    await bring([hw_row(1, Цена_заказа="300"), hw_row(1, Цена_заказа="100")])
    await bring([vendhub_row(1)])

    assert [order["amount"] for order in await query("SELECT amount FROM orders")] == [10_000]
    current = await query("SELECT amount FROM evidence_records WHERE current AND source = 'happy_workers'")
    assert current == [{"amount": 10_000}]


async def test_orders_known_to_sales_alone_are_not_counted_as_money(bring: Bring) -> None:
    assert (await bring([vendhub_row(1)]))["money_effect"]["new"] == []


async def test_a_number_that_a_person_has_taken_does_not_stop_a_report(
    bring: Bring, query: Query, services: Services
) -> None:
    new = NewOrder(occurred_at=NOW, amount=100, currency="UZS")
    async with services.db.write() as session:
        taken = await create_order(session, SYSTEM, services.bus, new, NOW)

    done = await bring([hw_row(1, Номер_заказа=taken), hw_row(2)])

    assert done["status"] == "applied"
    numbers = {order["number"] for order in await query("SELECT number FROM orders")}
    assert numbers == {taken, f"{taken}@{MACHINE}", number(2)}
