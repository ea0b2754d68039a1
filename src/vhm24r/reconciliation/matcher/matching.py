"""Matching one kind of record with the orders that need one, step by step."""

from dataclasses import dataclass, replace

import numpy as np

from vhm24r.reconciliation.matcher.assignment import assign, components
from vhm24r.reconciliation.matcher.candidates import candidates
from vhm24r.reconciliation.matcher.crowds import match_crowds
from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Flags, Ints, Pairs, day_by_day, joined
from vhm24r.reconciliation.matcher.sureness import Sureness, judge
from vhm24r.reconciliation.matcher.terminals import Standing, medians, standing

FEW = 4
"""So many certain pairs count half: an offset out of fewer of them is taken for chance rather."""

LEAST_S = 20
"""Delays alone make medians differ by less."""


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
    machine's. `pairs` are the candidates, their seconds by clocks put right; `linked` are these, and whoever else has a
    say in what becomes of whom: facts that are not linked with each other, on any way, are matched alike without each
    other. `in_crowd` are the orders that were matched in the order of time.
    """

    record: Ints
    sureness: Ints
    margin_s: Ints
    standing: Standing
    machine_ahead_s: Ints
    pairs: Pairs
    linked: Pairs
    in_crowd: Flags


@dataclass(frozen=True, slots=True)
class Apart:
    """Pairs that never are: orders and records by their places."""

    order: Ints
    record: Ints

    def leave(self, pairs: Pairs, records: int) -> Pairs:
        """The other pairs."""
        if not len(self.order):
            return pairs
        return pairs.only(~np.isin(pairs.order * records + pairs.record, self.order * records + self.record))


NONE_APART = Apart(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


def match(
    orders: Facts,
    records: Facts,
    tolerance: Tolerance,
    *,
    stood: Standing | None = None,
    machine_ahead_s: Ints | None = None,
    window_s: Ints | None = None,
    apart: Apart = NONE_APART,
) -> Matching:
    """Assign records to orders, one to one.

    Of several assignments that are equally good the order of the arrays decides: give them in one that files have no
    part in, such as time and number. `stood` is where terminals stood and `machine_ahead_s` what clocks of records
    without a terminal are ahead of each order's machine, if more is known than these records; `window_s`, of each
    record, may be narrower than the tolerance's.
    """
    stood = standing(orders, records, tolerance.reach_s) if stood is None else stood
    placed, has_terminal = stood.machine != NOBODY, records.party != NOBODY
    if machine_ahead_s is None:
        machine_ahead_s = machine_ahead(orders, records, tolerance.window_s)
    right = records.late(-stood.ahead_s)
    found = [
        _somewhere(orders.late(machine_ahead_s), records, ~placed & ~has_terminal, tolerance.window_s),
        _at_their_machine(orders, right, stood, placed & stood.timed, tolerance.window_s),
        _somewhere(orders, right, ~placed & stood.timed, tolerance.window_s),
    ]
    if window_s is not None:
        found = [some.within(window_s) for some in found]
    # a terminal's clock that nobody could put right may be as wrong as any other
    found += [
        _at_their_machine(orders, records, stood, placed & ~stood.timed, tolerance.reach_s),
        _somewhere(orders, records, ~placed & has_terminal & ~stood.timed, tolerance.reach_s),
    ]
    pairs = apart.leave(joined(*(some.pairs for some in found)), records.count)
    record = assign(pairs, orders.count, records.count)
    untold = has_terminal & ~stood.timed
    verdict = judge(pairs, record, records.count, tolerance.margin_s, untold, tolerance.reach_s)
    crowded = np.logical_or.reduce([some.crowded for some in found])
    for some in found:
        crowded[some.ties.order] = True  # whose candidates a crowd has taken might have been matched, too
    crowded &= record == NOBODY
    verdict.sureness[crowded], verdict.margin_s[crowded] = Sureness.AMBIGUOUS, 0
    in_crowd = np.zeros(orders.count, dtype=np.bool_)
    for even in (apart.leave(some.even, records.count) for some in found):
        still = even.only(record[even.order] == NOBODY)
        record[still.order], verdict.sureness[still.order] = still.record, Sureness.INTERCHANGEABLE
        in_crowd[still.order] = True
    linked = joined(pairs, *(some.ties for some in found))
    return Matching(record, verdict.sureness, verdict.margin_s, stood, machine_ahead_s, pairs, linked, in_crowd)


@dataclass(frozen=True, slots=True)
class _Found:
    """Candidates, which orders crowd, the pairs of crowds that come out even, and what ties crowds together."""

    pairs: Pairs
    crowded: Flags
    even: Pairs
    ties: Pairs

    def within(self, window_s: Ints) -> "_Found":
        """The same with candidates in the window of each record alone."""
        return replace(self, pairs=self.pairs.only(np.abs(self.pairs.seconds) <= window_s[self.pairs.record]))


def _at_their_machine(orders: Facts, records: Facts, stood: Standing, wanted: Flags, window_s: int) -> _Found:
    """Candidates of records whose terminal stands at a machine: its orders alone."""
    place = np.flatnonzero(wanted)
    many = int(max(orders.party.max(initial=0), stood.machine.max(initial=0))) + 2
    there = orders.priced(orders.price * many + orders.party + 1)
    here = records.priced(records.price * many + stood.machine + 1).only(place)
    return _candidates(there, here, place, window_s)


def _somewhere(orders: Facts, records: Facts, wanted: Flags, window_s: int) -> _Found:
    """Candidates of records of which nobody knows where they were made."""
    place = np.flatnonzero(wanted)
    return _candidates(orders, records.only(place), place, window_s)


def _candidates(orders: Facts, records: Facts, place: Ints, window_s: int) -> _Found:
    """Candidates and crowds; records by `place` among all."""
    found, crowded = candidates(orders, records, window_s)
    crowds = match_crowds(orders, records, window_s, crowded)
    free = ~crowds.taken[found.record]
    ties = joined(found.only(~free), crowds.ties)
    return _Found(found.only(free).of_records(place), crowded, crowds.even.of_records(place), ties.of_records(place))


def machine_ahead(orders: Facts, records: Facts, window_s: int) -> Ints:
    """Of each order by how much records without a terminal are ahead of the clock of its machine that day: found from
    certain pairs of that day, and once more after clocks are put right by that, since a window cuts off what lies
    beyond.
    """
    records = records.only(np.flatnonzero(records.party == NOBODY))
    ahead_s = np.zeros(orders.count, dtype=np.int64)
    if not orders.count or not records.count:
        return ahead_s
    there, here = day_by_day(orders, records)
    days = int(orders.day.max() - orders.day.min()) + 1
    names, group = np.unique((orders.party + 1) * days + orders.day - orders.day.min(), return_inverse=True)
    usual, own = np.zeros(len(names), dtype=np.int64), np.zeros(len(names), dtype=np.int64)
    for _ in range(ROUNDS):
        found, _ = candidates(there.late(ahead_s), here, window_s)
        more_usual, more_own = _medians_of_certain(orders, records, found, group, names % days)
        usual, own = usual + more_usual, own + more_own
        own[np.abs(own) < LEAST_S] = 0
        ahead_s = (usual + own)[group]
    return ahead_s


def _medians_of_certain(
    orders: Facts, records: Facts, found: Pairs, group: Ints, day_of_group: Ints
) -> tuple[Ints, Ints]:
    """Of each group of orders by how many seconds the records of its certain pairs are late: as the network's are that
    day, and by what its own differ from that, shrunk to 0 where they are few.
    """
    groups = len(day_of_group)
    if not found.count:
        return np.zeros(groups, dtype=np.int64), np.zeros(groups, dtype=np.int64)
    label = components(found, orders.count, records.count)
    certain = found.only((np.bincount(label)[label] == 1) & (orders.party[found.order] != NOBODY))
    of = group[certain.order]
    usual = medians(day_of_group[of], certain.seconds, int(day_of_group.max()) + 1)[day_of_group]
    size = np.bincount(of, minlength=groups)
    return usual, np.rint((medians(of, certain.seconds, groups) - usual) * size / (size + FEW)).astype(np.int64)
