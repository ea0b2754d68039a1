"""What really happened: the stream of true orders.

Days are independent of each other (each has its own random stream), so a file about one week costs one
week, and memory holds one hour of orders at a time. All instants are UTC-aware.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate, pairwise
from random import Random
from typing import Literal

from vhm24r.ops.demo.catalogue import PRODUCTS, Product
from vhm24r.ops.demo.network import Machine, Network, build_network
from vhm24r.ops.demo.spec import GATEWAYS, METHODS, Gateway, Method, NetworkSpec

Reason = Literal["", "no_water", "no_cup", "jam"]
Remark = Literal["", "customer_request", "checked"]

_WEEKDAYS = (104, 106, 106, 108, 118, 84, 62)
_HOURS = (2, 1, 1, 1, 1, 3, 10, 34, 62, 70, 66, 60, 64, 68, 60, 56, 58, 62, 54, 38, 26, 18, 10, 5)
_REASONS: tuple[Reason, ...] = ("no_water", "no_cup", "jam")
_PRODUCT_WEIGHTS = tuple(accumulate(p.weight for p in PRODUCTS))
_REFUNDABLE = frozenset({"cash", "qr", "card"})
_FAILED_SHARE = 0.012
_REFUND_SHARE_AFTER_FAILURE = 0.8
_REFUND_SHARE = 0.003
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TrueOrder:
    """One sale as it was; `number` is 36 hex digits of text, `price_som` whole UZS.

    The instants are true ones: a machine with a wrong clock prints them shifted by its skew (and writes
    its own idea of the local time into the number). `gateway` is set for QR orders only.
    """

    index: int
    number: str
    machine: Machine
    product: Product
    taste: int
    price_som: int
    method: Method
    gateway: Gateway | None
    created_at: datetime
    paid_at: datetime
    brewed_at: datetime | None
    delivered_at: datetime | None
    refunded_at: datetime | None
    failed: bool = False
    reason: Reason = ""
    remark: Remark = ""


class Calendar:
    """How many orders every day and hour has: whole numbers that add up to the spec's total exactly."""

    def __init__(self, spec: NetworkSpec) -> None:
        self.days = spec.day_list()
        self._short = (spec.ends_on, spec.last_day_hours)
        rng = Random(f"{spec.seed}:calendar")
        weights = [_WEEKDAYS[day.weekday()] * (92 + int(rng.random() * 17)) for day in self.days]
        weights[-1] = max(1, weights[-1] * sum(_HOURS[: spec.last_day_hours]) // sum(_HOURS))
        bounds = [0, *accumulate(weights)]
        self._firsts = [spec.total_orders * bound // bounds[-1] for bound in bounds]

    def order_range(self, day: date) -> tuple[int, int]:
        """Indexes of that day's orders: the first one, and the one after the last."""
        position = (day - self.days[0]).days
        return self._firsts[position], self._firsts[position + 1]

    def hours(self, day: date, orders: int) -> list[int]:
        """The day's orders split over its 24 hours."""
        last_day, last_hours = self._short
        open_hours = last_hours if day == last_day else 24
        bounds = [0, *accumulate(_HOURS[:open_hours])]
        firsts = [orders * bound // bounds[-1] for bound in bounds]
        return [after - first for first, after in pairwise(firsts)]


def true_orders(spec: NetworkSpec, first_day: date | None = None, last_day: date | None = None) -> Iterator[TrueOrder]:
    """True orders of the period (or of some days of it), in the order of their creation.

    Yields exactly `spec.total_orders` orders for the whole period; a part gives the same orders as the whole.
    """
    network, calendar = build_network(spec), Calendar(spec)
    for day in calendar.days:
        if (first_day is None or day >= first_day) and (last_day is None or day <= last_day):
            yield from orders_of_day(spec, network, calendar, day)


def orders_of_day(spec: NetworkSpec, network: Network, calendar: Calendar, day: date) -> Iterator[TrueOrder]:
    """The orders of one business day, hour by hour."""
    rng = Random(f"{spec.seed}:orders:{day.isoformat()}")
    midnight = datetime(day.year, day.month, day.day, tzinfo=network.zone).astimezone(UTC)
    closes_at = midnight + timedelta(hours=spec.last_day_hours) if day == spec.ends_on else _NEVER
    stamps = [(day + timedelta(days=shift)).strftime("%Y%m%d") for shift in (-1, 0, 1)]
    machines = network.selling(day)
    machine_weights = tuple(accumulate(m.weight for m in machines))
    method_weights = tuple(accumulate(spec.mix.methods()))
    gateway_weights = tuple(accumulate(spec.mix.gateways()))
    index, after = calendar.order_range(day)
    for hour, count in enumerate(calendar.hours(day, after - index)):
        start, width = _open_seconds(spec, day, hour)
        seconds = sorted(start + int(rng.random() * width) for _ in range(count))
        at_machines = rng.choices(machines, cum_weights=machine_weights, k=count)
        products = rng.choices(PRODUCTS, cum_weights=_PRODUCT_WEIGHTS, k=count)
        methods = rng.choices(METHODS, cum_weights=method_weights, k=count)
        gateways = rng.choices(GATEWAYS, cum_weights=gateway_weights, k=count)
        for second, machine, product, method, gateway in zip(
            seconds, at_machines, products, methods, gateways, strict=True
        ):
            created_at = midnight + timedelta(seconds=second)
            number = _number(index, machine, second, stamps)
            yield _order(rng, index, number, machine, product, method, gateway, created_at, closes_at)
            index += 1


def _open_seconds(spec: NetworkSpec, day: date, hour: int) -> tuple[int, int]:
    """First second and length of the hour's sales.

    The period begins and ends with a quiet three quarters of an hour, so that no wrong clock, late receipt or
    early one prints a day that lies outside of it.
    """
    if day == spec.first_day and hour == 0:
        return 2700, 900
    if day == spec.ends_on and hour == 23:
        return hour * 3600, 900
    return hour * 3600, 3600


def _number(index: int, machine: Machine, second: int, stamps: list[str]) -> str:
    """`ff` + counter (8 hex) + the machine's local time (14 digits) + machine code (12 hex)."""
    days, second = divmod(second + machine.clock_skew_s, 86_400)
    minutes, second = divmod(second, 60)
    hour, minute = divmod(minutes, 60)
    return f"ff{index:08x}{stamps[days + 1]}{hour:02}{minute:02}{second:02}{machine.code}"


def _order(
    rng: Random,
    index: int,
    number: str,
    machine: Machine,
    product: Product,
    method: Method,
    gateway: Gateway,
    created_at: datetime,
    closes_at: datetime,
) -> TrueOrder:
    bits, luck = rng.getrandbits(32), rng.random()
    paid_at = created_at + timedelta(seconds=4 + (bits & 31))
    brewed_at = paid_at + timedelta(seconds=2 + (bits >> 5 & 7))
    failed = luck < _FAILED_SHARE
    refunded_at = None
    if (
        luck < _FAILED_SHARE + _REFUND_SHARE
        and method in _REFUNDABLE
        and (not failed or luck < _FAILED_SHARE * _REFUND_SHARE_AFTER_FAILURE)
    ):
        back_at = paid_at + timedelta(seconds=120 + (bits >> 16) % 5400)
        refunded_at = back_at if back_at < closes_at else None
    return TrueOrder(
        index,
        number,
        machine,
        product,
        (bits >> 12) % len(product.tastes),
        0 if method == "test" else product.price_som,
        method,
        gateway if method == "qr" else None,
        created_at,
        paid_at,
        brewed_at,
        None if failed else brewed_at + timedelta(seconds=25 + (bits >> 16) % 60),
        refunded_at,
        failed,
        _REASONS[bits % 3] if failed else "",
        "customer_request" if refunded_at and not failed else "",
    )
