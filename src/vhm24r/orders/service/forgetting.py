"""Forgetting who wrote notes: what was written stays."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.orders.models import OrderNote


async def forget_author(session: AsyncSession, person_id: int, alias: str) -> None:
    """Put `alias` in place of the author's name."""
    await session.execute(update(OrderNote).where(OrderNote.author_id == person_id).values(author_name=alias))
