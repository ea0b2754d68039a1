"""People and their ways in: one-time links and cookie sessions."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.errors import (
    LanguageUnknown,
    LinkExpired,
    LinkInvalid,
    LinkUsed,
    NotApproved,
    PersonNotFound,
    TelegramIdTaken,
)
from vhm24r.identity.models import Person, Session, SignInLink
from vhm24r.identity.permissions import PERMISSIONS, Permission, Role
from vhm24r.identity.types import LINK_LIFETIME, PersonStatus, SignedIn
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.ids import secret_token, token_hash
from vhm24r.platform.i18n import DEFAULT_LANGUAGE, LANGUAGES

SESSION_IDLE = {role: timedelta(days=30) if role is Role.CUSTOMER else timedelta(hours=12) for role in Role}
SEEN_EVERY = timedelta(minutes=1)


def actor_of(person: Person) -> Actor:
    """The person as an author of actions, with the rights of the role."""
    return Actor(ActorKind.PERSON, person.id, person.name, frozenset(PERMISSIONS[Role(person.role)]))


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
        Forbidden: the actor may not.
        TelegramIdTaken: that account belongs to somebody already.
    """
    actor.require(Permission.PEOPLE_WRITE)
    if telegram_id is not None:
        taken = await session.execute(select(Person.id).where(Person.telegram_id == telegram_id))
        if taken.scalar_one_or_none() is not None:
            raise TelegramIdTaken(telegram_id=telegram_id)
    person = Person(
        name=name, role=role, status=PersonStatus.APPROVED, language=language, telegram_id=telegram_id, created_at=now
    )
    session.add(person)
    await session.flush()
    await audit.record(session, actor, Deed("person.created", f"person:{person.id}", data={"role": role}), now)
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
    person = await session.get(Person, person_id)
    if person is None:
        raise PersonNotFound(who=person_id)
    return person


async def list_people(session: AsyncSession, actor: Actor) -> list[Person]:
    """Everybody, oldest first."""
    actor.require(Permission.PEOPLE_READ)
    return list((await session.execute(select(Person).order_by(Person.id))).scalars())


async def issue_link(
    session: AsyncSession, actor: Actor, person: Person, now: datetime, *, endless: bool = False
) -> str:
    """A one-time sign-in token for `person`; `endless` ones (demo only) have no time limit."""
    actor.require(Permission.PEOPLE_WRITE)
    token = secret_token()
    expires = None if endless else now + LINK_LIFETIME
    session.add(SignInLink(token_hash=token_hash(token), person_id=person.id, created_at=now, expires_at=expires))
    await session.flush()
    await audit.record(session, actor, Deed("person.link_issued", f"person:{person.id}"), now)
    return token


async def sign_in_by_link(session: AsyncSession, token: str, now: datetime, user_agent: str | None) -> SignedIn:
    """Use up a link and open a session. Of two at once one wins: the row is taken by its update.

    Raises:
        LinkInvalid, LinkUsed, LinkExpired: the link does not open anything (any more).
        NotApproved: its person may not come in.
    """
    link = await session.get(SignInLink, token_hash(token))
    if link is None:
        raise LinkInvalid
    if link.expires_at is not None and link.expires_at < now:
        raise LinkExpired
    taken = await session.execute(
        update(SignInLink)
        .where(SignInLink.token_hash == link.token_hash, SignInLink.used_at.is_(None))
        .values(used_at=now)
        .returning(SignInLink.person_id)
    )
    if taken.scalar_one_or_none() is None:
        raise LinkUsed
    person = await get_person(session, link.person_id)
    if person.status != PersonStatus.APPROVED:
        raise NotApproved
    secret = secret_token()
    session.add(
        Session(token_hash=token_hash(secret), person_id=person.id, user_agent=user_agent, created_at=now, seen_at=now)
    )
    await session.flush()
    await audit.record(session, actor_of(person), Deed("session.opened", f"person:{person.id}"), now)
    return SignedIn(person.id, secret)


async def person_of_session(session: AsyncSession, token: str, now: datetime) -> Person | None:
    """Whose cookie this is; None when the session is unknown, revoked, idle too long, or the person blocked."""
    found = await session.execute(
        select(Session, Person)
        .join(Person, Person.id == Session.person_id)
        .where(Session.token_hash == token_hash(token), Session.revoked_at.is_(None))
    )
    row = found.one_or_none()
    if row is None:
        return None
    opened, person = row
    if person.status != PersonStatus.APPROVED or now - opened.seen_at > SESSION_IDLE[Role(person.role)]:
        return None
    if now - opened.seen_at > SEEN_EVERY:
        await session.execute(update(Session).where(Session.id == opened.id).values(seen_at=now))
        await session.commit()
    return person


async def sign_out(session: AsyncSession, token: str, now: datetime) -> None:
    """Close the session of this cookie."""
    await session.execute(update(Session).where(Session.token_hash == token_hash(token)).values(revoked_at=now))


async def choose_language(session: AsyncSession, actor: Actor, language: str, now: datetime) -> Person:
    """Remember which language the actor reads.

    Raises:
        LanguageUnknown: it is none of ours.
    """
    actor.require(Permission.PROFILE_WRITE)
    if language not in LANGUAGES:
        raise LanguageUnknown(language=language, known=", ".join(LANGUAGES))
    person = await get_person(session, actor.id or 0)
    await session.execute(update(Person).where(Person.id == person.id).values(language=language))
    person.language = language
    await audit.record(
        session, actor, Deed("person.language_chosen", f"person:{person.id}", data={"language": language}), now
    )
    return person
