"""JSON: an array of objects or of arrays, lists of them inside an object, or one object a line."""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Never

from vhm24r.intake.errors import FileDamaged, TooDeep
from vhm24r.intake.formats.encodings import decoded, encoding_of
from vhm24r.intake.formats.openings import begins_json
from vhm24r.intake.formats.protocol import HEAD_BYTES, Sample
from vhm24r.intake.formats.spool import Spool, Spools
from vhm24r.intake.types import Table

NAME = "json"
DEEPEST = 64
BLOCK_BYTES = 512 * 1024

LONGEST_FIRST_LINE = 1024 * 1024
"""Characters of a first line beyond which a file is a document in one line, not one record a line."""

LONGEST_TOKEN = 16
"""Characters of the longest token that is no string: an error this near the end may be a cut one."""

LONGEST_CUT = 2
"""Characters of a number that are not read when it is cut within them: `e+`."""

_BLANKS = " \t\r\n"


class _Number(str):
    """A number as it is written: no digit is lost, and in the text of a list it has no quotes."""

    __slots__ = ()


_TEXTS = frozenset({str, _Number})
_WORDS = {None: "", True: "true", False: "false"}


def _no_number(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=_no_number)


class JsonRecords:
    """Records written as JSON; the row of record n is n, its cells are the texts of its members."""

    name = NAME

    def recognises(self, sample: Sample) -> bool:
        """Text that begins as an object, or as an array of objects or arrays."""
        text = decoded(sample.head)
        return text is not None and begins_json(text)

    def tables(self, path: Path) -> Iterator[Table]:
        """Every list of records is a table, named by the path of its key; read to the end before the first row.

        Raises:
            FileDamaged: it is not JSON to its end.
            TooDeep: lists in lists beyond DEEPEST.
            FileExcessive: it unfolds to an absurd number of cells.
        """
        spools = Spools(NAME, path)
        for _ in _reading(path, spools):
            pass
        yield from spools.tables()

    def growing_tables(self, path: Path) -> Iterator[Table]:
        """The same, as far as it goes, while it is read.

        Raises:
            ReadAgain: there is more than one list of records; and as `tables`.
        """
        spools = Spools(NAME, path, growing=True)
        yield from spools.grown(_reading(path, spools))


def _reading(path: Path, spools: Spools) -> Iterator[None]:
    """Read to the end, with a step now and then."""
    with path.open("rb") as file:
        encoding = encoding_of(file.read(HEAD_BYTES)) or "utf-8"
    if _is_lines(path, encoding):
        yield from _read_lines(path, encoding, spools[None])
    else:
        with path.open("rb") as file:
            yield from _Document(file, encoding, spools).read()


def _is_lines(path: Path, encoding: str) -> bool:
    """Whether the first line is a whole object and another line follows it."""
    with path.open(encoding=encoding, errors="replace") as file:
        first = "\n"
        while first and not first.strip():
            first = file.readline(LONGEST_FIRST_LINE)
        text = first.strip()
        if not text.startswith("{"):
            return False
        try:
            _, end = _value(text, 0)
        except ValueError:
            return False
        return end == len(text) and any(line.strip() for line in file)


def _read_lines(path: Path, encoding: str, spool: Spool) -> Iterator[None]:
    """One object a line, a step for each; a line that is none is a broken row, and reading goes on."""
    with path.open(encoding=encoding, errors="replace", newline="\n") as file:
        for line in file:
            yield
            text = line.strip()
            if not text:
                spool.add([])
                continue
            try:
                record, end = _value(text, 0)
            except ValueError:
                spool.add_broken(text)
                continue
            if isinstance(record, dict) and end == len(text):
                _add(spool, record, 1)
            else:
                spool.add_broken(text)


def _value(text: str, at: int) -> tuple[object, int]:
    """The value that begins at `at`, and where it ends.

    Raises:
        ValueError: there is none.
        TooDeep: it is nested beyond anything the parser follows.
    """
    try:
        return _decoder.raw_decode(text, at)
    except RecursionError:
        raise TooDeep(most=DEEPEST) from None


def _add(spool: Spool, record: dict[str, object], depth: int) -> None:
    if _TEXTS.issuperset(map(type, record.values())):
        spool.add_record(record)  # type: ignore[arg-type]  # the line above says so
    else:
        flat: dict[str, str] = {}
        _flatten(record, "", flat, depth)
        spool.add_record(flat)


def _flatten(members: dict[str, object], prefix: str, into: dict[str, str], depth: int) -> None:
    """Members as cells: those of an object within under `parent.child`."""
    _check_depth(depth)
    for key, value in members.items():
        if isinstance(value, dict) and value:
            _flatten(value, f"{prefix}{key}.", into, depth + 1)
        else:
            into[prefix + key] = _cell(value, depth)


