"""Writing and reading the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Select, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit.models import AuditEntry
from vhm24r.kit.actor import Actor


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done (`order.edited`), to what (`order:ff00…`), why, and the particulars."""

    action: str
    subject: str
    reason: str | None = None
    data: Mapping[str, Any] | None = None


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
