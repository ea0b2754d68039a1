"""Reading a file into staging tables, in a worker thread with connections of its own.

A part is staged and committed, then handed on: while the next one is read, the last one is being
applied. Progress leaves on another connection (decisions 11).
"""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from vhm24r.evidence.bulk import Staging, copy_statement, create_staging
from vhm24r.intake.reader_process import read_in_child
from vhm24r.intake.reading import Batch, ReadFile, read
from vhm24r.intake.sources.declaration import Source
from vhm24r.intake.types import Issue

REPORT_EVERY_SECONDS = 0.25
LARGE_BYTES = 2 * 1024 * 1024
"""From this size on a file is read in a process of its own; below, starting one costs more than it gives."""

ARCHIVE_START = b"PK"
"""Workbooks are archives, and their reader can be made to ask for any amount of memory: always apart."""

PART_ROWS = 25_000
"""Rows applied at once: enough to amortise the statements, few enough to start while most is unread.
A constant, because keys repeated across parts show in the history (docs/algorithms/diffing.md)."""

KEPT_ISSUES = 10_000
"""Issues kept with their values; beyond that only the count grows (a whole file in a wrong layout)."""

Report = Callable[[ReadFile, int], None]
HandOn = Callable[[Staging], None]


@dataclass(slots=True)
class Stager:
    """One file on its way into staging. `cancelled` stops the reading between two batches."""

    conninfo: str
    import_id: int
    zone: ZoneInfo
    wanted: str | None
    part_rows: int | None
    report: Report
    hand_on: HandOn
    issues: list[Issue] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    source: Source | None = None

    def known(self) -> Source:
        """The source of the file; known once the first part is handed on."""
        if self.source is None:
            raise LookupError("nothing is staged yet")
        return self.source

    def stage(self, path: Path) -> ReadFile:
        """Read `path`, COPY its canonical records part by part, hand each part on.

        `part_rows` None makes one part of the whole file. `report` is told the rows read so far,
        first when format and source are known.

        Raises:
            FileRefused, HeaderMissing, SourceUnknown, SourceMismatch: parts handed on are void.
        """
        read_file = read_in_child if _is_read_apart(path) else read
        reading, batches = read_file(path, self.zone, self.wanted)
        self.source = reading.source
        self.report(reading, 0)
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            number, first = 0, next(batches, None)
            while first is not None and not self.cancelled.is_set():
                first = self._stage_part(connection, Staging(self.import_id, number), first, batches, reading)
                number += 1
        return reading

    def _stage_part(
        self,
        connection: psycopg.Connection[Any],
        staging: Staging,
        batch: Batch | None,
        batches: Iterator[Batch],
        reading: ReadFile,
    ) -> Batch | None:
        """Stage batches until the part is full; returns the first batch of the next part."""
        rows, irregular = 0, False
        due = time.monotonic() + REPORT_EVERY_SECONDS
        with connection.transaction():
            create_staging(connection, staging)
            with connection.cursor() as cursor, cursor.copy(copy_statement(staging)) as copy:
                while batch is not None and not self.cancelled.is_set():
                    copy.write(batch.lines)
                    rows += batch.staged
                    irregular = irregular or batch.repeats
                    self.issues.extend(batch.issues[: max(0, KEPT_ISSUES - len(self.issues))])
                    if time.monotonic() > due:
                        self.report(reading, batch.rows_read)
                        due = time.monotonic() + REPORT_EVERY_SECONDS
                    batch = next(batches, None)
                    if self.part_rows is not None and rows >= self.part_rows:
                        break
        self.hand_on(replace(staging, irregular=irregular))
        return batch


def _is_read_apart(path: Path) -> bool:
    """Whether a file deserves a process of its own."""
    if path.stat().st_size >= LARGE_BYTES:
        return True
    with path.open("rb") as file:
        return file.read(len(ARCHIVE_START)) == ARCHIVE_START
