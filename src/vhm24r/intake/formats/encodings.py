"""What encoding a text is in, told from its first bytes."""

import codecs
import math
import re
from collections import Counter
from itertools import islice

from vhm24r.intake.formats.protocol import HEAD_BYTES

BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))

LEAST_SOUND_SHARE = 50
"""Sound characters beyond ASCII per broken one from which on a text is taken for damaged UTF-8."""

CYRILLIC = ("cp1251", "cp866", "koi8_r")
WESTERN = "cp1252"
"""Latin-1 as Windows writes it: the same letters, and quotation marks where Latin-1 has controls."""

MOST_WORDS = 500
"""Different words the single-byte encodings are compared on; five are enough to tell them apart."""

_UPPER_HALVES = (0x00, 0x04, 0x20, 0x21)
"""Of characters in UTF-16: ASCII, Cyrillic, dashes and quotation marks, the numero sign."""

_WORD = re.compile(rb"[A-Za-z]*[\x80-\xff][A-Za-z\x80-\xff]*")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")

_FREQUENCY = {
    "о": 10.97, "е": 8.45, "а": 8.01, "и": 7.35, "н": 6.70, "т": 6.26, "с": 5.47, "р": 4.73, "в": 4.54, "л": 4.40,
    "к": 3.49, "м": 3.21, "д": 2.98, "п": 2.81, "у": 2.62, "я": 2.01, "ы": 1.90, "ь": 1.74, "г": 1.70, "з": 1.65,
    "б": 1.59, "ч": 1.44, "й": 1.21, "х": 0.97, "ж": 0.94, "ш": 0.73, "ю": 0.64, "ц": 0.48, "щ": 0.36, "э": 0.32,
    "ф": 0.26, "ъ": 0.04, "ё": 0.04, "ў": 0.10, "і": 0.10, "ї": 0.10, "є": 0.10,
}  # fmt: skip
"""Percent of a letter in Russian; a little for the letters Uzbek and Ukrainian add."""

_SURPRISE = {letter: -math.log(percent / 100) for letter, percent in _FREQUENCY.items()}
_PUNCTUATION = frozenset("«»„“”‘’–—…№°§·•€£©®™\u00a0")
_PUNCTUATION_SURPRISE = 5.0
_WESTERN_SURPRISE = 3.5
_LONE_SURPRISE = 5.0
_UNLIKELY = 9.0
"""Surprise at a character that has no business where it stands: a box line, a capital within a word."""


def encoding_of(head: bytes) -> str | None:
    """The encoding of a text that begins with `head`; None when it is no text."""
    for bom, name in BOMS:
        if head.startswith(bom):
            return name
    if b"\x00" in head:
        return _unmarked_utf16(head)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head, final=len(head) < HEAD_BYTES)  # a character may be cut at the end of the sample
    except UnicodeDecodeError:
        return "utf-8" if _is_damaged_utf8(head) else _single_byte_encoding(head)
    return "utf-8"


def decoded(head: bytes) -> str | None:
    """The text that begins with `head`; None when it is no text. What is no character becomes U+FFFD."""
    encoding = encoding_of(head)
    return None if encoding is None else head.decode(encoding, errors="replace")


def _unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: the upper halves of ASCII are NUL, those of Cyrillic 0x04."""
    if len(head) % 2:
        return None
    for name, upper, lower in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        expected = sum(map(upper.count, _UPPER_HALVES))
        if 0 not in lower and expected * 10 >= len(upper) * 9:
            return None if _CONTROL.search(head.decode(name, errors="replace")) else name
    return None


def _is_damaged_utf8(head: bytes) -> bool:
    """Text with real multi-byte characters and next to no broken ones: its bad rows are issues."""
    text = head.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    beyond_ascii = sum(1 for character in text if character > "\x7f") - broken
    return beyond_ascii > broken * LEAST_SOUND_SHARE


def _single_byte_encoding(head: bytes) -> str | None:
    """The encoding that makes the least surprising words; None for bytes with too many controls."""
    controls = sum(head.count(bytes([code])) for code in range(32) if code not in (9, 10, 13))
    if controls * 100 > len(head):
        return None
    # every word once: a value repeated in each row must not outvote the header
    counted = Counter(match.group() for match in _WORD.finditer(head))
    words = list(islice(counted, MOST_WORDS))
    surprise = {
        name: sum(_cyrillic_surprise(word.decode(name, errors="replace")) for word in words) for name in CYRILLIC
    }
    surprise[WESTERN] = sum(_western_surprise(word.decode(WESTERN, errors="replace")) for word in words)
    return min(surprise, key=surprise.__getitem__)


def _cyrillic_surprise(word: str) -> float:
    """How little `word` looks like one of Russian: rare letters, capitals within it, Latin letters beside."""
    letters = "".join(character for character in word if character.isalpha())
    mixed = any(character < "\x80" for character in letters)
    well_cased = letters[1:].islower() or letters.isupper() or len(letters) < 2
    total = 0.0
    for character in word:
        if character < "\x80":
            continue
        surprise = _SURPRISE.get(character.lower())
        if surprise is None:
            total += _PUNCTUATION_SURPRISE if character in _PUNCTUATION else _UNLIKELY
        else:
            total += surprise if well_cased and not mixed else _UNLIKELY
    return total


def _western_surprise(word: str) -> float:
    """How little `word` looks like one of a Western language: accented letters stand between plain ones."""
    accented = [character for character in word if character > "\x7f" and character.isalpha()]
    plain = sum(1 for character in word if character < "\x80")
    surprise = _WESTERN_SURPRISE if len(accented) <= plain else _UNLIKELY
    letters = _LONE_SURPRISE if len(accented) == 1 and not plain else len(accented) * surprise
    others = [character for character in word if character > "\x7f" and not character.isalpha()]
    return letters + sum(_PUNCTUATION_SURPRISE if other in _PUNCTUATION else _UNLIKELY for other in others)
