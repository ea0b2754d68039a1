"""Undoing an applied import, and what was kept although its reports are gone (decisions 10).

It withdraws the files of the import and folds the touched orders again: the same statements as an
import, so it costs what an import costs. Redoing is running the import again from its original.
"""

import dataclasses
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.evidence.events import RecordsChanged
from vhm24r.evidence.models import EvidenceFile
from vhm24r.evidence.withdrawing import withdraw_files
from vhm24r.identity.permissions import Permission
from vhm24r.identity.service.people import get_person
from vhm24r.intake import repository
from vhm24r.intake.errors import ImportNotApplied
from vhm24r.intake.events import ImportUndone
from vhm24r.intake.service.receiving import UNDO_IMPORT
from vhm24r.intake.service.running import Intake, announce_state
from vhm24r.intake.types import IMPORT, ImportStatus
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.clock import iso
from vhm24r.orders.events import OrdersChanged
from vhm24r.orders.withdrawing import Withdrawal, withdraw_orders
from vhm24r.platform.flags import require_writable
from vhm24r.platform.jobs import Jobs
from vhm24r.platform.locks import Lock, take

PATIENCE_MS = 600_000
UNDOING = "undoing"


async def request_undo(session: AsyncSession, actor: Actor, jobs: Jobs, import_id: int) -> None:
    """Have a worker undo the import, when and if this transaction commits.

    Raises:
        ImportNotApplied: it changes nothing at the moment.
    """
    actor.require(Permission.IMPORTS_WRITE)
    await require_writable(session)
    row = await repository.visible_import(session, actor, import_id, for_update=True)
    if row.status != ImportStatus.APPLIED:
        raise ImportNotApplied(import_id=import_id, status=row.status)
    if row.phase == UNDOING:
        return
    row.phase = UNDOING
    await announce_state(session, row)
    await jobs.defer(
        session,
        UNDO_IMPORT,
        import_id=import_id,
        kind=actor.kind,
        id=actor.id or 0,
        beside=await _beside(session, actor),
    )


async def _beside(session: AsyncSession, actor: Actor) -> str:
    """What an actor is called beside the name of the person behind it: a job that waits holds nobody's name."""
    return actor.name if actor.id is None else actor.name.removeprefix((await get_person(session, actor.id)).name)


async def undo_as(intake: Intake, import_id: int, kind: str, id: int, beside: str) -> None:
    """The job's side of `request_undo`: the person who asked is the one who did it, `beside` what its name is not.

    Should it fail, the import stands as it stood, and nobody is left waiting.
    """
    name = beside
    if id:
        async with intake.db.read() as session:
            person = await get_person(session, id)
        name = person.name if person.erased_at else person.name + beside
    actor = Actor(ActorKind(kind), id or None, name, frozenset({Permission.IMPORTS_WRITE}))
    try:
        await undo(intake, actor, import_id)
    except Exception:
        async with intake.db.write() as session:
            row = await repository.get_import(session, import_id, for_update=True)
            row.phase = None
            await announce_state(session, row)
        raise


async def undo(intake: Intake, actor: Actor, import_id: int) -> None:
    """Undo an applied import. Undoing it again is success.

    Raises:
        ImportNotApplied: it never was applied.
    """
    actor.require(Permission.IMPORTS_WRITE)
    async with intake.db.write() as session:
        await require_writable(session)
        await take(session, Lock.INTAKE_APPLY, patience_ms=PATIENCE_MS)
        row = await repository.get_import(session, import_id, for_update=True)
        if row.status == ImportStatus.UNDONE:
            return
        if row.status != ImportStatus.APPLIED:
            raise ImportNotApplied(import_id=import_id, status=row.status)
        now = intake.clock.now()
        files = await _live_files(session, import_id)
        change_set_id = await audit.record(
            session, actor, Deed("import.undone", f"import:{import_id}", data={"name": row.name}), now
        )
        records = await withdraw_files(session, files)
        done = await withdraw_orders(session, change_set_id, now)
        IMPORT.check(ImportStatus(row.status), ImportStatus.UNDONE)
        row.status, row.phase = ImportStatus.UNDONE, None
        row.undo = _report(records, done) | {"at": iso(now), "by_id": actor.id, "by": actor.name}
        await session.flush()
        for file_id in files:
            await intake.bus.publish(session, RecordsChanged(change_set_id, file_id))
        await intake.bus.publish(session, OrdersChanged(change_set_id))
        await intake.bus.publish(session, ImportUndone(change_set_id, import_id))
        await announce_state(session, row)


async def _live_files(session: AsyncSession, import_id: int) -> list[int]:
    statement = select(EvidenceFile.id).where(EvidenceFile.import_id == import_id, EvidenceFile.withdrawn.is_(False))
    return list((await session.execute(statement.order_by(EvidenceFile.id))).scalars())


def _report(records: int, done: Withdrawal) -> dict[str, Any]:
    """What the undo did, as the import keeps it; money in minor units."""
    return {
        "records": records,
        "orders": {"withdrawn": done.withdrawn, "changed": done.changed, "kept": done.kept},
        "money": sorted(done.money.items()),
        "kept": [dataclasses.asdict(order) for order in done.kept_orders],
    }
