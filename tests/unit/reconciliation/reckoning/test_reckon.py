"""What becomes of small worlds, step by step."""

import dataclasses

import pytest

from tests.unit.reconciliation.reckoning.worlds import TODAY, An, Rec, Told, everything_covered, world
from vhm24r.evidence.types import SourceName
from vhm24r.orders.types import MatchStatus
from vhm24r.reconciliation.reckoning.documents import WHYS
from vhm24r.reconciliation.reckoning.drift import drift
from vhm24r.reconciliation.reckoning.noticed import noticed, order_reasons
from vhm24r.reconciliation.reckoning.outcomes import BUCKET_OF, buckets, outcomes
from vhm24r.reconciliation.reckoning.reckon import reckon
from vhm24r.reconciliation.reckoning.world import (
    CARD,
    QR,
    SOURCE,
    TEST,
    UNKNOWN,
    VIP,
    Decisions,
    Limits,
    Together,
    World,
)
from vhm24r.reconciliation.types import Bucket, ExceptionType, Why

pytestmark = pytest.mark.unit

PAYME, CLICK, UZUM, FISCAL = SourceName.PAYME, SourceName.CLICK, SourceName.UZUM, SourceName.FISCAL


def statuses(of: World) -> dict[int, MatchStatus]:
    """The status of each order, by id."""
    return dict(zip(of.orders.id.tolist(), reckon(of).status, strict=True))


def whys(of: World) -> dict[int, Why]:
    """Why each record is where it is, by id."""
    found = outcomes(of, reckon(of))
    return {record: WHYS[why] for record, why in zip(of.records.record.tolist(), found.why.tolist(), strict=True)}


def mates(of: World) -> dict[int, int]:
    """The order of each matched record, by ids."""
    found = outcomes(of, reckon(of)).matches
    return dict(zip(found.record_id.tolist(), found.order_id.tolist(), strict=True))


def covering(**days: set[int]) -> dict[tuple[SourceName, int], frozenset[int]]:
    """Coverage where some sources cover these days alone."""
    return everything_covered() | {(SourceName(name), 0): frozenset(which) for name, which in days.items()}


def test_every_reason_has_its_bucket() -> None:
    assert set(BUCKET_OF) == set(Why)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (Rec(1), Why.PROVEN),
        (Rec(1, at=UNKNOWN), Why.NO_TIME),
        (Rec(1, amount=UNKNOWN), Why.NO_AMOUNT),
        (Rec(1, amount=0), Why.NO_AMOUNT),
        (Rec(1, at=50_000), Why.NO_ORDER_NEAR),
        (Rec(1, amount=900_000), Why.NO_ORDER_NEAR),
        (Rec(1, is_return=True), Why.RETURN_WITHOUT_SALE),
        (Rec(1, amount=-1_500_000), Why.RETURN_WITHOUT_SALE),
        (Rec(1, source=PAYME, is_reversed=True), Why.REVERSED_THERE),
        (Rec(1, source=PAYME), Why.NO_ORDER_NEAR),
        (Rec(1, source=SourceName.HICON), Why.COUNTER),
        (Rec(1, source=SourceName.BANK), Why.OWN_LEVEL),
    ],
)
def test_a_record_beside_a_cash_order(record: Rec, why: Why) -> None:
    assert whys(world([An(1)], [record])) == {1: why}


def test_a_source_that_is_switched_off_is_set_aside_and_not_missed() -> None:
    off = Limits(used={**Limits().used, FISCAL: False})
    told = Told(limits=off)

    assert whys(world([An(1)], [Rec(1)], told)) == {1: Why.SWITCHED_OFF}
    assert statuses(world([An(1)], [], told)) == {1: MatchStatus.MATCHED}


def test_without_a_sales_system_nobody_misses_its_sales() -> None:
    off = Told(limits=Limits(used={**Limits().used, SourceName.VENDHUB: False}))

    assert statuses(world([An(1, sale=False)], [Rec(1)], off)) == {1: MatchStatus.FULLY_MATCHED}
    assert statuses(world([An(1, sale=False)], [Rec(1)])) == {1: MatchStatus.HW_ONLY}


@pytest.mark.parametrize(("cards", "status"), [(True, MatchStatus.FISCAL_MISMATCH), (False, MatchStatus.MATCHED)])
def test_cards_need_a_receipt_where_the_network_says_so(cards: bool, status: MatchStatus) -> None:  # a case
    assert statuses(world([An(1, method=CARD)], [], Told(limits=Limits(card_receipts=cards)))) == {1: status}


