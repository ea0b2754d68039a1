"""Plants the faults: from true orders to what each source really reported.

Every source has its own random stream per day, so changing the noise of one source leaves the others, and
the orders themselves, exactly as they were. Every fault is named in `Planted.faults` as `<source>.<fault>`.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from vhm24r.ops.demo.evidence import plant_payments, plant_receipts, plant_sales
from vhm24r.ops.demo.facts import Planted
from vhm24r.ops.demo.network import Network, build_network, pick
from vhm24r.ops.demo.orders import Calendar, TrueOrder, orders_of_day
from vhm24r.ops.demo.spec import NetworkSpec

MONTH, RE_EXPORT, SAMPLE = 0, 1, 2
"""Revisions of the machine report: the month's files, the re-export of the last week, the sample."""

LATE_DAYS = 7
"""Orders of this many last days may move on between two exports."""


def planted(spec: NetworkSpec, first_day: date | None = None, last_day: date | None = None) -> Iterator[Planted]:
    """True orders of the period (or of some days of it) with every record the sources hold about them.

    Deterministic; a part of the period gives the same as that part of the whole. One day at a time.
    """
    network, calendar = build_network(spec), Calendar(spec)
    conflicts = _conflicting_indexes(spec, calendar)
    for day in calendar.days:
        if (first_day is None or day >= first_day) and (last_day is None or day <= last_day):
            yield from _Day(spec, network, calendar, day, conflicts).planted()


def yesterday(spec: NetworkSpec) -> date:
    """The last but one day of the period: the day the sample export is about."""
    return max(spec.first_day, spec.ends_on - timedelta(days=1))


def _conflicting_indexes(spec: NetworkSpec, calendar: Calendar) -> frozenset[int]:
    """Where number conflicts start: early in a day, so that a partner on another machine follows."""
    rng = Random(f"{spec.seed}:conflicts")
    chosen: set[int] = set()
    for _ in range(spec.noise.number_conflicts * 20):
        first, after = calendar.order_range(calendar.days[pick(rng, len(calendar.days))])
        if len(chosen) < spec.noise.number_conflicts and after - first >= 4:
            chosen.add(first + 1 + pick(rng, (after - first) // 2))
    return frozenset(chosen)


class _Day:
    """Plants one business day; holds its random streams and the number-conflict state."""

    def __init__(
        self, spec: NetworkSpec, network: Network, calendar: Calendar, day: date, conflicts: frozenset[int]
    ) -> None:
        self._spec, self._network, self._calendar = spec, network, calendar
        self._day, self._conflicts = day, conflicts
        streams = ("happy_workers", "vendhub", "fiscal", "gateways")
        self._rng = {name: Random(f"{spec.seed}:{name}:{day.isoformat()}") for name in streams}
        first, after = calendar.order_range(day)
        held = spec.noise.withheld if day == yesterday(spec) else 0
        self._withheld_from = max(first, after - held)
        self._is_late_day = (spec.ends_on - day).days < LATE_DAYS
        self._pending = 0
        self._previous: TrueOrder | None = None

    def planted(self) -> Iterator[Planted]:
        """The day's orders, each with its records."""
        for order in orders_of_day(self._spec, self._network, self._calendar, self._day):
            yield self._plant(order)

    def _plant(self, true: TrueOrder) -> Planted:
        faults: list[str] = []
        order, is_conflict = self._with_conflict(true, faults)
        rows = self._machine_rows(order, faults, is_conflict=is_conflict)
        order, early = self._late(order, faults) if rows else (order, order)
        withheld = order.index >= self._withheld_from
        if withheld:
            faults.append("happy_workers.sample_only")
        if rows and not is_conflict:
            self._previous = order
        spec, rng = self._spec, self._rng
        sales = plant_sales(spec, rng["vendhub"], order, keep=rows == 0, faults=faults)
        register = self._network.registers[order.machine.register]
        receipts = plant_receipts(spec, rng["fiscal"], order, register, faults)
        payments = plant_payments(spec, rng["gateways"], order, faults)
        latest = SAMPLE if self._day == yesterday(spec) else RE_EXPORT
        return Planted(
            order=order,
            early=early,
            machine_rows=rows,
            appears_in=SAMPLE if withheld else MONTH,
            settled_in=latest if early is not order else MONTH,
            correct_sale=sales.correct,
            sale=sales.proof,
            receipt=receipts.proof,
            returned=receipts.returned,
            payment=payments.proof,
            sales=sales.rows,
            receipts=receipts.rows,
            payments=payments.rows,
            faults=tuple(faults),
        )

    def _with_conflict(self, order: TrueOrder, faults: list[str]) -> tuple[TrueOrder, bool]:
        """Gives the order the number of an earlier one of another machine, where a conflict is due."""
        self._pending += order.index in self._conflicts
        earlier = self._previous
        if not self._pending or earlier is None or earlier.machine is order.machine:
            return order, False
        self._pending -= 1
        self._previous = None  # one number is shared by two machines at most
        faults.append("happy_workers.number_conflict")
        return replace(order, number=earlier.number), True

    def _machine_rows(self, order: TrueOrder, faults: list[str], *, is_conflict: bool) -> int:
        rates, rng = self._spec.noise.happy_workers, self._rng["happy_workers"]
        missing, twice = rng.random() < rates.missing, rng.random() < rates.duplicate
        if is_conflict or order.index >= self._withheld_from:
            return 1
        if missing:
            faults.append("happy_workers.missing")
            return 0
        if twice:
            faults.append("happy_workers.duplicate")
        return 1 + twice

    def _late(self, order: TrueOrder, faults: list[str]) -> tuple[TrueOrder, TrueOrder]:
        """The order as it ends, and as the first export shows it (the same object when nothing moves)."""
        noise, rng = self._spec.noise, self._rng["happy_workers"]
        delivery, refund, remark = rng.random(), rng.random(), rng.random()
        if not self._is_late_day:
            return order, order
        if order.refunded_at is not None and refund < noise.late_refund:
            faults.append("happy_workers.late_refund")
            return order, replace(order, refunded_at=None, remark="")
        if order.delivered_at is not None and delivery < noise.late_delivery:
            faults.append("happy_workers.late_delivery")
            return order, replace(order, brewed_at=None, delivered_at=None)
        if not order.remark and remark < noise.late_remark:
            faults.append("happy_workers.late_remark")
            return replace(order, remark="checked"), order
        return order, order
