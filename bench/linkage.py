"""A baseline of `bench.reconcile`: Splink, probabilistic record linkage after Fellegi and Sunter, which learns without
examples how much an agreement weighs.

It is told what our matcher is told: the price and the business day, which must be equal, how far apart two facts may
be, the machine where the name of a terminal tells it, and the gateway. Clocks and terminals without a telling name are
no pairs, so there is nothing in its model to express them with.
"""

from typing import Any

import numpy as np
import splink.comparison_level_library as levels
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.blocking_rule_library import CustomRule
from splink.comparison_library import CustomComparison, ExactMatch

from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Ints

APART_S = (5, 15, 30, 60, 120, 180)
"""Levels of the comparison of times: clocks are minutes wrong, and beyond a level there is nothing to tell apart."""

LIKELY = 0.5
"""Probability of a match from which on a pair is one."""

SAMPLED_PAIRS = 1e8
"""The most random pairs to learn from how often strangers agree: as many as the manual asks for."""

SEED = 1


def linked(orders: Facts, records: Facts, reach_s: int) -> Ints:
    """Of each order the record that Splink finds, or NOBODY; one to one, the likeliest pair first."""
    database = DuckDBAPI()
    linker = Linker(
        [
            database.register(_columns(orders, orders.party), dataset_display_name="orders"),
            database.register(_columns(records, records.home), dataset_display_name="records"),
        ],
        _model(orders, records, reach_s),
        log_level="ERROR",
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=SAMPLED_PAIRS, seed=SEED)
    # what a pass blocks on it cannot learn: the first one leaves out the price, the second one the time
    linker.training.estimate_parameters_using_expectation_maximisation(_close(reach_s))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("price", "day"))
    found = linker.inference.predict(threshold_match_probability=LIKELY)
    return _one_to_one(found.as_dict(), orders, records)


def _columns(facts: Facts, machine: Ints) -> dict[str, list[int | None]]:
    """A table as Splink reads it."""
    return {
        "unique_id": list(range(facts.count)),
        "second": facts.at.tolist(),
        "day": facts.day.tolist(),
        "price": facts.price.tolist(),
        "machine": _or_null(machine),
        "channel": _or_null(facts.channel),
    }


def _or_null(values: Ints) -> list[int | None]:
    return [None if value == NOBODY else value for value in values.tolist()]


def _model(orders: Facts, records: Facts, reach_s: int) -> SettingsCreator:
    """What is compared. Nearly every order has one record, so that is how likely two random facts are a pair."""
    compared: list[CustomComparison | ExactMatch] = [_time(reach_s), ExactMatch("price")]
    if (records.home != NOBODY).any():
        compared.append(ExactMatch("machine"))
    if (orders.channel != NOBODY).any():
        compared.append(ExactMatch("channel"))
    return SettingsCreator(
        link_type="link_only",
        comparisons=[*compared],
        blocking_rules_to_generate_predictions=[_close(reach_s, "l.price = r.price")],
        probability_two_random_records_match=1 / max(orders.count, records.count),
    )


def _time(reach_s: int) -> CustomComparison:
    """Seconds apart, in levels: the library has such a comparison for timestamps of ISO 8601 only."""
    apart = [levels.AbsoluteDifferenceLevel("second", seconds) for seconds in (*APART_S, reach_s)]
    return CustomComparison([levels.NullLevel("second"), *apart, levels.ElseLevel()], "second")


def _close(reach_s: int, *more: str) -> CustomRule:
    """Pairs of a business day within reach of each other."""
    return CustomRule(" and ".join([*more, "l.day = r.day", f"abs(l.second - r.second) <= {reach_s}"]))


def _one_to_one(pairs: dict[str, list[Any]], orders: Facts, records: Facts) -> Ints:
    """The likeliest pair first, of equally likely ones the nearest: levels leave many equal."""
    order, record = np.array(pairs["unique_id_l"], dtype=np.int64), np.array(pairs["unique_id_r"], dtype=np.int64)
    apart = np.abs(records.at[record] - orders.at[order])
    free = np.ones(records.count, dtype=np.bool_)
    chosen = np.full(orders.count, NOBODY)
    for place in np.lexsort((record, order, apart, -np.array(pairs["match_weight"]))):
        if chosen[order[place]] == NOBODY and free[record[place]]:
            chosen[order[place]], free[record[place]] = record[place], False
    return chosen
