"""Which business days a run must settle: those of all that has changed since the last one.

A file changes the days of what it states anew, of the orders its rows name, and the days it alone covers of its source.
Days are numbers since 1970.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.types import Outcome
from vhm24r.platform.db import AnyRow
from vhm24r.reconciliation.models import ReconciliationRequest
from vhm24r.reconciliation.repository import RUNS_READ, day_number, load_conflicts
from vhm24r.reconciliation.service.by_hand import STANDING
from vhm24r.reconciliation.types import MatchKind

Days = set[int]

REPEATING = f"('{Outcome.UNCHANGED}', '{Outcome.DUPLICATE}')"
"""Outcomes of rows that state what is stated already."""

OLD_DAYS = "('occurred_at')"
"""Fields whose earlier values say on which day an order lay before; one that had none lay on the first of all."""

FEW_DAYS = 62
"""Of more days that somebody wishes only those on which there is something."""


@dataclass(slots=True)
class Affected:
    """Days to settle, and days of which files only repeat what is known: nothing follows from that, but their rows are
    in a bucket, too.
    """

    settle: Days = field(default_factory=set)
    recount: Days = field(default_factory=set)


async def days_of_requests(session: AsyncSession, requests: Sequence[ReconciliationRequest], zone: str) -> Affected:
    """The days that some requests are about."""
    days = Affected()
    files = [request.file_id for request in requests if request.file_id is not None]
    if files:
        await _add_days_of_files(session, files, zone, days)
    for request in requests:
        if request.file_id is None:
            days.settle |= await _days_of_request(session, request, zone)
    return days


async def _days_of_request(session: AsyncSession, request: ReconciliationRequest, zone: str) -> Days:
    """The days of one that is not about a file."""
    if request.change_set_id is not None:
        return await _days_of_change_set(session, request.change_set_id, zone)
    if request.day_from is None or request.day_to is None:
        return await all_days(session, zone)
    wished = range(day_number(request.day_from), day_number(request.day_to) + 1)
    return set(wished) if len(wished) <= FEW_DAYS else set(wished) & await all_days(session, zone)


async def _add_days_of_files(session: AsyncSession, files: list[int], zone: str, days: Affected) -> None:
    """Records that the files state, or stated, other than as they were, their other versions, and their coverage.

    A record that names an order is of its order's day. A statement is ascribed to the file that made it stand, whether
    or not its order took anything from it.
    """
    orders = (
        "SELECT o.occurred_at, {repeats} FROM orders o WHERE o.id = ANY (ARRAY(SELECT order_id FROM said WHERE {only}))"
    )
    rows = await session.execute(
        text(
            f"""
            WITH said AS MATERIALIZED (
                SELECT e.order_id, e.occurred_at,
                    NOT f.withdrawn AND s.outcome IN {REPEATING} AND e.file_id <> f.id AS repeats
                FROM {RUNS_READ} JOIN evidence_files f ON f.id = s.file_id WHERE s.file_id = ANY (:files)
            )
            SELECT DISTINCT (occurred_at AT TIME ZONE :zone)::date AS day, repeats FROM (
                SELECT occurred_at, repeats FROM said WHERE order_id IS NULL
                UNION ALL {orders.format(repeats="false", only="NOT repeats")}
                UNION ALL {orders.format(repeats="true", only="repeats")}
            ) facts
            """
        ),
        {"zone": zone, "files": files},
    )
    found = rows.all()
    days.recount |= _numbers(row for row in found if row.repeats)
    days.settle |= _numbers(row for row in found if not row.repeats)
    days.settle |= await _days_covered_by(session, files) | await _days_before(session, files, zone)


async def _days_before(session: AsyncSession, files: list[int], zone: str) -> Days:
    """Days of the other versions of records that the files did not state first."""
    rows = await session.execute(
        text(
            f"""
            SELECT DISTINCT (v.occurred_at AT TIME ZONE :zone)::date AS day
            FROM {RUNS_READ} CROSS JOIN LATERAL (
                SELECT r.occurred_at FROM evidence_records r WHERE r.identity = e.identity AND r.id <> e.id OFFSET 0
            ) v WHERE s.file_id = ANY (:files) AND e.order_id IS NULL AND (e.id <> e.record_id OR s.outcome <> 'new')
            """
        ),
        {"zone": zone, "files": files},
    )
    return _numbers(rows.all())


async def _days_covered_by(session: AsyncSession, files: list[int]) -> Days:
    """Days that a file alone covers of its source; of registers, as each has its own, all it covers."""
    rows = await session.execute(
        text(
            """
            SELECT DISTINCT d::date AS day FROM evidence_files f
            CROSS JOIN LATERAL generate_series(f.covers_from::timestamp, f.covers_to, '1 day') d
            WHERE f.id = ANY (:files) AND NOT EXISTS (
                SELECT FROM evidence_files g WHERE g.id <> f.id AND NOT g.withdrawn AND g.source = f.source
                    AND f.source <> 'fiscal' AND d BETWEEN g.covers_from AND g.covers_to
                    -- one that is as new as this one has covered nothing before, either
                    AND NOT EXISTS (SELECT FROM reconciliation_requests q WHERE q.file_id = g.id)
            )
            """
        ),
        {"files": files},
    )
    return _numbers(rows.all())


async def _days_of_change_set(session: AsyncSession, change_set_id: int, zone: str) -> Days:
    """Orders that came or changed, and where they lay before."""
    rows = await session.execute(
        text(
            f"""
            SELECT DISTINCT (at AT TIME ZONE :zone)::date AS day FROM (
                SELECT o.occurred_at AS at FROM order_changes c JOIN orders o ON o.id = c.order_id
                WHERE c.change_set_id = :change_set_id
                UNION ALL
                SELECT o.occurred_at FROM order_creations c
                JOIN orders o ON o.id >= c.order_id AND o.id < c.order_id + c.length
                WHERE c.change_set_id = :change_set_id
                UNION ALL
                SELECT c.old::timestamptz FROM order_changes c
                WHERE c.change_set_id = :change_set_id AND c.field IN {OLD_DAYS}
            ) facts
            """
        ),
        {"zone": zone, "change_set_id": change_set_id},
    )
    return _numbers(rows.all())


async def days_of_conflicts(session: AsyncSession, zone: str) -> Days:
    """Days of orders that have come into a conflict of numbers, or out of one, since they were settled."""
    now = set(await load_conflicts(session))
    said = await session.execute(
        text("SELECT order_id FROM order_match_statuses WHERE match_status = 'number_conflict'")
    )
    differing = now ^ {int(row.order_id) for row in said.all()}
    if not differing:
        return set()
    rows = await session.execute(
        text(
            "SELECT DISTINCT (occurred_at AT TIME ZONE :zone)::date AS day FROM orders"
            " WHERE id = ANY (:ids) AND withdrawn_at IS NULL AND status <> 'cancelled'"
        ),
        {"zone": zone, "ids": sorted(differing)},
    )
    return _numbers(rows.all())


async def days_of_decisions(session: AsyncSession, zone: str) -> Days:
    """Days of both sides of pairs by hand that hold and are not written, or are written and do not hold."""
    rows = await session.execute(
        text(
            f"""
            WITH holds AS (SELECT record_id, order_id FROM ({STANDING}) d),
            written AS (
                SELECT record_id, order_id FROM evidence_matches
                WHERE kind = '{MatchKind.MANUAL}' AND withdrawn_at IS NULL
            ), differing AS (
                (SELECT * FROM holds EXCEPT SELECT * FROM written)
                UNION ALL (SELECT * FROM written EXCEPT SELECT * FROM holds)
            )
            SELECT (o.occurred_at AT TIME ZONE :zone)::date AS day FROM differing JOIN orders o ON o.id = order_id
            UNION
            SELECT (e.occurred_at AT TIME ZONE :zone)::date FROM differing
            JOIN evidence_records f ON f.id = differing.record_id JOIN evidence_records e ON e.identity = f.identity
            """
        ),
        {"zone": zone},
    )
    return _numbers(rows.all())


async def days_of_terminals(session: AsyncSession, terminals: Iterable[int]) -> Days:
    """Days on which some terminals were at work."""
    rows = await session.execute(
        text("SELECT DISTINCT day FROM reconciliation_clocks WHERE terminal_id = ANY (:ids)"), {"ids": list(terminals)}
    )
    return _numbers(rows.all())


async def all_days(session: AsyncSession, zone: str) -> Days:
    """Every day on which there is a fact, or was one."""
    rows = await session.execute(
        text(
            """
            SELECT DISTINCT (occurred_at AT TIME ZONE :zone)::date AS day FROM orders WHERE withdrawn_at IS NULL
            UNION SELECT DISTINCT (occurred_at AT TIME ZONE :zone)::date FROM evidence_records
            WHERE order_id IS NULL AND current
            UNION SELECT day FROM reconciliation_buckets
            """
        ),
        {"zone": zone},
    )
    return _numbers(rows.all())


def _numbers(rows: Iterable[AnyRow]) -> Days:
    return {day_number(row.day) if row.day is not None else 0 for row in rows}


def stretches(days: Days, most: int) -> list[tuple[int, int]]:
    """Days as stretches without gaps, first and last, none longer than `most`."""
    if not days:
        return []
    ordered = np.array(sorted(days))
    found: list[tuple[int, int]] = []
    for stretch in np.split(ordered, np.flatnonzero(np.diff(ordered) > 1) + 1):
        found += [(int(part[0]), int(part[-1])) for part in np.split(stretch, range(most, len(stretch), most))]
    return found
