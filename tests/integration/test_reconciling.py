"""Orders against sales, receipts and payments: every status and every bucket, reached by files as they arrive."""

import pytest

from tests.factories import MACHINE, Row, click_row, fiscal_row, hw_row, number, payme_row, uzum_row, vendhub_row
from tests.integration.conftest import PERSON, Bring, Query
from tests.integration.reckoned import assert_conserved, exceptions, found, found_anew, reconciled, status_of, whys
from tests.integration.standing import undone
from vhm24r.ops.process import Services
from vhm24r.orders.service import reading
from vhm24r.orders.types import MatchStatus

pytestmark = pytest.mark.integration

OTHER = "24a8ff000002"
QR = {"Ресурс_заказа": "QR платежи"}
VIP = {"Ресурс_заказа": "vip"}


def at(index: int, second: int = 0) -> str:
    """A quiet moment for the n-th order, ten minutes after the one before."""
    total = index * 600 + second
    return f"2025-12-25 {8 + total // 3600:02}:{total % 3600 // 60:02}:{total % 60:02}"


def sold(index: int, **changes: str) -> Row:
    """The machine's row of an order at its moment."""
    times = {
        "Время_создания": at(index), "Время_оплаты": at(index, 8), "Срок_поставки": at(index, 60),
    }  # fmt: skip
    return hw_row(index, **{**times, **changes})


def sale(index: int, **changes: str) -> Row:
    """Its sale."""
    return vendhub_row(index, **{"Time": at(index, 10), **changes})


def receipt(index: int, **changes: str) -> Row:
    """Its receipt."""
    return fiscal_row(index, **{"Fiscal_time": at(index, 14), **changes})


def payment(index: int, **changes: str) -> Row:
    """Its payment."""
    return payme_row(index, **{"Payment_time": at(index, 6), **changes})


FAR = 60
"""An order hours later: its files cover the whole day."""

Files = dict[str, list[Row]]

SCENARIOS: dict[str, tuple[Files, MatchStatus]] = {
    "cash with sale and receipt": (
        {"hw": [sold(1)], "vendhub": [sale(1)], "fiscal": [receipt(1)]}, MatchStatus.FULLY_MATCHED,
    ),
    "qr with sale and payment": (
        {"hw": [sold(1, **QR)], "vendhub": [sale(1, Order_resource="Custom payment")], "payme": [payment(1)]},
        MatchStatus.FULLY_MATCHED,
    ),
    "vip with its sale": (
        {"hw": [sold(1, **VIP)], "vendhub": [sale(1, Order_resource="vip")]}, MatchStatus.FULLY_MATCHED,
    ),
    "cash, and nobody has sent receipts": ({"hw": [sold(1)], "vendhub": [sale(1)]}, MatchStatus.MATCHED),
    "qr, and not all gateways have reported": (
        {"hw": [sold(1, **QR)], "vendhub": [sale(1, Order_resource="Custom payment")], "payme": [payment(FAR)]},
        MatchStatus.MATCHED,
    ),
    "no sale, though there is a receipt": ({"hw": [sold(1)], "fiscal": [receipt(1)]}, MatchStatus.HW_ONLY),
    "a sale of an order no machine knows": ({"vendhub": [sale(1)]}, MatchStatus.VENDHUB_ONLY),
    "cash without its receipt": (
        {"hw": [sold(1)], "vendhub": [sale(1)], "fiscal": [receipt(FAR)]}, MatchStatus.FISCAL_MISMATCH,
    ),
    "a receipt of another amount": (
        {"hw": [sold(1)], "vendhub": [sale(1)], "fiscal": [receipt(1, Operation_amount="9000")]},
        MatchStatus.FISCAL_MISMATCH,
    ),
    "qr without its payment, all gateways have reported": (
        {
            "hw": [sold(1, **QR)], "vendhub": [sale(1, Order_resource="Custom payment")], "payme": [payment(FAR)],
            "click": [click_row(FAR, Date=at(FAR))], "uzum": [uzum_row(FAR, Transaction_time=at(FAR))],
        },
        MatchStatus.GATEWAY_MISMATCH,
    ),
    "qr without its payment at the gateway the sale names": (
        {
            "hw": [sold(1, **QR)], "vendhub": [sale(1, Order_resource="Custom payment", Payment_type="Click")],
            "payme": [payment(1)], "click": [click_row(FAR, Date=at(FAR))],
        },
        MatchStatus.GATEWAY_MISMATCH,
    ),
    "a sale of another price": (
        {"hw": [sold(1)], "vendhub": [sale(1, Order_price="14 000,00")], "fiscal": [receipt(1)]},
        MatchStatus.PRICE_MISMATCH,
    ),
    "a sale long after delivery": (
        {"hw": [sold(1)], "vendhub": [sale(1, Time=at(1, 400))], "fiscal": [receipt(1)]},
        MatchStatus.TIME_OUT_OF_RANGE,
    ),
    "one receipt for two orders": (
        {
            "hw": [sold(1), sold(2, Время_создания=at(1, 20), Время_оплаты=at(1, 28), Срок_поставки=at(1, 80))],
            "vendhub": [sale(1), sale(2, Time=at(1, 30))], "fiscal": [receipt(1, Fiscal_time=at(1, 18))],
        },
        MatchStatus.AMBIGUOUS_MATCH,
    ),
    "one number on two machines": (
        {"hw": [sold(1), sold(1, Машинный_код=OTHER)], "vendhub": [sale(1)]}, MatchStatus.NUMBER_CONFLICT,
    ),
    "refunded after its receipt": (
        {
            "hw": [sold(1, Статус_платежа="Возвращен", Время_возврата_денег=at(1, 90))],
            "vendhub": [sale(1)], "fiscal": [receipt(1)],
        },
        MatchStatus.REFUNDED,
    ),
}  # fmt: skip


