"""Set-based writing of what a run has found, a span of days at a time.

What is derived of a day is deleted and written anew; exceptions are brought up to date, because people work on them.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.platform.columns import Ints, write_columns
from vhm24r.platform.db import driver_connection, run_sql
from vhm24r.reconciliation.reckoning.documents import WHYS
from vhm24r.reconciliation.reckoning.outcomes import BUCKET_OF
from vhm24r.reconciliation.repository import Span, day_of
from vhm24r.reconciliation.types import ExceptionState, Outcome

Rows = Iterable[Sequence[Any]]


async def copy_rows(session: AsyncSession, table: str, columns: Sequence[str], rows: Rows) -> None:
    """Append rows to a table; names are constants."""
    connection = await driver_connection(session)
    async with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            await copy.write_row(row)


async def rewrite_days(session: AsyncSession, table: str, span: Span, columns: Sequence[str], rows: Rows) -> None:
    """Put rows in place of all that a table has of the span's days."""
    days = {"first": day_of(span.first), "last": day_of(span.last)}
    await run_sql(session, f"DELETE FROM {table} WHERE day BETWEEN :first AND :last", **days)
    await copy_rows(session, table, columns, rows)


async def write_outcomes(session: AsyncSession, span: Span, columns: dict[str, Ints]) -> None:
    """Records of the span that prove no order: `record_id`, `day`, `why` and `order_id` (-1 for none)."""
    await run_sql(
        session,
        "CREATE TEMP TABLE IF NOT EXISTS found_outcomes"
        " (record_id bigint, day bigint, why bigint, order_id bigint) ON COMMIT DELETE ROWS",
    )
    await run_sql(session, "TRUNCATE found_outcomes")
    await write_columns(session, "found_outcomes", columns)
    await run_sql(
        session,
        "DELETE FROM reconciliation_outcomes WHERE day BETWEEN :first AND :last"
        " OR record_id IN (SELECT record_id FROM found_outcomes)",
        first=day_of(span.first),
        last=day_of(span.last),
    )
    whys = ", ".join(f"'{why}'" for why in WHYS)
    buckets = ", ".join(f"'{BUCKET_OF[why]}'" for why in WHYS)
    await run_sql(
        session,
        f"""
        INSERT INTO reconciliation_outcomes (record_id, day, bucket, why, order_id)
        SELECT record_id, '1970-01-01'::date + day::int, (ARRAY[{buckets}]::text[])[why + 1],
            (ARRAY[{whys}]::text[])[why + 1], nullif(order_id, -1)
        FROM found_outcomes
        """,
    )


EXCEPTION_COLUMNS = (
    "type", "subject", "day", "order_id", "record_id", "source", "machine_code", "amount", "currency", "occurred_at",
    "reasons",
)  # fmt: skip


SETTLING = ("outcome", "outcome_reason", "resolved_by_id", "resolved_by", "resolved_at")


async def write_exceptions(session: AsyncSession, condition: str, rows: Rows, **params: object) -> None:
    """Bring exceptions up to date. `condition` says which of the standing ones the rows are all of.

    One that is no longer there is gone, unless a person settled it; one that comes back is open again, unless a person
    settled it. What people said of it stays in either case. One that was settled by matching is open again if it is
    there all the same: what it was matched with does not stand any more.
    """
    shape = ", ".join(f"found.{name}" for name in EXCEPTION_COLUMNS)
    await run_sql(
        session,
        "CREATE TEMP TABLE IF NOT EXISTS found_exceptions (LIKE reconciliation_exceptions) ON COMMIT DELETE ROWS",
    )
    await run_sql(session, "TRUNCATE found_exceptions")
    for name in ("id", "present", "state"):
        await run_sql(session, f"ALTER TABLE found_exceptions ALTER COLUMN {name} DROP NOT NULL")
    await copy_rows(session, "found_exceptions", EXCEPTION_COLUMNS, rows)
    await run_sql(session, "ANALYZE found_exceptions (type, subject)")
    await run_sql(
        session,
        f"""
        UPDATE reconciliation_exceptions e SET present = false,
            state = CASE WHEN e.state = '{ExceptionState.OPEN}' THEN '{ExceptionState.GONE}' ELSE e.state END
        WHERE e.present AND {condition} AND NOT EXISTS (
            SELECT FROM found_exceptions f WHERE f.type = e.type AND f.subject = e.subject
        )
        """,
        **params,
    )
    undone = f"(e.state = '{ExceptionState.RESOLVED}' AND e.outcome = '{Outcome.MATCHED}')"
    changed = ", ".join(f"{name} = EXCLUDED.{name}" for name in EXCEPTION_COLUMNS[2:])
    same = ", ".join(f"e.{name}" for name in EXCEPTION_COLUMNS[2:])
    new = ", ".join(f"EXCLUDED.{name}" for name in EXCEPTION_COLUMNS[2:])
    await run_sql(
        session,
        f"""
        INSERT INTO reconciliation_exceptions AS e ({", ".join(EXCEPTION_COLUMNS)}, present, state)
        SELECT {shape}, true, '{ExceptionState.OPEN}' FROM found_exceptions found
        ON CONFLICT (type, subject) DO UPDATE SET {changed}, present = true,
            state = CASE WHEN e.state = '{ExceptionState.GONE}' OR {undone} THEN '{ExceptionState.OPEN}'
                ELSE e.state END,
            {", ".join(f"{name} = CASE WHEN {undone} THEN NULL ELSE e.{name} END" for name in SETTLING)}
        WHERE NOT e.present OR {undone} OR ({same}) IS DISTINCT FROM ({new})
        """,
    )


async def everything_is_kept(session: AsyncSession, mine: Sequence[int]) -> bool:
    """Whether as many rows are counted, day by day, as all live files have: none is on two days, or on none.

    While requests other than `mine` wait there is nothing to say. One statement, so of one moment.
    """
    statement = text(
        """
        WITH told AS (
            SELECT f.source, sum(s.length) AS many FROM evidence_sightings s
            JOIN evidence_files f ON f.id = s.file_id AND NOT f.withdrawn GROUP BY 1
        ), kept AS (SELECT source, sum(stated_rows) AS many FROM reconciliation_conservation GROUP BY 1)
        SELECT source FROM told FULL JOIN kept USING (source)
        WHERE coalesce(told.many, 0) <> coalesce(kept.many, 0)
            AND NOT EXISTS (SELECT FROM reconciliation_requests WHERE id <> ALL (:mine))
        """
    )
    return (await session.execute(statement, {"mine": list(mine)})).first() is None
