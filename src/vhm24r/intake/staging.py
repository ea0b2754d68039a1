"""Reading a file into its staging table, in a worker thread with a connection of its own.

The COPY runs while the file is read: PostgreSQL loads one chunk on its core while the next one is
made on ours. Staging commits on its own; progress leaves on another connection (decisions 11).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg

from vhm24r.evidence.bulk import Staging, copy_statement, create_staging
from vhm24r.intake.reading import ReadFile, read
from vhm24r.intake.types import Issue

REPORT_EVERY_SECONDS = 0.25
KEPT_ISSUES = 10_000
"""Issues kept with their values; beyond that only the count grows (a whole file in a wrong layout)."""

Report = Callable[[ReadFile, int], None]


@dataclass(frozen=True, slots=True)
class Staged:
    """A file whose rows lie in its staging table."""

    reading: ReadFile
    issues: list[Issue]
    irregular: bool


def stage(conninfo: str, import_id: int, path: Path, zone: ZoneInfo, wanted: str | None, report: Report) -> Staged:
    """Read `path` and COPY its canonical records into the staging table of the import.

    `report` is told the rows read so far, first when format and source are known.

    Raises:
        FileRefused, HeaderMissing, SourceUnknown, SourceMismatch: nothing is staged then.
    """
    reading, batches = read(path, zone, wanted)
    report(reading, 0)
    issues: list[Issue] = []
    repeated = False
    due = time.monotonic() + REPORT_EVERY_SECONDS
    staging = Staging(import_id)
    with psycopg.connect(conninfo, autocommit=True) as connection, connection.transaction():
        create_staging(connection, staging)
        with connection.cursor() as cursor, cursor.copy(copy_statement(staging)) as copy:
            for batch in batches:
                if batch.lines:
                    copy.write(batch.lines)
                repeated = repeated or any(issue.code == "intake.key_repeated" for issue in batch.issues)
                issues.extend(batch.issues[: max(0, KEPT_ISSUES - len(issues))])
                if time.monotonic() > due:
                    report(reading, batch.rows_read)
                    due = time.monotonic() + REPORT_EVERY_SECONDS
    return Staged(reading, issues, repeated or reading.counts.duplicates > 0)
