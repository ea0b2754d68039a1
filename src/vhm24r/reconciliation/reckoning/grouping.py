"""Grouping by several columns of numbers at once."""

from dataclasses import dataclass

import numpy as np

from vhm24r.reconciliation.matcher.facts import Ints

MOST = 2**62


@dataclass(frozen=True, slots=True)
class Groups:
    """The different rows of some columns, column by column, and of each row which of them it is."""

    names: tuple[Ints, ...]
    of: Ints

    @property
    def count(self) -> int:
        """How many groups."""
        return len(self.names[0])

    def sums(self, values: Ints, members: Ints | slice = slice(None)) -> Ints:
        """The sum of the values of each group; `members` are whose values they are. Exact, whatever their size."""
        total = np.zeros(self.count, dtype=np.int64)
        np.add.at(total, self.of[members], values)
        return total

    def sizes(self, members: Ints | slice = slice(None)) -> Ints:
        """How many rows each group has."""
        return np.bincount(self.of[members], minlength=self.count)


def grouped(*columns: Ints) -> Groups:
    """Group rows that are equal in all columns; groups are in the order of the columns."""
    if not len(columns[0]):
        return Groups(columns, columns[0])
    key = np.zeros(len(columns[0]), dtype=np.int64)
    room = 1
    for column in columns:
        low, span = int(column.min()), int(column.max()) - int(column.min()) + 1
        room *= span
        if room > MOST:
            raise ValueError("too many different values to be one number")
        key = key * span + (column - low)
    _, first, of = np.unique(key, return_index=True, return_inverse=True)
    return Groups(tuple(column[first] for column in columns), of)
