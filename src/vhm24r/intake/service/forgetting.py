"""Forgetting who brought files and made mappings: both stay."""

from sqlalchemy import Text, cast, func, literal, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.identity.service.privacy import names_of
from vhm24r.intake.models import ColumnMapping, Import


async def forget_author(session: AsyncSession, person_id: int, name: str, alias: str) -> None:
    """Put `alias` in place of a person's name; mappings know their author by name alone."""
    await session.execute(update(Import).where(Import.actor_id == person_id).values(actor_name=alias))
    undone = names_of(Import.undo["by"].astext, name)
    forgotten = func.jsonb_set(Import.undo, literal(["by"], ARRAY(Text)), func.to_jsonb(cast(alias, Text)))
    await session.execute(update(Import).where(undone).values(undo=forgotten))
    await session.execute(
        update(ColumnMapping).where(names_of(ColumnMapping.actor_name, name)).values(actor_name=alias)
    )
