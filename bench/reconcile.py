"""Matching on a planted month: how much is right, how much is decided, in what time, beside the rule it replaces and
beside Splink.

A network is planted with its truth: machines, registers and gateways, clocks that are wrong, late and missing records,
wrong amounts, strangers, each more or less (`Noise`). Receipts are matched with cash orders and payments with QR
orders, as two runs of the matcher. `python -m bench.reconcile [--orders 20000 100000] [--noise usual heavy quiet]`.
"""

import argparse
import itertools
import resource
import time
from collections.abc import Iterator, Sequence
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
CASH, QR = 0.45, 0.45
GATEWAYS = ("payme", "click", "uzum")
UNNAMED = 0.1
"""Share of QR orders of which the sales system does not name the gateway."""

NAMED = 0.5
"""Share of terminals whose name tells at which machine they stand."""

BASELINES_MOST = 20_000
"""The old rule takes the square of the number: beyond this it is left out, and so is Splink."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How bad a month is: clocks of terminals up to `skew_s` wrong, `daily` anew or by the same all month; shares of
    records that are missing, strangers, of a wrong amount; how early and late records are by a clock that is right.
    """

    name: str
    skew_s: int
    daily: bool
    missing: float
    stranger: float
    wrong: float
    earliest_s: int = -20
    latest_s: int = 40

    @property
    def delay_s(self) -> int:
        """How late a record is in the middle."""
        return (self.earliest_s + self.latest_s) // 2


QUIET = Noise("quiet", skew_s=20, daily=False, missing=0.005, stranger=0.005, wrong=0.001)
USUAL = Noise("usual", skew_s=120, daily=True, missing=0.02, stranger=0.01, wrong=0.005)
HEAVY = Noise("heavy", skew_s=180, daily=True, missing=0.05, stranger=0.03, wrong=0.01)
NOISES = {noise.name: noise for noise in (QUIET, USUAL, HEAVY)}

Run = tuple[Noise, int]
RUNS: list[Run] = [(USUAL, 20_000), (HEAVY, 20_000), (USUAL, 100_000), (QUIET, 100_000), (USUAL, 1_000_000)]
"""Noise and number of orders of what is run when nothing is asked for."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Orders and records of one kind, and what nobody who matches them knows: of each order its record, and the
    seconds its record would be late if all clocks were right.
    """

    name: str
    noise: Noise
    orders: Facts
    records: Facts
    truth: Ints
    clock_s: Ints


def planted(rng: np.random.Generator, count: int, name: str, noise: Noise, terminals: Flags) -> Planted:
    """Orders of a month, and the records that prove them. `terminals`: which gateways know where a payment was made."""
    at = np.sort(rng.integers(0, DAYS * OPEN_S, count))
    day, machine, price = at // OPEN_S, rng.integers(0, MACHINES, count), rng.integers(0, PRICES, count)
    channel = rng.integers(0, len(terminals), count)
    clocks = rng.integers(-noise.skew_s, noise.skew_s + 1, (MACHINES, DAYS))
    clock = clocks[machine, day if noise.daily else 0]
    clock = np.where(terminals[channel], clock, 0)
    named = np.where((rng.random(count) < UNNAMED) | (len(terminals) == 1), NOBODY, channel)
    nobody = np.full(count, NOBODY)
    orders = Facts(at, day, price, machine, named, nobody)
    said = np.where(rng.random(count) < noise.wrong, PRICES + price, price)
    terminal = np.where(terminals[channel], channel * MACHINES + machine, NOBODY)
    actual = np.where(len(terminals) == 1, NOBODY, channel)
    late = rng.integers(noise.earliest_s, noise.latest_s + 1, count)
    tells = (rng.random((len(terminals), MACHINES)) < NAMED)[channel, machine] & (terminal != NOBODY)
    true = Facts(at + late + clock, day, said, terminal, actual, np.where(tells, machine, NOBODY))
    kept = np.flatnonzero(rng.random(count) >= noise.missing)
    strange = rng.choice(count, int(count * noise.stranger), replace=False)
    moved = true.only(strange).late(rng.integers(1_800, 36_000, len(strange)))
    records = Facts(
        *(np.concatenate([getattr(true.only(kept), column), getattr(moved, column)]) for column in Facts.__slots__)
    )
    truth = np.full(count, NOBODY)
    truth[kept] = np.arange(len(kept))
    return Planted(name, noise, orders, records, truth, np.concatenate([clock[kept], clock[strange]]))