@pytest.mark.parametrize("method", [VIP, TEST])
def test_what_nobody_pays_needs_nothing(method: int) -> None:
    assert statuses(world([An(1, method=method, amount=0)])) == {1: MatchStatus.FULLY_MATCHED}


def test_a_payment_is_missed_where_its_gateway_has_reported() -> None:
    named = An(1, method=QR, gateway=SOURCE[CLICK])
    other_day = {TODAY - 1}

    assert statuses(world([named])) == {1: MatchStatus.GATEWAY_MISMATCH}
    assert statuses(world([named], told=Told(covered=covering(payme=other_day)))) == {1: MatchStatus.GATEWAY_MISMATCH}
    assert statuses(world([named], told=Told(covered=covering(click=other_day)))) == {1: MatchStatus.MATCHED}


def test_a_payment_at_an_unknown_gateway_is_missed_when_all_have_reported() -> None:
    unnamed = An(1, method=QR)

    assert statuses(world([unnamed])) == {1: MatchStatus.GATEWAY_MISMATCH}
    assert statuses(world([unnamed], told=Told(covered=covering(uzum={TODAY - 1})))) == {1: MatchStatus.MATCHED}
    without = Limits(used={**Limits().used, UZUM: False})
    told = Told(covered=covering(uzum={TODAY - 1}), limits=without)
    assert statuses(world([unnamed], told=told)) == {1: MatchStatus.GATEWAY_MISMATCH}


def test_a_gateway_that_the_sale_excludes_is_no_candidate() -> None:
    named = An(1, method=QR, gateway=SOURCE[CLICK])

    assert mates(world([named], [Rec(1, source=PAYME)])) == {}
    assert mates(world([named], [Rec(1, source=CLICK)])) == {1: 1}
    assert mates(world([An(1, method=QR)], [Rec(1, source=PAYME)])) == {1: 1}


def test_a_register_at_another_machine_is_not_missed_here() -> None:
    """Of two machines each with its register, one register's file is missing."""
    there = [Rec(n, at=36_005 + 600 * n, terminal=1, account=1) for n in range(1, 5)]
    orders = [An(n, at=36_000 + 600 * n) for n in range(1, 5)]
    here = [An(n + 10, at=36_300 + 600 * n, machine=1) for n in range(1, 5)]
    days = frozenset({TODAY})
    told = Told(covered={(SourceName.VENDHUB, 0): days, (FISCAL, 1): days}, homes={1: 0})

    found = statuses(world([*orders, *here], there, told))

    assert {found[n] for n in range(1, 5)} == {MatchStatus.FULLY_MATCHED}
    assert {found[n] for n in range(11, 15)} == {MatchStatus.MATCHED}


def test_a_register_that_said_nothing_all_day_is_missed() -> None:
    told = Told(covered={(SourceName.VENDHUB, 0): frozenset({TODAY}), (FISCAL, 1): frozenset({TODAY})})

    assert statuses(world([An(1)], [], told)) == {1: MatchStatus.FISCAL_MISMATCH}


def test_people_win() -> None:
    orders = [An(1), An(2, at=40_000)]
    record = Rec(1)
    apart = Told(decisions=Decisions(apart=((1, 1),)))
    together = Told(decisions=Decisions(together=(Together(1, 2, SOURCE[FISCAL]),)))

    assert mates(world(orders, [record])) == {1: 1}
    assert mates(world(orders, [record], apart)) == {}
    assert statuses(world(orders, [record], together)) == {1: MatchStatus.FISCAL_MISMATCH, 2: MatchStatus.FULLY_MATCHED}
    assert whys(world(orders, [record], together)) == {1: Why.PROVEN}


def test_a_refund_takes_the_reversed_payment_not_a_live_one() -> None:
    orders = [An(1, method=QR, refunded=True), An(2, method=QR, at=36_010)]
    payments = [Rec(1, source=PAYME, is_reversed=True), Rec(2, source=PAYME, at=36_012)]

    assert mates(world(orders, payments)) == {1: 1, 2: 2}
    assert whys(world(orders, payments)) == {1: Why.REVERSED_THERE, 2: Why.PROVEN}


