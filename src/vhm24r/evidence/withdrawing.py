"""Set-based withdrawal of files: what no other file says any more stops standing. Nothing is deleted."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.bulk import elect_current, sighted
from vhm24r.platform.db import fill, run_sql


async def withdraw_files(session: AsyncSession, file_ids: Sequence[int]) -> int:
    """Withdraw the files; returns how many statements fell with them.

    Leaves `stated`, shaped as the fold and the election want it: every statement of these files.
    """
    files = list(file_ids)
    await run_sql(session, "UPDATE evidence_files SET withdrawn = true WHERE id = ANY (:files)", files=files)
    await fill(
        session,
        "said",
        f"""
        SELECT DISTINCT version_id FROM {sighted("file_id = ANY (:files)")} s
        """,
        files=files,
    )
    await run_sql(session, "ANALYZE said")
    nearby = (
        "version_id <= (SELECT max(version_id) FROM said) AND version_id + length > (SELECT min(version_id) FROM said)"
    )
    await fill(
        session,
        "elsewhere",
        f"""
        SELECT DISTINCT ON (s.version_id) s.version_id, s.file_id, s.sheet, s."row"
        FROM {sighted(nearby)} s JOIN said USING (version_id)
        JOIN evidence_files f ON f.id = s.file_id AND NOT f.withdrawn
        ORDER BY s.version_id, f.import_id DESC, s.file_id DESC, s.position DESC
        """,
    )
    await run_sql(session, "ANALYZE elsewhere")
    await run_sql(
        session,
        """
        UPDATE evidence_records e SET file_id = w.file_id, sheet = w.sheet, "row" = w."row"
        FROM elsewhere w WHERE w.version_id = e.id AND e.file_id = ANY (:files)
        """,
        files=files,
    )
    fallen = await run_sql(
        session,
        """
        UPDATE evidence_records e SET withdrawn = true, current = false
        FROM said s WHERE s.version_id = e.id AND NOT e.withdrawn
            AND NOT EXISTS (SELECT FROM elsewhere w WHERE w.version_id = e.id)
        """,
    )
    await fill(
        session,
        "stated",
        """
        SELECT NULL::integer AS position, e.sheet, e."row", e.id AS version_id, e.record_id, e.order_id,
            true AS key_repeated, false AS revived
        FROM said s JOIN evidence_records e ON e.id = s.version_id
        """,
    )
    await elect_current(session, 0)
    return fallen
