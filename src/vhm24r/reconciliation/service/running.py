"""Runs: what waits is taken, the days it concerns are settled, the money is counted, whoever listens is told.

One run at a time (an advisory lock); a request that comes meanwhile waits for the next one. Days are settled stretch by
stretch, each in a transaction of its own: a run that is stopped has settled some, and the requests are still there.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.evidence.types import SourceName
from vhm24r.kit.actor import Actor
from vhm24r.kit.clock import Clock
from vhm24r.platform.business_settings import values_of
from vhm24r.platform.db import Database
from vhm24r.platform.events import EventBus
from vhm24r.platform.locks import Lock, take
from vhm24r.reconciliation.bulk import everything_is_kept
from vhm24r.reconciliation.events import ReconciliationFinished
from vhm24r.reconciliation.models import ReconciliationRequest, ReconciliationRun
from vhm24r.reconciliation.reckoning.world import Limits
from vhm24r.reconciliation.repository import Span, day_of
from vhm24r.reconciliation.service import affected, rules
from vhm24r.reconciliation.service.by_hand import write_by_hand
from vhm24r.reconciliation.service.levels import settle_levels
from vhm24r.reconciliation.service.settling import Frame, Settled, recount, settle, snapshot
from vhm24r.reconciliation.service.terminals import moved_terminals, note_coverage, note_terminals, place_terminals

METHOD = 1
"""Raised whenever the same facts would be reckoned to something else: the next run then settles everything."""

STRETCH_ORDERS = 400_000
"""Orders to settle at once, about: as many as fit into memory many times over."""

STRETCH_DAYS = 62
PATIENCE_MS = 900_000
TRIES = 4
RACED = frozenset({"40001", "40P01"})
"""A person has changed the same row meanwhile: the same again will do."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciler:
    """What runs need."""

    db: Database
    bus: EventBus
    clock: Clock
    zone: ZoneInfo


@dataclass(slots=True)
class Report:
    """What a run did; `run_id` is None where nothing waited."""

    run_id: int | None = None
    days: set[int] = field(default_factory=set)
    orders: int = 0
    records: int = 0
    conserved: bool = True
    seconds: float = 0.0

    def add(self, settled: Settled) -> None:
        """Take in some settled days."""
        self.orders += settled.orders
        self.records += settled.records
        self.conserved &= settled.conserved


async def run_waiting(reconciler: Reconciler, actor: Actor) -> Report:
    """Settle all that waits, also what comes in meanwhile; the report of the last run that had something to do."""
    report = Report()
    async with reconciler.db.write() as guard:
        await guard.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await take(guard, Lock.RECONCILE, patience_ms=PATIENCE_MS)
        while True:
            async with reconciler.db.read() as session:
                waiting = list((await session.execute(select(ReconciliationRequest))).scalars())
            if not waiting and not await _is_stale(reconciler):
                return report
            report = await _run(reconciler, actor, waiting)


async def _is_stale(reconciler: Reconciler) -> bool:
    """Whether rules, or names of machines, are others than in the last run; without one nothing can be."""
    async with reconciler.db.read() as session:
        before = await _rules_before(session)
        if before is None:
            return False
        return before != (await rules_in_force(session, reconciler.zone))[2] or bool(await moved_terminals(session))


async def _rules_before(session: AsyncSession) -> dict[str, Any] | None:
    """The rules of the last run, if there was one."""
    last = select(ReconciliationRun.rules).order_by(ReconciliationRun.id.desc()).limit(1)
    return (await session.execute(last)).scalar_one_or_none()


async def _run(reconciler: Reconciler, actor: Actor, requests: list[ReconciliationRequest]) -> Report:
    """One run over some requests, which are then done with."""
    started, clock = reconciler.clock.now(), time.perf_counter()
    frame, days, repeated, in_force = await _prepare(reconciler, actor, requests)
    report = Report(days=days)
    settled: set[int] = set()
    while left := days - settled:
        first, last = affected.stretches(left, frame.most_days)[0]
        done = await _settled(reconciler, frame, first, last, days)
        settled |= set(range(first, last + 1))
        days |= done.unsettled
        report.add(done)
    for first, last in affected.stretches(repeated - days, frame.most_days):
        async with reconciler.db.write() as session:
            await snapshot(session)
            adds_up = await recount(session, Span.of(first, last, reconciler.zone))
            report.conserved &= adds_up or await _others_wait(session, requests)
    async with reconciler.db.write() as session:
        await write_by_hand(session, frame.change_set_id)
        await settle_levels(session, reconciler.zone, days)
        report.conserved &= await everything_is_kept(session, [request.id for request in requests])
        row = ReconciliationRun(
            started_at=started,
            finished_at=reconciler.clock.now(),
            actor_id=actor.id,
            actor_name=actor.name,
            days=len(days),
            day_from=day_of(min(days)) if days else None,
            day_to=day_of(max(days)) if days else None,
            orders=report.orders,
            records=report.records,
            conserved=report.conserved,
            rules=in_force,
        )
        session.add(row)
        await session.flush()
        done_with = [request.id for request in requests]
        await session.execute(delete(ReconciliationRequest).where(ReconciliationRequest.id.in_(done_with)))
        await reconciler.bus.publish(session, ReconciliationFinished(row.id, len(days), report.conserved))
        report.run_id = row.id
    report.seconds = time.perf_counter() - clock
    if not report.conserved:
        log.error("reconciliation.not_conserved", run_id=report.run_id)
    log.info("reconciliation.finished", run_id=report.run_id, days=len(days), orders=report.orders)
    return report


