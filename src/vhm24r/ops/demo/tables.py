"""One big machine report for benchmarks: no noise, one file, streamed row by row."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from vhm24r.ops.demo import happy_workers
from vhm24r.ops.demo.network import build_network
from vhm24r.ops.demo.orders import TrueOrder, true_orders
from vhm24r.ops.demo.spec import Clocks, FileFormat, NetworkSpec, Noise
from vhm24r.ops.demo.writers import write_table

_ENDS_ON = date(2025, 12, 31)
_UNDELIVERED_EVERY = 7
_CORRECTION_SOM = 1000


def write_happy_workers(
    path: Path,
    orders: int,
    seed: int,
    *,
    format: FileFormat = "csv",
    changed_share: float = 0.0,
    ends_on: date = _ENDS_ON,
    machines: int = 50,
    days: int = 30,
) -> int:
    """Writes `orders` rows in the Russian layout and returns how many of them are changed.

    With `changed_share` the file holds the same orders, and exactly `int(orders * changed_share)` of them
    differ from the file written without it: a delivery time filled in, a price corrected, money given back.
    Every seventh order has no delivery time yet, so there is something to fill. A workbook holds at most
    1,048,575 rows.
    """
    share = Fraction(str(changed_share))
    if not 0 <= share <= 1:
        raise ValueError("changed_share must be between 0 and 1")
    spec = NetworkSpec(
        ends_on=ends_on,
        seed=seed,
        machines=machines,
        days=days,
        orders=orders,
        clocks=Clocks(machine_share=0.0, register_share=0.0),
        noise=Noise.none(),
    )
    table = happy_workers.table(_orders(spec, share), build_network(spec).zone)
    write_table(path, table, format, ends_on)
    return int(orders * share)


def _orders(spec: NetworkSpec, share: Fraction) -> Iterator[TrueOrder]:
    """The orders, every 1/share-th of them changed; whole-number steps, so the count is exact."""
    up, down = share.numerator, share.denominator
    for order in true_orders(spec):
        undelivered = order.index % _UNDELIVERED_EVERY == 3
        first = replace(order, delivered_at=None) if undelivered else order
        if (order.index + 1) * up // down > order.index * up // down:
            yield _changed(first, order)
        else:
            yield first


def _changed(first: TrueOrder, true: TrueOrder) -> TrueOrder:
    """The order after a change: delivered at last, or refunded, or its price put right, whichever it can."""
    if first.delivered_at is None and true.delivered_at is not None:
        return true
    if first.index % 2 and first.refunded_at is None:
        return replace(first, refunded_at=first.paid_at + timedelta(minutes=20))
    return replace(first, price_som=first.price_som + _CORRECTION_SOM)
