"""The set-based statements that write evidence: staging, new versions, sightings, the current version.

A staging table is shaped like `evidence_staged` and holds the rows of one file. `stated` and `outcomes`
are temporary tables made by the diff (`orders.bulk`, docs/algorithms/diffing.md): the statements that
are new or stand again, and what every row brought. Table and column names are constants, never input.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.evidence.summary import Run, Summary
from vhm24r.evidence.types import FIELD_NAMES, STAGED_COLUMNS, Outcome
from vhm24r.platform.db import fill, run_sql

LIFECYCLE = "coalesce({0}.refunded_at, {0}.delivered_at, {0}.brewed_at, {0}.paid_at, {0}.occurred_at)"
"""A statement's own latest lifecycle time: refund > delivery > brewing > paying > creation (decisions 4)."""


RECORD_COLUMNS = f"""(id, record_id, order_id, file_id, sheet, "row", identity, content, occurrence,
    current, withdrawn, source, account, external_id, {", ".join(FIELD_NAMES)}, extra)"""


def sighted(runs: str) -> str:
    """SQL for the sightings in some runs, row by row, to select from. `runs` is a condition on the runs."""
    return f"""(
        SELECT file_id, position + n AS position, version_id + n AS version_id, "row" + n AS "row", sheet, outcome
        FROM evidence_sightings CROSS JOIN LATERAL generate_series(0, length - 1) n WHERE {runs}
    )"""


def _stated(alias: str) -> str:
    """The last of RECORD_COLUMNS as a staging table has them."""
    return ", ".join(f"{alias}.{name}" for name in ("account", "external_id", *FIELD_NAMES, "extra"))


def in_runs(rows: str, value: str, *within: str) -> str:
    """SQL for rows told which run they are in: equal `island` and `within`, and `value` grows by one.

    Whatever has to grow along with it is in `within` as its difference.
    """
    same = ", ".join(within)
    return f"SELECT *, {value} - row_number() OVER (PARTITION BY {same} ORDER BY {value}) AS island FROM {rows}"


@dataclass(frozen=True, slots=True)
class Staging:
    """The staging table of one part of an import.

    `irregular`: its rows repeat keys of the same file. `in_short`: every row makes a statement that most likely stands,
    and the table has no more than which: `position`, `sheet`, `row`, `identity`, `content`.
    """

    import_id: int
    part: int = 0
    irregular: bool = False
    in_short: bool = False
    summary: Summary = field(default_factory=Summary)

    @property
    def table(self) -> str:
        """Its name; safe to put into a statement, it is made of a constant and numbers."""
        return f"evidence_staged_{int(self.import_id)}_{int(self.part)}"


@dataclass(frozen=True, slots=True)
class FreshIds:
    """The ids of a part in which every row is new are the row's position and these; None makes no orders."""

    version: int
    order: int | None

    def version_of(self, alias: str) -> str:
        """SQL for the id of a staged row's record, which is its first version."""
        return f"({alias}.position + {int(self.version)}::bigint)"

    def order_of(self, alias: str) -> str:
        """SQL for the id of a staged row's order."""
        return "NULL::bigint" if self.order is None else f"({alias}.position + {int(self.order)}::bigint)"


KNOWN = """(
    SELECT r.id, r.content, r.current, r.withdrawn FROM evidence_records r WHERE r.identity = s.identity OFFSET 0
)"""
"""Every version of the record of a staged row `s`, for a LATERAL. OFFSET 0 keeps the planner to the index."""


def create_staging(connection: psycopg.Connection[Any], staging: Staging) -> None:
    """An empty staging table, in place of any that an interrupted reading left."""
    name = sql.Identifier(staging.table)
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    connection.execute(
        sql.SQL("CREATE UNLOGGED TABLE {} (LIKE evidence_staged) WITH (autovacuum_enabled = false)").format(name)
    )


def copy_statement(staging: Staging) -> sql.Composed:
    """COPY of staged rows, in the order of STAGED_COLUMNS, into a table made in the same transaction."""
    columns = sql.SQL(", ").join(map(sql.Identifier, STAGED_COLUMNS))
    return sql.SQL("COPY {} ({}) FROM STDIN (FREEZE)").format(sql.Identifier(staging.table), columns)


