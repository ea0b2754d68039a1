"""Reading a file into staging tables, in a worker thread with connections of its own.

A part is staged and committed, then handed on: while the next one is read, the last one is being
applied. Progress leaves on another connection (decisions 11).
"""

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import psycopg

from vhm24r.evidence.bulk import Staging, all_stand, copy_statement, create_staging, stage_in_short, stands
from vhm24r.evidence.summary import Summary, in_sum
from vhm24r.intake.canonical import KEPT_ISSUES as KEPT_ISSUES
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.formats.registry import is_plain
from vhm24r.intake.reader_process import Readers
from vhm24r.intake.reading import Batch, Closed, LeftOut, Opened, ReadFile, Step, Task, left_out, read
from vhm24r.intake.types import Issue, Level

REPORT_EVERY_SECONDS = 0.25
LARGE_BYTES = 2 * 1024 * 1024
"""From this size on a file is read in a process of its own; below, starting one costs more than it gives."""

PART_ROWS = (2_000, 12_000, 24_000)
"""Rows applied at once, at least: the first parts are small, so that applying starts early; the last size repeats and
is enough to amortise the statements. Constants, because keys repeated across parts show in the history
(docs/algorithms/diffing.md)."""

STANDING_ROWS = 16_000
"""The same where little is to be done with a part: nobody waits long for the last one."""

PASSING_PATIENCE_MS = 60_000
"""Longer than anybody keeps the tables for himself (docs/adr/0019)."""

Report = Callable[[ReadFile, int, int | None], None]
"""Told of the file being read, the rows read of all files so far, and how many there are if that is known."""

Handed = Opened | Staging | Closed | LeftOut
"""What is handed on: a file begins, a part of it is staged, it is read to its end, or it is not taken."""

HandOn = Callable[[Handed], None]


