"""Everything that arrives from outside is kept once, before anybody acts on it."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.models import InboxMessage


async def receive(
    session: AsyncSession, source: str, external_id: str, body: dict[str, Any], at: datetime
) -> int | None:
    """Keep a message; returns its id, or None when (source, external_id) was here before."""
    statement = (
        insert(InboxMessage)
        .values(source=source, external_id=external_id, body=body, received_at=at)
        .on_conflict_do_nothing(index_elements=["source", "external_id"])
        .returning(InboxMessage.id)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def claim(session: AsyncSession, source: str) -> InboxMessage | None:
    """The oldest unhandled message nobody else is at; locked until the transaction ends."""
    statement = (
        select(InboxMessage)
        .where(InboxMessage.source == source, InboxMessage.handled_at.is_(None))
        .order_by(InboxMessage.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def handled(session: AsyncSession, message_id: int, at: datetime) -> None:
    """This message is done with."""
    await session.execute(update(InboxMessage).where(InboxMessage.id == message_id).values(handled_at=at))
