"""What every container does alike: names made harmless, links and paths outside refused, bytes counted.

Nothing an archive says about itself is believed: sizes are counted while they are read, files are
written under numbers of ours, and the names inside are only shown.
"""

import re
import unicodedata
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias, TypeVar

from vhm24r.intake.errors import FileEncrypted, FileExcessive, FileRefused, ForbiddenContent, TooManyMembers
from vhm24r.intake.formats.protocol import Member

PIECE_BYTES = 1024 * 1024
"""Bytes unpacked at once, and so the memory one member takes."""

LONGEST_NAME = 255
"""Characters of a name that are shown; of a longer one its end, where the file's own name is."""

UNCERTAIN_BYTES = 64 * 1024
"""Packed bytes up to which a ratio says nothing: a small file of equal rows packs like a bomb."""

WHOLE = "Σ"
"""The `part` of a refusal that means everything in the container together."""

OUTSIDE = "path outside the archive"
LINK = "link"
DEVICE = "device"

_SEPARATORS = re.compile(r"[/\\]")
_ABSOLUTE = re.compile(r"[/\\]|[A-Za-z]:")
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LITTER_FOLDERS = frozenset({"__macosx"})
_LITTER_FILES = frozenset({".ds_store", "thumbs.db", "desktop.ini"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a container is unpacked.

    Attributes:
        member: bytes of one member.
        total: bytes of all members together.
        ratio: unpacked to packed bytes of one member. Reports of orders pack twenty- to ninetyfold, those
            whose rows differ in nothing but the time three hundredfold; nothing but repetition, of which
            bombs are made, packs a thousandfold, where deflate ends.
        members: entries of the directory, folders among them.
    """

    member: int = 512 * 1024 * 1024
    total: int = 1024 * 1024 * 1024
    ratio: int = 500
    members: int = 1_000

    def largest(self, packed: int) -> int:
        """Bytes that a member of `packed` bytes may unpack to."""
        return min(self.member, self.ratio * max(packed, UNCERTAIN_BYTES))


class Kind(StrEnum):
    """What an entry of a directory is."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    DEVICE = "device"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a directory says of one member: sizes in bytes, the name as it was written."""

    name: str
    kind: Kind
    encrypted: bool
    size: int
    packed: int


AnyEntry = TypeVar("AnyEntry", bound=Entry)

Pieces: TypeAlias = Generator[bytes, None, None]
"""The bytes of a member; closed as soon as no more of them are wanted."""


def decoded_name(name: bytes) -> str:
    """A name that does not say its encoding: UTF-8 where it is that, else the DOS one of Russian Windows."""
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("cp866")


def shown_name(name: str) -> str:
    """A name that can be put before a person: one line, printable, `/` between folders, not endless."""
    shown = "".join("\ufffd" if unicodedata.category(sign) in _UNPRINTABLE else sign for sign in name)
    shown = shown.replace("\\", "/")
    return shown if len(shown) <= LONGEST_NAME else f"…{shown[1 - LONGEST_NAME :]}"


def leaves_folder(name: str) -> bool:
    """Whether the name is absolute, climbs out of its folder, is cut by a NUL or is no name at all.

    Backslashes are separators, as the Windows programs that write them mean it.
    """
    parts = _SEPARATORS.split(name)
    return bool(_ABSOLUTE.match(name)) or "\0" in name or ".." in parts or not any(part.strip(".") for part in parts)


def is_litter(name: str) -> bool:
    """Whether an operating system left the file there: resource forks, thumbnails, views of folders."""
    *folders, file = _SEPARATORS.split(name.lower())
    return file in _LITTER_FILES or file.startswith("._") or not _LITTER_FOLDERS.isdisjoint(folders)


def check_count(count: int, limits: Limits) -> None:
    """Refuse a directory of more entries than are taken.

    Raises:
        TooManyMembers: with the `count` known so far.
    """
    if count > limits.members:
        raise TooManyMembers(count=count, most=limits.members)


def unpack(
    form: str, entries: Sequence[AnyEntry], into: Path, limits: Limits, pieces: Callable[[AnyEntry], Pieces]
) -> Iterator[Member]:
    """The members of a container, of the format `form`, in their order, each written into the folder `into`.

    `pieces` gives the bytes of an entry; a FileRefused it raises becomes the refusal of that member.

    Raises:
        FileEncrypted: there is not one member without a password.
        FileExcessive: all members together are larger than is unpacked.
    """
    wanted = [entry for entry in entries if entry.kind is not Kind.FOLDER and not is_litter(entry.name)]
    if wanted and all(entry.encrypted for entry in wanted):
        raise FileEncrypted(format=form)
    writer = _Writer(into, limits)
    for number, entry in enumerate(wanted, 1):
        refusal = _refusal(form, entry, limits)
        if refusal is None:
            yield writer.write(number, entry, pieces(entry))
        else:
            yield Member(shown_name(entry.name), None, refusal)


def _refusal(form: str, entry: Entry, limits: Limits) -> FileRefused | None:
    """Why an entry is not even opened."""
    if entry.kind in (Kind.LINK, Kind.DEVICE):
        return ForbiddenContent(what=LINK if entry.kind is Kind.LINK else DEVICE)
    if leaves_folder(entry.name):
        return ForbiddenContent(what=OUTSIDE)
    if entry.encrypted:
        return FileEncrypted(format=form)
    largest = limits.largest(entry.packed)
    return _excessive(shown_name(entry.name), entry.size, largest) if entry.size > largest else None


def _excessive(part: str, size: int, limit: int) -> FileExcessive:
    return FileExcessive(part=part, size_mb=size >> 20, limit_mb=limit >> 20)


@dataclass(slots=True)
class _Writer:
    """Writes members one after the other; `unpacked` is what all of them have taken so far, in bytes."""

    into: Path
    limits: Limits
    unpacked: int = 0

    def write(self, number: int, entry: Entry, pieces: Pieces) -> Member:
        """The member, written under its number; with its refusal and no file when it cannot be read."""
        name, target = shown_name(entry.name), self.into / f"{number:04}"
        try:
            with target.open("xb") as file, closing(pieces):
                for piece in self._counted(name, self.limits.largest(entry.packed), pieces):
                    file.write(piece)
        except FileRefused as refusal:
            target.unlink()
            if self.unpacked > self.limits.total:
                raise
            return Member(name, None, refusal)
        return Member(name, target)

    def _counted(self, name: str, largest: int, pieces: Pieces) -> Iterator[bytes]:
        """The pieces, until they are more than one member or all members may have."""
        size = 0
        for piece in pieces:
            size += len(piece)
            self.unpacked += len(piece)
            if self.unpacked > self.limits.total:
                raise _excessive(WHOLE, self.unpacked, self.limits.total)
            if size > largest:
                raise _excessive(name, size, largest)
            yield piece
