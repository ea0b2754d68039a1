"""Matching by hand and taking matches away: what is refused, what follows, and that it stays so."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import SYSTEM
from tests.factories import click_row, hw_row, number, uzum_row, vendhub_row
from tests.integration.reconciled import (
    PAYMENTS,
    PROVEN,
    QR,
    RECEIPTS,
    SPLIT,
    WITHOUT_PAYMENT,
    WITHOUT_RECEIPT,
    bring_network,
    exception_of,
    live_matches,
    match_id_of,
    matched,
    order,
    payment,
    receipt,
    reconcile,
    rows,
    sale,
    statuses,
    unmatched,
)
from tests.integration.sharing import imported
from tests.integration.standing import redone, undone
from vhm24r.identity.permissions import PERMISSIONS, Role
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.errors import AppError, Forbidden
from vhm24r.ops.process import Services
from vhm24r.ops.rules import change_rule
from vhm24r.orders.errors import OrderClosed, OrderNotFound
from vhm24r.orders.service import editing, reading
from vhm24r.orders.types import NewOrder
from vhm24r.platform.flags import ReadOnly
from vhm24r.reconciliation.errors import (
    ManyToMany,
    MatchNotFound,
    ReasonMissing,
    RecordAmbiguous,
    RecordNamesOrder,
    RecordNotFound,
    RecordTaken,
    SumsDiffer,
)
from vhm24r.reconciliation.service.deciding import RecordRef, Wish, match_by_hand, unmatch

pytestmark = pytest.mark.integration

VIEWER = Actor(ActorKind.PERSON, 5, "Viewer", PERMISSIONS[Role.VIEWER])


@pytest.fixture
async def network(services: Services) -> dict[str, int]:
    """The imports of the network, by name."""
    return await bring_network(services)


async def decisions(services: Services) -> list[tuple[str, bool]]:
    """(kind, holds) of all decisions, oldest first."""
    found = await rows(services, "SELECT kind, released_at FROM reconciliation_decisions ORDER BY id")
    return [(row["kind"], row["released_at"] is None) for row in found]


async def wished(services: Services, wish: Wish, actor: Actor = SYSTEM) -> None:
    async with services.db.write() as session:
        await match_by_hand(session, actor, services.jobs, wish, services.clock.now(), services.settings.zone)


async def evidence_of(services: Services, order_number: str) -> list[dict[str, Any]]:
    async with services.db.read() as session:
        found = await reading.get_order(session, SYSTEM, order_number)
    return [record for record in found["evidence"] if record["role"] != "sale"]


async def test_a_match_by_hand_proves_its_order(services: Services, network: dict[str, int]) -> None:
    decided = await matched(services, [WITHOUT_RECEIPT], ["fiscal:502"], reason=" the till was slow ")
    settled = [await exception_of(services, name) for name in (WITHOUT_RECEIPT, "502")]
    await reconcile(services)
    (evidence,) = await evidence_of(services, WITHOUT_RECEIPT)
    entry = (await rows(services, "SELECT * FROM audit_entries WHERE action = 'match.made'"))[0]

    assert len(decided.decisions) == 1
    assert decided.job_id is not None
    assert [(one["state"], one["outcome"], one["outcome_reason"]) for one in settled] == [
        ("resolved", "matched", "the till was slow")
    ] * 2
    assert (await statuses(services))[WITHOUT_RECEIPT] == "fully_matched"
    assert (evidence["match"]["kind"], evidence["match"]["rule"]) == ("manual", "by_hand")
    assert evidence["match"]["reasons"] == [{"code": "by_hand", "author": "test", "reason": "the till was slow"}]
    assert (entry["subject"], entry["reason"]) == (f"order:{WITHOUT_RECEIPT}", "the till was slow")
    assert entry["data"]["records"][0]["external_id"] == "502"
    assert [(await exception_of(services, name))["state"] for name in (WITHOUT_RECEIPT, "502")] == ["resolved"] * 2


async def test_saying_it_again_is_success_and_the_same_decision(services: Services, network: dict[str, int]) -> None:
    first = await matched(services, [WITHOUT_RECEIPT], ["fiscal:502"])
    again = await matched(services, [WITHOUT_RECEIPT, WITHOUT_RECEIPT], ["fiscal:502", "fiscal:502"])
    await reconcile(services)
    later = await matched(services, [WITHOUT_RECEIPT], ["fiscal:502"])

    assert (again.decisions, again.job_id) == (first.decisions, None)
    assert later == again
    assert len(await rows(services, "SELECT id FROM audit_entries WHERE action = 'match.made'")) == 1


async def test_one_order_is_split_over_several_records(services: Services, network: dict[str, int]) -> None:
    decided = await matched(services, [SPLIT], ["payme:payme0001", "payme:payme0002"])
    await reconcile(services)

    assert len(decided.decisions) == 2
    assert (await statuses(services))[SPLIT] == "fully_matched"
    assert sorted(record["external_id"] for record in await evidence_of(services, SPLIT)) == ["payme0001", "payme0002"]
    assert {(await exception_of(services, name))["outcome"] for name in (SPLIT, "payme0001", "payme0002")} == {
        "matched"
    }


async def test_a_part_is_refused_until_the_sum_is_right_or_confirmed(
    services: Services, network: dict[str, int]
) -> None:
    with pytest.raises(SumsDiffer) as refusal:
        await matched(services, [SPLIT], ["payme:payme0001"])
    await matched(services, [SPLIT], ["payme:payme0001"], confirm=True)
    rest = await matched(services, [SPLIT], ["payme:payme0002"])
    with pytest.raises(SumsDiffer):
        await matched(services, [SPLIT], ["payme:payme0003"])
    await reconcile(services)

    assert refusal.value.params == {"records": "12000.00 UZS", "orders": "20000.00 UZS"}
    assert len(rest.decisions) == 1
    assert [match[1] for match in await live_matches(services) if match[0] == SPLIT] == ["payme0001", "payme0002"]


async def test_one_record_is_merged_over_several_orders(services: Services) -> None:
    await imported(services, [order(1, "09:00:00", "7000"), order(2, "09:00:30", "8000")])
    await imported(services, [sale(1, "09:00:02", "7000"), sale(2, "09:00:32", "8000")])
    await imported(services, [receipt(1, "09:00:40", "15000")])
    await reconcile(services)
    decided = await matched(services, [number(2), number(1)], ["fiscal:501"])
    await reconcile(services)
    entry = (await rows(services, "SELECT * FROM audit_entries WHERE action = 'match.made'"))[0]

    assert len(decided.decisions) == 2
    assert await statuses(services) == {number(1): "fully_matched", number(2): "fully_matched"}
    assert entry["subject"].startswith("record:")
    with pytest.raises(RecordTaken):
        await matched(services, [await order_by_hand(services)], ["fiscal:501"], confirm=True)


async def order_by_hand(services: Services) -> str:
    """A cash order that a person makes."""
    async with services.db.write() as session:
        new = NewOrder(datetime(2025, 12, 25, 4, 0, tzinfo=UTC), 1_500_000, "UZS", None, None, "cash")
        return await editing.create_order(session, SYSTEM, services.bus, new, services.clock.now())


@pytest.mark.parametrize(
    ("orders", "records", "error"),
    [
        ([], ["fiscal:502"], ManyToMany),
        ([WITHOUT_RECEIPT], [], ManyToMany),
        ([WITHOUT_RECEIPT, SPLIT], ["fiscal:502", "fiscal:503"], ManyToMany),
        (["NOSUCHORDER"], ["fiscal:502"], OrderNotFound),
        (["a\x00b"], ["fiscal:502"], OrderNotFound),
        ([WITHOUT_RECEIPT], ["fiscal:9999"], RecordNotFound),
        ([WITHOUT_RECEIPT], ["guess:502"], RecordNotFound),
        ([WITHOUT_RECEIPT], ["fiscal:a\x00b"], RecordNotFound),
        ([WITHOUT_RECEIPT], [":"], RecordNotFound),
        ([WITHOUT_RECEIPT], ["vendhub:1002"], RecordNamesOrder),
        ([WITHOUT_RECEIPT], ["fiscal:504"], SumsDiffer),
    ],
)
async def test_what_cannot_be_is_refused(
    services: Services, network: dict[str, int], orders: Sequence[str], records: Sequence[str], error: type[AppError]
) -> None:
    with pytest.raises(error):
        await matched(services, list(orders), list(records))

    assert await decisions(services) == []


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        (Wish([WITHOUT_RECEIPT], [RecordRef("fiscal", "502")], "  "), ReasonMissing),
        (Wish([WITHOUT_RECEIPT], [RecordRef(record_id=999_999)], "x"), RecordNotFound),
        (Wish([WITHOUT_RECEIPT], [RecordRef(record_id=2**63)], "x"), RecordNotFound),
        (Wish([WITHOUT_RECEIPT], [RecordRef("fiscal", "502", "VG0000000")], "x"), RecordNotFound),
        (Wish([WITHOUT_RECEIPT], [RecordRef("fiscal", "502", "VG3430001", 1)], "x"), RecordNotFound),
        (Wish([WITHOUT_RECEIPT], [RecordRef("fiscal", "502")] * 51, "x"), ManyToMany),
    ],
)
async def test_a_wish_must_name_a_record_and_a_reason(
    services: Services, network: dict[str, int], wish: Wish, error: type[AppError]
) -> None:
    with pytest.raises(error):
        await wished(services, wish)


async def test_a_record_is_named_by_account_or_id_too(services: Services, network: dict[str, int]) -> None:
    await wished(services, Wish([WITHOUT_RECEIPT], [RecordRef("fiscal", "502", "VG3430001")], "x"))
    (found,) = await rows(services, "SELECT record_id FROM reconciliation_decisions")
    await wished(services, Wish([WITHOUT_RECEIPT], [RecordRef(record_id=found["record_id"])], "x"))

    assert await decisions(services) == [("match", True)]


async def test_a_number_that_two_registers_have_needs_the_account(services: Services, network: dict[str, int]) -> None:
    await imported(services, [receipt(2, "10:07:00", "16000", Fiscal_module="VG3430002")])
    await reconcile(services)

    with pytest.raises(RecordAmbiguous):
        await matched(services, [WITHOUT_RECEIPT], ["fiscal:502"])
    await wished(services, Wish([WITHOUT_RECEIPT], [RecordRef("fiscal", "502", "VG3430002")], "x"))
    assert await decisions(services) == [("match", True)]


async def test_money_at_its_own_level_belongs_to_no_order(services: Services, network: dict[str, int]) -> None:
    row = {"Date": "2025-12-26 10:00:00", "Debit": "0", "Credit": "16000", "Payment purpose": "x",
           "Correspondent": "y", "Document number": "77"}  # fmt: skip
    await imported(services, [row], "bank.csv")
    (found,) = await rows(services, "SELECT record_id FROM evidence_records WHERE source = 'bank'")

    with pytest.raises(RecordNotFound):
        await wished(services, Wish([WITHOUT_RECEIPT], [RecordRef(record_id=found["record_id"])], "x"))


async def test_a_cancelled_order_takes_no_records(services: Services, network: dict[str, int]) -> None:
    async with services.db.write() as session:
        await editing.cancel_order(session, SYSTEM, services.bus, WITHOUT_RECEIPT, "test", services.clock.now())

    with pytest.raises(OrderClosed):
        await matched(services, [WITHOUT_RECEIPT], ["fiscal:502"])


async def test_a_record_that_was_given_away_has_to_be_taken_back_first(
    services: Services, network: dict[str, int]
) -> None:
    await matched(services, [WITHOUT_RECEIPT], ["fiscal:502"])
    with pytest.raises(RecordTaken) as refusal:
        await matched(services, [PROVEN], ["fiscal:502"], confirm=True)
    await reconcile(services)
    await unmatched(services, await match_id_of(services, WITHOUT_RECEIPT, "502"))
    await matched(services, [PROVEN], ["fiscal:502"], confirm=True)

    assert refusal.value.params == {"source": "fiscal", "external_id": "502", "number": WITHOUT_RECEIPT}


async def test_commissions_are_taken_off_before_sums_are_compared(services: Services, network: dict[str, int]) -> None:
    async with services.db.write() as session:
        await change_rule(session, SYSTEM, "reconciliation.payme_gross", True, services.clock.now())
    await imported(services, [payment(8, "18:00:00", "21150")])
    await reconcile(services)

    with pytest.raises(SumsDiffer):
        await matched(services, [WITHOUT_PAYMENT], ["payme:payme0003"])
    await matched(services, [WITHOUT_PAYMENT], ["payme:payme0008"])


async def test_a_match_by_a_rule_is_taken_away_for_good(services: Services, network: dict[str, int]) -> None:
    match_id = await match_id_of(services, PROVEN, "501")
    first = await unmatched(services, match_id)
    again = await unmatched(services, match_id)
    await reconcile(services)
    await imported(services, [*RECEIPTS, receipt(9, "20:00:00", "500")])
    await reconcile(services)

    assert (again.decisions, again.job_id) == (first.decisions, None)
    assert await decisions(services) == [("unmatch", True)]
    assert (await statuses(services))[PROVEN] == "fiscal_mismatch"
    assert (await exception_of(services, "501"))["state"] == "open"
    with pytest.raises(MatchNotFound):
        await unmatched(services, match_id)


async def test_matching_by_hand_takes_back_what_was_taken_apart(services: Services, network: dict[str, int]) -> None:
    await unmatched(services, await match_id_of(services, PROVEN, "501"))
    await reconcile(services)
    await matched(services, [PROVEN], ["fiscal:501"])
    await reconcile(services)

    assert await decisions(services) == [("unmatch", False), ("match", True)]
    assert (PROVEN, "501", "manual") in await live_matches(services)


async def test_a_match_by_hand_is_taken_back_as_if_never_said(services: Services, network: dict[str, int]) -> None:
    await matched(services, [WITHOUT_RECEIPT], ["fiscal:502"])
    await reconcile(services)
    match_id = await match_id_of(services, WITHOUT_RECEIPT, "502")
    first = await unmatched(services, match_id)
    again = await unmatched(services, match_id)
    await reconcile(services)
    entry = (await rows(services, "SELECT * FROM audit_entries WHERE action = 'match.taken_back'"))[0]

    assert (again.decisions, again.job_id) == (first.decisions, None)
    assert await decisions(services) == [("match", False)]
    assert (await statuses(services))[WITHOUT_RECEIPT] == "fiscal_mismatch"
    for name in (WITHOUT_RECEIPT, "502"):
        found = await exception_of(services, name)
        assert (found["state"], found["outcome"]) == ("open", None)
    assert (entry["subject"], entry["reason"]) == (f"order:{WITHOUT_RECEIPT}", "not this one")


async def test_taking_back_before_the_run_opens_what_was_settled(services: Services, network: dict[str, int]) -> None:
    match_id = await match_id_of(services, PROVEN, "501")
    await matched(services, [PROVEN], ["fiscal:501"])
    await unmatched(services, match_id)
    await reconcile(services)

    assert await decisions(services) == [("match", False), ("unmatch", True)]
    assert (await statuses(services))[PROVEN] == "fiscal_mismatch"


@pytest.mark.parametrize("match_id", [0, -1, 999_999, 2**63])
async def test_there_is_no_such_match(services: Services, match_id: int) -> None:
    with pytest.raises(MatchNotFound):
        await unmatched(services, match_id)


async def test_taking_away_needs_a_reason(services: Services, network: dict[str, int]) -> None:
    with pytest.raises(ReasonMissing):
        await unmatched(services, 1, " ")


async def test_matches_by_hand_survive_runs_undos_and_repeated_imports(
    services: Services, network: dict[str, int]
) -> None:
    await matched(services, [SPLIT], ["payme:payme0001", "payme:payme0002"])
    await reconcile(services)
    by_hand = [(SPLIT, "payme0001", "manual"), (SPLIT, "payme0002", "manual")]

    async def standing() -> list[tuple[str, str, str]]:
        await reconcile(services)
        return [match for match in await live_matches(services) if match[0] == SPLIT]

    second = await imported(services, [*PAYMENTS, payment(9, "20:00:00", "500")])
    assert await standing() == by_hand
    await undone(services, second["id"])
    assert await standing() == by_hand
    await undone(services, network["payments"])
    assert await standing() == []
    assert (await statuses(services))[SPLIT] in ("matched", "gateway_mismatch")
    await redone(services, network["payments"])
    assert await standing() == by_hand
    assert (await statuses(services))[SPLIT] == "fully_matched"
    await undone(services, network["orders"])
    await undone(services, network["sales"])
    assert (await rows(services, "SELECT number FROM orders WHERE withdrawn_at IS NULL")) == [{"number": SPLIT}]
    await redone(services, network["sales"])
    await redone(services, network["orders"])
    assert await standing() == by_hand
    assert await decisions(services) == [("match", True), ("match", True)]


async def test_a_new_match_replaces_one_that_is_suspended(services: Services, network: dict[str, int]) -> None:
    await matched(services, [WITHOUT_PAYMENT], ["payme:payme0003"])
    await reconcile(services)
    await undone(services, network["payments"])
    await imported(services, [payment(8, "18:00:00", "21000")])
    await reconcile(services)
    await matched(services, [WITHOUT_PAYMENT], ["payme:payme0008"])
    await redone(services, network["payments"])
    await reconcile(services)

    assert await decisions(services) == [("match", False), ("match", True)]
    assert [match for match in await live_matches(services) if match[0] == WITHOUT_PAYMENT] == [
        (WITHOUT_PAYMENT, "payme0008", "manual")
    ]


async def test_payments_of_any_gateway_and_sales_without_a_number_can_be_matched(services: Services) -> None:
    bought = [hw_row(1, Ресурс_заказа=QR), hw_row(2, Ресурс_заказа=QR, Цена_заказа="9000")]
    sold = [vendhub_row(1, Order_resource=QR), vendhub_row(2, Order_resource=QR, Order_price="9000")]
    await imported(services, [*bought, order(3, "20:00:00", "3000")])
    await imported(services, [*sold, sale(3, "21:00:00", "3000", Order_number="")])
    await imported(services, [click_row(1, Date="2025-12-25 03:00:00")])
    await imported(services, [uzum_row(1, Transaction_time="2025-12-25 04:00:00", Amount="9000")])
    await reconcile(services)
    await matched(services, [number(1)], ["click:70001"])
    await matched(services, [number(2)], ["uzum:uzum0001"])
    await matched(services, [number(3)], ["vendhub:1003"])
    await reconcile(services)

    assert [(match[1], match[2]) for match in await live_matches(services)] == [
        ("70001", "manual"), ("uzum0001", "manual"), ("1003", "manual"),
    ]  # fmt: skip
    assert (await statuses(services))[number(1)] == "fully_matched"


async def test_of_two_people_one_decides_first(services: Services, network: dict[str, int]) -> None:
    async def one(order_number: str) -> object:
        try:
            return await matched(services, [order_number], ["fiscal:502"], confirm=True)
        except RecordTaken as error:
            return error

    found = await asyncio.gather(one(WITHOUT_RECEIPT), one(PROVEN))

    assert sorted(isinstance(result, RecordTaken) for result in found) == [False, True]
    assert await decisions(services) == [("match", True)]


async def test_the_same_wish_twice_at_once_is_one_decision(services: Services, network: dict[str, int]) -> None:
    found = await asyncio.gather(*(matched(services, [WITHOUT_RECEIPT], ["fiscal:502"]) for _ in range(3)))

    assert len({tuple(decided.decisions) for decided in found}) == 1
    assert await decisions(services) == [("match", True)]


async def test_deciding_needs_its_permission_and_that_changes_are_on(
    services: Services, network: dict[str, int]
) -> None:
    now, zone = services.clock.now(), services.settings.zone
    wish = Wish([WITHOUT_RECEIPT], [RecordRef("fiscal", "502")], "x")
    async with services.db.write() as session:
        with pytest.raises(Forbidden):
            await match_by_hand(session, VIEWER, services.jobs, wish, now, zone)
        with pytest.raises(Forbidden):
            await unmatch(session, VIEWER, services.jobs, 1, "x", now, zone)
        await change_rule(session, SYSTEM, "read_only", True, now)
        with pytest.raises(ReadOnly):
            await match_by_hand(session, SYSTEM, services.jobs, wish, now, zone)
        with pytest.raises(ReadOnly):
            await unmatch(session, SYSTEM, services.jobs, 1, "x", now, zone)
