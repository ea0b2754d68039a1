"""Names of the keys that access tokens are signed with: known, made, rotated."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.models import SigningKey
from vhm24r.identity.permissions import Permission
from vhm24r.identity.service.changes import tell
from vhm24r.identity.signing import Signer, new_kid
from vhm24r.identity.types import ACCESS_LIFETIME
from vhm24r.kit.actor import Actor
from vhm24r.platform.locks import Lock, take

KEY_LIFETIME = timedelta(days=30)
BELIEVED_FOR = 2 * ACCESS_LIFETIME
"""A retired key is believed for longer than any of its tokens lives."""


async def learn(session: AsyncSession, signer: Signer, now: datetime) -> None:
    """Tell the signer of the keys in force; the first process of all makes one.

    A key whose fingerprint is another one belongs to processes with another secret.
    """
    if not await _known(session, signer, now):
        await take(session, Lock.SIGNING_KEYS)
        if not await _known(session, signer, now):
            await _add(session, signer, now)
            await _known(session, signer, now)


async def rotate(session: AsyncSession, actor: Actor, signer: Signer, now: datetime) -> str:
    """Sign with a new key from now on; the old one is believed until its tokens have ended. The new key's name."""
    actor.require(Permission.SETTINGS_WRITE)
    await take(session, Lock.SIGNING_KEYS)
    in_force = update(SigningKey).where(SigningKey.retired_at.is_(None)).values(retired_at=now)
    await session.execute(in_force)
    kid = await _add(session, signer, now)
    await audit.record(session, actor, Deed("signing_key.rotated", f"signing_key:{kid}"), now)
    await tell(session, keys=True)
    return kid


async def rotate_old(session: AsyncSession, actor: Actor, signer: Signer, now: datetime) -> None:
    """Rotate when it is time, and forget keys that nobody is believed with any more."""
    await session.execute(delete(SigningKey).where(SigningKey.retired_at < now - BELIEVED_FOR))
    young = select(SigningKey.kid).where(SigningKey.retired_at.is_(None), SigningKey.created_at > now - KEY_LIFETIME)
    if (await session.execute(young)).first() is None:
        await rotate(session, actor, signer, now)


async def foreign(session: AsyncSession, signer: Signer) -> bool:
    """Whether keys in force were made with another secret: two processes do not have the same one."""
    rows = (await session.execute(select(SigningKey).where(SigningKey.retired_at.is_(None)))).scalars()
    return any(row.fingerprint != signer.fingerprint(row.kid) for row in rows)


async def _known(session: AsyncSession, signer: Signer, now: datetime) -> bool:
    """Tell the signer of its keys, the one that signs last; whether there is one."""
    believed = SigningKey.retired_at.is_(None) | (SigningKey.retired_at > now - BELIEVED_FOR)
    order = (SigningKey.retired_at.asc().nulls_last(), SigningKey.created_at, SigningKey.kid)
    rows = (await session.execute(select(SigningKey).where(believed).order_by(*order))).scalars().all()
    mine = [row for row in rows if row.fingerprint == signer.fingerprint(row.kid)]
    signer.know([row.kid for row in mine])
    return any(row.retired_at is None for row in mine)


async def _add(session: AsyncSession, signer: Signer, now: datetime) -> str:
    kid = new_kid(now)
    session.add(SigningKey(kid=kid, fingerprint=signer.fingerprint(kid), created_at=now))
    await session.flush()
    return kid
