"""People: who they are, what they may do, and who decides that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.errors import (
    GrantInvalid,
    LanguageUnknown,
    LastOwner,
    NameInvalid,
    OutOfReach,
    PersonNotFound,
    TelegramIdTaken,
)
from vhm24r.identity.models import Person
from vhm24r.identity.permissions import LIMITABLE, PERMISSIONS, WHOLE_FILES, Permission, Role, reaches
from vhm24r.identity.service.changes import announce_change, tell
from vhm24r.identity.types import PersonStatus
from vhm24r.kit.actor import Actor, ActorKind, Granted
from vhm24r.kit.pagination import LARGEST_ID, Page, decode_id, page_of
from vhm24r.platform.i18n import DEFAULT_LANGUAGE, LANGUAGES
from vhm24r.platform.locks import Lock, take

LONGEST_NAME = 128
MOST_GRANTED = 1_000


@dataclass(frozen=True, slots=True)
class PersonFilter:
    """Every field narrows; None does not. `q` is a part of the name or of the Telegram name."""

    status: PersonStatus | None = None
    role: Role | None = None
    q: str | None = None


def actor_of(person: Person) -> Actor:
    """The person as an author of actions, with the rights of the role; who waits for approval has none."""
    allowed: frozenset[str] = frozenset()
    if person.status == PersonStatus.APPROVED:
        allowed = frozenset(PERMISSIONS[Role(person.role)])
    granted = granted_to(person)
    if granted.machines is not None:
        allowed -= WHOLE_FILES
    return Actor(ActorKind.PERSON, person.id, person.name, allowed, granted)


def granted_to(person: Person) -> Granted:
    """Which machines and sources a person may see."""
    if Role(person.role) not in LIMITABLE:
        return Granted()
    return Granted(
        None if person.machines is None else frozenset(person.machines),
        None if person.sources is None else frozenset(person.sources),
    )


async def create_person(
    session: AsyncSession,
    actor: Actor,
    *,
    name: str,
    role: Role,
    now: datetime,
    telegram_id: int | None = None,
    language: str = DEFAULT_LANGUAGE,
) -> Person:
    """Add an approved person.

    Raises:
        Forbidden, OutOfReach: the actor may not.
        NameInvalid: there is no name, or a very long one.
        TelegramIdTaken: that account belongs to somebody already.
    """
    actor.require(Permission.PEOPLE_WRITE)
    if not reaches(await role_of(session, actor), role):
        raise OutOfReach(role=role)
    if telegram_id is not None and await with_telegram_id(session, telegram_id) is not None:
        raise TelegramIdTaken(telegram_id=telegram_id)
    person = Person(
        name=checked_name(name), role=role, status=PersonStatus.APPROVED, language=known_language(language),
        telegram_id=telegram_id, created_at=now, decided_at=now,
    )  # fmt: skip
    session.add(person)
    await session.flush()
    await audit.record(session, actor, Deed("person.created", f"person:{person.id}", data={"role": role}), now)
    await announce_change(session, person.id)
    return person


async def first_with_role(session: AsyncSession, role: Role) -> Person:
    """The oldest approved person of a role.

    Raises:
        PersonNotFound: nobody has it.
    """
    where = (Person.role == role) & (Person.status == PersonStatus.APPROVED)
    person = (await session.execute(select(Person).where(where).order_by(Person.id).limit(1))).scalar_one_or_none()
    if person is None:
        raise PersonNotFound(who=role)
    return person


async def get_person(session: AsyncSession, person_id: int) -> Person:
    """The person of this id.

    Raises:
        PersonNotFound: there is none.
    """
    person = await session.get(Person, person_id) if 0 < person_id < LARGEST_ID else None
    if person is None:
        raise PersonNotFound(who=person_id)
    return person


async def with_telegram_id(session: AsyncSession, telegram_id: int) -> Person | None:
    """Whose Telegram account this is."""
    return (await session.execute(select(Person).where(Person.telegram_id == telegram_id))).scalar_one_or_none()


async def read_person(session: AsyncSession, actor: Actor, person_id: int) -> Person:
    """One person, for whoever may see people.

    Raises:
        Forbidden, PersonNotFound.
    """
    actor.require(Permission.PEOPLE_READ)
    return await get_person(session, person_id)


async def list_people(
    session: AsyncSession, actor: Actor, where: PersonFilter, *, limit: int, cursor: str | None
) -> Page[Person]:
    """Who is there, the newest first."""
    actor.require(Permission.PEOPLE_READ)
    statement = select(Person)
    if where.status is not None:
        statement = statement.where(Person.status == where.status)
    if where.role is not None:
        statement = statement.where(Person.role == where.role)
    if where.q:
        words = where.q.strip().replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        statement = statement.where(or_(Person.name.ilike(f"%{words}%"), Person.username.ilike(f"%{words}%")))
    if cursor is not None:
        statement = statement.where(Person.id < decode_id(cursor))
    found = list((await session.execute(statement.order_by(Person.id.desc()).limit(limit + 1))).scalars())
    return page_of(found, limit, lambda person: [person.id])


async def everybody(session: AsyncSession, actor: Actor) -> Sequence[Person]:
    """All people, oldest first."""
    actor.require(Permission.PEOPLE_READ)
    return (await session.execute(select(Person).order_by(Person.id))).scalars().all()


async def role_of(session: AsyncSession, actor: Actor) -> Role:
    """The role behind an actor; the product itself decides as an owner does."""
    return Role.OWNER if actor.id is None else Role((await get_person(session, actor.id)).role)


async def require_reach(session: AsyncSession, actor: Actor, person_id: int) -> Person:
    """The person, locked, for somebody who may decide about it.

    Raises:
        Forbidden, PersonNotFound.
        OutOfReach: it is oneself, or an owner for somebody who is none.
    """
    actor.require(Permission.PEOPLE_WRITE)
    await get_person(session, person_id)
    locked = select(Person).where(Person.id == person_id).with_for_update()
    person = (await session.execute(locked.execution_options(populate_existing=True))).scalar_one()
    if actor.id == person.id or not reaches(await role_of(session, actor), Role(person.role)):
        raise OutOfReach(role=person.role)
    return person


async def require_sight(session: AsyncSession, actor: Actor, person_id: int) -> Person:
    """The person, for somebody who may look into what it does: oneself, or who may decide about it.

    Raises:
        PersonNotFound, OutOfReach.
    """
    person = await get_person(session, person_id)
    if actor.id != person.id and not reaches(await role_of(session, actor), Role(person.role)):
        raise OutOfReach(role=person.role)
    return person


async def grant(
    session: AsyncSession,
    actor: Actor,
    person_id: int,
    machines: Sequence[str] | None,
    sources: Sequence[str] | None,
    now: datetime,
) -> Person:
    """Let somebody see these machines and sources alone; None is all of them.

    Raises:
        GrantInvalid: the role sees everything anyway, or too many are named.
    """
    person = await require_reach(session, actor, person_id)
    if Role(person.role) not in LIMITABLE or person.erased_at is not None:
        raise GrantInvalid(role=person.role, roles=", ".join(sorted(LIMITABLE)))
    if max(len(machines or ()), len(sources or ())) > MOST_GRANTED:
        raise GrantInvalid(problem="many", most=MOST_GRANTED)
    values = {
        "machines": None if machines is None else sorted(set(machines)),
        "sources": None if sources is None else sorted(set(sources)),
    }
    await session.execute(update(Person).where(Person.id == person_id).values(values))
    await audit.record(session, actor, Deed("person.granted", f"person:{person_id}", data=values), now)
    await tell(session, person_id=person_id)
    await announce_change(session, person_id)
    await session.refresh(person)
    return person


async def choose_language(session: AsyncSession, actor: Actor, language: str, now: datetime) -> Person:
    """Remember which language the actor reads.

    Raises:
        LanguageUnknown: it is none of ours.
    """
    actor.require(Permission.PROFILE_WRITE)
    person = await get_person(session, actor.id or 0)
    await session.execute(update(Person).where(Person.id == person.id).values(language=known_language(language)))
    await session.refresh(person)
    deed = Deed("person.language_chosen", f"person:{person.id}", data={"language": language})
    await audit.record(session, actor, deed, now)
    await tell(session, person_id=person.id)
    return person


async def require_another_owner(session: AsyncSession, person: Person) -> None:
    """Pass, unless the person is the last owner who may come in. Owners leave one at a time.

    Raises:
        LastOwner: it is.
    """
    if person.role != Role.OWNER or person.status != PersonStatus.APPROVED:
        return
    await take(session, Lock.OWNERS)
    others = (Person.role == Role.OWNER) & (Person.status == PersonStatus.APPROVED) & (Person.id != person.id)
    if not (await session.execute(select(func.count()).select_from(Person).where(others))).scalar_one():
        raise LastOwner


def known_language(language: str) -> str:
    """The language, if we speak it.

    Raises:
        LanguageUnknown: we do not.
    """
    if language not in LANGUAGES:
        raise LanguageUnknown(language=language, known=", ".join(LANGUAGES))
    return language


def checked_name(name: str) -> str:
    """A name as it may be kept.

    Raises:
        NameInvalid: nothing is left of it, or it is too long.
    """
    found = "".join(letter for letter in name if letter.isprintable()).strip()
    if not found or len(found) > LONGEST_NAME:
        raise NameInvalid(longest=LONGEST_NAME)
    return found
