"""Reading one file in tests: its facts, and the batches as they come."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.hostile import READS, TOO_DEEP, UNKNOWN
from vhm24r.intake.errors import FileRefused, NothingReadable
from vhm24r.intake.formats.protocol import Container, Sample
from vhm24r.intake.formats.registry import container, recognise
from vhm24r.intake.mapping import Mapping
from vhm24r.intake.reading import DEEPEST_ARCHIVE, Batch, LeftOut, Opened, ReadFile, Step, Task, read

SCRATCH = Path(tempfile.gettempdir()) / f"vhm24r-tests-scratch-{os.getpid()}"


def task_of(zone: ZoneInfo, wanted: str | None = None, mappings: Sequence[Mapping] = ()) -> Task:
    """A task that unpacks archives where tests may."""
    return Task(zone, SCRATCH, wanted, tuple(mappings))


def read_file(
    path: Path, zone: ZoneInfo, wanted: str | None = None, mappings: Sequence[Mapping] = ()
) -> tuple[ReadFile, Iterator[Batch]]:
    """The one file at `path`; the ReadFile is complete when the batches end."""
    steps = read(path, task_of(zone, wanted, mappings))
    opened = next(step for step in steps if not isinstance(step, LeftOut))
    assert isinstance(opened, Opened)
    return opened.file, _batches(steps)


def _batches(steps: Iterator[Step]) -> Iterator[Batch]:
    with contextlib.suppress(NothingReadable):  # said at the end, after every issue
        yield from (step for step in steps if isinstance(step, Batch))


def outcomes(path: Path, scratch: Path, depth: int = 0) -> set[str]:
    """What a file comes to when every table of it is read to its end; of an archive what each member does."""
    sample = Sample.of(path)
    archive = container(sample)
    form = recognise(sample) if archive is None else None
    try:
        if archive is not None:
            return _members_outcomes(archive, path, scratch, depth) if depth < DEEPEST_ARCHIVE else {TOO_DEEP}
        if form is None:
            return {UNKNOWN}
        for table in form.tables(path):
            for _ in table.chunks:
                pass
    except FileRefused as refusal:
        return {refusal.code}
    return {READS}


def _members_outcomes(archive: Container, path: Path, scratch: Path, depth: int) -> set[str]:
    found: set[str] = set()
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        for member in archive.members(path, Path(folder)):
            if member.path is None:
                assert member.refusal is not None
                found.add(member.refusal.code)
            else:
                found |= outcomes(member.path, scratch, depth + 1)
    return found
