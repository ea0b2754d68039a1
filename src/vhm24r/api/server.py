"""The web role: uvicorn inside our own event loop, on a socket we opened (so port 0 is known)."""

import asyncio
import contextlib
import socket

import uvicorn

from vhm24r.api.app import build_app
from vhm24r.kit.errors import Conflict
from vhm24r.ops.process import Services
from vhm24r.settings import Mode

BACKLOG = 2048
GRACE_SECONDS = 3


class PortTaken(Conflict):
    """Something else listens there."""

    code = "platform.port_taken"


class WebServer:
    """Listens between `start` and `stop`."""

    def __init__(self, services: Services) -> None:
        """Nothing listens before `start`."""
        self._services = services
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where people reach the page."""
        settings = self._services.settings
        if self._socket is None or settings.mode is Mode.PRODUCTION:
            return settings.public_url
        return f"http://localhost:{self._socket.getsockname()[1]}"

    async def start(self) -> None:
        """Listen; returns when requests are answered.

        Raises:
            PortTaken: the address is in use.
        """
        settings = self._services.settings
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((settings.host, settings.port))
        except OSError as error:
            self._socket.close()
            raise PortTaken(host=settings.host, port=settings.port) from error
        config = uvicorn.Config(
            build_app(self._services), log_config=None, access_log=False, backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_SECONDS, server_header=False,
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
