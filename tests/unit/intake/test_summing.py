"""What rows are in sum: the same however they are cut, and the same as the rows say one by one."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.evidence.summary import Run, Summary, in_sum
from vhm24r.evidence.types import FIELD_NAMES
from vhm24r.intake.summing import summed
from vhm24r.intake.values import NULL, escape, unescape

pytestmark = pytest.mark.unit

Facts = dict[str, str]


def summary(facts: list[Facts], rows: list[int] | range | None = None, position: int = 0) -> Summary:
    fields = {name: [fact.get(name, NULL) for fact in facts] for name in FIELD_NAMES}
    places = range(2 + position, 2 + position + len(facts)) if rows is None else rows
    return summed(fields, fields["order_number"], places, 0, position)


def test_rows_that_follow_one_another_are_a_run_and_gaps_divide_it() -> None:
    assert summary([{}] * 3).runs == (Run(0, 2, 0, 3),)
    assert summary([{}] * 4, [2, 3, 7, 8], 10).runs == (Run(10, 2, 0, 2), Run(12, 7, 0, 2))
    assert summary([]).runs == ()


def test_pieces_that_follow_one_another_are_one_run() -> None:
    whole = in_sum([summary([{}] * 3), summary([{}] * 2, position=3), summary([{}], [20], 5)])

    assert whole.runs == (Run(0, 2, 0, 5), Run(5, 20, 0, 1))
    assert (whole.rows, whole.first) == (6, 0)


def test_a_span_has_no_need_of_every_time() -> None:
    first, last = "2025-12-01 10:00:00+00", "2025-12-03 09:00:00+00"

    assert summary([{"occurred_at": last}, {}, {"occurred_at": first}]).span == (
        datetime(2025, 12, 1, 10, tzinfo=UTC), datetime(2025, 12, 3, 9, tzinfo=UTC),
    )  # fmt: skip
    assert summary([{}]).span == (None, None)


def test_things_are_named_as_people_write_them() -> None:
    address = "C:\\new\tline"
    found = summary([{"machine_code": "m1", "machine_address": escape(address), "product": "Чай"}, {"product": "Чай"}])

    assert found.machines == {("m1", address)}
    assert found.products == {"Чай"}
    assert summary([{"machine_code": "m1"}]).machines == {("m1", None)}


def test_money_counts_but_for_tests_and_what_has_no_amount_or_currency() -> None:
    price = {"amount": "500", "currency": "UZS"}
    found = summary([price, price, {**price, "payment_method": "test"}, {"amount": "7"}, {"currency": "UZS"}])
    refund = summary([{"amount": "-1200", "currency": "UZS"}, {"amount": "3", "currency": "USD"}])

    assert found.money == {"UZS": 1000}
    assert in_sum([found, refund]).money == {"UZS": -200, "USD": 3}


@pytest.mark.parametrize(
    ("numbers", "addressable"),
    [(["A1", "a-2.~_"], True), ([], True), (["A1", NULL], False), (["№ 7"], False), (["A 1"], False), (["a/b"], False)],
)
def test_numbers_that_may_stand_in_an_address(numbers: list[str], addressable: bool) -> None:
    assert summary([{"order_number": number} for number in numbers]).addressable is addressable


texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)


@given(texts)
def test_what_is_escaped_is_read_back(text: str) -> None:
    assert unescape(escape(text)) == text


facts = st.fixed_dictionaries(
    {},
    optional={
        "amount": st.integers(-9, 9).map(str), "currency": st.sampled_from(["UZS", "USD"]), "order_number": texts,
        "payment_method": st.sampled_from(["cash", "test"]), "product": texts.map(escape), "machine_code": texts,
    },
)  # fmt: skip


@given(st.lists(facts), st.integers(0, 9))
def test_where_rows_are_cut_changes_nothing(rows: list[Facts], cut: int) -> None:
    rows = [{name: escape(text) for name, text in row.items()} for row in rows]
    pieces = in_sum([summary(rows[:cut]), summary(rows[cut:], position=len(rows[:cut]))])
    whole = summary(rows)

    assert pieces == whole
    assert pieces.money == Counter(whole.money)
