"""Each gateway day finds its credit, or says why it has none."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.reconciliation.levels.payouts import (
    BankCredit,
    GatewayDay,
    Payout,
    PayoutRules,
    Payouts,
    PayoutStatus,
    named_gateways,
    payouts,
)

pytestmark = pytest.mark.unit

FRIDAY = date(2026, 3, 6)
MARCH = frozenset(date(2026, 3, 1) + timedelta(days=late) for late in range(31))
STRICT = PayoutRules(permille=0, least=10)
ALONE = PayoutRules(permille=0, least=10, most_days=1)


def after(days: int) -> date:
    return FRIDAY + timedelta(days=days)


def due(late: int, net: int, gateway: str = "payme", currency: str = "UZS") -> GatewayDay:
    return GatewayDay(gateway, after(late), currency, net + 7, 7)


def came(record_id: int, late: int, amount: int, purpose: str = "PAYME", currency: str = "UZS") -> BankCredit:
    return BankCredit(record_id, after(late), currency, amount, purpose)


def told(found: Payouts) -> list[tuple[int | None, int, str]]:
    """Of each payout the record of its credit, the difference and the status."""
    return [
        (payout.credit.record_id if payout.credit else None, payout.difference, payout.status)
        for payout in found.payouts
    ]


@pytest.mark.parametrize(
    ("purpose", "gateways"),
    [
        ("Перечисление по договору, OOO «INSPIRED»", ["payme"]),
        ("возмещение Пэйми за 06.03", ["payme"]),
        ("оплата ПЕЙМИ", ["payme"]),
        ("00668~CLICK AJ", ["click"]),
        ("по системе Клик", ["click"]),
        ("ООО_Uzum_Bank", ["uzum"]),
        ("Узум банк, платежи Click", ["click", "uzum"]),
        ("doubleclick", []),
        ("аренда", []),
    ],
)
def test_a_bank_line_names_gateways_where_a_word_begins(purpose: str, gateways: list[str]) -> None:
    assert named_gateways(purpose) == gateways


def test_a_day_is_paid_less_its_commission() -> None:
    day = GatewayDay("payme", FRIDAY, "UZS", 1_000_000, 10_000)
    credit = came(1, 1, 985_000)

    found = payouts([day], [credit], MARCH)

    assert found == Payouts([Payout("payme", FRIDAY, "UZS", 990_000, credit, -5_000, PayoutStatus.PAID)], [], [])


@pytest.mark.parametrize(
    ("net", "amount", "paid"),
    [
        (500_000, 510_000, True),
        (500_000, 510_001, False),
        (500_000, 489_999, False),
        (5_000_000, 5_050_000, True),
        (5_000_000, 5_050_001, False),
    ],
    ids=["at least", "over it", "under it", "a hundredth", "more"],
)
def test_a_credit_may_differ_by_so_much(net: int, amount: int, *, paid: bool) -> None:
    found = payouts([due(0, net)], [came(1, 0, amount)], MARCH)

    assert found.payouts[0].status == (PayoutStatus.PAID if paid else PayoutStatus.MISSING)


@pytest.mark.parametrize(
    "credit",
    [
        came(1, 1, 100, purpose="CLICK"),
        came(1, 1, 100, currency="USD"),
        came(1, -1, 100),
        came(1, 6, 100),
        came(1, 1, 111),
    ],
    ids=["another gateway", "another currency", "before", "too late", "another amount"],
)
def test_what_is_not_the_credit_is_left_unexplained(credit: BankCredit) -> None:
    found = payouts([due(0, 100)], [credit], MARCH, STRICT)

    assert told(found) == [(None, -100, "missing")]
    assert found.unexplained == [credit]


def test_a_credit_that_names_no_gateway_is_nobodys_business_here() -> None:
    rent = came(1, 1, 100, purpose="аренда")

    assert payouts([due(0, 100)], [rent], MARCH, STRICT).other == [rent]


@pytest.mark.parametrize(
    ("covered", "status"),
    [
        (range(6), PayoutStatus.MISSING),
        (range(5), PayoutStatus.WAITING),
        ([0, 5], PayoutStatus.WAITING),
        ([-1, 6], PayoutStatus.NOT_COVERED),
    ],
    ids=["all of it", "not to the end", "with a hole", "none of it"],
)
def test_what_a_day_without_a_credit_says_depends_on_the_statements(
    covered: range | list[int], status: PayoutStatus
) -> None:
    found = payouts([due(0, 100)], [], {after(late) for late in covered})

    assert told(found) == [(None, -100, status)]


def test_a_day_on_which_nothing_is_due_is_left_out() -> None:
    found = payouts([due(0, 0), due(1, -5)], [came(1, 1, 3)], MARCH, STRICT)

    assert found.payouts == []


def test_a_gateway_that_no_bank_line_can_name_is_refused() -> None:
    with pytest.raises(ValueError, match="paynet"):
        payouts([due(0, 100, gateway="paynet")], [], MARCH)


def test_most_pairs_come_before_the_least_difference() -> None:
    found = payouts([due(0, 100), due(1, 108)], [came(1, 1, 100), came(2, 1, 92)], MARCH, STRICT)

    assert told(found) == [(2, -8, "paid"), (1, -8, "paid")]


def test_the_least_difference_comes_before_the_least_delay() -> None:
    found = payouts([due(0, 100)], [came(1, 1, 101), came(2, 5, 100)], MARCH, STRICT)

    assert told(found) == [(2, 0, "paid")]


def test_equal_amounts_are_paid_in_their_order() -> None:
    found = payouts([due(0, 100), due(1, 100)], [came(8, 3, 100), came(9, 2, 100)], MARCH, STRICT)

    assert [record for record, _, _ in told(found)] == [9, 8]


def test_a_credit_that_names_two_gateways_pays_the_one_it_fits_best() -> None:
    both = came(1, 1, 100, purpose="Uzum Bank, CLICK")

    found = payouts([due(0, 95, gateway="uzum"), due(0, 100, gateway="click")], [both], MARCH, STRICT)

    assert told(found) == [(1, 0, "paid"), (None, -95, "missing")]


def test_a_weekend_is_paid_on_monday() -> None:
    days = [due(0, 300), due(1, 200), due(2, 100)]

    found = payouts(days, [came(1, 3, 596)], MARCH, STRICT)

    assert told(found) == [(1, 0, "paid_together"), (1, 0, "paid_together"), (1, -4, "paid_together")]
    assert found.unexplained == []


def test_a_day_without_sales_does_not_break_a_run_and_a_paid_one_does() -> None:
    days = [due(0, 300), due(1, 0), due(2, 100)]
    paid = [due(0, 300), due(1, 200), due(2, 100)]

    assert told(payouts(days, [came(1, 3, 400)], MARCH, STRICT)) == [(1, 0, "paid_together")] * 2
    assert told(payouts(paid, [came(1, 3, 400), came(2, 3, 200)], MARCH, STRICT)) == [
        (None, -300, "missing"),
        (2, 0, "paid"),
        (None, -100, "missing"),
    ]


@pytest.mark.parametrize(
    ("days", "credit"),
    [
        ([due(late, 100) for late in range(5)], came(1, 5, 500)),
        ([due(0, 100), due(1, 100, gateway="click")], came(1, 2, 200)),
        ([due(0, 100), due(1, 100, currency="USD")], came(1, 2, 200)),
        ([due(0, 100), due(1, 100)], came(1, 6, 200)),
        ([due(0, 100), due(1, 100)], came(1, 0, 200)),
    ],
    ids=["too many days", "another gateway", "another currency", "too late for the first", "before the last"],
)
def test_days_that_one_credit_does_not_pay(days: list[GatewayDay], credit: BankCredit) -> None:
    assert all(payout.credit is None for payout in payouts(days, [credit], MARCH, STRICT).payouts)


def test_of_runs_that_fit_the_shortest_and_then_the_earliest_is_paid() -> None:
    shorter = payouts([due(0, 50), due(1, 50), due(2, 100), due(3, 100)], [came(1, 4, 200)], MARCH, STRICT)
    earlier = payouts([due(0, 100), due(1, 100), due(2, 100)], [came(1, 3, 200)], MARCH, STRICT)

    assert [record for record, _, _ in told(shorter)] == [None, None, 1, 1]
    assert [record for record, _, _ in told(earlier)] == [1, 1, None]


def test_of_credits_that_fit_a_run_the_nearest_pays_it() -> None:
    found = payouts([due(0, 100), due(1, 100)], [came(1, 2, 205), came(2, 3, 201)], MARCH, STRICT)

    assert [record for record, _, _ in told(found)] == [2, 2]
    assert [credit.record_id for credit in found.unexplained] == [1]


def test_a_year_of_equal_days_is_paid_in_order() -> None:
    days = [due(late, 1_000_000_000) for late in range(365)]
    some = [came(late, late + 2, 1_000_000_000 - 27_000 * late) for late in range(365)]

    found = payouts(days, some, MARCH)

    assert told(found) == [(late, -27_000 * late, "paid") for late in range(365)]


days_of_gateways = st.lists(
    st.builds(due, st.integers(0, 4), st.integers(100, 120), st.sampled_from(["payme", "payme", "click"])),
    min_size=2,
    max_size=5,
    unique_by=lambda day: (day.gateway, day.day),
)


def some_credits(amounts: st.SearchStrategy[int]) -> st.SearchStrategy[list[BankCredit]]:
    purposes = st.sampled_from(["PAYME", "клик", "Payme/Click", "Payme/Click", "аренда"])
    one = st.builds(came, st.integers(0, 99), st.integers(2, 6), amounts, purposes)
    return st.lists(one, min_size=2, max_size=5, unique_by=lambda credit: credit.record_id)


single_credits = some_credits(st.integers(100, 120))
bank_credits = some_credits(st.one_of(st.integers(100, 120), st.integers(200, 240), st.integers(300, 360)))


@given(days_of_gateways, bank_credits, st.randoms(use_true_random=False))
def test_the_order_of_what_is_given_changes_nothing(
    days: list[GatewayDay], credits: list[BankCredit], random: Random
) -> None:
    found = payouts(days, credits, MARCH, STRICT)

    random.shuffle(days)
    random.shuffle(credits)
    assert payouts(days, credits, MARCH, STRICT) == found


@given(days_of_gateways, bank_credits)
def test_every_credit_is_used_once_and_money_adds_up(days: list[GatewayDay], credits: list[BankCredit]) -> None:
    found = payouts(days, credits, MARCH, STRICT)

    used = Counter(payout.credit for payout in found.payouts if payout.credit)
    assert sorted([*used, *found.unexplained, *found.other], key=lambda credit: credit.record_id) == sorted(
        credits, key=lambda credit: credit.record_id
    )
    assert [(payout.day, payout.gateway, payout.net) for payout in found.payouts] == sorted(
        (day.day, day.gateway, day.net) for day in days
    )
    assert sum(payout.difference for payout in found.payouts) == sum(credit.amount for credit in used) - sum(
        day.net for day in days
    )
    for payout in found.payouts:
        shared = payout.status == PayoutStatus.PAID_TOGETHER
        assert payout.credit is None or (used[payout.credit] > 1) == shared
        assert payout.credit is None or payout.gateway in named_gateways(payout.credit.purpose)


Worth = tuple[int, int]  # pairs, and less all that they differ


def matchings(days: list[GatewayDay], credits: list[BankCredit]) -> Iterator[Worth]:
    """What every possible matching is worth."""
    if not days:
        yield 0, 0
        return
    first, *rest = days
    yield from matchings(rest, credits)
    for place, credit in enumerate(credits):
        late, difference = (credit.day - first.day).days, abs(credit.amount - first.net)
        if 0 <= late <= 5 and difference <= 10 and first.gateway in named_gateways(credit.purpose):
            for pairs, worth in matchings(rest, credits[:place] + credits[place + 1 :]):
                yield pairs + 1, worth - difference


@given(days_of_gateways, single_credits)
def test_no_other_matching_has_more_pairs_or_as_many_that_differ_less(
    days: list[GatewayDay], credits: list[BankCredit]
) -> None:
    paid = [payout for payout in payouts(days, credits, MARCH, ALONE).payouts if payout.credit]

    assert (len(paid), -sum(abs(payout.difference) for payout in paid)) == max(matchings(days, credits))
