"""Running one import from its kept original to its last status.

Reading and staging happen outside of any transaction of ours; diff, evidence, orders and history
are one transaction under one advisory lock (decisions 11). Run again after a crash it starts over
from the original: staging is replaced, and what was committed is recognised as known.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import anyio.to_thread
import orjson
import psycopg
import structlog
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.bulk import Staging, drop_staging
from vhm24r.intake import repository
from vhm24r.intake.errors import FileRefused, ImportFailed, NothingReadable
from vhm24r.intake.events import ImportFailed as ImportFailedEvent
from vhm24r.intake.models import Import, ImportIssue
from vhm24r.intake.reading import ReadFile
from vhm24r.intake.service.applying import apply_staged
from vhm24r.intake.staging import Staged, stage
from vhm24r.intake.types import IMPORT, IN_PROGRESS, ImportStatus
from vhm24r.kit.clock import Clock
from vhm24r.kit.errors import AppError, Invalid
from vhm24r.platform import metrics
from vhm24r.platform.blobs import BlobStore
from vhm24r.platform.db import Database
from vhm24r.platform.events import EventBus
from vhm24r.platform.live import LiveEvent, announce, announce_now

log = structlog.get_logger(__name__)
TOPIC = "imports"


@dataclass(frozen=True, slots=True)
class Intake:
    """What running an import needs."""

    db: Database
    blobs: BlobStore
    bus: EventBus
    clock: Clock
    zone: ZoneInfo
    on_progress: Callable[[int, int | None, str], None] | None = None


async def run(intake: Intake, import_id: int) -> None:
    """Bring an import to its end. Does nothing when it has ended, so a repeated job is harmless."""
    started = time.monotonic()
    row = await _begin(intake, import_id)
    if row is None:
        return
    structlog.contextvars.bind_contextvars(import_id=import_id)
    try:
        await _go_through(intake, row)
    except AppError as error:
        await _stop(intake, import_id, error)
    except (psycopg.Error, OSError, MemoryError) as error:
        log.exception("import.failed", import_id=import_id)
        await _stop(intake, import_id, ImportFailed(reason=type(error).__name__))
        raise
    finally:
        structlog.contextvars.unbind_contextvars("import_id")
    async with intake.db.read() as session:
        ended = await repository.get_import(session, import_id)
    metrics.import_seconds.labels(ended.format or "unknown", ended.status).observe(time.monotonic() - started)


async def _begin(intake: Intake, import_id: int) -> Import | None:
    """Claim the import; one that a dead worker left half-way starts over."""
    async with intake.db.write() as session:
        row = await repository.get_import(session, import_id, for_update=True)
        if ImportStatus(row.status) not in IN_PROGRESS:
            return None
        row.status, row.phase, row.progress_done = ImportStatus.RECEIVED, "reading", 0
        row.started_at = intake.clock.now()
        await session.execute(delete(ImportIssue).where(ImportIssue.import_id == import_id))
        await announce(session, _progress(row.id, ImportStatus.RECEIVED, "reading", 0, None))
        return row


async def _go_through(intake: Intake, row: Import) -> None:
    if not row.dry_run and await _is_duplicate(intake, row):
        return
    with tempfile.TemporaryDirectory(prefix="vhm24r-") as folder:
        path = await intake.blobs.local_copy(row.sha256, Path(folder))
        staged = await anyio.to_thread.run_sync(_stage, intake, row, path)
    reading = staged.reading
    async with intake.db.write() as session:
        await _note_parsed(session, row.id, staged)
    if not reading.counts.staged and reading.counts.issues:
        raise NothingReadable(rows=reading.counts.issues)
    async with intake.db.write() as session:
        await apply_staged(session, intake.bus, intake.zone, row.id, staged, intake.clock)
        ended = await repository.get_import(session, row.id)
        await announce(session, _finished(ended))


async def _is_duplicate(intake: Intake, row: Import) -> bool:
    """The very same bytes stand already: nothing to do, and that is said."""
    async with intake.db.write() as session:
        earlier = await repository.find_applied(session, row.sha256, row.id)
        if earlier is None:
            return False
        current = await repository.get_import(session, row.id, for_update=True)
        IMPORT.check(ImportStatus(current.status), ImportStatus.DUPLICATE)
        current.status, current.duplicate_of = ImportStatus.DUPLICATE, earlier.id
        current.format, current.source, current.confidence = earlier.format, earlier.source, earlier.confidence
        current.rows_total = earlier.rows_total
        current.rows_unchanged = earlier.rows_total - earlier.rows_skipped - earlier.rows_issues
        current.rows_skipped, current.rows_issues = earlier.rows_skipped, earlier.rows_issues
        current.finished_at, current.phase = intake.clock.now(), None
        await announce(session, _finished(current))
        return True


def _stage(intake: Intake, row: Import, path: Path) -> Staged:
    """In a worker thread: read, canonicalise and COPY, reporting on a connection of its own."""
    with psycopg.connect(intake.db.conninfo, autocommit=True) as reporter:

        def report(reading: ReadFile, rows: int) -> None:
            reporter.execute(
                "UPDATE imports SET status = %s, phase = 'reading', format = %s, source = %s, confidence = %s,"
                " columns = %s::jsonb, progress_done = %s, progress_total = %s WHERE id = %s",
                [
                    ImportStatus.IDENTIFIED, reading.format, reading.source.name, reading.confidence,
                    orjson.dumps(reading.columns).decode(), rows, reading.total_rows, row.id,
                ],
            )  # fmt: skip
            event = _progress(row.id, ImportStatus.IDENTIFIED, "reading", rows, reading.total_rows)
            announce_now(reporter, event)
            if intake.on_progress is not None:
                intake.on_progress(rows, reading.total_rows, "reading")

        return stage(intake.db.conninfo, row.id, path, intake.zone, row.wanted_source, report)


async def _note_parsed(session: AsyncSession, import_id: int, staged: Staged) -> None:
    counts = staged.reading.counts
    values: dict[str, Any] = {
        "status": ImportStatus.PARSED,
        "phase": "applying",
        "rows_total": counts.total,
        "rows_issues": counts.issues,
        "rows_skipped": counts.skipped + counts.duplicates,
        "progress_done": counts.total,
        "progress_total": counts.total,
    }
    await session.execute(update(Import).where(Import.id == import_id).values(**values))
    await session.execute(delete(ImportIssue).where(ImportIssue.import_id == import_id))
    rows = [
        {
            "import_id": import_id,
            "ordinal": ordinal,
            "code": issue.code,
            "level": issue.level,
            "sheet": issue.sheet,
            "row": issue.row,
            "column": issue.column,
            "value": issue.value,
            "params": issue.params,
            "sheet_index": issue.sheet_index,
        }
        for ordinal, issue in enumerate(staged.issues)
    ]
    if rows:
        await session.execute(insert(ImportIssue), rows)
    await announce(session, _progress(import_id, ImportStatus.PARSED, "applying", counts.total, counts.total))


async def _stop(intake: Intake, import_id: int, error: AppError) -> None:
    """End without applying: nothing of the file is written, its original and issues are kept."""
    status = _status_of(error)
    async with intake.db.write() as session:
        row = await repository.get_import(session, import_id, for_update=True)
        IMPORT.check(ImportStatus(row.status), status)
        row.status, row.phase, row.finished_at = status, None, intake.clock.now()
        row.error_code = error.code
        row.error_params = {name: str(value) for name, value in error.params.items()}
        await drop_staging(session, Staging(import_id))
        await intake.bus.publish(session, ImportFailedEvent(import_id, error.code))
        await announce(session, _finished(row))
    metrics.errors_total.labels(error.code).inc()


def _status_of(error: AppError) -> ImportStatus:
    if isinstance(error, FileRefused):
        return ImportStatus.REFUSED
    if isinstance(error, Invalid):
        return ImportStatus.NEEDS_MAPPING
    return ImportStatus.FAILED


def _progress(import_id: int, status: ImportStatus, phase: str, done: int, total: int | None) -> LiveEvent:
    data = {"import_id": import_id, "status": str(status), "phase": phase, "done": done, "total": total}
    return LiveEvent(TOPIC, "import.progress", data)


def _finished(row: Import) -> LiveEvent:
    data = {
        "import_id": row.id,
        "status": str(row.status),
        "phase": None,
        "done": row.rows_total,
        "total": row.rows_total,
    }
    return LiveEvent(TOPIC, "import.finished", data)
