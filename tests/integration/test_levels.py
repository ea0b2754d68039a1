"""Payouts against the bank and cash against collections, from files to their statuses and exceptions."""

from datetime import date
from typing import Any

import pytest

from tests.conftest import NOW
from tests.factories import MACHINE, Row, hw_row, payme_row, vendhub_row
from tests.integration.conftest import Bring, Query
from tests.integration.reckoned import assert_conserved, exceptions, found, found_anew, reconciled
from tests.integration.standing import undone
from vhm24r.ops.process import Services
from vhm24r.platform.business_settings import store
from vhm24r.reconciliation.service import rules

pytestmark = pytest.mark.integration

PAYOUTS = "SELECT gateway, day, gross, fee, difference, status FROM reconciliation_payouts ORDER BY day"
PERIODS = "SELECT machine_code, since, expected, collected, status FROM reconciliation_collections ORDER BY until"


def bank_row(day: int, credit: str, purpose: str, correspondent: str = "") -> Row:
    """Money that came in on a day of December."""
    return {
        "Дата": f"{day:02}.12.2025", "Номер документа": str(day), "Корреспондент": correspondent, "Дебет": "",
        "Кредит": credit, "Назначение платежа": purpose,
    }  # fmt: skip


def collected(day: int, amount: str, hour: int = 20) -> Row:
    """Cash taken out of the machine."""
    return {
        "Дата": f"{day:02}.12.2025 {hour}:00:00", "Машинный код": MACHINE, "Сумма": amount, "Инкассатор": "team 4",
    }  # fmt: skip


def paid(index: int, day: int) -> Row:
    """A payment of 15,000 less 150 at noon of a day."""
    return payme_row(index, Payment_time=f"2025-12-{day:02} 12:00:00")


def sold(index: int, day: int, hour: int = 12, **changes: str) -> Row:
    """A cash order of 15,000 at an hour of a day."""
    moment = f"2025-12-{day:02} {hour:02}:00:00"
    times = {"Время_создания": moment, "Время_оплаты": moment, "Срок_поставки": ""}
    return hw_row(index, **{**times, **changes})


async def test_payouts_are_found_in_the_statement(bring: Bring, services: Services, query: Query) -> None:
    await bring([paid(1, 20), paid(2, 20), paid(3, 21), paid(4, 28)], name="payme.csv")
    await bring(
        [
            bank_row(20, "1000", "rent"),
            bank_row(22, "29 650,00", "Возмещение по эквайрингу PAYME"),
            bank_row(26, "777", "Click Merchants"),
            bank_row(27, "12", "other"),
        ],
        name="bank.csv",
    )
    await reconciled(services)

    assert await query(PAYOUTS) == [
        {"gateway": "payme", "day": date(2025, 12, 20), "gross": 3_000_000, "fee": 30_000, "difference": -5_000,
         "status": "paid"},
        {"gateway": "payme", "day": date(2025, 12, 21), "gross": 1_500_000, "fee": 15_000, "difference": -1_485_000,
         "status": "missing"},
        {"gateway": "payme", "day": date(2025, 12, 28), "gross": 1_500_000, "fee": 15_000, "difference": -1_485_000,
         "status": "not_covered"},
    ]  # fmt: skip
    missing = [one for one in await exceptions(services) if one["type"] == "payout_missing"]
    assert [(one["amount"], one["reasons"][0]["code"]) for one in missing] == [(1_485_000, "no_credit")]
    buckets = await query("SELECT why, records, amount FROM reconciliation_buckets WHERE source = 'bank' ORDER BY 1, 3")
    assert [(row["why"], row["records"], row["amount"]) for row in buckets] == [
        ("own_level", 1, 1_200), ("own_level", 1, 77_700), ("own_level", 1, 100_000), ("paid_out", 1, 2_965_000),
    ]  # fmt: skip
    await assert_conserved(services)
    assert await found(services) == await found_anew(services)


async def test_a_report_of_gross_amounts_is_brought_down_to_what_was_paid(
    bring: Bring, services: Services, query: Query
) -> None:
    async with services.db.write() as session:
        await store(session, rules.GROSS[next(iter(rules.GROSS))], value=True, at=NOW)
    order = sold(1, 20, Ресурс_заказа="QR платежи")
    await bring([order], name="hw.csv")
    await bring([vendhub_row(1, Time="20.12.2025 12:00:05", Order_resource="Custom payment")], name="vendhub.csv")
    await bring([payme_row(1, Payment_time="2025-12-20 12:00:04", Amount_without_commission="15150")], name="payme.csv")
    await reconciled(services)

    assert [row["match_status"] for row in await query("SELECT match_status FROM order_match_statuses")] == [
        "fully_matched"
    ]
    assert [(row["gross"], row["fee"]) for row in await query(PAYOUTS)] == [(1_515_000, 15_000)]
    assert await query("SELECT sum(amount) AS s FROM reconciliation_buckets WHERE source = 'payme'") == [
        {"s": 1_515_000}
    ]


async def test_cash_is_compared_between_collections(bring: Bring, services: Services, query: Query) -> None:
    orders = [sold(1, 20), sold(2, 21), sold(3, 21, 21), sold(4, 22), sold(5, 22, Ресурс_заказа="QR платежи"),
              sold(6, 22, Статус_платежа="Возвращен", Время_возврата_денег="2025-12-22 12:05:00")]  # fmt: skip
    await bring(orders, name="hw.csv")
    done = await bring([collected(20, "15000"), collected(21, "15000"), collected(22, "5000")], name="cash.csv")
    await reconciled(services)

    def told(rows: list[dict[str, Any]]) -> list[tuple[int, int, str]]:
        return [(row["expected"], row["collected"], row["status"]) for row in rows]

    assert told(await query(PERIODS)) == [
        (0, 1_500_000, "first"), (1_500_000, 1_500_000, "ok"), (3_000_000, 500_000, "short"),
    ]  # fmt: skip
    short = [one for one in await exceptions(services) if one["type"] == "collection_differs"]
    assert [(one["amount"], one["reasons"]) for one in short] == [
        (2_500_000, [{"code": "collected_short", "expected": "30000.00", "collected": "5000.00"}])
    ]

    await bring([sold(7, 21, 13)], name="late.csv")
    await reconciled(services)
    assert told(await query(PERIODS))[1] == (3_000_000, 1_500_000, "short")
    assert await found(services) == await found_anew(services)

    await undone(services, done["id"])
    await reconciled(services)
    assert await query(PERIODS) == []
    assert [one for one in await exceptions(services) if one["type"] == "collection_differs"] == []
