"""The best assignment: of all that are one to one the most pairs, then the least cost. Exact.

Components of the candidate graph are solved one by one. Almost all are a handful of pairs: a matrix is the quickest.
In a large one mostly nothing but time matters: then it is solved in one go through time, else as a sparse graph.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, min_weight_full_bipartite_matching

from vhm24r.reconciliation.matcher.facts import NOBODY, Ints, Pairs

SHIFT = 1_000_000
"""Seconds that keep what is stored in a sparse graph from being 0, which is no edge."""

LARGE = 256
"""Orders or records of a component from which on a matrix of all its pairs would be mostly empty."""


def components(pairs: Pairs, orders: int, records: int) -> Ints:
    """The component of each pair, by number."""
    nodes = orders + records
    graph = coo_array((np.ones(pairs.count, dtype=np.int8), (pairs.order, orders + pairs.record)), shape=(nodes, nodes))
    _, label = connected_components(graph, directed=False)
    return np.asarray(label[pairs.order], dtype=np.int64)


def assign(pairs: Pairs, orders: int, records: int) -> Ints:
    """Of each order the record it is assigned, or NOBODY. What a pair costs are its seconds, sooner or later."""
    assigned = np.full(orders, NOBODY, dtype=np.int64)
    if not pairs.count:
        return assigned
    label = components(pairs, orders, records)
    alone = np.bincount(label)[label] == 1
    assigned[pairs.order[alone]] = pairs.record[alone]
    for part in larger(label):
        _solve(pairs, part, assigned)
    return assigned


def larger(label: Ints) -> list[Ints]:
    """The places of the pairs of each component that has several."""
    rest = np.flatnonzero(np.bincount(label)[label] > 1)
    if not len(rest):
        return []
    rest = rest[np.argsort(label[rest], kind="stable")]
    return np.split(rest, np.flatnonzero(np.diff(label[rest])) + 1)


def _solve(pairs: Pairs, part: Ints, assigned: Ints) -> None:
    """One component of several pairs."""
    rows, row = np.unique(pairs.order[part], return_inverse=True)
    columns, column = np.unique(pairs.record[part], return_inverse=True)
    edges = Edges(len(rows), len(columns), row, column, pairs.seconds[part])
    small = max(edges.rows, edges.columns) < LARGE
    chosen = by_matrix(edges) if small else in_time(edges) or by_paths(edges)
    assigned[rows[chosen[0]]] = columns[chosen[1]]


@dataclass(frozen=True, slots=True)
class Edges:
    """The pairs of a component: `rows` orders and `columns` records by their number in it, and the seconds between."""

    rows: int
    columns: int
    row: Ints
    column: Ints
    seconds: Ints

    @property
    def cost(self) -> Ints:
        """What each pair costs."""
        return np.abs(self.seconds)


def by_matrix(edges: Edges) -> tuple[Ints, Ints]:
    """Rows and columns of the best assignment, by a matrix of all pairs."""
    never = (int(edges.cost.max()) + 1) * (min(edges.rows, edges.columns) + 1)
    matrix = np.full((edges.rows, edges.columns), never, dtype=np.int64)
    matrix[edges.row, edges.column] = edges.cost
    row, column = linear_sum_assignment(matrix)
    real = matrix[row, column] < never
    return row[real].astype(np.int64), column[real].astype(np.int64)


def by_paths(edges: Edges) -> tuple[Ints, Ints]:
    """The same by shortest augmenting paths in the sparse graph.

    Every order may stay without a record at a price no pairs cost, and every record without an order: so there is
    always a full matching, and the cheapest one leaves as few alone as possible. Costs are from 1, as 0 is no edge.
    """
    rows, columns, row, column = edges.rows, edges.columns, edges.row, edges.column
    never = (int(edges.cost.max()) + 2) * (min(rows, columns) + 1)
    ends = [
        (row, column, edges.cost + 1),
        (np.arange(rows), columns + np.arange(rows), np.full(rows, never)),
        (rows + np.arange(columns), np.arange(columns), np.full(columns, never)),
        (rows + column, columns + row, np.ones(len(row), dtype=np.int64)),
    ]
    start, end, weight = (np.concatenate(part) for part in zip(*ends, strict=True))
    graph = csr_array((weight.astype(np.float64), (start, end)), shape=(rows + columns, rows + columns))
    chosen_row, chosen_column = min_weight_full_bipartite_matching(graph)
    real = (chosen_row < rows) & (chosen_column < columns)
    return chosen_row[real].astype(np.int64), chosen_column[real].astype(np.int64)


def in_time(edges: Edges) -> tuple[Ints, Ints] | None:
    """The same where nothing but time matters: then some best assignment crosses nowhere, and is found in one go
    through the orders in their order. None where something else decides, too, who may belong to whom.
    """
    order_at, record_at = _instants(edges)
    if (record_at[edges.column] - order_at[edges.row] != edges.seconds).any():
        return None
    rows, columns = np.argsort(order_at, kind="stable"), np.argsort(record_at, kind="stable")
    rank = np.empty(edges.columns, dtype=np.int64)
    rank[columns] = np.arange(edges.columns)
    place = rank[edges.column]
    first = np.full(edges.rows, edges.columns)
    np.minimum.at(first, edges.row, place)
    last = np.full(edges.rows, -1)
    np.maximum.at(last, edges.row, place)
    has_gaps = (last - first + 1).sum() != len(edges.row)
    if has_gaps or (np.diff(first[rows]) < 0).any() or (np.diff(last[rows]) < 0).any():
        return None
    return _without_crossing(order_at[rows], record_at[columns], first[rows], last[rows] + 1, rows, columns)


def _instants(edges: Edges) -> tuple[Ints, Ints]:
    """Instants of rows and columns that explain the seconds between them, if any do: gone along from neighbour to
    neighbour.
    """
    nodes = edges.rows + edges.columns
    ends = (edges.row, edges.rows + edges.column)
    between = csr_array((edges.seconds + SHIFT, ends), shape=(nodes, nodes))
    path, before = breadth_first_order(between, 0, directed=False)
    here, there = path[1:], before[path[1:]]
    steps = np.asarray(between[np.minimum(here, there), np.maximum(here, there)]).ravel() - SHIFT
    at = np.zeros(nodes, dtype=np.int64)
    for node, neighbour, step in zip(here.tolist(), there.tolist(), steps.tolist(), strict=True):
        at[node] = at[neighbour] + (step if node >= edges.rows else -step)
    return at[: edges.rows], at[edges.rows :]


def _without_crossing(
    order_at: Ints, record_at: Ints, first: Ints, end: Ints, rows: Ints, columns: Ints
) -> tuple[Ints, Ints]:
    """The best assignment in which a later order has a later record: order i may have records first[i] to end[i].

    `gain[c]` is the best there is for the orders so far and the first c records: a pair is worth more than all seconds
    together, less its own. It grows with c, and beyond the last record anybody has come to it stays the same.
    """
    worth = int(np.abs(record_at[first] - order_at).max() + np.abs(record_at[end - 1] - order_at).max() + 1)
    worth *= min(len(rows), len(columns)) + 1
    gain = np.zeros(len(columns) + 1, dtype=np.int64)
    steps: list[tuple[int, Ints, Ints]] = []
    known = 0
    for at, low, high in zip(order_at.tolist(), first.tolist(), end.tolist(), strict=True):
        gain[known + 1 : high + 1] = gain[known]
        known = high
        before = gain[low : high + 1].copy()
        taken = before[:-1] + (worth - np.abs(record_at[low:high] - at))
        gain[low + 1 : high + 1] = np.maximum(before[1:], np.maximum.accumulate(taken))
        steps.append((low, before, taken))
    row: list[int] = []
    column: list[int] = []
    upto = len(columns)
    for number in range(len(rows) - 1, -1, -1):
        low, before, taken = steps[number]
        upto = min(upto, low + len(taken))
        if upto <= low:
            continue
        best = int(taken[: upto - low].max())
        if best > before[upto - low]:
            upto = low + int(taken[: upto - low].argmax())
            row.append(int(rows[number]))
            column.append(int(columns[upto]))
    return np.array(row, dtype=np.int64), np.array(column, dtype=np.int64)