def stands(connection: psycopg.Connection[Any], identity: bytes, content: bytes) -> bool:
    """Whether a statement is known and stands."""
    found = connection.execute(
        "SELECT EXISTS (SELECT FROM evidence_records WHERE identity = encode(%s, 'hex')::uuid"
        " AND content = encode(%s, 'hex')::uuid AND current AND NOT withdrawn)",
        [identity, content],
    )
    return bool((found.fetchone() or [False])[0])


def stage_in_short(connection: psycopg.Connection[Any], staging: Staging, outlines: Iterable[bytes]) -> None:
    """Stage rows of which only the place, identity and content are given. `connection` is in a transaction."""
    name = sql.Identifier(staging.table)
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
    connection.execute(
        sql.SQL(
            'CREATE UNLOGGED TABLE {} (position integer, sheet smallint, "row" integer, identity uuid, content uuid)'
            " WITH (autovacuum_enabled = false)"
        ).format(name)
    )
    with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN (FREEZE)").format(name)) as copy:
        for lines in outlines:
            copy.write(lines)


def all_stand(connection: psycopg.Connection[Any], staging: Staging) -> bool:
    """Whether every row of a part staged in short makes a statement that stands."""
    missing = sql.SQL(
        "SELECT (SELECT count(*) FROM {table}) = (SELECT count(*) FROM {table} s CROSS JOIN LATERAL {known} e"
        " WHERE e.content = s.content AND e.current AND NOT e.withdrawn)"
    ).format(table=sql.Identifier(staging.table), known=sql.SQL(KNOWN))
    return connection.execute(missing).fetchone() == (True,)


async def staged_imports(session: AsyncSession) -> list[int]:
    """The imports of which parts are staged."""
    names = "SELECT DISTINCT substring(tablename FROM '^evidence_staged_([0-9]+)_[0-9]+$')::bigint FROM pg_tables"
    found = await session.execute(text(f"SELECT id FROM ({names}) AS staged (id) WHERE id IS NOT NULL ORDER BY id"))
    return list(found.scalars())


async def drop_leftovers(session: AsyncSession, import_id: int) -> None:
    """Forget every staged part of this import. Where they may be many, `session` is in autocommit: their locks would
    not fit into one transaction.
    """
    names = text("SELECT tablename FROM pg_tables WHERE tablename ~ :pattern")
    found = await session.execute(names, {"pattern": f"^evidence_staged_{int(import_id)}_[0-9]+$"})
    for (name,) in found.all():
        await run_sql(session, f"DROP TABLE IF EXISTS {name}")


async def append_versions(session: AsyncSession, staging: Staging, *, file_id: int, source: str) -> int:
    """Write every statement that is new; returns how many."""
    return await run_sql(
        session,
        f"""
        INSERT INTO evidence_records {RECORD_COLUMNS}
        SELECT s.version_id, s.record_id, s.order_id, :file_id, s.sheet, s."row", s.identity, s.content, g.occurrence,
            s.version_id = s.record_id, false, :source, {_stated("g")}
        FROM stated s JOIN {staging.table} g ON g.position = s.position WHERE s.new_version
        """,
        file_id=file_id,
        source=source,
    )


async def revive_versions(session: AsyncSession, *, file_id: int) -> int:
    """Known statements said again while they did not stand: they count as said by this file now."""
    return await run_sql(
        session,
        """
        UPDATE evidence_records e SET withdrawn = false, file_id = :file_id, sheet = s.sheet, "row" = s."row"
        FROM stated s WHERE s.revived AND e.id = s.version_id
        """,
        file_id=file_id,
    )


