"""What a format is: it recognises its bytes and reads them as tables of text cells. A container holds files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from vhm24r.intake.errors import FileRefused
from vhm24r.intake.types import Table

HEAD_BYTES = 256 * 1024
"""How much of a file is looked at to recognise it."""

CHUNK_ROWS = 4_000
"""Rows handled at once: large enough to amortise, small enough to stay in the cache."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What recognising may look at: the first bytes, and the file for formats that keep their table
    of contents elsewhere.
    """

    path: Path
    head: bytes

    @classmethod
    def of(cls, path: Path) -> "Sample":
        """The sample of a file."""
        with path.open("rb") as file:
            return cls(path, file.read(HEAD_BYTES))


@runtime_checkable
class Format(Protocol):
    """One way of writing tables into a file."""

    name: str

    def recognises(self, sample: Sample) -> bool:
        """Whether this is a file of the format; never raises, whatever the bytes are."""
        ...

    def tables(self, path: Path) -> Iterator[Table]:
        """The tables of the file, rows streamed in chunks.

        Raises:
            FileDamaged, FileEncrypted, FileExcessive: rows already given out are not to be used.
        """
        ...


@runtime_checkable
class Growing(Protocol):
    """A format that tells all columns of a table only at its end, and can give rows before."""

    def growing_tables(self, path: Path) -> Iterator[Table]:
        """As `Format.tables`, but a long table begins before the file is read to its end: columns may be added.

        Raises:
            ReadAgain: while iterating; there is more in the file than this table.
        """
        ...


@dataclass(frozen=True, slots=True)
class Member:
    """A file out of a container: its name there, and where it lies now, or why it was not taken out."""

    name: str
    path: Path | None
    refusal: FileRefused | None = None


@runtime_checkable
class Container(Protocol):
    """One way of packing files into a file."""

    name: str

    def recognises(self, sample: Sample) -> bool:
        """Whether this is a file of the container; never raises, whatever the bytes are."""
        ...

    def members(self, path: Path, into: Path) -> Iterator[Member]:
        """The files inside, in their order, each unpacked under a name of ours into the folder `into`.

        A member that cannot be taken (a link, an encrypted or a damaged one, a name that leaves the
        folder) comes with its refusal; folders are passed over. The caller may delete a member's file
        before asking for the next one.

        Raises:
            FileDamaged, FileEncrypted, FileExcessive: nothing (more) of the container can be read.
        """
        ...
