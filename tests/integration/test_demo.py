"""`vhm24r demo`: one command, a running product, nothing left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any, Self

import httpx
import orjson
import psutil
import pytest

from tests.integration.command_line import command, environment
from vhm24r.settings import Mode

pytestmark = pytest.mark.integration

PROGRAM = Path(sys.executable).with_name("vhm24r")
DEADLINE = 120


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder whose parents the unprivileged server may enter."""
    path = Path(tempfile.mkdtemp(prefix="vhm24r-demo-"))
    path.chmod(0o711)
    yield path / "data"
    rmtree(path)


class Demo:
    """The command in a process of its own."""

    def __init__(self, folder: Path) -> None:
        environ = {**os.environ, "LC_ALL": "en_US.UTF-8"}
        words = ["demo", "--no-browser", "--port", "0", "--json", "--data", str(folder)]
        self.process = subprocess.Popen(
            [PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ, text=True
        )

    def greeting(self) -> dict[str, Any]:
        """The one line of JSON it prints when it is ready."""
        assert self.process.stdout is not None
        found: dict[str, Any] = orjson.loads(self.process.stdout.readline())
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """However the test ended, the demo stops, and the server with it."""
        if self.process.poll() is None:
            self.stop()

    def stop(self) -> tuple[int, str, str]:
        """Ctrl-C: exit code, the rest of stdout, stderr."""
        self.process.send_signal(signal.SIGINT)
        rest, errors = self.process.communicate(timeout=DEADLINE)
        return self.process.returncode, rest, errors


def servers_of(folder: Path) -> list[int]:
    """PostgreSQL processes on this folder."""
    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres" and str(folder) in " ".join(process.info["cmdline"] or ())
    ]


@contextlib.contextmanager
def signed_in(link: str, url: str) -> Iterator[httpx.Client]:
    """A browser that followed a link of the greeting."""
    with httpx.Client(base_url=url, timeout=30) as browser:
        answer = browser.get(link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        yield browser


def test_the_demo_starts_answers_goes_on_and_leaves_nothing(folder: Path) -> None:
    with Demo(folder) as demo:
        first = demo.greeting()
        ready = httpx.get(f"{first['url']}/ready", timeout=30)
        running = servers_of(folder)
        with signed_in(first["links"]["viewer"], first["url"]) as viewer:
            me = viewer.get("/api/v1/auth/me").json()
            imports = viewer.get("/api/v1/imports").json()["items"]
            orders = viewer.get("/api/v1/orders", params={"with_total": True, "limit": 1}).json()["total"]
            samples = viewer.get("/api/v1/demo/samples").json()["items"]
            taken = [viewer.get(sample["url"]) for sample in samples]
        stopped = demo.stop()

    assert first["url"].startswith("http://localhost:")
    assert set(first["links"]) == {"owner", "admin", "operator", "viewer", "customer"}
    assert all(link.startswith(f"{first['url']}/link/") for link in first["links"].values())
    assert (ready.status_code, set(ready.json().values())) == (200, {True})
    assert (me["role"], me["mode"]) == ("viewer", Mode.DEMO)
    assert {item["status"] for item in imports} == {"applied"}
    assert {item["source"] for item in imports} == {
        "happy_workers", "vendhub", "fiscal", "payme", "click", "uzum",
    }  # fmt: skip
    assert orders > 1_000
    assert [answer.status_code for answer in taken] == [200] * len(samples)
    assert [len(answer.content) for answer in taken] == [sample["size"] for sample in samples]
    assert all(sample["description"] != f"demo.sample.{Path(sample['name']).stem}" for sample in samples)
    assert len(running) >= 1
    assert stopped == (0, "", "")
    assert servers_of(folder) == []

    with Demo(folder) as again:
        second = again.greeting()
        with signed_in(second["links"]["viewer"], second["url"]) as viewer:
            same_imports = viewer.get("/api/v1/imports").json()["items"]
            same_orders = viewer.get("/api/v1/orders", params={"with_total": True, "limit": 1}).json()["total"]
            used = viewer.get(first["links"]["viewer"].replace(first["url"], second["url"]))

    assert (same_imports, same_orders) == (imports, orders)
    assert used.headers["location"] == "/sign-in?error=identity.link_used"
    assert second["links"]["owner"] != first["links"]["owner"]
    assert servers_of(folder) == []


def test_a_demo_does_not_run_on_a_business_database(database_url: str, tmp_path: Path) -> None:
    env = environment(database_url, tmp_path)
    assert command("migrate", env=env).exit_code == 0

    done = command("demo", "--no-browser", "--port", "0", "--json", "--data", tmp_path, env=env)

    assert done.exit_code == 1
    assert orjson.loads(done.stderr)["code"] == "platform.wrong_installation"
    assert not (tmp_path / "reports").exists()
