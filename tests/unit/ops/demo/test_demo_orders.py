"""The stream of true orders: exact counts, determinism, sane lifecycles, flat memory."""

import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import islice

import pytest

from vhm24r.ops.demo import Clocks, NetworkSpec, Noise, PaymentMix, Rates, build_network, true_orders
from vhm24r.ops.demo.orders import Calendar

pytestmark = pytest.mark.unit

SPEC = NetworkSpec(ends_on=date(2025, 12, 31), machines=20, days=14, orders=6_000)
FIRST_NUMBER = "ff000000002025121801002224a87de6000b"


def test_the_total_is_exact_whatever_the_size() -> None:
    for orders in (0, 1, 7, 999):
        assert sum(1 for _ in true_orders(replace(SPEC, orders=orders))) == orders
    per_day = replace(SPEC, orders_per_machine_day=2)
    assert per_day.total_orders == sum(1 for _ in true_orders(per_day)) == 20 * 14 * 2


def test_one_seed_is_one_network_and_another_seed_is_another() -> None:
    assert list(true_orders(SPEC)) == list(true_orders(SPEC))
    assert build_network(SPEC) == build_network(SPEC)
    other = replace(SPEC, seed=SPEC.seed + 1)
    assert list(true_orders(other)) != list(true_orders(SPEC))
    assert build_network(other) != build_network(SPEC)


def test_noise_never_changes_what_happened() -> None:
    assert list(true_orders(replace(SPEC, noise=Noise.none()))) == list(true_orders(SPEC))


def test_known_first_order_stays_as_it_is() -> None:
    """Pinned by value: a change of the generator must be noticed, because benchmarks compare runs."""
    first = next(true_orders(SPEC))
    assert first.number[:8] == "ff000000"
    assert (first.index, first.created_at.tzinfo) == (0, UTC)
    assert first.number == FIRST_NUMBER


def test_a_part_of_the_period_is_that_part_of_the_whole() -> None:
    first, last = date(2025, 12, 22), date(2025, 12, 24)
    whole = [o for o in true_orders(SPEC) if first <= (o.created_at + timedelta(hours=5)).date() <= last]
    assert list(true_orders(SPEC, first, last)) == whole != []


