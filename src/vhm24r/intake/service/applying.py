"""Applying a staged file: diff, then evidence, orders, history and events in one transaction."""

from datetime import datetime
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
from vhm24r.intake import repository
from vhm24r.intake.errors import IntakeSwitchedOff
from vhm24r.intake.events import ImportApplied
from vhm24r.intake.models import Import
from vhm24r.intake.staging import Staged
from vhm24r.intake.types import IMPORT, ImportStatus
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.clock import Clock, business_day
from vhm24r.orders import bulk as orders
from vhm24r.orders.events import OrdersChanged
from vhm24r.orders.types import OrderStatus
from vhm24r.platform import metrics
from vhm24r.platform.business_settings import value_of
from vhm24r.platform.db import run_sql
from vhm24r.platform.events import EventBus
from vhm24r.platform.flags import INTAKE_APPLY, READ_ONLY
from vhm24r.platform.locks import Lock, take

PATIENCE_MS = 600_000
"""Applies queue behind one lock; each takes seconds, a queue of large files a few minutes."""


async def apply_staged(
    session: AsyncSession, bus: EventBus, zone: ZoneInfo, import_id: int, staged: Staged, clock: Clock
) -> None:
    """Compare the staged rows with what is known and write the difference; a dry run only compares.

    Raises:
        IntakeSwitchedOff: a kill switch forbids changes by files.
        LockBusy: other applies took longer than our patience.
    """
    staging = Staging(import_id)
    source = staged.reading.source
    await take(session, Lock.INTAKE_APPLY, patience_ms=PATIENCE_MS)
    row = await repository.get_import(session, import_id, for_update=True)
    if not row.dry_run and not (await value_of(session, INTAKE_APPLY) and not await value_of(session, READ_ONLY)):
        raise IntakeSwitchedOff
    await run_sql(session, f"ANALYZE {staging.table} (identity, content, order_number)")
    await orders.resolve(session, staging, makes_orders=source.makes_orders, irregular=staged.irregular)
    await orders.fold(session, source=source.name)
    await orders.diff(session)
    await _count(session, row, staged)
    row.effect = await _effect(session)
    IMPORT.check(ImportStatus(row.status), ImportStatus.CHECKED)
    row.status = ImportStatus.CHECKED
    if not row.dry_run:
        await _write(session, bus, zone, row, staged, clock.now())
    final = ImportStatus.DRY_RUN if row.dry_run else ImportStatus.APPLIED
    IMPORT.check(ImportStatus(row.status), final)
    row.status, row.phase, row.finished_at = final, None, clock.now()
    row.error_code, row.error_params = None, None
    await evidence.drop_staging(session, staging)
    await session.flush()


async def _write(
    session: AsyncSession, bus: EventBus, zone: ZoneInfo, row: Import, staged: Staged, now: datetime
) -> None:
    source = staged.reading.source
    actor = Actor(ActorKind(row.actor_kind), row.actor_id, row.actor_name)
    counts = {"new": row.rows_new, "filled": row.rows_filled, "changed": row.rows_changed}
    deed = Deed("import.applied", f"import:{row.id}", data={"name": row.name, "source": source.name, **counts})
    change_set = await audit.record(session, actor, deed, now)
    file_id = await _add_file(session, row, staged, change_set, zone, now)
    row.file_id, row.change_set_id = file_id, change_set
    await evidence.append_versions(session, file_id=file_id, source=source.name)
    await evidence.revive_versions(session, file_id=file_id)
    await evidence.elect_current(session)
    await evidence.append_sightings(session, file_id=file_id)
    await orders.apply(
        session, source=source.name, change_set_id=change_set, file_id=file_id, status=OrderStatus.RECORDED
    )
    await session.flush()
    await bus.publish(session, RecordsChanged(change_set, file_id))
    await bus.publish(session, OrdersChanged(change_set))
    await bus.publish(session, ImportApplied(change_set, row.id))


async def _add_file(
    session: AsyncSession, row: Import, staged: Staged, change_set: int, zone: ZoneInfo, now: datetime
) -> int:
    reading = staged.reading
    span = (
        await session.execute(text(f"SELECT min(occurred_at), max(occurred_at) FROM {Staging(row.id).table}"))
    ).one()
    values = {
        "import_id": row.id,
        "change_set_id": change_set,
        "name": row.name,
        "member": None,
        "sheets": reading.sheets,
        "sha256": row.sha256,
        "content_hash": reading.content_hash,
        "format": reading.format,
        "source": reading.source.name,
        "rows": reading.counts.staged,
        "covers_from": business_day(span[0], zone) if span[0] else None,
        "covers_to": business_day(span[1], zone) if span[1] else None,
        "applied_at": now,
        "withdrawn": False,
    }
    return int((await session.execute(insert(EvidenceFile).values(values).returning(EvidenceFile.id))).scalar_one())


async def _count(session: AsyncSession, row: Import, staged: Staged) -> None:
    """Rows by what they brought (contract: `rows`)."""
    found = await session.execute(text("SELECT outcome, count(*) FROM outcomes GROUP BY outcome"))
    by_outcome = {outcome: int(count) for outcome, count in found.all()}
    row.rows_new = by_outcome.get(Outcome.NEW, 0)
    row.rows_filled = by_outcome.get(Outcome.FILLED, 0)
    row.rows_changed = by_outcome.get(Outcome.CHANGED, 0)
    row.rows_unchanged = by_outcome.get(Outcome.UNCHANGED, 0)
    for outcome, count in by_outcome.items():
        metrics.import_rows_total.labels(staged.reading.source.name, outcome).inc(count)
    metrics.import_rows_total.labels(staged.reading.source.name, "issue").inc(staged.reading.counts.issues)


async def _effect(session: AsyncSession) -> dict[str, Any]:
    """Orders by what happens to them, and the money that appears or moves (minor units)."""
    orders_found = await session.execute(
        text(
            """
            SELECT (SELECT count(*) FROM placed WHERE new_order),
                   count(*) FILTER (WHERE NOT changed), count(*) FILTER (WHERE changed)
            FROM (SELECT bool_or(kind = 'changed') AS changed FROM order_diff GROUP BY order_id) d
            """
        )
    )
    new, filled, changed = orders_found.one()
    added = await session.execute(
        text(
            """
            SELECT currency, sum(amount)::bigint AS amount, count(*) FROM stated
            WHERE number IS NOT NULL AND payment_method IS DISTINCT FROM 'test' GROUP BY currency
            """
        )
    )
    moved = await session.execute(
        text(
            """
            SELECT f.currency, sum(f.amount - coalesce(o.amount, 0))::bigint, count(*) FROM order_diff d
            JOIN folded f USING (order_id) JOIN orders o ON o.id = d.order_id
            WHERE d.field = 'amount' GROUP BY f.currency
            """
        )
    )
    return {
        "orders": {"new": int(new), "filled": int(filled), "changed": int(changed)},
        "money_new": [[currency, int(amount or 0), int(count)] for currency, amount, count in added.all()],
        "money_changed": [[currency, int(amount or 0), int(count)] for currency, amount, count in moved.all()],
    }
