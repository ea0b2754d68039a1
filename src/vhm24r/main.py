"""The composition root: builds the services of a process from its settings and wires events to
their subscribers. The only file that knows every implementation.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit.sealing import seal
from vhm24r.evidence.events import RecordsChanged
from vhm24r.identity.events import (
    AccessRequested,
    PersonApproved,
    PersonBlocked,
    PersonErased,
    PersonEvent,
    PersonRejected,
    PersonUnblocked,
    RoleChanged,
)
from vhm24r.identity.service.access import Access, TelegramAccess
from vhm24r.identity.service.changes import TOPIC as ACCESS_CHANGED
from vhm24r.identity.service.changes import announce_change
from vhm24r.identity.service.coming_in import forget_used
from vhm24r.identity.service.sessions import forget_ended
from vhm24r.identity.service.signing_keys import rotate_old
from vhm24r.identity.signing import Signer
from vhm24r.identity.telegram import PRODUCTION_KEY, TEST_KEY
from vhm24r.intake.events import ImportApplied
from vhm24r.intake.reader_process import Limits, Readers
from vhm24r.intake.service import authors as authors_of_files
from vhm24r.intake.service.receiving import RUN_IMPORT, UNDO_IMPORT
from vhm24r.intake.service.resuming import drop_forgotten, requeue, resume_abandoned
from vhm24r.intake.service.running import Intake
from vhm24r.intake.service.running import run as run_import
from vhm24r.intake.service.undoing import undo_as
from vhm24r.intake.service.watching import Watcher
from vhm24r.kit.actor import Actor
from vhm24r.kit.clock import Clock, SystemClock
from vhm24r.kit.errors import AppError
from vhm24r.ops.process import Services
from vhm24r.orders.events import OrdersChanged
from vhm24r.orders.service import authors as authors_of_notes
from vhm24r.platform import idempotency
from vhm24r.platform.blobs import BlobStore
from vhm24r.platform.db import Database
from vhm24r.platform.embedded import EmbeddedServer
from vhm24r.platform.events import AlertRaised, BulkEvent, EventBus
from vhm24r.platform.installation import claim_installation
from vhm24r.platform.jobs import Jobs
from vhm24r.platform.live import LiveEvent, LiveHub, announce
from vhm24r.platform.migrations import migrate
from vhm24r.platform.rates import Counters
from vhm24r.platform.scratch import sweep
from vhm24r.platform.secret import load_secret
from vhm24r.reconciliation.events import ReconciliationFinished
from vhm24r.reconciliation.service import authors as authors_of_decisions
from vhm24r.reconciliation.service.requesting import RECONCILE, ask_for_change_set, ask_for_file
from vhm24r.reconciliation.service.running import Reconciler, run_waiting
from vhm24r.settings import Mode, Settings

DATABASE = "vhm24r"
KEEPERS = (authors_of_notes.written_by, authors_of_files.brought_by, authors_of_decisions.said_by)
log = structlog.get_logger(__name__)


@contextlib.contextmanager
def running_database(settings: Settings) -> Iterator[str]:
    """The URL of a database that runs: the given one, or the embedded one, kept up while in the block."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with EmbeddedServer(settings.data_dir) as server:
        server.create_database(DATABASE)
        yield server.url(DATABASE)


@contextlib.asynccontextmanager
async def open_services(settings: Settings, url: str, *, clock: Clock | None = None) -> AsyncIterator[Services]:
    """The services of one process on a database that is at head; closed when the block ends."""
    now = clock or SystemClock()
    db = Database(url, pool_size=settings.db_pool)
    bus = EventBus()
    blobs = BlobStore(settings.storage)
    jobs = Jobs(db.conninfo)
    readers = Readers(Limits(settings.reader_memory_mb, settings.reader_seconds))
    intake = Intake(db, blobs, bus, now, settings.zone, readers, settings.data_dir / "known-rows")
    reconciler = Reconciler(db, bus, now, settings.zone)
    access = access_of(settings, db, now, bus)
    services = Services(settings, now, db, blobs, jobs, LiveHub(db.conninfo), bus, intake, reconciler, access, KEEPERS)
    services.live.hear(ACCESS_CHANGED, access.hear)
    wire_jobs(services)
    wire_events(services)
    await jobs.open()
    try:
        yield services
    finally:
        readers.close()
        await services.live.stop()
        await jobs.close()
        await db.close()


def access_of(settings: Settings, db: Database, clock: Clock, bus: EventBus) -> Access:
    """The door of one process. The keys of Telegram's test environment are believed outside of production alone."""
    token = settings.telegram_token.get_secret_value() if settings.telegram_token else None
    keys = (PRODUCTION_KEY,) if settings.mode is Mode.PRODUCTION else (PRODUCTION_KEY, TEST_KEY)
    telegram = TelegramAccess(
        token,
        int(token.partition(":")[0]) if token else settings.telegram_bot_id,
        settings.telegram_bot_name,
        settings.owner_telegram_id,
        keys,
    )
    return Access(db, clock, bus, Signer(load_secret(settings)), Counters(db, clock), telegram)


class DatabaseUnreachable(AppError):
    """No PostgreSQL answers at the given address."""

    code = "platform.database_unreachable"
    status = 503


