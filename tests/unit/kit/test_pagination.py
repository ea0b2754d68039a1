"""Cursors: opaque, back to the same key, refused when this list did not make them."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.kit.pagination import BadCursor, Page, decode_cursor, encode_cursor, page_of

pytestmark = pytest.mark.unit

KEYS = st.lists(st.none() | st.text(max_size=20) | st.integers(-(2**63), 2**63 - 1), max_size=4)


def cursor_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(KEYS)
def test_a_key_comes_back_from_its_cursor(key: list[str | int | None]) -> None:
    cursor = encode_cursor(key)

    assert decode_cursor(cursor, len(key)) == key
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(KEYS)
def test_a_cursor_of_another_length_is_refused(key: list[str | int | None]) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(encode_cursor(key), len(key) + 1)


@given(st.text(max_size=40))
def test_any_text_is_a_key_of_the_asked_length_or_refused(cursor: str) -> None:
    try:
        key = decode_cursor(cursor, 2)
    except BadCursor:
        return
    assert len(key) == 2


@pytest.mark.parametrize(
    "value",
    [{"a": 1}, "text", 7, None, [1.5], [True], [[1]], [{"a": 1}], [], [1, 2]],
    ids=repr,
)
def test_json_that_is_no_sort_key_is_refused(value: object) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(cursor_of(value), 1)


@pytest.mark.parametrize("cursor", ["", "!!!", "abc", "a", "курсор", "WzFd\u00e9", "////", "WzE", "\x00"])
def test_a_text_that_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor(cursor, 1)


def test_json_nested_without_end_is_refused() -> None:
    cursor = base64.urlsafe_b64encode(b"[" * 40_000).decode()

    with pytest.raises(BadCursor):
        decode_cursor(cursor, 1)


def test_one_row_more_than_the_limit_proves_the_next_page() -> None:
    page = page_of([1, 2, 3], 2, lambda row: [row])

    assert page == Page([1, 2], encode_cursor([2]))
    assert page.total is None


@pytest.mark.parametrize("rows", [[], [1], [1, 2]])
def test_the_last_page_has_no_cursor(rows: list[int]) -> None:
    assert page_of(rows, 2, lambda row: [row]) == Page(rows, None)
