"""Reading the cells of real exports: instants, amounts, codes, choices. Pure; memoised per column.

Every reader is a dict from the cell's text to its canonical text: a hit costs one lookup, a miss is
computed once. Canonical texts are what COPY takes; `NULL` stands for an empty cell, and a cell that
cannot be read becomes `UNREADABLE`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from vhm24r.intake.cards import without_cards
from vhm24r.kit.money import parse_minor
from vhm24r.kit.text import EMPTY_MARKS, clean, fold

NULL = r"\N"
UNREADABLE = "\x00unreadable"
MEMO_LIMIT = 50_000
LONGEST_EMPTY_MARK = 4
LARGEST_AMOUNT = 10**17
"""In minor units; no honest amount is larger, and a column of them fits the database's integers."""

LONGEST_CELL = 500
"""No honest cell of a report is longer; an index entry could not hold much more."""

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_ESCAPED = re.compile(r"\\([\\tnr])")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_DAMAGED = re.compile(r"\d[.,]?\d*E\+\d+", re.IGNORECASE)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_SERIAL_DAY = re.compile(r"\d{5}(?:\.0+)?")
_SERIAL_CLOCK = re.compile(r"0(?:\.\d+)?")
_MIDNIGHT = re.compile(r"[ T]+0?0:00(?::00(?:\.0+)?)?$")
"""What spreadsheets put behind a date: it has no time of its own."""

_QUANTITY = re.compile(r"(\(?[+−-]?\s*(?:\d{1,3}(?:[\s']\d{3})+|\d+)(?:[.,]\d+)*)(\)?)")
_CURRENCY_CODE = re.compile(r"[A-Za-z]{3}")
_ZERO_TAIL = re.compile(r"(\d+)\.0$")
EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001  # a day of no zone, like the cells


def escape(text: str) -> str:
    """A text as COPY's text format wants it."""
    return text.translate(_ESCAPES)


def is_damaged(text: str) -> bool:
    """Whether a text has a character that stands for one that could not be read, or one that is never text."""
    return "\ufffd" in text or "\x00" in text


def unescape(text: str) -> str:
    """What `escape` was given."""
    return _ESCAPED.sub(lambda found: {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}[found[1]], text)


class Reader(dict[str, str]):
    """A memo of one column; subclasses say how one cell is read."""

    def __init__(self) -> None:
        """Start with an empty memo."""
        super().__init__()
        self.unreadable = False
        """Whether a cell so far could not be read."""

        self.damaged = False
        """Whether a canonical text so far has a character in it that is no text."""

    def read(self, cell: str) -> str:
        """The canonical text of a non-empty cell, or UNREADABLE."""
        raise NotImplementedError

    def column(self, cells: Sequence[str]) -> list[str]:
        """Every cell of a column, read. One that says the same from end to end, as empty ones do, is read once."""
        if cells and cells[0] == cells[-1] and cells.count(cells[0]) == len(cells):
            return [self[cells[0]]] * len(cells)
        return list(map(self.__getitem__, cells))

    def __missing__(self, cell: str) -> str:
        """Compute once; forget everything when the column turns out to be unique values."""
        text = clean(cell)
        value = NULL if text is None else UNREADABLE if len(text) > LONGEST_CELL else self.read(text)
        if value is UNREADABLE:
            self.unreadable = True
            return value  # not memoised: such cells may be of any length
        if is_damaged(value):
            self.damaged = True
        if len(self) >= MEMO_LIMIT:
            self.clear()
        self[cell] = value
        return value


class TextReader(Reader):
    """Any text, trimmed."""

    def read(self, cell: str) -> str:
        """The text itself."""
        return escape(cell)


