"""Text as it comes from exports: folded for comparison, trimmed, or recognised as empty."""

import re
import unicodedata
from functools import lru_cache

EMPTY_MARKS = frozenset({"", "-", "—", "–", "nan", "none", "null", "н/д", "n/a"})
"""What real exports write where there is nothing (compared casefolded)."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What makes a spreadsheet take a cell for a formula."""

_LOOK_ALIKES = str.maketrans("асеорхукмтнвгіј", "aceopxykmthbrij")
"""Cyrillic letters that look like Latin ones: the Payme header really mixes them."""

_UNSTORABLE = re.compile("[\ud800-\udfff]")
_WHITESPACE = re.compile(r"\s+")


@lru_cache(maxsize=8_192)
def fold(text: str) -> str:
    """The form in which headers and words are compared.

    NFKC, trimmed, inner whitespace and line breaks collapsed, casefolded, Cyrillic look-alikes
    folded to Latin: `НАЗВАНИЕ ПОСТАВЩИКA` with a Latin or a Cyrillic A gives the same text.
    """
    return squeeze(unicodedata.normalize("NFKC", text)).casefold().translate(_LOOK_ALIKES)


def squeeze(text: str) -> str:
    """Trimmed, with inner whitespace and line breaks collapsed to one space."""
    return _WHITESPACE.sub(" ", text).strip()


@lru_cache(maxsize=65_536)
def clean(text: str) -> str | None:
    """The trimmed text of a cell, or None when the cell means "nothing here"."""
    trimmed = text.strip()
    return None if trimmed.casefold() in EMPTY_MARKS else trimmed


def shortened(text: str, limit: int = 80) -> str:
    """At most `limit` characters, an ellipsis in place of the rest; for messages."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def storable(text: str) -> str:
    """The text as a database and JSON can hold it: without NUL, and without halves of characters."""
    return _UNSTORABLE.sub("\ufffd", text.replace("\x00", "␀"))


def harmless(cell: object) -> str:
    """A cell that no spreadsheet runs as a formula; numbers stay numbers."""
    text = "" if cell is None else str(cell)
    if text[:1] not in FORMULA_STARTS or text.lstrip("+-").replace(".", "", 1).isdigit():
        return text
    return f"'{text}"
