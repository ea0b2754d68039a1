"""Every status has orders it holds of, and the first that holds is the one."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.orders.types import MatchStatus
from vhm24r.reconciliation.statuses import Known, findings, statuses

pytestmark = pytest.mark.unit

NAMES = [field.name for field in fields(Known)]
AGREED = {"by_machine", "by_sales"}


def known(*orders: set[str]) -> Known:
    return Known(**{name: np.array([name in order for order in orders], dtype=np.bool_) for name in NAMES})


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (AGREED, MatchStatus.MATCHED),
        (AGREED | {"free"}, MatchStatus.FULLY_MATCHED),
        (AGREED | {"needs_receipt", "has_receipt"}, MatchStatus.FULLY_MATCHED),
        (AGREED | {"needs_payment", "has_payment"}, MatchStatus.FULLY_MATCHED),
        (AGREED | {"needs_receipt"}, MatchStatus.FISCAL_MISMATCH),
        (AGREED | {"needs_payment"}, MatchStatus.GATEWAY_MISMATCH),
        (AGREED | {"has_receipt"}, MatchStatus.MATCHED),
        (AGREED | {"needs_payment", "is_open"}, MatchStatus.AMBIGUOUS_MATCH),
        (AGREED | {"time_out_of_range"}, MatchStatus.TIME_OUT_OF_RANGE),
        (AGREED | {"price_differs"}, MatchStatus.PRICE_MISMATCH),
        ({"by_machine"}, MatchStatus.HW_ONLY),
        ({"by_machine", "needs_payment", "has_payment"}, MatchStatus.HW_ONLY),
        ({"by_sales"}, MatchStatus.VENDHUB_ONLY),
        (AGREED | {"refunded", "needs_receipt", "has_receipt"}, MatchStatus.REFUNDED),
        (AGREED | {"number_conflict", "refunded"}, MatchStatus.NUMBER_CONFLICT),
    ],
)
def test_an_order_has_the_status_that_its_evidence_says(said: set[str], status: MatchStatus) -> None:
    assert statuses(known(said)) == [status]


def test_precedence_is_the_one_that_was_decided() -> None:
    assert [str(status) for status in findings(known(set()))] == [
        "number_conflict", "refunded", "vendhub_only", "hw_only", "price_mismatch", "time_out_of_range",
        "ambiguous_match", "gateway_mismatch", "fiscal_mismatch", "fully_matched", "matched",
    ]  # fmt: skip


@given(st.lists(st.sets(st.sampled_from(NAMES)), max_size=6))
def test_each_order_has_the_first_status_that_holds_whatever_stands_beside_it(orders: list[set[str]]) -> None:
    together = statuses(known(*orders))

    assert together == [statuses(known(order))[0] for order in orders]
    held = findings(known(*orders))
    for place, status in enumerate(together):
        assert held[status][place]
        assert not any(held[other][place] for other in list(held)[: list(held).index(status)])