async def _prepare(
    reconciler: Reconciler, actor: Actor, requests: list[ReconciliationRequest]
) -> tuple[Frame, set[int], set[int], dict[str, Any]]:
    """What all days of a run share, which days those are, of which days files only repeat what is known, the rules."""
    zone = reconciler.zone.key
    async with reconciler.db.write() as session:
        deed = Deed("reconciliation.run", "reconciliation", data={"requests": len(requests)})
        change_set_id = await audit.record(session, actor, deed, reconciler.clock.now())
        limits, gross, in_force = await rules_in_force(session, reconciler.zone)
        before = await _rules_before(session)
        asked = await affected.days_of_requests(session, requests, zone)
        if before is None or before.get("days") != in_force["days"]:
            asked.settle |= await affected.all_days(session, zone)
        days = asked.settle | await affected.days_of_conflicts(session, zone)
        await note_coverage(session)
        if days:
            await note_terminals(session, zone, (day_of(min(days)), day_of(max(days))))
        found = await affected.days_of_decisions(session, zone)
        found |= await affected.days_of_terminals(session, await place_terminals(session))
        requests += await _written_down(session, found - days, reconciler.clock.now())
        days |= found
        most_days = await _days_at_once(session, days, reconciler.zone)
    frame = Frame(reconciler.zone, limits, gross, change_set_id, most_days, reconciler.clock.now())
    return frame, days, asked.recount, in_force


async def _written_down(session: AsyncSession, days: set[int], now: datetime) -> list[ReconciliationRequest]:
    """Days that this run has found for itself, as requests: should it die, nobody would find them again."""
    rows = [
        ReconciliationRequest(day_from=day_of(first), day_to=day_of(last), requested_at=now)
        for first, last in affected.stretches(days, STRETCH_DAYS)
    ]
    session.add_all(rows)
    await session.flush()
    return rows


async def _others_wait(session: AsyncSession, requests: list[ReconciliationRequest]) -> bool:
    """Whether something has changed meanwhile, which the next run will settle."""
    mine = [request.id for request in requests]
    others = select(ReconciliationRequest.id).where(ReconciliationRequest.id.not_in(mine)).limit(1)
    return (await session.execute(others)).first() is not None


async def _days_at_once(session: AsyncSession, days: set[int], zone: ZoneInfo) -> int:
    """How many days to settle at once, by how many orders they have on average."""
    if not days:
        return STRETCH_DAYS
    dated = "coalesce(occurred_at, '1970-01-01 00:00:00+00'::timestamptz)"
    statement = text(f"SELECT count(*) FROM orders WHERE {dated} >= :start AND {dated} < :end")
    span = Span.of(min(days), max(days), zone)
    params = {"start": span.start, "end": span.end}
    orders = int((await session.execute(statement, params)).scalar_one())
    return max(1, min(STRETCH_DAYS, STRETCH_ORDERS * len(days) // max(orders, 1)))


async def rules_in_force(session: AsyncSession, zone: ZoneInfo) -> tuple[Limits, frozenset[SourceName], dict[str, Any]]:
    """The rules as limits, which gateways' amounts contain their commission, and all that results depend on."""
    values = await values_of(session, rules.RULES)
    limits = Limits(
        used={source: bool(values[setting.key]) for source, setting in rules.USED.items()},
        window_s={source: int(values[setting.key]) for source, setting in rules.WINDOW_S.items()},
        sale_window_s=int(values[rules.SALE_WINDOW_S.key]),
        margin_s=int(values[rules.MARGIN_S.key]),
        return_within_s=int(values[rules.RETURN_WITHIN_S.key]),
        card_receipts=bool(values[rules.CARD_RECEIPTS.key]),
    )
    gross = frozenset(source for source, setting in rules.GROSS.items() if values[setting.key])
    of_days = {rule.key: values[rule.key] for rule in rules.OF_DAYS}
    of_levels = {rule.key: values[rule.key] for rule in rules.OF_LEVELS}
    return limits, gross, {"days": {"method": METHOD, "zone": zone.key, **of_days}, "levels": of_levels}


async def _settled(reconciler: Reconciler, frame: Frame, first: int, last: int, days: set[int]) -> Settled:
    """Settle some days; should a person have touched the same exception meanwhile, once more."""
    for _ in range(TRIES - 1):
        try:
            return await _attempt(reconciler, frame, first, last, days)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in RACED:
                raise
    return await _attempt(reconciler, frame, first, last, days)


async def _attempt(reconciler: Reconciler, frame: Frame, first: int, last: int, days: set[int]) -> Settled:
    async with reconciler.db.write() as session:
        await snapshot(session)
        return await settle(session, frame, first, last, days)
