"""Sessions: opened, carried on, looked at, closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.errors import RefreshInvalid, RefreshRaced, RefreshReused, SessionEnded, SessionNotFound
from vhm24r.identity.models import Person, RefreshToken, Session
from vhm24r.identity.permissions import Permission, Role
from vhm24r.identity.rules import idle_limit, longest
from vhm24r.identity.service.changes import tell
from vhm24r.identity.service.people import actor_of, get_person, require_reach, require_sight
from vhm24r.identity.signing import Claims, Signer
from vhm24r.identity.types import RACE_PATIENCE, Client, PersonStatus, SignedIn, Tokens, Way
from vhm24r.kit.actor import Actor
from vhm24r.kit.errors import AppError
from vhm24r.kit.ids import secret_token, token_hash
from vhm24r.kit.pagination import LARGEST_ID

KEPT_AFTER_END = timedelta(days=7)
LONGEST_AGENT = 300
MAY_HAVE_A_SESSION = frozenset({PersonStatus.APPROVED, PersonStatus.PENDING})
"""Who waits for approval has a session, too: it says no more than that one waits."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A session that is not carried on; what happened to it stays when the error is raised."""

    error: AppError


async def open_session(
    session: AsyncSession, signer: Signer, person: Person, way: Way, client: Client, now: datetime
) -> SignedIn:
    """A new session of somebody who has proven who it is."""
    row = Session(
        person_id=person.id, way=way, user_agent=_agent(client), ip=client.ip, created_at=now, seen_at=now,
        ends_at=now + await longest(session),
    )  # fmt: skip
    session.add(row)
    await session.flush()
    tokens = await _tokens(session, signer, row.id, person.id, now)
    await audit.record(session, actor_of(person), Deed("session.opened", f"person:{person.id}", data={"way": way}), now)
    return SignedIn(person.id, tokens)


async def carry_on(
    session: AsyncSession, signer: Signer, token: str, client: Client, now: datetime
) -> SignedIn | Refusal:
    """New tokens for the unused refresh token of a session. Of many at once one wins: the row is taken by its update.

    A token that was used before the last ten seconds closes the session: two have it, and one of them stole it.
    """
    digest = token_hash(token)
    taken = (
        update(RefreshToken)
        .where(RefreshToken.token_hash == digest, RefreshToken.used_at.is_(None))
        .values(used_at=now)
        .returning(RefreshToken.session_id)
    )
    session_id = (await session.execute(taken)).scalar_one_or_none()
    if session_id is None:
        return await _used_or_unknown(session, digest, now)
    row = (await session.execute(select(Session).where(Session.id == session_id).with_for_update())).scalar_one()
    person = await get_person(session, row.person_id)
    if row.revoked_at is None and await _is_over(session, row, person, now):
        await _revoke(session, person.id, (row.id,), now)
        return Refusal(SessionEnded())
    if row.revoked_at is not None:
        return Refusal(SessionEnded())
    values = {"seen_at": now, "ip": client.ip, "user_agent": _agent(client)}
    await session.execute(update(Session).where(Session.id == row.id).values(values))
    return SignedIn(person.id, await _tokens(session, signer, row.id, person.id, now))


async def own_sessions(session: AsyncSession, person_id: int, now: datetime) -> Sequence[Session]:
    """Open sessions of a person, the last used first."""
    person = await get_person(session, person_id)
    idle = await idle_limit(session, Role(person.role))
    where = (
        (Session.person_id == person_id)
        & Session.revoked_at.is_(None)
        & (Session.ends_at > now)
        & (Session.seen_at >= now - idle)
    )
    return (
        (await session.execute(select(Session).where(where).order_by(Session.seen_at.desc(), Session.id)))
        .scalars()
        .all()
    )


async def sessions_of(session: AsyncSession, actor: Actor, person_id: int, now: datetime) -> Sequence[Session]:
    """Open sessions of somebody else.

    Raises:
        PersonNotFound, OutOfReach.
    """
    actor.require(Permission.PEOPLE_READ)
    await require_sight(session, actor, person_id)
    return await own_sessions(session, person_id, now)


async def revoke_own(session: AsyncSession, actor: Actor, session_id: int, now: datetime) -> None:
    """Close one of one's own sessions.

    Raises:
        SessionNotFound: there is no such session, or it is somebody else's.
    """
    if not await _revoke(session, actor.id or 0, (session_id,), now):
        raise SessionNotFound(id=session_id)
    await audit.record(session, actor, Deed("session.revoked", f"person:{actor.id}", data={"session": session_id}), now)


async def revoke_by_refresh(session: AsyncSession, token: str, now: datetime) -> None:
    """Close the session that a refresh token belongs to, used or not; an unknown one closes nothing."""
    whose = select(Session).join(RefreshToken, RefreshToken.session_id == Session.id)
    row = (await session.execute(whose.where(RefreshToken.token_hash == token_hash(token)))).scalar_one_or_none()
    if row is not None and await _revoke(session, row.person_id, (row.id,), now):
        actor = actor_of(await get_person(session, row.person_id))
        deed = Deed("session.revoked", f"person:{row.person_id}", data={"session": row.id})
        await audit.record(session, actor, deed, now)


