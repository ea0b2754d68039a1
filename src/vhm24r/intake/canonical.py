"""Raw rows → canonical records, a column at a time. Pure: text in, COPY lines and issues out.

A chunk is transposed, every column goes through the memo of its reader, and the rows are put
together again; only rows with something unusual are looked at one by one. That keeps the cost of
an ordinary row at a few microseconds (bench/intake.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import orjson

from vhm24r.evidence.summary import Run, Span, Summary
from vhm24r.evidence.types import FIELD_NAMES, RECORD_FIELDS, FieldKind
from vhm24r.intake.cards import names_card, without_cards
from vhm24r.intake.sources.declaration import Cell, Claim, Column
from vhm24r.intake.statements import Seen, Statements, is_empty, recalled, state
from vhm24r.intake.summing import span
from vhm24r.intake.types import Chunk, Issue, Level
from vhm24r.intake.values import (
    LONGEST_CELL,
    NULL,
    UNREADABLE,
    AmountReader,
    CardReader,
    ChoiceReader,
    CodeReader,
    CurrencyReader,
    InstantReader,
    QuantityReader,
    Reader,
    StrictChoiceReader,
    TextReader,
    escape,
    is_damaged,
    moment,
)
from vhm24r.kit.text import EMPTY_MARKS, fold, shortened, storable

KEPT_ISSUES = 10_000
"""Issues kept with their values; beyond that only the count grows (a whole file in a wrong layout)."""

KEPT_CHARACTERS = 16 * 1024 * 1024
"""Characters kept of the rows that all these issues are about."""

LONGEST_FACT = 4_000
"""Characters kept of a cell that nobody reads; the original has all of it."""

SHOWN_CELLS = 200
"""Cells kept of a row with an issue; no report has so many columns."""

TOTAL_WORDS = frozenset(fold(word) for word in ("Итого", "Итого:", "Всего", "Всего:", "Total", "Total:", "Grand total"))

_ISSUE_OF_CELL = {
    Cell.AMOUNT: "intake.amount_unreadable",
    Cell.QUANTITY: "intake.amount_unreadable",
    Cell.CURRENCY: "intake.currency_unknown",
    Cell.INSTANT: "intake.time_unreadable",
    Cell.CODE: "intake.code_damaged",
    Cell.CARD: "intake.code_damaged",
}
BROKEN_NUL = r"\\u0000"
"""A NUL inside the JSON of extra facts, escaped for COPY; PostgreSQL keeps none."""

_WORDLESS = frozenset(field.name for field in RECORD_FIELDS if field.kind is not FieldKind.TEXT)
"""Fields whose canonical texts are digits and marks of our own."""

_KEY_FIELDS = ("occurred_at", "amount")


@dataclass(slots=True)
class Counts:
    """Rows of a file by what became of them while reading."""

    total: int = 0
    staged: int = 0
    duplicates: int = 0
    skipped: int = 0
    issues: int = 0


@dataclass(slots=True)
class Room:
    """What may still be kept of the issues of one import: so many, and so many characters of their rows."""

    issues: int = KEPT_ISSUES
    characters: int = KEPT_CHARACTERS


Finding = tuple[str, Level, str | None, str]
"""What is wrong with a row: code, level, header of the column, the text that is shown."""


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """A column of the source at its place in this table, with the memo that reads it."""

    column: Column
    index: int
    header: str
    reader: Reader


class Canonicaliser:
    """Turns the chunks of one table into COPY lines of canonical records."""

    def __init__(
        self,
        claim: Claim,
        header: Sequence[str],
        zone: ZoneInfo,
        sheet: str | None,
        sheet_index: int,
        room: Room | None = None,
    ) -> None:
        """`claim` says which column is where; `header` are the header cells as they stand; `room` is shared by
        the tables of an import.
        """
        self._room = room or Room()
        self.confidence = claim.confidence
        self._source = claim.source
        self._zone = zone
        zone = ZoneInfo(self._source.zone) if self._source.zone else zone
        self._header = [cell.strip() for cell in header]
        self.width = len(header)
        self._sheet, self._sheet_index = sheet, sheet_index
        self._plans = [
            ColumnPlan(column, index, self._header[index], _reader(column, zone))
            for column in self._source.columns
            if (index := claim.index_of(column)) is not None
        ]
        self._known = {plan.index for plan in self._plans}
        self._unknown = _named_apart([(i, name) for i, name in enumerate(self._header) if i not in self._known])
        self._cards = self._card_places()
        self._warned: set[tuple[str, str]] = set()
        self._extras: dict[tuple[str, ...], str] = {}
        self._words = TextReader()
        self._expected = _KEY_FIELDS if self._source.timed else ()

    def widened(self, claim: Claim, header: Sequence[str]) -> "Canonicaliser":
        """The same for rows of more columns; words that were warned of are known."""
        wider = Canonicaliser(claim, header, self._zone, self._sheet, self._sheet_index, self._room)
        wider._warned = self._warned
        return wider

    def convert(self, chunk: Chunk, seen: Seen, counts: Counts) -> tuple[Statements | None, list[Issue]]:
        """What the good rows state, as the next ones of their file, and the issues of the others."""
        issues: list[Issue] = []
        numbers, rows = self._squared(chunk, issues, counts)
        if not rows:
            return None, issues
        cells = list(zip(*rows, strict=True))
        fields = self._read(cells, len(rows))
        doubtful = self._doubtful(fields, len(rows))
        if doubtful:
            bad = {
                index
                for index in doubtful
                if not self._acceptable(index, rows[index], numbers[index], fields, issues, counts)
            }
            if bad:
                keep = [index for index in range(len(rows)) if index not in bad]
                fields = {name: [values[index] for index in keep] for name, values in fields.items()}
                numbers, rows = [numbers[index] for index in keep], [rows[index] for index in keep]
        if not rows:
            return None, issues
        self._warn_of_words(rows, numbers, issues)
        stated = state(self._source, fields, numbers, self._sheet_index, counts.staged, seen)
        counts.total += stated.count
        counts.staged += stated.count
        counts.duplicates += len(stated.duplicates)
        for repeat in stated.repeats:
            self._note(issues, repeat.row, ("intake.key_repeated", Level.WARNING, None, repeat.key))
        return stated, issues

    def recall(self, chunk: Chunk, hashes: tuple[bytes, bytes], seen: Seen, counts: Counts) -> Statements | None:
        """What rows state that were good before, of identities and contents that are known; None where one of them was
        stated in this file already.
        """
        run = Run(counts.staged, chunk.first_row, self._sheet_index, len(chunk.rows))
        stated = recalled(*hashes, Summary((run,), self._span_of(chunk.rows)), seen)
        if stated is not None:
            counts.total += stated.count
            counts.staged += stated.count
        return stated

    def has_to_say(self, chunk: Chunk, stated: Statements, issues: Sequence[Issue]) -> bool:
        """Whether there is more to a chunk of good rows than what they state: an issue, even one there is no room for,
        a key that came before, a word we do not know.
        """
        if issues or not stated.is_plain or self._room.issues <= 0:
            return True
        unknown = [(plan.index, plan.reader.unknown) for plan in self._plans if isinstance(plan.reader, ChoiceReader)]
        return any(row[index].strip() in words for index, words in unknown if words for row in chunk.rows)

    def _span_of(self, rows: Sequence[Sequence[str]]) -> Span:
        """First and last instant of good rows, without a look at the rest of them."""
        plan = next((plan for plan in self._plans if plan.column.field == "occurred_at"), None)
        if plan is None:
            return None, None
        clock = self._clock_of(plan)
        cells = [row[plan.index] for row in rows]
        if clock is not None:
            cells = [moment(cell, row[clock]) for cell, row in zip(cells, rows, strict=True)]
        return span(plan.reader.column(cells))

    def shown(self, row: Sequence[str], *, trusted: bool) -> list[str]:
        """A row as it came, as it is kept with an issue: no longer than is needed to correct it, and without
        card numbers. `trusted` says that its cells stand in their columns.
        """
        cells = []
        for place, cell in enumerate(row[:SHOWN_CELLS]):
            text = self._veiled(place if trusted else None, cell[: 2 * LONGEST_CELL])
            cells.append(storable(shortened(text, LONGEST_CELL)))
        return cells

    def _card_places(self) -> frozenset[int]:
        """Where card numbers stand: the card of the source, and what nobody reads under a header that names one."""
        extra = {plan.index: plan.header for plan in self._plans if plan.column.extra} | dict(self._unknown)
        named = {place for place, header in extra.items() if names_card(header)}
        return frozenset(named | {plan.index for plan in self._plans if plan.column.cell is Cell.CARD})

    def _veiled(self, place: int | None, cell: str) -> str:
        """A cell without card numbers; where its column is not known, whatever may be one is masked."""
        if place is None or place >= self.width:
            return without_cards(cell, certain=False)
        return without_cards(cell, certain=True) if place in self._cards else cell

    def _squared(self, chunk: Chunk, issues: list[Issue], counts: Counts) -> tuple[Sequence[int], list[list[str]]]:
        """Rows of equal width with their numbers; blank rows dropped, ragged ones mended or refused."""
        width = self.width
        if set(map(len, chunk.rows)) == {width} and not chunk.broken:
            return range(chunk.first_row, chunk.first_row + len(chunk.rows)), chunk.rows
        numbers, rows = [], []
        for number, row in enumerate(chunk.rows, chunk.first_row):
            if number in chunk.broken:
                counts.total += 1
                counts.issues += 1
                said = next((cell for cell in row if '"' in cell), row[0] if row else "")
                said = self._veiled(None, said[: 2 * LONGEST_CELL])
                self._note(issues, number, ("intake.quote_unclosed", Level.ERROR, None, said))
                continue
            if len(row) != width:
                if not any(row):
                    continue
                surplus = [cell for cell in row[width:] if cell.strip()]
                if surplus:
                    counts.total += 1
                    counts.issues += 1
                    said = self._veiled(None, surplus[0][: 2 * LONGEST_CELL])
                    self._note(issues, number, ("intake.row_too_long", Level.ERROR, None, said))
                    continue
                row = [*row, *[""] * (width - len(row))][:width]
            numbers.append(number)
            rows.append(row)
        return numbers, rows

    def _read(self, cells: list[tuple[str, ...]], count: int) -> dict[str, list[str]]:
        """Every field of the record as a column of canonical texts."""
        fields = {name: [NULL] * count for name in FIELD_NAMES}
        fields["currency"] = [self._source.currency] * count
        extra = list(self._unknown)
        for plan in self._plans:
            column, words = plan.column, cells[plan.index]
            clock = self._clock_of(plan)
            if clock is not None:
                words = tuple(map(moment, words, cells[clock]))
            values = plan.reader.column(words)
            if column.extra:
                extra.append((plan.index, column.field))
            else:
                fields[column.field] = values
            if column.word_into:
                fields[column.word_into] = [NULL if word is UNREADABLE else word for word in self._words.column(words)]
        if self._source.derive is not None:
            self._source.derive(fields)
        fields["extra"] = self._extra_texts(extra, cells) if extra else [NULL] * count
        return fields

    def _warn_of_words(self, rows: Sequence[Sequence[str]], numbers: Sequence[int], issues: list[Issue]) -> None:
        """Once a file for every word we do not know, at the first row taken with it."""
        for plan in self._plans:
            if not isinstance(plan.reader, ChoiceReader):
                continue
            for word in plan.reader.unknown:
                if (plan.header, word) in self._warned:
                    continue
                row = next(
                    (n for n, cells in zip(numbers, rows, strict=True) if cells[plan.index].strip() == word), None
                )
                if row is not None:
                    self._warned.add((plan.header, word))
                    assumed = plan.column.cell is Cell.CURRENCY
                    code = "intake.currency_assumed" if assumed else "intake.word_unknown"
                    self._note(issues, row, (code, Level.WARNING, plan.header, word))

    def _extra_texts(self, extra: Sequence[tuple[int, str]], cells: Sequence[Sequence[str]]) -> list[str]:
        """Facts nobody reads, by the place and the name of their columns: as JSON, and without card numbers."""
        memo, texts = self._extras, []
        for values in zip(*(cells[place] for place, _ in extra), strict=True):
            text = memo.get(values)
            if text is None:
                facts = {
                    name: shortened(without_cards(cell.strip(), certain=place in self._cards), LONGEST_FACT)
                    for (place, name), cell in zip(extra, values, strict=True)
                    if cell.strip().casefold() not in EMPTY_MARKS
                }
                text = escape(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()) if facts else NULL
                if len(memo) > 50_000:
                    memo.clear()
                memo[values] = text
            texts.append(text)
        return texts

    def _doubtful(self, fields: dict[str, list[str]], count: int) -> list[int]:
        """Rows that need a look: something unreadable, a key fact missing, or characters that are no text.

        Every row of a source without times: nothing else gives a total row away, and such tables are short.
        """
        found: set[int] = set() if self._source.timed else set(range(count))
        for plan in self._plans:
            if plan.reader.unreadable and not plan.column.extra:
                found.update(i for i, value in enumerate(fields[plan.column.field]) if value is UNREADABLE)
        for name in (*self._expected, *({"order_number"} if self._source.key == "order_number" else ())):
            values = fields[name]
            if NULL in values:
                found.update(i for i, value in enumerate(values) if value == NULL)
        if self._words.damaged or any(plan.reader.damaged for plan in self._plans):
            worded = [values for name, values in fields.items() if name not in _WORDLESS]
            found.update(i for values in worded for i, value in enumerate(values) if is_damaged(value))
        facts = fields["extra"]
        if not is_empty(facts):
            found.update(i for i, text in enumerate(facts) if is_damaged(text) or BROKEN_NUL in text)
        return sorted(found) if count else []

    def _acceptable(
        self, index: int, row: list[str], number: int, fields: dict[str, list[str]], issues: list[Issue], counts: Counts
    ) -> bool:
        """Look at one doubtful row: False when it is left out (blank, total, header again, or an error)."""
        if not any(cell.strip() for cell in row):
            return False
        if self._is_total(row) or self._is_header(row):
            counts.total += 1
            counts.skipped += 1
            return False
        left_out = False
        for finding in self._findings(index, row, fields):
            self._note(issues, number, finding)
            left_out = left_out or finding[1] is Level.ERROR
        if left_out:
            counts.total += 1
            counts.issues += 1
            return False
        return True

    def _is_total(self, row: list[str]) -> bool:
        first = next((cell for cell in row if cell.strip()), "")
        return not TOTAL_WORDS.isdisjoint({fold(first), fold(first).split(" ")[0]})

    def _is_header(self, row: list[str]) -> bool:
        return [fold(cell) for cell in row] == [fold(cell) for cell in self._header]

    def _findings(self, index: int, row: list[str], fields: dict[str, list[str]]) -> Iterator[Finding]:
        """What is wrong with a row; of broken cells the first one stands for all."""
        broken = [place for place, cell in enumerate(row) if "\ufffd" in cell or "\x00" in cell]
        for place in broken[:1]:
            said = self._veiled(place, row[place][: 2 * LONGEST_CELL])
            yield "intake.text_broken", Level.ERROR, self._header[place] or None, said
        for plan in self._plans:
            if plan.index in broken or plan.column.extra:
                continue
            value, cell = fields[plan.column.field][index], self._cell(plan, row)
            if value is UNREADABLE:
                too_long = len(cell.strip()) > LONGEST_CELL
                code = "intake.text_too_long" if too_long else _ISSUE_OF_CELL[plan.column.cell]
                yield code, Level.ERROR, plan.header, self._veiled(plan.index, cell[: 2 * LONGEST_CELL])
            elif plan.column.field in self._expected and value == NULL:
                yield "intake.value_missing", Level.WARNING, plan.header, cell
        if self._source.timed and self._is_nobody(index, fields):
            yield "intake.row_unidentified", Level.ERROR, None, " ".join(self.shown(row, trusted=True))

    def _cell(self, plan: ColumnPlan, row: Sequence[str]) -> str:
        """What a column reads of a row."""
        clock = self._clock_of(plan)
        return row[plan.index] if clock is None else moment(row[plan.index], row[clock])

    def _clock_of(self, plan: ColumnPlan) -> int | None:
        """Where the time of day stands that belongs to a column of dates, if it has a column of its own."""
        return next((other.index for other in self._plans if other.column.field == plan.column.clock), None)

    def _is_nobody(self, index: int, fields: dict[str, list[str]]) -> bool:
        """Whether a row lacks what makes a fact: a time, and a key or an amount."""
        key = self._source.key
        marks = (fields["amount"][index], *([fields[key][index]] if key else []))
        return fields["occurred_at"][index] == NULL and NULL in marks

    def _note(self, issues: list[Issue], row: int, finding: Finding) -> None:
        """Keep what was found, as long as there is room for it."""
        if self._room.issues <= 0:
            return
        self._room.issues -= 1
        code, level, column, value = finding
        shown = shortened(value.strip().replace("\x00", "␀"), 200)
        issues.append(Issue(code, level, self._sheet, row, column, shown, sheet_index=self._sheet_index))


def _named_apart(columns: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
    """Columns nobody knows, each under a name of its own, so that none of their values is lost."""
    named: list[tuple[int, str]] = []
    taken: set[str] = set()
    for index, header in columns:
        name = header or f"column {index + 1}"
        if name in taken:
            name = f"{name} ({index + 1})"
        taken.add(name)
        named.append((index, name))
    return named


def _reader(column: Column, zone: ZoneInfo) -> Reader:
    match column.cell:
        case Cell.TEXT:
            return TextReader()
        case Cell.CODE:
            return CodeReader()
        case Cell.CARD:
            return CardReader()
        case Cell.AMOUNT:
            return AmountReader()
        case Cell.QUANTITY:
            return QuantityReader()
        case Cell.INSTANT:
            return InstantReader(zone, month_first=column.month_first)
        case Cell.CHOICE:
            return ChoiceReader(column.choices)
        case Cell.STRICT_CHOICE:
            return StrictChoiceReader(column.choices)
        case _:
            return CurrencyReader(column.choices)
