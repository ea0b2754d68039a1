"""Applying staged parts: diff, then evidence, orders, history and events in one transaction."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

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
from vhm24r.intake.sources.declaration import Source
from vhm24r.intake.types import IMPORT, ImportStatus
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.clock import business_day
from vhm24r.orders import bulk as orders
from vhm24r.orders.events import OrdersChanged
from vhm24r.orders.types import OrderStatus
from vhm24r.platform import metrics
from vhm24r.platform.business_settings import value_of
from vhm24r.platform.events import EventBus
from vhm24r.platform.flags import INTAKE_APPLY, READ_ONLY
from vhm24r.platform.locks import Lock, take

ROW_PATIENCE_MS = 60_000
PATIENCE_MS = 600_000
"""Applies queue behind one lock; each takes seconds, a queue of large files a few minutes."""


@dataclass(slots=True)
class Effect:
    """What an import does: rows and orders by outcome, money that appears or moves (minor units)."""

    rows: Counter[str] = field(default_factory=Counter)
    orders: Counter[str] = field(default_factory=Counter)
    money_new: Counter[str] = field(default_factory=Counter)
    money_changed: Counter[str] = field(default_factory=Counter)
    days: set[date] = field(default_factory=set)

    def stored(self) -> dict[str, Any]:
        """As the import keeps it."""
        return {
            "orders": {kind: self.orders[kind] for kind in ("new", "filled", "changed")},
            "money_new": sorted(self.money_new.items()),
            "money_changed": sorted(self.money_changed.items()),
        }


@dataclass(slots=True)
class Applying:
    """One import being applied in the transaction of `session`; made by `begin`."""

    session: AsyncSession
    bus: EventBus
    zone: ZoneInfo
    source: Source
    import_id: int
    dry_run: bool
    now: datetime
    change_set_id: int = 0
    file_id: int = 0
    effect: Effect = field(default_factory=Effect)

    async def part(self, staging: Staging) -> None:
        """Compare one staged part with what is known and write the difference; a dry run only compares."""
        session, source = self.session, self.source
        await orders.resolve(
            session, staging, makes_orders=source.makes_orders, any_machine=not source.key_with_machine
        )
        await orders.fold(session, source=source.name, hold=not self.dry_run)
        await orders.diff(session)
        await self._count(staging)
        if not self.dry_run:
            await self._write()
        await evidence.drop_staging(session, staging)

    async def _write(self) -> None:
        session, source = self.session, self.source
        await evidence.append_versions(session, file_id=self.file_id, source=source.name)
        await evidence.revive_versions(session, file_id=self.file_id)
        await evidence.elect_current(session)
        await evidence.append_sightings(session, file_id=self.file_id)
        await orders.apply(
            session,
            source=source.name,
            change_set_id=self.change_set_id,
            file_id=self.file_id,
            status=OrderStatus.RECORDED,
            now=self.now,
        )

    async def _count(self, staging: Staging) -> None:
        """Add what this part does to the effect of the import."""
        for outcome, count in await self._pairs("SELECT outcome, count(*) FROM outcomes GROUP BY outcome"):
            self.effect.rows[outcome] += count
        new = "SELECT 'new', count(*) FROM stated WHERE number IS NOT NULL"
        updated = (
            "SELECT CASE WHEN strong THEN 'changed' ELSE 'filled' END, count(*) FROM"
            " (SELECT bool_or(kind = 'changed') AS strong FROM order_diff GROUP BY order_id) d GROUP BY strong"
        )
        for kind, count in [*await self._pairs(new), *await self._pairs(updated)]:
            self.effect.orders[kind] += count
        added = (
            "SELECT currency, sum(amount)::bigint FROM ("
            " SELECT currency, amount, payment_method FROM stated s WHERE number IS NOT NULL"
            "  AND NOT EXISTS (SELECT FROM touched t WHERE t.order_id = s.order_id)"
            " UNION ALL SELECT currency, amount, payment_method FROM folded WHERE new_order"
            ") n WHERE amount IS NOT NULL AND payment_method IS DISTINCT FROM 'test' GROUP BY currency"
        )
        if self.source.is_revenue:
            for currency, amount in await self._pairs(added):
                self.effect.money_new[currency] += amount
        moved = (
            "SELECT f.currency, sum(f.amount - coalesce(o.amount, 0))::bigint FROM order_diff d"
            " JOIN folded f USING (order_id) JOIN orders o ON o.id = d.order_id"
            " WHERE d.field = 'amount' GROUP BY f.currency"
        )
        for currency, amount in await self._pairs(moved):
            self.effect.money_changed[currency] += amount
        days = text(f"SELECT min(occurred_at), max(occurred_at) FROM {staging.table}")
        span = (await self.session.execute(days)).one()
        self.effect.days.update(business_day(instant, self.zone) for instant in span if instant is not None)

    async def _pairs(self, statement: str) -> list[tuple[str, int]]:
        return [(str(name), int(number)) for name, number in (await self.session.execute(text(statement))).all()]

    async def finish(self, row: Import, reading: ReadFile) -> None:
        """Write down what the import was, and tell whoever listens."""
        effect, counts = self.effect, reading.counts
        row.rows_new, row.rows_filled = effect.rows[Outcome.NEW], effect.rows[Outcome.FILLED]
        row.rows_changed, row.rows_unchanged = effect.rows[Outcome.CHANGED], effect.rows[Outcome.UNCHANGED]
        row.effect = effect.stored()
        for outcome, count in [*effect.rows.items(), ("issue", counts.issues)]:
            metrics.import_rows_total.labels(self.source.name, outcome).inc(count)
        IMPORT.check(ImportStatus(row.status), ImportStatus.CHECKED)
        final = ImportStatus.DRY_RUN if self.dry_run else ImportStatus.APPLIED
        IMPORT.check(ImportStatus.CHECKED, final)
        row.status, row.phase, row.error_code, row.error_params = final, None, None, None
        if self.dry_run:
            return
        row.file_id, row.change_set_id = self.file_id, self.change_set_id
        await self._add_file(row, reading)
        await self.session.flush()
        await self.bus.publish(self.session, RecordsChanged(self.change_set_id, self.file_id))
        await self.bus.publish(self.session, OrdersChanged(self.change_set_id))
        await self.bus.publish(self.session, ImportApplied(self.change_set_id, row.id))

    async def _add_file(self, row: Import, reading: ReadFile) -> None:
        days = self.effect.days
        values = {
            "id": self.file_id,
            "import_id": row.id,
            "change_set_id": self.change_set_id,
            "name": row.name,
            "member": None,
            "sheets": reading.sheets,
            "sha256": row.sha256,
            "content_hash": reading.content_hash,
            "format": reading.format,
            "source": self.source.name,
            "rows": reading.counts.staged,
            "covers_from": min(days, default=None),
            "covers_to": max(days, default=None),
            "applied_at": self.now,
            "withdrawn": False,
        }
        await self.session.execute(insert(EvidenceFile).values(values))


async def begin(
    session: AsyncSession, bus: EventBus, zone: ZoneInfo, row: Import, source: Source, now: datetime
) -> Applying:
    """Start applying: everything until the transaction ends belongs to one change set.

    Raises:
        IntakeSwitchedOff: a kill switch forbids changes by files.
        LockBusy: other applies took longer than our patience.
    """
    await take(session, Lock.INTAKE_APPLY, patience_ms=PATIENCE_MS)
    # the transaction waits while the next part is being read
    # a person may be editing one of the orders right now
    await session.execute(text(f"SET LOCAL lock_timeout = {ROW_PATIENCE_MS}"))
    await session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = {PATIENCE_MS}"))
    applying = Applying(session, bus, zone, source, row.id, row.dry_run, now)
    if row.dry_run:
        return applying
    if not await value_of(session, INTAKE_APPLY) or await value_of(session, READ_ONLY):
        raise IntakeSwitchedOff
    actor = Actor(ActorKind(row.actor_kind), row.actor_id, row.actor_name)
    deed = Deed("import.applied", f"import:{row.id}", data={"name": row.name, "source": source.name})
    applying.change_set_id = await audit.record(session, actor, deed, now)
    applying.file_id = int((await session.execute(text("SELECT nextval('evidence_files_id_seq')"))).scalar_one())
    return applying
