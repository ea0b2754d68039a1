"""The same few hundred damaged files at every run; `make fuzz` tries others, for as long as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzzing.harness import End, read_really
from tests.fuzzing.honest import honest_files
from tests.hostile import READS
from tests.reading import outcomes
from vhm24r.intake.formats.registry import CONTAINERS, FORMATS
from vhm24r.intake.reader_process import Limits

pytestmark = pytest.mark.unit

FILES, SEED, SECONDS = 200, 20251225, 10
LIMITS = Limits(1024, 20)


def test_no_damage_breaks_a_reader(tmp_path: Path) -> None:
    wanted = ["--files", str(FILES), "--seed", str(SEED), "--seconds", str(SECONDS), "--keep", str(tmp_path / "broken")]
    run = subprocess.run([sys.executable, "-m", "tests.fuzzing", *wanted], capture_output=True, text=True, timeout=120)
    broken = sorted((tmp_path / "broken").glob("*.txt"))

    assert run.stderr == ""
    assert [path.read_text() for path in broken] == []
    assert run.returncode == 0, run.stdout
    assert int(run.stdout.splitlines()[-2].split()[1]) > len(honest_files())


def test_every_format_and_container_is_tried() -> None:
    tried = {honest.form.partition("-")[0] for honest in honest_files()}

    assert {form.name for form in FORMATS} | {form.name for form in CONTAINERS} <= tried


def test_sound_files_are_read_also_when_packed_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for honest in honest_files():
        path.write_bytes(honest.content if honest.packed is None else honest.packed(honest.parts))

        assert (honest.form, outcomes(path, tmp_path)) == (honest.form, {READS})


def test_some_files_go_the_way_of_the_worker(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(honest_files()[0].content)
    whole = read_really(path, LIMITS)
    path.write_bytes(b"")

    assert (whole.end, read_really(path, LIMITS).end) == (End.READ, End.REFUSED)
    assert read_really(tmp_path / "gone", LIMITS).end is End.CRASHED


def test_a_reader_that_breaks_is_told(tmp_path: Path) -> None:
    program = (
        f"from tests.fuzzing.harness import *; print(read_apart(Path({str(tmp_path / 'gone')!r}), Limits(1024, 9)))"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert "crashed" in told
    assert "FileNotFoundError" in told
