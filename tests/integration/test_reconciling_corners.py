"""What follows must be seen wherever it lies: across midnights, on far days, after a crash, without any file."""

from datetime import date

import pytest

from tests.conftest import NOW, SYSTEM
from tests.factories import Row, click_row, fiscal_row, hw_row, number, payme_row, vendhub_row
from tests.integration.conftest import Bring, Query
from tests.integration.reckoned import assert_conserved, exceptions, found, found_anew, reconciled, status_of, whys
from tests.integration.standing import redone, undone
from vhm24r.ops.process import Services
from vhm24r.ops.rules import change_rule
from vhm24r.orders.service import editing
from vhm24r.orders.service.reference import edit_machine
from vhm24r.orders.types import MatchStatus, NewOrder, OrderEdit
from vhm24r.reconciliation.models import MatchDecision
from vhm24r.reconciliation.service import running
from vhm24r.reconciliation.service.requesting import ask_for_days
from vhm24r.reconciliation.types import DecisionKind

pytestmark = pytest.mark.integration

QR = {"Ресурс_заказа": "QR платежи"}


def sold(index: int, at: str, **changes: str) -> Row:
    """An order created and paid at a moment."""
    return hw_row(index, **{"Время_создания": at, "Время_оплаты": at, "Срок_поставки": "", **changes})


def sale(index: int, at: str, **changes: str) -> Row:
    """Its sale."""
    return vendhub_row(index, **{"Time": at, **changes})


def receipt(index: int, at: str, **changes: str) -> Row:
    """A receipt of a moment."""
    return fiscal_row(index, **{"Fiscal_time": at, **changes})


async def as_from_scratch(services: Services) -> None:
    """What was found is what a run over everything finds."""
    await assert_conserved(services)
    assert await found(services) == await found_anew(services)


async def test_a_payment_after_midnight_shows_a_refund_that_the_gateway_does_not_know(
    bring: Bring, services: Services
) -> None:
    refunded = {"Статус_платежа": "Возвращен", "Время_возврата_денег": "2025-12-26 00:10:00", **QR}
    await bring([sold(1, "2025-12-25 23:59:40", **refunded)], name="hw.csv")
    await reconciled(services)
    await bring([payme_row(1, Payment_time="2025-12-26 00:00:10")], name="payme.csv")
    await reconciled(services)

    assert "refund_not_at_gateway" in [one["type"] for one in await exceptions(services)]
    await as_from_scratch(services)


async def test_a_receipt_after_midnight_ends_the_finding_of_the_day_before(bring: Bring, services: Services) -> None:
    await bring([sold(1, "2025-12-25 23:59:40")], name="hw.csv")
    await bring([receipt(7, "2025-12-25 12:00:00", Operation_amount="700")], name="r1.csv")
    await reconciled(services)
    await bring([receipt(1, "2025-12-26 00:00:10")], name="r2.csv")
    await reconciled(services)

    assert "fiscal_mismatch" not in [one["type"] for one in await exceptions(services)]
    await as_from_scratch(services)


async def test_two_files_that_cover_the_same_days_at_once(bring: Bring, services: Services) -> None:
    order = sold(1, "2025-12-26 12:00:00", **QR)
    named = sale(1, "2025-12-26 12:00:05", Order_resource="Custom payment", Payment_type="Click")
    await bring([order], name="hw.csv")
    await bring([named], name="vendhub.csv")
    await reconciled(services)
    for name, first in (("c1", 1), ("c2", 3)):
        rows = [click_row(first + n, Date=f"2025-12-{day} 08:00:00", Amount="700") for n, day in enumerate((25, 27))]
        await bring(rows, name=f"{name}.csv")
    await reconciled(services)

    assert await status_of(services, number(1)) == MatchStatus.GATEWAY_MISMATCH
    await as_from_scratch(services)


async def test_a_pair_made_by_hand_over_days_is_suspended_and_comes_back(
    bring: Bring, services: Services, query: Query
) -> None:
    await bring([sold(1, "2025-12-20 12:00:00")], name="hw.csv")
    await bring([sale(1, "2025-12-20 12:00:05")], name="vendhub.csv")
    await bring([receipt(9, "2025-12-20 18:00:00", Operation_amount="700")], name="covers.csv")
    done = await bring([receipt(1, "2025-12-25 12:00:00")], name="late.csv")
    [record] = await query("SELECT record_id FROM evidence_records WHERE external_id = '501'")
    [order] = await query("SELECT id FROM orders")
    async with services.db.write() as session:
        said = {"reason": "printed late", "author_name": "somebody", "at": NOW}
        pair = {"record_id": record["record_id"], "order_id": order["id"]}
        session.add(MatchDecision(kind=DecisionKind.MATCH, **pair, **said))
        for day in (date(2025, 12, 20), date(2025, 12, 25)):
            await ask_for_days(session, day, day, NOW)
    await reconciled(services)
    assert await status_of(services, number(1)) == MatchStatus.FULLY_MATCHED

    await undone(services, done["id"])
    await reconciled(services)
    assert await status_of(services, number(1)) == MatchStatus.FISCAL_MISMATCH
    await redone(services, done["id"])
    await reconciled(services)
    assert await status_of(services, number(1)) == MatchStatus.FULLY_MATCHED
    await as_from_scratch(services)


