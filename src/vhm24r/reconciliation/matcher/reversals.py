"""Money that went back: a return cancels the sale it belongs to, and neither is matched with a live order.

A return names no sale. It is of one terminal and price, and later; of several sales that fit the last one before it is
taken, since money goes back soon or not at all. Without a terminal several that fit are too many.
"""

from dataclasses import dataclass

import numpy as np

from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Flags, Ints


@dataclass(frozen=True, slots=True)
class Reversals:
    """Of each record: the sale that it takes back (`of`), or NOBODY; and whether it is taken back itself."""

    of: Ints
    taken_back: Flags


def reversals(records: Facts, returned: Flags, within_s: int) -> Reversals:
    """Find the sale of every return, at most `within_s` seconds before it; one sale is taken back once.

    A return that finds none is no sale either.
    """
    of = np.full(records.count, NOBODY)
    taken_back = np.zeros(records.count, dtype=np.bool_)
    in_time = np.lexsort((np.arange(records.count), returned, records.at, records.price, records.party))
    open_sales: list[int] = []
    before: tuple[int, int] | None = None
    for record in in_time.tolist():
        key = (int(records.party[record]), int(records.price[record]))
        if key != before:
            open_sales, before = [], key
        if not returned[record]:
            open_sales.append(record)
        elif open_sales and records.at[record] - records.at[open_sales[-1]] <= within_s:
            rival = len(open_sales) > 1 and records.at[record] - records.at[open_sales[-2]] <= within_s
            if rival and records.party[record] == NOBODY:
                continue
            of[record] = open_sales.pop()
            taken_back[of[record]] = True
    return Reversals(of, taken_back)
