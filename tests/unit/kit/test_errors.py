"""Errors carry a code, a status and what their text needs."""

import pickle

import pytest

from vhm24r.kit.errors import (
    AppError,
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Unauthenticated,
    all_errors,
)
from vhm24r.kit.money import CurrencyMismatch, NotAnAmount

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("error", "code", "status", "retryable"),
    [
        (AppError, "app.error", 400, False),
        (Invalid, "app.invalid", 422, False),
        (NotFound, "app.not_found", 404, False),
        (Unauthenticated, "app.unauthenticated", 401, False),
        (Forbidden, "app.forbidden", 403, False),
        (Conflict, "app.conflict", 409, False),
        (Busy, "app.busy", 503, True),
    ],
)
def test_a_kind_of_error_has_its_code_and_status(
    error: type[AppError], code: str, status: int, *, retryable: bool
) -> None:
    assert (error.code, error.status, error.retryable) == (code, status, retryable)


def test_an_error_keeps_the_parameters_of_its_text() -> None:
    error = NotFound(number="A1", row=3)

    assert error.params == {"number": "A1", "row": 3}
    assert str(error) == "app.not_found {'number': 'A1', 'row': 3}"


def test_an_error_without_parameters_is_its_code() -> None:
    assert str(Busy()) == "app.busy"
    assert Busy().params == {}


def test_an_error_travels_between_processes_with_its_parameters() -> None:
    error = pickle.loads(pickle.dumps(NotAnAmount(value="8.6E+15")))

    assert type(error) is NotAnAmount
    assert error.params == {"value": "8.6E+15"}
    assert str(error) == "money.not_an_amount {'value': '8.6E+15'}"


def test_every_error_below_a_root_is_listed_once_and_the_root_first() -> None:
    found = all_errors()

    assert found[0] is AppError
    assert {Invalid, NotAnAmount, CurrencyMismatch, NotFound, Unauthenticated, Forbidden, Conflict, Busy} <= set(found)
    assert len(found) == len(set(found))
    assert found.index(Invalid) < found.index(NotAnAmount)
    assert all_errors(NotAnAmount) == [NotAnAmount]
    assert Busy not in all_errors(Invalid)
