"""The archive around a workbook or a document of Office Open XML: the names of its parts, and their sizes.

What it says of itself is checked before a reader unpacks anything, and counted while it is read.
"""

import re
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vhm24r.intake.errors import FileDamaged, FileEncrypted, FileExcessive
from vhm24r.intake.formats.protocol import Sample

CONTENT_TYPES = "[content_types].xml"
"""The part every package has, and nothing else does."""

FIRST_PARTS = re.compile(r"\[content_types\]\.xml|_rels/|docprops/|customxml/|xl/|word/")
"""What the first part of a package is called by those who write them."""

LOCAL_HEADER = re.compile(rb"PK\x03\x04.{22}(.)\x00..", re.DOTALL)
"""The start of a part: the length of its name is in the group, the name follows."""

LARGEST_PART = 1024 * 1024 * 1024
"""Unpacked bytes of one part beyond which a package is refused: no honest report comes near."""

LARGEST_RATIO = 200
"""Unpacked to packed bytes of one part; spreadsheets compress ten- to thirtyfold."""

LEAST_PACKED = 65_536
"""Packed bytes below which the ratio is that of this many: a short part of blanks is no bomb."""

BLOCK_BYTES = 1024 * 1024

ENCRYPTED = 0x1
"""The bit of a part's flags that says it has a password."""

_DAMAGE = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, OverflowError)


def part_names(sample: Sample) -> frozenset[str]:
    """The names of the parts in lower case; empty when the file is no package. Never raises.

    A package cut off at its end has lost its table of contents: there the names are gathered from the
    parts themselves, so that it is still known for what it was.
    """
    if not sample.head.startswith(b"PK\x03\x04"):
        return frozenset()
    try:
        with zipfile.ZipFile(sample.path) as archive:
            parts = archive.infolist()
    except _DAMAGE:
        return _names_on_the_way(sample.head)
    if min((part.header_offset for part in parts), default=0) != 0:
        return frozenset()  # an archive that is cut off, and ends with a package that lies in it
    names = frozenset(_plain(part.filename) for part in parts)
    return names if CONTENT_TYPES in names else frozenset()


def _plain(name: str) -> str:
    return name.replace("\\", "/").lower()


def _names_on_the_way(head: bytes) -> frozenset[str]:
    names = []
    for match in LOCAL_HEADER.finditer(head):
        name = head[match.end() : match.end() + match[1][0]]
        names.append(_plain(name.decode("utf-8", errors="replace")))
    return frozenset(names) if names and FIRST_PARTS.match(names[0]) else frozenset()


@dataclass(frozen=True, slots=True)
class Package:
    """An open package of the format called `form`."""

    archive: zipfile.ZipFile
    form: str

    def size(self, name: str) -> int:
        """The unpacked bytes of a part, as the package says; 0 when it has no such part."""
        actual = self.actual_name(name)
        return self.archive.getinfo(actual).file_size if actual is not None else 0

    def actual_name(self, name: str) -> str | None:
        """How the package writes the name of a part (in any case); None when it has none."""
        wanted = _plain(name)
        return next((actual for actual in self.archive.namelist() if _plain(actual) == wanted), None)

    def part(self, name: str) -> bytes:
        """A small part as a whole; empty when the package has none of this name.

        Raises:
            FileDamaged: it cannot be unpacked.
        """
        return b"".join(self.blocks(name))

    def blocks(self, name: str) -> Generator[bytes, None, None]:
        """A part in blocks; read to its end, its checksum has been verified.

        Raises:
            FileDamaged: it cannot be unpacked, or is not what its checksum says.
        """
        actual = self.actual_name(name)
        if actual is None:
            return
        with self._damage_named(), self.archive.open(actual) as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    @contextmanager
    def _damage_named(self) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise FileDamaged(format=self.form, reason=str(error)) from error


@contextmanager
def open_package(path: Path, form: str, largest_part: int = LARGEST_PART) -> Iterator[Package]:
    """The package, none of whose parts says that it unpacks beyond `largest_part` bytes.

    Raises:
        FileDamaged: the archive cannot be opened.
        FileEncrypted: a part has a password.
        FileExcessive: a part is larger, or unpacks more than two hundredfold.
    """
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        raise FileDamaged(format=form, reason=str(error)) from error
    with archive:
        for part in archive.infolist():
            if part.flag_bits & ENCRYPTED:
                raise FileEncrypted(format=form)
            bomb = part.file_size > LARGEST_RATIO * max(part.compress_size, LEAST_PACKED)
            if part.file_size > largest_part or bomb:
                raise FileExcessive(part=part.filename, size_mb=part.file_size >> 20, limit_mb=largest_part >> 20)
        yield Package(archive, form)
