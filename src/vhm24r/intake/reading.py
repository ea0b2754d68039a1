"""One file, or every file of an archive, from its first byte to canonical records, streamed.

Every sheet is searched for a header some source claims; sheets without one are passed over when
another sheet has one. Two sheets of different sources in one workbook are a tie: asked, not guessed.
Pure but for reading the file, and unpacking archives into a scratch folder.
"""

import dataclasses
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from vhm24r.intake.canonical import Canonicaliser, Counts, Room
from vhm24r.intake.cards import names_card, without_cards
from vhm24r.intake.errors import (
    ArchiveCutShort,
    FileDamaged,
    FileEmpty,
    FileExcessive,
    FileRefused,
    FormatUnknown,
    HeaderMissing,
    NothingInArchive,
    NothingReadable,
    SourceMismatch,
    SourceUnknown,
    TooDeep,
    TooManyIssues,
)
from vhm24r.intake.formats.protocol import Container, Format, Growing, Member, Sample
from vhm24r.intake.formats.registry import container, looks_like, recognise
from vhm24r.intake.formats.spool import MOST_COLUMNS
from vhm24r.intake.formats.unpacking import WHOLE
from vhm24r.intake.known_rows import KnownRows, Shelf, hashes_of, layout_of
from vhm24r.intake.mapping import Mapping
from vhm24r.intake.sources.declaration import Claim, Source
from vhm24r.intake.sources.registry import by_name, claims, winner
from vhm24r.intake.statements import Seen, Statements
from vhm24r.intake.types import HEADER_SEARCH_ROWS, Chunk, Issue, Level, ReadAgain, Table
from vhm24r.kit.errors import AppError, Invalid
from vhm24r.kit.text import shortened, storable

MOST_UNPACKED = 2 * 1024 * 1024 * 1024
"""Bytes that all archives of an import unpack to together."""

DEEPEST_ARCHIVE = 2
"""An archive may hold archives, and those hold files: more is never a report."""

FEW_ISSUES = 20
"""Fewer bad rows than these prove nothing about a file."""

NO_TABLE = -1
"""In place of the number of a table that is read: the issue is about one that is not."""

PREVIEW_ROWS = 20
LONGEST_SHOWN_CELL = 200


@dataclass(frozen=True, slots=True)
class Task:
    """What to read and how: the zone of clocks without an offset, the source that was named or the
    layouts people have mapped, where archives are unpacked, and how many bad rows are too many. With a `shelf`,
    rows are remembered. Who is `hasty` recalls them, and begins with tables that may grow; what was assumed then may
    turn out not to hold.
    """

    zone: ZoneInfo
    scratch: Path
    wanted: str | None = None
    mappings: tuple[Mapping, ...] = ()
    most_issues_percent: int = 100
    shelf: Shelf | None = None
    hasty: bool = False


@dataclass(frozen=True, slots=True)
class Located:
    """A table whose header is found: rows below it are data."""

    table: Table
    claim: Claim
    header: list[str]
    chunks: Iterator[Chunk]


@dataclass(slots=True)
class Sheet:
    """A table that is read, with its header cells; `name` is empty for a file without sheets."""

    name: str
    columns: list[str]


@dataclass(slots=True)
class ReadFile:
    """A file being read: what is known at the start, and what is known at the end.

    Out of an archive it has the name of the `member` and of the kind of `container`.
    """

    format: str
    source: Source
    confidence: float
    member: str | None = None
    container: str | None = None
    sheets: list[Sheet] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    total_rows: int | None = None
    content_hash: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file is recognised, its rows follow; `issues` are about tables of it that are passed over."""

    file: ReadFile
    issues: list[Issue]


@dataclass(frozen=True, slots=True)
class Batch:
    """What the good rows of one chunk state, if there are any, with what was noticed on the way."""

    stated: Statements | None
    issues: list[Issue]
    rows_read: int

    @property
    def lines(self) -> bytes:
        """The statements as COPY lines."""
        return self.stated.lines if self.stated else b""

    @property
    def staged(self) -> int:
        """How many statements."""
        return self.stated.count if self.stated else 0

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.stated.texts) if self.stated else 0

    @property
    def recalled(self) -> bool:
        """Whether only the hashes of the statements are there."""
        return self.stated is not None and self.stated.recalled

    @property
    def repeats(self) -> bool:
        """Whether some of them repeat a key of the same file."""
        return self.stated is not None and bool(self.stated.duplicates or self.stated.repeats)


@dataclass(frozen=True, slots=True)
class Closed:
    """A file is read to its end."""

    file: ReadFile


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file of an archive is not taken; what was given out of it is void."""

    member: str
    error: AppError


