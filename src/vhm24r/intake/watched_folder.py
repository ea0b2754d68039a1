"""The watched folder as a folder: which of its files are complete, and where they go afterwards.

Files only: who imports them is `service.watching`. Nothing here follows a link or enters a folder.
"""

import errno
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO

UNFINISHED_PREFIXES = (".", "~$")
UNFINISHED_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload", ".tmp")
"""How browsers, office programs and file transfers name what they are still writing."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of a file without opening it; `changed` also moves when its permissions do."""

    size: int
    modified: int
    changed: int


def is_finished(name: str) -> bool:
    """Whether a file of this name is meant to be taken: neither hidden nor somebody's work in progress."""
    return not name.startswith(UNFINISHED_PREFIXES) and not name.lower().endswith(UNFINISHED_SUFFIXES)


def look_at(path: Path) -> Look | None:
    """A file as it is now; None when it is gone, a link, a folder or a device."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return Look(found.st_size, found.st_mtime_ns, found.st_ctime_ns) if stat.S_ISREG(found.st_mode) else None


def look_around(folder: Path) -> dict[str, Look]:
    """The files of the folder itself that have a finished name, by name.

    Raises:
        OSError: the folder cannot be listed.
    """
    looks = {path.name: look_at(path) for path in sorted(folder.iterdir()) if is_finished(path.name)}
    return {name: look for name, look in looks.items() if look is not None}


def prepare(folder: Path) -> None:
    """Make the folder if there is none, and see that files can be taken out of it.

    Raises:
        OSError: it cannot be made, or not be written to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def copy_out(path: Path, to: IO[bytes], most_bytes: int) -> None:
    """A copy that nobody else writes to; of a file of more than `most_bytes` only its size is copied.

    Raises:
        OSError: it cannot be read, or is a link by now.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:  # noqa: PTH123  # a descriptor: a path could be another file by now
        size = os.fstat(descriptor).st_size
        if size > most_bytes:
            to.truncate(size)
        else:
            shutil.copyfileobj(file, to)
    to.flush()


def reserve(folder: Path, name: str) -> Path:
    """An empty file of this name in the folder, with a number where the name is taken; the folder is made.

    Raises:
        OSError: nothing can be written there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain, place, number = Path(name), folder / name, 1
    while True:
        try:
            place.touch(exist_ok=False)
        except FileExistsError:
            number += 1
            place = folder / f"{plain.stem} ({number}){plain.suffix}"
        else:
            return place


def move(path: Path, reserved: Path) -> None:
    """Put a file in the place reserved for it; between file systems it is copied, then deleted.

    Raises:
        OSError: it could not be moved; the file is where it was.
    """
    try:
        _replace(path, reserved)
    except OSError:
        reserved.unlink(missing_ok=True)
        raise


def _replace(path: Path, reserved: Path) -> None:
    try:
        path.replace(reserved)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(path, reserved, follow_symlinks=False)
        path.unlink()
