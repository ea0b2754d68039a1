"""Telling all processes that somebody's rights, sessions or keys have changed: what they remember is dropped."""

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.live import LiveEvent, announce

TOPIC = "access"
"""Heard by processes alone: nobody can watch it over HTTP."""


async def tell(session: AsyncSession, *, person_id: int | None = None, keys: bool = False) -> None:
    """Tell, when and if this transaction commits: of one person, or of the signing keys."""
    data = {"keys": True} if keys else {"person_id": person_id}
    await announce(session, LiveEvent(TOPIC, "access.changed", data))


async def announce_change(session: AsyncSession, person_id: int) -> None:
    """Tell whoever watches people that one of them has changed."""
    await announce(session, LiveEvent("people", "person.changed", {"person_id": person_id}))
