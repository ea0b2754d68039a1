"""The roles of one process on a real socket: page, API, worker and live events together."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from tests.conftest import sign_in
from tests.factories import csv_bytes, hw_row
from tests.integration.sharing import imported
from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.api.server import MetricsPortTaken, MonitoringServer, PortTaken, WebServer
from vhm24r.cli.running import roles
from vhm24r.identity.permissions import Role
from vhm24r.ops.process import Services
from vhm24r.platform.i18n import say
from vhm24r.settings import Mode

pytestmark = pytest.mark.integration


@pytest.fixture
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    """An operator's browser on a process with all roles."""
    cookies = {ACCESS_COOKIE: await sign_in(services, Role.OPERATOR)}
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


async def test_a_declared_size_is_answered_before_anything_of_it_is_sent(http: httpx.AsyncClient) -> None:
    head = [
        "POST /api/v1/imports HTTP/1.1", f"Host: localhost:{http.base_url.port}", "X-Requested-With: tests",
        f"Cookie: {ACCESS_COOKIE}={http.cookies[ACCESS_COOKIE]}",
        "Content-Type: multipart/form-data; boundary=edge", f"Content-Length: {3 * 1024**3}", "", "",
    ]  # fmt: skip
    reader, writer = await asyncio.open_connection("127.0.0.1", http.base_url.port)
    writer.write("\r\n".join(head).encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"content-type: application/problem+json\r\n" in answer


def with_metrics_port(services: Services, port: int | None) -> Services:
    """These services with this setting."""
    return replace(services, settings=services.settings.model_copy(update={"worker_metrics_port": port}))


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


async def test_a_worker_on_its_own_shows_its_metrics_and_health(services: Services, port: int) -> None:
    done = 'vhm24r_import_seconds_count{format="csv",status="applied"}'
    async with (
        roles(with_metrics_port(services, port), web=False, work=True),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={"Accept-Language": "en"}) as http,
    ):
        await imported(services, [hw_row(1)])
        health, ready, metrics = [await http.get(path) for path in ("/health", "/ready", "/metrics")]
        nothing = [await http.get(path) for path in ("/", "/api/v1/orders", "/docs", "/openapi.json")]
    after = await refused(port)

    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    assert ready.status_code == 200
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert done in metrics.text
    assert [(answer.status_code, answer.json()["code"]) for answer in nothing] == [(404, "http.not_found")] * 4
    assert after


async def refused(port: int) -> bool:
    """Nobody listens there."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_metrics_of_a_worker_stay_on_its_machine(services: Services, port: int) -> None:
    given = with_metrics_port(services, port)
    server = MonitoringServer(replace(given, settings=given.settings.model_copy(update={"host": "0.0.0.0"})))
    await server.start()
    address = server.address
    await server.stop()

    assert address == ("127.0.0.1", port)


async def test_a_worker_listens_nowhere_unless_told_to(services: Services) -> None:
    server = MonitoringServer(services)
    await server.start()

    assert services.settings.worker_metrics_port is None
    assert server.address is None


async def test_beside_the_page_the_metrics_are_with_the_page(services: Services, port: int) -> None:
    async with roles(with_metrics_port(services, port), web=True, work=True) as server:
        alone = await refused(port)
        async with httpx.AsyncClient(base_url=server.url) as http:
            metrics = await http.get("/metrics")

    assert alone
    assert metrics.status_code == 200


async def test_a_taken_metrics_port_names_the_setting(services: Services, port: int) -> None:
    given = with_metrics_port(services, port)
    first = MonitoringServer(given)
    await first.start()
    try:
        with pytest.raises(MetricsPortTaken) as taken:
            async with roles(given, web=False, work=True):
                pass
    finally:
        await first.stop()

    assert taken.value.params == {"host": "127.0.0.1", "port": port}
    assert "VHM24R_WORKER_METRICS_PORT" in say(taken.value.code, "en", taken.value.params)
