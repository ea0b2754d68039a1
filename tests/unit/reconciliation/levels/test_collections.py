"""Collections cut time into periods, and the cash of each is weighed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.reconciliation.levels.collections import (
    Collection,
    CollectionRules,
    CollectionStatus,
    Period,
    Weighed,
    periods,
    weigh,
)

pytestmark = pytest.mark.unit

START = datetime(2026, 3, 1, 9, tzinfo=UTC)


def at(hours: int) -> datetime:
    return START + timedelta(hours=hours)


def taken(record_id: int, hours: int, amount: int, machine: str = "A", currency: str = "UZS") -> Collection:
    return Collection(record_id, machine, at(hours), amount, currency)


def period(collected: int, since: datetime | None = START) -> Period:
    return Period(1, "A", "UZS", since, at(24), collected, (1,))


def test_a_period_goes_from_one_collection_to_the_next() -> None:
    assert periods([taken(2, 48, 700), taken(1, 0, 500)]) == [
        Period(1, "A", "UZS", None, at(0), 500, (1,)),
        Period(2, "A", "UZS", at(0), at(48), 700, (2,)),
    ]


def test_machines_and_currencies_have_periods_of_their_own() -> None:
    found = periods([taken(1, 0, 5), taken(2, 1, 5, machine="B"), taken(3, 2, 5, currency="USD"), taken(4, 3, 5)])

    assert [(one.machine, one.currency, one.since, one.until) for one in found] == [
        ("A", "USD", None, at(2)),
        ("A", "UZS", None, at(0)),
        ("A", "UZS", at(0), at(3)),
        ("B", "UZS", None, at(1)),
    ]


def test_collections_of_one_instant_end_one_period() -> None:
    found = periods([taken(1, 0, 5), taken(9, 24, 300), taken(4, 24, 200)])

    assert found[1] == Period(4, "A", "UZS", at(0), at(24), 500, (4, 9))


@pytest.mark.parametrize(
    ("collected", "expected", "weighed"),
    [
        (500_000, 500_000, Weighed(0, CollectionStatus.OK)),
        (400_000, 500_000, Weighed(-100_000, CollectionStatus.OK)),
        (399_999, 500_000, Weighed(-100_001, CollectionStatus.SHORT)),
        (600_000, 500_000, Weighed(100_000, CollectionStatus.OK)),
        (600_001, 500_000, Weighed(100_001, CollectionStatus.OVER)),
        (49_500_000, 50_000_000, Weighed(-500_000, CollectionStatus.OK)),
        (49_499_999, 50_000_000, Weighed(-500_001, CollectionStatus.SHORT)),
        (0, 500_000, Weighed(-500_000, CollectionStatus.SHORT)),
    ],
)
def test_cash_is_weighed_against_what_was_sold(collected: int, expected: int, weighed: Weighed) -> None:
    assert weigh(period(collected), expected) == weighed


def test_the_first_collection_of_a_machine_has_nothing_to_compare_with() -> None:
    assert weigh(period(900_000, since=None), 0).status == CollectionStatus.FIRST


def test_rules_say_how_much_cash_may_differ() -> None:
    assert weigh(period(990), 1000, CollectionRules(permille=0, least=9)).status == CollectionStatus.SHORT
    assert weigh(period(990), 1000, CollectionRules(permille=10, least=0)).status == CollectionStatus.OK


@given(
    st.lists(
        st.builds(
            taken,
            st.integers(0, 99),
            st.integers(0, 5),
            st.integers(0, 9),
            st.sampled_from("AB"),
            st.sampled_from(["UZS", "USD"]),
        ),
        max_size=12,
        unique_by=lambda collection: collection.record_id,
    ),
    st.randoms(use_true_random=False),
)
def test_periods_follow_one_another_and_lose_nothing(some: list[Collection], random: Random) -> None:
    found = periods(some)

    random.shuffle(some)
    assert periods(some) == found
    assert sum(one.collected for one in found) == sum(collection.amount for collection in some)
    assert sorted(record for one in found for record in one.record_ids) == sorted(one.record_id for one in some)
    for before, after in pairwise(found):
        same = (before.machine, before.currency) == (after.machine, after.currency)
        assert after.since == (before.until if same else None)
        assert not same or before.until < after.until