async def bring_all(bring: Bring, files: Files, order: tuple[str, ...] = ()) -> dict[str, int]:
    """Import the files, in an order; their imports' ids."""
    done = {}
    for name in order or tuple(files):
        view = await bring(files[name], name=f"{name}.csv")
        assert view["status"] == "applied", (name, view["error"], view["issues"])
        done[name] = view["id"]
    return done


@pytest.mark.parametrize("name", SCENARIOS)
async def test_every_status_is_reached_by_files(name: str, bring: Bring, services: Services) -> None:
    files, expected = SCENARIOS[name]
    await bring_all(bring, files)

    report = await reconciled(services)

    assert await status_of(services, number(1)) == expected
    assert report.conserved
    await assert_conserved(services)


def test_every_status_has_a_scenario() -> None:
    assert {status for _, status in SCENARIOS.values()} == set(MatchStatus)


@pytest.mark.parametrize("name", [name for name, (files, _) in SCENARIOS.items() if len(files) > 2])
async def test_the_order_of_files_changes_nothing(name: str, bring: Bring, services: Services) -> None:
    files, expected = SCENARIOS[name]
    for source in reversed(files):
        await bring_all(bring, {source: files[source]})
        await reconciled(services)

    assert await status_of(services, number(1)) == expected
    assert await found(services) == await found_anew(services)


async def test_reasons_say_why(bring: Bring, services: Services) -> None:
    await bring_all(
        bring,
        {
            "hw": [sold(1), sold(2), sold(3)],
            "vendhub": [sale(1, Order_price="14 000,00"), sale(2, Time=at(2, 400)), sale(3)],
            "fiscal": [receipt(1), receipt(FAR)],
        },
    )
    await reconciled(services)

    async with services.db.read() as session:
        orders = [await reading.get_order(session, PERSON, number(index)) for index in (1, 2, 3)]

    assert orders[0]["reasons"] == [{"code": "sale_price", "machine": "15000.00", "sale": "14000.00"}]
    assert orders[1]["findings"] == ["time_out_of_range", "fiscal_mismatch"]
    assert orders[1]["reasons"][0] == {"code": "sale_time", "seconds": 280, "window_s": 60}
    assert orders[2]["reasons"] == [{"code": "no_receipt", "window_s": 60}]


async def test_evidence_is_explained(bring: Bring, services: Services) -> None:
    await bring_all(bring, {"hw": [sold(1)], "vendhub": [sale(1)], "fiscal": [receipt(1)]})
    await reconciled(services)

    async with services.db.read() as session:
        order = await reading.get_order(session, PERSON, number(1))
    by_source = {one["source"]: one for one in order["evidence"]}

    assert set(by_source) == {"happy_workers", "vendhub", "fiscal"}
    assert by_source["vendhub"]["match"]["rule"] == "order_number"
    proof = by_source["fiscal"]
    assert (proof["role"], proof["match"]["kind"], proof["match"]["rule"]) == ("receipt", "auto", "amount_and_time")
    assert proof["match"]["reasons"] == [
        {"code": "same_amount"}, {"code": "seconds_apart", "seconds": 6}, {"code": "no_rival"},
    ]  # fmt: skip
    assert proof["file"] == "fiscal.csv"


