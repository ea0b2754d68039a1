"""Listening: uvicorn inside our own event loop, on a socket we opened (so port 0 is known)."""

import asyncio
import contextlib
import socket

import uvicorn
from fastapi import FastAPI

from vhm24r.api.app import build_app, build_monitoring_app
from vhm24r.kit.errors import Conflict
from vhm24r.ops.process import Services
from vhm24r.settings import Mode

BACKLOG = 2048
GRACE_SECONDS = 3
LOOPBACK = "127.0.0.1"


class PortTaken(Conflict):
    """Something else listens there."""

    code = "platform.port_taken"


class MetricsPortTaken(PortTaken):
    """Something else listens where a worker was to show its metrics; another worker of this machine, for one."""

    code = "platform.metrics_port_taken"


class HttpServer:
    """Listens between `start` and `stop`."""

    def __init__(self) -> None:
        """Nothing listens before `start`."""
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Host and port; None before `start`."""
        if self._socket is None:
            return None
        host, port = self._socket.getsockname()
        return host, port

    async def listen(
        self, app: FastAPI, host: str, port: int, taken: type[PortTaken] = PortTaken, proxies: str = ""
    ) -> None:
        """Listen there, believing `proxies` whom they speak for; returns when requests are answered.

        Raises:
            PortTaken: the address is in use.
        """
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError as error:
            self._socket.close()
            raise taken(host=host, port=port) from error
        config = uvicorn.Config(
            app, log_config=None, access_log=False, backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_SECONDS, server_header=False,
            proxy_headers=bool(proxies), forwarded_allow_ips=proxies,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]  # our commands stop us
        self._task = asyncio.create_task(self._server._serve([self._socket]), name="web")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110  # uvicorn has no event for it
            await asyncio.sleep(0.01)
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """Finish the requests in flight and stop listening."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class WebServer(HttpServer):
    """The web role: page and API."""

    def __init__(self, services: Services) -> None:
        """Of these services."""
        super().__init__()
        self._services = services

    @property
    def url(self) -> str:
        """Where people reach the page."""
        settings = self._services.settings
        if self.address is None or settings.mode is Mode.PRODUCTION:
            return settings.public_url
        return f"http://localhost:{self.address[1]}"

    async def start(self) -> None:
        """Listen where the settings say.

        Raises:
            PortTaken: the address is in use.
        """
        settings = self._services.settings
        app = build_app(self._services)
        await self.listen(app, settings.host, settings.port, proxies=settings.trusted_proxies)


class MonitoringServer(HttpServer):
    """What a worker on its own shows of itself, to this machine only."""

    def __init__(self, services: Services) -> None:
        """Of these services."""
        super().__init__()
        self._services = services

    async def start(self) -> None:
        """Listen where the settings say; nothing happens where they say nothing.

        Raises:
            MetricsPortTaken: the address is in use.
        """
        port = self._services.settings.worker_metrics_port
        if port is not None:
            await self.listen(build_monitoring_app(self._services), LOOPBACK, port, MetricsPortTaken)
