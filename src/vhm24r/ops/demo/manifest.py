"""The facts about a generated folder: its files, what was planted, and how wrong the clocks are."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from vhm24r.ops.demo.spec import FileFormat, Source


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One report file. `rows` counts data rows (duplicates and strangers included, total rows not).

    `account` is the fiscal module of a register's file; `revision` tells exports of the machine report apart
    (0 the month, 1 the re-export of the last week, 2 the samples); `planted_bad_rows` are unreadable on
    purpose.
    """

    path: str
    source: Source
    format: FileFormat
    rows: int
    first_day: date
    last_day: date
    total_rows: int = 0
    account: str = ""
    revision: int = 0
    is_sample: bool = False
    planted_bad_rows: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `generate` wrote.

    `due` counts the records each source ought to have without noise (orders for happy_workers and vendhub,
    sale receipts for fiscal, payments per gateway). `planted` counts faults by `<source>.<fault>`: per order,
    once, however many files repeat the row. `machine_clocks` and `register_clocks` are seconds of skew.
    """

    seed: int
    language: str
    timezone: str
    first_day: date
    last_day: date
    machines: int
    orders: int
    due: Mapping[str, int]
    planted: Mapping[str, int]
    machine_clocks: Mapping[str, int]
    register_clocks: Mapping[str, int]
    silent_machine: str | None
    files: tuple[FileEntry, ...]

    def of_source(self, source: Source, *, samples: bool = False) -> tuple[FileEntry, ...]:
        """The files of one source: those of the month, or the samples."""
        return tuple(f for f in self.files if f.source == source and f.is_sample == samples)

    def write(self, path: Path) -> None:
        """Writes the manifest as JSON with ISO dates."""
        text = json.dumps(asdict(self), ensure_ascii=False, indent=1, default=date.isoformat)
        path.write_text(text + "\n", encoding="utf-8", newline="\n")
