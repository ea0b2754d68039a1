"""What is matched: orders on one side, records on the other, as columns of numbers."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

NOBODY = -1
"""In place of a machine, a terminal, a gateway or a counterpart that is not known."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One side, a fact a place. All arrays have one length.

    `at` are instants in whole seconds, `day` their business days as numbers, `price` numbers the amounts together
    with their currencies: equal ones may be matched. `party` is the machine of an order or the terminal (register, cash
    desk) of a record; `channel` the gateway, as the order names it or as the record is of; NOBODY where not known.
    """

    at: Ints
    day: Ints
    price: Ints
    party: Ints
    channel: Ints
    home: Ints

    @property
    def count(self) -> int:
        """How many."""
        return len(self.at)

    def only(self, wanted: Ints) -> "Facts":
        """Those at some places."""
        return Facts(*(getattr(self, column)[wanted] for column in Facts.__slots__))

    def late(self, seconds: Ints) -> "Facts":
        """The same facts, each so many seconds later."""
        return replace(self, at=self.at + seconds)

    def priced(self, price: Ints) -> "Facts":
        """The same facts, with something else to be equal in."""
        return replace(self, price=price)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Candidates: places of orders and records that may belong together, and the seconds between them."""

    order: Ints
    record: Ints
    seconds: Ints

    @property
    def count(self) -> int:
        """How many."""
        return len(self.order)

    def only(self, wanted: Flags) -> "Pairs":
        """Some of them."""
        return Pairs(self.order[wanted], self.record[wanted], self.seconds[wanted])

    def of_records(self, place: Ints) -> "Pairs":
        """The same pairs, where records are numbered by their `place` in a longer list."""
        return Pairs(self.order, place[self.record], self.seconds)


def joined(*some: Pairs) -> Pairs:
    """All of several candidates."""
    return Pairs(
        np.concatenate([pairs.order for pairs in some]),
        np.concatenate([pairs.record for pairs in some]),
        np.concatenate([pairs.seconds for pairs in some]),
    )


def day_by_day(orders: Facts, records: Facts) -> tuple[Facts, Facts]:
    """Both sides with their days as part of what must be equal: nothing of one day has a say in another."""
    days = np.concatenate([orders.day, records.day])
    first, many = int(days.min(initial=0)), int(days.max(initial=0)) - int(days.min(initial=0)) + 1
    return (
        orders.priced(orders.price * many + orders.day - first),
        records.priced(records.price * many + records.day - first),
    )
