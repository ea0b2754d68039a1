"""Where the embedded server lives: reachable by its user, its socket path short enough."""

import os
from pathlib import Path

import pytest

from vhm24r.platform.embedded import SOCKET_PATH_LIMIT, SUPERUSER, EmbeddedServer, ServerUser

pytestmark = pytest.mark.unit

STRANGER = ServerUser(uid=54_321, gid=54_321, switch=True)


def test_without_switching_users_everything_is_reachable(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    assert ServerUser(uid=54_321, gid=54_321, switch=False).can_traverse(tmp_path)


def test_a_stranger_cannot_pass_a_private_folder(tmp_path: Path) -> None:
    inner = tmp_path / "private" / "inner"
    inner.mkdir(parents=True)
    inner.parent.chmod(0o700)
    inner.chmod(0o755)

    assert not STRANGER.can_traverse(inner)
    assert not STRANGER.can_traverse(inner / "not" / "made" / "yet")


def test_the_owner_passes_where_the_owner_may() -> None:
    owner = ServerUser(uid=Path("/").stat().st_uid, gid=54_321, switch=True)

    assert owner.can_traverse(Path("/"))


def test_a_folder_that_is_not_made_yet_is_judged_by_what_exists() -> None:
    assert STRANGER.can_traverse(Path("/no-such-folder/inner"))


@pytest.mark.parametrize(
    ("uid", "gid", "mode", "passes"),
    [
        ("same", "other", 0o700, True),
        ("same", "same", 0o070, False),
        ("same", "other", 0o077, False),
        ("other", "same", 0o710, True),
        ("other", "same", 0o707, False),
        ("other", "other", 0o701, True),
        ("other", "other", 0o770, False),
        ("other", "other", 0o704, False),
    ],
)
def test_the_permission_that_counts_is_that_of_owner_group_or_others(
    monkeypatch: pytest.MonkeyPatch, uid: str, gid: str, mode: int, *, passes: bool
) -> None:
    info = os.stat_result((0o040000 | mode, 1, 1, 1, 500, 600, 0, 0, 0, 0))
    monkeypatch.setattr(Path, "stat", lambda *_, **__: info)
    user = ServerUser(500 if uid == "same" else 7, 600 if gid == "same" else 8, switch=True)

    assert user.can_traverse(Path("/data")) is passes


def test_nobody_but_root_switches_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    assert ServerUser.choose() == ServerUser(os.getuid(), os.getgid(), switch=False)


def test_root_becomes_an_unprivileged_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)

    user = ServerUser.choose()

    assert user.switch
    assert user.uid != 0


def test_root_becomes_nobody_where_no_account_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("pwd.getpwnam", unknown)

    assert ServerUser.choose() == ServerUser(65_534, 65_534, switch=True)


def test_the_socket_lies_beside_the_data_and_the_url_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    server = EmbeddedServer(Path("/srv/vhm24r"))

    assert server.socket_dir == Path("/srv/vhm24r/postgres/socket")
    assert server.url("orders") == f"postgresql+psycopg://{SUPERUSER}@/orders?host=%2Fsrv%2Fvhm24r%2Fpostgres%2Fsocket"


def test_a_socket_path_that_would_be_too_long_goes_to_the_temporary_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/tmp")

    deep = EmbeddedServer(Path("/srv") / ("x" * 100))
    other = EmbeddedServer(Path("/srv") / ("y" * 100))

    assert deep.socket_dir.parent == Path("/tmp")
    assert len(str(deep.socket_dir)) <= SOCKET_PATH_LIMIT
    assert deep.socket_dir == EmbeddedServer(Path("/srv") / ("x" * 100)).socket_dir
    assert deep.socket_dir != other.socket_dir


@pytest.mark.parametrize(("extra", "beside"), [(0, True), (1, False)])
def test_the_limit_of_a_socket_path_is_exact(monkeypatch: pytest.MonkeyPatch, extra: int, *, beside: bool) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    name = "x" * (SOCKET_PATH_LIMIT - len("//postgres/socket") + extra)

    server = EmbeddedServer(Path("/") / name)

    assert (server.socket_dir == Path("/") / name / "postgres" / "socket") is beside


def test_a_server_that_was_never_acquired_is_released_without_a_trace(tmp_path: Path) -> None:
    EmbeddedServer(tmp_path / "data").release()

    assert list(tmp_path.iterdir()) == []
