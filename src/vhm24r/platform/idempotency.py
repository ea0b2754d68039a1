"""`Idempotency-Key`: the repetition of a write gets the first answer instead of a second effect.

A key belongs to an actor and to one request (method, path, body hash). While the first is still
running a repetition is refused as busy; refusals to let in (401, 403),
409, 429 and 5xx answers are not kept, they may be retried.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.kit.errors import Conflict, Invalid
from vhm24r.platform.models import IdempotencyKey

IN_FLIGHT_FOR = timedelta(minutes=5)
KEPT_FOR = timedelta(days=2)


class KeyReused(Invalid):
    """The key was used for another request."""

    code = "idempotency.key_reused"


class KeyInFlight(Conflict):
    """The first request with this key has not been answered yet."""

    code = "idempotency.in_flight"
    retryable = True


class SecretShown(Conflict):
    """The request was answered with a secret, which is shown once and kept nowhere."""

    code = "idempotency.secret_shown"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it was given."""

    status: int
    body: bytes
    media_type: str
    secret: bool = False

    @property
    def keepable(self) -> bool:
        """Whether a repetition should get this answer rather than another try."""
        return self.status < 500 and self.status not in (401, 403, 409, 429)


def request_hash(method: str, path: str, body: bytes) -> bytes:
    """What makes two requests the same."""
    return hashlib.sha256(b"\x1f".join((method.encode(), path.encode(), body))).digest()


async def begin(session: AsyncSession, actor: str, key: str, request: bytes, now: datetime) -> Answer | None:
    """Claim the key; returns the kept answer when this request was answered before.

    Raises:
        KeyReused: the key belongs to another request.
        KeyInFlight: the same request is running.
        SecretShown: it was done, and its answer held a secret.
    """
    claim = (
        insert(IdempotencyKey)
        .values(actor=actor, key=key, request_hash=request, created_at=now)
        .on_conflict_do_nothing(index_elements=["actor", "key"])
        .returning(IdempotencyKey.key)
    )
    if (await session.execute(claim)).scalar_one_or_none() is not None:
        return None
    where = (IdempotencyKey.actor == actor) & (IdempotencyKey.key == key)
    row = (await session.execute(select(IdempotencyKey).where(where).with_for_update())).scalar_one_or_none()
    if row is None:  # freed between our two looks: the repetition may simply come again
        raise KeyInFlight(key=key)
    if row.request_hash != request:
        raise KeyReused(key=key)
    if row.status is not None and row.body is None:
        raise SecretShown(key=key)
    if row.status is not None:
        return Answer(row.status, row.body or b"", row.media_type or "application/json")
    if now - row.created_at < IN_FLIGHT_FOR:
        raise KeyInFlight(key=key)
    await session.execute(update(IdempotencyKey).where(where).values(created_at=now))  # its process died
    return None


async def finish(session: AsyncSession, actor: str, key: str, answer: Answer) -> None:
    """Keep the answer, or free the key when the request may be tried again."""
    where = (IdempotencyKey.actor == actor) & (IdempotencyKey.key == key)
    if not answer.keepable:
        await session.execute(delete(IdempotencyKey).where(where))
        return
    body = None if answer.secret else answer.body
    values = {"status": answer.status, "body": body, "media_type": answer.media_type}
    await session.execute(update(IdempotencyKey).where(where).values(**values))


async def forget_old(session: AsyncSession, now: datetime) -> None:
    """Drop keys nobody will repeat any more."""
    await session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEPT_FOR))


async def forget_answers(session: AsyncSession, actor: str, name: str) -> None:
    """Drop what was answered to an actor, and whatever answers hold a name, or a key's of that name, as JSON has it."""
    begins = orjson.dumps(name)[:-1]
    holding = text("actor = :actor OR position(:whole IN body) > 0 OR position(:key IN body) > 0")
    values = {"actor": actor, "whole": begins + b'"', "key": begins + b" ("}
    await session.execute(delete(IdempotencyKey).where(holding), values)
