"""Records of XML that are written alike, one behind the other: nothing but texts, in the same elements.

Most exports are such from end to end, and finding the pattern of the first records in the bytes takes a fraction of the
time of making a tree of them. Only what cannot mean anything else is taken that way; what does not fit the pattern is
left to the parser, with everything behind it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

SPACE = "[ \t\r\n]*"
TEXT = "([^<\r\x00-\x08\x0b\x0c\x0e-\x1f]*)"
"""What stands in an element; a carriage return would become a line feed, and the others are no characters of XML."""

NO_TEXT = ("]]>", "\ufffe", "\uffff")
"""What else may not stand in it."""

NAME = re.compile(r"[^\W\d][\w.-]*")
"""A tag without a namespace, as it stands in the file."""

DECLARATION = r"""<\?xml version=["']1\.0["'](?: encoding=["'](?:utf|UTF)-8["'])?(?: standalone=["'][a-z]+["'])? ?\?>"""


@dataclass(frozen=True, slots=True)
class Alike:
    """The pattern of records directly below the root element.

    `head` is all that stands above the first of them; `ends` closes a record, and `tail` the document.
    """

    head: bytes
    record: re.Pattern[str]
    ends: bytes
    tail: re.Pattern[bytes]

    def take(self, data: bytes, safe: dict[str, Any]) -> tuple[list[list[str]], int]:
        """The texts of the records `data` begins with, and how many of its bytes they are.

        `safe` are the options of the parser for records with references.
        """
        if self.ends not in data:
            return [], 0
        whole = data[: data.rfind(self.ends) + len(self.ends)]
        try:
            text = whole.decode()
        except UnicodeDecodeError:
            return [], 0
        if any(mark in text for mark in NO_TEXT):
            return [], 0
        rows: list[list[str]] = []
        referring: list[tuple[int, int, int]] = []  # the number of a record, where it begins and where it ends
        place, match = 0, self.record.match
        while found := match(text, place):
            if "&" in found[0]:
                referring.append((len(rows), place, found.end()))
            rows.append(list(found.groups("")))
            place = found.end()
        if referring:
            unfolded = _unfolded("".join(text[begin:end] for _, begin, end in referring), safe)
            if unfolded is None:
                number, place, _ = referring[0]
                del rows[number:]
            else:
                for (number, _, _), row in zip(referring, unfolded, strict=True):
                    rows[number] = row
        return rows, len(text[:place].encode())


def alike(first: bytes, root: str, record: str, fields: Sequence[str]) -> Alike | None:
    """The pattern of a document that begins with `first`, if it may have one: its records have these fields, which are
    elements in this order.
    """
    if not all(map(NAME.fullmatch, (root, record, *fields))):
        return None
    head = re.match(f"(?:\ufeff)?(?:{DECLARATION})?{SPACE}<{re.escape(root)}>".encode(), first)
    if head is None:
        return None
    cells = "".join(rf"{SPACE}<{re.escape(name)}(?:/>|>{TEXT}</{re.escape(name)}>)" for name in fields)
    pattern = rf"{SPACE}<{re.escape(record)}>{cells}{SPACE}</{re.escape(record)}>"
    tail = f"{SPACE}</{re.escape(root)}>{SPACE}".encode()
    return Alike(head[0], re.compile(pattern), f"</{record}>".encode(), re.compile(tail))


def _unfolded(records: str, safe: dict[str, Any]) -> list[list[str]] | None:
    """The texts of some records with what their references stand for; None where one of them stands for nothing."""
    try:
        parsed = etree.fromstring(f"<all>{records}</all>", etree.XMLParser(**safe))
    except etree.XMLSyntaxError:
        return None
    return [[child.text or "" for child in record] for record in parsed]
