"""Folders for files that nobody needs once a piece of work is done, even if its process was killed meanwhile."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "vhm24r-scratch-"
NEWBORN_SECONDS = 60
"""A folder is locked right after it is made; so long nobody may take it for abandoned."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder, gone afterwards. It is locked while it is in use, so that `sweep` leaves it alone."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name:
        lock = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(lock)


def sweep() -> int:
    """Remove the folders of processes that were killed; returns how many."""
    swept = 0
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            abandoned = time.time() - folder.stat().st_mtime > NEWBORN_SECONDS and _is_free(folder)
        except OSError:  # gone meanwhile, or somebody else's
            continue
        if abandoned:
            shutil.rmtree(folder, ignore_errors=True)
            swept += not folder.exists()
    return swept


def _is_free(folder: Path) -> bool:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)  # whatever else bears such a name is not ours
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
