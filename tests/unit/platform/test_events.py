"""Who hears of a fact: every subscriber of exactly that kind, in order, on the same session."""

from dataclasses import dataclass
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.events import BulkEvent, Event, EventBus

pytestmark = pytest.mark.unit

SESSION = cast("AsyncSession", object())


@dataclass(frozen=True, slots=True)
class Happened(Event):
    name: str


@dataclass(frozen=True, slots=True)
class ManyHappened(BulkEvent):
    pass


async def test_subscribers_are_told_in_the_order_of_subscription() -> None:
    bus, told = EventBus(), list[tuple[str, str, bool]]()

    async def first(session: AsyncSession, event: Happened) -> None:
        told.append(("first", event.name, session is SESSION))

    async def second(session: AsyncSession, event: Happened) -> None:
        told.append(("second", event.name, session is SESSION))

    bus.same_transaction(Happened, first)
    bus.job(Happened, second)
    bus.same_transaction(Happened, first)
    await bus.publish(SESSION, Happened("x"))

    assert told == [("first", "x", True), ("second", "x", True), ("first", "x", True)]


async def test_an_exception_stops_the_publishing_and_reaches_the_publisher() -> None:
    bus, told = EventBus(), list[int]()

    async def veto(_: AsyncSession, event: ManyHappened) -> None:
        raise LookupError(event.change_set_id)

    async def after(_: AsyncSession, event: ManyHappened) -> None:
        told.append(event.change_set_id)

    bus.same_transaction(ManyHappened, veto)
    bus.same_transaction(ManyHappened, after)

    with pytest.raises(LookupError, match="7"):
        await bus.publish(SESSION, ManyHappened(7))
    assert told == []


async def test_a_fact_nobody_listens_to_is_told_to_nobody() -> None:
    bus, told = EventBus(), list[Event]()

    async def hear(_: AsyncSession, event: Event) -> None:
        told.append(event)

    bus.same_transaction(Event, hear)
    await bus.publish(SESSION, Happened("x"))

    assert told == []
