"""Scratch folders: in use they stay, abandoned they go."""

import os
import tempfile
import time
from pathlib import Path

import pytest

from vhm24r.platform import scratch
from vhm24r.platform.scratch import NEWBORN_SECONDS, PREFIX, scratch_folder, sweep

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def aged(folder: Path) -> Path:
    long_ago = time.time() - 2 * NEWBORN_SECONDS
    os.utime(folder, (long_ago, long_ago))
    return folder


def test_a_folder_is_empty_and_gone_afterwards(temporary: Path) -> None:
    with scratch_folder() as folder:
        (folder / "file").write_bytes(b"x")
        assert folder.parent == temporary

    assert list(temporary.iterdir()) == []


def test_what_is_in_use_or_just_made_stays(temporary: Path) -> None:
    (temporary / f"{PREFIX}new").mkdir()
    with scratch_folder() as folder:
        aged(folder)
        assert sweep() == 0
        assert folder.exists()


def test_what_a_killed_process_left_goes_and_nothing_else(temporary: Path) -> None:
    left = aged_folder(temporary, f"{PREFIX}left")
    other = aged_folder(temporary, "other")

    assert sweep() == 1
    assert (left.exists(), other.exists()) == (False, True)


def aged_folder(parent: Path, name: str) -> Path:
    (parent / name).mkdir()
    (parent / name / "unpacked").write_bytes(b"x")
    return aged(parent / name)


def test_what_is_no_folder_keeps_nobody_waiting(temporary: Path) -> None:
    os.mkfifo(temporary / f"{PREFIX}pipe")
    (temporary / f"{PREFIX}link").symlink_to(aged_folder(temporary, "elsewhere"))
    aged(temporary / f"{PREFIX}pipe")

    assert sweep() == 0
    assert (temporary / "elsewhere" / "unpacked").exists()


def test_what_is_gone_meanwhile_is_nobodys_trouble(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = aged_folder(temporary, f"{PREFIX}left")
    monkeypatch.setattr(scratch, "_is_free", lambda folder: (_ for _ in ()).throw(FileNotFoundError(folder)))

    assert sweep() == 0
    assert left.exists()