async def revoke_others(session: AsyncSession, actor: Actor, keep: int | None, now: datetime) -> int:
    """Close all of one's own sessions but one; how many."""
    ids = [row.id for row in await own_sessions(session, actor.id or 0, now) if row.id != keep]
    closed = await _revoke(session, actor.id or 0, ids, now)
    await audit.record(session, actor, Deed("session.revoked", f"person:{actor.id}", data={"others": closed}), now)
    return closed


async def revoke_all_of(session: AsyncSession, actor: Actor, person_id: int, now: datetime) -> int:
    """Close all sessions of somebody else; how many.

    Raises:
        OutOfReach: not of this person.
    """
    person = await require_reach(session, actor, person_id)
    closed = await close_all(session, person.id, now)
    await audit.record(session, actor, Deed("session.revoked", f"person:{person_id}", data={"all": closed}), now)
    return closed


async def close_all(session: AsyncSession, person_id: int, now: datetime) -> int:
    """Close every session of a person who may not come in any more; how many."""
    still_open = select(Session.id).where(Session.person_id == person_id, Session.revoked_at.is_(None))
    return await _revoke(session, person_id, (await session.execute(still_open)).scalars().all(), now)


async def forget_ended(session: AsyncSession, now: datetime) -> None:
    """Drop sessions that ended a week ago, with their tokens."""
    idle = max([await idle_limit(session, role) for role in Role])
    past = now - KEPT_AFTER_END
    over = (Session.revoked_at < past) | (Session.ends_at < past) | (Session.seen_at < past - idle)
    await session.execute(delete(Session).where(over))


_WHOSE_OPEN = (
    select(Person)
    .join(Session, Session.person_id == Person.id)
    .where(Session.id == bindparam("session_id"), Session.revoked_at.is_(None), Session.ends_at > bindparam("now"))
)
"""Made once: every request that nobody remembers asks it."""


async def is_open(session: AsyncSession, session_id: int, now: datetime) -> Person | None:
    """Whose open session this is; None when it was closed, is too old, or its person may not come in."""
    found = await session.execute(_WHOSE_OPEN, {"session_id": session_id, "now": now})
    person = found.scalar_one_or_none()
    return None if person is None or person.status not in MAY_HAVE_A_SESSION else person


async def is_idle(session: AsyncSession, session_id: int, now: datetime) -> bool:
    """Whether a session has not been used for as long as its person's role allows."""
    statement = select(Session.seen_at, Person.role).join(Person, Person.id == Session.person_id)
    row = (await session.execute(statement.where(Session.id == session_id))).one_or_none()
    return row is not None and now - row.seen_at > await idle_limit(session, Role(row.role))


async def _used_or_unknown(session: AsyncSession, digest: bytes, now: datetime) -> Refusal:
    """What a refresh token means that is not there to be used."""
    known = select(RefreshToken.used_at, Session).join(Session, Session.id == RefreshToken.session_id)
    row = (await session.execute(known.where(RefreshToken.token_hash == digest))).one_or_none()
    if row is None:
        return Refusal(RefreshInvalid())
    if row.Session.revoked_at is not None:
        return Refusal(SessionEnded())
    if now - row.used_at <= RACE_PATIENCE:
        return Refusal(RefreshRaced())
    person = await get_person(session, row.Session.person_id)
    await _revoke(session, person.id, (row.Session.id,), now)
    deed = Deed("session.refresh_reused", f"person:{person.id}", data={"session": row.Session.id})
    await audit.record(session, Actor.system("access"), deed, now)
    return Refusal(RefreshReused())


async def _is_over(session: AsyncSession, row: Session, person: Person, now: datetime) -> bool:
    if person.status not in MAY_HAVE_A_SESSION or row.ends_at <= now:
        return True
    return now - row.seen_at > await idle_limit(session, Role(person.role))


async def _tokens(session: AsyncSession, signer: Signer, session_id: int, person_id: int, now: datetime) -> Tokens:
    refresh = secret_token()
    session.add(RefreshToken(token_hash=token_hash(refresh), session_id=session_id, issued_at=now))
    await session.flush()
    access, ends = signer.make(Claims(session_id, person_id), now)
    return Tokens(session_id, access, refresh, ends)


async def _revoke(session: AsyncSession, person_id: int, ids: Sequence[int], now: datetime) -> int:
    """Close those of a person's sessions; how many were open."""
    ids = [one for one in ids if 0 < one < LARGEST_ID]
    where = (Session.person_id == person_id) & Session.id.in_(ids) & Session.revoked_at.is_(None)
    closed = (await session.execute(update(Session).where(where).values(revoked_at=now).returning(Session.id))).all()
    await tell(session, person_id=person_id)
    return len(closed)


def _agent(client: Client) -> str | None:
    return client.agent[:LONGEST_AGENT] if client.agent else None
