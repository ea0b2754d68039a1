"""The one registry of advisory locks. Transaction-scoped, taken before any row lock, 3 s patience.

Numbers are permanent: never reuse one. Row locks come after, `ORDER BY id FOR UPDATE`, in the table
order orders → payments → ledger.
"""

from enum import IntEnum

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.kit.errors import Busy
from vhm24r.platform.db import LOCK_NOT_AVAILABLE, sqlstate_of


class LockBusy(Busy):
    """Somebody else holds the lock."""

    code = "platform.lock_busy"


class Lock(IntEnum):
    """What can be serialised across processes."""

    MIGRATE = 1
    INTAKE_APPLY = 2
    WATCHED_FILE = 3
    RECONCILE = 4
    SIGNING_KEYS = 5
    AUDIT_SEAL = 6
    OWNERS = 7


async def take(session: AsyncSession, lock: Lock, key: int = 0, *, patience_ms: int = 3_000) -> None:
    """Hold `lock` (of `key`) until the transaction ends.

    Raises:
        LockBusy: it was not free within `patience_ms`.
    """
    await session.execute(text(f"SET LOCAL lock_timeout = {int(patience_ms)}"))
    await session.execute(text("SET LOCAL statement_timeout = 0"))  # the patience above is the limit
    try:
        await session.execute(text("SELECT pg_advisory_xact_lock(:lock, :key)"), {"lock": int(lock), "key": key})
    except OperationalError as error:
        if sqlstate_of(error) == LOCK_NOT_AVAILABLE:
            raise LockBusy(lock=lock.name) from error
        raise
    await session.execute(text("SET LOCAL lock_timeout TO DEFAULT"))
    await session.execute(text("SET LOCAL statement_timeout TO DEFAULT"))
