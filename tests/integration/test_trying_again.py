"""What fails for the moment can be done again, and what one import says of money its undo says, too."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.conftest import SYSTEM
from tests.factories import hw_row, vendhub_row, write_csv
from tests.integration.conftest import Bring
from tests.integration.standing import import_of, redone, standing, undone
from tests.reading import task_of
from vhm24r.intake.errors import ImportNotApplied, ImportNotCancellable, ImportNotUnmapped
from vhm24r.intake.reading import Opened
from vhm24r.intake.service import applying, undoing
from vhm24r.intake.service.mapping import map_import, suggestions
from vhm24r.intake.service.receiving import request_cancel
from vhm24r.intake.service.running import run
from vhm24r.intake.service.undoing import request_undo, undo_as
from vhm24r.intake.staging import Handed, Stager
from vhm24r.kit.errors import Busy
from vhm24r.ops.process import Services
from vhm24r.orders.service.editing import edit_order
from vhm24r.orders.types import OrderEdit
from vhm24r.platform.business_settings import store
from vhm24r.platform.flags import INTAKE_APPLY
from vhm24r.platform.locks import Lock, take

pytestmark = pytest.mark.integration

Switch = Callable[[bool], Awaitable[None]]


@pytest.fixture
def switch(services: Services) -> Switch:
    """Turn `intake.apply` on or off."""

    async def turn(on: bool) -> None:  # a switch
        async with services.db.write() as session:
            await store(session, INTAKE_APPLY, on, services.clock.now())

    return turn


async def test_an_import_that_failed_is_tried_again(services: Services, bring: Bring, switch: Switch) -> None:
    await switch(False)
    first = await bring([hw_row(1)])
    await switch(True)

    again = await redone(services, first["id"])

    assert (first["status"], first["error"]["code"]) == ("failed", "intake.switched_off")
    assert (again["status"], again["rows"]["new"], again["error"]) == ("applied", 1, None)


async def test_a_redo_that_failed_is_not_the_end(services: Services, bring: Bring, switch: Switch) -> None:
    done = await bring([hw_row(1), hw_row(2)])
    before = await standing(services)
    await undone(services, done["id"])
    await switch(False)
    refused = await redone(services, done["id"])
    await switch(True)

    again = await redone(services, done["id"])

    assert (refused["status"], again["status"]) == ("failed", "applied")
    assert await standing(services) == before


async def test_an_import_that_waits_too_long_waits_again(
    services: Services, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applying, "PATIENCE_MS", 50)
    async with services.db.write() as session:
        await take(session, Lock.INTAKE_APPLY)
        with pytest.raises(Busy):
            await bring([hw_row(1)])
    waiting = await import_of(services, 1)

    await run(services.intake, 1)

    assert (waiting["status"], waiting["error"]) == ("received", None)
    assert (await import_of(services, 1))["status"] == "applied"


async def test_an_undo_that_fails_leaves_the_import_as_it_stood(
    services: Services, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = await bring([hw_row(1)])
    before = await standing(services)
    async with services.db.write() as session:
        await request_undo(session, SYSTEM, services.jobs, done["id"])
    monkeypatch.setattr(undoing, "PATIENCE_MS", 50)
    asked = await import_of(services, done["id"])
    async with services.db.write() as session:
        await take(session, Lock.INTAKE_APPLY)
        with pytest.raises(Busy):
            await undo_as(services.intake, done["id"], "system", 0, "tests")
    after = await import_of(services, done["id"])

    assert asked["progress"]["phase"] == "undoing"
    assert (after["status"], after["progress"]) == ("applied", None)
    assert await standing(services) == before


async def test_an_undo_asked_for_twice_is_one_undo(services: Services, bring: Bring) -> None:
    done = await bring([hw_row(1)])
    for _ in range(2):
        async with services.db.write() as session:
            await request_undo(session, SYSTEM, services.jobs, done["id"])
    async with services.db.read() as session:
        jobs = await session.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'intake.undo'"))

    assert jobs.scalar_one() == 1
    await services.jobs.drain()
    assert (await import_of(services, done["id"]))["status"] == "undone"


async def test_money_that_only_sales_knew_appears_with_the_machine_and_goes_with_its_undo(
    services: Services, bring: Bring
) -> None:
    sale = vendhub_row(1, **{"Order number": hw_row(1)["Номер заказа"]})
    sales = await bring([sale], name="sales.csv")
    machine = await bring([hw_row(1)], name="machine.csv")

    gone = await undone(services, machine["id"])

    assert sales["money_effect"] == {"new": [], "changed": []}
    assert (len(machine["money_effect"]["new"]), machine["money_effect"]["changed"]) == (1, [])
    assert gone["money"] == machine["money_effect"]["new"]


async def test_a_changed_amount_counts_as_moved_money(services: Services, bring: Bring) -> None:
    await bring([hw_row(1, Цена_заказа="15000"), hw_row(2, Ресурс_заказа="testShipment")])

    free = hw_row(2, Цена_заказа="1", Ресурс_заказа="testShipment")

    done = await bring([hw_row(1, Цена_заказа="16000"), free], name="later.csv")

    assert done["money_effect"] == {"new": [], "changed": [{"amount": "1000.00", "currency": "UZS"}]}


async def test_only_what_is_applied_is_undone_and_only_what_runs_cancelled(services: Services, bring: Bring) -> None:
    done = await bring([hw_row(1)], dry_run=True)

    async with services.db.write() as session:
        with pytest.raises(ImportNotApplied):
            await request_undo(session, SYSTEM, services.jobs, done["id"])
        with pytest.raises(ImportNotCancellable):
            await request_cancel(session, SYSTEM, done["id"], services.clock.now())
        with pytest.raises(ImportNotUnmapped):
            await suggestions(session, SYSTEM, done["id"], services.settings.zone)


async def test_a_file_that_is_no_longer_wanted_is_not_read_on(services: Services, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "report.csv", [hw_row(n) for n in range(50)])
    handed: list[Handed] = []

    def hand_on(step: Handed) -> None:
        handed.append(step)
        stager.cancelled.set()

    stager = Stager(
        services.db.conninfo,
        1,
        task_of(services.settings.zone),
        services.intake.readers,
        None,
        lambda *_: None,
        hand_on,
    )
    stager.stage(path)

    assert [type(step) for step in handed] == [Opened]


async def test_a_released_amount_of_several_rows_is_their_sum_again(services: Services, bring: Bring) -> None:
    waiting = await bring(
        [{"no": "A1", "when": "2025-12-25 10:00:00", "sum": "10"}, {"no": "A1", "when": "", "sum": "5"}]
    )
    said = {"name": "shop", "columns": {"order_number": "no", "occurred_at": "when", "amount": "sum"}}
    async with services.db.write() as session:
        help_given = await suggestions(session, SYSTEM, waiting["id"], services.settings.zone)
        await map_import(session, SYSTEM, waiting["id"], {**said, "rows_per_order": True}, services.clock.now())
    await run(services.intake, waiting["id"])
    amounts = []
    for edit in (OrderEdit(fields={"amount": 7}), OrderEdit(fields={}, release=("amount",))):
        async with services.db.write() as session:
            await edit_order(session, SYSTEM, services.bus, "A1", edit, services.clock.now())
        async with services.db.read() as session:
            amounts.append((await session.execute(text("SELECT amount FROM orders WHERE number = 'A1'"))).scalar_one())

    assert help_given["header"] == ["no", "when", "sum"]
    assert amounts == [700, 1500]