@dataclass(slots=True)
class Unpacked:
    """Bytes that the archives of an import have unpacked to so far."""

    total: int = 0

    def take(self, path: Path) -> None:
        """One more file.

        Raises:
            FileExcessive: they are more than any import needs; archives in archives would multiply what one may hold.
        """
        self.total += path.stat().st_size
        if self.total > MOST_UNPACKED:
            raise FileExcessive(part=WHOLE, size_mb=self.total >> 20, limit_mb=MOST_UNPACKED >> 20)


@dataclass(frozen=True, slots=True)
class ReadAs:
    """Where a file was found: in which archive, under which name; `room` is what its issues may still take, `unpacked`
    what was unpacked before it, and both are the same for all files of an import.
    """

    member: str | None = None
    container: str | None = None
    room: Room = field(default_factory=Room)
    unpacked: Unpacked = field(default_factory=Unpacked)


Step = Opened | Batch | Closed | LeftOut


def read(path: Path, task: Task) -> Generator[Step]:
    """Recognise format and source, then stream the canonical records; the files of an archive one by one.

    Raises:
        FileRefused: the file cannot be read; also while iterating (a truncated workbook).
        HeaderMissing, SourceUnknown, SourceMismatch: a person has to say what the columns mean.
        ReadAgain: the task was too hasty for this file; what was given is void.
    """
    form = _open(path)
    if isinstance(form, Format):
        yield from _read_file(form, path, ReadAs(), task)
        return
    taken = False
    reasons: list[AppError] = []
    for step in _read_members(form, path, ReadAs(container=form.name), 1, task):
        taken = taken or isinstance(step, Closed)
        if isinstance(step, LeftOut):
            reasons.append(step.error)
        yield step
    if not taken:
        raise _nothing_taken(reasons)


def _nothing_taken(reasons: Sequence[AppError]) -> AppError:
    """Why nothing of an archive is taken: a member that waits for a mapping comes first, it can be helped."""
    asking = next((reason for reason in reasons if not isinstance(reason, FileRefused)), None)
    if asking is not None:
        return asking
    return NothingInArchive(count=len(reasons)) if reasons else FileEmpty()


def _open(path: Path) -> Format | Container:
    """The format of a file by its content.

    Raises:
        FileEmpty: there are no bytes.
        FileDamaged: it begins like one of ours.
        FormatUnknown: the content is none of ours (a renamed binary among them).
    """
    sample = Sample.of(path)
    if not sample.head.strip():
        raise FileEmpty
    form = container(sample) or recognise(sample)
    if form is not None:
        return form
    begins = looks_like(sample.head)
    if begins is not None:
        raise FileDamaged(format=begins, reason="its table of contents is missing or is none of ours")
    raise FormatUnknown


def _read_members(box: Container, path: Path, above: ReadAs, depth: int, task: Task) -> Generator[Step]:
    """The files of an archive; what one of them lacks is said of that one alone."""
    into = task.scratch / f"unpacked-{depth}-{path.name}"  # empty for each archive
    into.mkdir(parents=True, exist_ok=True)
    for member in box.members(path, into):
        name = storable(f"{above.member}/{member.name}" if above.member else member.name)
        try:
            yield from _read_member(member, dataclasses.replace(above, member=name), depth, task)
        except Invalid as error:
            yield LeftOut(name, error)
        finally:
            if member.path is not None:
                member.path.unlink(missing_ok=True)


