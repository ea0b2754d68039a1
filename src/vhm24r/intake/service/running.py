"""Running one import from its kept original to its last status.

Reading and staging happen outside of the one transaction that applies; diff, evidence, orders and
history are that transaction, under one advisory lock (decisions 11). Run again after a crash an import
starts over from its original: leftovers of staging are dropped, what was committed is known.
"""

import asyncio
import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import anyio.to_thread
import psycopg
import structlog
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.bulk import Staging, drop_leftovers
from vhm24r.intake import repository
from vhm24r.intake.errors import FileRefused, ImportCancelled, ImportFailed, ImportInterrupted, SourceNotGranted
from vhm24r.intake.events import ImportFailed as ImportFailedEvent
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.formats.registry import is_text
from vhm24r.intake.known_rows import Shelf
from vhm24r.intake.models import Import, ImportIssue
from vhm24r.intake.reader_process import Readers
from vhm24r.intake.reading import Closed, LeftOut, Opened, ReadFile, Task
from vhm24r.intake.service.applying import Applying, begin
from vhm24r.intake.service.rules import MOST_ISSUES_PERCENT
from vhm24r.intake.staging import LARGE_BYTES, PART_ROWS, Handed, Stager, passing_connection
from vhm24r.intake.types import IMPORT, IN_PROGRESS, ImportStatus, ReadAgain
from vhm24r.kit.clock import Clock
from vhm24r.kit.errors import AppError, Busy, Invalid
from vhm24r.kit.text import storable
from vhm24r.orders.first_load import nothing_stands
from vhm24r.platform import metrics
from vhm24r.platform.blobs import BlobStore
from vhm24r.platform.business_settings import value_of
from vhm24r.platform.db import Database
from vhm24r.platform.events import EventBus
from vhm24r.platform.live import LiveEvent, announce, announce_now
from vhm24r.platform.scratch import scratch_folder

log = structlog.get_logger(__name__)
TOPIC = "imports"

FIRST_LOAD_BYTES, FIRST_LOAD_PACKED_BYTES = 160 * 1024 * 1024, 24 * 1024 * 1024
"""Nobody can use orders while the first file is loaded: a larger one of text, or one that is packed, takes too long."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What running an import needs; rows that were read are known from the folder `known_rows`."""

    db: Database
    blobs: BlobStore
    bus: EventBus
    clock: Clock
    zone: ZoneInfo
    readers: Readers
    known_rows: Path
    on_progress: Callable[[int, int | None, str], None] | None = None


async def run(intake: Intake, import_id: int) -> None:
    """Bring an import to its end. Does nothing when it has ended, so a repeated job is harmless.

    Raises:
        Busy: others were at work for longer than our patience; the import waits again.
    """
    started = time.monotonic()
    row = await _begin(intake, import_id)
    if row is None:
        return
    structlog.contextvars.bind_contextvars(import_id=import_id)
    try:
        try:
            await _go_through(intake, row, hasty=not row.dry_run)
        except ReadAgain:
            log.info("import.read_again", import_id=import_id)
            row = await _begin(intake, import_id, again=True)
            if row is not None:
                await _go_through(intake, row, hasty=False)
    except Busy:
        await _put_back(intake, import_id)
        raise  # the job is tried again: nothing is wrong with the file
    except AppError as error:
        await _stop(intake, import_id, error)
    except Exception as error:  # the edge of a job: whatever broke, the import says so and ends
        log.exception("import.failed", import_id=import_id)
        await _stop(intake, import_id, ImportFailed(reason=type(error).__name__))
    finally:
        structlog.contextvars.unbind_contextvars("import_id")
        intake.readers.refill()
    async with intake.db.read() as session:
        ended = await repository.get_import(session, import_id)
    metrics.import_seconds.labels(ended.format or "unknown", ended.status).observe(time.monotonic() - started)


