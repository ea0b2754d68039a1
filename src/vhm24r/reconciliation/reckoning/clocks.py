"""Clocks of machines, by the sales that name their orders.

A sale and its order are one moment told by two clocks. What a machine's sales of a day are late by, less what the
network's are, is how far its clock is wrong: however far that is, as their numbers have paired them.
"""

from dataclasses import dataclass

import numpy as np

from vhm24r.reconciliation.matcher.facts import Flags, Ints
from vhm24r.reconciliation.matcher.terminals import medians
from vhm24r.reconciliation.reckoning.world import FARTHEST_S, UNKNOWN, VENDHUB, Orders, Sales

MANY = 5
FEWEST = 2
"""Fewer sales of a machine and day say nothing about its clock; fewer than MANY do if they agree within SPREAD_S."""

SPREAD_S = 90

FEW = 4
"""So many sales count half."""

LEAST_S = 10


@dataclass(frozen=True, slots=True)
class MachineClocks:
    """Of each order: by how much its machine's clock is ahead of the network's (`ahead_s`, 0 unless that matters), and
    how late its sales usually are (`usual_s`). Then, clock by clock: day, machine, seconds ahead, of how many sales.
    """

    ahead_s: Ints
    usual_s: Ints
    day: Ints
    machine: Ints
    seconds: Ints
    sales: Ints


def machine_clocks(orders: Orders, sales: Sales, window_s: int) -> MachineClocks:
    """Of few sales a small difference is taken for chance rather, as is any under LEAST_S; one that is larger than
    `window_s` is none.
    """
    told = np.flatnonzero(_tells(orders, sales))
    order = sales.order[told]
    late_s = sales.at[told] - orders.at[order]
    days, day = np.unique(orders.day[order], return_inverse=True)
    network = medians(day, late_s, len(days))
    machines = int(orders.machine.max(initial=0)) + 2
    of_order = orders.day * machines + orders.machine + 1
    names, clock = np.unique(of_order[order], return_inverse=True)
    size = np.bincount(clock, minlength=len(names))
    usual = medians(clock, late_s, len(names))
    seconds = network[np.searchsorted(days, names // machines)] - usual
    known = (size >= MANY) | ((size >= FEWEST) & (_spread(clock, late_s, len(names)) <= SPREAD_S))
    place = np.searchsorted(names, of_order)
    place = np.minimum(place, max(len(names) - 1, 0))
    is_told = (names[place] == of_order) & known[place] if len(names) else _none(orders)
    trusted = np.where(np.abs(seconds) > window_s, seconds, np.rint(seconds * size / (size + FEW)).astype(np.int64))
    matters = known & (np.abs(trusted) >= LEAST_S) & (np.abs(seconds) <= FARTHEST_S)
    return MachineClocks(
        np.where(is_told, np.where(matters, trusted, 0)[place], 0) if len(names) else np.zeros_like(orders.at),
        np.where(is_told & (np.abs(usual[place]) > window_s), usual[place], 0)
        if len(names)
        else np.zeros_like(orders.at),
        names[known] // machines,
        names[known] % machines - 1,
        seconds[known],
        size[known],
    )


def _spread(clock: Ints, late_s: Ints, clocks: int) -> Ints:
    """Of each clock the seconds between its earliest and its latest sale."""
    least, most = np.full(clocks, FARTHEST_S * 100), np.full(clocks, -FARTHEST_S * 100)
    np.minimum.at(least, clock, late_s)
    np.maximum.at(most, clock, late_s)
    spread: Ints = most - least
    return spread


def _tells(orders: Orders, sales: Sales) -> Flags:
    """Which sales tell the time of a machine's order."""
    is_known = (sales.at != UNKNOWN) & (orders.at[sales.order] != UNKNOWN)
    told: Flags = (sales.source == VENDHUB) & is_known & (orders.machine[sales.order] >= 0)
    return told


def _none(orders: Orders) -> Flags:
    return np.zeros(orders.count, dtype=np.bool_)
