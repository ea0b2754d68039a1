"""How integration tests bring files in and look at what became of them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.conftest import SYSTEM
from tests.factories import write_csv
from tests.integration.sharing import process
from vhm24r.identity.permissions import Permission
from vhm24r.intake.service import reading_back, receiving
from vhm24r.intake.service.receiving import Arrival
from vhm24r.intake.service.running import run
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer

Bring = Callable[..., Awaitable[dict[str, Any]]]
Query = Callable[..., Awaitable[list[dict[str, Any]]]]

PERSON = Actor(ActorKind.PERSON, 7, "Operator Seven", frozenset(Permission))


@pytest.fixture
def bring(services: Services, tmp_path: Path) -> Bring:
    """Import a file (or rows written as CSV) the way every way in does; returns the import's view."""

    async def bring_file(
        what: Path | Iterable[Mapping[str, str]], *, name: str = "report.csv", dry_run: bool = False, **options: Any
    ) -> dict[str, Any]:
        path = what if isinstance(what, Path) else write_csv(tmp_path / name, what)
        arrival = Arrival(path, path.name, dry_run, options.get("source"))
        sha256 = await receiving.keep(services.blobs, arrival, services.settings.upload_limit_mb)
        async with services.db.write() as session:
            row = await receiving.receive(session, PERSON, arrival, sha256, services.clock.now())
        await run(services.intake, row.id)
        async with services.db.read() as session:
            view = await reading_back.get_import(session, SYSTEM, row.id, "en")
            view["issues"] = (await reading_back.list_issues(session, SYSTEM, row.id, "en")).items
        return view

    return bring_file


@pytest.fixture
def query(services: Services) -> Query:
    """Rows of a statement, as dicts."""

    async def run_query(statement: str, **params: object) -> list[dict[str, Any]]:
        async with services.db.read() as session:
            return [dict(row._mapping) for row in await session.execute(text(statement), params)]

    return run_query


@pytest.fixture(scope="module")
async def shared(
    server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Services]:
    """One process for a file whose tests leave each other's rows alone."""
    async with process(server, template, tmp_path_factory.mktemp("shared")) as services:
        yield services
