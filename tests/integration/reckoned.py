"""What a reconciliation has found, in a form that two databases, or two ways to the same, can be compared by."""

from typing import Any

from sqlalchemy import text

from tests.conftest import NOW, SYSTEM
from tests.integration.standing import Rows, rows_of
from vhm24r.ops.process import Services
from vhm24r.reconciliation.service.requesting import ask_for_days
from vhm24r.reconciliation.service.running import Report, run_waiting

_RECORD = (
    "(SELECT f.id, f.source, f.account, f.external_id, f.occurrence FROM evidence_records f WHERE f.id = f.record_id)"
)

FOUND = {
    "matches": f"""
        SELECT r.source, r.account, r.external_id, r.occurrence, o.source_number, o.machine_code, m.role, m.kind,
            m.rule, m.confidence, m.interchangeable, m.seconds, m.ahead_s, m.margin_s
        FROM evidence_matches m JOIN {_RECORD} r ON r.id = m.record_id JOIN orders o ON o.id = m.order_id
        WHERE m.withdrawn_at IS NULL ORDER BY 1, 2, 3, 4, 5, 6""",
    "statuses": """
        SELECT o.source_number, o.machine_code, s.match_status, s.findings, s.reasons
        FROM order_match_statuses s JOIN orders o ON o.id = s.order_id WHERE o.withdrawn_at IS NULL ORDER BY 1, 2""",
    "outcomes": f"""
        SELECT r.source, r.account, r.external_id, r.occurrence, u.day, u.bucket, u.why, o.source_number
        FROM reconciliation_outcomes u JOIN {_RECORD} r ON r.id = u.record_id LEFT JOIN orders o ON o.id = u.order_id
        ORDER BY 1, 2, 3, 4""",
    "buckets": "SELECT * FROM reconciliation_buckets ORDER BY 1, 2, 3, 4, 5",
    "conservation": "SELECT * FROM reconciliation_conservation ORDER BY 1, 2, 3",
    "drift": "SELECT * FROM reconciliation_drift ORDER BY 1, 2, 3, 4",
    "clocks": """
        SELECT c.day, t.source, t.account, t.place, t.home, c.machine_code, c.ahead_s, c.records
        FROM reconciliation_clocks c LEFT JOIN reconciliation_terminals t ON t.id = c.terminal_id
        ORDER BY 1, 2, 3, 4, c.machine_code""",
    "exceptions": f"""
        SELECT e.type, o.source_number, o.machine_code, r.source, r.external_id, r.occurrence, e.day, e.amount,
            e.currency, e.occurred_at, e.reasons
        FROM reconciliation_exceptions e LEFT JOIN orders o ON o.id = e.order_id
        LEFT JOIN {_RECORD} r ON r.id = e.record_id WHERE e.present
        ORDER BY 1, 2, 3, 4, 5, 6, e.subject""",
    "payouts": """
        SELECT gateway, day, currency, gross, fee, difference, status FROM reconciliation_payouts ORDER BY 1, 2""",
    "collections": """
        SELECT machine_code, since, until, expected, collected, status FROM reconciliation_collections
        ORDER BY 1, 2, 3""",
}

DERIVED = (
    "reconciliation_outcomes", "reconciliation_buckets", "reconciliation_conservation", "reconciliation_drift",
    "reconciliation_clocks", "reconciliation_terminals", "reconciliation_coverage", "reconciliation_payouts",
    "reconciliation_collections", "reconciliation_exceptions", "order_match_statuses", "evidence_matches",
)  # fmt: skip
"""What runs can make anew from evidence and decisions."""


async def reconciled(services: Services) -> Report:
    """Settle what waits."""
    return await run_waiting(services.reconciler, SYSTEM)


async def found(services: Services) -> dict[str, Rows]:
    """Everything runs have found; ids and times of writing are no part of it."""
    return {name: await rows_of(services, statement) for name, statement in FOUND.items()}


async def found_anew(services: Services) -> dict[str, Rows]:
    """The same after everything derived is forgotten and made anew."""
    async with services.db.write() as session:
        for table in DERIVED:
            await session.execute(text(f"DELETE FROM {table}"))
        await ask_for_days(session, None, None, NOW)
    await reconciled(services)
    return await found(services)


async def status_of(services: Services, number: str) -> str | None:
    """The status of one order."""
    rows = await rows_of(
        services,
        "SELECT s.match_status FROM orders o LEFT JOIN order_match_statuses s ON s.order_id = o.id WHERE o.number = :n",
        n=number,
    )
    return rows[0]["match_status"] if rows else None


async def whys(services: Services) -> dict[str, tuple[str, str]]:
    """Bucket and reason of every record that proves no order, by its external id."""
    rows = await rows_of(
        services,
        "SELECT e.external_id, u.bucket, u.why"
        " FROM reconciliation_outcomes u JOIN evidence_records e ON e.id = u.record_id",
    )
    return {row["external_id"]: (row["bucket"], row["why"]) for row in rows}


async def exceptions(services: Services) -> list[dict[str, Any]]:
    """Open exceptions, with the number of their order or the external id of their record."""
    return await rows_of(
        services,
        "SELECT e.type, coalesce(o.number, r.external_id) AS of, e.amount, e.reasons FROM reconciliation_exceptions e"
        " LEFT JOIN orders o ON o.id = e.order_id LEFT JOIN evidence_records r ON r.id = e.record_id"
        " WHERE e.state = 'open' ORDER BY 1, 2",
    )


async def assert_conserved(services: Services) -> None:
    """All money that files state is in one of the buckets."""
    rows = await rows_of(
        services,
        "SELECT * FROM reconciliation_conservation WHERE (stated_rows, stated_amount) <> (kept_rows, kept_amount)",
    )
    assert rows == []