async def _put_back(intake: Intake, import_id: int) -> None:
    async with intake.db.write() as session:
        row = await repository.get_import(session, import_id, for_update=True)
        if ImportStatus(row.status) not in IN_PROGRESS:
            return
        row.status, row.phase = ImportStatus.RECEIVED, None
        await announce(session, _progress(import_id, ImportStatus.RECEIVED, "waiting", 0, None))


async def interrupt(intake: Intake, import_id: int) -> None:
    """End an import whose command was stopped; nothing of it is written."""
    async with intake.db.read() as session:
        row = await repository.get_import(session, import_id)
    if ImportStatus(row.status) in IN_PROGRESS:
        await _stop(intake, import_id, ImportInterrupted())


async def _begin(intake: Intake, import_id: int, *, again: bool = False) -> Import | None:
    """Claim the import; one that a dead worker left half-way starts over, and so does what is to be read `again`."""
    async with intake.db.write() as session:
        row = await repository.get_import(session, import_id, for_update=True)
        if ImportStatus(row.status) not in IN_PROGRESS:
            return None
        row.status, row.phase, row.progress_done = ImportStatus.RECEIVED, "reading", 0
        row.started_at, row.finished_at = intake.clock.now(), None
        row.rows_total = row.rows_new = row.rows_filled = row.rows_changed = 0
        row.rows_unchanged = row.rows_skipped = row.rows_issues = 0
        if again:
            row.format = row.source = row.confidence = row.tables = None
        row.effect = row.error_code = row.error_params = row.preview = row.similar_to = row.similar_percent = None
        await session.execute(delete(ImportIssue).where(ImportIssue.import_id == import_id))
        await announce(session, _progress(row.id, ImportStatus.RECEIVED, "reading", 0, None))
        return row


async def _go_through(intake: Intake, row: Import, *, hasty: bool) -> None:
    """Read and apply side by side: a part is applied while the next one is being read.

    Should reading fail, the transaction rolls back everything the earlier parts wrote. `hasty`: what is nearly always
    so may be assumed (docs/adr/0013).

    Raises:
        ImportCancelled: somebody wanted it to stop before it began.
        ReadAgain: what was assumed does not hold.
    """
    if row.cancel_requested:
        raise ImportCancelled
    if not row.dry_run and await _is_duplicate(intake, row):
        return
    with scratch_folder() as folder:
        path = await intake.blobs.local_copy(row.sha256, folder)
        async with intake.db.read() as session:
            mappings = await repository.list_mappings(session)
            percent = await value_of(session, MOST_ISSUES_PERCENT)
        first = hasty and await _is_first_load(intake, path, row.size)
        shelf = None if row.dry_run else Shelf(intake.known_rows, folder, recalls=not first)
        task = Task(intake.zone, folder, row.wanted_source, tuple(mappings), percent, shelf, hasty)
        with passing_connection(intake.db.conninfo) as reporter:
            await _read_and_apply(intake, row, path, task, reporter, first_load=first)
        if shelf is not None:
            await anyio.to_thread.run_sync(_keep, shelf)


def _keep(shelf: Shelf) -> None:
    try:
        shelf.keep()
    except Exception:  # the import stands, whatever becomes of what would only make the next one faster
        log.warning("import.known_rows_lost", exc_info=True)


async def _is_first_load(intake: Intake, path: Path, size: int) -> bool:
    """Whether a file of so many bytes is worth loading as the first one, and may be it (docs/adr/0019)."""
    sample = await anyio.to_thread.run_sync(Sample.of, path)
    if not LARGE_BYTES <= size <= (FIRST_LOAD_BYTES if is_text(sample.head) else FIRST_LOAD_PACKED_BYTES):
        return False
    async with intake.db.write() as session:
        return await nothing_stands(session)


