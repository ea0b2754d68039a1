"""One process for a whole file of tests: those that only read, or that keep out of each other's way."""

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from psycopg import sql

from tests.conftest import NOW, SYSTEM, administrator, sign_in
from tests.factories import csv_bytes
from vhm24r.api.app import build_app
from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.identity.permissions import Role
from vhm24r.intake.service import reading_back, receiving
from vhm24r.intake.service.receiving import Arrival
from vhm24r.intake.service.running import run
from vhm24r.kit.clock import FixedClock
from vhm24r.main import open_services, prepare_database
from vhm24r.ops.process import Services
from vhm24r.platform.embedded import EmbeddedServer
from vhm24r.settings import Mode, Settings


@asynccontextmanager
async def process(
    server: EmbeddedServer, template: str, folder: Path, *, now: datetime = NOW, **overrides: Any
) -> AsyncIterator[Services]:
    """Services on a migrated database that is dropped when the block ends; `overrides` are settings."""
    name = f"test_{os.getpid()}_{os.urandom(4).hex()}"
    server.create_database(name, template)
    given = {
        "mode": Mode.DEVELOPMENT,
        "data_dir": folder,
        "database_url": server.url(name),
        "port": 0,
        "db_pool": 6,
        "rate_limits": "off",
    }
    settings = Settings.load(**{**given, **overrides})
    try:
        prepare_database(server.url(name), settings)
        async with open_services(settings, server.url(name), clock=FixedClock(now)) as services:
            yield services
    finally:
        with administrator(server) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


async def imported(
    services: Services, rows: Iterable[Mapping[str, str]] | bytes, name: str = "report.csv", *, dry_run: bool = False
) -> dict[str, Any]:
    """Bring rows in the way every way in does; the import as it ended."""
    path = services.settings.data_dir / f"{os.urandom(4).hex()}-{name}"
    path.write_bytes(rows if isinstance(rows, bytes) else csv_bytes(rows))
    arrival = Arrival(path, name, dry_run)
    sha256 = await receiving.keep(services.blobs, arrival, services.settings.upload_limit_mb)
    async with services.db.write() as session:
        row = await receiving.receive(session, SYSTEM, arrival, sha256, services.clock.now())
    await run(services.intake, row.id)
    async with services.db.read() as session:
        return await reading_back.get_import(session, SYSTEM, row.id, "en")


async def client(services: Services, role: Role) -> httpx.AsyncClient:
    """An HTTP client signed in as a new person of this role."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(build_app(services), raise_app_exceptions=False),
        base_url="http://test",
        cookies={ACCESS_COOKIE: await sign_in(services, role)},
        headers={"X-Requested-With": "tests", "Accept-Language": "en"},
    )
