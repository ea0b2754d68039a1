"""What makes two requests the same, and which answers are kept."""

import pytest

from vhm24r.platform.idempotency import Answer, request_hash

pytestmark = pytest.mark.unit


def test_the_same_request_has_the_same_hash() -> None:
    assert request_hash("POST", "/orders", b"{}") == request_hash("POST", "/orders", b"{}")
    assert len(request_hash("POST", "/orders", b"{}")) == 32


def test_method_path_body_and_their_bounds_all_matter() -> None:
    requests = [
        ("POST", "/orders", b"{}"), ("PUT", "/orders", b"{}"), ("POST", "/order", b"s{}"), ("POST", "/orders{}", b""),
        ("POST/orders", "", b"{}"), ("POST", "/orders", b"{} "),
    ]  # fmt: skip

    assert len({request_hash(*request) for request in requests}) == len(requests)


@pytest.mark.parametrize(
    ("status", "kept"),
    [
        *((status, True) for status in (200, 201, 400, 404, 422)),
        *((status, False) for status in (409, 429, 500, 503)),
    ],
)
def test_only_an_answer_that_would_not_change_is_kept(status: int, *, kept: bool) -> None:
    assert Answer(status, b"", "application/json").keepable is kept
