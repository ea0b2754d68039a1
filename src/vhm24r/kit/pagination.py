"""Keyset pages: a cursor is the sort key of the last row seen, opaque to the outside."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vhm24r.kit.errors import Invalid

T = TypeVar("T")
MAX_LIMIT = 500
LARGEST_ID = 2**63
"""No id is as large."""


class BadCursor(Invalid):
    """The cursor was not made by this list."""

    code = "page.bad_cursor"


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` is None on the last one, `total` only when asked for."""

    items: list[T]
    next_cursor: str | None
    total: int | None = None


def encode_cursor(key: list[str | int | None]) -> str:
    """The sort key of the last row as an opaque URL-safe text."""
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_id(cursor: str) -> int:
    """The one number inside the cursor of a list in order of ids.

    Raises:
        BadCursor: it is something else.
    """
    return decode_ids(cursor, 1)[0]


def decode_ids(cursor: str, length: int) -> list[int]:
    """The numbers inside the cursor of a list in order of several ids.

    Raises:
        BadCursor: they are something else.
    """
    numbers = [part for part in decode_cursor(cursor, length) if type(part) is int and 0 <= part < LARGEST_ID]
    if len(numbers) < length:
        raise BadCursor
    return numbers


def decode_cursor(cursor: str, length: int) -> list[str | int | None]:
    """The sort key inside a cursor of `length` parts.

    Raises:
        BadCursor: it is not a cursor of this list.
    """
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadCursor from error
    if not isinstance(key, list) or len(key) != length:
        raise BadCursor
    if not all(part is None or type(part) in (str, int) for part in key):
        raise BadCursor
    return key


def page_of(rows: list[T], limit: int, key: Callable[[T], list[str | int | None]]) -> Page[T]:
    """A page from `limit + 1` fetched rows: the extra one only proves that there is more."""
    items = rows[:limit]
    return Page(items, encode_cursor(key(items[-1])) if len(rows) > limit else None)
