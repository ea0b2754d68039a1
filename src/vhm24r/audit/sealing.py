"""The chain of seals over the log: batches of entries, each hashed together with the seal before it.

Whoever changes, takes away or slips in an entry that is sealed breaks the chain from there on. A batch holds the
entries that were there when it was made, by their ids: a transaction that commits late is in a later batch. The name of
the author is not part of the hash, so that a person can be forgotten.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit.models import AuditEntry, AuditSeal
from vhm24r.kit.clock import iso
from vhm24r.platform.db import Database
from vhm24r.platform.locks import Lock, take

BATCH = 1_000
LATEST_COMMIT = timedelta(days=1)
"""No transaction is open for as long: what is older than the seals of a day ago is sealed, or was slipped in."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What checking the chain found. `broken_at` is the first seal that does not fit; None when all do."""

    seals: int
    sealed: int
    unsealed: int
    broken_at: int | None
    problem: str | None
    head: str | None
    known_head: bool | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None and self.known_head is not False


def digest(before: bytes, entries: Sequence[AuditEntry]) -> bytes:
    """The hash of a seal: over the one before it and every entry, but for the authors' names."""
    found = hashlib.sha256(before)
    for entry in entries:
        found.update(
            orjson.dumps(
                [
                    entry.id, iso(entry.at), entry.actor_kind, entry.actor_id, entry.action, entry.subject,
                    entry.reason, entry.data, entry.request_id,
                ],
                option=orjson.OPT_SORT_KEYS,
            )
        )  # fmt: skip
        found.update(b"\n")
    return found.digest()


async def seal(session: AsyncSession, now: datetime) -> int:
    """Seal the entries that are not sealed yet, batch by batch; how many they were."""
    await take(session, Lock.AUDIT_SEAL)
    last = await _last(session)
    before, many = b"" if last is None else last.hash, 0
    while batch := (await session.execute((await _unsealed(session)).limit(BATCH))).scalars().all():
        before = digest(before, batch)
        session.add(AuditSeal(sealed_at=now, entry_ids=[entry.id for entry in batch], hash=before))
        await session.flush()
        many += len(batch)
    return many


async def verify(db: Database, head: str | None = None) -> Verdict:
    """Reckon the whole chain anew, in one snapshot: what is written meanwhile is neither missed nor slipped in.

    `head` is a seal that was noted down earlier: it must be among the seals.
    """
    async with db.write() as session:
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        return await _verdict(session, head)


async def _verdict(session: AsyncSession, head: str | None) -> Verdict:
    before, seals, sealed = b"", 0, 0
    seen = head is None
    for seal_id in (await session.execute(select(AuditSeal.id).order_by(AuditSeal.id))).scalars().all():
        row = (await session.execute(select(AuditSeal).where(AuditSeal.id == seal_id))).scalar_one()
        entries = await _entries(session, row.entry_ids)
        seals, sealed = seals + 1, sealed + len(row.entry_ids)
        if digest(before, entries) != row.hash:
            what = "changed" if len(entries) == len(row.entry_ids) else "missing"
            return Verdict(seals, sealed, 0, row.id, what, before.hex() or None, None)
        before = row.hash
        seen = seen or row.hash.hex() == head
        session.expunge_all()
    unsealed = await _count(session, await _unsealed(session))
    slipped_in = await _count(session, select(AuditEntry)) != sealed + unsealed
    problem = "slipped_in" if slipped_in else None
    return Verdict(seals, sealed, unsealed, None, problem, before.hex() or None, None if head is None else seen)


async def _count(session: AsyncSession, entries: Select[AuditEntry]) -> int:
    counted = select(func.count()).select_from(entries.order_by(None).subquery())
    return int((await session.execute(counted)).scalar_one())


async def _last(session: AsyncSession) -> AuditSeal | None:
    return (await session.execute(select(AuditSeal).order_by(AuditSeal.id.desc()).limit(1))).scalar_one_or_none()


async def _unsealed(session: AsyncSession) -> Select[AuditEntry]:
    """Entries in no seal, oldest first: those beyond the seals of a day before the last one, without those that the
    later seals hold. An entry that committed after the last seal was begun within the day before it.
    """
    last = await _last(session)
    statement = select(AuditEntry).order_by(AuditEntry.id)
    if last is None:
        return statement
    day_before = last.sealed_at - LATEST_COMMIT
    sealed_then = (
        select(func.unnest(AuditSeal.entry_ids).label("id")).where(AuditSeal.sealed_at < day_before).subquery()
    )
    floor = (await session.execute(select(func.max(sealed_then.c.id)))).scalar_one() or 0
    sealed_since = select(func.unnest(AuditSeal.entry_ids)).where(AuditSeal.sealed_at >= day_before)
    return statement.where(AuditEntry.id > floor, AuditEntry.id.not_in(sealed_since))


async def _entries(session: AsyncSession, ids: Sequence[int]) -> Sequence[AuditEntry]:
    """The entries of a seal, in its order."""
    found = (await session.execute(select(AuditEntry).where(AuditEntry.id.in_(ids)))).scalars()
    by_id = {entry.id: entry for entry in found}
    return [by_id[entry_id] for entry_id in ids if entry_id in by_id]