def _read_member(member: Member, found: ReadAs, depth: int, task: Task) -> Generator[Step]:
    if member.path is None:
        raise member.refusal or FormatUnknown()
    found.unpacked.take(member.path)
    form = _open(member.path)
    if isinstance(form, Format):
        yield from _read_file(form, member.path, found, task)
    elif depth >= DEEPEST_ARCHIVE:
        raise TooDeep(most=DEEPEST_ARCHIVE)
    else:
        yield from _read_inner(form, member.path, found, depth + 1, task)


def _read_inner(box: Container, path: Path, above: ReadAs, depth: int, task: Task) -> Generator[Step]:
    """An archive within an archive: what was taken of it stays, whatever becomes of the rest."""
    taken = 0
    try:
        for step in _read_members(box, path, above, depth, task):
            taken += isinstance(step, Closed)
            yield step
    except FileRefused as error:
        if not taken:
            raise
        raise ArchiveCutShort(count=taken) from error


def _read_file(form: Format, path: Path, found: ReadAs, task: Task) -> Generator[Step]:
    located, passed = _located(form, path, found, task)
    first = located[0]
    reading = ReadFile(form.name, first.claim.source, first.claim.confidence, found.member, found.container)
    totals = [item.table.total_rows for item in located]
    reading.total_rows = sum(t for t in totals if t is not None) if None not in totals else None
    reading.sheets = [Sheet(item.table.sheet or "", item.header) for item in located]
    passed = [dataclasses.replace(issue, member=found.member) for issue in passed[: found.room.issues]]
    found.room.issues -= len(passed)
    yield Opened(reading, passed)
    remembered: dict[str, KnownRows] = {}
    yield from _batches(reading, located, task, found.room, remembered)
    counts = reading.counts
    if not counts.total:
        raise FileEmpty
    if counts.issues and not counts.staged:
        raise NothingReadable(rows=counts.issues)
    if counts.issues >= FEW_ISSUES and counts.issues * 100 > counts.total * task.most_issues_percent:
        raise TooManyIssues(rows=counts.issues, total=counts.total, most=task.most_issues_percent)
    if task.shelf:
        task.shelf.close(remembered.values())
    yield Closed(reading)


def _located(form: Format, path: Path, found: ReadAs, task: Task) -> tuple[list[Located], list[Issue]]:
    """As `_locate`; a file of its own may begin with a table that grows.

    Raises:
        ReadAgain: as far as it has grown, nobody can say whose it is.
    """
    if not task.hasty or found.member is not None or not isinstance(form, Growing):
        return _locate(_narrow(form.name, form.tables(path)), task)
    try:
        return _locate(_narrow(form.name, form.growing_tables(path)), task)
    except Invalid as error:
        raise ReadAgain from error