def test_numbers_are_36_hex_digits_with_counter_local_time_and_machine() -> None:
    numbers = set()
    for order in true_orders(SPEC):
        numbers.add(order.number)
        assert len(order.number) == 36 and len(order.machine.code) == 12
        assert int(order.number[2:10], 16) == order.index
        assert int(order.machine.code, 16) >= 0
        shown = datetime.strptime(order.number[10:24], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        assert shown == order.created_at + timedelta(hours=5, seconds=order.machine.clock_skew_s)
        assert order.number.endswith(order.machine.code)
    assert len(numbers) == 6_000


def test_lifecycle_runs_forward_and_free_orders_are_free() -> None:
    created = datetime.min.replace(tzinfo=UTC)
    for order in true_orders(SPEC):
        assert created <= order.created_at < order.paid_at
        created = order.created_at
        assert order.brewed_at is not None and order.paid_at < order.brewed_at
        assert (order.delivered_at is None) == order.failed == bool(order.reason)
        assert order.delivered_at is None or order.brewed_at < order.delivered_at
        assert order.refunded_at is None or (order.paid_at < order.refunded_at and order.method != "test")
        assert (order.price_som == 0) == (order.method == "test")
        assert (order.gateway is not None) == (order.method == "qr")


def test_payment_mix_is_followed() -> None:
    qr_only = PaymentMix(cash=0, qr=1, card=0, vip=0, credit=0, test=0, payme=0, click=3, uzum=1)
    seen = Counter((o.method, o.gateway) for o in true_orders(replace(SPEC, mix=qr_only)))
    assert set(seen) == {("qr", "click"), ("qr", "uzum")}
    assert 2.5 < seen["qr", "click"] / seen["qr", "uzum"] < 3.6


def test_days_hours_machines_and_goods_look_like_a_network() -> None:
    orders = list(true_orders(SPEC))
    by_weekday = Counter((o.created_at + timedelta(hours=5)).weekday() for o in orders)
    by_hour = Counter((o.created_at + timedelta(hours=5)).hour for o in orders)
    by_machine = Counter(o.machine.index for o in orders)
    assert by_weekday[4] > by_weekday[6] * 1.3
    assert by_hour[9] > by_hour[3] * 10
    assert by_machine.most_common(1)[0][1] > 5 * min(by_machine.values())
    assert len({o.product.name for o in orders}) == 12
    assert len({o.price_som for o in orders if o.price_som}) == 6


def test_one_machine_falls_silent() -> None:
    network = build_network(SPEC)
    assert network.silent is not None
    days = {o.created_at.date() for o in true_orders(SPEC) if o.machine == network.silent}
    assert max(days) <= date(2025, 12, 28) and len(days) >= 9
    assert build_network(replace(SPEC, silent_days=0)).silent is None
    assert build_network(replace(SPEC, machines=1)).silent is None


def test_the_last_day_can_be_cut_short() -> None:
    spec = replace(SPEC, last_day_hours=14)
    orders = list(true_orders(spec))
    noon = datetime(2025, 12, 31, 9, tzinfo=UTC)  # 14:00 in Tashkent
    assert len(orders) == 6_000
    assert noon - timedelta(hours=1) < max(o.created_at for o in orders) < noon
    assert all(o.refunded_at is None or o.refunded_at < noon for o in orders)
    first, after = Calendar(spec).order_range(spec.ends_on)
    whole_first, whole_after = Calendar(SPEC).order_range(spec.ends_on)
    assert 0 < after - first < (whole_after - whole_first) * 0.7


def test_registers_one_many_or_one_per_machine() -> None:
    assert len(build_network(replace(SPEC, registers="one")).registers) == 1
    assert len(build_network(replace(SPEC, registers=3)).registers) == 3
    assert len(build_network(replace(SPEC, registers=300)).registers) == 20
    own = build_network(replace(SPEC, registers="per_machine"))
    assert len({r.module for r in own.registers}) == 20 == len({m.register for m in own.machines})
    assert {r.place for r in own.registers} == {None}


def test_clocks_are_wrong_as_much_as_asked() -> None:
    right = Clocks(machine_share=0, register_share=0)
    network = build_network(replace(SPEC, clocks=right))
    assert {m.clock_skew_s for m in network.machines} | {r.clock_skew_s for r in network.registers} == {0}
    wrong = Clocks(machine_share=1, machine_max_s=120, register_share=1, register_max_s=40)
    network = build_network(replace(SPEC, clocks=wrong))
    assert all(30 <= abs(m.clock_skew_s) <= 120 for m in network.machines)
    assert all(10 <= abs(r.clock_skew_s) <= 40 for r in network.registers)
    assert {m.clock_skew_s > 0 for m in network.machines} == {True, False}
    assert {m.clock_skew_s for m in build_network(replace(SPEC, clocks=Clocks(1, 0, 1, 0))).machines} == {0}
    far = build_network(replace(SPEC, clocks=replace(right, far_machine_s=2400)))
    assert sorted(m.clock_skew_s for m in far.machines)[-2:] == [0, 2400]


def test_machine_codes_are_unique_and_some_would_not_survive_a_spreadsheet() -> None:
    codes = [m.code for m in build_network(replace(SPEC, machines=300)).machines]
    assert len(set(codes)) == 300 == len({c.lower() for c in codes})
    assert {len(c) for c in codes} == {12}
    assert any(c.isdigit() and c.startswith("00") for c in codes)
    assert any("8e" in c and c.replace("e", "").isdigit() for c in codes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"machines": 0},
        {"days": 0},
        {"orders": -1},
        {"last_day_hours": 0},
        {"last_day_hours": 25},
        {"registers": 0},
        {"registers": "two"},
    ],
)
def test_impossible_networks_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        NetworkSpec(date(2025, 12, 31), **wrong)  # type: ignore[arg-type]


def test_impossible_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="truth"):
        Noise(happy_workers=Rates(stranger=0.1))
    with pytest.raises(ValueError, match="delay"):
        Noise(delay_min_s=5, delay_max_s=4)


def test_memory_stays_flat_over_a_hundred_thousand_orders() -> None:
    stream = true_orders(replace(SPEC, orders=100_000, machines=50))
    next(stream)
    tracemalloc.start()
    try:
        taken = sum(1 for _ in islice(stream, 30_000))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    taken += sum(1 for _ in stream)
    assert taken == 99_999
    assert peak < 2_000_000  # a list of 30,000 orders would be over 20 MB
