"""Files that could hurt are read in a child process: its own interpreter lock, its own limits, its own death.

The child runs `read` and writes pickles to what was its standard output: every step of the reading, then
the end or the error that stopped it. What a library prints goes to the standard error instead. The parent
only passes the lines on to COPY, so reading and loading really run side by side, and whatever a file does
to its reader, the worker lives.
"""

import contextlib
import ctypes
import fcntl
import gc
import os
import pickle
import queue
import resource
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from vhm24r.intake.errors import FileDamaged, ReaderDied, ReaderExceeded
from vhm24r.intake.known_rows import program
from vhm24r.intake.reading import Batch, Step, Task, read
from vhm24r.intake.types import ReadAgain
from vhm24r.kit.errors import AppError

PIPE_BYTES = 1024 * 1024
AHEAD = 4
"""Steps a child may be ahead of who works on them; one is a chunk of rows, some megabytes."""

MEBIBYTE = 1024 * 1024

LARGE_STEP = 16 * MEBIBYTE
"""A step of more bytes, as absurdly long cells make it, waits until no other one does."""

EXCEEDING = frozenset({-signal.SIGXCPU, -signal.SIGKILL, -signal.SIGABRT})
"""How a child ends that wants too much: of time, of the machine's memory, of its own."""

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""The names of two settings of glibc's `mallopt`."""

BREAKING = frozenset({-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE})
"""How a child ends whose library broke on the file."""


Said = Step | AppError | ReadAgain | MemoryError | None
"""What a child says: a step, how reading failed, or None at the end."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take: address space of the child, and seconds of processor and clock."""

    memory_mb: int
    seconds: int


