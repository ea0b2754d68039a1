"""Set-based writing of matches. Those made by rules are derived: they are replaced, not kept."""

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.types import Role
from vhm24r.platform.columns import Ints, write_columns
from vhm24r.platform.db import run_sql

MATCH_COLUMNS = (
    "record_id",
    "order_id",
    "role",
    "rule",
    "confidence",
    "interchangeable",
    "seconds",
    "ahead_s",
    "margin_s",
)
FOUND = "found_matches"


async def replace_matches(
    session: AsyncSession, gone: Ints, found: dict[str, Ints], rules: tuple[str, ...], change_set_id: int
) -> None:
    """Delete the matches of some ids and write new ones, with the columns of MATCH_COLUMNS; a rule is its place in
    `rules`, a role its place among all.
    """
    if len(gone):
        await run_sql(session, "DELETE FROM evidence_matches WHERE id = ANY (:ids)", ids=gone.tolist())
    if not len(found["record_id"]):
        return
    names = ", ".join(f"{name} bigint" for name in MATCH_COLUMNS)
    await run_sql(session, f"CREATE TEMP TABLE IF NOT EXISTS {FOUND} ({names}) ON COMMIT DELETE ROWS")
    await run_sql(session, f"TRUNCATE {FOUND}")
    await write_columns(session, FOUND, {name: found[name] for name in MATCH_COLUMNS})
    roles = ", ".join(f"'{role}'" for role in Role)
    listed = ", ".join(f"'{rule}'" for rule in rules)
    await run_sql(
        session,
        f"""
        INSERT INTO evidence_matches (record_id, order_id, role, kind, rule, confidence, interchangeable, seconds,
            ahead_s, margin_s, change_set_id)
        SELECT record_id, order_id, (ARRAY[{roles}]::text[])[role + 1], 'auto', (ARRAY[{listed}]::text[])[rule + 1],
            confidence, interchangeable = 1, seconds, ahead_s, margin_s, :change_set_id
        FROM {FOUND} ORDER BY record_id
        """,
        change_set_id=change_set_id,
    )
