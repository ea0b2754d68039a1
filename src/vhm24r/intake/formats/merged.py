"""What a merged cell says in the rows it covers.

A person who merges the machine's code over five rows means all five; a merged amount is one amount, and
in every row it would be counted five times.
"""

import re

AMOUNT = re.compile(
    r"\s*[-−+(]?\s*(?:\d{1,3}(?:[ \u00a0\u2009\u202f.,]\d{3})+|\d+)(?:[.,]\d+)?\s*\)?"
    r"\s*(?:uzs|сум|сўм|so['ʻ‘’]m)?\.?\s*",
    re.IGNORECASE,
)
"""A number as people write it, with its currency; a date (`21.11.2026`) is none."""


def stands_in_every_row(text: str) -> bool:
    """Whether the text of a merged cell holds for each of its rows."""
    return AMOUNT.fullmatch(text) is None
