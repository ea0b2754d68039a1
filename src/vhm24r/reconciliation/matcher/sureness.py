"""How sure an assignment is: what the next best one with as many pairs would cost more, order by order.

Whoever changes an assignment lets orders pass their records on: along a cycle, where in the end everybody has one
again, or along a path to a record nobody had, or from an order that had none. The cheapest such exchange an order takes
part in is its margin. In a cycle only the pairing is open, not who is matched.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from vhm24r.reconciliation.matcher.assignment import components, larger
from vhm24r.reconciliation.matcher.facts import NOBODY, Flags, Ints, Pairs

FAR_S = 1_000_000
"""The margin where there is no other assignment with as many pairs."""

LARGEST = 400
"""Orders of a component up to which every exchange is weighed; a larger one is open as a whole."""

FEW = 12
"""Nodes up to which lists are quicker than arrays."""

Ways = list[list[float]]


class Sureness(IntEnum):
    """What can be said of an order. INTERCHANGEABLE: it is matched whatever the pairing. AMBIGUOUS: it might as well be
    matched otherwise, or not at all. UNMATCHED: there is no record for it.
    """

    CERTAIN = 0
    INTERCHANGEABLE = 1
    AMBIGUOUS = 2
    UNMATCHED = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of each order how sure its record is, and the seconds by which the next best assignment is worse."""

    sureness: Ints
    margin_s: Ints


@dataclass(frozen=True, slots=True)
class Edge:
    """A candidate pair of a component, and what it costs."""

    order: int
    record: int
    cost: int


def judge(
    pairs: Pairs, assigned: Ints, records: int, margin_s: int, untold: Flags | None = None, untold_s: int = 0
) -> Verdict:
    """Weigh an assignment against its alternatives; one that costs less than `margin_s` more leaves it open.

    `untold` are records whose clock nobody could tell: where such take part, seconds prove less, and an alternative
    leaves the assignment open if it costs less than `untold_s` more.
    """
    verdict = Verdict(
        np.where(assigned == NOBODY, int(Sureness.UNMATCHED), int(Sureness.CERTAIN)),
        np.full(len(assigned), FAR_S, dtype=np.int64),
    )
    cost = np.abs(pairs.seconds)
    for part in larger(components(pairs, len(assigned), records)) if pairs.count else ():
        columns = (pairs.order[part].tolist(), pairs.record[part].tolist(), cost[part].tolist())
        exchange = Exchange([Edge(*edge) for edge in zip(*columns, strict=True)], assigned)
        is_untold = untold is not None and bool(untold[pairs.record[part]].any())
        for order, sureness, margin in exchange.verdicts(max(margin_s, untold_s) if is_untold else margin_s):
            verdict.sureness[order] = sureness
            verdict.margin_s[order] = margin
    return verdict


class Exchange:
    """Who of a component could take whose record: its matched orders are nodes, and so are *anybody's* free record and
    *whoever* has none.
    """

    def __init__(self, edges: list[Edge], assigned: Ints) -> None:
        """`assigned` is of all orders."""
        self._edges = edges
        self._mine = {edge.order: int(assigned[edge.order]) for edge in edges}
        self._matched = [order for order, record in self._mine.items() if record != NOBODY]
        self._place = {order: place for place, order in enumerate(self._matched)}
        self._holder = {self._mine[order]: place for place, order in enumerate(self._matched)}
        self._paid = [0] * len(self._matched)
        for edge in edges:
            if self._mine[edge.order] == edge.record:
                self._paid[self._place[edge.order]] = edge.cost
        self._free, self._without = len(self._matched), len(self._matched) + 1

    def verdicts(self, margin_s: int) -> Iterable[tuple[int, Sureness, int]]:
        """Every order that is not plainly certain or unmatched, with its margin."""
        if len(self._matched) > LARGEST:
            return [(order, Sureness.AMBIGUOUS, 0) for order in self._mine]
        steps = self._steps()
        inner = cheapest(len(self._matched), {ends: cost for ends, cost in steps.items() if max(ends) < self._free})
        for place, paid in enumerate(self._paid):
            steps[self._free, place] = 0
            steps[place, self._without] = -paid
        outer = cheapest(len(self._matched) + 2, steps)
        matched = [self._of_matched(order, inner, outer, margin_s) for order in self._matched]
        return [*matched, *(self._of_other(order, outer, margin_s) for order in self._mine if order not in self._place)]

    def _steps(self) -> dict[tuple[int, int], float]:
        """What it costs when one takes the record of another, gives up its own, and nothing else changes."""
        steps: dict[tuple[int, int], float] = {}
        for edge in self._edges:
            start = self._place.get(edge.order, self._without)
            end = self._holder.get(edge.record, self._free)
            if start != end:
                cost = edge.cost - (self._paid[start] if start != self._without else 0)
                steps[start, end] = min(cost, steps.get((start, end), math.inf))
        return steps

    def _of_matched(self, order: int, inner: Ways, outer: Ways, margin_s: int) -> tuple[int, Sureness, int]:
        place = self._place[order]
        leaving = min(
            outer[place][self._free] + outer[self._free][place],
            outer[place][self._without] + outer[self._without][place],
        )
        margin = int(min(leaving, inner[place][place], FAR_S))
        if leaving < margin_s:
            return order, Sureness.AMBIGUOUS, margin
        return order, Sureness.INTERCHANGEABLE if inner[place][place] < margin_s else Sureness.CERTAIN, margin

    def _of_other(self, order: int, outer: Ways, margin_s: int) -> tuple[int, Sureness, int]:
        taken = ((edge, self._holder[edge.record]) for edge in self._edges if edge.order == order)
        margin = int(min([FAR_S, *(edge.cost + outer[place][self._without] for edge, place in taken)]))
        return order, Sureness.AMBIGUOUS if margin < margin_s else Sureness.UNMATCHED, margin


def cheapest(nodes: int, steps: dict[tuple[int, int], float]) -> Ways:
    """The cheapest way from each node to each other, and of a cycle back to itself (Floyd and Warshall)."""
    if nodes > FEW:
        return _cheapest_of_many(nodes, steps)
    ways = [[math.inf] * nodes for _ in range(nodes)]
    for (start, end), cost in steps.items():
        ways[start][end] = cost
    for via in range(nodes):
        onward = ways[via]
        for way in ways:
            if way[via] < math.inf:
                way[:] = [min(direct, way[via] + rest) for direct, rest in zip(way, onward, strict=True)]
    return ways


def _cheapest_of_many(nodes: int, steps: dict[tuple[int, int], float]) -> Ways:
    ways = np.full((nodes, nodes), np.inf)
    for (start, end), cost in steps.items():
        ways[start, end] = cost
    for via in range(nodes):
        np.minimum(ways, ways[:, via, None] + ways[None, via, :], out=ways)
    found: Ways = ways.tolist()
    return found
