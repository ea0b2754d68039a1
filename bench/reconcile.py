"""Matching on a planted month: how much is right, how much is decided, in what time, beside the rule it replaces.

A network is planted with its truth: machines, registers and gateways, clocks that are wrong, late and missing records,
wrong amounts, strangers. Receipts are matched with cash orders and payments with QR orders, as two runs of the matcher.
`python -m bench.reconcile [--orders 20000 100000 1000000]`.
"""

import argparse
import resource
import time
from dataclasses import dataclass

import numpy as np

from bench.measuring import table
from vhm24r.reconciliation.matcher.assignment import assign
from vhm24r.reconciliation.matcher.candidates import candidates
from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Flags, Ints, joined
from vhm24r.reconciliation.matcher.matching import Tolerance, match
from vhm24r.reconciliation.matcher.sureness import Sureness, judge

MACHINES, DAYS, PRICES = 50, 30, 6
OPEN_S = 16 * 3600
EARLIEST_S, LATEST_S = -20, 40
SKEW_S = 120
MISSING, STRANGER, WRONG = 0.02, 0.01, 0.005
CASH, QR = 0.45, 0.45
GATEWAYS = ("payme", "click", "uzum")
UNNAMED = 0.1
"""Share of QR orders of which the sales system does not name the gateway."""

NAMED = 0.5
"""Share of terminals whose name tells at which machine they stand."""

GREEDY_MOST = 20_000
"""The old rule takes the square of the number: beyond this it is left out."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Orders and records of one kind, and what nobody who matches them knows: of each order its record, and the
    seconds its record would be late if all clocks were right.
    """

    name: str
    orders: Facts
    records: Facts
    truth: Ints
    clock_s: Ints


def planted(rng: np.random.Generator, count: int, name: str, terminals: Flags) -> Planted:
    """Orders of a month, and the records that prove them. `terminals`: which gateways know where a payment was made."""
    at = np.sort(rng.integers(0, DAYS * OPEN_S, count))
    day, machine, price = at // OPEN_S, rng.integers(0, MACHINES, count), rng.integers(0, PRICES, count)
    channel = rng.integers(0, len(terminals), count)
    clock = rng.integers(-SKEW_S, SKEW_S + 1, (MACHINES, DAYS))[machine, day]
    clock = np.where(terminals[channel], clock, 0)
    named = np.where((rng.random(count) < UNNAMED) | (len(terminals) == 1), NOBODY, channel)
    nobody = np.full(count, NOBODY)
    orders = Facts(at, day, price, machine, named, nobody)
    said = np.where(rng.random(count) < WRONG, PRICES + price, price)
    terminal = np.where(terminals[channel], channel * MACHINES + machine, NOBODY)
    actual = np.where(len(terminals) == 1, NOBODY, channel)
    late = rng.integers(EARLIEST_S, LATEST_S + 1, count)
    tells = (rng.random((len(terminals), MACHINES)) < NAMED)[channel, machine] & (terminal != NOBODY)
    true = Facts(at + late + clock, day, said, terminal, actual, np.where(tells, machine, NOBODY))
    kept = np.flatnonzero(rng.random(count) >= MISSING)
    strange = rng.choice(count, int(count * STRANGER), replace=False)
    moved = true.only(strange).late(rng.integers(1_800, 36_000, len(strange)))
    records = Facts(
        *(np.concatenate([getattr(true.only(kept), column), getattr(moved, column)]) for column in Facts.__slots__)
    )
    truth = np.full(count, NOBODY)
    truth[kept] = np.arange(len(kept))
    return Planted(name, orders, records, truth, np.concatenate([clock[kept], clock[strange]]))


