"""What every test may use: one embedded PostgreSQL for all, a migrated database of its own, services."""

import fcntl
import getpass
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import hypothesis
import psycopg
import pytest
from psycopg import sql

from vhm24r.api.app import build_app
from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.identity.permissions import Role
from vhm24r.identity.service.coming_in import issue_link, sign_in_by_link
from vhm24r.identity.service.people import create_person
from vhm24r.identity.types import Client, Tokens
from vhm24r.kit.actor import Actor
from vhm24r.kit.clock import FixedClock
from vhm24r.main import open_services, prepare_database
from vhm24r.ops.process import Services
from vhm24r.platform import migrations
from vhm24r.platform.embedded import EmbeddedServer
from vhm24r.settings import Mode, Settings

hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no defect
hypothesis.settings.load_profile("untimed")

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
SYSTEM = Actor.system("test")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own settings never reach a test."""
    for name in list(os.environ):
        if name.startswith("VHM24R_") and name not in {"VHM24R_CHROMIUM", "VHM24R_REQUIRE_BROWSER"}:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """The one PostgreSQL of this test run; durability off, it lives for the run only."""
    folder = Path(tempfile.gettempdir()) / f"vhm24r-tests-{getpass.getuser()}"
    with EmbeddedServer(folder, {"fsync": "off", "synchronous_commit": "off", "max_connections": "300"}) as running:
        yield running


@pytest.fixture(scope="session")
def template(server: EmbeddedServer) -> str:
    """A database at head, to be copied; made once for all workers."""
    name = f"template_{migrations.head()}_{_fingerprint()}"
    with (Path(tempfile.gettempdir()) / f"vhm24r-tests-{getpass.getuser()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with administrator(server) as connection:
            ready = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if ready is None:
                server.create_database(f"{name}_partial")
                migrations.migrate(server.url(f"{name}_partial"))
                rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
                connection.execute(rename.format(sql.Identifier(f"{name}_partial"), sql.Identifier(name)))
    return name


def _fingerprint() -> str:
    """Changes when a migration changes, so that no stale template is used."""
    versions = sorted((migrations.scripts_folder() / "versions").glob("*.py"))
    return f"{hash(tuple(path.stat().st_mtime_ns for path in versions)) & 0xFFFFFFFF:08x}"


def administrator(server: EmbeddedServer) -> psycopg.Connection[tuple[object, ...]]:
    """A connection that may create and drop databases."""
    return psycopg.connect(server.url("postgres").replace("+psycopg", ""), autocommit=True)


@pytest.fixture
def database_url(server: EmbeddedServer, template: str) -> Iterator[str]:
    """A migrated database of this test alone."""
    name = f"test_{os.getpid()}_{os.urandom(4).hex()}"
    server.create_database(name, template)
    yield server.url(name)
    with administrator(server) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def clock() -> FixedClock:
    """A clock that stands still until the test moves it."""
    return FixedClock(NOW)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings of a process of this test."""
    return Settings.load(
        mode=Mode.DEVELOPMENT, data_dir=tmp_path, database_url=database_url, port=0, db_pool=6, rate_limits="off"
    )


@pytest.fixture
async def services(settings: Settings, database_url: str, clock: FixedClock) -> AsyncIterator[Services]:
    """The services of a process on this test's database."""
    prepare_database(database_url, settings)
    async with open_services(settings, database_url, clock=clock) as opened:
        yield opened


@dataclass(frozen=True, slots=True)
class Visitor:
    """An HTTP client signed in as a person of some role (or as nobody)."""

    http: httpx.AsyncClient
    role: Role | None


async def tokens_of(services: Services, role: Role) -> Tokens:
    """The tokens of a new person of this role who has come in by a link."""
    now = services.clock.now()
    async with services.db.write() as session:
        person = await create_person(session, SYSTEM, name=f"Test {role}", role=role, now=now, language="en")
        link = await issue_link(session, SYSTEM, person, now)
    return (await sign_in_by_link(services.access, link, Client("192.0.2.1", "tests"))).tokens


async def sign_in(services: Services, role: Role) -> str:
    """The access token of a new person of this role."""
    return (await tokens_of(services, role)).access


@pytest.fixture
async def app(services: Services) -> AsyncIterator[httpx.ASGITransport]:
    """The ASGI application, with its live hub listening."""
    await services.live.start()
    yield httpx.ASGITransport(build_app(services), raise_app_exceptions=False)
    await services.live.stop()


@pytest.fixture
async def visitors(services: Services, app: httpx.ASGITransport) -> AsyncIterator[dict[Role | None, Visitor]]:
    """One signed-in client per role, and one of nobody (None)."""
    found: dict[Role | None, Visitor] = {}
    for role in (None, *Role):
        cookies = {ACCESS_COOKIE: await sign_in(services, role)} if role else {}
        headers = {"X-Requested-With": "tests", "Accept-Language": "en"}
        http = httpx.AsyncClient(transport=app, base_url="http://test", cookies=cookies, headers=headers)
        found[role] = Visitor(http, role)
    yield found
    for visitor in found.values():
        await visitor.http.aclose()


@pytest.fixture
def operator(visitors: dict[Role | None, Visitor]) -> httpx.AsyncClient:
    """A client signed in as an operator."""
    return visitors[Role.OPERATOR].http