class CodeReader(Reader):
    """Numbers that are names (order number, machine code, RRN): text, never a quantity.

    `8.6E+15` shows that a spreadsheet has destroyed digits: unreadable. A trailing `.0` is what
    spreadsheets add to a code of digits: removed. No code has control characters, and one of them separates
    the parts of an identity: unreadable, but for tabs and line breaks, which are escaped.
    """

    def column(self, cells: Sequence[str]) -> list[str]:
        """A column of long plain codes is itself; that shows in all of them at once."""
        lengths, text = set(map(len, cells)), "".join(cells)
        fitting = min(lengths, default=0) > LONGEST_EMPTY_MARK and max(lengths) <= LONGEST_CELL
        if fitting and text.isascii() and text.encode().isalnum():  # bytes are cheaper to ask than characters
            return list(cells)
        return super().column(cells)

    def __missing__(self, cell: str) -> str:
        """A long plain code is itself; codes are mostly unique, so it is not memoised either."""
        if LONGEST_EMPTY_MARK < len(cell) <= LONGEST_CELL and cell.isalnum():
            return cell
        return super().__missing__(cell)

    def read(self, cell: str) -> str:
        """The code, unless it is visibly damaged."""
        if _DAMAGED.fullmatch(cell) or _CONTROL.search(cell):
            return UNREADABLE
        whole = _ZERO_TAIL.fullmatch(cell)
        return escape(whole[1] if whole else cell)


class CardReader(CodeReader):
    """Card numbers: masked before they are kept anywhere."""

    def column(self, cells: Sequence[str]) -> list[str]:
        """Never the fast way of plain codes: card numbers are some."""
        return Reader.column(self, cells)

    def __missing__(self, cell: str) -> str:
        """Never the fast way of plain codes: a card number is one."""
        return Reader.__missing__(self, cell)

    def read(self, cell: str) -> str:
        """The masked number, and whatever stands beside it."""
        return super().read(without_cards(_ZERO_TAIL.sub(r"\1", cell), certain=True))


class AmountReader(Reader):
    """Amounts in units of the currency → minor units as digits."""

    def read(self, cell: str) -> str:
        """Minor units, or UNREADABLE; never a silent zero."""
        minor = parse_minor(cell)
        return UNREADABLE if minor is None or abs(minor) > LARGEST_AMOUNT else str(minor)


class QuantityReader(Reader):
    """How much of something → thousandths as digits.

    A single mark is the decimal one (`1.250` is one and a quarter); groups have spaces, or several marks.
    """

    def read(self, cell: str) -> str:
        """Thousandths, or UNREADABLE; more than three decimals are refused, not rounded away."""
        found = _QUANTITY.fullmatch(cell)
        if found is None:
            return UNREADABLE
        single = cell.count(".") + cell.count(",") == 1
        thousandths = parse_minor(f"{found[1]}000{found[2]}" if single else cell, 3)  # zeros: no group of three
        too_much = thousandths is None or abs(thousandths) > LARGEST_AMOUNT
        return UNREADABLE if too_much else str(thousandths)


class ChoiceReader(Reader):
    """A closed set of words → canonical words; others are kept as they are and remembered."""

    def __init__(self, choices: Mapping[str, str]) -> None:
        """`choices`: words as exports write them → canonical word."""
        super().__init__()
        self._choices = {fold(word): value for word, value in choices.items()}
        self.unknown: dict[str, str] = {}

    def read(self, cell: str) -> str:
        """The canonical word, or the text itself when it is none of ours."""
        known = self._choices.get(fold(cell))
        if known is None:
            self.unknown[cell] = cell
            return escape(cell)
        return known


class StrictChoiceReader(ChoiceReader):
    """A closed set where a word outside of it means "not said"."""

    def read(self, cell: str) -> str:
        """The canonical word, or nothing; the unknown word is remembered for a warning."""
        known = self._choices.get(fold(cell))
        if known is None:
            self.unknown[cell] = cell
            return NULL
        return known


class CurrencyReader(StrictChoiceReader):
    """Currencies: a code that is not kept here is another money, never taken for one of ours."""

    def read(self, cell: str) -> str:
        """The code; UNREADABLE for a code of others, and nothing for any other word, which is remembered."""
        known = super().read(cell)
        if known == NULL and _CURRENCY_CODE.fullmatch(cell):
            del self.unknown[cell]
            return UNREADABLE
        return known


_TAILS = {f":{m:02}:{s:02}": f":{m:02}:{s:02}+00" for m in range(60) for s in range(60)}
_DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y")
_CLOCKS = (" %H:%M:%S", " %H:%M", "", " %I:%M:%S %p", " %I:%M %p", " %I:%M:%S%p", " %I:%M%p")
_FORMATS = tuple(date + clock for clock in _CLOCKS for date in _DATES)
_MONTH_FIRST = tuple(form.replace("%d.%m", "%m.%d").replace("%d/%m", "%m/%d") for form in _FORMATS)


