"""Jobs belong to the transaction that deferred them, and outlive the worker that took them."""

import asyncio
import contextlib

import pytest
from sqlalchemy import text

from vhm24r.ops.process import Services
from vhm24r.platform.jobs import STALLED_AFTER_SECONDS, Job

pytestmark = pytest.mark.integration

COUNT = Job("tests.count", lock="thing:{thing_id}")
Done = list[int]


@pytest.fixture
def done(services: Services) -> Done:
    """The things counted so far."""
    found: Done = []

    async def count(thing_id: int) -> None:
        found.append(thing_id)

    services.jobs.add(COUNT, count)
    return found


async def test_a_job_of_a_rolled_back_transaction_was_never_there(services: Services, done: Done) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with services.db.write() as session:
            await services.jobs.defer(session, COUNT, thing_id=1)
            raise ZeroDivisionError

    await services.jobs.drain()

    assert done == []
    async with services.db.read() as session:
        ours = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :name")
        assert (await session.execute(ours, {"name": COUNT.name})).scalar_one() == 0


async def test_a_committed_job_runs_once(services: Services, done: Done) -> None:
    async with services.db.write() as session:
        await services.jobs.defer(session, COUNT, thing_id=1)
        await services.jobs.drain()  # not committed yet: nobody else sees it
        early = list(done)
    await services.jobs.drain()
    await services.jobs.drain()

    assert (early, done) == ([], [1])


async def test_two_workers_share_the_jobs(services: Services, done: Done) -> None:
    async with services.db.write() as session:
        for thing_id in range(12):
            await services.jobs.defer(session, COUNT, thing_id=thing_id)

    await asyncio.gather(services.jobs.drain(), services.jobs.drain())

    assert sorted(done) == list(range(12))


async def test_jobs_of_one_thing_never_run_at_once(services: Services) -> None:
    running, most = 0, 0

    async def work(thing_id: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(5):
            async with services.db.read() as session:
                await session.execute(text("SELECT 1"))
        running -= 1

    services.jobs.add(COUNT, work)
    async with services.db.write() as session:
        for _ in range(4):
            await services.jobs.defer(session, COUNT, thing_id=7)

    await asyncio.gather(*(services.jobs.drain() for _ in range(3)))

    assert most == 1


async def test_a_failing_job_is_tried_again_later(services: Services) -> None:
    async def fail(thing_id: int) -> None:
        raise ConnectionError

    services.jobs.add(COUNT, fail)
    async with services.db.write() as session:
        await services.jobs.defer(session, COUNT, thing_id=1)

    await services.jobs.drain()

    async with services.db.read() as session:
        found = await session.execute(
            text("SELECT status, attempts, scheduled_at > now() FROM procrastinate_jobs WHERE task_name = :name"),
            {"name": COUNT.name},
        )
        assert [tuple(row) for row in found] == [("todo", 1, True)]


async def test_the_job_of_a_dead_worker_is_given_to_a_living_one(services: Services) -> None:
    finished = asyncio.Event()

    async def work(thing_id: int) -> None:
        finished.set()

    services.jobs.add(COUNT, work)
    async with services.db.write() as session:
        job_id = await services.jobs.defer(session, COUNT, thing_id=1)
        worker = await session.execute(
            text(
                "INSERT INTO procrastinate_workers (last_heartbeat)"
                " VALUES (now() - make_interval(secs => :age)) RETURNING id"
            ),
            {"age": STALLED_AFTER_SECONDS + 1},
        )
        await session.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', attempts = 1, worker_id = :worker WHERE id = :job"),
            {"worker": worker.scalar_one(), "job": job_id},
        )

    worker_task = asyncio.create_task(services.jobs.work())
    await asyncio.wait_for(finished.wait(), 20)
    worker_task.cancel()
    await worker_task


async def test_the_job_of_a_living_worker_is_left_to_it(services: Services, done: Done) -> None:
    async with services.db.write() as session:
        job_id = await services.jobs.defer(session, COUNT, thing_id=1)
        worker = await session.execute(text("INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id"))
        await session.execute(
            text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = :worker WHERE id = :job"),
            {"worker": worker.scalar_one(), "job": job_id},
        )

    await services.jobs.app.tasks["jobs.retry_stalled"].func(0)
    await services.jobs.drain()

    assert done == []


async def test_a_worker_told_to_stop_ends_its_job_first(services: Services) -> None:
    started, released, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work(thing_id: int) -> None:
        started.set()
        await released.wait()
        finished.set()

    services.jobs.add(COUNT, work)
    async with services.db.write() as session:
        await services.jobs.defer(session, COUNT, thing_id=1)

    worker = asyncio.create_task(services.jobs.work())
    await asyncio.wait_for(started.wait(), 20)
    worker.cancel()
    released.set()
    await worker

    assert finished.is_set()