def test_a_return_of_an_order_takes_its_own_receipt_back() -> None:
    """Between the sale and its return the register has sold the same once more."""
    orders = [An(1, refunded=True, back_at=36_400), An(2, at=36_200)]
    receipts = [Rec(1), Rec(2, at=36_205), Rec(3, at=36_405, is_return=True)]

    assert whys(world(orders, receipts)) == {1: Why.TAKEN_BACK, 2: Why.PROVEN, 3: Why.RETURN}
    assert mates(world(orders, receipts)) == {1: 1, 2: 2, 3: 1}


def test_a_refund_without_a_return_is_an_exception() -> None:
    of = world([An(1, refunded=True, back_at=36_400)], [Rec(1)])
    reckoning = reckon(of)
    found = outcomes(of, reckoning)

    items = list(noticed(of, reckoning, found, order_reasons(of, reckoning)))

    assert [item.type for item in items] == [ExceptionType.REFUND_WITHOUT_RETURN]
    assert items[0].amount == 1_500_000


def test_all_money_is_in_one_bucket() -> None:
    orders = [An(1), An(2, at=40_000, sale=False), An(3, at=41_000, by_machine=False), An(4, at=42_000, method=TEST)]
    of = world(orders, [Rec(1), Rec(2, at=50_000), Rec(3, amount=0)])
    reckoning = reckon(of)

    found = {(str(row.source), str(BUCKET_OF[row.why]), row.why): (row.records, row.amount)
             for row in buckets(of, reckoning, outcomes(of, reckoning))}  # fmt: skip

    assert found == {
        ("happy_workers", "matched", Why.ORDER_NUMBER): (1, 1_500_000),
        ("happy_workers", "unmatched", Why.NO_SALE): (1, 1_500_000),
        ("happy_workers", "excluded", Why.TEST): (1, 1_500_000),
        ("vendhub", "matched", Why.ORDER_NUMBER): (1, 1_500_000),
        ("vendhub", "unmatched", Why.NO_MACHINE_ROW): (1, 1_500_000),
        ("vendhub", "excluded", Why.TEST): (1, 1_500_000),
        ("fiscal", "matched", Why.PROVEN): (1, 1_500_000),
        ("fiscal", "unmatched", Why.NO_ORDER_NEAR): (1, 1_500_000),
        ("fiscal", "unmatched", Why.NO_AMOUNT): (1, 0),
    }
    assert Bucket.DUPLICATE not in {BUCKET_OF[why] for _, _, why in found}


def test_drift_is_of_the_gateway_that_was_paid() -> None:
    orders = [An(1, method=QR), An(2, method=QR, at=40_000), An(3, method=QR, at=44_000, gateway=SOURCE[CLICK])]
    of = world(orders, [Rec(1, source=PAYME, fee=15_000), Rec(2, source=UZUM, at=50_000)])
    reckoning = reckon(of)

    rows = {row.source: row for row in drift(of, reckoning, outcomes(of, reckoning)) if row.source != "vendhub"}

    assert (rows["payme"].ours, rows["payme"].theirs, rows["payme"].fee) == (1_500_000, 1_500_000, 15_000)
    assert (rows["click"].ours, rows["click"].theirs) == (1_500_000, 0)
    assert (rows["unnamed"].ours, rows["unnamed"].theirs) == (1_500_000, 0)
    assert (rows["uzum"].ours, rows["uzum"].theirs) == (0, 1_500_000)


def test_days_that_a_source_does_not_cover_have_no_drift() -> None:
    of = world([An(1)], told=Told(covered=covering(fiscal=set(), vendhub=set())))
    reckoning = reckon(of)

    assert drift(of, reckoning, outcomes(of, reckoning)) == []


def test_a_machine_clock_is_told_by_its_sales() -> None:
    """Four machines agree; the clock of the fifth is five minutes slow, which no window would allow."""
    right = [An(n, at=36_000 + 600 * n, machine=n % 4) for n in range(1, 13)]
    slow = [
        dataclasses.replace(An(n, machine=4), at=50_000 + 600 * n - 300, sale_at=50_000 + 600 * n)
        for n in range(20, 26)
    ]
    receipts = [Rec(n, at=36_010 + 600 * n) for n in range(1, 13)] + [
        Rec(n, at=50_010 + 600 * n) for n in range(20, 26)
    ]

    of = world([*right, *slow], receipts)

    assert mates(of) == {n: n for n in (*range(1, 13), *range(20, 26))}
    assert set(statuses(of).values()) == {MatchStatus.FULLY_MATCHED}
    clocks = reckon(of).clocks
    assert dict(zip(clocks.machine.tolist(), clocks.seconds.tolist(), strict=True))[4] == -300
