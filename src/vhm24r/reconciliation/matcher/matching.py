"""Matching one kind of record with the orders that need one, step by step."""

from dataclasses import dataclass

import numpy as np

from vhm24r.reconciliation.matcher.assignment import assign, components
from vhm24r.reconciliation.matcher.candidates import candidates
from vhm24r.reconciliation.matcher.crowds import match_crowds
from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Flags, Ints, Pairs, joined
from vhm24r.reconciliation.matcher.sureness import Sureness, judge
from vhm24r.reconciliation.matcher.terminals import Standing, medians, standing

FEW = 4
"""So many certain pairs count half: an offset out of fewer of them is taken for chance rather."""


ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Seconds: how far apart an order and its record may be, how far a clock may be wrong to be noticed, and by how
    much the next best assignment must be worse for this one to be certain.
    """

    window_s: int = 60
    reach_s: int = 300
    margin_s: int = 60


@dataclass(frozen=True, slots=True)
class Matching:
    """What was found.

    Of each order: its `record` or NOBODY, how sure that is, and the seconds by which the next best assignment is worse.
    An AMBIGUOUS order may have the record it would have in the best assignment; that is no match. Of each record where
    its terminal stood. Of each order the seconds by which clocks of records without a terminal are ahead of its
    machine's. `pairs` are the candidates, their seconds by clocks put right.
    """

    record: Ints
    sureness: Ints
    margin_s: Ints
    standing: Standing
    machine_ahead_s: Ints
    pairs: Pairs


def match(orders: Facts, records: Facts, tolerance: Tolerance) -> Matching:
    """Assign records to orders, one to one.

    Of several assignments that are equally good the order of the arrays decides: give them in one that files have no
    part in, such as time and number.
    """
    stood = standing(orders, records, tolerance.reach_s)
    near, near_crowd, near_even = _at_their_machine(orders, records, stood, tolerance.window_s)
    far, far_crowd, far_even, ahead_s = _anywhere(orders, records, stood.machine == NOBODY, tolerance.window_s)
    pairs = joined(near, far)
    record = assign(pairs, orders.count, records.count)
    verdict = judge(pairs, record, records.count, tolerance.margin_s)
    crowded = (near_crowd | far_crowd) & (record == NOBODY)
    verdict.sureness[crowded], verdict.margin_s[crowded] = Sureness.AMBIGUOUS, 0
    for even in (near_even, far_even):
        still = even.only(record[even.order] == NOBODY)
        record[still.order], verdict.sureness[still.order] = still.record, Sureness.INTERCHANGEABLE
    return Matching(record, verdict.sureness, verdict.margin_s, stood, ahead_s, pairs)


def _at_their_machine(orders: Facts, records: Facts, stood: Standing, window_s: int) -> tuple[Pairs, Flags, Pairs]:
    """Candidates of records whose terminal stands at a machine: its orders alone."""
    place = np.flatnonzero(stood.machine != NOBODY)
    many = int(max(orders.party.max(initial=0), stood.machine.max(initial=0))) + 2
    there = orders.priced(orders.price * many + orders.party + 1)
    here = records.late(-stood.ahead_s).priced(records.price * many + stood.machine + 1).only(place)
    return _candidates(there, here, place, window_s)


def _anywhere(orders: Facts, records: Facts, wanted: Flags, window_s: int) -> tuple[Pairs, Flags, Pairs, Ints]:
    """Candidates of records of which nobody knows where they were made, by clocks of the machines that are put right;
    and by how much.
    """
    place = np.flatnonzero(wanted)
    here = records.only(place)
    ahead_s = _machine_ahead(orders, here, window_s)
    return (*_candidates(orders.late(ahead_s), here, place, window_s), ahead_s)


def _candidates(orders: Facts, records: Facts, place: Ints, window_s: int) -> tuple[Pairs, Flags, Pairs]:
    """Candidates, which orders crowd, and the pairs of crowds that come out even; records by `place` among all."""
    found, crowded = candidates(orders, records, window_s)
    even, taken = match_crowds(orders, records, window_s, crowded)
    return found.only(~taken[found.record]).of_records(place), crowded, even.of_records(place)


def _machine_ahead(orders: Facts, records: Facts, window_s: int) -> Ints:
    """Of each order by how much the records are ahead of the clock of its machine that day: found from certain pairs,
    and once more after clocks are put right by that, since a window cuts off what lies beyond.
    """
    ahead_s = np.zeros(orders.count, dtype=np.int64)
    if not orders.count or not records.count:
        return ahead_s
    days = int(orders.day.max() - orders.day.min()) + 1
    names, group = np.unique((orders.party + 1) * days + orders.day - orders.day.min(), return_inverse=True)
    for _ in range(ROUNDS):
        found, _ = candidates(orders.late(ahead_s), records, window_s)
        ahead_s = ahead_s + _medians_of_certain(orders, records, found, group, len(names))[group]
    return ahead_s


def _medians_of_certain(orders: Facts, records: Facts, found: Pairs, group: Ints, groups: int) -> Ints:
    """Of each group of orders the median of the seconds in certain pairs, shrunk to 0 where they are few."""
    if not found.count:
        return np.zeros(groups, dtype=np.int64)
    label = components(found, orders.count, records.count)
    certain = found.only((np.bincount(label)[label] == 1) & (orders.party[found.order] != NOBODY))
    of = group[certain.order]
    size = np.bincount(of, minlength=groups)
    return np.rint(medians(of, certain.seconds, groups) * size / (size + FEW)).astype(np.int64)