def _narrow(form: str, tables: Iterator[Table]) -> Iterator[Table]:
    """The tables of a file, each of which is damaged from the row on that no report would have.

    Raises:
        FileDamaged: while iterating; a header of millions of cells would be kept and shown to people.
    """

    def checked(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
        for chunk in chunks:
            if max(map(len, chunk.rows), default=0) > MOST_COLUMNS:
                raise FileDamaged(format=form, reason=f"more than {MOST_COLUMNS} columns")
            yield chunk

    for table in tables:
        sheet = None if table.sheet is None else storable(table.sheet)
        yield dataclasses.replace(table, sheet=sheet, chunks=checked(table.chunks))


def _locate(tables: Iterator[Table], task: Task) -> tuple[list[Located], list[Issue]]:
    """The tables of the one source that claims this file, hidden sheets only when no other is claimed; and
    the tables that are passed over.
    """
    strange: tuple[Table, Chunk] | None = None
    located: list[Located] = []
    passed: list[Issue] = []
    rows_seen = 0
    for table in tables:
        first = next(table.chunks, None)
        if first is None:
            continue
        filled = sum(1 for row in first.rows if any(cell.strip() for cell in row))
        rows_seen += filled
        found = _header(first, task)
        if found is None:
            if filled:
                strange = strange or (table, first)
                passed.append(_passed("intake.table_passed_over", table, first))
            continue
        offset, claim = found
        below = dataclasses.replace(first, first_row=first.first_row + offset + 1, rows=first.rows[offset + 1 :])
        located.append(Located(table, claim, _names_in(first.rows[offset]), chain([below], table.chunks)))
    if not rows_seen:
        raise FileEmpty
    if not located:
        raise _unclaimed(strange[1] if strange else None, task.wanted)
    visible = [item for item in located if not item.table.hidden] or located
    passed += [_passed("intake.sheet_hidden", item.table, None) for item in located if item not in visible]
    located = visible
    if len({(item.claim.source.name, item.claim.source.account) for item in located}) > 1:
        raise SourceUnknown(columns=", ".join(located[0].header), sources=_names(located))
    return located, passed


def _passed(code: str, table: Table, first: Chunk | None) -> Issue:
    """A table that is not read although another one of its file is: said, so that no row is lost silently."""
    row, page = (first.first_row, first.page) if first is not None else (None, None)
    return Issue(code, Level.WARNING, table.sheet, row, sheet_index=NO_TABLE, page=page)


def _names(located: list[Located]) -> str:
    return ", ".join(sorted({item.claim.source.name for item in located}))


def _header(chunk: Chunk, task: Task) -> tuple[int, Claim] | None:
    """The row of the first thirty that a source claims best: (offset, claim)."""
    best: tuple[int, Claim] | None = None
    for offset, row in enumerate(chunk.rows[:HEADER_SEARCH_ROWS]):
        claim = _claim(row, task)
        if claim is not None and (best is None or claim.confidence > best[1].confidence):
            best = (offset, claim)
    return best


def _claim(row: Sequence[str], task: Task) -> Claim | None:
    """Who claims a header row: the layout somebody has mapped, the source that was named, or the surest source.

    Two mappings of one header that mean different things are a tie: nobody claims it.
    """
    mapped = [m.source() for m in task.mappings if task.wanted in (None, m.target) and m.fits(row)]
    if mapped:
        return mapped[0].claim(row) if all(source == mapped[0] for source in mapped) else None
    if task.wanted is None:
        return winner(claims(row))
    named = by_name(task.wanted)
    return None if named is None else named.claim(row)


def _likely_header(rows: Sequence[Sequence[str]]) -> int | None:
    """Where a header seems to be: the first of the widest rows, if its cells are words."""
    widths = [sum(1 for cell in row if cell.strip()) for row in rows]
    widest = max(widths, default=0)
    if widest < 2:
        return None
    offset = widths.index(widest)
    cells = [cell.strip() for cell in rows[offset] if cell.strip()]
    return None if any(cell.replace(".", "").isdigit() for cell in cells) else offset


def _names_in(header: Sequence[str]) -> list[str]:
    """The cells of a header as they are kept and shown."""
    return [storable(cell.strip()) for cell in header]


def _unclaimed(chunk: Chunk | None, wanted: str | None) -> HeaderMissing | SourceUnknown | SourceMismatch:
    """Nobody claims a table: its columns are named, and the first rows go along for a mapping."""
    rows = chunk.rows[:HEADER_SEARCH_ROWS] if chunk is not None else []
    offset = _likely_header(rows)
    columns = _names_in(rows[offset]) if offset is not None else []
    shown = ", ".join(cell for cell in columns if cell)
    if wanted is not None:
        return SourceMismatch(source=wanted, columns=shown or "—", preview=_preview(chunk, offset))
    if offset is None:
        return HeaderMissing(rows=HEADER_SEARCH_ROWS)
    return SourceUnknown(columns=shown, sources="", preview=_preview(chunk, offset))


def _preview(chunk: Chunk | None, offset: int | None) -> dict[str, object] | None:
    """The header and the rows below it, as a person is shown them to say what the columns mean; without what
    may be a card number.
    """
    if chunk is None or offset is None:
        return None
    columns = _names_in(chunk.rows[offset])
    cards = {place for place, name in enumerate(columns) if names_card(name)}
    below = chunk.rows[offset + 1 : offset + 1 + PREVIEW_ROWS]
    rows = [[_previewed(cell, certain=place in cards) for place, cell in enumerate(row)] for row in below]
    return {"columns": columns, "rows": rows}


def _previewed(cell: str, *, certain: bool) -> str:
    text = without_cards(cell.strip()[: 2 * LONGEST_SHOWN_CELL], certain=certain)
    return storable(shortened(text, LONGEST_SHOWN_CELL))


def _batches(
    reading: ReadFile, located: list[Located], task: Task, room: Room, remembered: dict[str, KnownRows]
) -> Iterator[Batch]:
    seen = Seen()
    for sheet_index, item in enumerate(located):
        canonical = Canonicaliser(item.claim, item.header, task.zone, item.table.sheet, sheet_index, room)
        known: KnownRows | None = None
        if task.shelf:
            layout = layout_of(item.claim, item.header, task.zone)
            known = remembered.get(layout) or task.shelf.open(layout, recall=task.hasty)
            remembered[layout] = known
        for chunk in item.chunks:
            if chunk.header is not None:
                canonical, known = _grown(canonical, item, chunk.header, task), None
                reading.confidence = canonical.confidence
                reading.sheets[sheet_index].columns = _names_in(chunk.header)
            if known is None:
                stated, issues = canonical.convert(chunk, seen, reading.counts)
            else:
                stated, issues = _convert_or_recall(canonical, chunk, seen, reading.counts, known)
            placed = _placed(issues, chunk, reading.member, canonical, room)
            yield Batch(stated, placed, reading.counts.total)
    reading.content_hash = seen.digest.hexdigest()


def _grown(canonical: Canonicaliser, item: Located, header: Sequence[str], task: Task) -> Canonicaliser:
    """The reader of a table that has more columns than it began with.

    Raises:
        ReadAgain: they are not just further facts: the rows before would have been read otherwise.
    """
    claim = _claim(header, task)
    if claim is None or claim.source != item.claim.source or claim.places != item.claim.places:
        raise ReadAgain
    return canonical.widened(claim, _names_in(header))


def _convert_or_recall(
    canonical: Canonicaliser, chunk: Chunk, seen: Seen, counts: Counts, known: KnownRows
) -> tuple[Statements | None, list[Issue]]:
    """A chunk whose rows all are known is not read; one of which there is nothing to say is remembered.

    Raises:
        ReadAgain: a key is said anew after rows were recalled. How far apart its rows are applied shows in the history,
            which must not depend on what is known here.
    """
    cells = hashes_of(chunk.rows, canonical.width) if known.is_of_use and not chunk.broken else None
    issues: list[Issue] = []
    found = known.find(cells) if cells else None
    stated = canonical.recall(chunk, found, seen, counts) if found else None
    if stated is None:
        stated, issues = canonical.convert(chunk, seen, counts)
    if stated is not None and stated.repeats and known.recalled:
        raise ReadAgain
    known.recalled = known.recalled or (stated is not None and stated.recalled)
    if (
        cells
        and stated is not None
        and stated.count == len(chunk.rows)
        and not canonical.has_to_say(chunk, stated, issues)
    ):
        known.remember(cells, stated)
    return stated, issues


def _placed(issues: list[Issue], chunk: Chunk, member: str | None, canonical: Canonicaliser, room: Room) -> list[Issue]:
    """Issues with the rest of their place, and the row as it came: one copy for all issues of a row, and none
    any more when there is no room for it.
    """
    rows: dict[int, list[str]] = {}
    placed = []
    for issue in issues:
        number = issue.row or 0
        offset = number - chunk.first_row
        if number not in rows:
            row = chunk.rows[offset] if 0 <= offset < len(chunk.rows) and room.characters > 0 else []
            rows[number] = canonical.shown(row, trusted=number not in chunk.broken)
        cells = rows[number] if room.characters > 0 else []
        room.characters -= sum(map(len, cells))
        placed.append(dataclasses.replace(issue, member=member, page=chunk.page, cells=cells))
    return placed


def left_out(step: LeftOut) -> Issue:
    """A file of an archive that was not taken, as an issue of the import."""
    params = {name: str(value) for name, value in step.error.params.items() if name != "preview"}
    level = Level.ERROR if isinstance(step.error, FileRefused) else Level.BLOCKER
    return Issue(step.error.code, level, member=step.member, params=params)
