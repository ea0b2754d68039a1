"""Facts that modules tell each other: published inside the transaction that made them true.

Modules speak upwards: `orders` publishes, `main` says who listens. A bulk event carries the id of
its change set, never rows. `same_transaction` subscribers run now, on the same session (and can
veto by raising); `job` subscribers run later, through a job deferred in the same transaction.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class Event:
    """A fact in the past tense; subclasses live in the `events.py` of their module."""


@dataclass(frozen=True, slots=True)
class BulkEvent(Event):
    """A fact about many rows, found through their change set."""

    change_set_id: int


@dataclass(frozen=True, slots=True)
class AlertRaised(Event):
    """Something an administrator should know of; `code` names its text in the catalogues."""

    code: str
    params: dict[str, str]


E = TypeVar("E", bound=Event)
Handler = Callable[[AsyncSession, Any], Awaitable[None]]


@dataclass(slots=True)
class EventBus:
    """Who listens to what. Built once by the composition root, then only read."""

    _handlers: dict[type[Event], list[Handler]] = field(default_factory=dict)

    def same_transaction(self, event: type[E], handler: Callable[[AsyncSession, E], Awaitable[None]]) -> None:
        """Run `handler` inside the publishing transaction, in the order of subscription."""
        self._handlers.setdefault(event, []).append(handler)

    def job(self, event: type[E], defer: Callable[[AsyncSession, E], Awaitable[None]]) -> None:
        """Have `defer` enqueue a job in the publishing transaction: it vanishes with a rollback."""
        self._handlers.setdefault(event, []).append(defer)

    async def publish(self, session: AsyncSession, event: Event) -> None:
        """Tell every subscriber; an exception of one rolls the whole fact back."""
        for handler in self._handlers.get(type(event), ()):
            await handler(session, event)
