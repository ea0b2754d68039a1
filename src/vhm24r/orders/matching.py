"""Match statuses of orders, written in bulk by reconciliation (decisions 7, docs/adr/0015)."""

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.orders.types import MatchStatus
from vhm24r.platform.columns import Ints, write_columns
from vhm24r.platform.db import driver_connection, run_sql

FOUND = "found_statuses"
STATUSES = tuple(MatchStatus)
"""A status is its place here."""


async def write_match_statuses(
    session: AsyncSession, found: dict[str, Ints], explained: dict[int, tuple[list[str], str]], stood: dict[str, Ints]
) -> None:
    """Give orders their statuses. `found` and `stood` are what is so now and what stands written of the same days, each
    an `order_id` and a `status`, its place in STATUSES. Orders that are no longer found have none.

    `explained` are findings and reasons (as JSON) by order id; `stood` says which are `explained`.
    """
    gone = stood["order_id"][~np.isin(stood["order_id"], found["order_id"])]
    if len(gone):
        await run_sql(session, "DELETE FROM order_match_statuses WHERE order_id = ANY (:ids)", ids=gone.tolist())
    written = _written(found, explained, stood)
    if not len(written["order_id"]):
        return
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
    await write_columns(session, FOUND, written)
    connection = await driver_connection(session)
    async with connection.cursor() as cursor, cursor.copy("COPY found_reasons FROM STDIN") as copy:
        for order, (findings, reasons) in explained.items():
            await copy.write_row((order, findings, reasons))
    listed = ", ".join(f"'{name}'" for name in STATUSES)
    await run_sql(
        session,
        f"""
        INSERT INTO order_match_statuses AS s (order_id, match_status, findings, reasons)
        SELECT f.order_id, (ARRAY[{listed}]::text[])[f.status + 1], r.findings, r.reasons
        FROM {FOUND} f LEFT JOIN found_reasons r USING (order_id) ORDER BY f.order_id
        ON CONFLICT (order_id) DO UPDATE SET match_status = EXCLUDED.match_status, findings = EXCLUDED.findings,
            reasons = EXCLUDED.reasons
        WHERE (s.match_status, s.findings, s.reasons)
            IS DISTINCT FROM (EXCLUDED.match_status, EXCLUDED.findings, EXCLUDED.reasons)
        """,
    )


def _written(
    found: dict[str, Ints], explained: dict[int, tuple[list[str], str]], stood: dict[str, Ints]
) -> dict[str, Ints]:
    """Those found that may have to be written: all but those that stand written so, without a word more."""
    plain = (stood["explained"] == 0) & (stood["status"] >= 0)
    same = np.isin(_as_one(found), _as_one({name: stood[name][plain] for name in found}))
    same &= ~np.isin(found["order_id"], np.fromiter(explained, dtype=np.int64, count=len(explained)))
    return {name: column[~same] for name, column in found.items()}


def _as_one(statuses: dict[str, Ints]) -> Ints:
    """One number for an order and its status."""
    return statuses["order_id"] * len(STATUSES) + statuses["status"]
