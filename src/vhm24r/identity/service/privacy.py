"""What is kept of a person, as a copy to hand out; and forgetting it (decisions 37).

What somebody did stays: orders, decisions and the audit log say `person #12` from then on.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.events import PersonErased
from vhm24r.identity.models import ApiKey, Person, RefreshToken, Session, SignInLink
from vhm24r.identity.permissions import Permission, Role
from vhm24r.identity.service.changes import announce_change, tell
from vhm24r.identity.service.people import require_another_owner, require_reach, require_sight, role_of
from vhm24r.identity.types import PersonStatus
from vhm24r.kit.actor import Actor
from vhm24r.kit.clock import iso
from vhm24r.platform.events import EventBus
from vhm24r.platform.idempotency import forget_answers

MOST_ENTRIES = 10_000

Keeper = Callable[[AsyncSession, int, int], Awaitable[dict[str, list[dict[str, Any]]]]]
"""What a module keeps of a person, by the name of the list: given the person and how many entries of each at most."""


async def export_person(
    session: AsyncSession, actor: Actor, keepers: Sequence[Keeper], person_id: int, now: datetime
) -> dict[str, Any]:
    """What is kept of a person, as JSON: who it is, sessions, keys, what it did or was done to it, and what `keepers`
    have (the latest 10,000 of each). Keys are shown to the person and to owners alone.

    Raises:
        PersonNotFound, OutOfReach.
    """
    actor.require(Permission.PEOPLE_WRITE)
    person = await require_sight(session, actor, person_id)
    sees_keys = actor.id == person_id or await role_of(session, actor) is Role.OWNER
    opened = (
        await session.execute(select(Session).where(Session.person_id == person_id).order_by(Session.id))
    ).scalars()
    keys = (await session.execute(select(ApiKey).where(ApiKey.person_id == person_id).order_by(ApiKey.id))).scalars()
    links = (await session.execute(select(SignInLink).where(SignInLink.person_id == person_id))).scalars()
    entries = await audit.concerning_person(session, person_id, MOST_ENTRIES)
    kept: dict[str, Any] = {}
    for keeper in keepers:
        kept |= await keeper(session, person_id, MOST_ENTRIES)
    await audit.record(session, actor, Deed("person.exported", f"person:{person_id}"), now)
    return {
        "person": {
            "id": person.id, "name": person.name, "telegram_id": person.telegram_id, "username": person.username,
            "role": person.role, "status": person.status, "language": person.language, "machines": person.machines,
            "sources": person.sources, "created_at": iso(person.created_at), "erased_at": _iso(person.erased_at),
        },
        "sessions": [
            {"id": row.id, "way": row.way, "user_agent": row.user_agent, "ip": row.ip,
             "created_at": iso(row.created_at), "seen_at": iso(row.seen_at), "revoked_at": _iso(row.revoked_at)}
            for row in opened
        ],
        "links": [{"created_at": iso(row.created_at), "used_at": _iso(row.used_at)} for row in links],
        "api_keys": [
            {"id": row.id, "name": row.name, "prefix": row.prefix, "scopes": row.scopes,
             "created_at": iso(row.created_at), "last_used_at": _iso(row.last_used_at)}
            for row in keys
            if sees_keys
        ],
        "audit": [
            {"at": iso(entry.at), "by": entry.actor_name, "action": entry.action, "subject": entry.subject,
             "reason": entry.reason, "data": entry.data}
            for entry in entries
        ],
        **kept,
    }  # fmt: skip


async def erase_person(session: AsyncSession, actor: Actor, bus: EventBus, person_id: int, now: datetime) -> Person:
    """Forget who somebody is: name, Telegram account, devices and keys. There is no way back.

    Raises:
        OutOfReach, PersonNotFound. LastOwner: nobody would own the business.
    """
    person = await require_reach(session, actor, person_id)
    if person.erased_at is not None:
        return person
    await require_another_owner(session, person)
    name, alias = person.name, f"person #{person_id}"
    for table in (SignInLink, ApiKey):
        await session.execute(delete(table).where(table.person_id == person_id))
    theirs = select(Session.id).where(Session.person_id == person_id)
    await session.execute(delete(RefreshToken).where(RefreshToken.session_id.in_(theirs)))
    await session.execute(delete(Session).where(Session.person_id == person_id))
    values = {
        "name": alias, "telegram_id": None, "username": None, "status": PersonStatus.DEACTIVATED,
        "machines": None, "sources": None, "erased_at": now,
    }  # fmt: skip
    await session.execute(update(Person).where(Person.id == person_id).values(values))
    await session.refresh(person)
    await audit.forget_name(session, person_id, alias)
    await audit.record(session, actor, Deed("person.erased", f"person:{person_id}"), now)
    await bus.publish(session, PersonErased(person_id, alias))
    await forget_answers(session, f"person:{person_id}", name)
    await tell(session, person_id=person_id)
    await announce_change(session, person_id)
    return person


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else iso(instant)
