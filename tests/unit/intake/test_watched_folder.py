"""Which files of a watched folder are taken, and where they are put: never over another, never through a link."""

import errno
import io
import os
import tempfile
from pathlib import Path

import pytest

from vhm24r.intake.watched_folder import copy_out, is_finished, look_around, look_at, move, prepare, reserve

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["report.csv", "Отчёт за декабрь.xlsx", "a", "partly.csv", "x.part.csv", "tmp"])
def test_names_of_finished_files(name: str) -> None:
    assert is_finished(name)


@pytest.mark.parametrize(
    "name", [".x", ".report.csv.swp", "~$book.xlsx", "r.csv.part", "r.CRDOWNLOAD", "r.tmp", "r.filepart", "r.partial"]
)
def test_names_of_files_that_somebody_still_writes(name: str) -> None:
    assert not is_finished(name)


def test_only_plain_files_are_seen(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"12345")
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / ".hidden").write_bytes(b"")
    (tmp_path / "taken").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "b.csv")
    os.mkfifo(tmp_path / "pipe.csv")

    found = look_around(tmp_path)

    assert {name: look.size for name, look in found.items()} == {"a.csv": 0, "b.csv": 5}
    assert list(found) == ["a.csv", "b.csv"]


def test_a_look_tells_growth_rewriting_and_new_permissions(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(b"1")
    looks = [look_at(path)]
    path.write_bytes(b"12")
    looks.append(look_at(path))
    os.utime(path, ns=(0, 0))
    looks.append(look_at(path))
    path.chmod(0o600)
    looks.append(look_at(path))

    assert len(set(looks)) == 4
    assert look_at(path) == looks[-1]
    assert look_at(tmp_path / "gone.csv") is None


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    prepare(tmp_path / "a" / "inbox")
    prepare(tmp_path / "a" / "inbox")

    assert (tmp_path / "a" / "inbox").is_dir()


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)

    with pytest.raises(PermissionError, match=str(tmp_path)):
        prepare(tmp_path)


def test_a_copy_holds_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"1,2\n")
    copy = io.BytesIO()

    copy_out(tmp_path / "r.csv", copy, 4)

    assert copy.getvalue() == b"1,2\n"


def test_of_a_file_over_the_limit_only_the_size_is_copied(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"12345")
    with tempfile.NamedTemporaryFile(dir=tmp_path) as copy:
        copy_out(tmp_path / "r.csv", copy, 4)

        assert Path(copy.name).read_bytes() == bytes(5)


def test_a_link_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"secret")
    (tmp_path / "link.csv").symlink_to(tmp_path / "r.csv")
    copy = io.BytesIO()

    with pytest.raises(OSError, match="symbolic"):
        copy_out(tmp_path / "link.csv", copy, 100)

    assert copy.getvalue() == b""


def test_a_reserved_name_is_never_one_that_is_taken(tmp_path: Path) -> None:
    away = tmp_path / "taken" / "2026-01-05"

    names = [reserve(away, name).name for name in ("r.tar.gz", "r.tar.gz", "r.tar.gz", "plain", "plain")]

    assert names == ["r.tar.gz", "r.tar (2).gz", "r.tar (3).gz", "plain", "plain (2)"]


def test_a_file_is_moved_into_its_place(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"1")

    move(tmp_path / "r.csv", reserve(tmp_path / "taken", "r.csv"))

    assert not (tmp_path / "r.csv").exists()
    assert (tmp_path / "taken" / "r.csv").read_bytes() == b"1"


def test_a_file_is_copied_to_another_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replace(self: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "another device")

    monkeypatch.setattr(Path, "replace", replace)
    (tmp_path / "r.csv").write_bytes(b"1")

    move(tmp_path / "r.csv", reserve(tmp_path / "taken", "r.csv"))

    assert not (tmp_path / "r.csv").exists()
    assert (tmp_path / "taken" / "r.csv").read_bytes() == b"1"


def test_a_file_that_cannot_be_moved_stays_and_leaves_nothing_behind(tmp_path: Path) -> None:
    reserved = reserve(tmp_path / "taken", "r.csv")

    with pytest.raises(FileNotFoundError):
        move(tmp_path / "r.csv", reserved)

    assert not reserved.exists()
