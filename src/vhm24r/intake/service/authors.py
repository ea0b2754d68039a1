"""Who brought files and made mappings: what they are, to hand it out, and forgetting who it was. Both stay."""

from typing import Any

from sqlalchemy import Text, cast, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.intake.models import ColumnMapping, Import
from vhm24r.kit.clock import iso


async def brought_by(session: AsyncSession, person_id: int, most: int) -> dict[str, list[dict[str, Any]]]:
    """The files and mappings of a person, the latest first."""
    files = select(Import.id, Import.name, Import.created_at).where(Import.actor_id == person_id)
    mappings = select(ColumnMapping.name, ColumnMapping.updated_at).where(ColumnMapping.actor_id == person_id)
    imports = (await session.execute(files.order_by(Import.id.desc()).limit(most))).all()
    said = (await session.execute(mappings.order_by(ColumnMapping.updated_at.desc()).limit(most))).all()
    return {
        "imports": [{"id": row.id, "name": row.name, "at": iso(row.created_at)} for row in imports],
        "mappings": [{"name": row.name, "at": iso(row.updated_at)} for row in said],
    }


async def forget_author(session: AsyncSession, person_id: int, alias: str) -> None:
    """Put `alias` in place of a person's name."""
    await session.execute(update(Import).where(Import.actor_id == person_id).values(actor_name=alias))
    undone = Import.undo["by_id"].astext == str(person_id)
    forgotten = func.jsonb_set(Import.undo, literal(["by"], ARRAY(Text)), func.to_jsonb(cast(alias, Text)))
    await session.execute(update(Import).where(undone).values(undo=forgotten))
    await session.execute(update(ColumnMapping).where(ColumnMapping.actor_id == person_id).values(actor_name=alias))
