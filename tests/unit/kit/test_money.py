"""Amounts as people and exports write them, arithmetic that refuses to mix, splits that lose nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.kit.money import Currency, CurrencyMismatch, Money, NotAnAmount, format_minor, parse_minor

pytestmark = pytest.mark.unit

UZS, USD = Currency.UZS, Currency.USD


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("15000", 15_000_00),
        ("0", 0),
        ("0.00", 0),
        ("0,5", 50),
        ("007", 7_00),
        (" 15000 ", 15_000_00),
        ("15000.5", 15_000_50),
        ("15000.50", 15_000_50),
        ("15000.500", 15_000_50),
        ("15000.5000", 15_000_50),
        ("15 000,00", 15_000_00),
        ("15 000.00", 15_000_00),
        ("15\u00a0000,00", 15_000_00),
        ("15\u2009000,00", 15_000_00),
        ("15\u202f000,00", 15_000_00),
        ("15\u2007000,00", 15_000_00),
        ("15'000.00", 15_000_00),
        ("15,000.00", 15_000_00),
        ("15,000", 15_000_00),
        ("15.000", 15_000_00),
        ("1.234,56", 1_234_56),
        ("1,234.56", 1_234_56),
        ("1,234,567.89", 1_234_567_89),
        ("1.234.567,89", 1_234_567_89),
        ("1.234.567", 1_234_567_00),
        ("12 345 678,9", 12_345_678_90),
        ("15000 UZS", 15_000_00),
        ("15000uzs", 15_000_00),
        ("UZS 15000", 15_000_00),
        ("15 000 сум", 15_000_00),
        ("15 000,00 Сумов", 15_000_00),
        ("15000 so'm", 15_000_00),
        ("15000 soʻm", 15_000_00),
        ("15000 so’m", 15_000_00),
        ("12.50 руб.", 12_50),
        ("$12.50", 12_50),
        ("12,50 €", 12_50),
        ("-15000", -15_000_00),
        ("−15 000,00", -15_000_00),
        ("+15000", 15_000_00),
        ("(1 200)", -1_200_00),
        ("(1 200,50)", -1_200_50),
        ("(15000 UZS)", -15_000_00),
    ],
)
def test_a_notation_of_real_exports_is_read_to_the_minor_unit(text: str, minor: int) -> None:
    assert parse_minor(text) == minor


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", "+", "()", "вчера", "abc", "UZS", "сум", "NaN", "Infinity", "1e5", "8.6E+15", "8,6E+15",
        "12,34,56", "1.5.2", "1,234.567,89", "1.234,567", "12,345.678.9", "1 234,5.6", "15000.001", "0.0015", "1,,5",
        "1..5", ".5", "5.", ",5", "5,", "--5", "-(5)", "(-5)", "(+5)", "(5", "5)", "5-", "0x10", "1_000", "１５０００",
        "12:30", "2025-12-25", "15000/2", "10%", "9" * 5_000, "9" * 5_000 + ".00",
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
def test_what_is_no_amount_is_refused_and_never_zero(text: str) -> None:
    assert parse_minor(text) is None


@pytest.mark.parametrize(
    ("text", "exponent", "minor"),
    [("15", 0, 15), ("15.0", 0, 15), ("15.5", 0, None), ("0.12345678", 8, 12_345_678), ("1,5", 3, 1_500)],
)
def test_the_number_of_decimals_belongs_to_the_currency(text: str, exponent: int, minor: int | None) -> None:
    assert parse_minor(text, exponent) == minor


@given(st.integers(min_value=-(10**18), max_value=10**18))
def test_what_is_written_in_units_is_read_back_as_it_was(minor: int) -> None:
    assert parse_minor(format_minor(minor)) == minor


@given(
    st.integers(min_value=0, max_value=10**15),
    st.sampled_from([(" ", ","), ("\u00a0", ","), ("\u202f", "."), (",", "."), (".", ",")]),
)
def test_grouping_and_decimal_marks_do_not_change_the_amount(minor: int, marks: tuple[str, str]) -> None:
    group, decimal = marks

    text = f"{minor // 100:,}".replace(",", group) + f"{decimal}{minor % 100:02}"

    assert parse_minor(text) == minor


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_none(text: str) -> None:
    assert isinstance(parse_minor(text), int | None)


@pytest.mark.parametrize(
    ("amount", "exponent", "text"),
    [
        (1_500_000, 2, "15000.00"), (-5, 2, "-0.05"), (0, 2, "0.00"), (7, 0, "7"), (-7, 0, "-7"),
        (1, 8, "0.00000001"),
    ],
)  # fmt: skip
def test_minor_units_are_written_with_every_decimal(amount: int, exponent: int, text: str) -> None:
    assert format_minor(amount, exponent) == text


def test_money_is_read_in_its_currency_and_written_with_it() -> None:
    money = Money.parse("15 000,00 сум", UZS)

    assert money == Money(1_500_000, UZS)
    assert money.decimal() == "15000.00"
    assert str(money) == "15000.00 UZS"


def test_a_text_that_is_no_amount_raises_with_the_text() -> None:
    with pytest.raises(NotAnAmount) as caught:
        Money.parse("8.6E+15", UZS)

    assert caught.value.params == {"value": "8.6E+15"}
    assert caught.value.status == 422


@pytest.mark.parametrize("amount", [1.0, 1.5, "1", None, True])
def test_an_amount_that_is_no_integer_is_refused(amount: object) -> None:
    with pytest.raises(TypeError, match=f"not {type(amount).__name__}"):
        Money(amount, UZS)  # type: ignore[arg-type]  # the refusal at run time is what is tested


def test_money_of_one_currency_adds_subtracts_negates_and_compares() -> None:
    small, large = Money(100, UZS), Money(250, UZS)

    assert small + large == Money(350, UZS)
    assert small - large == Money(-150, UZS)
    assert -large == Money(-250, UZS)
    assert small < large
    assert small <= Money(100, UZS)
    assert not large < small
    assert not large <= small
    assert sorted([large, small]) == [small, large]


def test_two_currencies_never_meet_in_a_sum_or_a_comparison() -> None:
    sum_, dollars = Money(100, UZS), Money(100, USD)

    for meet in (Money.__add__, Money.__sub__, Money.__lt__, Money.__le__):
        with pytest.raises(CurrencyMismatch) as caught:
            meet(sum_, dollars)
        assert caught.value.params == {"left": UZS, "right": USD}
    assert sum_ != dollars


@pytest.mark.parametrize("currency", list(Currency))
def test_every_currency_has_two_decimals(currency: Currency) -> None:
    assert currency.exponent == 2
    assert Money(12_345, currency).decimal() == "123.45"


@pytest.mark.parametrize(
    ("amount", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (5, [1, 1], [3, 2]),
        (10, [1, 2, 7], [1, 2, 7]),
        (10, [3, 3, 1], [4, 4, 2]),
        (1, [0, 1], [0, 1]),
        (7, [0, 0, 5], [0, 0, 7]),
        (0, [1, 2], [0, 0]),
        (-100, [1, 1, 1], [-33, -33, -34]),
        (3, [1], [3]),
    ],
)
def test_a_split_goes_by_the_largest_remainder_and_ties_to_the_earlier(
    amount: int, weights: list[int], shares: list[int]
) -> None:
    assert [share.amount for share in Money(amount, UZS).split(weights)] == shares


@given(
    st.integers(min_value=-(10**12), max_value=10**12),
    st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=12).filter(any),
)
def test_a_split_loses_nothing_and_stays_within_one_unit_of_the_exact_share(amount: int, weights: list[int]) -> None:
    shares = Money(amount, USD).split(weights)

    assert sum(share.amount for share in shares) == amount
    assert {share.currency for share in shares} == {USD}
    total = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.amount * total - amount * weight) < total
        assert weight or share.amount == 0


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [2, -1], [-1]])
def test_weights_that_divide_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one is positive"):
        Money(100, UZS).split(weights)
