"""One file in a forked process with the limits of the real one, and what it came to."""

import contextlib
import os
import pickle
import shutil
import signal
import tempfile
import time
import traceback
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, NoReturn
from zoneinfo import ZoneInfo

from tests.reading import outcomes
from vhm24r.intake.errors import FileRefused, ReaderDied, ReaderExceeded
from vhm24r.intake.reader_process import Limits, Readers, limit, produce
from vhm24r.intake.reading import Task
from vhm24r.kit.errors import Invalid

ZONE = ZoneInfo("Asia/Tashkent")


class End(StrEnum):
    """What a file came to. `crashed` is the reader's fault, `exceeded` a refusal for its memory."""

    READ = "read"
    REFUSED = "refused"
    EXCEEDED = "exceeded"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one file, in how many seconds, and what the reader said of it."""

    end: End
    seconds: float
    said: str = ""


def read_apart(path: Path, limits: Limits) -> Ending:
    """Read a file in a fork of this process."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="vhm24r-fuzz-") as scratch, tempfile.TemporaryFile() as told:
        child = os.fork()
        if child == 0:
            _child(path, Path(scratch), limits, told)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        told.seek(0)
        end, said = _ending(status, told)
    seconds = time.perf_counter() - began
    if seconds >= limits.seconds:
        end, said = End.CRASHED, f"took {seconds:.0f} s. {said}"
    return Ending(end, seconds, said)


def _child(path: Path, scratch: Path, limits: Limits, told: IO[bytes]) -> NoReturn:
    """The reading process: first what the real one does, then every table of the file to its end."""
    status = 0
    signal.alarm(limits.seconds)
    try:
        limit(limits.memory_mb, limits.seconds)
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            produce(path, Task(ZONE, scratch), nowhere)
        with contextlib.suppress(OSError):
            shutil.rmtree(scratch / f"unpacked-1-{path.name}")
        told.write(pickle.dumps(sorted(outcomes(path, scratch))))
    except MemoryError:
        status = 2
    except BaseException:  # noqa: BLE001  # every end is told
        told.write(traceback.format_exc().encode("utf-8", "replace"))
        status = 1
    finally:
        with contextlib.suppress(BaseException):
            told.flush()
        os._exit(status)


def _ending(status: int, told: IO[bytes]) -> tuple[End, str]:
    if status == 0:
        codes: list[str] = pickle.load(told)
        return (End.READ if "reads" in codes else End.REFUSED), ", ".join(codes)
    if status == 2:
        return End.EXCEEDED, "memory"
    said = told.read().decode()
    return End.CRASHED, said or f"ended by {signal.Signals(-status).name if status < 0 else status}"


def read_really(path: Path, limits: Limits) -> Ending:
    """Read a file as the worker does, in a process of its own from its start."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="vhm24r-fuzz-") as scratch:
        end, said = _really(path, Task(ZONE, Path(scratch)), limits)
    return Ending(end, time.perf_counter() - began, said)


def _really(path: Path, task: Task, limits: Limits) -> tuple[End, str]:
    try:
        for _ in Readers(limits).read(path, task):
            pass
    except ReaderDied as error:
        return End.CRASHED, error.code
    except ReaderExceeded as error:
        return End.EXCEEDED, error.code
    except FileRefused as error:
        return End.REFUSED, error.code
    except Invalid as error:
        return End.READ, error.code
    except Exception:  # noqa: BLE001  # whatever else a file does to us is what is looked for
        return End.CRASHED, traceback.format_exc()
    return End.READ, ""
