"""The lifecycle of an order as a table, and what may be edited."""

import pytest

from vhm24r.evidence.types import SALE_FIELD_NAMES
from vhm24r.intake.sources.happy_workers import PAYMENT_METHODS
from vhm24r.kit.fsm import IllegalTransition
from vhm24r.kit.money import Currency
from vhm24r.orders.types import CHOICES, EDITABLE_FIELDS, ORDER, OrderStatus

pytestmark = pytest.mark.unit

ENDS = {OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.DELIVERED}


def reachable(start: OrderStatus) -> set[OrderStatus]:
    found, waiting = {start}, [start]
    while waiting:
        for following in ORDER.steps.get(waiting.pop(), frozenset()) - found:
            found.add(following)
            waiting.append(following)
    return found


def test_a_shipping_order_reaches_every_status_but_recorded() -> None:
    assert reachable(OrderStatus.DRAFT) == set(OrderStatus) - {OrderStatus.RECORDED}


def test_a_vending_order_is_recorded_or_cancelled() -> None:
    assert reachable(OrderStatus.RECORDED) == {OrderStatus.RECORDED, OrderStatus.CANCELLED}


@pytest.mark.parametrize("status", sorted(ENDS))
def test_no_step_leads_out_of_an_end(status: OrderStatus) -> None:
    for following in set(OrderStatus) - {status}:
        with pytest.raises(IllegalTransition):
            ORDER.check(status, following)


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - ENDS))
def test_every_other_status_can_come_to_an_end(status: OrderStatus) -> None:
    assert reachable(status) & ENDS


def test_no_status_is_a_step_to_itself() -> None:
    assert [status for status, following in ORDER.steps.items() if status in following] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (OrderStatus.DRAFT, OrderStatus.PAID),
        (OrderStatus.PAID, OrderStatus.LABEL_READY),
        (OrderStatus.LABEL_PENDING, OrderStatus.CANCELLED),
        (OrderStatus.IN_TRANSIT, OrderStatus.CANCELLED),
        (OrderStatus.CANCELLED, OrderStatus.RECORDED),
    ],
)
def test_a_step_that_would_lose_money_or_a_label_is_refused(old: OrderStatus, new: OrderStatus) -> None:
    with pytest.raises(IllegalTransition):
        ORDER.check(old, new)


def test_everything_a_report_says_may_be_edited_but_the_machine() -> None:
    assert set(SALE_FIELD_NAMES) - EDITABLE_FIELDS == {"machine_code"}


def test_choices_are_the_words_that_reports_and_money_know() -> None:
    assert CHOICES["payment_method"] == set(PAYMENT_METHODS.values())
    assert CHOICES["currency"] == set(Currency)
