"""What people have decided, as matches: written while both the record and the order stand, suspended while not."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.db import run_sql
from vhm24r.reconciliation.types import ROLES, DecisionKind, MatchKind, Rule

STANDING = f"""
    SELECT d.id, d.record_id, d.order_id, d.reason, d.author_id, d.author_name, e.source FROM reconciliation_decisions d
    JOIN evidence_records f ON f.id = d.record_id
    JOIN evidence_records e ON e.identity = f.identity AND e.record_id = d.record_id AND e.current
    JOIN orders o ON o.id = d.order_id AND o.withdrawn_at IS NULL
    WHERE d.kind = '{DecisionKind.MATCH}' AND d.released_at IS NULL
"""
"""Decisions that hold, and whose record and order both stand."""


async def suspend_by_hand(session: AsyncSession, now: datetime) -> None:
    """Matches by hand whose decision was taken back, or whose record or order does not stand, are none for now."""
    await run_sql(
        session,
        f"""
        UPDATE evidence_matches m SET withdrawn_at = :now
        WHERE m.kind = '{MatchKind.MANUAL}' AND m.withdrawn_at IS NULL AND NOT EXISTS (
            SELECT FROM ({STANDING}) d WHERE d.record_id = m.record_id AND d.order_id = m.order_id
        )
        """,
        now=now,
    )


async def write_by_hand(session: AsyncSession, change_set_id: int) -> None:
    """Matches of all decisions that hold."""
    roles = " ".join(f"WHEN '{source}' THEN '{role}'" for source, role in ROLES.items())
    await run_sql(
        session,
        f"""
        INSERT INTO evidence_matches (record_id, order_id, role, kind, rule, confidence, interchangeable, reasons,
            change_set_id)
        SELECT d.record_id, d.order_id, CASE d.source {roles} END, '{MatchKind.MANUAL}', '{Rule.BY_HAND}', 100, false,
            jsonb_build_array(jsonb_build_object(
                'code', 'by_hand', 'author_id', d.author_id, 'author', d.author_name, 'reason', d.reason
            )),
            :change_set_id
        FROM ({STANDING}) d WHERE NOT EXISTS (
            SELECT FROM evidence_matches m
            WHERE m.record_id = d.record_id AND m.order_id = d.order_id AND m.withdrawn_at IS NULL
        )
        """,
        change_set_id=change_set_id,
    )