async def test_records_without_an_order_say_so(bring: Bring, services: Services) -> None:
    await bring_all(
        bring,
        {
            "hw": [sold(1)],
            "vendhub": [sale(1)],
            "fiscal": [receipt(1), receipt(2), receipt(3, Operation_type="Return", Operation_amount="7000")],
            "payme": [payment(4), payment(5, State="CANCELLED")],
        },
    )
    await reconciled(services)

    assert await whys(services) == {
        "502": ("unmatched", "no_order_near"),
        "503": ("unmatched", "return_without_sale"),
        "payme0004": ("unmatched", "no_order_near"),
        "payme0005": ("reversed", "reversed_there"),
    }
    assert [(one["type"], one["of"], one["amount"]) for one in await exceptions(services)] == [
        ("fiscal_only", "502", 1_500_000),
        ("fiscal_only", "503", 700_000),
        ("payme_only", "payme0004", 1_500_000),
    ]


async def test_a_refund_takes_its_receipt_along(bring: Bring, services: Services) -> None:
    refunded = {"Статус_платежа": "Возвращен", "Время_возврата_денег": at(1, 300)}
    back = receipt(9, Fiscal_time=at(1, 310), Operation_type="Return")
    await bring_all(bring, {"hw": [sold(1, **refunded)], "vendhub": [sale(1)], "fiscal": [receipt(1), back]})
    await reconciled(services)

    assert await whys(services) == {"501": ("reversed", "taken_back"), "509": ("reversed", "return")}
    async with services.db.read() as session:
        order = await reading.get_order(session, PERSON, number(1))
    assert {one["match"]["rule"] for one in order["evidence"]} == {"order_number", "amount_and_time", "return"}
    assert await exceptions(services) == []


async def test_a_refund_in_the_machine_alone_is_worth_money(bring: Bring, services: Services) -> None:
    refunded = {"Статус_платежа": "Возвращен", "Время_возврата_денег": at(1, 300), **QR}
    sold_by_qr = sale(1, Order_resource="Custom payment")
    await bring_all(bring, {"hw": [sold(1, **refunded)], "vendhub": [sold_by_qr], "payme": [payment(1)]})
    await reconciled(services)

    found_open = await exceptions(services)
    assert [(one["type"], one["amount"]) for one in found_open] == [("refund_not_at_gateway", 1_500_000)]


async def test_a_later_correction_is_reckoned_anew(bring: Bring, services: Services) -> None:
    await bring_all(bring, {"hw": [sold(1)], "vendhub": [sale(1)], "fiscal": [receipt(1)]})
    await reconciled(services)
    await bring([sold(1, Цена_заказа="12000")], name="corrected.csv")
    await reconciled(services)

    assert await status_of(services, number(1)) == MatchStatus.PRICE_MISMATCH
    assert (await whys(services))["501"] == ("unmatched", "no_order_near")
    assert await found(services) == await found_anew(services)


async def test_a_corrected_sale_is_seen_though_its_order_takes_nothing_from_it(
    bring: Bring, services: Services
) -> None:
    await bring_all(bring, {"hw": [sold(1)], "vendhub": [sale(1)]})
    await reconciled(services)
    await bring([sale(1, Order_price="14 000,00")], name="corrected.csv")
    await reconciled(services)

    assert await status_of(services, number(1)) == MatchStatus.PRICE_MISMATCH
    assert await found(services) == await found_anew(services)


async def test_undo_takes_back_what_followed(bring: Bring, services: Services) -> None:
    done = await bring_all(bring, {"hw": [sold(1)], "vendhub": [sale(1)], "fiscal": [receipt(1)]})
    await reconciled(services)
    before = await found(services)

    await undone(services, done["fiscal"])
    await reconciled(services)
    assert await status_of(services, number(1)) == MatchStatus.MATCHED
    await bring([receipt(1)], name="again.csv")
    await reconciled(services)

    assert await found(services) == before


