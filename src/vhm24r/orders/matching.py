"""Match statuses of orders, written in bulk by reconciliation (decisions 7, docs/adr/0015)."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.orders.models import SORTED_AT
from vhm24r.orders.types import MatchStatus
from vhm24r.platform.columns import Ints, write_columns
from vhm24r.platform.db import driver_connection, run_sql

FOUND = "found_statuses"
STATUSES = tuple(MatchStatus)
"""A status is its place here."""


async def write_match_statuses(
    session: AsyncSession,
    start: datetime,
    end: datetime,
    order_id: Ints,
    status: Ints,
    explained: dict[int, tuple[list[str], str]],
) -> int:
    """Give orders from `start` to `end` these statuses, and every other order of that time none.

    `status` are places in STATUSES; `explained` are findings and reasons (as JSON) by order id. Returns how many orders
    have another status, or other reasons, than before.
    """
    names = ("order_id", "status")
    await run_sql(
        session,
        f"CREATE TEMP TABLE IF NOT EXISTS {FOUND} (order_id bigint, status bigint) ON COMMIT DELETE ROWS",
    )
    await run_sql(
        session,
        "CREATE TEMP TABLE IF NOT EXISTS found_reasons"
        " (order_id bigint, findings text[], reasons jsonb) ON COMMIT DELETE ROWS",
    )
    await run_sql(session, f"TRUNCATE {FOUND}, found_reasons")
    await write_columns(session, FOUND, dict(zip(names, (order_id, status), strict=True)))
    connection = await driver_connection(session)
    async with connection.cursor() as cursor, cursor.copy("COPY found_reasons FROM STDIN") as copy:
        for order, (findings, reasons) in explained.items():
            await copy.write_row((order, findings, reasons))
    await run_sql(session, f"ANALYZE {FOUND}")
    await run_sql(
        session,
        f"""
        DELETE FROM order_match_statuses s USING orders o
        WHERE o.id = s.order_id AND {SORTED_AT} >= :start AND {SORTED_AT} < :end
            AND NOT EXISTS (SELECT FROM {FOUND} f WHERE f.order_id = s.order_id)
        """,
        start=start,
        end=end,
    )
    listed = ", ".join(f"'{name}'" for name in STATUSES)
    return await run_sql(
        session,
        f"""
        INSERT INTO order_match_statuses AS s (order_id, match_status, findings, reasons)
        SELECT f.order_id, (ARRAY[{listed}]::text[])[f.status + 1], r.findings, r.reasons
        FROM {FOUND} f LEFT JOIN found_reasons r USING (order_id)
        ON CONFLICT (order_id) DO UPDATE SET match_status = EXCLUDED.match_status, findings = EXCLUDED.findings,
            reasons = EXCLUDED.reasons
        WHERE (s.match_status, s.findings, s.reasons)
            IS DISTINCT FROM (EXCLUDED.match_status, EXCLUDED.findings, EXCLUDED.reasons)
        """,
    )
