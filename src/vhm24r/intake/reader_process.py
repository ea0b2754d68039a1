"""Large files are read in a child process: its own interpreter lock, its own memory, its own death.

The child runs `read` and writes pickles to its standard output: the ReadFile as first known, every
Batch, and the ReadFile as it is at the end; or the error that stopped it. The parent only passes the
lines on to COPY, so reading and loading really run side by side.
"""

import contextlib
import pickle
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from vhm24r.intake.errors import ReaderDied
from vhm24r.intake.reading import Batch, ReadFile, read
from vhm24r.kit.errors import AppError

PIPE_BYTES = 1024 * 1024
MEMORY_LIMIT = 2 * 1024**3
"""Address space of a reader: a crafted sheet of two far cells asks for hundreds of gigabytes."""


def read_in_child(path: Path, zone: ZoneInfo, wanted: str | None) -> tuple[ReadFile, Iterator[Batch]]:
    """As `read`, in a process of its own that ends with the iterator.

    Raises:
        ReaderDied: the child ended without a word (killed, out of memory). And what `read` raises.
    """
    command = [sys.executable, "-m", __spec__.name, str(path), zone.key, wanted or ""]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=PIPE_BYTES, stdin=subprocess.DEVNULL)
    if child.stdout is None:
        raise ReaderDied(code=child.wait())
    first = _next(child, child.stdout)
    if not isinstance(first, ReadFile):
        _end(child)
        raise TypeError("a reader begins with what it knows of its file")
    return first, _batches(child, child.stdout, first)


def _batches(child: subprocess.Popen[bytes], output: IO[bytes], reading: ReadFile) -> Iterator[Batch]:
    try:
        while isinstance(item := _next(child, output), Batch):
            yield item
        if isinstance(item, ReadFile):
            reading.become(item)
    finally:
        _end(child)


def _next(child: subprocess.Popen[bytes], output: IO[bytes]) -> object:
    """What the child says next; its error is raised here as if it were ours."""
    try:
        item = pickle.load(output)  # noqa: S301  # written by our own child, nobody else holds the pipe
    except (EOFError, pickle.UnpicklingError) as error:
        _end(child)
        raise ReaderDied(code=child.returncode) from error
    if isinstance(item, AppError):
        _end(child)
        raise item
    return item


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave no child behind, whether it has ended or is no longer wanted."""
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    if child.stdout is not None:
        child.stdout.close()
    child.wait()


def produce(path: Path, zone: ZoneInfo, wanted: str | None, output: IO[bytes]) -> None:
    """The child's side: everything `read` gives, as pickles."""
    try:
        reading, batches = read(path, zone, wanted)
        pickle.dump(reading, output)
        for batch in batches:
            pickle.dump(batch, output, protocol=pickle.HIGHEST_PROTOCOL)
        pickle.dump(reading, output)
    except AppError as error:
        pickle.dump(error, output)
    except BrokenPipeError:
        return  # nobody reads us any more
    output.flush()


if __name__ == "__main__":
    with contextlib.suppress(OSError, ValueError):  # macOS knows the limit but does not take it
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    produce(Path(sys.argv[1]), ZoneInfo(sys.argv[2]), sys.argv[3] or None, sys.stdout.buffer)
