"""The roles of one process on a real socket: page, API, worker and live events together."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from tests.conftest import sign_in
from tests.factories import csv_bytes, hw_row
from vhm24r.api.server import PortTaken, WebServer
from vhm24r.cli.running import roles
from vhm24r.identity.permissions import Role
from vhm24r.identity.types import SESSION_COOKIE
from vhm24r.ops.process import Services
from vhm24r.settings import Mode

pytestmark = pytest.mark.integration


@pytest.fixture
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """An operator's browser on a process with all roles."""
    cookies = {SESSION_COOKIE: await sign_in(services, Role.OPERATOR)}
    headers = {"X-Requested-With": "tests", "Accept-Language": "en"}
    async with (
        roles(services, web=True, work=True) as server,
        httpx.AsyncClient(base_url=server.url, cookies=cookies, headers=headers, timeout=30) as client,
    ):
        yield client


async def test_an_upload_is_applied_by_the_worker_and_heard_by_a_watcher(http: httpx.AsyncClient) -> None:
    names: list[str] = []
    async with http.stream("GET", "/api/v1/events", params={"topics": "imports,orders"}) as stream:
        lines = stream.aiter_lines()
        assert (stream.status_code, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert await anext(lines) == "retry: 1000"
        sent = await http.post("/api/v1/imports", files={"files": ("a.csv", csv_bytes([hw_row(1)]), "text/csv")})
        async for line in lines:
            if line.startswith("event: "):
                names.append(line.removeprefix("event: "))
            if names[-1:] == ["import.finished"]:
                break
    done = (await http.get(f"/api/v1/imports/{sent.json()['items'][0]['id']}")).json()

    assert names[0] == "import.progress"
    assert {"orders.changed", "import.applied", "import.finished"} <= set(names)
    assert (done["status"], done["rows"]["new"]) == ("applied", 1)


async def test_the_socket_knows_its_port_and_answers_page_and_health(http: httpx.AsyncClient) -> None:
    assert str(http.base_url).startswith("http://localhost:")
    assert (await http.get("/health")).json() == {"status": "ok"}
    assert (await http.get("/ready")).status_code == 200
    assert "server" not in (await http.get("/health")).headers


async def test_a_taken_port_is_said_so(services: Services) -> None:
    first = WebServer(services)
    await first.start()
    port = int(first.url.rpartition(":")[2])
    settings = services.settings.model_copy(update={"port": port})
    try:
        with pytest.raises(PortTaken) as taken:
            await WebServer(replace(services, settings=settings)).start()
    finally:
        await first.stop()

    assert taken.value.params == {"host": "127.0.0.1", "port": port}


async def test_in_production_people_are_sent_to_the_public_address(services: Services) -> None:
    settings = services.settings.model_copy(update={"mode": Mode.PRODUCTION, "public_url": "https://orders.example"})
    server = WebServer(replace(services, settings=settings))
    await server.start()
    address = server.url
    await server.stop()

    assert address == "https://orders.example"


async def test_stopping_what_never_started_is_fine(services: Services) -> None:
    await asyncio.wait_for(WebServer(services).stop(), 1)
