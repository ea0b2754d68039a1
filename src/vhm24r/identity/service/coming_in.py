"""The ways in: a one-time link, Telegram's Login Widget, a Mini App. Vain attempts are counted, and locked out."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.errors import (
    LinkExpired,
    LinkInvalid,
    LinkUsed,
    LockedOut,
    NotApproved,
    OutOfReach,
    TelegramDataUsed,
    TelegramNotSetUp,
)
from vhm24r.identity.events import AccessRequested
from vhm24r.identity.models import Person, SignInLink, UsedProof
from vhm24r.identity.permissions import Permission, Role, outranks
from vhm24r.identity.rules import VAIN_ATTEMPTS
from vhm24r.identity.service.access import Access
from vhm24r.identity.service.people import actor_of, get_person, role_of, with_telegram_id
from vhm24r.identity.service.sessions import MAY_HAVE_A_SESSION, open_session
from vhm24r.identity.telegram import (
    CLOCKS_DIFFER_BY,
    WIDGET_MAX_AGE,
    TelegramPerson,
    check_init_data,
    check_signature,
    check_widget,
)
from vhm24r.identity.types import LINK_LIFETIME, Client, PersonStatus, SignedIn, Way
from vhm24r.kit.actor import Actor
from vhm24r.kit.errors import Unauthenticated
from vhm24r.kit.ids import secret_token, token_hash
from vhm24r.platform import metrics
from vhm24r.platform.business_settings import value_of
from vhm24r.platform.events import AlertRaised
from vhm24r.platform.i18n import chosen
from vhm24r.platform.locks import Lock, take
from vhm24r.platform.rates import Rate, TooOften

LOCKED_FOR_S = 900
log = structlog.get_logger(__name__)

Attempt = Callable[[AsyncSession, datetime], Awaitable[SignedIn]]


async def issue_link(
    session: AsyncSession, actor: Actor, person: Person, now: datetime, *, endless: bool = False
) -> str:
    """A one-time sign-in token for `person`; `endless` ones (demo only) have no time limit.

    Raises:
        Forbidden, OutOfReach: only an owner signs somebody of the same height in; a link is as good as the person.
        NotApproved: the person may not come in.
    """
    actor.require(Permission.PEOPLE_WRITE)
    if actor.id != person.id and not outranks(await role_of(session, actor), Role(person.role)):
        raise OutOfReach(role=person.role)
    if person.status != PersonStatus.APPROVED:
        raise NotApproved
    token = secret_token()
    expires = None if endless else now + LINK_LIFETIME
    session.add(SignInLink(token_hash=token_hash(token), person_id=person.id, created_at=now, expires_at=expires))
    await session.flush()
    await audit.record(session, actor, Deed("person.link_issued", f"person:{person.id}"), now)
    return token


async def sign_in_by_link(access: Access, token: str, client: Client) -> SignedIn:
    """Use up a link and open a session. Of two at once one wins: the row is taken by its update.

    Raises:
        LinkInvalid, LinkUsed, LinkExpired: the link does not open anything (any more).
        NotApproved: its person may not come in. LockedOut: too many vain attempts from this address.
    """

    async def attempt(session: AsyncSession, now: datetime) -> SignedIn:
        person = await _person_of_link(session, token, now)
        if person.status != PersonStatus.APPROVED:
            raise NotApproved
        return await open_session(session, access.signer, person, Way.LINK, client, now)

    return await _attempted(access, client, attempt)


async def sign_in_by_widget(access: Access, fields: Mapping[str, str], client: Client) -> SignedIn:
    """Check the fields of a Login Widget, once, and open a session; somebody unknown waits for approval.

    Raises:
        TelegramDataInvalid, TelegramDataTooOld, TelegramDataUsed, NotApproved, LockedOut, TelegramNotSetUp.
    """
    bot = access.telegram.token
    if bot is None:
        raise TelegramNotSetUp

    async def attempt(session: AsyncSession, now: datetime) -> SignedIn:
        told = check_widget(fields, bot, now)
        expires = told.signed_at + WIDGET_MAX_AGE + CLOCKS_DIFFER_BY
        proof = insert(UsedProof).values(proof=told.proof, expires_at=expires).on_conflict_do_nothing()
        if (await session.execute(proof.returning(UsedProof.proof))).scalar_one_or_none() is None:
            raise TelegramDataUsed
        person = await _person_of_telegram(access, session, told, now)
        return await open_session(session, access.signer, person, Way.WIDGET, client, now)

    return await _attempted(access, client, attempt)


async def sign_in_by_mini_app(access: Access, init_data: str, client: Client) -> SignedIn:
    """Check the init data of a Mini App and open a session. The same data may come again while it is young: a page
    inside Telegram keeps nothing when it is closed.

    Raises:
        TelegramDataInvalid, TelegramDataTooOld, NotApproved, LockedOut, TelegramNotSetUp.
    """
    bot = access.telegram
    if bot.token is None and bot.bot_id is None:
        raise TelegramNotSetUp

    async def attempt(session: AsyncSession, now: datetime) -> SignedIn:
        if bot.token is not None:
            told = check_init_data(init_data, bot.token, now)
        else:
            told = check_signature(init_data, bot.bot_id or 0, bot.public_keys, now)
        person = await _person_of_telegram(access, session, told, now)
        return await open_session(session, access.signer, person, Way.MINI_APP, client, now)

    return await _attempted(access, client, attempt)


async def forget_used(session: AsyncSession, now: datetime) -> None:
    """Drop links and widget data that are too old to be shown again; a link of the demo stays until it is used."""
    await session.execute(delete(UsedProof).where(UsedProof.expires_at < now))
    old = (SignInLink.expires_at < now - LINK_LIFETIME) | (SignInLink.used_at < now - 6 * LINK_LIFETIME)
    await session.execute(delete(SignInLink).where(old))


async def _attempted(access: Access, client: Client, attempt: Attempt) -> SignedIn:
    """Try to let somebody in, unless the address is locked out; a vain attempt is counted whatever it was."""
    await access.prepare()
    async with access.db.read() as session:
        rate = Rate(await value_of(session, VAIN_ATTEMPTS), LOCKED_FOR_S)
    key = f"vain:{client.place}"
    try:
        await access.counters.require_room(rate, key)
    except TooOften as error:
        raise LockedOut(**error.params) from error
    try:
        async with access.db.write() as session:
            return await attempt(session, access.clock.now())
    except Unauthenticated as error:
        await _count(access, rate, key, client, error)
        raise


async def _count(access: Access, rate: Rate, key: str, client: Client, error: Unauthenticated) -> None:
    """Count a vain attempt; the one that locks the address out is written down and announced."""
    metrics.vain_sign_ins_total.labels(error.code).inc()
    log.info("identity.vain_attempt", code=error.code, problem=str(error.params.get("problem", "")))
    try:
        count = await access.counters.everywhere(rate, key)
    except TooOften as locked:
        raise LockedOut(**locked.params) from error
    if count < rate.times:
        return
    log.warning("identity.locked_out", ip=client.ip)
    now, minutes = access.clock.now(), str(LOCKED_FOR_S // 60)
    async with access.db.write() as session:
        deed = Deed("sign_in.locked_out", f"address:{client.ip}", data={"attempts": count})
        await audit.record(session, Actor.system("access"), deed, now)
        alert = AlertRaised("alert.locked_out", {"ip": client.ip, "attempts": str(count), "minutes": minutes})
        await access.bus.publish(session, alert)


async def _person_of_link(session: AsyncSession, token: str, now: datetime) -> Person:
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
    return await get_person(session, link.person_id)


async def _person_of_telegram(access: Access, session: AsyncSession, told: TelegramPerson, now: datetime) -> Person:
    """The person behind a Telegram account. Somebody unknown asks for access; the owner of the settings has it.

    Raises:
        NotApproved: blocked, or turned down.
    """
    made = await _made(access, session, told, now)
    person = await with_telegram_id(session, told.id)
    if person is None or PersonStatus(person.status) not in MAY_HAVE_A_SESSION:
        raise NotApproved
    if told.username != person.username:
        await session.execute(update(Person).where(Person.id == person.id).values(username=told.username))
        await session.refresh(person)
    if made and person.status == PersonStatus.PENDING:
        await audit.record(session, actor_of(person), Deed("person.asked", f"person:{person.id}"), now)
        await access.bus.publish(session, AccessRequested(person.id))
    return person


async def _has_owner(session: AsyncSession) -> bool:
    """Whether the business has an owner: the settings name the first one, and nobody after that."""
    await take(session, Lock.OWNERS)
    owners = select(Person.id).where(Person.role == Role.OWNER, Person.status == PersonStatus.APPROVED)
    return (await session.execute(owners.limit(1))).first() is not None


async def _made(access: Access, session: AsyncSession, told: TelegramPerson, now: datetime) -> bool:
    """Write an unknown person down; whether it was unknown. Of two windows at once one does it."""
    owner = told.id == access.telegram.owner_id and not await _has_owner(session)
    row = {
        "name": told.name, "telegram_id": told.id, "username": told.username, "language": chosen(told.language),
        "role": Role.OWNER if owner else Role.CUSTOMER,
        "status": PersonStatus.APPROVED if owner else PersonStatus.PENDING,
        "created_at": now, "decided_at": now if owner else None,
    }  # fmt: skip
    statement = insert(Person).values(row).on_conflict_do_nothing(index_elements=["telegram_id"]).returning(Person.id)
    made = (await session.execute(statement)).scalar_one_or_none()
    if owner:
        found = update(Person).where(Person.telegram_id == told.id, Person.erased_at.is_(None))
        values = {"role": Role.OWNER, "status": PersonStatus.APPROVED, "decided_at": now}
        owner_id = (await session.execute(found.values(values).returning(Person.id))).scalar_one()
        deed = Deed("person.made_owner", f"person:{owner_id}", data={"by": "VHM24R_OWNER_TELEGRAM_ID"})
        await audit.record(session, Actor.system("settings"), deed, now)
    return made is not None
