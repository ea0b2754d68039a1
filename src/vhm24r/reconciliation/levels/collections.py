"""Cash per machine between collections: what was taken out, against what was sold for cash meanwhile.

The cash sold in a period is asked of the database, which adds it up; here are the periods to ask for, and the verdict.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby


class CollectionStatus(StrEnum):
    """How the cash of a period compares with what was expected."""

    OK = "ok"
    SHORT = "short"
    OVER = "over"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class CollectionRules:
    """By how much collected cash may differ from what is expected: `permille` of it, at `least` so many minor units."""

    permille: int = 10
    least: int = 1000_00


@dataclass(frozen=True, slots=True)
class Collection:
    """Cash taken out of a machine at an instant (aware, UTC); minor units."""

    record_id: int
    machine: str
    at: datetime
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Period:
    """What a machine took in one currency after `since` and up to `until`, that instant included.

    `collected` is what was taken out at `until`, minor units, by the records `record_ids` in ascending order, of which
    `record_id` is the first. `since` is None before the first collection that is known.
    """

    record_id: int
    machine: str
    currency: str
    since: datetime | None
    until: datetime
    collected: int
    record_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Weighed:
    """Collected less expected, minor units, and what that means. Of a FIRST period the difference means nothing."""

    difference: int
    status: CollectionStatus


def periods(collections: Iterable[Collection]) -> list[Period]:
    """The periods that collections end, by machine, currency and time; collections of one instant end one together."""
    ended: dict[tuple[str, str, datetime], list[Collection]] = defaultdict(list)
    for collection in collections:
        ended[collection.machine, collection.currency, collection.at].append(collection)
    found: list[Period] = []
    for (machine, currency), ends in groupby(sorted(ended), key=lambda end: end[:2]):
        since: datetime | None = None
        for end in ends:
            records = tuple(sorted(collection.record_id for collection in ended[end]))
            collected = sum(collection.amount for collection in ended[end])
            found.append(Period(records[0], machine, currency, since, end[2], collected, records))
            since = end[2]
    return found


def weigh(period: Period, expected: int, rules: CollectionRules = CollectionRules()) -> Weighed:
    """Compare what was collected with the cash sales of the period, minor units."""
    difference = period.collected - expected
    if period.since is None:
        return Weighed(difference, CollectionStatus.FIRST)
    if abs(difference) <= max(rules.least, expected * rules.permille // 1000):
        return Weighed(difference, CollectionStatus.OK)
    return Weighed(difference, CollectionStatus.SHORT if difference < 0 else CollectionStatus.OVER)