def decidable(month: Planted, tolerance: Tolerance) -> Flags:
    """Which orders could be decided by somebody who knows every clock and where every terminal stands: their true
    record is in every assignment within the margin of the best one.
    """
    there = month.orders.priced(month.orders.price * (MACHINES + 1) + month.orders.party + 1)
    machine = np.where(month.records.party == NOBODY, NOBODY, month.records.party % MACHINES)
    right = month.records.late(-month.clock_s - month.noise.delay_s)
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


def greedy(orders: Facts, records: Facts, window_s: int) -> Ints:
    """The rule before: order by order the nearest record of its price that is still free."""
    free = np.ones(records.count, dtype=np.bool_)
    chosen = np.full(orders.count, NOBODY)
    for order in range(orders.count):
        away = np.abs(records.at - orders.at[order])
        places = np.flatnonzero(free & (records.price == orders.price[order]) & (away <= window_s))
        if len(places):
            nearest = places[away[places].argmin()]
            chosen[order], free[nearest] = nearest, False
    return chosen


def line(month: Planted, who: str, seconds: float, record: Ints, decided: Flags, open_ones: Sequence[str]) -> list[str]:
    """What became of a month: `record` is what `who` found for each order, `decided` where it claims to be right."""
    real = month.truth != NOBODY
    hits = (record == month.truth) & real
    could = decidable(month, Tolerance())
    return [
        f"{month.name}, {who}",
        month.noise.name,
        f"{month.orders.count:,}",
        f"{seconds:.2f}",
        f"{hits[decided].mean():.3%}",
        f"{decided[real].mean():.2%}",
        f"{(decided & hits)[could].mean():.2%}",
        f"{could[real].mean():.2%}",
        *open_ones,
        f"{hits.sum() / real.sum():.2%}",
    ]


HEADER = [
    "records",
    "noise",
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


def ours(month: Planted) -> list[str]:
    """The line of our matcher, which may say that it does not know."""
    started = time.perf_counter()
    found = match(month.orders, month.records, Tolerance())
    seconds = time.perf_counter() - started
    open_ones = [
        f"{(found.sureness == sureness).mean():.2%}" for sureness in (Sureness.INTERCHANGEABLE, Sureness.AMBIGUOUS)
    ]
    return line(month, "ours", seconds, found.record, found.sureness == Sureness.CERTAIN, open_ones)


def baselines(month: Planted) -> list[list[str]]:
    """The lines of those who are always certain."""
    from bench.linkage import linked  # here, for its database would count as memory of ours

    lines = []
    for who, rule, within_s in (
        ("nearest first", greedy, Tolerance().window_s),
        ("splink", linked, Tolerance().reach_s),
    ):
        started = time.perf_counter()
        chosen = rule(month.orders, month.records, within_s)
        lines.append(line(month, who, time.perf_counter() - started, chosen, chosen != NOBODY, ("", "")))
    return lines


def months(runs: Sequence[Run], seed: int) -> Iterator[Planted]:
    """The receipts of each run, then its payments; the same ones every time."""
    for noise, count in runs:
        rng = np.random.default_rng(seed)
        yield planted(rng, int(count * CASH), f"receipts of {count:,}", noise, np.array([True]))
        yield planted(rng, int(count * QR), f"payments of {count:,}", noise, np.array([True, True, False]))


def main() -> None:
    """Parse arguments, plant, match, print."""
    parser = argparse.ArgumentParser(description="Matching benchmark")
    parser.add_argument("--orders", type=int, nargs="*")
    parser.add_argument("--noise", choices=sorted(NOISES), nargs="*")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asked = [(NOISES[name], count) for name in given.noise or ["usual"] for count in given.orders or [20_000]]
    runs = asked if given.noise or given.orders else RUNS
    lines = [[ours(month)] for month in months(runs, given.seed)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for of_month, month in zip(lines, months(runs, given.seed), strict=True):
        if month.orders.count <= BASELINES_MOST:
            of_month.extend(baselines(month))
    print(table([HEADER, *itertools.chain(*lines)]))
    print(f"\nPeak memory of ours: {peak:.0f} MiB")


if __name__ == "__main__":
    main()
