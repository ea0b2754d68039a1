"""Applying staged parts: diff, then evidence, orders, history and events in one transaction."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.evidence import bulk as evidence
from vhm24r.evidence.bulk import Staging
from vhm24r.evidence.events import RecordsChanged
from vhm24r.evidence.models import EvidenceFile
from vhm24r.evidence.types import Outcome
from vhm24r.intake.errors import IntakeSwitchedOff
from vhm24r.intake.events import ImportApplied
from vhm24r.intake.models import Import
from vhm24r.intake.reading import ReadFile
from vhm24r.intake.service.similarity import Sample, most_similar
from vhm24r.intake.types import IMPORT, ImportStatus, ReadAgain
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.clock import business_day
from vhm24r.orders import appending, first_load
from vhm24r.orders import bulk as orders
from vhm24r.orders.bulk import Cause, Placing
from vhm24r.orders.events import OrdersChanged
from vhm24r.platform import metrics
from vhm24r.platform.business_settings import value_of
from vhm24r.platform.db import forget_filled
from vhm24r.platform.events import EventBus
from vhm24r.platform.flags import INTAKE_APPLY, require_writable
from vhm24r.platform.locks import Lock, take

ROW_PATIENCE_MS = 60_000
PATIENCE_MS = 600_000
"""Applies queue behind one lock; each takes seconds, a queue of large files a few minutes."""


BARE_IDLE_MS = 60_000
"""How long a first load may wait for the next part; the parts of such files come several a second."""

DIFF_SHOWN = 200


def _counted_money(rows: str) -> str:
    """SQL for what the orders that some rows make count for, by currency: `orders.counted` for machine reports."""
    return (
        f"SELECT currency, sum(amount) FROM {rows} WHERE amount IS NOT NULL AND currency IS NOT NULL"
        " AND payment_method IS DISTINCT FROM 'test' GROUP BY currency"
    )


@dataclass(slots=True)
class Effect:
    """What an import does: rows and orders by outcome, fields, money that appears or moves (minor units)."""

    rows: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    fields: Counter[tuple[str, str]] = field(default_factory=Counter)
    money_new: Counter[str] = field(default_factory=Counter)
    money_changed: Counter[str] = field(default_factory=Counter)
    diff: list[dict[str, str | None]] = field(default_factory=list)

    def add(self, other: "Effect") -> None:
        """Take in what another file of the same import does."""
        self.rows += other.rows
        self.orders += other.orders
        self.fields += other.fields
        self.money_new.update(other.money_new)
        self.money_changed.update(other.money_changed)
        self.diff += other.diff[: max(0, DIFF_SHOWN - len(self.diff))]

    def stored(self) -> dict[str, Any]:
        """As the import keeps it."""
        return {
            "orders": {kind: self.orders[kind] for kind in ("new", "filled", "changed")},
            "fields": [[name, kind, count] for (name, kind), count in sorted(self.fields.items())],
            "money_new": sorted((currency, amount) for currency, amount in self.money_new.items() if amount),
            "money_changed": sorted((currency, amount) for currency, amount in self.money_changed.items() if amount),
            "diff": self.diff,
        }


@dataclass(slots=True)
class AppliedFile:
    """A file being applied, or applied: its id, what it does, and what its rows compare with."""

    reading: ReadFile
    sample: Sample
    id: int = 0
    effect: Effect = field(default_factory=Effect)
    days: set[date] = field(default_factory=set)

    @property
    def placing(self) -> Placing:
        """How its rows find orders."""
        source = self.reading.source
        return Placing(source.makes_orders, not source.key_with_machine, source.space)


@dataclass(slots=True)
class Applying:
    """One import being applied in the transaction of `session`; made by `begin`.

    Each file is a savepoint of its own, so that one which turns out unreadable takes nothing else with it.
    """

    session: AsyncSession
    bus: EventBus
    zone: ZoneInfo
    import_id: int
    dry_run: bool
    now: datetime
    first_load: bool = False
    change_set_id: int = 0
    done: list[AppliedFile] = field(default_factory=list)
    _current: AppliedFile | None = None
    _savepoint: AsyncSessionTransaction | None = None
    _bare: bool = False

    async def open(self, reading: ReadFile) -> None:
        """The parts that follow are of this file."""
        self._savepoint = await self.session.begin_nested()
        self._current = AppliedFile(reading, Sample(reading.source.name))
        if not self.dry_run:
            next_id = text("SELECT nextval('evidence_files_id_seq')")
            self._current.id = int((await self.session.execute(next_id)).scalar_one())
        if self.first_load and not self.done and reading.container is None:
            self._bare = await first_load.begin(self.session)
        if self._bare:  # a process that hangs would keep everybody else out
            await self.session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {BARE_IDLE_MS}"))

    async def part(self, staging: Staging) -> None:
        """Compare one staged part with what is known and write the difference; a dry run only compares.

        A part in which everything is new, or nothing, is the common one and takes a shorter way to the same end.

        Raises:
            ReadAgain: another import or an undo came in between, or a first load is not as simple as it seemed.
        """
        session, file = self.session, self._open_file()
        file.days.update(business_day(instant, self.zone) for instant in staging.summary.span if instant is not None)
        if self._bare:  # nothing can be known, but of this file: then its part is irregular
            if await self._append(staging, file):
                return
            await self._end_first_load()
        if self.dry_run:
            await self._compare(staging, file)
        elif staging.in_short:
            if not await evidence.says_nothing_new(session, staging):
                raise ReadAgain
            await self._sight_outcomes(file)
        elif not await evidence.is_known_at_all(session, staging):
            if not await self._append(staging, file):
                await self._compare_and_write(staging, file)
        elif await evidence.says_nothing_new(session, staging):
            await self._sight_outcomes(file)
        else:
            await self._compare_and_write(staging, file)

    async def close(self, reading: ReadFile, row: Import) -> None:
        """The file is read to its end: what it did stays.

        Raises:
            ReadAgain: a first load is not as simple as it seemed.
        """
        await self._end_first_load()
        file = self._open_file()
        file.reading = reading
        if not self.dry_run:
            await self._add_file(row, file)
            await self.session.flush()
        assert self._savepoint is not None  # opened together with the file
        await self._savepoint.commit()
        self.done.append(file)
        self._current = self._savepoint = None

    async def leave_out(self) -> None:
        """The file cannot be read: what it did so far is taken back."""
        if self._savepoint is not None:
            await self._savepoint.rollback()
            await forget_filled(self.session)
        self._current = self._savepoint = None
        self._bare = False

    async def _end_first_load(self) -> None:
        if not self._bare:
            return
        self._bare = False
        try:
            await first_load.end(self.session)
        except IntegrityError as error:
            raise ReadAgain from error

    def _open_file(self) -> AppliedFile:
        assert self._current is not None  # parts come between `open` and `close`
        return self._current

    async def _sight_outcomes(self, file: AppliedFile) -> None:
        await self._count_rows(file)
        await evidence.append_sightings(self.session, file_id=file.id)

    async def _compare(self, staging: Staging, file: AppliedFile) -> None:
        session = self.session
        await orders.resolve(session, staging, file.placing)
        await orders.fold(session, staging, source=file.reading.source.name, hold=not self.dry_run)
        await orders.diff(session)
        await self._count_rows(file)
        await self._count_orders(file)

    async def _compare_and_write(self, staging: Staging, file: AppliedFile) -> None:
        await self._compare(staging, file)
        session, source = self.session, file.reading.source.name
        await evidence.append_versions(session, staging, file_id=file.id, source=source)
        await evidence.revive_versions(session, file_id=file.id)
        await evidence.elect_current(session, self.import_id)
        await evidence.append_sightings(session, file_id=file.id)
        await orders.apply(session, staging, file.placing, self._cause(file))

    async def _append(self, staging: Staging, file: AppliedFile) -> bool:
        cause = self._cause(file)
        if not await appending.append(self.session, staging, file.placing, cause, first=self._bare):
            return False
        effect, summary = file.effect, staging.summary
        effect.rows[Outcome.NEW] += summary.rows
        if file.placing.makes_orders:
            effect.orders["new"] += summary.rows
            if file.reading.source.is_revenue:
                effect.money_new.update(summary.money)
        return True

    def _cause(self, file: AppliedFile) -> Cause:
        return Cause(file.reading.source.name, self.change_set_id, file.id, self.now)

    async def _count_rows(self, file: AppliedFile) -> None:
        """Add what the rows of this part bring, as `outcomes` has it."""
        found = await self._pairs("SELECT outcome, count(*) FROM outcomes GROUP BY outcome")
        file.effect.rows.update(dict(found))
        await file.sample.take(self.session, sum(count for _, count in found))

    async def _count_orders(self, file: AppliedFile) -> None:
        """Add what this part does to orders, their fields and money."""
        effect = file.effect
        new = "SELECT 'new', count(*) FROM stated WHERE number IS NOT NULL"
        updated = (
            "SELECT CASE WHEN strong THEN 'changed' ELSE 'filled' END, count(*) FROM"
            " (SELECT bool_or(kind <> 'filled') AS strong FROM order_diff GROUP BY order_id) d GROUP BY strong"
        )
        for kind, count in [*await self._pairs(new), *await self._pairs(updated)]:
            effect.orders[kind] += count
        fields = await self.session.execute(text("SELECT field, kind, count(*) FROM order_diff GROUP BY field, kind"))
        for name, kind, count in fields.all():
            effect.fields[(name, kind)] += count
        await self._count_money(file)
        if self.dry_run:
            effect.diff += await self._diff_shown()

    async def _count_money(self, file: AppliedFile) -> None:
        """Money that appears, and money that moves in orders that counted already; the same rule as an undo."""
        added = "(SELECT * FROM stated WHERE number IS NOT NULL AND order_id NOT IN (SELECT order_id FROM touched)) s"
        if file.reading.source.is_revenue:
            for currency, amount in await self._pairs(_counted_money(added)):
                file.effect.money_new[currency] += amount
        now, before = orders.counted("f"), f"(o.id IS NOT NULL AND o.withdrawn_at IS NULL AND {orders.counted('o')})"
        moved = f"""
            SELECT {before} AS stood, f.currency,
                sum(CASE WHEN {now} THEN f.amount ELSE 0 END - CASE WHEN {before} THEN o.amount ELSE 0 END)
            FROM folded f LEFT JOIN orders o ON o.id = f.order_id AND NOT f.new_order
            WHERE {now} OR {before} GROUP BY 1, 2
        """
        for stood, currency, amount in (await self.session.execute(text(moved))).all():
            money = file.effect.money_changed if stood else file.effect.money_new
            money[str(currency)] += int(amount)

    async def _diff_shown(self) -> list[dict[str, str | None]]:
        """The first differences of a preview, field by field."""
        statement = text(
            "SELECT o.number, d.field, d.kind, d.old, d.new FROM order_diff d JOIN orders o ON o.id = d.order_id"
            " WHERE d.field <> '' ORDER BY d.sheet, d.row, d.field LIMIT :most"
        )
        rows = await self.session.execute(statement, {"most": DIFF_SHOWN})
        return [dict(row._mapping) for row in rows.all()]

    async def _pairs(self, statement: str) -> list[tuple[str, int]]:
        return [(str(name), int(number)) for name, number in (await self.session.execute(text(statement))).all()]

    async def finish(self, row: Import) -> None:
        """Write down what the import was, and tell whoever listens."""
        effect = Effect()
        for file in self.done:
            effect.add(file.effect)
            for outcome, count in [*file.effect.rows.items(), ("issue", file.reading.counts.issues)]:
                metrics.import_rows_total.labels(file.reading.source.name, outcome).inc(count)
        row.rows_new, row.rows_filled = effect.rows[Outcome.NEW], effect.rows[Outcome.FILLED]
        row.rows_changed, row.rows_unchanged = effect.rows[Outcome.CHANGED], effect.rows[Outcome.UNCHANGED]
        row.effect = effect.stored()
        staged = sum(file.reading.counts.staged - file.reading.counts.duplicates for file in self.done)
        samples = [file.sample for file in self.done]
        row.similar_to, row.similar_percent = await most_similar(self.session, row.id, samples, staged)
        IMPORT.check(ImportStatus(row.status), ImportStatus.CHECKED)
        final = ImportStatus.DRY_RUN if self.dry_run else ImportStatus.APPLIED
        IMPORT.check(ImportStatus.CHECKED, final)
        row.status, row.phase, row.error_code, row.error_params = final, None, None, None
        if self.dry_run:
            return
        row.change_set_id, row.undo = self.change_set_id, None
        await self.session.flush()
        for file in self.done:
            await self.bus.publish(self.session, RecordsChanged(self.change_set_id, file.id))
        await self.bus.publish(self.session, OrdersChanged(self.change_set_id))
        await self.bus.publish(self.session, ImportApplied(self.change_set_id, row.id))

    async def _add_file(self, row: Import, file: AppliedFile) -> None:
        reading = file.reading
        values = {
            "id": file.id,
            "import_id": row.id,
            "change_set_id": self.change_set_id,
            "name": row.name,
            "member": reading.member,
            "sheets": [sheet.name for sheet in reading.sheets],
            "sha256": row.sha256,
            "content_hash": reading.content_hash,
            "format": reading.format,
            "source": reading.source.name,
            "rows": reading.counts.staged,
            "covers_from": min(file.days, default=None),
            "covers_to": max(file.days, default=None),
            "applied_at": self.now,
            "withdrawn": False,
        }
        await self.session.execute(insert(EvidenceFile).values(values))


async def begin(
    session: AsyncSession, bus: EventBus, zone: ZoneInfo, row: Import, now: datetime, idle_ms: int
) -> Applying:
    """Start applying: everything until the transaction ends belongs to one change set. A preview holds nobody up.

    `idle_ms` is how long the transaction may wait for the next part to be read.

    Raises:
        ReadOnly, IntakeSwitchedOff: a kill switch forbids changes, or changes by files.
        LockBusy: other applies took longer than our patience.
    """
    if not row.dry_run:
        await take(session, Lock.INTAKE_APPLY, patience_ms=PATIENCE_MS)
    # the transaction waits while the next part is being read
    # a person may be editing one of the orders right now
    await session.execute(text(f"SET LOCAL lock_timeout = {ROW_PATIENCE_MS}"))
    await session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {idle_ms}"))
    applying = Applying(session, bus, zone, row.id, row.dry_run, now)
    if row.dry_run:
        return applying
    await require_writable(session)
    if not await value_of(session, INTAKE_APPLY):
        raise IntakeSwitchedOff
    actor = Actor(ActorKind(row.actor_kind), row.actor_id, row.actor_name)
    deed = Deed("import.applied", f"import:{row.id}", data={"name": row.name})
    applying.change_set_id = await audit.record(session, actor, deed, now)
    return applying
