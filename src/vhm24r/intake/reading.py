"""One file from its first byte to canonical records, streamed. Pure but for reading the file.

Every sheet is searched for a header some source claims; sheets without one are passed over when
another sheet has one. Two sheets of different sources in one workbook are a tie: asked, not guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from vhm24r.intake.canonical import Canonicaliser, Counts
from vhm24r.intake.errors import (
    FileDamaged,
    FileEmpty,
    FormatUnknown,
    HeaderMissing,
    SourceMismatch,
    SourceUnknown,
)
from vhm24r.intake.formats.delimited import HEAD_BYTES
from vhm24r.intake.formats.protocol import Format, Unreadable
from vhm24r.intake.formats.registry import recognise
from vhm24r.intake.sources.declaration import Claim, Source
from vhm24r.intake.sources.registry import by_name, claims, winner
from vhm24r.intake.statements import Seen
from vhm24r.intake.types import HEADER_SEARCH_ROWS, Chunk, Issue, Table


@dataclass(frozen=True, slots=True)
class Located:
    """A table whose header is found: rows below it are data."""

    table: Table
    claim: Claim
    header: list[str]
    chunks: Iterator[Chunk]


@dataclass(frozen=True, slots=True)
class Batch:
    """Canonical records of one chunk as COPY lines, with what was noticed on the way.

    `staged` counts the lines; `repeats` says that some of them repeat a key of the same file.
    """

    lines: bytes
    issues: list[Issue]
    rows_read: int
    staged: int
    repeats: bool


@dataclass(slots=True)
class ReadFile:
    """A file being read: what is known at the start, and what is known at the end."""

    format: str
    source: Source
    confidence: float
    sheets: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    total_rows: int | None = None
    content_hash: str = ""

    def become(self, other: "ReadFile") -> None:
        """Take over what another process knows of the same file at its end."""
        self.sheets, self.counts, self.content_hash = other.sheets, other.counts, other.content_hash


def open_format(path: Path) -> Format:
    """The format of a file by its content.

    Raises:
        FileEmpty: there are no bytes.
        FormatUnknown: the content is none of ours (a renamed binary among them).
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip():
        raise FileEmpty
    form = recognise(head)
    if form is None:
        raise FormatUnknown
    return form


def read(path: Path, zone: ZoneInfo, wanted: str | None = None) -> tuple[ReadFile, Iterator[Batch]]:
    """Recognise format and source, then stream the canonical records of every sheet of that source.

    `wanted` names the source instead of finding it. The ReadFile is complete when the iterator ends.

    Raises:
        FileRefused: the file cannot be read; also while iterating (a truncated workbook).
        HeaderMissing, SourceUnknown, SourceMismatch: a person has to say what the columns mean.
    """
    form = open_format(path)
    try:
        located = _locate(form.tables(path), wanted)
    except Unreadable as error:
        raise FileDamaged(format=form.name, **error.params) from error
    first = located[0]
    reading = ReadFile(form.name, first.claim.source, first.claim.confidence, columns=first.header)
    totals = [item.table.total_rows for item in located]
    reading.total_rows = sum(t for t in totals if t is not None) if None not in totals else None
    return reading, _batches(reading, located, zone, form.name)


def _locate(tables: Iterator[Table], wanted: str | None) -> list[Located]:
    """The tables of the one source that claims this file."""
    seen_columns: list[str] = []
    located: list[Located] = []
    rows_seen = 0
    for table in tables:
        first = next(table.chunks, None)
        if first is None:
            continue
        rows_seen += sum(1 for row in first.rows if any(cell.strip() for cell in row))
        found = _header(first, wanted)
        if found is None:
            seen_columns = seen_columns or _likely_header(first)
            continue
        offset, claim = found
        below = Chunk(first.first_row + offset + 1, first.rows[offset + 1 :], first.broken)
        located.append(Located(table, claim, first.rows[offset], chain([below], table.chunks)))
    if not rows_seen:
        raise FileEmpty
    if not located:
        raise _unclaimed(seen_columns, wanted)
    if len({item.claim.source.name for item in located}) > 1:
        raise SourceUnknown(columns=", ".join(located[0].header), sources=_names(located))
    return located


def _names(located: list[Located]) -> str:
    return ", ".join(sorted({item.claim.source.name for item in located}))


def _header(chunk: Chunk, wanted: str | None) -> tuple[int, Claim] | None:
    """The row of the first thirty that a source claims best: (offset, claim)."""
    best: tuple[int, Claim] | None = None
    for offset, row in enumerate(chunk.rows[:HEADER_SEARCH_ROWS]):
        if wanted is None:
            claim = winner(claims(row))
        else:
            source = by_name(wanted)
            claim = source.claim(row) if source is not None else None
        if claim is not None and (best is None or claim.confidence > best[1].confidence):
            best = (offset, claim)
    return best


def _likely_header(chunk: Chunk) -> list[str]:
    """The widest of the first rows, to tell the person which columns the file has."""
    rows = [[cell.strip() for cell in row if cell.strip()] for row in chunk.rows[:HEADER_SEARCH_ROWS]]
    widest = max(rows, key=len, default=[])
    return widest if len(widest) > 1 and not any(cell.replace(".", "").isdigit() for cell in widest) else []


def _unclaimed(columns: list[str], wanted: str | None) -> HeaderMissing | SourceUnknown | SourceMismatch:
    if wanted is not None:
        return SourceMismatch(source=wanted, columns=", ".join(columns) or "—")
    if not columns:
        return HeaderMissing(rows=HEADER_SEARCH_ROWS)
    return SourceUnknown(columns=", ".join(columns), sources="")


def _batches(reading: ReadFile, located: list[Located], zone: ZoneInfo, form: str) -> Iterator[Batch]:
    seen, position = Seen(), 0
    try:
        for item in located:
            sheet_index = len(reading.sheets)
            reading.sheets.append(item.table.sheet or "")
            canonical = Canonicaliser(item.claim, item.header, zone, item.table.sheet, sheet_index)
            for chunk in item.chunks:
                before = reading.counts.repeated
                lines, issues = canonical.convert(chunk, seen, position, reading.counts)
                staged, position = reading.counts.staged - position, reading.counts.staged
                yield Batch(lines, issues, reading.counts.total, staged, reading.counts.repeated > before)
    except Unreadable as error:
        raise FileDamaged(format=form, **error.params) from error
    reading.content_hash = seen.digest.hexdigest()
    if not reading.counts.total:
        raise FileEmpty
