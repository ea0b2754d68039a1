"""Raw rows → canonical records, a column at a time. Pure: text in, COPY lines and issues out.

A chunk is transposed, every column goes through the memo of its reader, and the rows are put
together again; only rows with something unusual are looked at one by one. That keeps the cost of
an ordinary row at a few microseconds (bench/intake.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import orjson

from vhm24r.evidence.types import FIELD_NAMES
from vhm24r.intake.sources.declaration import Cell, Claim, Column
from vhm24r.intake.statements import Seen, state
from vhm24r.intake.types import Chunk, Issue, Level
from vhm24r.intake.values import (
    LONGEST_CELL,
    NULL,
    UNREADABLE,
    AmountReader,
    CardReader,
    ChoiceReader,
    CodeReader,
    InstantReader,
    Reader,
    StrictChoiceReader,
    TextReader,
    escape,
)
from vhm24r.kit.text import EMPTY_MARKS, fold, shortened

TOTAL_WORDS = frozenset(fold(word) for word in ("Итого", "Итого:", "Всего", "Всего:", "Total", "Total:", "Grand total"))

_ISSUE_OF_CELL = {
    Cell.AMOUNT: "intake.amount_unreadable",
    Cell.INSTANT: "intake.time_unreadable",
    Cell.CODE: "intake.code_damaged",
    Cell.CARD: "intake.code_damaged",
}
BROKEN_NUL = r"\\u0000"
"""A NUL inside the JSON of extra facts, escaped for COPY; PostgreSQL keeps none."""

_KEY_FIELDS = ("occurred_at", "amount")


@dataclass(slots=True)
class Counts:
    """Rows of a file by what became of them while reading; `repeated` ones (duplicates among them)
    have a key that the file has stated before.
    """

    total: int = 0
    staged: int = 0
    duplicates: int = 0
    repeated: int = 0
    skipped: int = 0
    issues: int = 0


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
        self, claim: Claim, header: Sequence[str], zone: ZoneInfo, sheet: str | None, sheet_index: int
    ) -> None:
        """`claim` says which column is where; `header` are the header cells as they stand."""
        self._source = claim.source
        zone = ZoneInfo(self._source.zone) if self._source.zone else zone
        self._header = [cell.strip() for cell in header]
        self._width = len(header)
        self._sheet, self._sheet_index = sheet, sheet_index
        self._plans = [
            ColumnPlan(column, index, self._header[index], _reader(column, zone))
            for column in self._source.columns
            if (index := claim.index_of(column)) is not None
        ]
        self._known = {plan.index for plan in self._plans}
        self._unknown = _named_apart([(i, name) for i, name in enumerate(self._header) if i not in self._known])
        self._warned: set[tuple[str, str]] = set()
        self._extras: dict[tuple[str, ...], str] = {}
        self._words = TextReader()
        self._expected = _KEY_FIELDS if self._source.timed else ()

    def convert(self, chunk: Chunk, seen: Seen, position: int, counts: Counts) -> tuple[bytes, list[Issue]]:
        """COPY lines of the good rows, numbered from `position`, and the issues of the others."""
        issues: list[Issue] = []
        numbers, rows = self._squared(chunk, issues, counts)
        if not rows:
            return b"", issues
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
        self._warn_of_words(rows, numbers, issues)
        stated = state(self._source, fields, numbers, self._sheet_index, position, seen)
        counts.total += stated.count
        counts.staged += stated.count
        counts.duplicates += stated.duplicates
        counts.repeated += stated.duplicates + len(stated.repeats)
        issues += [self._issue("intake.key_repeated", Level.WARNING, r.row, None, r.key) for r in stated.repeats]
        return stated.lines, issues

    def _squared(self, chunk: Chunk, issues: list[Issue], counts: Counts) -> tuple[Sequence[int], list[list[str]]]:
        """Rows of equal width with their numbers; blank rows dropped, ragged ones mended or refused."""
        width = self._width
        if set(map(len, chunk.rows)) == {width} and not chunk.broken:
            return range(chunk.first_row, chunk.first_row + len(chunk.rows)), chunk.rows
        numbers, rows = [], []
        for number, row in enumerate(chunk.rows, chunk.first_row):
            if number in chunk.broken:
                counts.total += 1
                counts.issues += 1
                said = next((cell for cell in row if '"' in cell), row[0] if row else "")
                issues.append(self._issue("intake.quote_unclosed", Level.ERROR, number, None, said))
                continue
            if len(row) != width:
                if not any(row):
                    continue
                surplus = [cell for cell in row[width:] if cell.strip()]
                if surplus:
                    counts.total += 1
                    counts.issues += 1
                    issues.append(self._issue("intake.row_too_long", Level.ERROR, number, None, surplus[0]))
                    continue
                row = [*row, *[""] * (width - len(row))][:width]
            numbers.append(number)
            rows.append(row)
        return numbers, rows

    def _read(self, cells: list[tuple[str, ...]], count: int) -> dict[str, list[str]]:
        """Every field of the record as a column of canonical texts."""
        fields = {name: [NULL] * count for name in FIELD_NAMES}
        fields["currency"] = [self._source.currency] * count
        extra: list[tuple[str, Sequence[str]]] = [(name, cells[index]) for index, name in self._unknown]
        for plan in self._plans:
            column, words = plan.column, cells[plan.index]
            values = plan.reader.column(words)
            if column.extra:
                extra.append((column.field, words))
            else:
                fields[column.field] = values
            if column.word_into:
                fields[column.word_into] = [NULL if word is UNREADABLE else word for word in self._words.column(words)]
        if self._source.derive is not None:
            self._source.derive(fields)
        fields["extra"] = self._extra_texts(extra) if extra else [NULL] * count
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
                    issues.append(self._issue("intake.word_unknown", Level.WARNING, row, plan.header, word))

    def _extra_texts(self, extra: list[tuple[str, Sequence[str]]]) -> list[str]:
        names = [name for name, _ in extra]
        memo, texts = self._extras, []
        for values in zip(*(column for _, column in extra), strict=True):
            text = memo.get(values)
            if text is None:
                facts = {
                    name: cell.strip()
                    for name, cell in zip(names, values, strict=True)
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
        if any("\ufffd" in text or BROKEN_NUL in text or "\x00" in text for text in map("".join, fields.values())):
            for values in fields.values():
                found.update(i for i, v in enumerate(values) if "\ufffd" in v or BROKEN_NUL in v or "\x00" in v)
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
        errors = list(self._errors(index, row, number, fields))
        issues.extend(errors)
        if any(issue.level is Level.ERROR for issue in errors):
            counts.total += 1
            counts.issues += 1
            return False
        return True

    def _is_total(self, row: list[str]) -> bool:
        first = next((cell for cell in row if cell.strip()), "")
        return not TOTAL_WORDS.isdisjoint({fold(first), fold(first).split(" ")[0]})

    def _is_header(self, row: list[str]) -> bool:
        return [fold(cell) for cell in row] == [fold(cell) for cell in self._header]

    def _errors(self, index: int, row: list[str], number: int, fields: dict[str, list[str]]) -> list[Issue]:
        found = [
            self._issue("intake.text_broken", Level.ERROR, number, self._header[place] or None, cell)
            for place, cell in enumerate(row)
            if "\ufffd" in cell or "\x00" in cell
        ]
        broken = {issue.column for issue in found}
        for plan in self._plans:
            if plan.header in broken or plan.column.extra:
                continue
            value, cell = fields[plan.column.field][index], row[plan.index]
            if value is UNREADABLE:
                too_long = len(cell.strip()) > LONGEST_CELL
                code = "intake.text_too_long" if too_long else _ISSUE_OF_CELL[plan.column.cell]
                found.append(self._issue(code, Level.ERROR, number, plan.header, cell))
            elif plan.column.field in self._expected and value == NULL:
                found.append(self._issue("intake.value_missing", Level.WARNING, number, plan.header, cell))
        if self._source.timed and self._is_nobody(index, fields):
            found.append(self._issue("intake.row_unidentified", Level.ERROR, number, None, " ".join(row)))
        return found

    def _is_nobody(self, index: int, fields: dict[str, list[str]]) -> bool:
        """Whether a row lacks what makes a fact: a time, and a key or an amount."""
        key = self._source.key
        marks = (fields["amount"][index], *([fields[key][index]] if key else []))
        return fields["occurred_at"][index] == NULL and NULL in marks

    def _issue(self, code: str, level: Level, row: int, column: str | None, value: str | None) -> Issue:
        shown = None if value is None else shortened(value.strip().replace("\x00", "␀"), 200)
        return Issue(code, level, self._sheet, row, column, shown, sheet_index=self._sheet_index)


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
        case Cell.INSTANT:
            return InstantReader(zone, month_first=column.month_first)
        case Cell.CHOICE:
            return ChoiceReader(column.choices)
        case Cell.STRICT_CHOICE:
            return StrictChoiceReader(column.choices)
