"""Which terminal stands at which machine, and how far their clocks are apart, on each business day.

A terminal's records follow the orders of its machine as a shadow does: among the seconds between them and orders of
their price there is a peak that no other machine has. It is looked for in nothing but the facts of that day, so that an
import changes nothing of other days (decisions 13).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import comb

from vhm24r.reconciliation.matcher.candidates import candidates
from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Flags, Ints, Pairs, day_by_day

BIN_S = 15
PEAK_BINS = 4
"""The delays of one terminal lie within a minute."""

PEAK_S = PEAK_BINS * BIN_S

SAMPLED = 40
"""Records of a terminal and day that are looked at: enough to see the peak."""

FEWEST = 3
"""So many records in the peak, and LEAD more than any other machine has, prove where a terminal stands."""

LEAD = 2
"""Fewer records than that show no peak at all."""

UNLIKELY = 0.01
"""Below this chance of a peak that means nothing, fewer than FEWEST and LEAD prove it as well. Nominally: of terminals
whose records follow no orders at all some more get a place, but what they are matched with is no worse for it.
"""

LEAST_SHARE = 0.7
"""Share of a terminal's records that must have an order of the machine in the peak."""

LEAST_LEAD = 0.25
"""How much larger that share must be than the one of any other machine."""

Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standing:
    """Of each record the machine its terminal stood at that day, or NOBODY; the seconds its clock was ahead of that
    machine's, the usual delay included, or 0; and whether that could be told (`timed`).
    """

    machine: Ints
    ahead_s: Ints
    timed: Flags

    def only(self, wanted: Ints) -> "Standing":
        """Those of some records."""
        return Standing(self.machine[wanted], self.ahead_s[wanted], self.timed[wanted])


@dataclass(frozen=True, slots=True)
class Peaks:
    """For some terminals on some days (`group`) and a `machine`: the `share` of records that have an order of it in the
    fullest minute, which begins `start_s` seconds after the order, and how many as full there would be by `chance`.
    """

    group: Ints
    machine: Ints
    share: Shares
    count: Ints
    start_s: Ints
    chance: Shares


