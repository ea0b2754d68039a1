"""Crowds: so many facts of one price within moments that nobody can tell them apart.

They are matched as a whole, one after the other in time, if they come out even; else nobody of them is.
"""

from dataclasses import dataclass

import numpy as np

from vhm24r.reconciliation.matcher.candidates import within_reach
from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Flags, Ints, Pairs, joined

NO_PAIRS = Pairs(*(np.zeros(0, dtype=np.int64),) * 3)


@dataclass(frozen=True, slots=True)
class Crowds:
    """Pairs of the crowds that come out `even`; which records are the crowds' and nobody else's; and `ties`, which
    say no more than who is in one crowd.
    """

    even: Pairs
    taken: Flags
    ties: Pairs


def match_crowds(orders: Facts, records: Facts, window_s: int, crowded: Flags) -> Crowds:
    """Match the orders that `candidates` has left out."""
    taken = np.zeros(records.count, dtype=np.bool_)
    even, ties = [NO_PAIRS], [NO_PAIRS]
    reach = within_reach(orders, records, window_s)
    crowd = np.flatnonzero(crowded)
    crowd = crowd[np.lexsort((orders.at[crowd], orders.price[crowd]))]
    ends = np.maximum.accumulate(reach.end[crowd]) if len(crowd) else crowd
    for members in np.split(crowd, np.flatnonzero(reach.first[crowd][1:] >= ends[:-1]) + 1) if len(crowd) else ():
        within = reach.sorted[reach.first[members].min() : reach.end[members].max()]
        taken[within] = True
        ties.append(_tied(members, within))
        if len(within) == len(members):
            even.append(_one_by_one(orders, records, members, within, window_s))
    return Crowds(joined(*even), taken, joined(*ties))


def _tied(order: Ints, record: Ints) -> Pairs:
    """Everybody of a crowd with its first order, or its first record."""
    orders = np.concatenate([order, np.full(len(record), order[0])])
    records = np.concatenate([np.full(len(order), record[0]), record])
    return Pairs(orders, records, np.zeros(len(orders), dtype=np.int64))


def _one_by_one(orders: Facts, records: Facts, order: Ints, record: Ints, window_s: int) -> Pairs:
    """Each with the one of its rank in time; nobody, should two of them contradict each other."""
    seconds = records.at[record] - orders.at[order]
    named, actual = orders.channel[order], records.channel[record]
    agree = (named == NOBODY) | (actual == NOBODY) | (named == actual)
    fits = bool((agree & (np.abs(seconds) <= window_s)).all())
    return Pairs(order, record, seconds).only(np.full(len(order), fits))
