"""What a reading process tells its parent: every step, and how it ended."""

import io
import os
import pickle
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

from tests.factories import HW_HEADER, hw_row, write_csv
from tests.reading import task_of
from vhm24r.intake import reader_process, reading
from vhm24r.intake.canonical import Counts
from vhm24r.intake.errors import FileDamaged, FileEmpty, ReaderDied, ReaderExceeded, SourceMismatch
from vhm24r.intake.formats.delimited import Delimited
from vhm24r.intake.formats.protocol import CHUNK_ROWS
from vhm24r.intake.reader_process import Limits, Readers, limit, private_output, produce
from vhm24r.intake.reading import Batch, Closed, Opened, read
from vhm24r.intake.types import ReadAgain, Table

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Tashkent")
LIMITS = Limits(memory_mb=512, seconds=30)


def told(path: Path, wanted: str | None = None) -> list[object]:
    output = io.BytesIO()
    produce(path, task_of(ZONE, wanted), output)
    output.seek(0)
    items = []
    while output.tell() < len(output.getvalue()):
        items.append(pickle.load(output))
    return items


def test_a_file_is_told_as_it_is_read(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "report.csv", [hw_row(1), hw_row(2, Цена_заказа="x")])

    first, *between, last, _ = told(path)

    assert between == [step for step in read(path, task_of(ZONE)) if isinstance(step, Batch)]
    assert isinstance(first, Opened)
    assert isinstance(last, Closed)
    assert (first.file.counts, first.file.content_hash) == (Counts(), "")
    assert last.file.counts == Counts(total=2, staged=1, issues=1)
    assert last.file.content_hash


def test_an_error_before_the_first_row_is_all_that_is_told(tmp_path: Path) -> None:
    (error,) = told(write_csv(tmp_path / "report.csv", [hw_row(1)]), "vendhub")

    assert isinstance(error, SourceMismatch)
    assert error.params["source"] == "vendhub"


def test_an_error_at_the_end_comes_after_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(",".join(HW_HEADER) + "\n", encoding="utf-8")

    first, batch, error = told(path)

    assert isinstance(first, Opened)
    assert isinstance(batch, Batch)
    assert isinstance(error, FileEmpty)


def test_a_reader_out_of_memory_says_so_while_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def tables(self: Delimited, path: Path) -> Iterator[Table]:
        raise MemoryError

    monkeypatch.setattr(Delimited, "tables", tables)

    (error,) = told(write_csv(tmp_path / "report.csv", [hw_row(1)]))

    assert isinstance(error, MemoryError)


def test_nobody_who_listens_is_no_error(tmp_path: Path) -> None:
    class Gone(io.BytesIO):
        def write(self, _: object, /) -> int:
            raise BrokenPipeError

    produce(write_csv(tmp_path / "report.csv", [hw_row(1)]), task_of(ZONE), Gone())


def test_a_child_reads_like_ourselves(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "report.csv", [hw_row(n) for n in range(50)])

    assert list(Readers(LIMITS).read(path, task_of(ZONE)))[1] == list(read(path, task_of(ZONE)))[1]


def test_large_steps_come_one_by_one_and_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_process, "LARGE_STEP", 0)
    path = write_csv(tmp_path / "report.csv", [hw_row(n) for n in range(13_000)])

    slowly = []
    for step in Readers(LIMITS).read(path, task_of(ZONE)):
        time.sleep(0.1)
        slowly.append(step)

    assert [step for step in slowly if isinstance(step, Batch)] == [
        step for step in read(path, task_of(ZONE)) if isinstance(step, Batch)
    ]


def test_an_error_of_the_child_is_raised_here(tmp_path: Path) -> None:
    path = tmp_path / "nothing.csv"
    path.write_bytes(b"")

    with pytest.raises(FileEmpty):
        list(Readers(LIMITS).read(path, task_of(ZONE)))


def test_a_child_that_was_too_hasty_says_so(tmp_path: Path) -> None:
    path = tmp_path / "report.ndjson"
    first, last = (
        orjson.dumps({name: cell for name, cell in hw_row().items() if name != "Адрес"}),
        orjson.dumps(hw_row(2)),
    )
    path.write_bytes(b"\n".join([*[first] * CHUNK_ROWS, last]))

    with pytest.raises(ReadAgain):
        list(Readers(LIMITS).read(path, replace(task_of(ZONE), hasty=True)))


