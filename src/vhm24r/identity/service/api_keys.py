"""Keys for programs: made with a choice of one's own rights, shown once, told apart by their beginning."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.errors import KeyNotFound, LifetimeInvalid, OutOfReach, ScopeInvalid
from vhm24r.identity.models import ApiKey, Person
from vhm24r.identity.permissions import NEVER_BY_KEY, Permission, Role
from vhm24r.identity.service.changes import tell
from vhm24r.identity.service.people import checked_name, role_of
from vhm24r.identity.types import KEY_PREFIX
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.ids import public_id, secret_token, token_hash
from vhm24r.kit.pagination import LARGEST_ID
from vhm24r.platform.db import AnyRow

LONGEST_LIFE = timedelta(days=366)


async def make_key(
    session: AsyncSession, actor: Actor, name: str, scopes: Sequence[str], expires_at: datetime | None, now: datetime
) -> tuple[ApiKey, str]:
    """A new key of one's own, and its secret, which is never shown again.

    Raises:
        Forbidden: not everybody makes keys, and no key does.
        NameInvalid. ScopeInvalid: nothing is chosen, or a right that one does not have or a program never has.
        LifetimeInvalid: it would be over already, or live for more than a year.
    """
    actor.require(Permission.KEYS_WRITE)
    if actor.kind is not ActorKind.PERSON or actor.id is None:
        raise OutOfReach(role=actor.kind)
    allowed = actor.permissions - NEVER_BY_KEY
    refused = sorted(set(scopes) - allowed)
    if refused or not scopes:
        raise ScopeInvalid(scopes=", ".join(refused), known=", ".join(sorted(allowed)))
    if expires_at is not None and not now < expires_at <= now + LONGEST_LIFE:
        raise LifetimeInvalid(days=LONGEST_LIFE.days)
    prefix = f"{KEY_PREFIX}{public_id(6)}"
    secret = f"{prefix}_{secret_token()}"
    row = ApiKey(
        person_id=actor.id, name=checked_name(name), prefix=prefix, token_hash=token_hash(secret),
        scopes=sorted(set(scopes)), created_at=now, expires_at=expires_at,
    )  # fmt: skip
    session.add(row)
    await session.flush()
    deed = Deed("api_key.made", f"api_key:{row.id}", data={"prefix": prefix, "scopes": row.scopes})
    await audit.record(session, actor, deed, now)
    return row, secret


async def list_keys(session: AsyncSession, actor: Actor) -> Sequence[AnyRow]:
    """One's own keys, newest first; an owner sees everybody's. Rows of (ApiKey, name of its maker)."""
    actor.require(Permission.KEYS_WRITE)
    statement = select(ApiKey, Person.name).join(Person, Person.id == ApiKey.person_id)
    if await role_of(session, actor) is not Role.OWNER:
        statement = statement.where(ApiKey.person_id == actor.id)
    return (await session.execute(statement.order_by(ApiKey.id.desc()).limit(1_000))).all()


async def revoke_key(session: AsyncSession, actor: Actor, key_id: int, now: datetime) -> None:
    """End a key of one's own; an owner ends anybody's. One that is over already stays so.

    Raises:
        KeyNotFound: there is none, or it is somebody else's.
    """
    actor.require(Permission.KEYS_WRITE)
    key = await session.get(ApiKey, key_id) if 0 < key_id < LARGEST_ID else None
    if key is None or (key.person_id != actor.id and await role_of(session, actor) is not Role.OWNER):
        raise KeyNotFound(id=key_id)
    if key.revoked_at is not None:
        return
    await session.execute(update(ApiKey).where(ApiKey.id == key_id).values(revoked_at=now))
    await audit.record(session, actor, Deed("api_key.revoked", f"api_key:{key_id}", data={"prefix": key.prefix}), now)
    await tell(session, person_id=key.person_id)