class _Hours(dict[str, str]):
    """Local hour (`2025-12-25 04`) → the same hour in UTC; KeyError when it is no plain hour of the zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._zone = zone

    def __missing__(self, hour: str) -> str:
        try:
            start = datetime.strptime(hour, "%Y-%m-%d %H").replace(tzinfo=self._zone)
        except ValueError:
            raise KeyError(hour) from None
        utc, end = start.astimezone(UTC), start.replace(minute=59, second=59).astimezone(UTC)
        plain = utc.minute == utc.second == 0 and end - utc == timedelta(minutes=59, seconds=59)
        if not plain or not 1990 <= utc.year <= 2100:
            raise KeyError(hour)
        self[hour] = utc.strftime("%Y-%m-%d %H")
        return self[hour]


class InstantReader(Reader):
    """Times in the notations of real exports → UTC; naive ones are in the business zone."""

    def __init__(self, zone: ZoneInfo, *, month_first: bool = False) -> None:
        """`zone`: where a time without an offset was read off a clock; `month_first`: 3/1/2024 is in March."""
        super().__init__()
        self._formats = _MONTH_FIRST if month_first else _FORMATS
        self._zone = zone
        self._hours = _Hours(zone)

    def column(self, cells: Sequence[str]) -> list[str]:
        """The common notation (`2025-12-25 04:05:06`, or empty) costs two lookups a cell; a column
        with anything else in it goes the long way.
        """
        hours, tails = self._hours, _TAILS
        if not any(cells):
            return [NULL] * len(cells)
        try:
            return [hours[cell[:13]] + tails[cell[13:]] if cell else NULL for cell in cells]
        except KeyError:
            return super().column(cells)

    def __missing__(self, cell: str) -> str:
        """The common notation first; instants hardly repeat, so it is not memoised."""
        try:
            return self._hours[cell[:13]] + _TAILS[cell[13:]]
        except KeyError:
            return super().__missing__(cell)

    def read(self, cell: str) -> str:
        """ISO 8601, the known local notations, or an Excel serial number."""
        moment = self._parse(cell)
        if moment is None or not 1990 <= moment.year <= 2100:
            return UNREADABLE
        aware = moment if moment.tzinfo else moment.replace(tzinfo=self._zone)
        return aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S+00")

    def _parse(self, cell: str) -> datetime | None:
        if _SERIAL.fullmatch(cell):
            return EXCEL_EPOCH + timedelta(seconds=_serial_seconds(cell))
        if "T" in cell or cell.endswith("Z"):
            try:
                return datetime.fromisoformat(cell)
            except ValueError:
                return None
        for form in self._formats:
            try:
                return datetime.strptime(cell, form)  # noqa: DTZ007  # the caller adds the zone
            except ValueError:
                continue
        try:
            return datetime.fromisoformat(cell)
        except ValueError:
            return None


def _serial_seconds(serial: str) -> int:
    """Whole seconds of an Excel serial number, rounded as a spreadsheet shows them."""
    days, _, fraction = serial.partition(".")
    parts = int((fraction or "0")[:12].ljust(12, "0"))
    return int(days) * 86_400 + (parts * 86_400 + 5 * 10**11) // 10**12


def moment(date: str, clock: str) -> str:
    """A date and the time of day beside it as one, either of which a spreadsheet may have given as its number. A date
    that says the same time, too, stays as it is; one that says another cannot be read, and neither is guessed.
    """
    day, time = _MIDNIGHT.sub("", date.strip()), clock.strip()
    if time.casefold() in EMPTY_MARKS or (":" in day and time in day):
        return date
    if _SERIAL_DAY.fullmatch(day):
        day = (EXCEL_EPOCH + timedelta(days=int(day[:5]))).strftime("%Y-%m-%d")
    if _SERIAL_CLOCK.fullmatch(time):
        minutes, seconds = divmod(_serial_seconds(time), 60)
        time = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return f"{day} {time}"