async def _read_and_apply(
    intake: Intake, row: Import, path: Path, task: Task, reporter: psycopg.Connection[Any], *, first_load: bool
) -> None:
    handed: asyncio.Queue[Handed | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def report(reading: ReadFile, rows: int, total: int | None) -> None:
        _report(intake, row, reporter, reading, rows, total)

    def hand_on(step: Handed) -> None:
        loop.call_soon_threadsafe(handed.put_nowait, step)

    part_rows = None if row.dry_run else PART_ROWS
    stager = Stager(intake.db.conninfo, row.id, task, intake.readers, part_rows, report, hand_on, first_load)
    reader = asyncio.create_task(_read(stager, path, handed))
    try:
        async with intake.db.write() as session:
            applying = await _apply(intake, session, row, handed, first_load=first_load)
            try:
                await reader
            except ReadAgain:
                raise  # nothing of it counts
            except BaseException:
                await _note_parsed(intake, row.id, stager)
                raise
            await _note_parsed(intake, row.id, stager)
            _require_granted(row, stager)
            assert applying is not None  # a reading without an error has handed something on
            ended = await repository.get_import(session, row.id, for_update=True)
            if ended.cancel_requested:
                raise ImportCancelled
            await applying.finish(ended)
            ended.finished_at = intake.clock.now()
            await session.flush()
            await announce(session, _finished(ended))
    finally:
        stager.cancelled.set()
        await asyncio.gather(reader, return_exceptions=True)
        await _drop_staged(intake, row.id)


async def _drop_staged(intake: Intake, import_id: int) -> None:
    """What was staged is of no use any more. A backup may hold it just now: then it is dropped another time
    (`resuming.drop_forgotten`), and the import is what it is.
    """
    try:
        async with intake.db.read() as session:
            await drop_leftovers(session, import_id)
    except Busy:
        log.info("import.staging_left", import_id=import_id)


async def _apply(
    intake: Intake, session: AsyncSession, row: Import, handed: "asyncio.Queue[Handed | None]", *, first_load: bool
) -> Applying | None:
    """Apply what the reader hands on, until it has nothing more; begins with the first part that is staged."""
    applying: Applying | None = None
    opened: Opened | None = None
    while (step := await handed.get()) is not None:
        if isinstance(step, Opened):
            opened = step
            continue
        if applying is None and not isinstance(step, LeftOut):
            idle_ms = (intake.readers.limits.seconds + 60) * 1000
            applying = await begin(session, intake.bus, intake.zone, row, intake.clock.now(), idle_ms)
            applying.first_load = first_load
        if applying is not None and opened is not None and not isinstance(step, LeftOut):
            await applying.open(opened.file)
            opened = None
        if applying is not None and isinstance(step, Staging):
            await applying.part(step)
        elif applying is not None and isinstance(step, Closed):
            await applying.close(step.file, row)
        elif applying is not None:
            await applying.leave_out()
    return applying


async def _read(stager: Stager, path: Path, handed: "asyncio.Queue[Handed | None]") -> None:
    """Read in a worker thread; whoever applies learns of the end however it comes.

    Raises:
        Busy: others held what has to be asked for longer than our patience. And what `Stager.stage` raises.
    """
    try:
        await anyio.to_thread.run_sync(stager.stage, path)
    except psycopg.errors.LockNotAvailable as error:
        raise Busy from error
    finally:
        handed.put_nowait(None)


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


def _report(
    intake: Intake, row: Import, reporter: psycopg.Connection[Any], reading: ReadFile, rows: int, total: int | None
) -> None:
    """Called in the reader's thread, on a connection of its own: what is known of the file, how far it is.

    Raises:
        ImportCancelled: somebody wants it to stop.
    """
    answer = reporter.execute(
        "UPDATE imports SET status = %s, phase = 'reading', format = %s, source = %s, confidence = %s,"
        " progress_done = %s, progress_total = %s WHERE id = %s RETURNING cancel_requested",
        [
            ImportStatus.IDENTIFIED, reading.container or reading.format, reading.source.name, reading.confidence,
            rows, total, row.id,
        ],
    )  # fmt: skip
    if (answer.fetchone() or [False])[0]:
        raise ImportCancelled
    announce_now(reporter, _progress(row.id, ImportStatus.IDENTIFIED, "reading", rows, total))
    if intake.on_progress is not None:
        intake.on_progress(rows, total, "reading")


async def _note_parsed(intake: Intake, import_id: int, stager: Stager) -> None:
    """Counts and issues are written down on their own: they stay when applying is refused."""
    if not stager.files and not stager.issues:
        return
    counts = [file.counts for file in stager.files]
    total = sum(count.total for count in counts)
    values: dict[str, Any] = {
        "status": ImportStatus.PARSED,
        "phase": "applying",
        "tables": [
            {"member": file.member, "sheet": sheet.name or None, "sheet_index": index, "columns": sheet.columns}
            for file in stager.files
            for index, sheet in enumerate(file.sheets)
        ],
        "rows_total": total,
        "rows_issues": sum(count.issues for count in counts),
        "rows_skipped": sum(count.skipped + count.duplicates for count in counts),
        "progress_done": total,
        "progress_total": total,
    }
    sources = sorted({file.source.account or file.source.name for file in stager.files})
    if sources:
        values["source"] = sources[0] if len(sources) == 1 else "+".join(sources)
    rows = [
        {"import_id": import_id, "ordinal": ordinal, **dataclasses.asdict(issue)}
        for ordinal, issue in enumerate(stager.issues)
    ]
    async with intake.db.write() as session:
        await session.execute(update(Import).where(Import.id == import_id).values(**values))
        await session.execute(delete(ImportIssue).where(ImportIssue.import_id == import_id))
        if rows:
            await session.execute(insert(ImportIssue), rows)
        await announce(session, _progress(import_id, ImportStatus.PARSED, "applying", total, total))


def _require_granted(row: Import, stager: Stager) -> None:
    """Pass, unless whoever brought the file may not see what it was found to be.

    Raises:
        SourceNotGranted: nothing of it is applied.
    """
    for file in stager.files:
        if row.granted_sources is not None and file.source.name not in row.granted_sources:
            raise SourceNotGranted(name=row.name, source=file.source.name)


async def _stop(intake: Intake, import_id: int, error: AppError) -> None:
    """End without applying: nothing of the file is written, its original and issues are kept."""
    status = _status_of(error)
    async with intake.db.write() as session:
        row = await repository.get_import(session, import_id, for_update=True)
        IMPORT.check(ImportStatus(row.status), status)
        row.status, row.phase, row.finished_at = status, None, intake.clock.now()
        row.error_code = error.code
        row.error_params = {name: storable(str(value)) for name, value in error.params.items() if name != "preview"}
        row.preview = cast("dict[str, Any] | None", error.params.get("preview"))
        await intake.bus.publish(session, ImportFailedEvent(import_id, error.code))
        await announce(session, _finished(row))
    metrics.errors_total.labels(error.code).inc()


def _status_of(error: AppError) -> ImportStatus:
    if isinstance(error, FileRefused):
        return ImportStatus.REFUSED
    if isinstance(error, Invalid):
        return ImportStatus.NEEDS_MAPPING
    return ImportStatus.FAILED


async def announce_state(session: AsyncSession, row: Import) -> None:
    """Tell whoever watches where an import stands."""
    await announce(session, _finished(row))


def _progress(import_id: int, status: ImportStatus, phase: str, done: int, total: int | None) -> LiveEvent:
    data = {"import_id": import_id, "status": str(status), "phase": phase, "done": done, "total": total}
    return LiveEvent(TOPIC, "import.progress", data)


def _finished(row: Import) -> LiveEvent:
    data = {
        "import_id": row.id,
        "status": str(row.status),
        "phase": row.phase,
        "done": row.rows_total,
        "total": row.rows_total,
    }
    return LiveEvent(TOPIC, "import.finished", data)
