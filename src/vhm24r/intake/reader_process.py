"""Files that could hurt are read in a child process: its own interpreter lock, its own limits, its own death.

The child runs `read` and writes pickles to its standard output: every step of the reading, then the
end or the error that stopped it. The parent only passes the lines on to COPY, so reading and loading
really run side by side, and whatever a file does to its reader, the worker lives.
"""

import contextlib
import pickle
import resource
import subprocess
import sys
import threading
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vhm24r.intake.errors import ReaderDied, ReaderExceeded
from vhm24r.intake.reading import Step, Task, read
from vhm24r.kit.errors import AppError

PIPE_BYTES = 1024 * 1024
MEBIBYTE = 1024 * 1024
BROKEN_CODE = 1
"""How Python itself ends after an error of ours; anything else was done to the process."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take: address space of the child, and seconds of processor and clock."""

    memory_mb: int
    seconds: int


def read_in_child(path: Path, task: Task, limits: Limits) -> Generator[Step]:
    """As `read`, in a process of its own that ends with the iterator.

    Raises:
        ReaderExceeded: the file took more than the limits allow.
        ReaderDied: the child broke for a reason of ours. And what `read` raises.
    """
    command = [sys.executable, "-m", __spec__.name, str(limits.memory_mb), str(limits.seconds)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=PIPE_BYTES)
    assert child.stdin is not None
    assert child.stdout is not None
    watch = threading.Timer(limits.seconds, child.kill)
    watch.start()
    try:
        with contextlib.suppress(BrokenPipeError), child.stdin as task_pipe:
            pickle.dump((path, task), task_pipe)
        while (item := _next(child, child.stdout, limits)) is not None:
            yield item
    finally:
        watch.cancel()
        _end(child)


def _next(child: subprocess.Popen[bytes], output: IO[bytes], limits: Limits) -> Step | None:
    """What the child says next, None at the end; its error is raised here as if it were ours."""
    try:
        item = pickle.load(output)  # noqa: S301  # written by our own child, nobody else holds the pipe
    except (EOFError, pickle.UnpicklingError) as error:
        code = child.wait()
        if code == BROKEN_CODE:
            raise ReaderDied(code=code) from error
        raise ReaderExceeded(memory_mb=limits.memory_mb, seconds=limits.seconds) from error
    if isinstance(item, MemoryError):
        raise ReaderExceeded(memory_mb=limits.memory_mb, seconds=limits.seconds)
    if isinstance(item, AppError):
        raise item
    return item  # type: ignore[no-any-return]  # the child writes steps and nothing else


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave no child behind, whether it has ended or is no longer wanted."""
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    child.wait()


def produce(path: Path, task: Task, output: IO[bytes]) -> None:
    """The child's side: everything `read` gives, as pickles."""
    try:
        for step in read(path, task):
            pickle.dump(step, output, protocol=pickle.HIGHEST_PROTOCOL)
        pickle.dump(None, output)
    except AppError as error:
        pickle.dump(error, output)
    except MemoryError:
        pickle.dump(MemoryError(), output)
    except BrokenPipeError:
        return  # nobody reads us any more
    output.flush()


def limit(memory_mb: int, seconds: int) -> None:
    """Take the limits for this process and every program it starts."""
    with contextlib.suppress(OSError, ValueError):  # macOS knows the limit but does not take it
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb * MEBIBYTE, memory_mb * MEBIBYTE))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    limit(int(sys.argv[1]), int(sys.argv[2]))
    where, what = pickle.load(sys.stdin.buffer)  # noqa: S301  # written by our own parent
    produce(where, what, sys.stdout.buffer)
