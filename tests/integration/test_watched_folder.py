"""The watched folder: what is put there is imported once, moved away, and hurts no worker."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SYSTEM
from tests.factories import csv_bytes, hw_row
from tests.integration.conftest import Query
from tests.logs import logged_by
from vhm24r.intake import watched_folder
from vhm24r.intake.service import reading_back, receiving, watching
from vhm24r.intake.service.watching import Watcher
from vhm24r.main import do_work, watcher
from vhm24r.ops.doctor import examine
from vhm24r.ops.process import Services
from vhm24r.settings import Settings

pytestmark = pytest.mark.integration

REPORT = csv_bytes([hw_row(1), hw_row(2)])


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of a process that watches a folder."""
    return settings.model_copy(update={"inbox_dir": tmp_path / "inbox", "upload_limit_mb": 1})


@pytest.fixture
def inbox(settings: Settings) -> Path:
    """The folder, as its owner made it."""
    assert settings.inbox_dir is not None
    settings.inbox_dir.mkdir()
    return settings.inbox_dir


@pytest.fixture
def watching_it(services: Services, inbox: Path) -> Watcher:
    """The watcher of one worker."""
    return watcher(services, inbox)


async def looked_twice(one: Watcher) -> list[int]:
    return [*await one.look(), *await one.look()]


async def imports(services: Services) -> list[dict[str, Any]]:
    await services.jobs.drain()
    async with services.db.read() as session:
        page = await reading_back.list_imports(session, SYSTEM, "en", status=None, limit=50, cursor=None)
    return list(reversed(page.items))


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


async def test_a_file_is_imported_and_moved_away(
    services: Services, inbox: Path, watching_it: Watcher, query: Query
) -> None:
    (inbox / "Отчёт.csv").write_bytes(REPORT)

    early = await watching_it.look()
    (import_id,) = await watching_it.look()

    (done,) = await imports(services)
    assert early == []
    assert (done["id"], done["status"], done["rows"]["new"]) == (import_id, "applied", 2)
    assert done["file"]["name"] == "Отчёт.csv"
    assert files(inbox) == ["taken/2026-01-05/Отчёт.csv"]
    assert (inbox / "taken/2026-01-05/Отчёт.csv").read_bytes() == REPORT
    assert await query("SELECT DISTINCT actor_kind, actor_name FROM imports") == [
        {"actor_kind": "system", "actor_name": "watched folder"}
    ]


async def test_a_file_that_grows_is_waited_for(inbox: Path, watching_it: Watcher) -> None:
    for size in (10, 20, 30):
        (inbox / "r.csv").write_bytes(REPORT[:size])
        assert await watching_it.look() == []
    (inbox / "r.csv").write_bytes(REPORT)
    os.utime(inbox / "r.csv", ns=(1, 1))

    assert await watching_it.look() == []
    assert len(await watching_it.look()) == 1


async def test_what_is_no_finished_file_stays(inbox: Path, watching_it: Watcher, tmp_path: Path) -> None:
    for name in (".r.csv", "~$r.xlsx", "r.csv.part", "r.csv.crdownload", "r.tmp"):
        (inbox / name).write_bytes(REPORT)
    (tmp_path / "secret.csv").write_bytes(REPORT)
    (inbox / "link.csv").symlink_to(tmp_path / "secret.csv")
    (inbox / "folder").mkdir()
    (inbox / "folder" / "r.csv").write_bytes(REPORT)
    before = files(inbox)

    assert await looked_twice(watching_it) == []
    assert files(inbox) == before


async def test_names_are_never_overwritten(services: Services, inbox: Path, watching_it: Watcher) -> None:
    for index in range(3):
        (inbox / "r.csv").write_bytes(csv_bytes([hw_row(index)]))
        await looked_twice(watching_it)

    assert [item["status"] for item in await imports(services)] == ["applied"] * 3
    assert files(inbox / "taken/2026-01-05") == ["r (2).csv", "r (3).csv", "r.csv"]


async def test_a_name_of_any_bytes_is_a_name(services: Services, inbox: Path, watching_it: Watcher) -> None:
    (inbox / os.fsdecode("Отчёт.csv".encode("cp1251"))).write_bytes(REPORT)

    await looked_twice(watching_it)

    (done,) = await imports(services)
    assert done["status"] == "applied"
    assert done["file"]["name"].endswith("�.csv")


async def test_a_file_over_the_limit_is_refused_and_put_aside(
    services: Services, inbox: Path, watching_it: Watcher
) -> None:
    (inbox / "large.csv").write_bytes(bytes(1024 * 1024 + 1))

    await looked_twice(watching_it)

    (done,) = await imports(services)
    assert (done["status"], done["error"]["code"]) == ("refused", "intake.file_too_large")
    assert files(inbox) == ["refused/large.csv"]
    assert (inbox / "refused/large.csv").stat().st_size == 1024 * 1024 + 1