async def elect_current(session: AsyncSession, import_id: int) -> int:
    """Of the live versions of every touched record the latest one stands (decisions 4); on equal times the one of
    the later import, whenever it was redone. Files not written down yet are of the import `import_id`.

    A part of new records alone, as most are, has nobody to elect; the planner cannot know.
    """
    several = "SELECT EXISTS (SELECT FROM stated WHERE revived OR key_repeated OR version_id <> record_id)"
    if not (await session.execute(text(several))).scalar_one():
        return 0
    return await run_sql(
        session,
        f"""
        WITH touched AS (
            SELECT DISTINCT record_id FROM stated
            WHERE revived OR key_repeated OR version_id <> record_id
        ), elected AS (
            SELECT e.id, NOT e.withdrawn AND row_number() OVER (
                PARTITION BY e.record_id
                ORDER BY e.withdrawn, {LIFECYCLE.format("e")} DESC NULLS LAST,
                    coalesce(p.import_id, :import_id) DESC, e.file_id DESC, e.sheet DESC, e."row" DESC
            ) = 1 AS stands
            FROM evidence_records e
            JOIN evidence_records f ON f.identity = e.identity
            JOIN touched t ON t.record_id = f.id
            LEFT JOIN evidence_files p ON p.id = e.file_id
        )
        UPDATE evidence_records e SET current = elected.stands
        FROM elected WHERE elected.id = e.id AND e.current IS DISTINCT FROM elected.stands
        """,
        import_id=import_id,
    )


async def append_sightings(session: AsyncSession, *, file_id: int) -> None:
    """Which statement every row of the file makes and what it brought."""
    within = ("sheet", "outcome", "version_id - position", '"row" - position')
    await run_sql(
        session,
        f"""
        INSERT INTO evidence_sightings (file_id, position, length, version_id, "row", sheet, outcome)
        SELECT :file_id, min(position), count(*), min(version_id), min("row"), sheet, outcome
        FROM ({in_runs("outcomes", "position", *within)}) s GROUP BY island, {", ".join(within)}
        """,
        file_id=file_id,
    )


async def is_known_at_all(session: AsyncSession, staging: Staging) -> bool:
    """Whether any staged row is about a record that is known."""
    statement = f"SELECT EXISTS (SELECT FROM {staging.table} s CROSS JOIN LATERAL {KNOWN} e)"
    return bool((await session.execute(text(statement))).scalar_one())


async def says_nothing_new(session: AsyncSession, staging: Staging) -> bool:
    """Whether every staged row makes a statement that stands already; then `outcomes` says so of each."""
    repeats = "" if staging.in_short else "AND NOT s.duplicate"
    await fill(
        session,
        "outcomes",
        f"""
        SELECT s.position, s.sheet, s."row", e.id AS version_id, '{Outcome.UNCHANGED}' AS outcome
        FROM {staging.table} s CROSS JOIN LATERAL {KNOWN} e
        WHERE e.content = s.content AND e.current AND NOT e.withdrawn {repeats}
        """,
    )
    missing = f"SELECT (SELECT count(*) FROM {staging.table}) - (SELECT count(*) FROM outcomes)"
    return int((await session.execute(text(missing))).scalar_one()) == 0


async def append_fresh(session: AsyncSession, staging: Staging, ids: FreshIds, *, file_id: int, source: str) -> None:
    """Write every staged row as the first version of a record of its own, and that this file says it."""
    version_id = ids.version_of("s")
    await run_sql(
        session,
        f"""
        INSERT INTO evidence_records {RECORD_COLUMNS}
        SELECT {version_id}, {version_id}, {ids.order_of("s")}, :file_id, s.sheet, s."row", s.identity, s.content,
            s.occurrence, true, false, :source, {_stated("s")}
        FROM {staging.table} s
        """,
        file_id=file_id,
        source=source,
    )
    await run_sql(
        session,
        f"""
        INSERT INTO evidence_sightings (file_id, position, length, version_id, "row", sheet, outcome)
        SELECT :file_id, s.position, s.length, {version_id}, s."row", s.sheet, '{Outcome.NEW}' FROM {RUNS}
        """,
        file_id=file_id,
        **as_arrays(staging.summary.runs),
    )


RUNS = """unnest(
    CAST(:positions AS integer[]), CAST(:lengths AS integer[]), CAST(:rows AS integer[]), CAST(:sheets AS smallint[])
) AS s (position, length, "row", sheet)"""
"""Runs to select from, given `as_arrays`."""


def as_arrays(runs: Iterable[Run]) -> dict[str, list[int]]:
    """The parameters of `RUNS`."""
    found = list(runs)
    return {
        "positions": [run.position for run in found],
        "lengths": [run.length for run in found],
        "rows": [run.row for run in found],
        "sheets": [run.sheet for run in found],
    }
