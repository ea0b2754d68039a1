"""Rows as they were read before: a report that comes again need not be read word by word.

For every layout one file says what its last rows were read as: a hash of the cells of each, and the hashes of
the statement they made. It is made beside an import and kept when that is applied. Nothing depends on it but
time; whether the statements still stand is asked of the database (docs/adr/0013-hasty-reading.md).
"""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from zoneinfo import ZoneInfo

from xxhash import xxh3_128_digest

import vhm24r
from vhm24r.intake.sources.declaration import Claim
from vhm24r.intake.statements import HASH_BYTES, SEPARATOR, Statements

SUFFIX = ".rows"
UNFINISHED = ".part"

MOST_ROWS = 500_000
"""Rows kept of one file, 48 bytes each."""

MOST_FILES = 12
"""Layouts kept; the one not met for the longest time goes first."""

STRAY_SECONDS = 3_600
"""After so long an unfinished file has been left by somebody who was killed."""

LENGTH_BYTES = 4


def hashes_of(rows: Sequence[Sequence[str]], width: int) -> bytes | None:
    """A hash of the cells of each row, one behind the other; None where rows may look alike that are not."""
    if not rows or set(map(len, rows)) != {width}:
        return None
    joined = list(map(SEPARATOR.join, rows))
    if "".join(joined).count(SEPARATOR) != len(rows) * (width - 1):
        return None
    try:
        return b"".join(map(xxh3_128_digest, map(str.encode, joined)))
    except UnicodeEncodeError:  # half of a surrogate pair
        return None


@dataclass(slots=True)
class KnownRows:
    """The rows of one layout, as columns of hashes: of their cells, their identities and their contents.

    Those being read are remembered in `file`, unless they become too many or the disk takes no more.
    """

    file: Path
    earlier: tuple[bytes, bytes, bytes] = (b"", b"", b"")
    recalled: bool = False
    remembering: bool = True
    _count: int = 0
    _next: int = 0

    @property
    def is_of_use(self) -> bool:
        """Whether there is anything to recall, or still to remember."""
        return self.remembering or bool(self.earlier[0])

    def find(self, cells: bytes) -> tuple[bytes, bytes] | None:
        """Identities and contents of rows, given the hashes of their cells, if they stood side by side before."""
        known, identities, contents = self.earlier
        at = self._next if known.startswith(cells, self._next) else self._search(cells)
        if at is None:
            return None
        self._next = at + len(cells)
        return identities[at : self._next], contents[at : self._next]

    def _search(self, cells: bytes) -> int | None:
        known, first, at = self.earlier[0], cells[:HASH_BYTES], -1
        while (at := known.find(first, at + 1)) >= 0:
            if at % HASH_BYTES == 0:
                return at if known.startswith(cells, at) else None
        return None

    def remember(self, cells: bytes, stated: Statements) -> None:
        """What rows were read as."""
        self._count += stated.count
        self.remembering = self.remembering and self._count <= MOST_ROWS
        if not self.remembering:
            return self.forget()
        length = stated.count.to_bytes(LENGTH_BYTES, "big")
        try:
            with self.file.open("ab") as file:
                file.writelines((length, cells, stated.identities, stated.contents))
        except OSError:  # a full disk is no reason to stop: nothing but time depends on it
            self.forget()

    def forget(self) -> None:
        """Remember nothing of this file."""
        self.remembering = False
        with suppress(OSError):
            self.file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where known rows are kept: those of earlier imports in `folder`, those of the running one in `scratch`.

    Where nothing stands yet, what is known is of no use: then nothing is recalled.
    """

    folder: Path
    scratch: Path
    recalls: bool = True

    def open(self, layout: str, *, recall: bool) -> KnownRows:
        """Begin with a table of a layout; if wanted, with what is known of it."""
        file = self.scratch / f"{layout}{UNFINISHED}"
        with suppress(OSError, MemoryError):
            file.unlink(missing_ok=True)
            if recall and self.recalls:
                return KnownRows(file, _columns((self.folder / f"{layout}{SUFFIX}").read_bytes()))
        return KnownRows(file)

    def close(self, read: Iterable[KnownRows]) -> None:
        """A file is read to its end, and taken. The last one of a layout counts."""
        for known in read:
            with suppress(OSError):  # not there where nothing was remembered
                known.file.replace(known.file.with_suffix(SUFFIX))

    def keep(self) -> None:
        """The import stands: what its rows were read as is what is known from now on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.scratch.glob(f"*{SUFFIX}"):
            _move(file, self.folder)
        _make_room(self.folder)


def _columns(written: bytes) -> tuple[bytes, bytes, bytes]:
    """The columns out of a file; empty ones when it makes no sense."""
    blocks = list(_blocks(written))
    if sum(map(len, blocks)) + LENGTH_BYTES * len(blocks) != len(written):
        return b"", b"", b""
    cells, identities, contents = (
        b"".join(block[len(block) * third // 3 : len(block) * (third + 1) // 3] for block in blocks)
        for third in range(3)
    )
    return cells, identities, contents


def _blocks(written: bytes) -> Iterator[bytes]:
    end = 0
    while True:
        start = end + LENGTH_BYTES
        end = start + 3 * HASH_BYTES * int.from_bytes(written[end:start], "big")
        if start >= end or end > len(written):
            return
        yield written[start:end]


def _move(file: Path, folder: Path) -> None:
    """In one step, though the folders may lie on different disks."""
    passing = folder / f"{file.name}.{file.parent.name}{UNFINISHED}"
    try:
        passing.write_bytes(file.read_bytes())
        passing.replace(folder / file.name)
    except OSError:
        passing.unlink(missing_ok=True)
        raise


def _make_room(folder: Path) -> None:
    newest_first = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: -file.stat().st_mtime)
    strays = [file for file in folder.glob(f"*{UNFINISHED}") if time.time() - file.stat().st_mtime > STRAY_SECONDS]
    for file in [*newest_first[MOST_FILES:], *strays]:
        file.unlink(missing_ok=True)


def layout_of(claim: Claim, header: Sequence[str], zone: ZoneInfo) -> str:
    """A name for what decides what a row of cells is read as, this program among it."""
    source = claim.source
    said = (
        source.name, source.account, source.currency, source.key, source.key_with_machine, source.zone or zone.key,
        source.columns, sorted(claim.places.items()), list(header), sys.version, program(),
    )  # fmt: skip
    return blake2b(repr(said).encode("utf-8", "replace"), digest_size=16).hexdigest()


@cache
def program() -> str:
    """A hash of the modules that read: another version may read the same cells as something else.

    Made once in a process, out of a hundred files.
    """
    digest = blake2b(digest_size=16)
    package = Path(vhm24r.__file__).parent
    for module in sorted(path for room in ("intake", "kit", "evidence") for path in (package / room).rglob("*.py")):
        text = module.read_bytes()
        digest.update(f"{module.relative_to(package)} {len(text)}\n".encode() + text)
    return digest.hexdigest()
