"""Returns find the sale they take back, once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.reconciliation.matcher.facts import NOBODY, Facts
from vhm24r.reconciliation.matcher.reversals import Reversals, reversals

pytestmark = pytest.mark.unit

DAY_S = 86_400
Record = tuple[int, int, int, bool]  # instant, price, terminal, whether it is a return


def found(some: list[Record]) -> Reversals:
    at, price, party, returned = (np.array(column) for column in zip(*some, strict=True))
    nobody = np.full(len(some), NOBODY)
    return reversals(Facts(at, at // DAY_S, price, party, nobody, nobody), returned.astype(np.bool_), DAY_S)


def test_a_return_takes_back_the_last_sale_before_it() -> None:
    of = found([(0, 5, 1, False), (100, 5, 1, False), (160, 5, 1, True)])

    assert of.of.tolist() == [NOBODY, NOBODY, 1]
    assert of.taken_back.tolist() == [False, True, False]


def test_a_sale_is_taken_back_once() -> None:
    of = found([(0, 5, 1, False), (10, 5, 1, True), (20, 5, 1, True)])

    assert of.of.tolist() == [NOBODY, 0, NOBODY]


@pytest.mark.parametrize(
    "sale",
    [(0, 5, 2, False), (0, 6, 1, False), (200, 5, 1, False), (-2 * DAY_S, 5, 1, False)],
    ids=["another terminal", "another price", "later", "long ago"],
)
def test_what_is_not_the_sale_is_left_alone(sale: Record) -> None:
    of = found([sale, (100, 5, 1, True)])

    assert of.of.tolist() == [NOBODY, NOBODY]
    assert not of.taken_back.any()


@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 1), st.integers(0, 1), st.booleans()), min_size=1, max_size=12
    )
)
def test_every_pair_is_a_sale_and_a_later_return_of_its_kind(some: list[Record]) -> None:
    of = found(some)

    for back, sale in enumerate(of.of.tolist()):
        if sale != NOBODY:
            assert some[back][3]
            assert not some[sale][3]
            assert some[back][1:3] == some[sale][1:3]
            assert some[sale][0] <= some[back][0]
    sales = [sale for sale in of.of.tolist() if sale != NOBODY]
    assert len(set(sales)) == len(sales)
    assert sorted(sales) == np.flatnonzero(of.taken_back).tolist()