def _cell(value: object, depth: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return _json_text(value, depth + 1)
    return _WORDS[value]  # type: ignore[index]  # nothing else is left in JSON


def _json_text(value: object, depth: int) -> str:
    """The JSON of a value, numbers as they were written."""
    _check_depth(depth)
    if isinstance(value, dict):
        members = (f"{_quoted(key)}: {_json_text(member, depth + 1)}" for key, member in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_json_text(item, depth + 1) for item in value) + "]"
    if isinstance(value, _Number):
        return value
    return _quoted(value)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise TooDeep(most=DEEPEST)


class _Document:
    """A JSON document read from its beginning to its end, never more of it held than a block and a record."""

    def __init__(self, file: BinaryIO, encoding: str, spools: Spools) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._spools = spools
        self._text = ""
        self._at = 0
        self._at_end = False
        self._met_nothing = False
        """Whether there was an empty list: a report without rows, not a record."""

    def read(self) -> Iterator[None]:
        """Put by the records of all lists, a step for each element.

        Raises:
            FileDamaged, TooDeep, FileExcessive: as `JsonRecords.tables` says.
        """
        first = self._peek()
        if first == "[":
            yield from self._list(None, 1)
        elif first == "{":
            while len(self._text) < BLOCK_BYTES and self._more():
                pass
            whole = self._text if self._at_end else ""
            yield from self._object((), 1)
            if whole and not len(self._spools) and not self._met_nothing:
                self._single(whole)
        else:
            raise self._damaged("neither an array nor an object")
        if self._peek():
            raise self._damaged("something follows the end")

    def _single(self, text: str) -> None:
        """A small object without lists of records is one record."""
        record, _ = _value(text, len(text) - len(text.lstrip(_BLANKS)))
        assert isinstance(record, dict)
        if record:
            _add(self._spools[None], record, 1)

    def _object(self, path: tuple[str, ...], depth: int) -> Iterator[None]:
        """An object outside of records: its lists are tables, its objects are searched, the rest is passed over."""
        _check_depth(depth)
        for _ in self._items("{", "}"):
            if self._peek() != '"':
                raise self._damaged("a member without a name")
            key = str(self._next())
            self._take(":")
            first = self._peek()
            if first == "{":
                yield from self._object((*path, key), depth + 1)
            elif first == "[":
                yield from self._list(".".join((*path, key)), depth + 1)
            else:
                self._next()

    def _list(self, sheet: str | None, depth: int) -> Iterator[None]:
        """An array: a table when its first element is an object or an array, passed over otherwise."""
        _check_depth(depth)
        spool: Spool | None = None
        is_first, kind = True, ""
        for _ in self._items("[", "]"):
            if is_first:
                kind = self._peek()
                spool = self._spools[sheet] if kind in ("{", "[") else None
                is_first = False
            element = self._next()
            yield
            if spool is None:
                continue
            if isinstance(element, dict) and kind == "{":
                _add(spool, element, depth + 1)
            elif isinstance(element, list) and kind == "[":
                spool.add([_cell(item, depth + 1) for item in element])
            else:
                spool.add_broken(_json_text(element, depth + 1))
        self._met_nothing |= is_first

    def _items(self, opening: str, closing: str) -> Iterator[None]:
        """Steps to each element of an array or object; the caller takes the element."""
        self._take(opening)
        if self._peek() == closing:
            self._take(closing)
            return
        while True:
            yield
            if self._peek() == closing:
                self._take(closing)
                return
            self._take(",")

    def _take(self, character: str) -> None:
        if self._peek() != character:
            raise self._damaged(f"{character} is missing")
        self._at += 1

    def _peek(self) -> str:
        """The next character that is no blank; empty at the end."""
        while True:
            text, at = self._text, self._at
            length = len(text)
            while at < length and text[at] in _BLANKS:
                at += 1
            self._at = at
            if at < length:
                return text[at]
            if not self._more():
                return ""

    def _next(self) -> object:
        """The value that begins here; more is read while it may only be cut."""
        self._peek()
        while True:
            try:
                value, end = _value(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos + LONGEST_TOKEN >= len(self._text)
                if cut and self._more():
                    continue
                raise self._damaged(error.msg) from None
            except ValueError as error:
                raise self._damaged(str(error)) from None
            if end + LONGEST_CUT >= len(self._text) and self._more():
                continue  # a number may go on
            self._at = end
            return value

    def _more(self) -> bool:
        """Read on, at least doubling what is held, so that a long value is not read again and again."""
        if self._at_end:
            return False
        self._text = self._text[self._at :]
        self._at = 0
        block = self._file.read(max(BLOCK_BYTES, len(self._text)))
        self._at_end = not block
        self._text += self._decoder.decode(block, final=self._at_end)
        return True

    def _damaged(self, reason: str) -> FileDamaged:
        return FileDamaged(format=NAME, reason=reason)
