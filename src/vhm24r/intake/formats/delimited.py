"""CSV and its kin: text with a delimiter; encoding and delimiter found from the content."""

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from vhm24r.intake.formats.protocol import CHUNK_ROWS
from vhm24r.intake.types import Chunk, Table

HEAD_BYTES = 256 * 1024
DELIMITERS = (",", ";", "\t", "|")
SAMPLE_LINES = 60
LONGEST_RECORD_LINES = 100
"""Lines one cell may span: addresses take a few; beyond it a quotation mark was never closed."""

LEAST_SOUND_SHARE = 50
"""Sound characters beyond ASCII per broken one from which on a text is taken for damaged UTF-8."""
CYRILLIC_ENCODINGS = ["cp1251", "cp866", "koi8_r"]
BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))

csv.field_size_limit(1024 * 1024 * 1024)  # a long cell is an issue of its row, not the end of the file


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
    """Lines in bulk; where a cell spans lines or a quote is not closed, record by record."""
    # a byte that is no text becomes U+FFFD, and the row that holds it an issue
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        number, left = 1, list(islice(file, CHUNK_ROWS))
        while left:
            rows = _plain_rows(left, delimiter)
            broken: frozenset[int] = frozenset()
            if rows is None:
                left += islice(file, LONGEST_RECORD_LINES)
                rows, broken, used = _records(left, delimiter, number, at_end=len(left) < LONGEST_RECORD_LINES)
                left = left[used:]
            else:
                left = []
            yield Chunk(number, rows, broken)
            number += len(rows)
            left += islice(file, CHUNK_ROWS)


def _plain_rows(lines: list[str], delimiter: str) -> list[list[str]] | None:
    """One record a line, as almost every report has it; None when the lines are not that plain."""
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows if len(rows) == len(lines) else None


def _records(
    lines: list[str], delimiter: str, number: int, *, at_end: bool
) -> tuple[list[list[str]], frozenset[int], int]:
    """Records that may span lines: (rows, numbers of the broken ones, lines used).

    A record that is not complete within LONGEST_RECORD_LINES has a quote that nobody closed: its first
    line is given out as broken, and reading goes on with the next one, so that nothing is swallowed.
    """
    rows: list[list[str]] = []
    broken: set[int] = set()
    used = 0
    while used < len(lines) and (at_end or len(lines) - used >= LONGEST_RECORD_LINES):
        span = _span(lines, used, delimiter)
        if span == 0:
            broken.add(number + len(rows))
        text = lines[used : used + max(span, 1)]
        whole = (
            csv.reader(text, delimiter=delimiter)
            if span
            else csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
        )
        rows += list(whole) or [[]]
        used += max(span, 1)
    return rows, frozenset(broken), used


def _span(lines: list[str], start: int, delimiter: str) -> int:
    """How many lines the record at `start` takes; 0 when its quotes do not fit."""
    for length in range(1, min(LONGEST_RECORD_LINES, len(lines) - start) + 1):
        try:
            rows = list(csv.reader(lines[start : start + length], delimiter=delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end" in str(error):
                continue
            return 0
        return length if len(rows) <= 1 else 0
    return 0
