"""What a format is: it recognises its bytes and reads them as tables of text cells."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from vhm24r.intake.types import Table
from vhm24r.kit.errors import Invalid

CHUNK_ROWS = 4_000
"""Rows handled at once: large enough to amortise, small enough to stay in the cache."""


class Unreadable(Invalid):
    """The bytes look like this format and cannot be read to their end; `reason` is the reader's own word for it."""

    code = "intake.file_damaged"


class Format(Protocol):
    """One way of writing tables into a file."""

    name: str

    def recognises(self, head: bytes) -> bool:
        """Whether a file that begins with `head` (up to 256 KiB) is of this format."""
        ...

    def tables(self, path: Path) -> Iterator[Table]:
        """The tables of the file, rows streamed in chunks.

        Raises:
            Unreadable: the file is damaged; rows already given out are not to be used.
        """
        ...
