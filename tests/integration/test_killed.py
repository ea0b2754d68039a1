"""A worker that is killed in the middle of an import: the next one ends it as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.factories import Row, csv_bytes, hw_row
from tests.integration.command_line import environment
from tests.integration.sharing import imported, process
from tests.integration.standing import HISTORY, SIGHTINGS, import_of, rows_of, standing
from vhm24r.intake.service import receiving
from vhm24r.intake.service.receiving import Arrival
from vhm24r.kit.actor import Actor
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.integration

ROWS = 60_000
PATIENCE_SECONDS = 60
PAST = f"SELECT kind, field, version, count(*) AS count FROM {HISTORY} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
STAGED = "SELECT tablename FROM pg_tables WHERE tablename ~ '^evidence_staged_[0-9]'"
COUNTED = ("status", "rows", "orders", "money_effect", "source", "format", "similar_to", "error", "issues_by_code")


def large() -> list[Row]:
    """A report that takes seconds; some rows fill in what the first report has left open, some are bad."""
    rows = [hw_row(index) for index in range(1, ROWS)]
    rows[5_000] = hw_row(99_999_999, Цена_заказа="?")
    return rows


@contextmanager
def worker(services: Services, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`vhm24r worker` as an operator starts it, in a process of its own."""
    url = services.settings.database_url or ""
    program = "from vhm24r.cli.app import run; run()"
    command = [sys.executable, "-c", program, "worker"]
    with (folder / "worker.log").open("ab") as log:
        started = subprocess.Popen(
            command, env={**os.environ, **environment(url, services.settings.data_dir)}, stdout=log, stderr=log
        )
        try:
            yield started
        finally:
            started.kill()
            started.wait()


def wait_until(happened: Callable[[], Any], running: subprocess.Popen[bytes]) -> None:
    """Ask again and again, as long as the worker lives and there is time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert running.poll() is None, "the worker has ended by itself"
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)  # the worker needs the processor more than whoever watches it


async def test_an_import_of_a_killed_worker_ends_as_an_undisturbed_one(
    services: Services, server: EmbeddedServer, template: str, tmp_path: Path
) -> None:
    await imported(services, [hw_row(index, Срок_поставки="") for index in range(1, 500)])
    path = tmp_path / "large.csv"
    path.write_bytes(csv_bytes(large()))
    arrival = Arrival(path, "large.csv")
    actor = Actor.system("test")
    import_id = await receiving.take_in(
        services.db, services.blobs, services.jobs, actor, arrival, 100, services.clock.now()
    )
    with psycopg.connect(services.db.conninfo, autocommit=True) as watching:

        def one(question: str) -> Any:
            return watching.execute(question).fetchone()

        with worker(services, tmp_path) as first:
            # parts are numbered as they are staged: behind the first one, others are being applied
            wait_until(lambda: one(f"SELECT 1 FROM pg_tables WHERE tablename = 'evidence_staged_{import_id}_2'"), first)
            os.kill(first.pid, signal.SIGKILL)
            first.wait()
        half_way = await import_of(services, import_id)
        left = await rows_of(services, STAGED)
        written = await rows_of(services, "SELECT count(*) AS count FROM orders")
        # as if the other one had been silent for longer than a worker may be
        watching.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
        with worker(services, tmp_path) as second:
            wait_until(lambda: one(f"SELECT 1 FROM imports WHERE id = {import_id} AND finished_at IS NOT NULL"), second)
            wait_until(lambda: one("SELECT 1 FROM procrastinate_jobs WHERE status = 'doing'") is None, second)
    done = await import_of(services, import_id)

    assert half_way["status"] in {"identified", "parsed"}
    assert left != []
    assert written == [{"count": 499}]
    (tmp_path / "calm").mkdir()
    async with process(server, template, tmp_path / "calm") as calm:
        await imported(calm, [hw_row(index, Срок_поставки="") for index in range(1, 500)])
        undisturbed = await imported(calm, path.read_bytes(), "large.csv")
        assert {name: done[name] for name in COUNTED} == {name: undisturbed[name] for name in COUNTED}
        assert (done["status"], done["rows"]["new"], done["rows"]["filled"]) == ("applied", ROWS - 501, 499)
        assert await standing(services) == await standing(calm)
        assert await rows_of(services, PAST) == await rows_of(calm, PAST)
    assert await rows_of(services, STAGED) == []
    sightings = await rows_of(services, f"SELECT count(*) AS count FROM {SIGHTINGS}")
    assert sightings == [{"count": 499 + ROWS - 2}]