def prepare_database(url: str, settings: Settings) -> None:
    """Schema to head, and the mark that keeps a demo and a real business apart (decisions 24).

    Raises:
        WrongInstallation: this database belongs to the other kind.
        DatabaseUnreachable: nobody answers there.
    """
    try:
        before, now = migrate(url)
    except OperationalError as error:
        raise DatabaseUnreachable(reason=str(error.orig).strip().splitlines()[0]) from error
    if before != now:
        log.info("database.migrated", before=before, now=now)
    claim_installation(url, settings.mode)


def wire_jobs(services: Services) -> None:
    """Who does which job, and what happens on a schedule."""

    async def run(import_id: int) -> None:
        try:
            await run_import(services.intake, import_id)
        except asyncio.CancelledError:
            await asyncio.shield(requeue(services.intake, services.jobs, import_id))
            raise

    async def resume() -> None:
        await resume_abandoned(services.intake, services.jobs)
        await drop_forgotten(services.intake)

    async def tidy() -> None:
        async with services.db.write() as session:
            await idempotency.forget_old(session, services.clock.now())

    async def tidy_access() -> None:
        now, access = services.clock.now(), services.access
        async with services.db.write() as session:
            await forget_ended(session, now)
            await forget_used(session, now)
            await rotate_old(session, Actor.system("access"), access.signer, now)
        await access.counters.forget_past()

    async def seal_audit() -> None:
        async with services.db.write() as session:
            await seal(session, services.clock.now())

    async def undo(import_id: int, kind: str, id: int, beside: str) -> None:
        await undo_as(services.intake, import_id, kind, id, beside)

    async def reconcile() -> None:
        await run_waiting(services.reconciler, Actor.system("reconciliation"))

    services.jobs.add(RECONCILE, reconcile)
    services.jobs.add(RUN_IMPORT, run)
    services.jobs.add(UNDO_IMPORT, undo)
    services.jobs.every("* * * * *", "intake.resume", resume)
    services.jobs.every("*/5 * * * *", "reconciliation.waiting", reconcile)
    services.jobs.every("17 3 * * *", "platform.tidy", tidy)
    services.jobs.every("* * * * *", "audit.seal", seal_audit)
    services.jobs.every("7 * * * *", "identity.tidy", tidy_access)


async def do_work(services: Services) -> None:
    """What a worker does until cancelled: jobs, and taking files out of the watched folder if there is one."""
    await asyncio.to_thread(sweep)
    services.intake.readers.warm()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(services.jobs.work(), name="jobs")
        if services.settings.inbox_dir is not None:
            tasks.create_task(watcher(services, services.settings.inbox_dir).watch(), name="watched folder")


def watcher(services: Services, folder: Path) -> Watcher:
    """Who takes the files out of a folder."""
    settings = services.settings
    return Watcher(
        folder, services.db, services.blobs, services.jobs, services.clock, settings.zone, settings.upload_limit_mb
    )


def wire_events(services: Services) -> None:
    """Who listens to what. Later modules add their lines here and nowhere else."""
    bus, jobs, clock = services.bus, services.jobs, services.clock

    async def look_at_file(session: AsyncSession, event: RecordsChanged) -> None:
        await ask_for_file(session, event.file_id, clock.now())

    async def look_at_orders(session: AsyncSession, event: OrdersChanged) -> None:
        await ask_for_change_set(session, event.change_set_id, clock.now())
        await jobs.defer(session, RECONCILE)

    bus.same_transaction(OrdersChanged, _announce_orders)
    bus.same_transaction(ImportApplied, _announce_import)
    bus.same_transaction(ReconciliationFinished, _announce_run)
    bus.same_transaction(AlertRaised, _announce_alert)
    bus.same_transaction(PersonErased, _forget_person)
    for decided in (AccessRequested, PersonApproved, PersonRejected, PersonBlocked, PersonUnblocked, RoleChanged):
        bus.same_transaction(decided, _announce_person)
    bus.job(RecordsChanged, look_at_file)
    bus.job(OrdersChanged, look_at_orders)


async def _announce_orders(session: AsyncSession, event: BulkEvent) -> None:
    await announce(session, LiveEvent("orders", "orders.changed", {"change_set_id": event.change_set_id}))


async def _announce_import(session: AsyncSession, event: ImportApplied) -> None:
    await announce(session, LiveEvent("imports", "import.applied", {"import_id": event.import_id}))


async def _announce_run(session: AsyncSession, event: ReconciliationFinished) -> None:
    found = {"run_id": event.run_id, "days": event.days, "conserved": event.conserved}
    await announce(session, LiveEvent("reconciliation", "reconciliation.finished", found))


async def _forget_person(session: AsyncSession, event: PersonErased) -> None:
    await authors_of_notes.forget_author(session, event.person_id, event.alias)
    await authors_of_files.forget_author(session, event.person_id, event.alias)
    await authors_of_decisions.forget_author(session, event.person_id, event.alias)


async def _announce_alert(session: AsyncSession, event: AlertRaised) -> None:
    await announce(session, LiveEvent("alerts", "alert.raised", {"code": event.code, "params": event.params}))


async def _announce_person(session: AsyncSession, event: PersonEvent) -> None:
    await announce_change(session, event.person_id)
