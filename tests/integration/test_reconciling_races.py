"""Several at once: imports, decisions and runs, and what the lock of runs is for."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from tests.conftest import NOW
from tests.factories import fiscal_row, hw_row, vendhub_row
from tests.integration.conftest import Query
from tests.integration.reckoned import assert_conserved, found, found_anew, reconciled, status_of
from tests.integration.sharing import imported
from vhm24r.ops.process import Services
from vhm24r.orders.types import MatchStatus
from vhm24r.reconciliation.models import MatchDecision
from vhm24r.reconciliation.service import running
from vhm24r.reconciliation.service.requesting import ask_for_days
from vhm24r.reconciliation.types import DecisionKind

pytestmark = pytest.mark.integration


def moment(index: int, second: int) -> str:
    """Two minutes for every order of a test."""
    return f"2025-12-25 {10 + index // 30:02}:{index % 30 * 2:02}:{second:02}"


async def network(services: Services, orders: int = 50) -> None:
    """Orders and receipts; their sales are still to come."""
    sold = [
        hw_row(i, Время_создания=moment(i, 0), Время_оплаты=moment(i, 5), Срок_поставки=moment(i, 50))
        for i in range(orders)
    ]
    await imported(services, sold, "orders.csv")
    await imported(services, [fiscal_row(i, Fiscal_time=moment(i, 9)) for i in range(0, orders, 2)], "receipts.csv")


async def decide(services: Services, query: Query) -> None:
    """Somebody says that the first receipt belongs to the second order."""
    [record] = await query("SELECT record_id FROM evidence_records WHERE external_id = '500' AND source = 'fiscal'")
    orders = await query("SELECT id FROM orders ORDER BY number LIMIT 2")
    async with services.db.write() as session:
        session.add(
            MatchDecision(
                kind=DecisionKind.MATCH, record_id=record["record_id"], order_id=orders[1]["id"], reason="seen",
                author_name="somebody", at=NOW,
            )
        )  # fmt: skip
        day = NOW.date().replace(year=2025, month=12, day=25)
        await ask_for_days(session, day, day, NOW)


async def test_imports_decisions_and_runs_at_once_end_as_one_after_the_other(services: Services, query: Query) -> None:
    await network(services)
    sales = [vendhub_row(i, Time=moment(i, 7).replace("2025-12-25", "25.12.2025")) for i in range(50)]
    more = [fiscal_row(i, Fiscal_time=moment(i, 9)) for i in range(1, 50, 2)]

    await asyncio.gather(
        imported(services, sales, "sales.csv"),
        reconciled(services),
        imported(services, more, "more.csv"),
        decide(services, query),
        reconciled(services),
        reconciled(services),
    )
    await reconciled(services)

    await assert_conserved(services)
    assert await found(services) == await found_anew(services)
    numbers = [row["number"] for row in await query("SELECT number FROM orders ORDER BY number LIMIT 3")]
    assert [await status_of(services, number) for number in numbers] == [
        MatchStatus.FISCAL_MISMATCH, MatchStatus.FULLY_MATCHED, MatchStatus.FULLY_MATCHED,
    ]  # fmt: skip
    assert [row["kind"] for row in await query(
        "SELECT m.kind FROM evidence_matches m JOIN evidence_records e ON e.id = m.record_id"
        " WHERE e.external_id = '500' AND m.withdrawn_at IS NULL"
    )] == ["manual"]  # fmt: skip


async def test_a_second_request_joins_the_waiting_one(services: Services, query: Query) -> None:
    await network(services)
    async with services.db.write() as session:
        await ask_for_days(session, None, None, NOW)

    reports = await asyncio.gather(*(reconciled(services) for _ in range(3)))

    assert [report.run_id is None for report in reports].count(False) == 1
    assert len(await query("SELECT * FROM reconciliation_runs")) == 1


async def test_without_the_lock_two_runs_write_the_same_twice(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the tests above."""
    await network(services, orders=200)

    async def nobody_waits(*_: Any, **__: Any) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr(running, "take", nobody_waits)

    with pytest.raises(DBAPIError):
        await asyncio.gather(*(reconciled(services) for _ in range(4)))
