"""Identifiers: no look-alikes, derived ones stable and unambiguous, secrets kept only as hashes."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.kit.ids import ALPHABET, correlation_id, derived_id, public_id, secret_token, token_hash

pytestmark = pytest.mark.unit


def test_the_alphabet_has_no_look_alikes_and_no_letter_twice() -> None:
    assert set("01OIL").isdisjoint(ALPHABET)
    assert len(set(ALPHABET)) == len(ALPHABET) == 31
    assert ALPHABET.upper() == ALPHABET


@pytest.mark.parametrize("length", [1, 8, 20])
def test_a_public_id_has_the_asked_length_and_only_letters_of_the_alphabet(length: int) -> None:
    made = public_id(length)

    assert len(made) == length
    assert set(made) <= set(ALPHABET)


def test_public_ids_do_not_repeat() -> None:
    assert len({public_id() for _ in range(1_000)}) == 1_000


def test_the_same_facts_always_give_the_same_id() -> None:
    assert derived_id(["happy_workers", "2025-12-25", "15000"]) == "HMCZUTYG2S64"
    assert derived_id(iter(["happy_workers", "2025-12-25", "15000"])) == "HMCZUTYG2S64"


def test_where_one_fact_ends_matters() -> None:
    ids = {derived_id(facts) for facts in (["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], [])}

    assert len(ids) == 6


def test_a_longer_derived_id_begins_with_the_shorter_one() -> None:
    assert derived_id(["x"], 20).startswith(derived_id(["x"], 12))
    assert len(derived_id(["x"])) == 12


@given(st.lists(st.text(max_size=20), max_size=4))
def test_a_derived_id_is_made_of_the_alphabet(facts: list[str]) -> None:
    made = derived_id(facts)

    assert len(made) == 12
    assert set(made) <= set(ALPHABET)


def test_a_correlation_id_is_32_hex_digits_and_new_each_time() -> None:
    one, other = correlation_id(), correlation_id()

    assert len(one) == 32
    assert int(one, 16) >= 0
    assert one != other


def test_a_secret_token_is_url_safe_and_long_enough() -> None:
    token = secret_token()

    assert len(token) == 43
    assert token.replace("-", "").replace("_", "").isalnum()
    assert len(secret_token(16)) == 22
    assert token != secret_token()


def test_only_the_hash_of_a_token_is_stored() -> None:
    assert token_hash("secret") == hashlib.sha256(b"secret").digest()