@dataclass(slots=True)
class Stager:
    """One import on its way into staging. `cancelled` stops the reading between two batches.

    `part_rows` are the sizes of the parts, the last one repeating; None makes one part of each file. A hasty task
    allows parts that are staged in short. On a `first_load` nothing stands, and nobody need ask.
    """

    conninfo: str
    import_id: int
    task: Task
    readers: Readers
    part_rows: tuple[int, ...] | None
    report: Report
    hand_on: HandOn
    first_load: bool = False
    files: list[ReadFile] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    _part: int = 0

    def stage(self, path: Path) -> None:
        """Read `path`, COPY its canonical records part by part, hand each part on.

        Raises:
            FileRefused, HeaderMissing, SourceUnknown, SourceMismatch: parts handed on are void.
        """
        steps = self.readers.read(path, self.task) if _is_read_apart(path) else read(path, self.task)
        with contextlib.closing(steps), passing_connection(self.conninfo) as connection:
            for step in takewhile(lambda _: not self.cancelled.is_set(), steps):
                if isinstance(step, Opened):
                    self.files.append(step.file)
                    self._keep(step.issues)
                    self._report(0)
                    self.hand_on(step)
                    self._stage_file(connection, steps)
                else:
                    assert isinstance(step, LeftOut)  # everything else belongs to a file that was opened
                    self._leave_out(step)
        if self.part_rows is None and len(self.files) > 1:
            self._keep([Issue("intake.compared_apart", Level.WARNING, params={"count": str(len(self.files))})])

    def _stage_file(self, connection: psycopg.Connection[Any], steps: Generator[Step]) -> None:
        """The batches of one file until it is closed or turns out unreadable."""
        parts = 0
        step: Step | None = next(steps)
        while isinstance(step, Batch) and not self.cancelled.is_set():
            step = self._stage_part(connection, step, steps, parts)
            parts += 1
        if isinstance(step, Closed):
            self.files[-1] = step.file
            self.hand_on(step)
        elif isinstance(step, LeftOut):
            self.files.pop()
            self._leave_out(step)

    def _stage_part(
        self, connection: psycopg.Connection[Any], batch: Batch, steps: Generator[Step], number: int
    ) -> Step | None:
        """Stage batches until the part is full; returns the step after it.

        Where the first ones make statements that stand, most likely all of the part do: then less is loaded.
        """
        staging = Staging(self.import_id, self._part)
        self._part += 1
        full = None if self.part_rows is None else self.part_rows[min(number, len(self.part_rows) - 1)]
        recalled = batch.recalled and full is not None  # a preview is neither hasty nor divided
        stands = recalled or (full is not None and self._most_likely_stands(connection, batch))
        part = _Part(batch, steps, min(full, STANDING_ROWS) if full is not None and stands else full)
        with connection.transaction():
            if recalled:
                staging = replace(staging, in_short=True)
                stage_in_short(connection, staging, _outlines(self._watched(part)))
            elif stands:
                staging = self._stage_in_short(connection, staging, part)
            else:
                self._load(connection, staging, self._watched(part))
        summary = in_sum(part.summaries)
        if summary.rows:  # nothing is stated where a sheet ends with its total, or a file with blank lines
            self.hand_on(replace(staging, irregular=part.repeats, summary=summary))
        return next(steps, None) if part.after is None else part.after

    def _most_likely_stands(self, connection: psycopg.Connection[Any], batch: Batch) -> bool:
        """Whether the first and the last row of a batch state what stands already."""
        if self.first_load or not self.task.hasty or batch.stated is None:
            return False
        return bool(batch.staged) and all(stands(connection, *end) for end in batch.stated.ends)

    def _stage_in_short(self, connection: psycopg.Connection[Any], staging: Staging, part: "_Part") -> Staging:
        """Stage in short what stands; the whole of it where anything does not."""
        batches = list(self._watched(part))
        short = replace(staging, in_short=True)
        if not part.repeats:
            stage_in_short(connection, short, _outlines(batches))
            if all_stand(connection, short):
                return short
        self._load(connection, staging, batches)
        return staging

    def _load(self, connection: psycopg.Connection[Any], staging: Staging, batches: Iterable[Batch]) -> None:
        create_staging(connection, staging)
        with connection.cursor() as cursor, cursor.copy(copy_statement(staging)) as copy:
            for batch in batches:
                copy.write(batch.lines)

    def _watched(self, part: "_Part") -> Generator[Batch]:
        """The batches of a part, with progress told and issues kept, until nobody wants them any more."""
        due = time.monotonic() + REPORT_EVERY_SECONDS
        for batch in part:
            if self.cancelled.is_set():
                return
            self._keep(batch.issues)
            if time.monotonic() > due:
                self._report(batch.rows_read)
                due = time.monotonic() + REPORT_EVERY_SECONDS
            yield batch

    def _keep(self, issues: list[Issue]) -> None:
        self.issues.extend(issues[: max(0, KEPT_ISSUES - len(self.issues))])

    def _leave_out(self, step: LeftOut) -> None:
        self.issues.append(left_out(step))
        self.hand_on(step)

    def _report(self, rows: int) -> None:
        """Rows of the files before this one count as read."""
        before = [file.counts.total for file in self.files[:-1]]
        total = self.files[-1].total_rows
        self.report(self.files[-1], sum(before) + rows, None if total is None else sum(before) + total)


@dataclass(slots=True)
class _Part:
    """The batches of one part, from `first` on.

    `full`: how many rows make a part; None takes whatever follows. `summaries` and `repeats` tell of what was read;
    `after` is the step behind the part, unless it is full: it need not wait for that.
    """

    first: Batch
    steps: Generator[Step]
    full: int | None
    after: Step | None = None
    summaries: list[Summary] = field(default_factory=list)
    repeats: bool = False

    def __iter__(self) -> Generator[Batch]:
        """Batches as they are read."""
        rows = 0
        step: Step | None = self.first
        while isinstance(step, Batch):
            if step.stated:
                self.summaries.append(step.stated.summary)
            self.repeats = self.repeats or step.repeats
            yield step
            rows += step.staged
            if self.full is not None and rows >= self.full:
                return
            step = next(self.steps, None)
            if isinstance(step, Batch) and step.stated and step.recalled != self.first.recalled:
                break
        self.after = step


def _outlines(batches: Iterable[Batch]) -> Iterable[bytes]:
    return (batch.stated.outlines for batch in batches if batch.stated)


def passing_connection(conninfo: str) -> psycopg.Connection[Any]:
    """A connection in autocommit for what need not outlive a crash, as staging and progress: whoever runs the import
    again starts over. Its commits do not wait for the disk, and it does not wait for others for ever.
    """
    options = f"-c synchronous_commit=off -c lock_timeout={PASSING_PATIENCE_MS}"
    return psycopg.connect(conninfo, autocommit=True, options=options)


def _is_read_apart(path: Path) -> bool:
    """Whether a file deserves a process of its own: all but small plain text."""
    return path.stat().st_size >= LARGE_BYTES or not is_plain(Sample.of(path).head)
