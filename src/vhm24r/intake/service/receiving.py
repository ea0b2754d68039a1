"""Taking a file in: its bytes are kept under their hash before anything is read from it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import anyio.to_thread
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.permissions import Permission
from vhm24r.intake import repository
from vhm24r.intake.errors import FileTooLarge, ImportNotCancellable, ImportNotWaiting
from vhm24r.intake.models import Import
from vhm24r.intake.types import IMPORT, IN_PROGRESS, ImportStatus
from vhm24r.kit.actor import Actor
from vhm24r.platform.blobs import BlobStore, file_sha256
from vhm24r.platform.db import Database
from vhm24r.platform.flags import require_writable
from vhm24r.platform.jobs import Job, Jobs

RUN_IMPORT = Job("intake.run", lock="import:{import_id}")
UNDO_IMPORT = Job("intake.undo", lock="import:{import_id}", attempts=1)
"""Tried once: an undo that fails is told, and must not happen minutes later unasked."""
MEBIBYTE = 1024 * 1024
REPEATABLE = {
    ImportStatus.DRY_RUN: "import.confirmed",
    ImportStatus.UNDONE: "import.redone",
    ImportStatus.FAILED: "import.repeated",
}
"""What may run again from its original, and what that is called in the audit log."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file somebody brought: where its bytes lie now, and what is wanted of it."""

    path: Path
    name: str
    dry_run: bool = False
    source: str | None = None


async def keep(blobs: BlobStore, arrival: Arrival, limit_mb: int) -> str:
    """Keep the original; returns its SHA-256.

    Raises:
        FileTooLarge: it is over the limit and was not kept.
    """
    size = arrival.path.stat().st_size
    if size > limit_mb * MEBIBYTE:
        raise FileTooLarge(name=arrival.name, size_mb=size // MEBIBYTE, limit_mb=limit_mb)
    sha256 = await anyio.to_thread.run_sync(file_sha256, arrival.path)
    await blobs.put(arrival.path, sha256)
    return sha256


async def receive(session: AsyncSession, actor: Actor, arrival: Arrival, sha256: str, now: datetime) -> Import:
    """Write the import down; whoever calls decides when it runs."""
    actor.require(Permission.IMPORTS_WRITE)
    row = Import(
        name=arrival.name,
        size=arrival.path.stat().st_size,
        sha256=sha256,
        status=ImportStatus.RECEIVED,
        dry_run=arrival.dry_run,
        wanted_source=arrival.source,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name,
        granted_sources=None if actor.granted.sources is None else sorted(actor.granted.sources),
        created_at=now,
    )
    session.add(row)
    await session.flush()
    await audit.record(session, actor, Deed("import.received", f"import:{row.id}", data={"name": row.name}), now)
    return row


async def defer(session: AsyncSession, jobs: Jobs, row: Import) -> None:
    """Have a worker run it, when and if this transaction commits."""
    await jobs.defer(session, RUN_IMPORT, import_id=row.id)


async def apply_waiting(session: AsyncSession, actor: Actor, import_id: int, now: datetime) -> Import:
    """Turn a dry run into a real import, redo an undone one, try a failed one again; the caller defers or runs it.

    Raises:
        ImportNotWaiting: it is none of these.
        ReadOnly: changes are switched off.
    """
    actor.require(Permission.IMPORTS_WRITE)
    await require_writable(session)
    row = await repository.visible_import(session, actor, import_id, for_update=True)
    if row.status not in REPEATABLE:
        raise ImportNotWaiting(import_id=import_id, status=row.status)
    await audit.record(session, actor, Deed(REPEATABLE[ImportStatus(row.status)], f"import:{row.id}"), now)
    start_over(row)
    return row


def start_over(row: Import) -> None:
    """Back to the beginning: the import runs again from its original, for real; a preview that failed stays one."""
    IMPORT.check(ImportStatus(row.status), ImportStatus.RECEIVED)
    row.dry_run = row.dry_run and row.status == ImportStatus.FAILED
    row.status, row.started_at, row.finished_at = ImportStatus.RECEIVED, None, None
    row.cancel_requested = False


async def request_cancel(session: AsyncSession, actor: Actor, import_id: int, now: datetime) -> Import:
    """Stop an import before it is applied. One that has ended by then stays as it is.

    Raises:
        ImportNotCancellable: it has ended already.
    """
    actor.require(Permission.IMPORTS_WRITE)
    row = await repository.visible_import(session, actor, import_id)
    if ImportStatus(row.status) not in IN_PROGRESS:
        raise ImportNotCancellable(import_id=import_id, status=row.status)
    row.cancel_requested = True
    await audit.record(session, actor, Deed("import.cancelled", f"import:{row.id}"), now)
    return row


async def take_in(
    db: Database, blobs: BlobStore, jobs: Jobs, actor: Actor, arrival: Arrival, limit_mb: int, now: datetime
) -> int:
    """Keep the original and have a worker import it; returns the import's id.

    A file over the limit is not kept, but its refusal is written down like any other.
    """
    actor.require(Permission.IMPORTS_WRITE)
    try:
        sha256 = await keep(blobs, arrival, limit_mb)
    except FileTooLarge as error:
        async with db.write() as session:
            return await refuse(session, actor, arrival, error, now)
    async with db.write() as session:
        row = await receive(session, actor, arrival, sha256, now)
        await defer(session, jobs, row)
        return row.id


async def refuse(session: AsyncSession, actor: Actor, arrival: Arrival, error: FileTooLarge, now: datetime) -> int:
    """Write down an import that ends before it begins."""
    row = await receive(session, actor, arrival, "", now)
    row.status, row.finished_at, row.error_code = ImportStatus.REFUSED, now, error.code
    row.error_params = {name: str(value) for name, value in error.params.items()}
    await session.flush()
    return row.id
