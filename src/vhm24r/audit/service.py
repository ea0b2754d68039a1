"""Writing and reading the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Select, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit.models import AuditEntry
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.pagination import Page, decode_id, page_of

PEOPLE = (ActorKind.PERSON, ActorKind.API_KEY)


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done (`order.edited`), to what (`order:ff00…`), why, and the particulars; no names of people."""

    action: str
    subject: str
    reason: str | None = None
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Every field narrows; None does not. `action` may end with a dot: everything that begins like that."""

    actor_id: int | None = None
    action: str | None = None
    subject: str | None = None
    since: datetime | None = None
    before: datetime | None = None


async def record(session: AsyncSession, actor: Actor, deed: Deed, at: datetime) -> int:
    """Append one entry; its id is the change set of everything done with it."""
    values = {
        "at": at,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name,
        "action": deed.action,
        "subject": deed.subject,
        "reason": deed.reason,
        "data": dict(deed.data or {}),
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
    }
    return int((await session.execute(insert(AuditEntry).values(values).returning(AuditEntry.id))).scalar_one())


def entries() -> Select[AuditEntry]:
    """The selectable other modules may join their change sets with."""
    return select(AuditEntry)


async def about(session: AsyncSession, subject: str, limit: int = 200) -> Sequence[AuditEntry]:
    """The newest entries about one thing."""
    statement = entries().where(AuditEntry.subject == subject).order_by(AuditEntry.id.desc()).limit(limit)
    return (await session.execute(statement)).scalars().all()


async def list_entries(
    session: AsyncSession, where: EntryFilter, *, limit: int, cursor: str | None
) -> Page[AuditEntry]:
    """Entries, the newest first. Whether somebody may read them is for the caller to ask."""
    statement = entries()
    if where.actor_id is not None:
        statement = statement.where(AuditEntry.actor_id == where.actor_id)
    if where.action is not None:
        begins = AuditEntry.action.startswith(where.action, autoescape=True)
        statement = statement.where(begins if where.action.endswith(".") else AuditEntry.action == where.action)
    if where.subject is not None:
        statement = statement.where(AuditEntry.subject == where.subject)
    if where.since is not None:
        statement = statement.where(AuditEntry.at >= where.since)
    if where.before is not None:
        statement = statement.where(AuditEntry.at < where.before)
    if cursor is not None:
        statement = statement.where(AuditEntry.id < decode_id(cursor))
    found = list((await session.execute(statement.order_by(AuditEntry.id.desc()).limit(limit + 1))).scalars())
    return page_of(found, limit, lambda entry: [entry.id])


async def concerning_person(session: AsyncSession, person_id: int, limit: int) -> Sequence[AuditEntry]:
    """The newest entries by a person, or about it."""
    by = (AuditEntry.actor_id == person_id) & AuditEntry.actor_kind.in_(PEOPLE)
    statement = entries().where(or_(by, AuditEntry.subject == f"person:{person_id}"))
    return (await session.execute(statement.order_by(AuditEntry.id.desc()).limit(limit))).scalars().all()


async def forget_name(session: AsyncSession, person_id: int, alias: str) -> None:
    """Put `alias` in place of a person's name: the one change that the log allows, and that no seal is over."""
    theirs = (AuditEntry.actor_id == person_id) & AuditEntry.actor_kind.in_(PEOPLE)
    await session.execute(update(AuditEntry).where(theirs).values(actor_name=alias))
