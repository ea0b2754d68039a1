"""ZIP archives of report files."""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import BinaryIO

from vhm24r.intake.errors import FileDamaged
from vhm24r.intake.formats.protocol import Member, Sample
from vhm24r.intake.formats.unpacking import PIECE_BYTES, Entry, Kind, Limits, Pieces, check_count, decoded_name, unpack

STARTS = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive begins: with its first member, or, having none, with the end of its directory."""

DOCUMENT_PART = b"[Content_Types].xml"
DOCUMENT_TYPE = b"mimetype"
"""Names that only documents made as archives have: of Office Open XML, and of OpenDocument."""

READABLE = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Compressions the library unpacks piece by piece. Of the others it unpacks all that 4 KiB hold at
once, which in bzip2 can be gigabytes; no program writes them unless it is told to.
"""

_UTF8_NAME = 0x800
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # with a password, strongly, and with the directory masked

_END = struct.Struct("<4s4H2LH")  # signature, 2 disks, 2 counts, size and offset of the directory, comment
_END_64 = struct.Struct("<4sQ2H2L4Q")  # signature, own size, 2 versions, 2 disks, 2 counts, size, offset
_LOCATOR_64_BYTES = 20
_LONGEST_COMMENT = 0xFFFF
_ONLY_DISK = (0, 0xFFFF)  # the second means: see the 64-bit record

_RECORD = struct.Struct("<4s6H3L5H2L")  # an entry of the directory, up to its name
_LOCAL = struct.Struct("<4s5H3L2H")  # what stands before the data of a member, up to its name

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    OverflowError,
)
"""What the library raises over a damaged archive. (NotImplementedError is a RuntimeError.)"""


@dataclass(frozen=True, slots=True)
class _ZipEntry(Entry):
    info: zipfile.ZipInfo


class ZipArchive:
    """ZIP archives that are not themselves a document."""

    name = "zip"

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits

    def recognises(self, sample: Sample) -> bool:
        """An archive whose directory names no part that makes it a document.

        Where the directory cannot be read, as in an archive cut short, the first bytes decide.
        """
        if not sample.head.startswith(STARTS):
            return False
        try:
            with sample.path.open("rb") as file:
                names = list(islice(_names(file), self._limits.members))
        except (FileDamaged, OSError):
            return DOCUMENT_PART not in sample.head and DOCUMENT_TYPE not in sample.head[: _LOCAL.size + 8]
        return DOCUMENT_PART not in names and DOCUMENT_TYPE not in names[:1]

    def members(self, path: Path, into: Path) -> Iterator[Member]:
        """The files in the order of the directory; see `Container`.

        Raises:
            FileDamaged, FileEncrypted, FileExcessive, TooManyMembers: see `Container`.
        """
        with path.open("rb") as file:
            # counted before the library makes an object of every entry
            check_count(_count(file, self._limits.members), self._limits)
            try:
                archive = zipfile.ZipFile(file)
            except _BROKEN as error:
                raise FileDamaged(format="zip", reason=str(error)) from error
            with archive:
                entries = [_entry(info) for info in archive.infolist()]
                _check_apart(file, entries, archive.start_dir)
                yield from unpack(self.name, entries, into, self._limits, lambda entry: _pieces(archive, entry.info))


def _names(file: BinaryIO) -> Iterator[bytes]:
    """The names in the directory as they are written, without holding the directory.

    Raises:
        FileDamaged: there is none, or it breaks off.
    """
    size, _, end = _directory(file)
    position = end - size
    while position < end:
        file.seek(position)
        record = file.read(_RECORD.size)
        if len(record) < _RECORD.size or not record.startswith(b"PK\x01\x02"):
            raise FileDamaged(format="zip", reason="the directory of the archive breaks off")
        fields = _RECORD.unpack(record)
        name, extra, comment = fields[10:13]
        yield file.read(name)
        position += _RECORD.size + name + extra + comment


def _count(file: BinaryIO, most: int) -> int:
    """How many entries the directory has, or says it has; counted no further than just beyond `most`."""
    counted = sum(1 for _ in islice(_names(file), most + 1))
    _, said, _ = _directory(file)
    return max(counted, said) if counted > most else counted


def _directory(file: BinaryIO) -> tuple[int, int, int]:
    """The directory of an archive: (its bytes, the entries it says it has, where it ends)."""
    length = file.seek(0, 2)
    start = max(0, length - _END.size - _LONGEST_COMMENT - _LOCATOR_64_BYTES - _END_64.size)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise FileDamaged(format="zip", reason="the archive has no end")
    _, disk, _, _, count, size, _, _ = _END.unpack_from(tail, at)
    if disk not in _ONLY_DISK:
        raise FileDamaged(format="zip", reason="one of several volumes")
    wide = at - _LOCATOR_64_BYTES - _END_64.size
    if wide >= 0 and tail.startswith(b"PK\x06\x06", wide) and tail.startswith(b"PK\x06\x07", wide + _END_64.size):
        at = wide
        _, _, _, _, _, _, _, count, size, _ = _END_64.unpack_from(tail, wide)
    if size > start + at:
        raise FileDamaged(format="zip", reason="the directory of the archive is longer than the archive")
    return size, count, start + at


def _entry(info: zipfile.ZipInfo) -> _ZipEntry:
    # the library has read names that are not UTF-8 as cp437, which can be undone; and it cut them at a NUL
    name = info.orig_filename
    if not info.flag_bits & _UTF8_NAME:
        name = decoded_name(name.encode("cp437"))
    encrypted = bool(info.flag_bits & _ENCRYPTED)
    return _ZipEntry(name, _kind(info), encrypted, info.file_size, info.compress_size, info)


def _kind(info: zipfile.ZipInfo) -> Kind:
    """By the file type of Unix, if there is one, and by how folders are named."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return Kind.LINK
    if kind == stat.S_IFDIR or info.orig_filename.endswith(("/", "\\")):
        return Kind.FOLDER
    return Kind.FILE if kind in (0, stat.S_IFREG) else Kind.DEVICE


def _check_apart(file: BinaryIO, entries: list[_ZipEntry], end: int) -> None:
    """Refuse members that share their bytes: a few of them can unpack to more than any disk holds.

    Raises:
        FileDamaged: members overlap each other or the directory.
    """
    spans = sorted(_span(file, entry.info) for entry in entries)
    for (_, one_ends), (other_starts, _) in pairwise([*spans, (end, end)]):
        if one_ends > other_starts:
            raise FileDamaged(format="zip", reason="members of the archive overlap")


def _span(file: BinaryIO, info: zipfile.ZipInfo) -> tuple[int, int]:
    """Where a member begins and where its data ends."""
    file.seek(max(0, info.header_offset))  # the library moves it by what it thinks stands before the archive
    header = file.read(_LOCAL.size)
    if info.header_offset < 0 or len(header) < _LOCAL.size:
        raise FileDamaged(format="zip", reason="a member lies outside the archive")
    name, extra = _LOCAL.unpack(header)[9:]
    return info.header_offset, info.header_offset + _LOCAL.size + name + extra + info.compress_size


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Pieces:
    """The bytes of a member, its checksum compared at the end."""
    if info.compress_type not in READABLE:
        raise FileDamaged(format="zip", reason=f"compression method {info.compress_type}")
    try:
        with archive.open(info) as source:
            while piece := source.read(PIECE_BYTES):
                yield piece
    except _BROKEN as error:
        raise FileDamaged(format="zip", reason=str(error)) from error
