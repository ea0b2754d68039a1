"""The same few hundred damaged files at every run; `make fuzz` tries others, for as long as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzzing.harness import End, read_apart, read_really
from tests.fuzzing.honest import honest_files
from vhm24r.intake.formats.registry import CONTAINERS, FORMATS
from vhm24r.intake.reader_process import Limits

pytestmark = pytest.mark.unit

FILES, SEED, SECONDS = 220, 20251225, 12
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
    known = {"workbook": "xlsx"}

    assert {known.get(form.name, form.name) for form in (*FORMATS, *CONTAINERS)} <= tried | {"ndjson"}


def test_sound_files_are_read(tmp_path: Path) -> None:
    for number, honest in enumerate(honest_files()):
        path = tmp_path / str(number)
        path.write_bytes(honest.content if honest.packed is None else honest.packed(honest.parts))

        assert (honest.form, read_apart(path, LIMITS).said) == (honest.form, "reads")


def test_the_way_of_the_worker_ends_alike(tmp_path: Path) -> None:
    for honest, cut in ((honest_files()[0], None), (honest_files()[6], 100)):
        path = tmp_path / "file"
        path.write_bytes(honest.content[:cut])

        assert read_really(path, LIMITS).end is read_apart(path, LIMITS).end


def test_a_reader_that_breaks_is_told(tmp_path: Path) -> None:
    missing = read_apart(tmp_path / "gone", LIMITS)

    assert missing.end is End.CRASHED
    assert "FileNotFoundError" in missing.said
    assert read_really(tmp_path / "gone", LIMITS).end is End.CRASHED
