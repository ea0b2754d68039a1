"""Importing one file from its place on the disk to its last status, with its time and memory."""

import asyncio
import csv
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from bench.measuring import PeakMemory
from vhm24r.intake import repository
from vhm24r.intake.service import receiving
from vhm24r.intake.service.receiving import Arrival
from vhm24r.intake.service.running import run
from vhm24r.kit.actor import Actor
from vhm24r.ops.process import Services

ACTOR = Actor.system("bench")
REST_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Run:
    """One measured import."""

    name: str
    rows: int
    seconds: float
    mebibytes: float
    outcome: str

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


async def at_rest(services: Services) -> None:
    """Let the server and the system do what others left behind, so that they do not do so while we measure: write it
    out, and look through new rows, which autovacuum would do some seconds later.
    """
    await asyncio.to_thread(os.sync)
    async with services.db.read() as session:
        await session.execute(text("VACUUM (ANALYZE)"))
        await session.execute(text("CHECKPOINT"))
    services.intake.readers.warm()  # as in a worker
    await asyncio.sleep(REST_SECONDS)


async def measured(services: Services, name: str, path: Path) -> Run:
    """Import one file into a server at rest and say what it took."""
    sys.stderr.write(f"· {name}\n")
    await at_rest(services)
    started = time.perf_counter()
    with PeakMemory() as memory:
        arrival = Arrival(path, path.name)
        sha256 = await receiving.keep(services.blobs, arrival, 1024)
        async with services.db.write() as session:
            row = await receiving.receive(session, ACTOR, arrival, sha256, services.clock.now())
        await run(services.intake, row.id)
        seconds = time.perf_counter() - started
    async with services.db.read() as session:
        done = await repository.get_import(session, row.id)
    brought = f"{done.rows_new} new, {done.rows_filled} filled, {done.rows_changed} changed"
    outcome = f"{done.status}: {brought}, {done.rows_unchanged} unchanged"
    return Run(name, done.rows_total, seconds, memory.mebibytes, outcome)


def other_bytes(path: Path, to: Path) -> Path:
    """The same rows written with another delimiter: unchanged for us, another file for its hash."""
    with path.open(encoding="utf-8-sig", newline="") as source, to.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target, delimiter=";").writerows(csv.reader(source))
    return to


def in_folder(work: Callable[[Path], None]) -> None:
    """Work in a folder that an unprivileged database server can reach, and that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="vhm24r-bench-"))
    os.chmod(folder, 0o711)  # noqa: PTH101  # an unprivileged server passes through
    try:
        work(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
