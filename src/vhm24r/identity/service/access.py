"""The one door: whom a token or a key belongs to, and what that person may do right now.

Who was here just now is remembered for five seconds, and forgotten at once when somebody's rights change: a block or a
revoked session acts within that time even where the news does not arrive (decisions 27).
"""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from vhm24r.identity.errors import (
    AwaitingApproval,
    CredentialsAmbiguous,
    KeyInvalid,
    RefreshReused,
    SessionEnded,
)
from vhm24r.identity.models import ApiKey, Person
from vhm24r.identity.permissions import NEVER_BY_KEY
from vhm24r.identity.service import sessions, signing_keys
from vhm24r.identity.service.people import actor_of
from vhm24r.identity.signing import Signer, UnknownKey
from vhm24r.identity.telegram import PRODUCTION_KEY
from vhm24r.identity.types import KEY_PREFIX, Client, PersonStatus, SignedIn
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.clock import Clock
from vhm24r.kit.ids import token_hash
from vhm24r.platform.db import Database
from vhm24r.platform.events import AlertRaised, EventBus
from vhm24r.platform.rates import Counters

REMEMBERED_S = 5.0
MOST_REMEMBERED = 10_000
KEY_SEEN_EVERY = timedelta(minutes=1)
LEARN_AGAIN_S = 2.0
"""How often a token of an unknown key may send us to the database to look for new keys."""


LOOK_AGAIN_S = 300.0


@dataclass(frozen=True, slots=True)
class TelegramAccess:
    """What sign-ins with Telegram are checked against; nothing of it given means that there are none."""

    token: str | None = None
    bot_id: int | None = None
    bot_name: str | None = None
    owner_id: int | None = None
    public_keys: tuple[str, ...] = (PRODUCTION_KEY,)


@dataclass(frozen=True, slots=True)
class Identified:
    """Somebody who has proven who it is: by a session, or by an API key."""

    person: Person
    actor: Actor
    session_id: int | None = None
    key_id: int | None = None
    key_digest: bytes | None = None

    def require_approved(self) -> None:
        """Pass, unless an administrator has yet to decide.

        Raises:
            AwaitingApproval: so it is.
        """
        if self.person.status != PersonStatus.APPROVED:
            raise AwaitingApproval


Remembered = dict[object, tuple[Identified, float]]


