"""The queue of exceptions and the numbers about it, on a small network that has been reconciled."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from tests.conftest import SYSTEM
from tests.factories import MACHINE, fiscal_row, hw_row, vendhub_row
from tests.integration.reconciled import (
    PROVEN,
    RECEIPTS,
    SPLIT,
    WITHOUT_PAYMENT,
    WITHOUT_RECEIPT,
    bring_network,
    exception_of,
    listed,
    matched,
    order,
    payment,
    receipt,
    reconcile,
    rows,
    sale,
    shown,
)
from tests.integration.sharing import imported
from tests.integration.standing import redone, undone
from vhm24r.identity.errors import PersonNotFound
from vhm24r.identity.permissions import PERMISSIONS, Role
from vhm24r.identity.service import people
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.errors import Forbidden
from vhm24r.kit.pagination import BadCursor, Page, encode_cursor
from vhm24r.ops.process import Services
from vhm24r.ops.rules import change_rule
from vhm24r.orders.errors import FilterInvalid, NoteEmpty
from vhm24r.platform.flags import ReadOnly
from vhm24r.reconciliation.errors import (
    DaysInvalid,
    ExceptionNotFound,
    ExceptionSettled,
    GroupingUnknown,
    OutcomeInvalid,
)
from vhm24r.reconciliation.filters import Days, ExceptionFilter
from vhm24r.reconciliation.service import exceptions, questions
from vhm24r.reconciliation.service.exceptions import Touched
from vhm24r.reconciliation.views import age_days

pytestmark = pytest.mark.integration

ALL = Days()
DAY = date(2025, 12, 25)
VIEWER = Actor(ActorKind.PERSON, 5, "Viewer", PERMISSIONS[Role.VIEWER])
CUSTOMER = Actor(ActorKind.PERSON, 6, "Customer", PERMISSIONS[Role.CUSTOMER])


@pytest.fixture
async def network(services: Services) -> dict[str, int]:
    """The imports of the network, by name."""
    return await bring_network(services)


async def page(services: Services, sort: str, limit: int = 500, cursor: str | None = None) -> Page[dict[str, object]]:
    async with services.db.read() as session:
        return await exceptions.list_exceptions(
            session, SYSTEM, ExceptionFilter(), services.clock.now(), services.settings.zone,
            sort=sort, limit=limit, cursor=cursor, with_total=True,
        )  # fmt: skip


async def resolved(
    services: Services, ids: list[int], outcome: str = "written_off", reason: str = "cup jammed"
) -> Touched:
    async with services.db.write() as session:
        return await exceptions.resolve(session, SYSTEM, ids, outcome, reason, services.clock.now())


async def person(services: Services, role: Role) -> Actor:
    async with services.db.write() as session:
        made = await people.create_person(session, SYSTEM, name=f"A {role}", role=role, now=services.clock.now())
        return people.actor_of(made)


async def test_an_exception_tells_what_is_at_risk_and_why(services: Services, network: dict[str, int]) -> None:
    of_order = await exception_of(services, WITHOUT_RECEIPT)
    of_record = await exception_of(services, "payme0003")

    assert of_order["type"] == "fiscal_mismatch"
    assert of_order["amount"] == {"amount": "16000.00", "currency": "UZS"}
    assert (of_order["day"], of_order["age_days"], of_order["occurred_at"]) == (
        "2025-12-25",
        11,
        "2025-12-25T05:00:00Z",
    )
    assert of_order["machine"] == {"code": MACHINE, "name": None, "address": "ул. Навои, 1"}
    assert of_order["order"]["match_status"] == "fiscal_mismatch"
    assert (of_order["record"], of_order["source"], of_order["assignee"]) == (None, None, None)
    assert of_order["reasons"] == [{"code": "no_receipt", "window_s": 60}]
    assert (of_record["type"], of_record["source"], of_record["order"]) == ("payme_only", "payme", None)
    assert of_record["record"]["external_id"] == "payme0003"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, 9),
        ({"state": "resolved"}, 0),
        ({"state": "all"}, 9),
        ({"type": "payme_only"}, 3),
        ({"source": "fiscal"}, 3),
        ({"machine": MACHINE}, 3),
        ({"machine": "nowhere"}, 0),
        ({"assignee": "none"}, 9),
        ({"assignee": "4711"}, 0),
        ({"from": "2025-12-25", "to": "2025-12-25"}, 9),
        ({"from": "2025-12-26"}, 0),
        ({"to": "2025-12-24"}, 0),
        ({"amount_min": "16000.01"}, 3),
    ],
)
async def test_each_filter_narrows(
    services: Services, network: dict[str, int], params: dict[str, str], expected: int
) -> None:
    assert len(await listed(services, **params)) == expected


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("state", "done"),
        ("type", "odd"),
        ("source", "guess"),
        ("assignee", "somebody"),
        ("assignee", "-1"),
        ("assignee", "9" * 30),
        ("from", "yesterday"),
        ("to", "1066-10-14"),
        ("amount_min", "much"),
        ("amount_min", "9" * 30),
        ("machine", "x" * 101),
        ("machine", "a\x00b"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(field: str, value: str) -> None:
    with pytest.raises(FilterInvalid) as refusal:
        ExceptionFilter.from_params({field: value})

    assert refusal.value.params == {"field": field, "value": value[:100]}


@pytest.mark.parametrize("sort", ["-amount", "amount", "age", "-age", "day", "-day"])
async def test_pages_lose_and_repeat_nothing(services: Services, network: dict[str, int], sort: str) -> None:
    whole = await page(services, sort)
    parts, cursor = [], None
    while True:
        part = await page(services, sort, limit=4, cursor=cursor)
        parts += part.items
        cursor = part.next_cursor
        if cursor is None:
            break

    assert whole.total == 9
    assert parts == whole.items
    turned = await page(services, sort.removeprefix("-") if sort.startswith("-") else f"-{sort}")
    assert turned.items == whole.items[::-1]


async def test_most_money_and_the_oldest_come_first_when_asked_for(services: Services, network: dict[str, int]) -> None:
    by_money = (await page(services, "-amount")).items
    by_age = (await page(services, "-age")).items

    assert by_money[0]["amount"] == by_money[1]["amount"] == {"amount": "21000.00", "currency": "UZS"}
    assert by_money[-1]["amount"] == {"amount": "8000.00", "currency": "UZS"}
    assert by_age[0]["occurred_at"] == "2025-12-25T05:00:00Z"
    assert by_age[-1]["occurred_at"] == "2025-12-25T13:00:00Z"


@pytest.mark.parametrize(
    ("sort", "cursor"),
    [
        ("-amount", "x"),
        ("-amount", encode_cursor(["text", 1])),
        ("-amount", encode_cursor([2**63, 1])),
        ("age", encode_cursor([5, 1])),
        ("age", encode_cursor(["2025-12-25", 1])),
        ("day", encode_cursor(["yesterday", 1])),
        ("day", encode_cursor(["2025-12-25", -1])),
        ("day", encode_cursor(["2025-12-25", 2**63])),
    ],
)
async def test_a_cursor_of_another_list_is_refused(services: Services, sort: str, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await page(services, sort, cursor=cursor)


async def test_there_is_no_other_sort(services: Services) -> None:
    with pytest.raises(FilterInvalid):
        await page(services, "type")


async def test_candidates_of_an_order_come_likeliest_first(services: Services, network: dict[str, int]) -> None:
    far = (await shown(services, (await exception_of(services, WITHOUT_RECEIPT))["id"]))["candidates"]
    near = (await shown(services, (await exception_of(services, WITHOUT_PAYMENT))["id"]))["candidates"]
    parts = (await shown(services, (await exception_of(services, SPLIT))["id"]))["candidates"]

    assert [candidate["records"][0]["external_id"] for candidate in far] == ["502", "503", "504"]
    assert [candidate["reasons"] for candidate in far] == [
        [{"code": "same_amount"}, {"code": "seconds_apart", "seconds": 390}],
        [{"code": "same_amount"}, {"code": "seconds_apart", "seconds": 28_800}],
        [{"code": "other_amount", "amount": "11000.00"}, {"code": "seconds_apart", "seconds": 10}],
    ]
    assert [candidate["records"][0]["external_id"] for candidate in near] == ["payme0003"]
    assert [candidate["kind"] for candidate in parts] == ["pair", "pair", "split"]
    assert [record["external_id"] for record in parts[2]["records"]] == ["payme0001", "payme0002"]
    assert parts[2]["reasons"] == [{"code": "adds_up"}, {"code": "seconds_apart", "seconds": 40}]
    assert {candidate["orders"][0]["number"] for candidate in parts} == {SPLIT}


async def test_candidates_of_a_record_are_orders_that_lack_one(services: Services) -> None:
    bought = [order(1, "09:00:00", "7000"), order(2, "09:00:30", "8000"), order(3, "09:20:00", "15000")]
    await imported(services, bought)
    sold = [sale(1, "09:00:02", "7000"), sale(2, "09:00:32", "8000"), sale(3, "09:20:02", "15000")]
    await imported(services, sold)
    await imported(services, [receipt(1, "09:00:40", "15000", Trade_point="ул. Навои, 1")])
    await reconcile(services)
    found = (await shown(services, (await exception_of(services, "501"))["id"]))["candidates"]

    assert [(one["kind"], [o["number"][-1] for o in one["orders"]]) for one in found] == [
        ("pair", ["3"]), ("pair", ["2"]), ("pair", ["1"]), ("merge", ["2", "1"]),
    ]  # fmt: skip
    assert found[0]["reasons"] == [
        {"code": "same_amount"}, {"code": "seconds_apart", "seconds": -1160}, {"code": "same_place"},
    ]  # fmt: skip
    assert found[1]["reasons"][0] == {"code": "other_amount", "amount": "8000.00"}
    assert found[3]["reasons"][0] == {"code": "adds_up"}


async def test_what_is_spoken_for_is_no_candidate(services: Services, network: dict[str, int]) -> None:
    before = await exception_of(services, "502")
    await matched(services, [WITHOUT_RECEIPT], ["fiscal:503"])
    after = (await shown(services, before["id"]))["candidates"]
    proven = await shown(services, (await exception_of(services, "504"))["id"])

    assert after == []
    assert proven["candidates"] == []


async def test_an_exception_without_time_or_counterpart_has_no_candidates(services: Services) -> None:
    await imported(services, [hw_row(1, Время_создания="", Время_оплаты="", Срок_поставки="")])
    await imported(services, [vendhub_row(1, Order_price="9000", Time=""), vendhub_row(2)])
    await imported(services, [receipt(1, "10:00:00", "700")])
    await reconcile(services)
    found = await listed(services)

    assert {item["type"] for item in found} == {"price_mismatch", "vendhub_only", "fiscal_mismatch", "fiscal_only"}
    for item in found:
        assert (await shown(services, item["id"]))["candidates"] == []
    assert next(item for item in found if item["type"] == "price_mismatch")["age_days"] is None


async def test_resolving_tells_who_when_and_why(services: Services, network: dict[str, int]) -> None:
    wanted = await exception_of(services, WITHOUT_RECEIPT)
    done = await resolved(services, [wanted["id"]], "explained", "  register was off ")
    found = await exception_of(services, WITHOUT_RECEIPT)
    entry = (await rows(services, "SELECT * FROM audit_entries WHERE action = 'exception.resolved'"))[0]

    assert done == Touched(1, {}, [])
    assert (found["state"], found["outcome"], found["outcome_reason"]) == ("resolved", "explained", "register was off")
    assert (found["resolved_by"], found["resolved_at"]) == ("test", "2026-01-05T09:00:00Z")
    assert (entry["subject"], entry["reason"]) == (f"exception:{wanted['id']}", "register was off")
    assert entry["data"]["old"][0]["state"] == "open"
    assert entry["data"]["new"] == {"outcome": "explained"}


@pytest.mark.parametrize(
    ("outcome", "reason"), [("matched", "by hand"), ("forgotten", "x"), ("explained", " "), ("", "x")]
)
async def test_an_outcome_needs_a_name_and_a_reason(
    services: Services, network: dict[str, int], outcome: str, reason: str
) -> None:
    with pytest.raises(OutcomeInvalid):
        await resolved(services, [1], outcome, reason)


async def test_many_are_settled_at_once_and_the_rest_is_told(services: Services, network: dict[str, int]) -> None:
    ids = [item["id"] for item in await listed(services)]
    await resolved(services, ids[:1])
    done = await resolved(services, [*ids[:3], ids[2], 999_999, -1, 2**63])
    entries = await rows(services, "SELECT subject FROM audit_entries WHERE action = 'exception.resolved' ORDER BY id")

    assert done.view() == {"changed": 2, "skipped": ids[:1], "unknown": [-1, 999_999, 2**63]}
    assert [entry["subject"] for entry in entries] == [f"exception:{ids[0]}", "exceptions"]
    with pytest.raises(ExceptionSettled) as settled:
        (await resolved(services, ids[:1])).refuse_unchanged()
    assert settled.value.params == {"id": ids[0], "state": "resolved"}
    with pytest.raises(ExceptionNotFound):
        (await resolved(services, [999_999])).refuse_unchanged()


async def test_a_settled_exception_can_be_opened_again(services: Services, network: dict[str, int]) -> None:
    wanted = (await exception_of(services, WITHOUT_RECEIPT))["id"]
    await resolved(services, [wanted])
    async with services.db.write() as session:
        done = await exceptions.reopen(session, SYSTEM, [wanted], "was wrong", services.clock.now())
    found = await exception_of(services, WITHOUT_RECEIPT)
    async with services.db.write() as session:
        again = await exceptions.reopen(session, SYSTEM, [wanted], None, services.clock.now())

    assert done.changed == 1
    assert (found["state"], found["outcome"], found["resolved_by"], found["resolved_at"]) == ("open", None, None, None)
    assert again.skipped == {wanted: "open"}


async def test_an_exception_is_given_to_somebody_who_may_settle_it(services: Services, network: dict[str, int]) -> None:
    wanted = (await exception_of(services, WITHOUT_RECEIPT))["id"]
    operator, viewer = await person(services, Role.OPERATOR), await person(services, Role.VIEWER)
    now = services.clock.now()
    async with services.db.write() as session:
        done = await exceptions.assign(session, SYSTEM, [wanted], operator.id, now)
        for nobody in (viewer.id, 4711, -1, 2**70):
            with pytest.raises(PersonNotFound):
                await exceptions.assign(session, SYSTEM, [wanted], nobody, now)
    async with services.db.read() as session:
        mine = await exceptions.list_exceptions(
            session, operator, ExceptionFilter(assignee="me"), now, services.settings.zone
        )
        with pytest.raises(FilterInvalid):
            await exceptions.list_exceptions(
                session, SYSTEM, ExceptionFilter(assignee="me"), now, services.settings.zone
            )
    assert done.changed == 1
    assert [item["assignee"] for item in mine.items] == [{"id": operator.id, "name": "A operator"}]
    assert len(await listed(services, assignee="none")) == 8
    async with services.db.write() as session:
        await exceptions.assign(session, SYSTEM, [wanted], None, now)
    assert len(await listed(services, assignee="none")) == 9


async def test_comments_are_kept_in_order(services: Services, network: dict[str, int]) -> None:
    wanted = (await exception_of(services, WITHOUT_RECEIPT))["id"]
    async with services.db.write() as session:
        for words in (" asked ", "answered"):
            await exceptions.comment(session, SYSTEM, wanted, words, services.clock.now())
        with pytest.raises(NoteEmpty):
            await exceptions.comment(session, SYSTEM, wanted, " \n", services.clock.now())
        with pytest.raises(ExceptionNotFound):
            await exceptions.comment(session, SYSTEM, 999_999, "x", services.clock.now())
    found = await shown(services, wanted)

    assert [(said["text"], said["author"]) for said in found["said"]] == [("asked", "test"), ("answered", "test")]
    assert found["comments"] == 2


async def test_what_people_said_outlives_runs_undo_and_repeated_imports(
    services: Services, network: dict[str, int]
) -> None:
    wanted = (await exception_of(services, "504"))["id"]
    open_one = (await exception_of(services, "503"))["id"]
    operator = await person(services, Role.OPERATOR)
    async with services.db.write() as session:
        await exceptions.assign(session, SYSTEM, [wanted, open_one], operator.id, services.clock.now())
        await exceptions.comment(session, SYSTEM, wanted, "somebody else's till", services.clock.now())
    await resolved(services, [wanted], "reported")

    async def said() -> list[object]:
        found = await shown(services, wanted)
        return [found[name] for name in ("id", "state", "outcome", "assignee", "comments")]

    before = await said()
    second = await imported(services, [*RECEIPTS, receipt(9, "20:00:00", "500")])
    await reconcile(services)
    assert await said() == before
    await undone(services, network["receipts"])
    await reconcile(services)
    assert await said() == before

    await undone(services, second["id"])
    await reconcile(services)
    assert await said() == before
    assert (await exception_of(services, "503"))["state"] == "gone"
    await redone(services, network["receipts"])
    await reconcile(services)
    back = await exception_of(services, "503")

    assert await said() == before
    assert (back["id"], back["state"], back["assignee"]) == (
        open_one,
        "open",
        {"id": operator.id, "name": "A operator"},
    )


async def test_reading_and_writing_need_their_permissions(services: Services, network: dict[str, int]) -> None:
    now, zone = services.clock.now(), services.settings.zone
    async with services.db.write() as session:
        for reading in (
            exceptions.list_exceptions(session, CUSTOMER, ExceptionFilter(), now, zone),
            exceptions.get_exception(session, CUSTOMER, 1, now, zone),
            questions.summary(session, CUSTOMER, ALL, zone),
            questions.drift(session, CUSTOMER, ALL),
            questions.gateways(session, CUSTOMER, ALL),
            questions.collections(session, CUSTOMER, ALL, zone),
            questions.offsets(session, CUSTOMER, ALL),
            questions.closed_span(session, CUSTOMER, ALL, zone),
            exceptions.assign(session, VIEWER, [1], None, now),
            exceptions.comment(session, VIEWER, 1, "x", now),
            exceptions.resolve(session, VIEWER, [1], "explained", "x", now),
            exceptions.reopen(session, VIEWER, [1], None, now),
        ):
            with pytest.raises(Forbidden):
                await reading
        assert (await exceptions.list_exceptions(session, VIEWER, ExceptionFilter(), now, zone)).items


async def test_nothing_is_written_while_changes_are_switched_off(services: Services, network: dict[str, int]) -> None:
    now = services.clock.now()
    async with services.db.write() as session:
        await change_rule(session, SYSTEM, "read_only", True, now)
    async with services.db.write() as session:
        for writing in (
            exceptions.assign(session, SYSTEM, [1], None, now),
            exceptions.comment(session, SYSTEM, 1, "x", now),
            exceptions.resolve(session, SYSTEM, [1], "explained", "x", now),
            exceptions.reopen(session, SYSTEM, [1], None, now),
        ):
            with pytest.raises(ReadOnly):
                await writing


async def test_the_summary_tells_how_everything_stands(services: Services, network: dict[str, int]) -> None:
    zone = services.settings.zone
    async with services.db.read() as session:
        found = await questions.summary(session, SYSTEM, Days(DAY, DAY), zone)
        elsewhere = await questions.summary(session, SYSTEM, Days(date(2025, 12, 26), None), zone)

    assert found["orders"] == 4
    assert len(found["by_status"]) == 11
    assert {name: count for name, count in found["by_status"].items() if count} == {
        "fully_matched": 1, "gateway_mismatch": 2, "fiscal_mismatch": 1,
    }  # fmt: skip
    assert found["matched_money"] == {"UZS": "15000.00"}
    assert found["unmatched_records"] == {"vendhub": 0, "fiscal": 3, "payme": 3, "click": 0, "uzum": 0}
    assert (found["conserved"], found["conservation"], found["waiting"], found["seconds"]) == (True, [], 0, None)
    assert found["exceptions"]["payme_only"] == {"count": 3, "amount": {"UZS": "41000.00"}}
    assert (found["last_run"]["orders"], found["last_run"]["from"]) == (4, "2025-12-25")
    drift = {row["source"]: row for row in found["drift"]}
    assert set(drift) == {"vendhub", "fiscal", "payme"}
    assert (drift["vendhub"]["status"], drift["vendhub"]["permille"]) == ("ok", 0.0)
    assert drift["fiscal"]["difference"] == {"amount": "27000.00", "currency": "UZS"}
    assert (drift["fiscal"]["permille"], drift["fiscal"]["status"]) == (871.0, "critical")
    assert sum(row["records"] for row in found["buckets"] if row["source"] == "fiscal") == 4
    assert (elsewhere["orders"], elsewhere["matched_money"], elsewhere["drift"]) == (0, {}, [])


async def test_before_the_first_run_there_is_nothing_and_what_waits_is_told(services: Services) -> None:
    await imported(services, [hw_row(1)])
    async with services.db.read() as session:
        found = await questions.summary(session, SYSTEM, ALL, services.settings.zone)

    assert (found["orders"], found["last_run"], found["conserved"]) == (0, None, True)
    assert found["waiting"] > 0


async def test_money_that_is_not_in_the_buckets_is_listed(services: Services, network: dict[str, int]) -> None:
    async with services.db.write() as session:
        await session.execute(
            text("UPDATE reconciliation_conservation SET kept_amount = kept_amount - 100 WHERE source = 'payme'")
        )
    async with services.db.read() as session:
        found = await questions.summary(session, SYSTEM, ALL, services.settings.zone)

    assert not found["conserved"]
    assert [(row["day"], row["source"], row["kept"]["amount"]["amount"]) for row in found["conservation"]] == [
        ("2025-12-25", "payme", "40999.00")
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (("day", "source"), [(str(DAY), name, None) for name in ("fiscal", "payme", "vendhub")]),
        (("source",), [(None, "fiscal", None), (None, "payme", None), (None, "vendhub", None)]),
        (("machine",), [(None, None, None), (None, None, MACHINE)]),
        (("day",), [(str(DAY), None, None)]),
    ],
)
async def test_drift_is_added_up_by_what_is_asked_for(
    services: Services, network: dict[str, int], by: tuple[str, ...], expected: list[tuple[str | None, ...]]
) -> None:
    async with services.db.read() as session:
        found = await questions.drift(session, SYSTEM, ALL, by=by)

    assert [(row["day"], row["source"], row["machine"]) for row in found] == expected


async def test_drift_narrows_to_a_source_and_a_machine(services: Services, network: dict[str, int]) -> None:
    async with services.db.read() as session:
        of_machine = await questions.drift(session, SYSTEM, ALL, source="fiscal", machine=MACHINE)
        unknown = await questions.drift(session, SYSTEM, ALL, source="fiscal", machine="", by=("machine",))
        with pytest.raises(GroupingUnknown):
            await questions.drift(session, SYSTEM, ALL, by=("hour",))

    assert [(row["ours"]["amount"], row["theirs"]["amount"]) for row in of_machine] == [("31000.00", "15000.00")]
    assert [(row["permille"], row["status"]) for row in unknown] == [(None, "critical")]


@pytest.mark.parametrize(
    ("ours", "difference", "expected"),
    [
        (100_000, 0, "ok"),
        (100_000, 999, "ok"),
        (100_000, -1_000, "attention"),
        (100_000, 3_000, "attention"),
        (100_000, -3_001, "critical"),
        (0, 0, "ok"),
        (0, 1, "critical"),
    ],
)
def test_the_status_of_a_drift(ours: int, difference: int, expected: str) -> None:
    assert questions.drift_status(ours, difference, (10, 30)) == expected


async def test_gateways_tell_gross_fee_and_net(services: Services, network: dict[str, int]) -> None:
    async with services.db.read() as session:
        before = await questions.gateways(session, SYSTEM, ALL)
    async with services.db.write() as session:
        await change_rule(session, SYSTEM, "reconciliation.payme_gross", True, services.clock.now())
    await imported(services, [payment(9, "20:00:00", "1000")])
    await reconcile(services)
    async with services.db.read() as session:
        after = await questions.gateways(session, SYSTEM, ALL)

    (total,) = before["totals"]
    assert (total["gateway"], total["payments"]) == ("payme", 3)
    assert [total[name]["amount"] for name in ("gross", "fee", "net")] == ["41000.00", "450.00", "40550.00"]
    assert [(row["gateway"], row["status"], row["credit"]) for row in before["payouts"]] == [
        ("payme", "not_covered", None)
    ]
    assert [after["totals"][0][name]["amount"] for name in ("gross", "fee", "net")] == [
        "42000.00",
        "600.00",
        "41400.00",
    ]


async def test_a_payout_names_the_credit_that_paid_it(services: Services, network: dict[str, int]) -> None:
    row = {"Date": "2025-12-26 10:00:00", "Debit": "0", "Credit": "40550", "Payment purpose": "PAYME payout",
           "Correspondent": "INSPIRED", "Document number": "77"}  # fmt: skip
    await imported(services, [row], "bank.csv")
    await reconcile(services)
    async with services.db.read() as session:
        found = (await questions.gateways(session, SYSTEM, ALL))["payouts"]

    assert [(payout["status"], payout["difference"]["amount"]) for payout in found] == [("paid", "0.00")]
    assert found[0]["credit"]["amount"] == {"amount": "40550.00", "currency": "UZS"}


async def test_collections_tell_what_was_expected(services: Services, network: dict[str, int]) -> None:
    cash = [
        {"Date": f"2025-12-{day} 23:00:00", "Machine code": MACHINE, "Amount": amount, "Collector": "Anvar"}
        for day, amount in (("24", "5000"), ("25", "20000"))
    ]
    await imported(services, cash, "cash.csv")
    await reconcile(services)
    zone = services.settings.zone
    async with services.db.read() as session:
        found = await questions.collections(session, SYSTEM, ALL, zone)
        late = await questions.collections(session, SYSTEM, Days(date(2025, 12, 25), None), zone)

    assert [row["status"] for row in found] == ["short", "first"]
    assert [found[0][name]["amount"] for name in ("expected", "collected", "difference")] == [
        "31000.00", "20000.00", "-11000.00",
    ]  # fmt: skip
    assert late == found[:1]
    assert [item["type"] for item in await listed(services, source="cash_collection")] == ["collection_differs"]


async def test_clocks_are_listed_with_those_beyond_their_window(services: Services, network: dict[str, int]) -> None:
    async with services.db.write() as session:
        await session.execute(text("UPDATE reconciliation_clocks SET ahead_s = -61 WHERE party LIKE 'machine:%'"))
    async with services.db.read() as session:
        found = await questions.offsets(session, SYSTEM, ALL)
        beyond = await questions.offsets(session, SYSTEM, ALL, only_beyond=True)
        first = await questions.offsets(session, SYSTEM, ALL, limit=1)
        second = await questions.offsets(session, SYSTEM, ALL, limit=1, cursor=first.next_cursor)
        for cursor in (encode_cursor(["x", "y"]), encode_cursor(["2025-12-25", 1]), "?"):
            with pytest.raises(BadCursor):
                await questions.offsets(session, SYSTEM, ALL, cursor=cursor)

    assert [(row["kind"], row["source"], row["beyond"]) for row in found.items] == [
        ("machine", None, True), ("terminal", "fiscal", False),
    ]  # fmt: skip
    assert found.items[0]["machine"]["code"] == MACHINE
    assert (found.items[1]["account"], found.items[1]["window_s"]) == ("VG3430001", 60)
    assert beyond.items == first.items == found.items[:1]
    assert second.items == found.items[1:]
    assert second.next_cursor is None


async def test_an_open_end_of_days_is_where_the_facts_end(services: Services) -> None:
    zone = services.settings.zone
    async with services.db.read() as session:
        nothing = await questions.closed_span(session, SYSTEM, Days(DAY, None), zone)
    await bring_network(services)
    await imported(services, [fiscal_row(9, Fiscal_time="2025-12-28 20:00:00")])
    async with services.db.read() as session:
        until_the_end = await questions.closed_span(session, SYSTEM, Days(DAY, None), zone)
        from_the_beginning = await questions.closed_span(session, SYSTEM, Days(None, date(2026, 1, 1)), zone)
        beyond = await questions.closed_span(session, SYSTEM, Days(date(2026, 2, 1), None), zone)
        both = await questions.closed_span(session, SYSTEM, Days(DAY, DAY), zone)

    assert nothing == Days()
    assert until_the_end == Days(DAY, date(2025, 12, 28))
    assert from_the_beginning == Days(DAY, date(2026, 1, 1))
    assert beyond == Days(date(2026, 2, 1), date(2026, 2, 1))
    assert both == Days(DAY, DAY)


def test_days_that_end_before_they_begin_are_refused() -> None:
    with pytest.raises(DaysInvalid):
        Days.from_texts("2025-12-25", "2025-12-24")
    with pytest.raises(FilterInvalid):
        Days.from_texts("soon", None)


def test_ages_are_whole_days() -> None:
    now, zone = datetime(2026, 1, 5, 9, 0, tzinfo=UTC), ZoneInfo("Asia/Tashkent")

    assert age_days(now - timedelta(hours=47), None, now, zone) == 1
    assert age_days(now + timedelta(hours=1), None, now, zone) == 0
    assert age_days(None, date(2026, 1, 1), now, zone) == 4
    assert age_days(None, date(1970, 1, 1), now, zone) is None
    assert age_days(None, None, now, zone) is None


async def test_an_order_that_is_proven_has_no_exception(services: Services, network: dict[str, int]) -> None:
    assert PROVEN not in {(item["order"] or {}).get("number") for item in await listed(services, state="all")}