def standing(orders: Facts, records: Facts, reach_s: int) -> Standing:
    """Look for terminals whose clock is within `reach_s` seconds of their machine's."""
    group, groups = terminal_days(records)
    nobody = np.full(records.count, NOBODY)
    if not groups or not orders.count:
        return Standing(nobody, np.zeros(records.count, dtype=np.int64), np.zeros(records.count, dtype=np.bool_))
    sample = _sampled(records, group, groups)
    there, here = day_by_day(orders, records.only(sample))
    found, _ = candidates(there, here, reach_s)
    found = found.only(orders.party[found.order] != NOBODY)
    looked = _looked_at(orders, records, group, sample, groups)
    peaks = _peaks(found, group[sample], orders.party, looked, reach_s)
    machine = np.full(groups, NOBODY)
    machine[group[group != NOBODY]] = records.home[group != NOBODY]
    at_home = (machine[peaks.group] == peaks.machine) & (peaks.count >= LEAD)
    best = np.concatenate([_leaders(peaks, looked.size, machine), np.flatnonzero(at_home)])
    timed, start_s = np.zeros(groups, dtype=np.bool_), np.full(groups, -PEAK_S // 2)
    machine[peaks.group[best]], start_s[peaks.group[best]] = peaks.machine[best], peaks.start_s[best]
    timed[peaks.group[best]] = True
    roaming = _roaming(found, group[sample], looked.size, reach_s)
    roaming = Roaming(*(column[(machine == NOBODY)[roaming.group]] for column in (roaming.group, roaming.start_s)))
    start_s[roaming.group], timed[roaming.group] = roaming.start_s, True
    of = group[sample][found.record]
    after = found.seconds - start_s[of]
    inside = ((machine[of] == NOBODY) | (orders.party[found.order] == machine[of])) & (after >= 0) & (after < PEAK_S)
    ahead_s = medians(of[inside], found.seconds[inside], groups)
    known = group != NOBODY
    ahead_s[~timed] = 0
    return Standing(np.where(known, machine[group], nobody), np.where(known, ahead_s[group], 0), known & timed[group])


def terminal_days(records: Facts) -> tuple[Ints, int]:
    """A number for the terminal and day of each record, NOBODY where there is no terminal; and how many numbers."""
    group = np.full(records.count, NOBODY)
    known = np.flatnonzero(records.party != NOBODY)
    if not len(known):
        return group, 0
    first, last = int(records.day.min()), int(records.day.max())
    names, group[known] = np.unique(
        records.party[known] * (last - first + 1) + records.day[known] - first, return_inverse=True
    )
    return group, len(names)


def _sampled(records: Facts, group: Ints, groups: int) -> Ints:
    """The places of at most SAMPLED records of each group, spread evenly over its day."""
    known = np.flatnonzero(group != NOBODY)
    known = known[np.lexsort((records.channel[known], records.price[known], records.at[known], group[known]))]
    size = np.bincount(group[known], minlength=groups)
    nth = np.arange(len(known)) - np.repeat(np.cumsum(size) - size, size)
    step = np.repeat(np.maximum(1, -(-size // SAMPLED)), size)
    chosen: Ints = known[nth % step == 0]
    return chosen


@dataclass(frozen=True, slots=True)
class LookedAt:
    """Of each group how many of its records were sampled, and how many machines sold anything that day."""

    size: Ints
    machines: Ints


def _looked_at(orders: Facts, records: Facts, group: Ints, sample: Ints, groups: int) -> LookedAt:
    day = np.zeros(groups, dtype=np.int64)
    day[group[sample]] = records.day[sample]
    sold = np.flatnonzero(orders.party != NOBODY)
    many = int(orders.party.max(initial=0)) + 1
    days, machines = np.unique(np.unique(orders.day[sold] * many + orders.party[sold]) // many, return_counts=True)
    place = np.minimum(np.searchsorted(days, day), max(len(days) - 1, 0))
    return LookedAt(
        np.bincount(group[sample], minlength=groups),
        np.where(days[place] == day, machines[place], 0) if len(days) else np.zeros(groups, dtype=np.int64),
    )


@dataclass(frozen=True, slots=True)
class Minutes:
    """Of every group and machine that have candidates, how many records lie in each minute after an order of it."""

    group: Ints
    machine: Ints
    counts: Ints


def _minutes(found: Pairs, group: Ints, machine_of: Ints, reach_s: int) -> Minutes:
    """`group` is of each sampled record, `machine_of` of each order."""
    machines, bins = int(machine_of.max()) + 1, 2 * reach_s // BIN_S + 1
    place = (found.seconds + reach_s) // BIN_S
    # a record counts once in a bin, however many orders of the machine it has there
    once = np.unique((found.record * machines + machine_of[found.order]) * bins + place)
    record_and_machine, place = once // bins, once % bins
    where = group[record_and_machine // machines] * machines + record_and_machine % machines
    names, row = np.unique(where, return_inverse=True)
    counts = np.bincount(row * bins + place, minlength=len(names) * bins).reshape(len(names), bins)
    until = np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))
    return Minutes(names // machines, names % machines, until[:, PEAK_BINS:] - until[:, :-PEAK_BINS])


def _peaks(found: Pairs, group: Ints, machine_of: Ints, looked: LookedAt, reach_s: int) -> Peaks:
    """The fullest minute of every group and machine that have candidates."""
    minutes = _minutes(found, group, machine_of, reach_s)
    fullest = minutes.counts.argmax(axis=1)
    count = minutes.counts[np.arange(len(minutes.group)), fullest]
    size, machines = looked.size[minutes.group], looked.machines[minutes.group]
    pairs = np.bincount(group[found.record], minlength=len(looked.size))[minutes.group]
    chance = _chance(count, size, pairs, machines * (2 * reach_s // PEAK_S))
    return Peaks(minutes.group, minutes.machine, count / size, count, fullest * BIN_S - reach_s, chance)


def _chance(count: Ints, size: Ints, pairs: Ints, places: Ints) -> Shares:
    """How many peaks of `count` among `size` records there would be by chance in `places`, the minutes of all machines.

    Chance strews `pairs` evenly over them; those of the peak it would explain are not chance's, and one more makes up
    for what few records cannot tell.
    """
    each = np.minimum((pairs - count + 1) / (size * places), 1)
    return np.asarray(places * comb(size, count) * each**count)


@dataclass(frozen=True, slots=True)
class Roaming:
    """Terminals and days (`group`) that serve several machines, and the minute their records come in after orders."""

    group: Ints
    start_s: Ints


def _roaming(found: Pairs, group: Ints, size: Ints, reach_s: int) -> Roaming:
    """Terminals whose records follow the orders of the network as a whole in one minute, far more than in any other:
    their clock can be told, though not where they stand.
    """
    network = np.zeros(int(found.order.max(initial=0)) + 1, dtype=np.int64)
    bins = 2 * reach_s // BIN_S + 1
    minutes = _minutes(found, group, network, reach_s)
    fullest = minutes.counts.argmax(axis=1)
    count = minutes.counts[np.arange(len(minutes.group)), fullest]
    usual = (minutes.counts.sum(axis=1) - count) / max(bins - PEAK_BINS, 1)
    of = size[minutes.group]
    sure = (count >= FEWEST) & (count >= LEAST_SHARE * of) & (count - usual >= np.maximum(LEAD, LEAST_LEAD * of))
    return Roaming(minutes.group[sure], (fullest * BIN_S - reach_s)[sure])


def _leaders(peaks: Peaks, size: Ints, home: Ints) -> Ints:
    """The places of the peaks that leave no doubt where a terminal stands whose name does not tell: high, of enough
    records, and far above the next machine's. `size` is how many records of each group were looked at.
    """
    order = np.lexsort((-peaks.share, peaks.group))
    group, share, count, chance = (column[order] for column in (peaks.group, peaks.share, peaks.count, peaks.chance))
    is_first = np.diff(group, prepend=NOBODY) != 0
    has_next = np.append(group[1:] == group[:-1], False)[: len(group)]
    lead = count - np.where(has_next, np.append(count[1:], 0)[: len(group)], 0)
    proven = (count >= FEWEST) & (lead >= LEAD)
    unlikely = (count >= LEAD) & (lead >= 1) & (chance < UNLIKELY)
    clear = (share >= LEAST_SHARE) & (lead >= LEAST_LEAD * size[group])
    sure = is_first & (home[group] == NOBODY) & clear & (proven | unlikely)
    leaders: Ints = order[sure]
    return leaders


def medians(group: Ints, value: Ints, groups: int) -> Ints:
    """The lower median of the values of each group; 0 where there are none."""
    result = np.zeros(groups, dtype=np.int64)
    order = np.lexsort((value, group))
    size = np.bincount(group, minlength=groups)
    middle = np.cumsum(size) - size + (size - 1) // 2
    result[size > 0] = value[order][middle[size > 0]]
    return result
