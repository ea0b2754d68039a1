"""Mappings: suggested, saved, and applied to the import that waits for one."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.evidence.types import SourceName
from vhm24r.identity.permissions import Permission
from vhm24r.intake import repository
from vhm24r.intake.errors import ImportNotUnmapped, MappingInvalid, MappingNotFound
from vhm24r.intake.mapping import GENERIC_FIELDS, Mapping, suggest
from vhm24r.intake.models import ColumnMapping, Import
from vhm24r.intake.service.receiving import start_over
from vhm24r.intake.sources.registry import SOURCES
from vhm24r.intake.types import ImportStatus
from vhm24r.kit.actor import Actor
from vhm24r.kit.clock import iso
from vhm24r.kit.errors import PartOnly
from vhm24r.kit.text import fold, storable


async def save(session: AsyncSession, actor: Actor, said: dict[str, Any], header: list[str], now: datetime) -> Mapping:
    """Remember a mapping for a header; the one of its name is replaced if it was made for the same header.

    A header has one mapping, and a name has one header: which meaning counts is never a matter of order.

    Raises:
        MappingInvalid: what is said does not make sense, or header or name are another mapping's.
    """
    actor.require(Permission.IMPORTS_WRITE)
    _require_generic(actor)
    mapping = Mapping.of(said, header)
    await session.execute(text("LOCK TABLE column_mappings IN SHARE ROW EXCLUSIVE MODE"))  # two at once see each other
    for other in await repository.list_column_mappings(session):
        same_header = tuple(other.header) == mapping.header
        if other.name != mapping.name and same_header:
            raise MappingInvalid(problem="header_taken", value=other.name)
        if other.name == mapping.name and other.header and not same_header:
            raise MappingInvalid(problem="name_taken_by_layout", value=other.name)
    values = {
        "header": list(mapping.header), "said": mapping.stored(), "updated_at": now,
        "actor_id": actor.id, "actor_name": actor.name,
    }  # fmt: skip
    statement = insert(ColumnMapping).values(name=mapping.name, created_at=now, **values)
    await session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    deed = Deed("mapping.saved", f"mapping:{mapping.name}", data={"columns": dict(mapping.columns)})
    await audit.record(session, actor, deed, now)
    return mapping


async def propose(session: AsyncSession, actor: Actor, said: dict[str, Any], now: datetime) -> None:
    """Check a mapping before any file is read; one that is known by its name is replaced for its header.

    Raises:
        MappingInvalid: what is said does not make sense, or its name is that of another layout.
    """
    actor.require(Permission.IMPORTS_READ)
    mapping = Mapping.of(said)
    known = {row.name: row for row in await repository.list_column_mappings(session)}.get(mapping.name)
    if known is None or not known.header or known.said == mapping.stored():
        return
    if not {fold(header) for header in mapping.columns.values()} <= set(known.header):
        raise MappingInvalid(problem="name_taken_by_layout", value=known.name)
    await save(session, actor, said, known.header, now)


async def map_import(
    session: AsyncSession, actor: Actor, import_id: int, said: dict[str, Any], now: datetime
) -> Import:
    """Say what the columns of a waiting import mean; the caller defers or runs it.

    Raises:
        ImportNotUnmapped: it does not wait for that.
        MappingInvalid: what is said does not make sense.
    """
    row = await repository.visible_import(session, actor, import_id, for_update=True)
    if row.status != ImportStatus.NEEDS_MAPPING or row.preview is None:
        raise ImportNotUnmapped(import_id=import_id, status=row.status)
    dry_run = row.dry_run
    await save(session, actor, said, list(row.preview["columns"]), now)
    start_over(row)
    row.dry_run, row.wanted_source = dry_run, None
    return row


async def suggestions(session: AsyncSession, actor: Actor, import_id: int, zone: ZoneInfo) -> dict[str, Any]:
    """What a person needs to map an import: columns with guesses, the first rows, the fields there are.

    Raises:
        ImportNotUnmapped: it does not wait for a mapping.
    """
    actor.require(Permission.IMPORTS_READ)
    row = await repository.visible_import(session, actor, import_id)
    if row.preview is None:
        raise ImportNotUnmapped(import_id=import_id, status=row.status)
    columns, rows = list(row.preview["columns"]), list(row.preview["rows"])
    guesses, month_first = suggest(columns, rows, zone)
    return {
        "columns": [{"column": g.column, "field": g.field, "why": g.why} for g in guesses],
        "rows": rows,
        "header": columns,
        "month_first": month_first,
        "targets": [
            {"name": "generic", "fields": list(GENERIC_FIELDS), "required": ["occurred_at"]},
            *(
                {
                    "name": source.name,
                    "fields": [column.field for column in source.columns],
                    "required": [column.field for column in source.columns if column.required],
                }
                for source in SOURCES
            ),
        ],
    }


async def list_mappings(session: AsyncSession, actor: Actor) -> list[dict[str, Any]]:
    """The mappings people have made, by name."""
    actor.require(Permission.IMPORTS_READ)
    if not actor.granted.source(SourceName.GENERIC):
        return []
    return [
        {**row.said, "header": row.header, "made_by": row.actor_name, "updated_at": iso(row.updated_at)}
        for row in await repository.list_column_mappings(session)
    ]


async def forget(session: AsyncSession, actor: Actor, name: str, now: datetime) -> None:
    """Forget a mapping; what was imported with it stays.

    Raises:
        MappingNotFound: there is none of this name.
    """
    actor.require(Permission.IMPORTS_WRITE)
    _require_generic(actor)
    if name != storable(name):  # PostgreSQL keeps no such text
        raise MappingNotFound(name=storable(name))
    gone = await session.execute(delete(ColumnMapping).where(ColumnMapping.name == name).returning(ColumnMapping.id))
    if gone.scalar_one_or_none() is None:
        raise MappingNotFound(name=name)
    await audit.record(session, actor, Deed("mapping.forgotten", f"mapping:{name}"), now)


def _require_generic(actor: Actor) -> None:
    """Pass, unless files of other layouts are none of the actor's sources.

    Raises:
        PartOnly: so it is.
    """
    if not actor.granted.source(SourceName.GENERIC):
        raise PartOnly
