"""Card numbers: found wherever a report may have put one, and masked before anything is kept. Pure."""

import re

from vhm24r.kit.text import fold

FEWEST_DIGITS, MOST_DIGITS = 13, 19
"""What a card number has; those that nobody says are cards are looked for from 16 on."""

FEWEST_UNSAID = 16

_HEADER = re.compile(r"card|kapt|(?<![a-z])pan(?![a-z])")
"""Names a card, in a folded header: `Card`, `Номер карты`, `Masked PAN`, and no `Company`."""

_LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[\s-]*\d){12,18}(?!\d)")
_DIGIT_RUN = re.compile(r"\d(?:[\s-]*\d)*")
_DIGITS = re.compile(r"\d+")
_BLANKS = re.compile(r"[\s-]+")

_START = re.compile(r"[456]|35|2(?:2|[3-6]|7[0-2])|8600|9860")
"""How cards of 16 digits and more begin: Visa, Mastercard, Maestro, UnionPay, JCB, Mir, Uzcard, Humo. Not `20`, which
years do.
"""


def names_card(header: str) -> bool:
    """Whether a header says that card numbers stand below it."""
    return _HEADER.search(fold(header)) is not None


def without_cards(text: str, *, certain: bool) -> str:
    """A text with every card number in it masked: its first six and last four digits stay.

    `certain`: where cards stand, every number of 13 to 19 digits is one; elsewhere those of 16 to 19 digits are that
    begin as cards do and whose check digit is right. A number may be written in groups.
    """
    if certain:
        return _LONG_NUMBER.sub(lambda found: _masked(_BLANKS.sub("", found[0])), text)
    return _DIGIT_RUN.sub(lambda run: _without_likely_cards(run[0]), text)


def _without_likely_cards(run: str) -> str:
    """Digits with blanks and hyphens between them: other numbers may stand beside a card."""
    groups = list(_DIGITS.finditer(run))
    kept, done, first = "", 0, 0
    while first < len(groups):
        last = _end_of_card(run, groups, first)
        if last is not None:
            kept += run[done : groups[first].start()] + _masked(_between(run, groups, first, last))
            done, first = groups[last].end(), last
        first += 1
    return kept + run[done:]


def _end_of_card(run: str, groups: list[re.Match[str]], first: int) -> int | None:
    """The last of the groups that are a card number together, from `first` on."""
    for last in range(first, len(groups)):
        digits = _between(run, groups, first, last)
        if len(digits) > MOST_DIGITS:
            return None
        if len(digits) >= FEWEST_UNSAID and _START.match(digits) and _checks(digits):
            return last
    return None


def _between(run: str, groups: list[re.Match[str]], first: int, last: int) -> str:
    return _BLANKS.sub("", run[groups[first].start() : groups[last].end()])


def _masked(digits: str) -> str:
    return f"{digits[:6]}{'*' * (len(digits) - 10)}{digits[-4:]}"


def _checks(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (Luhn)."""
    doubled = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0
