"""The directory of an OLE compound file: the names of its streams, which tell an XLS from a DOC.

Nothing of the streams is read. Every chain is bounded and remembers where it has been, so that a file
made to lead in circles only comes out short.
"""

import struct
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
HEADER_BYTES = 512
ENTRY_BYTES = 128
STREAM, ROOT = 2, 5
"""The types of directory entries that have a size."""

LEAST_OWN_SECTORS = 4096
"""Bytes below which a stream lies among other small ones."""

SECTOR_SHIFTS, SMALL_SECTOR_SHIFT = frozenset({9, 12}), 6
"""The sizes of sectors, and of those of small streams, as powers of two."""

LARGEST_SECTOR_NUMBER = 0xFFFFFFFA
"""Numbers from here on are marks (end of a chain, free), not sectors."""

DIRECTORY_SECTORS = 1024
"""Sectors of the directory that are looked at: 4,096 entries at the least, Office writes about ten."""

ALLOCATION_SECTORS = 65_536
"""Sectors of the allocation table that are listed: enough for files of 4 GiB."""


@dataclass(frozen=True, slots=True)
class _Compound:
    """An open compound file; `table` are the sectors of its allocation table."""

    file: IO[bytes]
    header: bytes
    sector_bytes: int
    table: list[int]

    def entries(self) -> Iterator[bytes]:
        """The entries of the directory."""
        if not self.header:
            return
        first = struct.unpack_from("<I", self.header, 48)[0]
        for number in islice(self.chain(first), DIRECTORY_SECTORS):
            content = self.sector(number)
            for start in range(0, len(content) - ENTRY_BYTES + 1, ENTRY_BYTES):
                yield content[start : start + ENTRY_BYTES]

    def sector(self, number: int) -> bytes:
        """The bytes of a sector; short or none at all where the file ends before."""
        return _sector(self.file, self.sector_bytes, number)

    def chain(self, first: int) -> Iterator[int]:
        """The sectors of a stream; ends at its end, where it is cut, and where it turns in a circle."""
        seen: set[int] = set()
        number = first
        while number < LARGEST_SECTOR_NUMBER and number not in seen:
            seen.add(number)
            yield number
            number = self._next(number)

    def _next(self, number: int) -> int:
        index, place = divmod(number, self.sector_bytes // 4)
        if index >= len(self.table):
            return LARGEST_SECTOR_NUMBER
        entry = self.sector(self.table[index])[place * 4 : place * 4 + 4]
        return int.from_bytes(entry, "little") if len(entry) == 4 else LARGEST_SECTOR_NUMBER


def stream_names(path: Path) -> frozenset[str]:
    """The names of the streams of a compound file; empty when it is none."""
    with _compound(path) as compound:
        return frozenset(_name(entry) for entry in _streams(compound))


def start_of(path: Path, names: Container[str]) -> bytes:
    """The first sector of a stream with one of the names; empty when there is none of 4 KiB or more."""
    with _compound(path) as compound:
        for entry in _streams(compound):
            first, size = struct.unpack_from("<II", entry, 116)
            if _name(entry) in names and size >= LEAST_OWN_SECTORS:
                return compound.sector(first)
    return b""


def is_honest(path: Path) -> bool:
    """Whether no count and no size a compound file states is beyond what the file has room for.

    Readers set memory aside by what it states, and die of it.
    """
    with _compound(path) as compound:
        if len(compound.header) < HEADER_BYTES:
            return False
        sector_shift, small_shift = struct.unpack_from("<HH", compound.header, 30)
        if sector_shift not in SECTOR_SHIFTS or small_shift != SMALL_SECTOR_SHIFT:
            return False
        size = path.stat().st_size
        counts = struct.unpack_from("<4xI16xI4xI", compound.header, 40)
        sizes = (struct.unpack_from("<I", entry, 120)[0] for entry in compound.entries() if entry[66] in {STREAM, ROOT})
        return max(counts) <= size >> sector_shift and all(stated <= size for stated in sizes)


@contextmanager
def _compound(path: Path) -> Iterator[_Compound]:
    """A compound file; one without a header, and so without entries, when it is none."""
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES or not header.startswith(MAGIC):
            yield _Compound(file, b"", 512, [])
        else:
            yield _opened(file, header)


def _streams(compound: _Compound) -> Iterator[bytes]:
    return (entry for entry in compound.entries() if entry[66] == STREAM)


def _opened(file: IO[bytes], header: bytes) -> _Compound:
    sector_bytes = 4096 if struct.unpack_from("<H", header, 30)[0] == 12 else 512
    table = [number for number in struct.unpack_from("<109I", header, 76) if number < LARGEST_SECTOR_NUMBER]
    # what does not fit into the header goes on in sectors whose last number is that of the next one
    number, seen = struct.unpack_from("<I", header, 68)[0], set[int]()
    while number < LARGEST_SECTOR_NUMBER and number not in seen and len(table) < ALLOCATION_SECTORS:
        seen.add(number)
        content = _sector(file, sector_bytes, number)
        if len(content) < sector_bytes:
            break
        *listed, number = struct.unpack(f"<{sector_bytes // 4}I", content)
        table += [entry for entry in listed if entry < LARGEST_SECTOR_NUMBER]
    return _Compound(file, header, sector_bytes, table)


def _sector(file: IO[bytes], sector_bytes: int, number: int) -> bytes:
    file.seek((number + 1) * sector_bytes)
    return file.read(sector_bytes)


def _name(entry: bytes) -> str:
    length = min(struct.unpack_from("<H", entry, 64)[0], 64)
    return entry[: max(length - 2, 0)].decode("utf-16-le", errors="replace")
