"""The secret of an installation: given, or made once; nobody else reads the file."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vhm24r.platform.secret import FILE, SecretDamaged, load_secret
from vhm24r.settings import Settings

pytestmark = pytest.mark.unit


def test_a_given_secret_is_taken(tmp_path: Path) -> None:
    assert load_secret(Settings.load(data_dir=tmp_path, secret_key="s" * 32)) == b"s" * 32
    assert list(tmp_path.iterdir()) == []


def test_without_one_it_is_made_once(tmp_path: Path) -> None:
    settings = Settings.load(data_dir=tmp_path / "new")
    first, again = load_secret(settings), load_secret(settings)

    assert first == again
    assert len(first) == 32
    assert stat.S_IMODE((tmp_path / "new" / FILE).stat().st_mode) == 0o600


def test_of_many_processes_at_once_one_makes_it(tmp_path: Path) -> None:
    settings = Settings.load(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: load_secret(settings), range(32)))

    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_damaged_secret_signs_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(SecretDamaged):
        load_secret(Settings.load(data_dir=tmp_path))
