"""Hostile files end in tables or in a refusal with a reason: no crash, no hang, no memory without end."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.hostile import ANYTHING_SAID, READS, corpus, honest
from tests.reading import outcomes
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.formats.registry import CONTAINERS, FORMATS

pytestmark = pytest.mark.unit

MEMORY_LIMIT = 2 * 1024**3
SECONDS = 20
"""How long one file may take, on a slow machine: five minutes for all of them would be no answer."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a file came to: codes and READS, or the way its reader died; and the seconds it took."""

    name: str
    form: str
    expected: list[str]
    outcomes: list[str]
    seconds: float
    died: str = ""


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ending]:
    command = [sys.executable, "-m", __name__, str(tmp_path_factory.mktemp("hostile"))]
    run = subprocess.run(command, capture_output=True, timeout=150, check=True)
    found = [Ending(**json.loads(line)) for line in run.stdout.splitlines()]
    return {ending.name: ending for ending in found}


def test_nothing_crashes_and_nothing_hangs(endings: dict[str, Ending]) -> None:
    assert len(endings) > 200
    assert [ending for ending in endings.values() if ending.died] == []


def test_only_refusals_of_files_are_told(endings: dict[str, Ending]) -> None:
    told = {outcome for ending in endings.values() for outcome in ending.outcomes}

    assert told <= ANYTHING_SAID
    assert READS in told


def test_every_file_comes_to_what_it_should(endings: dict[str, Ending]) -> None:
    known = {form.name for form in FORMATS} | {form.name for form in CONTAINERS}
    wrong = [
        ending
        for ending in endings.values()
        if ending.form in known and not set(ending.outcomes) <= set(ending.expected)
    ]

    assert wrong == []


@pytest.mark.parametrize(("name", "content"), honest().items())
def test_no_two_formats_claim_a_sound_file(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    sample = Sample.of(path)

    claiming = [form.name for form in FORMATS if form.recognises(sample)]
    claiming += [form.name for form in CONTAINERS if form.recognises(sample)]

    assert len(claiming) <= 1


def test_what_is_damaged_is_the_same_at_every_run() -> None:
    assert honest() == honest()


def run_all(folder: Path) -> None:
    """Read every file of the corpus in a process of its own; tell what came of it, a line of JSON each."""
    for hostile in corpus(folder):
        reading, writing = os.pipe()
        began = time.perf_counter()
        child = os.fork()
        if child == 0:
            os.close(reading)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
            signal.alarm(SECONDS)
            answer: dict[str, object] = {"outcomes": []}
            try:
                with tempfile.TemporaryDirectory() as scratch:
                    answer["outcomes"] = sorted(outcomes(hostile.path, Path(scratch)))
            except BaseException as error:  # noqa: BLE001  # every end is told
                answer["died"] = repr(error)[:500]
            os.write(writing, json.dumps(answer).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            told = json.loads(pipe.read() or b'{"outcomes": [], "died": "without a word"}')
        _, status = os.waitpid(child, 0)
        if status:
            told["died"] = f"ended with {os.waitstatus_to_exitcode(status)}"
        told |= {"name": hostile.name, "form": hostile.form, "expected": sorted(hostile.expected)}
        print(json.dumps(told | {"seconds": time.perf_counter() - began}))  # noqa: T201
        hostile.path.unlink()


if __name__ == "__main__":
    run_all(Path(sys.argv[1]))
