"""What Telegram signs is believed as it was signed, while it is young, and in no other form."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.telegram import BOT_ID, PUBLIC_KEY, TOKEN, init_data, init_fields, widget_fields
from vhm24r.identity.errors import TelegramDataInvalid, TelegramDataTooOld
from vhm24r.identity.telegram import (
    PRODUCTION_KEY,
    TEST_KEY,
    TelegramPerson,
    check_init_data,
    check_signature,
    check_widget,
)

pytestmark = pytest.mark.unit
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

PUBLISHED = (
    "auth_date=1650385342&user=%7B%22id%22%3A42%2C%22first_name%22%3A%22Test%22%7D&query_id=test"
    "&hash=46d2ea5e32911ec8d30999b56247654460c0d20949b6277af519e76271182803"
)
"""A vector published with a widely used client library: init data of the bot `42:TEST`."""

WIDGET_BY_OPENSSL = {
    "id": "42", "first_name": "Test", "username": "test_user", "auth_date": "1650385342",
    "hash": "df45f365934a5ad7f268e224c6f3ff10d65f9d2c435358b86625620cca18f8f6",
}  # fmt: skip
"""Fields of the bot `42:TEST`, signed by the command line of OpenSSL and not by code of ours."""


def test_published_init_data_is_believed() -> None:
    signed_at = datetime.fromtimestamp(1650385342, UTC)

    found = check_init_data(PUBLISHED, "42:TEST", signed_at + timedelta(minutes=1))

    assert (found.id, found.name, found.signed_at) == (42, "Test", signed_at)


def test_widget_fields_signed_elsewhere_are_believed() -> None:
    found = check_widget(WIDGET_BY_OPENSSL, "42:TEST", datetime.fromtimestamp(1650385342, UTC))

    assert (found.id, found.name, found.username) == (42, "Test", "test_user")


def test_the_keys_of_telegram_are_those_it_publishes() -> None:
    assert (PRODUCTION_KEY[:8], TEST_KEY[:8], len(PRODUCTION_KEY), len(TEST_KEY)) == ("e7bf03a2", "40055058", 64, 64)


def test_what_we_sign_as_telegram_does_is_believed_in_every_way() -> None:
    data = init_data(NOW, user={"last_name": "Person", "username": "test_person"})

    by_token = check_init_data(data, TOKEN, NOW)
    by_key = check_signature(data, BOT_ID, (PRODUCTION_KEY, PUBLIC_KEY), NOW)
    by_widget = check_widget(widget_fields(NOW, last_name="Person"), TOKEN, NOW)

    assert (by_token.id, by_token.name, by_token.username, by_token.language) == (
        777,
        "Test Person",
        "test_person",
        "en",
    )
    assert (by_key.id, by_key.name) == (by_token.id, by_token.name)
    assert (by_widget.id, by_widget.name, by_widget.language) == (777, "Test Person", None)


def test_a_signature_is_part_of_what_the_hash_is_over() -> None:
    fields = init_fields(NOW)
    del fields["signature"]

    with pytest.raises(TelegramDataInvalid):
        check_init_data(urlencode(fields), TOKEN, NOW)


@pytest.mark.parametrize("field", ["query_id", "user", "auth_date", "hash", "signature"])
def test_every_changed_field_is_noticed(field: str) -> None:
    fields = init_fields(NOW)
    changed = urlencode(fields | {field: fields[field][:-1] + ("0" if fields[field][-1] != "0" else "1")})

    with pytest.raises(TelegramDataInvalid):
        check_init_data(changed, TOKEN, NOW)
    if field != "hash":
        with pytest.raises(TelegramDataInvalid):
            check_signature(changed, BOT_ID, (PUBLIC_KEY,), NOW)


def test_a_field_that_is_added_is_noticed() -> None:
    with pytest.raises(TelegramDataInvalid):
        check_init_data(init_data(NOW) + "&start_param=more", TOKEN, NOW)
    with pytest.raises(TelegramDataInvalid):
        check_widget(widget_fields(NOW) | {"username": "more"}, TOKEN, NOW)


@pytest.mark.parametrize("twice", ["user=%7B%22id%22%3A1%7D", "hash=00", "auth_date=1", "us%65r=x"])
def test_a_name_that_comes_twice_is_refused(twice: str) -> None:
    for data in (f"{init_data(NOW)}&{twice}", f"{twice}&{init_data(NOW)}"):
        with pytest.raises(TelegramDataInvalid) as refused:
            check_init_data(data, TOKEN, NOW)
        assert refused.value.params == {"problem": "twice"}
        with pytest.raises(TelegramDataInvalid):
            check_signature(data, BOT_ID, (PUBLIC_KEY,), NOW)


def test_another_bots_data_is_refused() -> None:
    with pytest.raises(TelegramDataInvalid):
        check_init_data(init_data(NOW, token="654321:other-token"), TOKEN, NOW)
    with pytest.raises(TelegramDataInvalid):
        check_signature(init_data(NOW, token="654321:other-token"), BOT_ID, (PUBLIC_KEY,), NOW)
    with pytest.raises(TelegramDataInvalid):
        check_signature(init_data(NOW), BOT_ID, (PRODUCTION_KEY, TEST_KEY), NOW)


def test_the_widget_and_the_mini_app_are_not_taken_for_each_other() -> None:
    with pytest.raises(TelegramDataInvalid):
        check_init_data(urlencode(widget_fields(NOW)), TOKEN, NOW)
    with pytest.raises(TelegramDataInvalid):
        check_widget(init_fields(NOW), TOKEN, NOW)


@pytest.mark.parametrize(
    ("age", "widget", "mini_app"),
    [
        (timedelta(0), True, True),
        (timedelta(minutes=5), True, True),
        (timedelta(minutes=5, seconds=1), False, True),
        (timedelta(hours=1), False, True),
        (timedelta(hours=1, seconds=1), False, False),
    ],
)
def test_what_is_too_old_is_refused_as_such(age: timedelta, widget: bool, mini_app: bool) -> None:
    checks: list[tuple[bool, Callable[[datetime], TelegramPerson]]] = [
        (widget, lambda now: check_widget(widget_fields(NOW), TOKEN, now)),
        (mini_app, lambda now: check_init_data(init_data(NOW), TOKEN, now)),
        (mini_app, lambda now: check_signature(init_data(NOW), BOT_ID, (PUBLIC_KEY,), now)),
    ]
    for fresh, check in checks:
        if fresh:
            assert check(NOW + age).id == 777
        else:
            with pytest.raises(TelegramDataTooOld):
                check(NOW + age)


def test_clocks_may_differ_a_little_and_no_more() -> None:
    assert check_init_data(init_data(NOW + timedelta(seconds=30)), TOKEN, NOW).id == 777
    with pytest.raises(TelegramDataInvalid) as refused:
        check_init_data(init_data(NOW + timedelta(seconds=31)), TOKEN, NOW)

    assert refused.value.params == {"problem": "auth_date"}


@pytest.mark.parametrize("auth_date", ["", "x", "-1", "1.5", "٣", "9" * 12, " 1"])
def test_a_date_is_a_number(auth_date: str) -> None:
    with pytest.raises(TelegramDataInvalid):
        check_widget(widget_fields(NOW, auth_date=auth_date), TOKEN, NOW)


@pytest.mark.parametrize(
    "user", ["", "no json", "[]", "null", '{"id":0}', '{"id":-1}', '{"id":"x"}', '{"id":1.5}', "{}"]
)
def test_a_user_without_a_number_is_nobody(user: str) -> None:
    with pytest.raises(TelegramDataInvalid):
        check_init_data(init_data(NOW, user=user), TOKEN, NOW)


def test_names_are_kept_as_they_can_be_shown() -> None:
    strange = {"first_name": " \u202eTe\x00st\n", "last_name": 5, "username": "x" * 500, "language_code": None}

    found = check_init_data(init_data(NOW, user=strange), TOKEN, NOW)
    nameless = check_init_data(init_data(NOW, user={"first_name": "\n"}), TOKEN, NOW)

    assert (found.name, len(found.username or ""), found.language) == ("Test", 128, None)
    assert nameless.name == "777"


@pytest.mark.parametrize(
    "text", ["", "=", "a", "a=b=c&&", "user=%FF%FE", "x" * 9_000, "&".join(f"a{n}=1" for n in range(40))]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(TelegramDataInvalid):
        check_init_data(text, TOKEN, NOW)
    with pytest.raises(TelegramDataInvalid):
        check_signature(text, BOT_ID, (PUBLIC_KEY,), NOW)


@given(st.text(max_size=300))
def test_no_text_is_a_fault_of_ours(text: str) -> None:
    with pytest.raises(TelegramDataInvalid):
        check_init_data(text, TOKEN, NOW)
    with pytest.raises(TelegramDataInvalid):
        check_signature(f"signature={text}", BOT_ID, (PUBLIC_KEY,), NOW)
    with pytest.raises(TelegramDataInvalid):
        check_widget({"id": text, "hash": text}, TOKEN, NOW)


def test_the_same_data_has_the_same_proof() -> None:
    first, again = (check_widget(widget_fields(NOW), TOKEN, NOW).proof for _ in range(2))
    other = check_widget(widget_fields(NOW + timedelta(seconds=1)), TOKEN, NOW).proof

    assert first == again != other