@dataclass(slots=True)
class Access:
    """What coming in needs, and who was here just now."""

    db: Database
    clock: Clock
    bus: EventBus
    signer: Signer
    counters: Counters
    telegram: TelegramAccess = TelegramAccess()
    _recent: Remembered = field(default_factory=dict)
    _learned_at: float = -LOOK_AGAIN_S

    async def authenticate(self, credential: str) -> Identified:
        """Whose access token or API key this is.

        Raises:
            TokenInvalid, TokenExpired, SessionEnded, KeyInvalid.
        """
        if credential.startswith(KEY_PREFIX):
            return await self._of_key(token_hash(credential))
        return await self._by_token(credential)

    async def again(self, found: Identified) -> Identified:
        """The same session or key as it stands now, for what takes longer than a request.

        Raises:
            SessionEnded, KeyInvalid: it opens nothing any more.
        """
        self._recent.pop(found.key_digest or found.session_id, None)
        if found.key_digest is not None:
            return await self._of_key(found.key_digest)
        session_id = found.session_id or 0
        async with self.db.read() as session:  # no request shows that somebody is still there
            if await sessions.is_idle(session, session_id, self.clock.now()):
                raise SessionEnded
        return await self._of_session(session_id)

    async def carry_on(self, token: str, client: Client) -> SignedIn:
        """New tokens for a refresh token; what happened to the session stays when an error is raised.

        Raises:
            RefreshInvalid, RefreshRaced, RefreshReused, SessionEnded.
        """
        await self.prepare()
        async with self.db.write() as session:
            found = await sessions.carry_on(session, self.signer, token, client, self.clock.now())
            if isinstance(found, sessions.Refusal) and isinstance(found.error, RefreshReused):
                await self.bus.publish(session, AlertRaised("identity.refresh_reused", {"ip": client.ip}))
        if isinstance(found, sessions.Refusal):
            raise found.error
        return found

    async def prepare(self) -> None:
        """Know a key to sign with, and look now and then whether there is a newer one."""
        if not self.signer.ready or time.monotonic() - self._learned_at > LOOK_AGAIN_S:
            await self._learn()

    def hear(self, said: dict[str, Any]) -> None:
        """News of another process (or of this one): somebody's rights, or the keys, have changed; or news may have been
        missed.
        """
        if said.get("keys") or said.get("missed"):
            self.signer.know([])
        if said.get("missed"):
            self._recent.clear()
        self.forget(said.get("person_id"))

    def forget(self, person_id: int | None) -> None:
        """Ask the database about this person next time."""
        gone = [place for place, (found, _) in self._recent.items() if found.person.id == person_id]
        for place in gone:
            del self._recent[place]

    async def _by_token(self, token: str) -> Identified:
        await self.prepare()
        now = self.clock.now()
        try:
            claims = self.signer.read(token, now)
        except UnknownKey:
            if time.monotonic() - self._learned_at < LEARN_AGAIN_S:
                raise
            await self._learn()
            claims = self.signer.read(token, now)
        known = await self._of_session(claims.session_id)
        if known.person.id != claims.person_id:
            raise SessionEnded
        return known

    async def _of_session(self, session_id: int) -> Identified:
        known = self._remembered(session_id)
        if known is None:
            async with self.db.read() as session:
                person = await sessions.is_open(session, session_id, self.clock.now())
            if person is None:
                raise SessionEnded
            known = self._remember(session_id, Identified(person, actor_of(person), session_id))
        return known

    async def _of_key(self, digest: bytes) -> Identified:
        known = self._remembered(digest)
        return known or self._remember(digest, await self._look_up_key(digest, self.clock.now()))

    async def _look_up_key(self, digest: bytes, now: datetime) -> Identified:
        """The key and its maker, whose present rights it never exceeds."""
        statement = select(ApiKey, Person).join(Person, Person.id == ApiKey.person_id)
        async with self.db.write() as session:
            row = (await session.execute(statement.where(ApiKey.token_hash == digest))).one_or_none()
            if row is None or row.ApiKey.revoked_at is not None or row.Person.status != PersonStatus.APPROVED:
                raise KeyInvalid
            key, person = row.ApiKey, row.Person
            if key.expires_at is not None and key.expires_at <= now:
                raise KeyInvalid
            if key.last_used_at is None or now - key.last_used_at >= KEY_SEEN_EVERY:
                await session.execute(update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))
        behind = actor_of(person)
        allowed = (behind.permissions & frozenset(key.scopes)) - NEVER_BY_KEY
        name = f"{person.name} ({key.name})"
        actor = Actor(ActorKind.API_KEY, person.id, name, allowed, behind.granted)
        return Identified(person, actor, key_id=key.id, key_digest=digest)

    def _remembered(self, place: object) -> Identified | None:
        found, until = self._recent.get(place, (None, 0.0))
        return found if time.monotonic() < until else None

    def _remember(self, place: object, found: Identified) -> Identified:
        if len(self._recent) >= MOST_REMEMBERED:
            self._recent.clear()
        self._recent[place] = (found, time.monotonic() + REMEMBERED_S)
        return found

    async def _learn(self) -> None:
        self._learned_at = time.monotonic()
        async with self.db.write() as session:
            await signing_keys.learn(session, self.signer, self.clock.now())


def one_credential(authorization: list[str], cookies: list[str]) -> tuple[str, bool] | None:
    """The one credential of a request and whether it came by cookie; None without any. A header goes before a cookie,
    as no other site can make a browser send one.

    Raises:
        CredentialsAmbiguous: there are two headers, or two cookies of the name: who is asked last would decide.
    """
    if len(authorization) > 1 or len(set(cookies)) > 1:
        raise CredentialsAmbiguous
    if authorization:
        scheme, _, token = authorization[0].partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise CredentialsAmbiguous(problem="scheme")
        return token.strip(), False
    return (cookies[0], True) if cookies else None
