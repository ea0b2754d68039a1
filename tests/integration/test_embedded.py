"""PostgreSQL out of a wheel: shared by processes, stopped by the last one, alive again after a crash."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import psutil
import psycopg
import pytest

from vhm24r.platform.embedded import EmbeddedDatabaseFailed, EmbeddedServer, ServerUser

pytestmark = pytest.mark.integration

QUICK = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20"}
SECOND_PROCESS = """
import sys, pathlib, psycopg
from vhm24r.platform.embedded import EmbeddedServer
with EmbeddedServer(pathlib.Path(sys.argv[1]), {"fsync": "off"}) as server:
    url = server.url("postgres").replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        print(connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()[0], flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data folder whose parents the unprivileged server may enter; one for all, so that it is made once."""
    path = Path(tempfile.mkdtemp(prefix="vhm24r-embedded-"))
    path.chmod(0o711)
    yield path / "data"
    rmtree(path)


def query(server: EmbeddedServer, statement: str) -> object:
    """The one value a statement gives."""
    url = server.url("postgres").replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        done = connection.execute(statement.encode())
        row = done.fetchone() if done.description else None
    return None if row is None else row[0]


def postmaster(folder: Path) -> int | None:
    """The process id of the server on this folder, if it says so."""
    file = folder / "postgres" / "data" / "postmaster.pid"
    return int(file.read_text().split()[0]) if file.exists() else None


def ends(pid: int | None) -> bool:
    """Whether this process ends (waiting a moment for it)."""
    assert pid is not None
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(30)
    return True


def test_the_last_one_out_stops_the_server(folder: Path) -> None:
    with EmbeddedServer(folder, QUICK) as first:
        pid = postmaster(folder)
        with EmbeddedServer(folder, QUICK) as second:
            assert query(first, "SELECT pg_postmaster_start_time()") == query(
                second, "SELECT pg_postmaster_start_time()"
            )
        assert query(first, "SELECT 1") == 1
        assert postmaster(folder) == pid

    assert postmaster(folder) is None
    assert ends(pid)


def test_a_second_process_attaches_and_outlives_the_first(folder: Path) -> None:
    server = EmbeddedServer(folder, QUICK).acquire()
    started = query(server, "SELECT pg_postmaster_start_time()::text")
    pid = postmaster(folder)
    with subprocess.Popen(
        [sys.executable, "-c", SECOND_PROCESS, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        seen = other.stdout.readline().strip()
        server.release()
        still = query(server, "SELECT pg_postmaster_start_time()::text")
        other.communicate("\n", timeout=60)

    assert (seen, still) == (started, started)
    assert other.returncode == 0
    assert ends(pid)


def test_releasing_twice_is_releasing_once(folder: Path) -> None:
    server = EmbeddedServer(folder, QUICK).acquire()
    server.release()
    server.release()

    assert postmaster(folder) is None


def test_data_survive_a_stop_and_a_kill(folder: Path) -> None:
    with EmbeddedServer(folder, QUICK) as server:
        server.create_database("kept")
        server.create_database("kept")
        query(server, "CREATE TABLE IF NOT EXISTS survivors AS SELECT 'чай' AS word")
        query(server, "CHECKPOINT")
    with EmbeddedServer(folder, QUICK) as server:
        assert query(server, "SELECT word FROM survivors") == "чай"
        pid = postmaster(folder)
        assert pid is not None
        children = psutil.Process(pid).children()
        os.kill(pid, signal.SIGKILL)
        assert ends(pid)
        psutil.wait_procs(children, timeout=30)

        with EmbeddedServer(folder, QUICK) as again:
            assert postmaster(folder) != pid
            assert query(again, "SELECT word FROM survivors") == "чай"
            assert query(again, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == 1


@pytest.mark.parametrize("whose", ["dead", "foreign"])
def test_a_stale_pid_file_does_not_keep_the_server_from_starting(folder: Path, whose: str) -> None:
    with EmbeddedServer(folder, QUICK):
        text = (folder / "postgres" / "data" / "postmaster.pid").read_text()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as program:
        if whose == "dead":
            program.communicate(b"\n", timeout=30)
        stale = "\n".join([str(program.pid), *text.splitlines()[1:]]) + "\n"
        (folder / "postgres" / "data" / "postmaster.pid").write_text(stale)

        with EmbeddedServer(folder, QUICK) as server:
            assert query(server, "SELECT 1") == 1
            assert postmaster(folder) != program.pid
        alive = program.poll() is None
        if alive:
            program.communicate(b"\n", timeout=30)

    assert alive is (whose == "foreign")


def test_cyrillic_is_compared_without_case(folder: Path) -> None:
    with EmbeddedServer(folder, QUICK) as server:
        assert query(server, "SELECT 'УЛИЦА НАВОИ' ILIKE '%навои%'") is True
        assert query(server, "SELECT lower('ЎЗБЕКИСТОН')") == "ўзбекистон"
        assert query(server, "SHOW server_encoding") == "UTF8"
        assert query(server, "SHOW timezone") == "UTC"


def test_nobody_from_the_network_can_reach_it(folder: Path) -> None:
    with EmbeddedServer(folder, QUICK) as server:
        assert query(server, "SHOW listen_addresses") == ""
        assert query(server, "SHOW unix_socket_permissions") == "0700"
        assert (folder / "postgres").stat().st_mode & 0o777 == 0o700
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700


def test_a_folder_too_deep_for_a_socket_gets_one_elsewhere(folder: Path) -> None:
    deep = EmbeddedServer(folder / ("x" * 100))

    assert deep.socket_dir.parent == Path(tempfile.gettempdir())
    assert len(str(deep.socket_dir)) < 90
    assert deep.socket_dir != EmbeddedServer(folder / ("y" * 100)).socket_dir


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    server = EmbeddedServer(folder, {**QUICK, "max_connections": "none"})

    with pytest.raises(EmbeddedDatabaseFailed) as failed:
        server.acquire()
    server.release()

    assert "max_connections" in str(failed.value.params["reason"])
    assert postmaster(folder) is None


def test_the_server_never_runs_as_root(folder: Path) -> None:
    user = ServerUser.choose()
    with EmbeddedServer(folder, QUICK):
        pid = postmaster(folder)
        assert pid is not None
        runs_as = psutil.Process(pid).uids().real

    assert runs_as == user.uid != 0
    assert user.switch is (os.geteuid() == 0)
    assert folder.parent.stat().st_mode & 0o777 == 0o711
