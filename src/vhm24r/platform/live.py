"""Live events: NOTIFY in the database, fanned out to whoever watches in this process.

A NOTIFY inside a transaction is delivered on commit, so nobody hears of what did not happen.
A watcher that lags loses the oldest messages: progress is a hint, the rows are the truth.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "vhm24r_live"
BACKLOG = 256
RECONNECT_SECONDS = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """`topic` decides who may watch; `name` is dotted (`import.progress`); `data` is small JSON."""

    topic: str
    name: str
    data: dict[str, Any]

    def payload(self) -> str:
        """As NOTIFY carries it (at most 8,000 bytes)."""
        return json.dumps({"topic": self.topic, "name": self.name, "data": self.data}, separators=(",", ":"))


async def announce(session: AsyncSession, event: LiveEvent) -> None:
    """Tell every process, when and if this transaction commits."""
    await session.execute(
        text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": event.payload()}
    )


def announce_now(connection: psycopg.Connection[Any], event: LiveEvent) -> None:
    """Tell every process at once, on an autocommit connection (progress from a reader thread)."""
    connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, event.payload()])


class LiveHub:
    """Listens on one connection and hands events to the watchers of this process."""

    def __init__(self, conninfo: str) -> None:
        """`conninfo` is a libpq URL."""
        self._conninfo = conninfo
        self._watchers: dict[asyncio.Queue[LiveEvent], frozenset[str]] = {}
        self._hearers: dict[str, Callable[[dict[str, Any]], None]] = {}
        self._task: asyncio.Task[None] | None = None
        self.listening = asyncio.Event()

    def hear(self, topic: str, hearer: Callable[[dict[str, Any]], None]) -> None:
        """Have the data of a topic's events told to a part of this process, at once and in order. `{"missed": True}` is
        said when there may have been others.
        """
        self._hearers[topic] = hearer

    async def start(self) -> None:
        """Begin to listen; returns when the connection is up."""
        self._task = asyncio.create_task(self._run(), name="live-hub")
        await self.listening.wait()

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except psycopg.OperationalError as error:
                self.listening.clear()
                log.warning("live.connection_lost", error=str(error))
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True) as connection:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            for hearer in self._hearers.values():
                hearer({"missed": True})  # nobody knows what was said while nobody listened
            self.listening.set()
            async for notice in connection.notifies():
                body = json.loads(notice.payload)
                self._fan_out(LiveEvent(body["topic"], body["name"], body["data"]))

    def _fan_out(self, event: LiveEvent) -> None:
        if event.topic in self._hearers:
            self._hearers[event.topic](event.data)
        for queue, topics in self._watchers.items():
            if event.topic not in topics:
                continue
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)

    @contextlib.asynccontextmanager
    async def watch(self, topics: frozenset[str]) -> AsyncIterator[asyncio.Queue[LiveEvent]]:
        """A queue of the events of `topics` from now on."""
        queue: asyncio.Queue[LiveEvent] = asyncio.Queue(BACKLOG)
        self._watchers[queue] = topics
        try:
            yield queue
        finally:
            del self._watchers[queue]
