"""Decisions about people: let in, turned down, blocked, another role or account. Each is written down and told."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.errors import OutOfReach, PersonNotFound, TelegramIdTaken
from vhm24r.identity.events import (
    PersonApproved,
    PersonBlocked,
    PersonEvent,
    PersonRejected,
    PersonUnblocked,
    RoleChanged,
)
from vhm24r.identity.models import Person, SignInLink
from vhm24r.identity.permissions import LIMITABLE, Role, reaches
from vhm24r.identity.service.changes import announce_change, tell
from vhm24r.identity.service.people import require_another_owner, require_reach, role_of
from vhm24r.identity.service.sessions import close_all
from vhm24r.identity.types import PERSON, PersonStatus
from vhm24r.kit.actor import Actor
from vhm24r.kit.fsm import IllegalTransition
from vhm24r.platform.events import EventBus


async def approve(
    session: AsyncSession, actor: Actor, bus: EventBus, person_id: int, role: Role, now: datetime
) -> Person:
    """Let somebody in, in a role: who waits, was turned down, or is blocked.

    Raises:
        OutOfReach: the person, or the role, is not the actor's to decide about.
    """
    person = await require_reach(session, actor, person_id)
    if person.status == PersonStatus.APPROVED:
        return await change_role(session, actor, bus, person_id, role, now)
    if person.erased_at is not None or not reaches(await role_of(session, actor), role):
        raise OutOfReach(role=role)
    event = PersonUnblocked(person.id) if person.status == PersonStatus.BLOCKED else PersonApproved(person.id)
    values = {"status": PersonStatus.APPROVED, "role": role, "decided_at": now}
    return await _decided(session, actor, bus, person, values, "person.approved", event, now)


async def reject(
    session: AsyncSession, actor: Actor, bus: EventBus, person_id: int, reason: str | None, now: datetime
) -> Person:
    """Turn somebody down who waits.

    Raises:
        IllegalTransition: the person does not wait.
    """
    person = await require_reach(session, actor, person_id)
    if person.status == PersonStatus.DEACTIVATED:
        return person
    if person.status != PersonStatus.PENDING:
        raise IllegalTransition(machine=PERSON.name, old=person.status, new=PersonStatus.DEACTIVATED)
    values = {"status": PersonStatus.DEACTIVATED, "decided_at": now}
    event = PersonRejected(person.id)
    return await _decided(session, actor, bus, person, values, "person.rejected", event, now, reason=reason)


async def block(
    session: AsyncSession, actor: Actor, bus: EventBus, person_id: int, reason: str | None, now: datetime
) -> Person:
    """Keep somebody out from now on: every session is closed, no key of theirs opens anything.

    Raises:
        LastOwner: nobody would own the business.
    """
    person = await require_reach(session, actor, person_id)
    if not PERSON.check(PersonStatus(person.status), PersonStatus.BLOCKED):
        return person
    await require_another_owner(session, person)
    values = {"status": PersonStatus.BLOCKED, "decided_at": now}
    event = PersonBlocked(person.id)
    return await _decided(session, actor, bus, person, values, "person.blocked", event, now, reason=reason)


async def unblock(session: AsyncSession, actor: Actor, bus: EventBus, person_id: int, now: datetime) -> Person:
    """Let a blocked person in again, in the role it had; it has to sign in anew.

    Raises:
        IllegalTransition: the person is not blocked.
    """
    person = await require_reach(session, actor, person_id)
    if person.status == PersonStatus.APPROVED:
        return person
    if person.status != PersonStatus.BLOCKED:
        raise IllegalTransition(machine=PERSON.name, old=person.status, new=PersonStatus.APPROVED)
    values = {"status": PersonStatus.APPROVED, "decided_at": now}
    return await _decided(session, actor, bus, person, values, "person.unblocked", PersonUnblocked(person.id), now)


async def change_role(
    session: AsyncSession, actor: Actor, bus: EventBus, person_id: int, role: Role, now: datetime
) -> Person:
    """Give somebody another role. Limits to machines and sources end with a role that has none.

    Raises:
        OutOfReach: the person, or the role, is not the actor's to decide about.
        LastOwner: nobody would own the business.
    """
    person = await require_reach(session, actor, person_id)
    if not reaches(await role_of(session, actor), role):
        raise OutOfReach(role=role)
    if person.role == role:
        return person
    await require_another_owner(session, person)
    values: dict[str, object] = {"role": role}
    if role not in LIMITABLE:
        values |= {"machines": None, "sources": None}
    return await _decided(session, actor, bus, person, values, "person.role_changed", RoleChanged(person.id), now)


async def bind_telegram(session: AsyncSession, actor: Actor, person_id: int, telegram_id: int, now: datetime) -> Person:
    """From now on another Telegram account signs in as this person; whoever holds the old one is signed out. Keys stay.
    For the command line alone: with it an administrator could come in as anybody.

    Raises:
        TelegramIdTaken: that account belongs to somebody, perhaps waiting for approval.
        PersonNotFound: there is none, or it was forgotten.
    """
    person = await require_reach(session, actor, person_id)
    if person.erased_at is not None:
        raise PersonNotFound(who=person_id)
    if person.telegram_id == telegram_id:
        return person
    try:
        async with session.begin_nested():
            person.telegram_id, person.username = telegram_id, None
    except IntegrityError as error:
        raise TelegramIdTaken(telegram_id=telegram_id) from error
    await close_all(session, person.id, now)
    await session.execute(delete(SignInLink).where(SignInLink.person_id == person.id))
    await audit.record(session, actor, Deed("person.telegram_bound", f"person:{person.id}"), now)
    await tell(session, person_id=person.id)
    await announce_change(session, person.id)
    return person


async def _must_come_in_anew(before: dict[str, str], person: Person) -> bool:
    """Whether ways in that are open or issued end: of who is out, and of whose role is another. A link or a session
    that somebody lower has made for the person would be a way up.
    """
    if person.status in (PersonStatus.BLOCKED, PersonStatus.DEACTIVATED):
        return True
    return before["status"] == PersonStatus.APPROVED and Role(person.role) is not Role(before["role"])


async def _decided(
    session: AsyncSession,
    actor: Actor,
    bus: EventBus,
    person: Person,
    values: dict[str, object],
    action: str,
    event: PersonEvent,
    now: datetime,
    *,
    reason: str | None = None,
) -> Person:
    """Write a decision down, close what it closes, and tell everybody."""
    before = {name: getattr(person, name) for name in ("status", "role")}
    await session.execute(update(Person).where(Person.id == person.id).values(values))
    await session.refresh(person)
    if await _must_come_in_anew(before, person):
        await close_all(session, person.id, now)
        await session.execute(delete(SignInLink).where(SignInLink.person_id == person.id))
    data = {"old": before, "new": {name: getattr(person, name) for name in before}}
    await audit.record(session, actor, Deed(action, f"person:{person.id}", reason, data), now)
    await tell(session, person_id=person.id)
    await bus.publish(session, event)
    return person
