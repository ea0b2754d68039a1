"""The hostile corpus through the whole pipeline, by a worker: every file ends, none half-written, none as our fault."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import SYSTEM
from tests.factories import csv_bytes, hw_row
from tests.hostile import corpus
from tests.integration.sharing import imported, process
from vhm24r.intake.service import receiving
from vhm24r.intake.service.receiving import Arrival
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.integration

KIND = re.compile(r"flipped(?=-9).*|[a-z]+")
"""What a file of the corpus is: the first word of its name. One of each kind is imported, and of those with random
damage one of each format; all are read, without a database, elsewhere.
"""

SAID = {"applied", "refused", "needs_mapping", "duplicate"}
ORPHANS = """
    SELECT count(*) FROM evidence_files f JOIN imports i ON i.id = f.import_id
    WHERE i.status NOT IN ('applied', 'duplicate')
"""


@pytest.fixture(scope="module")
async def services(
    server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    """A process that has seen the corpus."""
    folder = tmp_path_factory.mktemp("hostile")
    async with process(server, template, folder) as services:
        seen = set()
        for hostile in corpus(folder):
            kind = KIND.findall(hostile.name)[0]
            if kind not in seen:
                seen.add(kind)
                await bring(services, hostile.path)
            hostile.path.unlink()
        await services.jobs.drain()
        yield services


async def bring(services: Services, path: Path) -> None:
    """Take a file in for the worker."""
    limit = services.settings.upload_limit_mb
    now = services.clock.now()
    await receiving.take_in(services.db, services.blobs, services.jobs, SYSTEM, Arrival(path, path.name), limit, now)


async def rows(services: Services, statement: str) -> list[Any]:
    async with services.db.read() as session:
        return list((await session.execute(text(statement))).all())


async def test_every_file_ends_and_none_fails(services: Services) -> None:
    ended = await rows(services, "SELECT id, name, status, error_code FROM imports ORDER BY id")
    counts = Counter(item.status for item in ended)
    print(f"tried {len(ended)}:", ", ".join(f"{count} {status}" for status, count in sorted(counts.items())))  # noqa: T201

    assert len(ended) > 40
    assert [item for item in ended if item.status not in SAID] == []
    assert {"applied", "refused", "needs_mapping"} <= counts.keys()


async def test_names_that_no_database_holds_are_shown_with_marks(services: Services) -> None:
    orders = [{"a\x00b": "1", "c\ud800": "2\x00", "d": "3"}] * 3
    unknown = await imported(services, json.dumps(orders).encode(), "unknown.json")
    known = await imported(services, json.dumps([hw_row(1) | {"ещё\x00": ""}]).encode(), "known.json")

    ((columns,),) = await rows(services, f"SELECT preview -> 'columns' FROM imports WHERE id = {unknown['id']}")
    assert (unknown["status"], columns) == ("needs_mapping", ["a␀b", "c\ufffd", "d"])
    assert (known["status"], known["rows"]["total"]) == ("applied", 1)


async def test_a_file_that_is_not_applied_has_written_nothing(services: Services) -> None:
    ((orphans,),) = await rows(services, ORPHANS)
    staging = await rows(services, "SELECT tablename FROM pg_tables WHERE tablename LIKE 'evidence\\_staged\\_%'")

    assert (orphans, staging) == (0, [])


async def test_the_worker_has_done_every_job_and_lives(services: Services) -> None:
    await services.jobs.drain()
    assert await rows(services, "SELECT * FROM procrastinate_jobs WHERE status <> 'succeeded'") == []
    assert (await imported(services, csv_bytes([hw_row(9_999)])))["status"] == "applied"
