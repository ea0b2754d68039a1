"""Imports whose worker died: found by their age and given to another worker. What ended imports left is dropped."""

from datetime import timedelta

import structlog
from sqlalchemy import func, select, text

from vhm24r.evidence.bulk import drop_leftovers, staged_imports
from vhm24r.intake import repository
from vhm24r.intake.models import Import
from vhm24r.intake.service.receiving import defer
from vhm24r.intake.service.running import Intake
from vhm24r.intake.types import IN_PROGRESS, ImportStatus
from vhm24r.kit.errors import Busy
from vhm24r.platform.jobs import Jobs

log = structlog.get_logger(__name__)

ABANDONED_AFTER = timedelta(hours=1)
"""Longer than any import takes: one that still runs would lose its staging to the second run."""


async def resume_abandoned(intake: Intake, jobs: Jobs) -> list[int]:
    """Defer a job for every import in progress that no job speaks of; returns their ids."""
    async with intake.db.write() as session:
        statement = (
            select(Import)
            .where(
                Import.status.in_(sorted(IN_PROGRESS)),
                func.coalesce(Import.started_at, Import.created_at) < intake.clock.now() - ABANDONED_AFTER,
            )
            .where(
                text(
                    "NOT EXISTS (SELECT FROM procrastinate_jobs j WHERE j.lock = 'import:' || imports.id"
                    " AND j.status IN ('todo', 'doing'))"
                )
            )
            .with_for_update(skip_locked=True)
        )
        rows = list((await session.execute(statement)).scalars())
        for row in rows:
            await defer(session, jobs, row)
        return [row.id for row in rows]


async def requeue(intake: Intake, jobs: Jobs, import_id: int) -> None:
    """A worker that is told to stop gives the import it was at to another one."""
    async with intake.db.write() as session:
        row = await repository.get_import(session, import_id, for_update=True)
        if ImportStatus(row.status) in IN_PROGRESS:
            row.status = ImportStatus.RECEIVED
            await defer(session, jobs, row)


async def drop_forgotten(intake: Intake) -> None:
    """Drop what was staged for imports that have ended: somebody held it when they did. Who still does is let be."""
    async with intake.db.read() as session:
        staged = await staged_imports(session)
    for import_id in staged:
        try:
            async with intake.db.write() as session:
                row = await repository.get_import(session, import_id, for_update=True)  # it cannot begin meanwhile
                if ImportStatus(row.status) not in IN_PROGRESS:
                    await drop_leftovers(session, import_id)
        except Busy:
            log.info("import.staging_left", import_id=import_id)