class Readers:
    """The child processes of one process of ours. After `warm` one always waits for the next file: starting it takes
    longer than reading a small file does.
    """

    def __init__(self, limits: Limits) -> None:
        """Every child gets these limits; none is started yet."""
        self.limits = limits
        self._waiting: deque[subprocess.Popen[bytes]] = deque()
        self._warm = False

    def warm(self) -> None:
        """From now on keep a child waiting."""
        self._warm = True
        self.refill()

    def refill(self) -> None:
        """Start the child that should be waiting, unless it does; best when there is nothing else to do."""
        if self._warm and not self._waiting:
            self._waiting.append(self._start())

    def close(self) -> None:
        """End the child that waits."""
        self._warm = False
        while self._waiting:
            _end(self._waiting.pop())

    def read(self, path: Path, task: Task) -> Generator[Step]:
        """As `reading.read`, in a process of its own that ends with the iterator.

        Raises:
            ReaderExceeded: the file took more than the limits allow.
            FileDamaged: the library that reads it broke on it.
            ReaderDied: the child broke for a reason of ours. And what `read` raises.
        """
        limits, child = self.limits, self._take()
        assert child.stdin is not None
        assert child.stdout is not None
        expired = threading.Event()
        watch = threading.Timer(limits.seconds, _expire, [child, expired])
        watch.start()
        try:
            with contextlib.suppress(BrokenPipeError), child.stdin as task_pipe:
                pickle.dump((path, task), task_pipe)
            for item in _ahead(child.stdout):
                if item is None:
                    return
                if isinstance(item, MemoryError):
                    raise ReaderExceeded(memory_mb=limits.memory_mb, seconds=limits.seconds)
                if isinstance(item, (AppError, ReadAgain, _StreamBroken)):
                    raise item
                yield item
        except _StreamBroken as error:
            if expired.is_set():
                raise ReaderExceeded(memory_mb=limits.memory_mb, seconds=limits.seconds) from error
            raise _why(_code_of(child, child.stdout), path, limits) from error
        finally:
            watch.cancel()
            _end(child)

    def _take(self) -> subprocess.Popen[bytes]:
        """The child that waits, if it still lives; else a new one."""
        with contextlib.suppress(IndexError):
            child = self._waiting.pop()
            if child.poll() is None:
                return child
            _end(child)
        return self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", __spec__.name, str(self.limits.memory_mb), str(self.limits.seconds)]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=PIPE_BYTES)
        # a step is megabytes: through a pipe of the usual size the child would wait for us again and again
        with contextlib.suppress(AttributeError, OSError):  # macOS has no such call, and an administrator may forbid it
            fcntl.fcntl(cast("IO[bytes]", child.stdout), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        return child


def _ahead(output: IO[bytes]) -> Generator["Said | _StreamBroken"]:
    """What a child says, received by a thread while the last of it is still being worked on: a pipe holds little, and
    the child would wait.
    """
    received: queue.Queue[Said | _StreamBroken] = queue.Queue(AHEAD)
    unwanted = threading.Event()

    def receive() -> None:
        more = True
        while more and not unwanted.is_set():
            item: Said | _StreamBroken
            try:
                item = _next(output)
            except _StreamBroken as error:
                item = error
            more = isinstance(item, Step)
            while not unwanted.is_set():
                if isinstance(item, Batch) and item.size > LARGE_STEP and not received.empty():
                    unwanted.wait(0.05)
                    continue
                with contextlib.suppress(queue.Full):
                    received.put(item, timeout=0.1)
                    break

    receiver = threading.Thread(target=receive, daemon=True)
    receiver.start()
    try:
        while True:
            yield received.get()
    finally:
        unwanted.set()


class _StreamBroken(Exception):
    """What came is not what a child writes."""


def _next(output: IO[bytes]) -> Said:
    """What the child says next, None at the end.

    Raises:
        _StreamBroken: it says nothing more, or nothing that can be understood.
    """
    try:
        return pickle.load(output)  # type: ignore[no-any-return]  # noqa: S301  # written by our own child
    except Exception as error:  # pickle raises whatever broken bytes lead it to
        raise _StreamBroken from error


def _expire(child: subprocess.Popen[bytes], expired: threading.Event) -> None:
    expired.set()
    child.kill()


def _code_of(child: subprocess.Popen[bytes], output: IO[bytes]) -> int | None:
    """How the child has ended; None when it has not, and goes on to write what nobody understands."""
    return None if output.read(1) else child.wait()


def _why(code: int | None, path: Path, limits: Limits) -> AppError:
    """What is to be said of a child that ended so."""
    if code in EXCEEDING:
        return ReaderExceeded(memory_mb=limits.memory_mb, seconds=limits.seconds)
    if code in BREAKING:
        return FileDamaged(format=path.suffix or "file", reason="the reader of this format broke on it")
    return ReaderDied(code="—" if code is None else code)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Leave no child behind, whether it has ended or is no longer wanted."""
    with contextlib.suppress(ProcessLookupError):
        child.kill()
    for pipe in filter(None, (child.stdin, child.stdout)):
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
    child.wait()


def produce(path: Path, task: Task, output: IO[bytes]) -> None:
    """The child's side: everything `read` gives, as pickles."""
    try:
        for step in read(path, task):
            pickle.dump(step, output, protocol=pickle.HIGHEST_PROTOCOL)
        pickle.dump(None, output)
    except (AppError, ReadAgain) as error:
        pickle.dump(error, output)
    except MemoryError:
        pickle.dump(MemoryError(), output)
    except BrokenPipeError:
        return  # nobody reads us any more
    output.flush()


def private_output() -> IO[bytes]:
    """The standard output for us alone: whatever else is printed goes to the standard error."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return output


def limit(memory_mb: int, seconds: int) -> None:
    """Take the limits for this process and every program it starts."""
    with contextlib.suppress(OSError, ValueError):  # macOS knows the limit but does not take it
        resource.setrlimit(resource.RLIMIT_AS, (memory_mb * MEBIBYTE, memory_mb * MEBIBYTE))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def keep_memory() -> None:
    """Let the C library keep what is freed: every chunk of rows would ask the system for its pages anew, which is a
    twelfth of the time. Elsewhere than with glibc nothing is to be done.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(MMAP_THRESHOLD, 16 * MEBIBYTE)
        library.mallopt(TRIM_THRESHOLD, 64 * MEBIBYTE)


if __name__ == "__main__":
    keep_memory()
    steps_out = private_output()
    limit(int(sys.argv[1]), int(sys.argv[2]))
    program()  # while there is nothing to read
    gc.disable()  # rows make no cycles, and looking for some in millions of cells takes a tenth of the time
    try:
        where, what = pickle.load(sys.stdin.buffer)  # noqa: S301  # written by our own parent
    except EOFError:  # our parent has ended, or needs no reader any more
        sys.exit()
    produce(where, what, steps_out)
