"""Candidates: an equal price, gateways that do not contradict each other, and not too far apart in time."""

from dataclasses import dataclass

import numpy as np

from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Flags, Ints, Pairs

MOST = 400
"""Records one order may have as candidates; where there are more, facts of one price crowd within moments, and to list
all pairs of them would take the square of their number.
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """Of each order the records within reach: those at the places `first` to `end` of `sorted`."""

    sorted: Ints
    first: Ints
    end: Ints

    @property
    def many(self) -> Ints:
        """How many they are."""
        return self.end - self.first


def within_reach(orders: Facts, records: Facts, window_s: int) -> Reach:
    """Records of the price of each order, at most `window_s` seconds from it: by sorting, n log n."""
    by_price_and_time = np.lexsort((records.at, records.price))
    price, at = records.price[by_price_and_time], records.at[by_price_and_time]
    first = _places(price, at, orders.price, orders.at - window_s)
    end = _places(price, at, orders.price, orders.at + window_s + 1)
    return Reach(by_price_and_time, first, end)


def candidates(orders: Facts, records: Facts, window_s: int) -> tuple[Pairs, Flags]:
    """Every order and record that may belong together, and which orders are left out because they crowd.

    As many steps as there are candidates. `seconds` are those from the order to the record.
    """
    reach = within_reach(orders, records, window_s)
    crowded = reach.many > MOST
    many = np.where(crowded, 0, reach.many)
    order = np.repeat(np.arange(orders.count), many)
    nth = np.arange(len(order)) - np.repeat(np.cumsum(many) - many, many)
    record = reach.sorted[nth + np.repeat(reach.first, many)]
    found = Pairs(order, record, records.at[record] - orders.at[order])
    named, actual = orders.channel[order], records.channel[record]
    return found.only((named == NOBODY) | (actual == NOBODY) | (named == actual)), crowded


def _places(prices: Ints, instants: Ints, price: Ints, instant: Ints) -> Ints:
    """Where (price, instant) would stand among sorted ones.

    Two columns are searched as one: the instants of each price are moved behind those of the price before.
    """
    if not len(prices) or not len(price):
        return np.zeros(len(price), dtype=np.int64)
    low = min(int(instants.min()), int(instant.min()))
    span = max(int(instants.max()), int(instant.max())) - low + 1
    known = np.unique(prices)
    rank = np.searchsorted(known, price)
    is_known = known[np.minimum(rank, len(known) - 1)] == price
    column = np.searchsorted(known, prices) * span + (instants - low)
    place = np.searchsorted(column, rank * span + (instant - low))
    return np.where(is_known, place, 0).astype(np.int64)