def test_a_child_that_is_no_longer_wanted_ends(tmp_path: Path) -> None:
    steps = Readers(LIMITS).read(write_csv(tmp_path / "r.csv", [hw_row(n) for n in range(9_000)]), task_of(ZONE))
    next(steps)

    steps.close()

    assert list(steps) == []


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import sys; sys.stdin.buffer.read(); sys.exit(1)", ReaderDied),
        ("import os, signal; os.kill(os.getpid(), signal.SIGABRT)", ReaderExceeded),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", ReaderExceeded),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", ReaderExceeded),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", FileDamaged),
        ("import os, signal; os.kill(os.getpid(), signal.SIGBUS)", FileDamaged),
        ("import os, signal; os.kill(os.getpid(), signal.SIGILL)", FileDamaged),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", ReaderDied),
        ("import sys; sys.stdin.buffer.read()", ReaderDied),
        ('print("Warning: a font is missing" * 9)', ReaderDied),
        ('print("c" * 9, flush=True); import time; time.sleep(60)', ReaderExceeded),
        ('import os, time; os.write(1, b"cos\\nnothing\\n" + bytes(9)); time.sleep(60)', ReaderDied),
        ("import time; time.sleep(60)", ReaderExceeded),
        ("import pickle, sys; pickle.dump(MemoryError(), sys.stdout.buffer)", ReaderExceeded),
    ],
    ids=[
        "broken",
        "aborted",
        "killed",
        "out of time",
        "segfault",
        "bus error",
        "illegal",
        "terminated",
        "silent",
        "noise",
        "noise and nothing more",
        "endless noise",
        "too slow",
        "out of memory",
    ],
)
def test_however_a_child_ends_the_worker_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, expected: type[Exception]
) -> None:
    script = tmp_path / "child"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{program}'\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))

    with pytest.raises(expected):
        list(Readers(Limits(memory_mb=512, seconds=2)).read(tmp_path / "any", task_of(ZONE)))


def test_what_a_library_prints_does_not_spoil_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = "import os, pickle\nload = pickle.load\ndef noisy(file):\n    os.write(1, b'NOISE')\n    print('LOUD')\n"
    (tmp_path / "sitecustomize.py").write_text(f"{noise}    return load(file)\npickle.load = noisy\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = write_csv(tmp_path / "report.csv", [hw_row(n) for n in range(50)])

    *_, last = Readers(LIMITS).read(path, task_of(ZONE))

    assert isinstance(last, Closed)
    out, err = capfd.readouterr()
    assert out == ""
    assert "NOISE" in err
    assert "LOUD" in err


def test_the_private_output_is_nobody_elses(capfd: pytest.CaptureFixture[str]) -> None:
    before = os.dup(1)
    try:
        with private_output() as output:
            os.write(1, b"printed")
            output.write(b"told")
    finally:
        os.dup2(before, 1)
        os.close(before)

    assert capfd.readouterr() == ("told", "printed")


def test_the_limits_are_taken_by_the_child_alone(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "report.csv", [hw_row(n) for n in range(9_000)])

    with pytest.raises((ReaderExceeded, ReaderDied)):
        list(Readers(Limits(memory_mb=16, seconds=30)).read(path, task_of(ZONE)))

    assert [type(step) for step in reading.read(path, task_of(ZONE))][-1] is Closed


def test_the_limits_are_address_space_processor_time_and_no_core_files(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", lambda what, pair: taken.update({what: pair}))

    limit(256, 30)

    assert taken == {
        resource.RLIMIT_AS: (256 * 1024 * 1024,) * 2, resource.RLIMIT_CPU: (30, 30), resource.RLIMIT_CORE: (0, 0),
    }  # fmt: skip


def test_a_reader_that_waits_takes_the_next_file(tmp_path: Path) -> None:
    readers, path = Readers(LIMITS), write_csv(tmp_path / "r.csv", [hw_row()])
    readers.warm()
    try:
        (waiting,) = readers._waiting
        steps = readers.read(path, task_of(ZONE))
        next(steps)
        assert not readers._waiting
        assert waiting.poll() is None
        readers.refill()
        readers.refill()
        assert len(readers._waiting) == 1
        assert readers._waiting[0] is not waiting
        steps.close()
        assert waiting.poll() is not None
    finally:
        readers.close()
    assert not readers._waiting


def test_a_reader_that_died_waiting_is_replaced(tmp_path: Path) -> None:
    readers, path = Readers(LIMITS), write_csv(tmp_path / "r.csv", [hw_row()])
    readers.warm()
    readers._waiting[0].kill()
    readers._waiting[0].wait()

    assert list(readers.read(path, task_of(ZONE)))[1] == list(read(path, task_of(ZONE)))[1]


def test_nobody_waits_who_was_not_asked_to(tmp_path: Path) -> None:
    readers = Readers(LIMITS)
    list(readers.read(write_csv(tmp_path / "r.csv", [hw_row()]), task_of(ZONE)))
    readers.refill()

    assert not readers._waiting


def test_a_reader_that_is_not_needed_ends_by_itself() -> None:
    readers = Readers(LIMITS)
    readers.warm()
    (waiting,) = readers._waiting
    assert waiting.stdin is not None
    waiting.stdin.close()  # as when its parent dies

    assert waiting.wait(timeout=30) == 0
    readers.close()
