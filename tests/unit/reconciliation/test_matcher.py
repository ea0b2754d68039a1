"""The matcher against brute force: whatever is claimed of an assignment is checked by trying all of them."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.reconciliation.matcher import assignment, candidates, sureness
from vhm24r.reconciliation.matcher.assignment import Edges, by_matrix, by_paths, components, in_time, larger
from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Ints, Pairs
from vhm24r.reconciliation.matcher.matching import Matching, Tolerance, match
from vhm24r.reconciliation.matcher.sureness import FAR_S, Sureness, judge
from vhm24r.reconciliation.matcher.terminals import medians, standing

pytestmark = pytest.mark.unit

Fact = tuple[int, int, int, int]  # instant, price, machine or terminal, gateway
Graph = list[tuple[int, int, int]]  # order, record, seconds


def facts(some: list[Fact], day: int = 0) -> Facts:
    columns = np.array(some, dtype=np.int64).reshape(-1, 4).T
    nobody = np.full(len(some), NOBODY)
    return Facts(columns[0], np.full(len(some), day), columns[1], columns[2], columns[3], nobody)


def pairs(graph: Graph) -> Pairs:
    columns = np.array(graph, dtype=np.int64).reshape(-1, 3).T
    return Pairs(columns[0], columns[1], columns[2])


def listed(found: Pairs) -> list[tuple[int, int, int]]:
    return sorted(zip(found.order.tolist(), found.record.tolist(), found.seconds.tolist(), strict=True))


FACTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 2), st.integers(-1, 1), st.integers(-1, 1)), max_size=9)
GRAPHS = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 4)), st.integers(-9, 9), min_size=1, max_size=12
).map(lambda found: [(order, record, seconds) for (order, record), seconds in sorted(found.items())])


def every_assignment(graph: Graph) -> list[dict[int, int]]:
    """All one-to-one assignments with as many pairs as possible."""
    by_order: dict[int, list[int]] = {}
    for order, record, _ in graph:
        by_order.setdefault(order, []).append(record)
    found: list[dict[int, int]] = []
    for choice in itertools.product(*([NOBODY, *records] for records in by_order.values())):
        taken = [record for record in choice if record != NOBODY]
        if len(set(taken)) == len(taken):
            found.append({o: r for o, r in zip(by_order, choice, strict=True) if r != NOBODY})
    most = max(map(len, found))
    return [one for one in found if len(one) == most]


def cost_of(graph: Graph, chosen: dict[int, int]) -> int:
    costs = {(order, record): abs(seconds) for order, record, seconds in graph}
    return sum(costs[pair] for pair in chosen.items())


def as_dict(assigned: Ints) -> dict[int, int]:
    return {order: int(record) for order, record in enumerate(assigned) if record != NOBODY}


@given(FACTS, FACTS, st.integers(0, 40))
def test_candidates_are_all_pairs_within_reach(left: list[Fact], right: list[Fact], window: int) -> None:
    found, crowded = candidates.candidates(facts(left), facts(right), window)

    assert listed(found) == sorted(
        (o, r, record[0] - order[0])
        for o, order in enumerate(left)
        for r, record in enumerate(right)
        if order[1] == record[1]
        and abs(record[0] - order[0]) <= window
        and (NOBODY in (order[3], record[3]) or order[3] == record[3])
    )
    assert not crowded.any()


@given(GRAPHS)
def test_an_assignment_is_the_best_of_all(graph: Graph) -> None:
    assigned = as_dict(assignment.assign(pairs(graph), 5, 5))

    everyone = every_assignment(graph)
    assert assigned in everyone
    assert cost_of(graph, assigned) == min(cost_of(graph, one) for one in everyone)


@given(GRAPHS)
def test_matrix_and_paths_agree(graph: Graph) -> None:
    for edges in components_of(pairs(graph)):
        assert worth(edges, by_matrix(edges)) == worth(edges, by_paths(edges))


@given(
    st.lists(st.integers(0, 90), min_size=1, max_size=12),
    st.lists(st.integers(0, 90), min_size=1, max_size=12),
    st.integers(1, 40),
)
def test_where_time_alone_matters_one_go_through_it_is_enough(left: list[int], right: list[int], window: int) -> None:
    found, _ = candidates.candidates(
        facts([(at, 0, NOBODY, NOBODY) for at in left]), facts([(at, 0, NOBODY, NOBODY) for at in right]), window
    )
    for edges in components_of(found):
        chosen = in_time(edges)
        assert chosen is not None
        assert worth(edges, chosen) == worth(edges, by_matrix(edges))


def test_where_more_than_time_matters_one_go_is_not_taken() -> None:
    assert in_time(Edges(2, 2, np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0, 5, 2]))) is not None
    holed = Edges(2, 3, np.array([0, 0, 1, 1]), np.array([0, 2, 0, 1]), np.array([0, 20, 0, 10]))
    assert in_time(holed) is None
    assert in_time(Edges(2, 2, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([0, 5, 0, 9]))) is None


@given(st.integers(0, 10_000))
def test_a_large_component_is_solved_like_a_small_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = np.sort(rng.integers(0, 300, 40)), np.sort(rng.integers(0, 300, 40))
    channel = rng.integers(-1, 2, 40)
    nobody, same = np.full(40, NOBODY), np.zeros(40, dtype=np.int64)
    orders = Facts(left, same, same, nobody, channel, nobody)
    records = Facts(right, same, same, nobody, np.abs(channel[::-1]), nobody)
    found, _ = candidates.candidates(orders, records, 25)
    with pytest.MonkeyPatch.context() as patched:
        small = assignment.assign(found, 40, 40)
        patched.setattr(assignment, "LARGE", 1)
        large = assignment.assign(found, 40, 40)
    graph = listed(found)
    assert (len(as_dict(small)), cost_of(graph, as_dict(small))) == (
        len(as_dict(large)),
        cost_of(graph, as_dict(large)),
    )


def components_of(found: Pairs) -> list[Edges]:
    several = []
    for part in larger(components(found, 50, 50)) if found.count else ():
        rows, row = np.unique(found.order[part], return_inverse=True)
        columns, column = np.unique(found.record[part], return_inverse=True)
        several.append(Edges(len(rows), len(columns), row, column, found.seconds[part]))
    return several


def worth(edges: Edges, chosen: tuple[Ints, Ints]) -> tuple[int, int]:
    """Pairs and cost of a one-to-one choice among the edges."""
    costs = dict(zip(zip(edges.row.tolist(), edges.column.tolist(), strict=True), edges.cost.tolist(), strict=True))
    row, column = chosen[0].tolist(), chosen[1].tolist()
    assert len(set(row)) == len(row)
    assert len(set(column)) == len(column)
    return len(row), sum(costs[pair] for pair in zip(row, column, strict=True))


@given(GRAPHS, st.integers(0, 12))
def test_how_sure_an_order_is_follows_from_all_other_assignments(graph: Graph, margin: int) -> None:
    assigned = assignment.assign(pairs(graph), 5, 5)
    verdict = judge(pairs(graph), assigned, 5, margin)

    mine, everyone = as_dict(assigned), every_assignment(graph)
    best = cost_of(graph, mine)
    for order in {order for order, _, _ in graph}:
        others = [one for one in everyone if one.get(order) != mine.get(order)]
        least = min((cost_of(graph, one) - best for one in others), default=FAR_S)
        assert verdict.margin_s[order] == least
        is_open = least < margin
        if order not in mine:
            assert verdict.sureness[order] == (Sureness.AMBIGUOUS if is_open else Sureness.UNMATCHED)
        else:
            assert (verdict.sureness[order] == Sureness.CERTAIN) == (not is_open)


@given(GRAPHS, st.integers(1, 12))
def test_interchangeable_orders_are_matched_whatever_the_pairing(graph: Graph, margin: int) -> None:
    assigned = assignment.assign(pairs(graph), 5, 5)
    verdict = judge(pairs(graph), assigned, 5, margin)

    mine = as_dict(assigned)
    for order in (order for order in mine if verdict.sureness[order] == Sureness.INTERCHANGEABLE):
        for one in every_assignment(graph):
            if cost_of(graph, one) - cost_of(graph, mine) < margin:
                assert order in one


def test_many_nodes_are_weighed_like_few() -> None:
    rng = np.random.default_rng(5)
    steps = {(int(a), int(b)): float(c) for a, b, c in rng.integers(0, 10, (60, 3)) if a != b}
    with pytest.MonkeyPatch.context() as patched:
        few = sureness.cheapest(10, steps)
        patched.setattr(sureness, "FEW", 1)
        many = sureness.cheapest(10, steps)
    assert few == many
    assert any(cost < math.inf for way in few for cost in way)


def test_too_large_a_component_is_open_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sureness, "LARGEST", 1)
    graph = [(0, 0, 1), (0, 1, 30), (1, 0, 30), (1, 1, 1)]

    verdict = judge(pairs(graph), np.array([0, 1]), 2, 5)

    assert verdict.sureness.tolist() == [Sureness.AMBIGUOUS] * 2


def month(count: int, seed: int, *, skew: int = 30, machines: int = 8, days: int = 3) -> tuple[Facts, Facts, Ints]:
    """Orders, their receipts by the clocks of registers, and of each order its receipt."""
    rng = np.random.default_rng(seed)
    at = np.sort(rng.integers(0, days * 57_600, count))
    day, machine, price = at // 57_600, rng.integers(0, machines, count), rng.integers(0, 6, count)
    clock = rng.integers(-skew, skew + 1, (machines, days))
    nobody = np.full(count, NOBODY)
    receipts = at + rng.integers(-20, 41, count) + clock[machine, day]
    shuffled = rng.permutation(count)
    truth = np.empty(count, dtype=np.int64)
    truth[shuffled] = np.arange(count)
    records = Facts(receipts, day, price, machine + 3, nobody, nobody).only(shuffled)
    return Facts(at, day, price, machine, nobody, nobody), records, truth


def test_a_terminal_is_found_where_it_stands_by_its_shadow() -> None:
    orders, records, _ = month(2_000, 1, skew=200)

    stood = standing(orders, records, 300)

    placed = stood.machine != NOBODY
    assert placed.mean() > 0.9
    assert (stood.machine[placed] == records.party[placed] - 3).all()


def test_a_terminal_whose_name_tells_where_it_stands_needs_no_shadow() -> None:
    orders, records, _ = month(60, 1, skew=200)  # two or three records of a terminal and day

    named = standing(orders, replace(records, home=records.party - 3), 300)

    assert (named.machine == records.party - 3).all()
    assert (standing(orders, records, 300).machine == NOBODY).mean() > 0.1
    assert (named.ahead_s != 0).mean() > 0.5


def two_payments(machines: int, day: int = 0) -> tuple[Facts, Facts]:
    """Two payments of a terminal a minute and a half after sales of machine 1; a stranger sale lies by one of them."""
    sold = [(hour * 3_600, 9, machine, NOBODY) for hour, machine in enumerate(range(2, machines))]
    sales = [(40_000, 5, 1, NOBODY), (50_000, 5, 1, NOBODY), (50_140, 5, 0, NOBODY), *sold]
    return facts(sales, day), facts([(40_090, 5, 7, NOBODY), (50_095, 5, 7, NOBODY)], day)


def test_two_records_place_a_terminal_where_chance_would_hardly_put_them() -> None:
    orders, records = two_payments(machines=20)

    stood = standing(orders, records, 300)

    assert stood.machine.tolist() == [1, 1]
    assert stood.ahead_s.tolist() == [90, 90]
    found = match(orders, records, Tolerance())
    assert found.record[:3].tolist() == [0, 1, NOBODY]
    assert found.sureness[1] == Sureness.CERTAIN


def test_two_records_prove_nothing_in_a_network_of_two_machines() -> None:
    orders, records = two_payments(machines=2)

    assert (standing(orders, records, 300).machine == NOBODY).all()
    assert match(orders, records, Tolerance()).sureness[1] == Sureness.AMBIGUOUS


def test_how_many_machines_sold_on_other_days_is_no_evidence() -> None:
    few, records = two_payments(machines=2)
    many, _ = two_payments(machines=20, day=1)
    both = Facts(*(np.concatenate([getattr(few, column), getattr(many, column)]) for column in Facts.__slots__))

    assert (standing(both, records, 300).machine == NOBODY).all()


def test_a_terminal_of_many_machines_stands_nowhere() -> None:
    orders, records, _ = month(2_000, 1)

    stood = standing(orders, replace(records, party=records.party * 0), 300)

    assert (stood.machine == NOBODY).all()


def test_what_is_certain_is_right() -> None:
    orders, records, truth = month(4_000, 2, skew=120)

    found = match(orders, records, Tolerance())

    certain = found.sureness == Sureness.CERTAIN
    assert certain.mean() > 0.95
    assert (found.record == truth)[certain].mean() > 0.999
    assert len(set(found.record[found.record != NOBODY].tolist())) == (found.record != NOBODY).sum()


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_facts_changes_nothing(seed: int) -> None:
    orders, records, _ = month(900, 7)
    one = match(orders, records, Tolerance())
    rng = np.random.default_rng(seed)
    left, right = rng.permutation(orders.count), rng.permutation(records.count)

    other = match(orders.only(left), records.only(right), Tolerance())

    assert (other.sureness == one.sureness[left]).all()
    assert (other.margin_s == one.margin_s[left]).all()
    certain = other.sureness == Sureness.CERTAIN
    assert (right[other.record[certain]] == one.record[left][certain]).all()


def test_machines_whose_clock_is_wrong_find_payments_without_a_terminal() -> None:
    orders, records, truth = month(600, 3, skew=0, machines=4)
    slow = np.where(orders.party == 2, 50, 0)
    found = match(orders.late(-slow), replace(records, party=records.home), Tolerance())

    assert 40 <= np.median(found.machine_ahead_s[orders.party == 2]) <= 70
    certain = found.sureness == Sureness.CERTAIN
    assert (found.record == truth)[certain].mean() > 0.99


def test_a_named_gateway_is_believed() -> None:
    orders = facts([(0, 0, 0, 1), (0, 0, 1, NOBODY)])
    records = facts([(1, 0, NOBODY, 0), (20, 0, NOBODY, 1)])

    found = match(orders, records, Tolerance())

    assert found.record.tolist() == [1, 0]


def crowd(orders: int, records: int, within: int = 60) -> Matching:
    left = [(n * within // orders, 5, n % 7, NOBODY) for n in range(orders)]
    right = [(n * within // max(records, 1), 5, NOBODY, NOBODY) for n in range(records)]
    return match(facts(left), facts(right), Tolerance())


def test_ten_thousand_equal_amounts_in_a_minute_are_matched_as_a_whole() -> None:
    found = crowd(10_000, 10_000)

    assert (found.sureness == Sureness.INTERCHANGEABLE).all()
    assert sorted(found.record.tolist()) == list(range(10_000))


def test_a_crowd_that_does_not_come_out_even_is_open() -> None:
    found = crowd(10_000, 9_999)

    assert (found.sureness == Sureness.AMBIGUOUS).all()
    assert (found.record == NOBODY).all()


def test_a_crowd_of_several_gateways_is_open() -> None:
    left = [(n // 20, 5, 0, n % 2) for n in range(1_000)]
    right = [(n // 20, 5, NOBODY, (n + 1) % 2) for n in range(1_000)]

    assert (match(facts(left), facts(right), Tolerance()).sureness == Sureness.AMBIGUOUS).all()


@pytest.mark.parametrize(("left", "right"), [([], []), ([(0, 0, 0, -1)], []), ([], [(0, 0, 0, -1)])])
def test_nothing_is_matched_with_nothing(left: list[Fact], right: list[Fact]) -> None:
    found = match(facts(left), facts(right), Tolerance())

    assert found.record.tolist() == [NOBODY] * len(left)
    assert found.sureness.tolist() == [Sureness.UNMATCHED] * len(left)


def test_a_median_is_the_lower_one_and_none_is_nothing() -> None:
    assert medians(np.array([0, 0, 2, 2, 2]), np.array([4, 1, 9, 7, 8]), 4).tolist() == [1, 0, 8, 0]