async def test_the_same_file_again_changes_nothing(bring: Bring, services: Services, query: Query) -> None:
    files = {"hw": [sold(1), sold(2)], "vendhub": [sale(1), sale(2)], "fiscal": [receipt(1), receipt(2)]}
    await bring_all(bring, files)
    await reconciled(services)
    before, ids = await found(services), await query("SELECT id FROM evidence_matches ORDER BY id")

    await bring([*files["fiscal"], receipt(1)], name="other bytes.csv")
    await reconciled(services)

    after = await found(services)
    repeated = [row for row in after.pop("buckets") if row["bucket"] != "duplicate"]
    assert repeated == before.pop("buckets")
    before.pop("conservation"), after.pop("conservation")
    assert after == before
    assert await query("SELECT id FROM evidence_matches ORDER BY id") == ids
    await assert_conserved(services)


async def test_a_clock_forty_minutes_wrong_is_found_and_put_right(
    bring: Bring, services: Services, query: Query
) -> None:
    wrong = [
        sold(
            i,
            Машинный_код=OTHER,
            Время_создания=at(i, 2400),
            Время_оплаты=at(i, 2408),
            Срок_поставки=at(i, 2460),
        )
        for i in range(11, 17)
    ]
    right = [sold(i) for i in range(1, 11)]
    sales = [sale(i) for i in range(1, 11)] + [sale(i, Machine_Code=OTHER) for i in range(11, 17)]
    receipts = [receipt(i) for i in range(1, 17)]
    await bring_all(bring, {"hw": right + wrong, "vendhub": sales, "fiscal": receipts})
    await reconciled(services)

    assert {await status_of(services, number(i)) for i in range(1, 17)} == {MatchStatus.FULLY_MATCHED}
    [clock] = await query("SELECT * FROM reconciliation_clocks WHERE machine_code = :code AND ahead_s > 60", code=OTHER)
    assert (clock["ahead_s"], clock["records"]) == (2400, 6)


async def test_a_crowd_of_equal_amounts_is_fast_and_open(bring: Bring, services: Services) -> None:
    many = 2_000
    moments = [f"2025-12-25 12:00:{n % 60:02}" for n in range(many)]
    orders = [
        hw_row(n, Время_создания=moment, Время_оплаты=moment, Срок_поставки=moment) for n, moment in enumerate(moments)
    ]
    receipts = [fiscal_row(n, Fiscal_time=moment) for n, moment in enumerate(moments[:-1])]
    await bring_all(bring, {"hw": orders, "fiscal": receipts})
    report = await reconciled(services)

    assert report.seconds < 60  # hours, if every pair were looked at
    assert set((await whys(services)).values()) == {("unmatched", "ambiguous")}
    await assert_conserved(services)


async def test_a_file_of_another_merchant_is_told_apart(bring: Bring, services: Services) -> None:
    theirs = [payment(20 + n, System_ID=f"other{n}", Cash_desk_name="Somebody else") for n in range(6)]
    await bring_all(bring, {"hw": [sold(1, **QR)], "vendhub": [sale(1, Order_resource="Custom payment")],
                            "payme": [payment(1), *theirs]})  # fmt: skip
    await reconciled(services)

    assert set((await whys(services)).values()) == {("unmatched", "nothing_here")}


async def test_amounts_below_zero_are_returns(bring: Bring, services: Services) -> None:
    await bring_all(
        bring,
        {"hw": [sold(1)], "fiscal": [receipt(1), receipt(2, Operation_amount="-15000", Fiscal_time=at(1, 200))]},
    )
    await reconciled(services)

    assert await whys(services) == {"501": ("reversed", "taken_back"), "502": ("reversed", "return")}
    await assert_conserved(services)


async def test_an_order_by_the_machine_of_its_register(bring: Bring, services: Services) -> None:
    """Two machines sell the same at the same moments; the register's place tells whose receipt is whose."""
    orders = [sold(i, Адрес="ул. Навои, 1") for i in range(1, 5)]
    others = [sold(i + 10, Машинный_код=OTHER, Адрес="Чиланзар, 9", Время_создания=at(i, 1), Время_оплаты=at(i, 9),
                   Срок_поставки=at(i, 61)) for i in range(1, 5)]  # fmt: skip
    receipts = [receipt(i, Trade_point="Чиланзар 9") for i in range(1, 5)]
    await bring_all(bring, {"hw": orders + others, "fiscal": receipts})
    await reconciled(services)

    matched = await found(services)
    assert {(row["machine_code"], row["rule"]) for row in matched["matches"]} == {(OTHER, "place_and_time")}
    assert MACHINE not in {row["machine_code"] for row in matched["matches"]}
