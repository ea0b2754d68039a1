"""Saying a text: chosen language, filled parameters, nothing that breaks when one is missing."""

import pytest

from vhm24r.platform.i18n import catalogue, chosen, say

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("ru", "ru"), ("en-US", "en"), ("uz_UZ.UTF-8", "uz"), ("RU-ru", "ru"), ("de, uz;q=0.8, en", "uz"),
        ("en;q=0.9,ru;q=0.8", "en"), (" en ", "en"), ("de-DE", "ru"), ("", "ru"), (None, "ru"), (",;", "ru"),
    ],
)  # fmt: skip
def test_the_first_language_we_speak_is_chosen_else_the_default(wanted: str | None, language: str) -> None:
    assert chosen(wanted) == language


def test_a_text_is_filled_with_its_parameters() -> None:
    assert say("orders.not_found", "en", {"number": "A1"}) == "There is no order A1."
    assert say("orders.not_found", "ru", {"number": "A1"}) == "Заказа A1 нет."


def test_a_parameter_without_a_value_is_a_dash_and_a_missing_one_an_ellipsis() -> None:
    assert say("orders.not_found", "en", {"number": None}) == "There is no order —."
    assert say("orders.not_found", "en", {}) == "There is no order …."
    assert say("orders.not_found", "en") == "There is no order …."


def test_a_parameter_is_data_and_never_a_template() -> None:
    assert say("orders.not_found", "en", {"number": "{x} {0}"}) == "There is no order {x} {0}."


def test_more_parameters_than_the_text_has_do_no_harm() -> None:
    assert say("app.error", "en", {"number": 1}) == "This could not be done."


def test_a_code_without_a_text_is_said_as_it_is() -> None:
    assert say("no.such_code", "en", {"x": 1}) == "no.such_code"


def test_a_catalogue_is_read_once() -> None:
    assert catalogue("en") is catalogue("en")