async def test_an_order_that_gets_its_time_leaves_nothing_behind(bring: Bring, services: Services) -> None:
    await bring([sold(1, "2025-12-25 12:00:00")], name="hw.csv")
    await reconciled(services)
    async with services.db.write() as session:
        edit = OrderEdit({"occurred_at": None})
        await editing.edit_order(session, SYSTEM, services.bus, number(1), edit, NOW)
    await reconciled(services)
    async with services.db.write() as session:
        edit = OrderEdit({}, release=("occurred_at",))
        await editing.edit_order(session, SYSTEM, services.bus, number(1), edit, NOW)
    await reconciled(services)

    await as_from_scratch(services)


async def test_another_rule_takes_effect_without_any_file(bring: Bring, services: Services) -> None:
    await bring([sold(1, "2025-12-25 12:00:00")], name="hw.csv")
    await bring([sale(1, "2025-12-25 12:00:05")], name="vendhub.csv")
    await bring([receipt(1, "2025-12-25 15:00:00")], name="fiscal.csv")
    await reconciled(services)
    assert await status_of(services, number(1)) == MatchStatus.FISCAL_MISMATCH

    async with services.db.write() as session:
        await change_rule(session, SYSTEM, "reconciliation.fiscal_used", value=False, now=NOW)
    await reconciled(services)

    assert await status_of(services, number(1)) == MatchStatus.MATCHED


async def test_an_address_takes_effect_even_if_the_run_that_saw_it_died(
    bring: Bring, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines sell the same at the same moments; only the address tells whose receipt is whose."""
    machines = ("24a8ff000001", "24a8ff000002")
    orders = [
        sold(10 * nth + n, f"2025-12-25 1{n}:00:00", Машинный_код=code, Адрес="")
        for nth, code in enumerate(machines)
        for n in range(1, 5)
    ]
    await bring(orders, name="hw.csv")
    receipts = [receipt(n, f"2025-12-25 1{n}:00:09", Trade_point="Чиланзар 9") for n in range(1, 5)]
    await bring(receipts, name="fiscal.csv")
    await reconciled(services)
    async with services.db.write() as session:
        await edit_machine(session, SYSTEM, machines[1], {"address": "Чиланзар, 9"}, NOW)

    class DiesError(Exception):
        pass

    async def dies(*_: object) -> None:
        raise DiesError

    with monkeypatch.context() as patched:
        patched.setattr(running, "settle", dies)
        with pytest.raises(DiesError):
            await reconciled(services)
    await reconciled(services)

    assert {row["machine_code"] for row in (await found(services))["matches"]} == {machines[1]}
    await as_from_scratch(services)


async def test_a_payment_is_no_payme(bring: Bring, services: Services) -> None:
    await bring([sold(1, "2025-12-25 12:00:00", **QR)], name="hw.csv")
    named = sale(1, "2025-12-25 12:00:05", Order_resource="Custom payment", Payment_type="Custom payment")
    await bring([named], name="vendhub.csv")
    await bring([click_row(1, Date="2025-12-25 12:00:09")], name="click.csv")
    await reconciled(services)

    assert await status_of(services, number(1)) == MatchStatus.FULLY_MATCHED


async def test_a_return_takes_back_nothing_of_another_gateway(bring: Bring, services: Services) -> None:
    await bring([sold(1, "2025-12-25 12:00:00", **QR)], name="hw.csv")
    await bring([payme_row(1, Payment_time="2025-12-25 12:00:09")], name="payme.csv")
    await bring([click_row(1, Date="2025-12-25 12:30:00", Amount="-15000")], name="click.csv")
    await reconciled(services)

    assert await whys(services) == {"70001": ("unmatched", "return_without_sale")}


async def test_an_order_made_by_hand_is_reconciled_like_any(bring: Bring, services: Services, query: Query) -> None:
    async with services.db.write() as session:
        new = NewOrder(NOW.replace(year=2025, month=12, day=25, hour=7), 1_500_000, "UZS", payment_method="cash")
        made = await editing.create_order(session, SYSTEM, services.bus, new, NOW)
    await bring([receipt(1, "2025-12-25 12:00:09")], name="fiscal.csv")
    await reconciled(services)

    assert await status_of(services, made) == MatchStatus.HW_ONLY
    assert [row["order_id"] is not None for row in await query("SELECT order_id FROM evidence_matches")] == [True]


async def test_a_cancelled_order_conflicts_with_nobody(bring: Bring, services: Services) -> None:
    both = [sold(1, "2025-12-25 12:00:00"), sold(1, "2025-12-25 13:00:00", Машинный_код="24a8ff000002")]
    await bring(both, name="hw.csv")
    await reconciled(services)
    assert await status_of(services, number(1)) == MatchStatus.NUMBER_CONFLICT
    async with services.db.write() as session:
        other = f"{number(1)}@24a8ff000002"
        await editing.cancel_order(session, SYSTEM, services.bus, other, "twice", NOW)
    await reconciled(services)

    assert await status_of(services, number(1)) == MatchStatus.HW_ONLY
    await as_from_scratch(services)
