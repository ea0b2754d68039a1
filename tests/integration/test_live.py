"""Live events: heard after the commit, by whoever watches their topic, also after a lost connection."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import text

from vhm24r.ops.process import Services
from vhm24r.platform.live import BACKLOG, CHANNEL, LiveEvent, LiveHub, announce, announce_now

pytestmark = pytest.mark.integration

ORDERS = frozenset({"orders"})


@pytest.fixture
async def hub(services: Services) -> AsyncIterator[LiveHub]:
    await services.live.start()
    yield services.live
    await services.live.stop()


async def heard(queue: asyncio.Queue[LiveEvent]) -> LiveEvent:
    return await asyncio.wait_for(queue.get(), 10)


async def test_an_event_is_heard_after_the_commit_and_not_before(services: Services, hub: LiveHub) -> None:
    async with hub.watch(ORDERS) as queue:
        async with services.db.write() as session:
            await announce(session, LiveEvent("orders", "orders.changed", {"change_set_id": 1}))
            with psycopg.connect(services.db.conninfo, autocommit=True) as other:
                announce_now(other, LiveEvent("orders", "marker", {}))
            first = await heard(queue)
        second = await heard(queue)

    assert (first.name, second.name) == ("marker", "orders.changed")
    assert second == LiveEvent("orders", "orders.changed", {"change_set_id": 1})


async def test_an_event_of_a_rolled_back_transaction_is_never_heard(services: Services, hub: LiveHub) -> None:
    async with hub.watch(ORDERS) as queue:
        with contextlib.suppress(ZeroDivisionError):
            async with services.db.write() as session:
                await announce(session, LiveEvent("orders", "orders.changed", {}))
                raise ZeroDivisionError
        async with services.db.write() as session:
            await announce(session, LiveEvent("orders", "marker", {}))

        assert (await heard(queue)).name == "marker"
        assert queue.empty()


async def test_a_watcher_hears_its_topics_only(services: Services, hub: LiveHub) -> None:
    async with hub.watch(ORDERS) as orders, hub.watch(frozenset({"imports", "orders"})) as both:
        async with services.db.write() as session:
            await announce(session, LiveEvent("imports", "import.applied", {"import_id": 3}))
            await announce(session, LiveEvent("orders", "orders.changed", {}))

        assert [(await heard(both)).name for _ in range(2)] == ["import.applied", "orders.changed"]
        assert (await heard(orders)).name == "orders.changed"
        assert orders.empty()


async def test_every_watcher_hears_and_one_that_left_costs_nothing(services: Services, hub: LiveHub) -> None:
    async with hub.watch(ORDERS) as staying:
        async with hub.watch(ORDERS) as leaving:
            pass
        async with services.db.write() as session:
            await announce(session, LiveEvent("orders", "orders.changed", {}))

        assert (await heard(staying)).name == "orders.changed"
        assert leaving.empty()


async def test_a_watcher_that_lags_loses_the_oldest(services: Services, hub: LiveHub) -> None:
    async with hub.watch(ORDERS) as lagging, hub.watch(frozenset({"end"})) as end:
        async with services.db.write() as session:
            for number in range(BACKLOG + 3):
                await announce(session, LiveEvent("orders", "orders.changed", {"number": number}))
            await announce(session, LiveEvent("end", "end", {}))
        await heard(end)

        assert lagging.qsize() == BACKLOG
        assert lagging.get_nowait().data == {"number": 3}


async def test_the_hub_comes_back_after_its_connection_is_cut(services: Services, hub: LiveHub) -> None:
    async with hub.watch(ORDERS) as queue:
        async with services.db.write() as session:
            cut = await session.execute(
                text(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE query = :listen AND datname = current_database()"
                ),
                {"listen": f'LISTEN "{CHANNEL}"'},
            )
            assert cut.scalar_one() == 1
        event = None
        for number in range(100):
            with psycopg.connect(services.db.conninfo, autocommit=True) as other:
                announce_now(other, LiveEvent("orders", "orders.changed", {"number": number}))
            with contextlib.suppress(TimeoutError):
                event = await asyncio.wait_for(queue.get(), 0.1)
                break

    assert event is not None
    assert event.name == "orders.changed"
    assert hub.listening.is_set()
