"""Services called as the edges call them, without an edge."""

from pathlib import Path

import orjson
import pytest

from tests.conftest import SYSTEM
from tests.factories import hw_row, write_csv
from tests.integration.conftest import Bring
from tests.integration.standing import import_of
from vhm24r.intake.service import reading_back, receiving
from vhm24r.intake.service.receiving import Arrival
from vhm24r.intake.service.running import run
from vhm24r.ops.demonstration import _import_reports
from vhm24r.ops.process import Services

pytestmark = pytest.mark.integration


async def test_the_rows_of_an_import_say_what_they_changed_and_what_they_say(services: Services, bring: Bring) -> None:
    await bring([hw_row(1, Цена_заказа="15000")])
    done = await bring([hw_row(1, Цена_заказа="16000")], name="later.csv")

    async with services.db.read() as session:
        page = await reading_back.list_rows(session, SYSTEM, done["id"], outcome=None, limit=5, cursor=None)

    (row,) = page.items
    assert [(change["field"], change["old"], change["new"]) for change in row["changes"]] == [
        ("amount", "15000.00", "16000.00")
    ]
    assert row["record"]["amount"] == {"amount": "16000.00", "currency": "UZS"}


async def test_a_waiting_import_can_be_cancelled(services: Services, tmp_path: Path) -> None:
    arrival = Arrival(write_csv(tmp_path / "report.csv", [hw_row(1)]), "report.csv")
    sha256 = await receiving.keep(services.blobs, arrival, 1)
    async with services.db.write() as session:
        row = await receiving.receive(session, SYSTEM, arrival, sha256, services.clock.now())
    async with services.db.write() as session:
        asked = await receiving.request_cancel(session, SYSTEM, row.id, services.clock.now())
    await run(services.intake, row.id)
    done = await import_of(services, row.id)

    assert asked.cancel_requested
    assert (done["status"], done["error"]["code"]) == ("failed", "intake.cancelled")


async def test_the_demo_imports_its_reports_and_leaves_the_samples(services: Services, tmp_path: Path) -> None:
    write_csv(tmp_path / "report.csv", [hw_row(1)])
    files = [{"path": "report.csv", "is_sample": False}, {"path": "sample.csv", "is_sample": True}]
    (tmp_path / "manifest.json").write_bytes(orjson.dumps({"files": files}))
    said: list[str] = []

    for _ in range(2):
        await _import_reports(services, SYSTEM, tmp_path, said.append, "en")

    assert len(said) == 1
    assert (await import_of(services, 1))["status"] == "applied"