async def test_a_crash_between_commit_and_move_brings_the_file_again(
    services: Services, inbox: Path, watching_it: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """Nothing of ours handles it."""

    def die(*_: object) -> None:
        raise Killed

    (inbox / "r.csv").write_bytes(REPORT)
    with monkeypatch.context() as patch:
        patch.setattr(watching, "move", die)
        with pytest.raises(Killed):
            await looked_twice(watching_it)
    assert [item["status"] for item in await imports(services)] == ["applied"]

    await looked_twice(watcher(services, inbox))

    first, second = await imports(services)
    assert (second["status"], second["duplicate_of"]) == ("duplicate", first["id"])
    assert not (inbox / "r.csv").exists()


async def test_several_workers_take_a_file_once(services: Services, inbox: Path) -> None:
    workers = [watcher(services, inbox) for _ in range(3)]
    for index in range(6):
        (inbox / f"{index}.csv").write_bytes(csv_bytes([hw_row(index)]))
    await asyncio.gather(*(worker.look() for worker in workers))

    for _ in range(2):  # whoever met another worker's lock looks again
        await asyncio.gather(*(worker.look() for worker in workers))

    assert [item["status"] for item in await imports(services)] == ["applied"] * 6
    assert len(files(inbox)) == 6


async def test_a_file_that_another_worker_holds_is_left_to_it(
    services: Services, inbox: Path, watching_it: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, go_on = asyncio.Event(), asyncio.Event()
    really = receiving.take_in

    async def slowly(*arguments: Any) -> int:
        inside.set()
        await go_on.wait()
        return await really(*arguments)

    monkeypatch.setattr(watching, "take_in", slowly)
    (inbox / "r.csv").write_bytes(REPORT)
    other = watcher(services, inbox)
    await watching_it.look()
    await other.look()
    holding = asyncio.create_task(watching_it.look())
    await inside.wait()

    met = await other.look()
    go_on.set()

    assert met == []
    assert len(await holding) == 1
    assert len(await imports(services)) == 1


@pytest.mark.parametrize("step", ["copy_out", "move"])
async def test_a_file_that_cannot_be_taken_is_told_once_and_tried_when_it_changes(
    services: Services, inbox: Path, watching_it: Watcher, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    (inbox / "r.csv").write_bytes(REPORT)
    with monkeypatch.context() as patch, logged_by(watching) as logs:
        patch.setattr(watching, step, refuse)
        for _ in range(4):
            await watching_it.look()
    before = files(inbox)
    (inbox / "r.csv").chmod(0o640)
    await looked_twice(watching_it)

    assert [entry["event"] for entry in logs].count("watched_folder.left") == 1
    assert "r.csv" in before
    assert (await imports(services))[0]["status"] == "applied"
    assert not (inbox / "r.csv").exists()


async def test_a_file_that_vanishes_is_no_error(
    services: Services, inbox: Path, watching_it: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "r.csv").write_bytes(REPORT)
    await watching_it.look()
    monkeypatch.setattr(watching, "look_at", lambda _: None)

    assert await watching_it.look() == []
    assert await imports(services) == []


async def test_one_file_that_fails_does_not_keep_the_others_waiting(
    services: Services, inbox: Path, watching_it: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = receiving.take_in

    async def fail_one(*arguments: Any) -> int:
        if arguments[4].name == "a.csv":
            raise ConnectionError
        return await really(*arguments)

    monkeypatch.setattr(watching, "take_in", fail_one)
    for name in ("a.csv", "b.csv"):
        (inbox / name).write_bytes(REPORT)
    await watching_it.look()

    for _ in range(2):
        with contextlib.suppress(ConnectionError):
            await watching_it.look()

    assert files(inbox) == ["a.csv", "taken/2026-01-05/b.csv"]


async def test_an_unusable_folder_is_one_line_and_is_looked_at_again(
    services: Services, settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "inbox"
    folder.write_bytes(b"a file where the folder should be")
    one = watcher(services, folder)
    with logged_by(watching) as logs:
        for _ in range(3):
            assert await one.look() == []
    found = {finding.name: finding for finding in await examine(settings, services.db, services.blobs)}
    folder.unlink()
    await one.look()
    (folder / "r.csv").write_bytes(REPORT)

    assert [(entry["event"], entry["folder"]) for entry in logs] == [("watched_folder.unusable", str(folder))]
    assert (found["inbox"].ok, found["inbox"].advice) == (False, "doctor.inbox")
    assert len(await looked_twice(one)) == 1
    again = {finding.name: finding for finding in await examine(settings, services.db, services.blobs)}
    assert (again["inbox"].ok, again["inbox"].value) == (True, str(folder))


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # files tell nobody
            await asyncio.sleep(0.02)


async def test_a_worker_watches_while_it_works_and_outlives_failures(
    services: Services, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [RuntimeError("something of ours broke")]
    really = watched_folder.look_around

    def look_around(folder: Path) -> dict[str, watched_folder.Look]:
        if failures:
            raise failures.pop()
        return really(folder)

    monkeypatch.setattr(watching, "look_around", look_around)
    monkeypatch.setattr(watching, "LOOK_EVERY_SECONDS", 0.05)
    monkeypatch.setattr(watching, "REST_AFTER_FAILURE_SECONDS", 0.05)
    (inbox / "r.csv").write_bytes(REPORT)
    worker = asyncio.create_task(do_work(services))

    await eventually(lambda: files(inbox) == ["taken/2026-01-05/r.csv"])
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)

    assert [item["status"] for item in await imports(services)] == ["applied"]


async def test_a_worker_told_to_stop_moves_the_file_it_has_taken(
    services: Services, inbox: Path, watching_it: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = asyncio.Event()
    really = receiving.take_in

    async def slowly(*arguments: Any) -> int:
        inside.set()
        await asyncio.sleep(0.05)
        return await really(*arguments)

    monkeypatch.setattr(watching, "take_in", slowly)
    (inbox / "r.csv").write_bytes(REPORT)
    await watching_it.look()
    looking = asyncio.create_task(watching_it.look())
    await inside.wait()
    looking.cancel()

    with pytest.raises(asyncio.CancelledError):
        await looking

    assert files(inbox) == ["taken/2026-01-05/r.csv"]
    assert len(await imports(services)) == 1
