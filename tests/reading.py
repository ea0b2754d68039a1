"""Reading one file in tests: its facts, and the batches as they come."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from vhm24r.intake.errors import NothingReadable
from vhm24r.intake.mapping import Mapping
from vhm24r.intake.reading import Batch, LeftOut, Opened, ReadFile, Step, Task, read

SCRATCH = Path(tempfile.gettempdir()) / "vhm24r-tests-scratch"


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
