"""Background jobs on the same PostgreSQL: deferred in the transaction of the rows they speak of.

A job that belongs to a transaction that rolls back was never there. Arguments are ids; the handler
reads again and checks again. Jobs of a killed worker are given back by a periodic task.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import procrastinate
import structlog
from procrastinate import PsycopgConnector, RetryStrategy
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.db import driver_connection

STALLED_AFTER_SECONDS = 30
GRACE_SECONDS = 10.0

log = structlog.get_logger(__name__)
JobHandler = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of job. `lock` (a template over its arguments) serialises jobs of one aggregate."""

    name: str
    lock: str | None = None
    attempts: int = 5


class Jobs:
    """The queue of one process: registers handlers, defers jobs, runs a worker."""

    def __init__(self, conninfo: str, *, pool_size: int = 4) -> None:
        """`conninfo` is a libpq URL; nothing connects before `open`."""
        connector = PsycopgConnector(conninfo=conninfo, min_size=1, max_size=pool_size)
        self.app = procrastinate.App(connector=connector)
        self._tasks: dict[str, Any] = {}
        self.app.periodic(cron="* * * * *")(
            self.app.task(name="jobs.retry_stalled", pass_context=False)(self._retry_stalled)
        )

    def add(self, job: Job, handler: JobHandler) -> None:
        """Say who does `job`."""
        retry = RetryStrategy(max_attempts=job.attempts, exponential_wait=2)
        self._tasks[job.name] = self.app.task(name=job.name, retry=retry, queue="default")(handler)

    def every(self, cron: str, name: str, handler: Callable[[], Awaitable[None]]) -> None:
        """Run `handler` on a schedule, once over all workers."""

        async def run(timestamp: int) -> None:  # procrastinate tells when it was due
            await handler()

        self.app.periodic(cron=cron)(self.app.task(name=name, queueing_lock=name)(run))

    async def defer(self, session: AsyncSession, job: Job, **ids: int | str) -> int:
        """Enqueue `job` in the session's transaction; returns the job's id."""
        task = self._tasks[job.name]
        lock = job.lock.format(**ids) if job.lock else None
        connection = await driver_connection(session)
        return int(await task.configure(lock=lock, connection=connection).defer_async(**ids))

    async def open(self) -> None:
        """Connect."""
        await self.app.open_async()

    async def close(self) -> None:
        """Disconnect."""
        await self.app.close_async()

    async def work(self, *, concurrency: int = 4) -> None:
        """Run jobs until cancelled; jobs in progress get a moment to finish."""
        with contextlib.suppress(asyncio.CancelledError):
            await self._retry_stalled(0)
            await self.app.run_worker_async(
                concurrency=concurrency,
                install_signal_handlers=False,
                delete_jobs="successful",
                shutdown_graceful_timeout=GRACE_SECONDS,
                fetch_job_polling_interval=1.0,
            )

    async def drain(self) -> None:
        """Run everything that is waiting, then return (tests and commands)."""
        await self.app.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")

    async def _retry_stalled(self, timestamp: int) -> None:
        """Give back the jobs of workers that died."""
        manager = self.app.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER_SECONDS):
            log.warning("jobs.stalled", job_id=job.id, task=job.task_name)
            await manager.retry_job(job)