def decidable(month: Planted, tolerance: Tolerance) -> Flags:
    """Which orders could be decided by somebody who knows every clock and where every terminal stands: their true
    record is in every assignment within the margin of the best one.
    """
    there = month.orders.priced(month.orders.price * (MACHINES + 1) + month.orders.party + 1)
    machine = np.where(month.records.party == NOBODY, NOBODY, month.records.party % MACHINES)
    usual = (EARLIEST_S + LATEST_S) // 2
    right = month.records.late(-month.clock_s - usual)
    known = np.flatnonzero(machine != NOBODY)
    near, _ = candidates(
        there, right.priced(right.price * (MACHINES + 1) + machine + 1).only(known), tolerance.window_s
    )
    nowhere = np.flatnonzero(machine == NOBODY)
    far, _ = candidates(month.orders, right.only(nowhere), tolerance.window_s)
    pairs = joined(near.of_records(known), far.of_records(nowhere))
    best = assign(pairs, month.orders.count, month.records.count)
    verdict = judge(pairs, best, month.records.count, tolerance.margin_s)
    return np.asarray((verdict.sureness == Sureness.CERTAIN) & (best == month.truth))


def greedy(month: Planted, window_s: int) -> Ints:
    """The rule before: order by order the nearest record of its price that is still free."""
    free = np.ones(month.records.count, dtype=np.bool_)
    chosen = np.full(month.orders.count, NOBODY)
    for order in range(month.orders.count):
        away = np.abs(month.records.at - month.orders.at[order])
        fits = free & (month.records.price == month.orders.price[order]) & (away <= window_s)
        places = np.flatnonzero(fits)
        if len(places):
            nearest = places[away[places].argmin()]
            chosen[order], free[nearest] = nearest, False
    return chosen


def measured(month: Planted) -> list[list[str]]:
    """The lines of one kind of record."""
    tolerance = Tolerance()
    started = time.perf_counter()
    found = match(month.orders, month.records, tolerance)
    seconds = time.perf_counter() - started
    real = month.truth != NOBODY
    certain = found.sureness == Sureness.CERTAIN
    right = found.record == month.truth
    could = decidable(month, tolerance)
    lines = [
        [
            f"{month.name}, ours",
            f"{month.orders.count:,}",
            f"{seconds:.2f}",
            f"{right[certain].mean():.3%}",
            f"{certain[real].mean():.2%}",
            f"{(certain & right)[could].mean():.2%}",
            f"{could[real].mean():.2%}",
            f"{(found.sureness == Sureness.INTERCHANGEABLE).mean():.2%}",
            f"{(found.sureness == Sureness.AMBIGUOUS).mean():.2%}",
            f"{((found.record == month.truth) & real).sum() / real.sum():.2%}",
        ]
    ]
    if month.orders.count <= GREEDY_MOST:
        started = time.perf_counter()
        chosen = greedy(month, tolerance.window_s)
        seconds, some = time.perf_counter() - started, chosen != NOBODY
        hits = chosen == month.truth
        lines.append(
            [
                f"{month.name}, nearest first",
                f"{month.orders.count:,}",
                f"{seconds:.2f}",
                f"{hits[some].mean():.3%}",
                f"{some[real].mean():.2%}",
                f"{(hits & some)[could].mean():.2%}",
                "",
                "",
                "",
                f"{(hits & real).sum() / real.sum():.2%}",
            ]
        )
    return lines


HEADER = [
    "records",
    "orders",
    "s",
    "precision of what is certain",
    "certain",
    "of the decidable",
    "decidable",
    "interchangeable",
    "ambiguous",
    "right in all",
]


def main() -> None:
    """Parse arguments, plant, match, print."""
    parser = argparse.ArgumentParser(description="Matching benchmark")
    parser.add_argument("--orders", type=int, nargs="*", default=[20_000, 100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    lines = [HEADER]
    for count in given.orders:
        rng = np.random.default_rng(given.seed)
        lines += measured(planted(rng, int(count * CASH), f"receipts of {count:,}", np.array([True])))
        lines += measured(planted(rng, int(count * QR), f"payments of {count:,}", np.array([True, True, False])))
    print(table(lines))
    print(f"\nPeak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
