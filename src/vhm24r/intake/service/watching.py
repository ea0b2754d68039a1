"""The watched folder: files put there are imported as if somebody had uploaded them.

A file is taken when two looks, some seconds apart, found it the same. It is copied, its import is
written down and committed, then it is moved away. A worker that dies between commit and move leaves it
where it was: it comes again and is recognised by its hash. Of several workers one takes a file: the one
that holds the advisory lock of its name. The server frees the lock of a worker that died; a folder of
claimed files would need somebody to judge which claims are stale.
"""

import asyncio
import os
import tempfile
import zlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

import anyio.to_thread
import structlog
from sqlalchemy import text

from vhm24r.intake.service.receiving import MEBIBYTE, Arrival, take_in
from vhm24r.intake.watched_folder import Look, copy_out, look_around, look_at, move, prepare, reserve
from vhm24r.kit.actor import Actor
from vhm24r.kit.clock import Clock
from vhm24r.platform.blobs import BlobStore
from vhm24r.platform.db import Database
from vhm24r.platform.jobs import Jobs
from vhm24r.platform.locks import Lock, LockBusy, take

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 2.0
REST_AFTER_FAILURE_SECONDS = 30.0
LOCK_PATIENCE_MS = 50
ACTOR = Actor.system("watched folder")
TAKEN, REFUSED = "taken", "refused"


@dataclass(slots=True)
class Watcher:
    """Watches one folder for one worker; files over `limit_mb` are refused as everywhere."""

    folder: Path
    db: Database
    blobs: BlobStore
    jobs: Jobs
    clock: Clock
    zone: ZoneInfo
    limit_mb: int
    _seen: dict[str, Look] = field(default_factory=dict)
    _left: dict[str, Look] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    _unusable: str = ""

    async def watch(self) -> None:
        """Look every two seconds until cancelled; whatever goes wrong is logged and tried again."""
        while True:
            rest = LOOK_EVERY_SECONDS
            try:
                await self.look()
            except Exception:  # an edge: neither the folder nor the database may end the worker
                log.exception("watched_folder.failed")
                rest = REST_AFTER_FAILURE_SECONDS
            await asyncio.sleep(rest)

    async def look(self) -> list[int]:
        """Take every file that is as it was at the last look; returns the ids of its imports."""
        found = await anyio.to_thread.run_sync(self._find)
        ready = [name for name, seen in found.items() if self._seen.get(name) == seen != self._left.get(name)]
        self._seen = found
        self._left = {name: seen for name, seen in self._left.items() if found.get(name) == seen}
        self._failed &= found.keys()
        taken = []
        for name in sorted(ready, key=self._failed.__contains__):  # those that failed stand in nobody's way
            self._failed.add(name)
            taken.append(await _undisturbed(self._take(name, found[name])))
            self._failed.discard(name)
        return [import_id for import_id in taken if import_id is not None]

    def _find(self) -> dict[str, Look]:
        """The files of the folder; none, and one line in the log, while it cannot be used."""
        try:
            prepare(self.folder)
            found = look_around(self.folder)
        except OSError as error:
            if self._unusable != str(error):
                log.error("watched_folder.unusable", folder=str(self.folder), reason=str(error))
            self._unusable = str(error)
            return {}
        self._unusable = ""
        return found

    async def _take(self, name: str, seen: Look) -> int | None:
        """Import one file, unless another worker does."""
        try:
            async with self.db.write() as session:
                await take(session, Lock.WATCHED_FILE, _key(name), patience_ms=LOCK_PATIENCE_MS)
                await session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # a slow store
                if look_at(self.folder / name) != seen:
                    return None
                with tempfile.NamedTemporaryFile(prefix="vhm24r-watched-") as copy:
                    return await self._take_locked(name, seen, copy)
        except LockBusy:
            return None

    async def _take_locked(self, name: str, seen: Look, copy: IO[bytes]) -> int | None:
        path, limit = self.folder / name, self.limit_mb * MEBIBYTE
        try:
            await anyio.to_thread.run_sync(copy_out, path, copy, limit)
            reserved = await anyio.to_thread.run_sync(reserve, self._away(refused=seen.size > limit), name)
        except OSError as error:
            self._leave(name, seen, error)
            return None
        arrival = Arrival(Path(copy.name), _shown(name))
        try:
            import_id = await take_in(self.db, self.blobs, self.jobs, ACTOR, arrival, self.limit_mb, self.clock.now())
        except BaseException:
            reserved.unlink(missing_ok=True)
            raise
        try:
            await anyio.to_thread.run_sync(move, path, reserved)
        except OSError as error:
            self._leave(name, seen, error)
        log.info("watched_folder.taken", name=arrival.name, import_id=import_id)
        return import_id

    def _leave(self, name: str, seen: Look, error: OSError) -> None:
        """Say once that a file cannot be read or moved; it is tried again when it has changed."""
        log.warning("watched_folder.left", name=_shown(name), reason=str(error))
        self._left[name] = seen

    def _away(self, *, refused: bool) -> Path:
        if refused:
            return self.folder / REFUSED
        return self.folder / TAKEN / self.clock.now().astimezone(self.zone).date().isoformat()


def _key(name: str) -> int:
    """The number of a name in its lock: signed, of 32 bits. Two names of one number only wait for each other."""
    return zlib.crc32(os.fsencode(name)) - 2**31


def _shown(name: str) -> str:
    """A file's name as text, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "replace")


async def _undisturbed(work: Coroutine[None, None, int | None]) -> int | None:
    """Finish even when the worker is told to stop: a file that is taken is also moved."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
