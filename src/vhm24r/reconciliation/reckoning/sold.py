"""What sales that name their order say of it: who reports it, whether price and time agree, which gateway it names."""

from dataclasses import dataclass

import numpy as np

from vhm24r.reconciliation.matcher.facts import NOBODY, Flags, Ints
from vhm24r.reconciliation.reckoning.world import HAPPY_WORKERS, UNKNOWN, VENDHUB, Orders, Sales, flags


@dataclass(frozen=True, slots=True)
class Sold:
    """Of each order. `sale_amount` and `beyond_s` are of the sale that differs most, 0 where none does; `beyond_s` are
    the seconds by which it lies outside of the order's lifetime and window, negative before it.
    """

    by_machine: Flags
    by_sales: Flags
    price_differs: Flags
    sale_amount: Ints
    beyond_s: Ints
    gateway: Ints


def sold(orders: Orders, sales: Sales, usual_s: Ints, window_s: int) -> Sold:
    """Weigh every sale against its order; `usual_s` is how late sales of its machine usually are that day."""
    by_machine, by_sales = orders.by_hand.copy(), flags(orders.count)
    by_machine[sales.order[sales.source == HAPPY_WORKERS]] = True
    theirs = np.flatnonzero(sales.source == VENDHUB)
    order = sales.order[theirs]
    by_sales[order] = True
    sale_amount, beyond_s = orders.amount.copy(), np.zeros(orders.count, dtype=np.int64)
    amount = sales.amount[theirs]
    differs = (amount != UNKNOWN) & (orders.amount[order] != UNKNOWN)
    differs &= (amount != orders.amount[order]) | (sales.currency[theirs] != orders.currency[order])
    sale_amount[order[differs]] = amount[differs]
    price_differs = flags(orders.count)
    price_differs[order[differs]] = True
    by = _beyond(orders, order, sales.at[theirs] - usual_s[order], window_s)
    by[(sales.at[theirs] == UNKNOWN) | (orders.created[order] == UNKNOWN)] = 0
    farthest = np.argsort(np.abs(by), kind="stable")
    beyond_s[order[farthest]] = by[farthest]
    gateway = np.full(orders.count, NOBODY)
    named = np.flatnonzero(sales.gateway != NOBODY)
    named = named[np.lexsort((sales.gateway[named], sales.order[named]))]
    gateway[sales.order[named]] = sales.gateway[named]
    return Sold(by_machine, by_sales, price_differs, sale_amount, beyond_s, gateway)


def _beyond(orders: Orders, order: Ints, at: Ints, window_s: int) -> Ints:
    early = at - (orders.created[order] - window_s)
    late = at - (orders.until[order] + window_s)
    return np.where(early < 0, early, np.where(late > 0, late, 0))
