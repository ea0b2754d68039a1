"""Authors of notes: what somebody wrote, to hand it out, and forgetting who it was. What was written stays."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.kit.clock import iso
from vhm24r.orders.models import Order, OrderNote


async def written_by(session: AsyncSession, person_id: int, most: int) -> dict[str, list[dict[str, Any]]]:
    """The notes of a person, the latest first."""
    statement = (
        select(Order.number, OrderNote.at, OrderNote.text)
        .join(Order, Order.id == OrderNote.order_id)
        .where(OrderNote.author_id == person_id)
        .order_by(OrderNote.id.desc())
        .limit(most)
    )
    rows = (await session.execute(statement)).all()
    return {"notes": [{"order": row.number, "at": iso(row.at), "text": row.text} for row in rows]}


async def forget_author(session: AsyncSession, person_id: int, alias: str) -> None:
    """Put `alias` in place of the author's name."""
    await session.execute(update(OrderNote).where(OrderNote.author_id == person_id).values(author_name=alias))
