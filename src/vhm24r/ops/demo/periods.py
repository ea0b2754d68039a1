"""Which days go into which file, and which rows a file of some days holds.

A row belongs to the day its own source printed on it. Whatever slips over an edge of the whole period stays
in the first or last file, so that nothing falls between two files.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from vhm24r.ops.demo.facts import Sale
from vhm24r.ops.demo.layout import local
from vhm24r.ops.demo.network import Network
from vhm24r.ops.demo.noise import planted
from vhm24r.ops.demo.orders import TrueOrder
from vhm24r.ops.demo.spec import NetworkSpec

Period = tuple[date, date]
"""First and last business day, both included."""


def split(spec: NetworkSpec, size: int, overlap: int = 0) -> tuple[Period, ...]:
    """The period in files of `size` days; a short rest joins the last file.

    With `overlap` every file but the first starts that many days early.
    """
    count = max(1, (spec.days + size // 2) // size)
    firsts = [spec.first_day + timedelta(days=size * i) for i in range(count)]
    lasts = [first - timedelta(days=1) for first in firsts[1:]] + [spec.ends_on]
    early = timedelta(days=overlap)
    return tuple((max(spec.first_day, first - early), last) for first, last in zip(firsts, lasts, strict=True))


def last_days(spec: NetworkSpec, days: int, ends_on: date | None = None) -> Period:
    """The last `days` days up to `ends_on` (or the end of the period)."""
    last = ends_on or spec.ends_on
    return max(spec.first_day, last - timedelta(days=days - 1)), last


def reported_orders(spec: NetworkSpec, network: Network, period: Period, revision: int) -> Iterator[TrueOrder]:
    """Rows of the machine report for those days, as an export of that revision shows them."""
    for plant in planted(spec, *_around(period)):
        for order in plant.reported(revision):
            at = order.created_at + timedelta(seconds=order.machine.clock_skew_s)
            if _belongs(spec, network, at, period):
                yield order


def reported_sales(spec: NetworkSpec, network: Network, period: Period, *, corrected: bool = False) -> Iterator[Sale]:
    """Rows of the sales system for those days; `corrected` = one right row per order, nothing missing."""
    for plant in planted(spec, *_around(period)):
        for sale in (plant.correct_sale,) if corrected else plant.sales:
            if _belongs(spec, network, sale.at, period):
                yield sale


def _around(period: Period) -> Period:
    return period[0] - timedelta(days=1), period[1] + timedelta(days=1)


def _belongs(spec: NetworkSpec, network: Network, at: datetime, period: Period) -> bool:
    day = min(max(local(at, network.zone).date(), spec.first_day), spec.ends_on)
    return period[0] <= day <= period[1]
