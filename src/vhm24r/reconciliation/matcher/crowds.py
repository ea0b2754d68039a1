"""Crowds: so many facts of one price within moments that nobody can tell them apart.

They are matched as a whole, one after the other in time, if they come out even; else nobody of them is.
"""

import numpy as np

from vhm24r.reconciliation.matcher.candidates import within_reach
from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Flags, Ints, Pairs, joined


def match_crowds(orders: Facts, records: Facts, window_s: int, crowded: Flags) -> tuple[Pairs, Flags]:
    """Pairs of the crowds that come out even, and which records are the crowds': nobody else may have those.

    `crowded` are the orders that `candidates` has left out.
    """
    taken = np.zeros(records.count, dtype=np.bool_)
    pairs = [Pairs(*(np.zeros(0, dtype=np.int64),) * 3)]
    reach = within_reach(orders, records, window_s)
    crowd = np.flatnonzero(crowded)
    crowd = crowd[np.lexsort((orders.at[crowd], orders.price[crowd]))]
    ends = np.maximum.accumulate(reach.end[crowd]) if len(crowd) else crowd
    for members in np.split(crowd, np.flatnonzero(reach.first[crowd][1:] >= ends[:-1]) + 1) if len(crowd) else ():
        within = reach.sorted[reach.first[members].min() : reach.end[members].max()]
        taken[within] = True
        if len(within) == len(members):
            pairs.append(_one_by_one(orders, records, members, within, window_s))
    return joined(*pairs), taken


def _one_by_one(orders: Facts, records: Facts, order: Ints, record: Ints, window_s: int) -> Pairs:
    """Each with the one of its rank in time; nobody, should two of them contradict each other."""
    seconds = records.at[record] - orders.at[order]
    named, actual = orders.channel[order], records.channel[record]
    agree = (named == NOBODY) | (actual == NOBODY) | (named == actual)
    fits = bool((agree & (np.abs(seconds) <= window_s)).all())
    return Pairs(order, record, seconds).only(np.full(len(order), fits))
