"""CSV and its kin: text with a delimiter; encoding and delimiter found from the content."""

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from vhm24r.intake.formats.protocol import CHUNK_ROWS, Unreadable
from vhm24r.intake.types import Chunk, Table

HEAD_BYTES = 256 * 1024
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 60
LEAST_SOUND_SHARE = 50
"""Sound characters beyond ASCII per broken one from which on a text is taken for damaged UTF-8."""
CYRILLIC_ENCODINGS = ["cp1251", "cp866", "koi8_r"]
BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))

csv.field_size_limit(1024 * 1024)


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text that begins with `head`; None when it is no text."""
    for bom, name in BOMS:
        if head.startswith(bom):
            return name
    if b"\x00" in head:
        return None
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head, final=len(head) < HEAD_BYTES)  # a character may be cut at the end of the sample
    except UnicodeDecodeError:
        return "utf-8" if _is_damaged_utf8(head) else _single_byte_encoding(head)
    return "utf-8"


def _is_damaged_utf8(head: bytes) -> bool:
    """Text with real multi-byte characters and next to no broken ones: its bad rows are issues."""
    text = head.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    beyond_ascii = sum(1 for character in text if character > "\x7f") - broken
    return beyond_ascii > broken * LEAST_SOUND_SHARE


def _single_byte_encoding(head: bytes) -> str | None:
    controls = sum(head.count(bytes([code])) for code in range(32) if code not in (9, 10, 13))
    if controls * 100 > len(head):
        return None
    import charset_normalizer  # takes 50 ms to load; most files are UTF-8

    best = charset_normalizer.from_bytes(head[:65_536], cp_isolation=CYRILLIC_ENCODINGS).best()
    return best.encoding if best is not None else "cp1251"


def delimiter_of(text: str) -> str | None:
    """The delimiter that splits the most lines into the same number of two or more cells."""
    best, best_score = None, 0
    for delimiter in DELIMITERS:
        try:
            rows = list(islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), SAMPLE_LINES))
        except csv.Error:
            continue
        widths = [len(row) for row in rows if len(row) > 1]
        if not widths:
            continue
        common = max(set(widths), key=widths.count)
        score = widths.count(common) * common
        if score > best_score:
            best, best_score = delimiter, score
    return best


class Delimited:
    """Delimited text of any encoding and delimiter."""

    name = "csv"

    def recognises(self, head: bytes) -> bool:
        """Text in which some delimiter makes columns."""
        encoding = encoding_of(head)
        if encoding is None:
            return False
        return delimiter_of(head.decode(encoding, errors="replace")) is not None

    def tables(self, path: Path) -> Iterator[Table]:
        """One table; rows keep the width they have, so that a ragged one can be seen."""
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        encoding = encoding_of(head) or "utf-8"
        delimiter = delimiter_of(head.decode(encoding, errors="replace")) or ","
        yield Table(0, None, _chunks(path, encoding, delimiter))


def _chunks(path: Path, encoding: str, delimiter: str) -> Iterator[Chunk]:
    # a byte that is no text becomes U+FFFD, and the row that holds it an issue
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        reader = csv.reader(file, delimiter=delimiter)
        number = 1
        while True:
            try:
                rows = list(islice(reader, CHUNK_ROWS))
            except csv.Error as error:
                raise Unreadable(reason=str(error), row=number) from error
            if not rows:
                return
            yield Chunk(number, rows)
            number += len(rows)
