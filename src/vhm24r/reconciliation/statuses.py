"""The status of an order: a pure function of what is known of it (decisions 8).

Everything that holds of an order is found; the status is the first of it in the order of precedence, and the rest stays
visible as reasons.
"""

from dataclasses import dataclass

import numpy as np

from vhm24r.orders.types import MatchStatus
from vhm24r.reconciliation.matcher.facts import Flags


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of orders, an order a place.

    `by_machine`, `by_sales`: who reports it. `needs_receipt`, `needs_payment`: its payment method asks for one, and the
    source that has them covers its day. `free`: its method needs neither, whatever is covered (VIP, test, credit).
    `has_receipt`, `has_payment`: one is matched with it. `is_open`: a document it needs might as well be another's.
    """

    by_machine: Flags
    by_sales: Flags
    number_conflict: Flags
    refunded: Flags
    price_differs: Flags
    time_out_of_range: Flags
    free: Flags
    needs_receipt: Flags
    has_receipt: Flags
    needs_payment: Flags
    has_payment: Flags
    is_open: Flags


def findings(known: Known) -> dict[MatchStatus, Flags]:
    """Of every status the orders it holds of, in the order of precedence; MATCHED holds of all."""
    lacks_payment = known.needs_payment & ~known.has_payment
    lacks_receipt = known.needs_receipt & ~known.has_receipt
    needs = known.needs_receipt | known.needs_payment
    return {
        MatchStatus.NUMBER_CONFLICT: known.number_conflict,
        MatchStatus.REFUNDED: known.refunded,
        MatchStatus.VENDHUB_ONLY: known.by_sales & ~known.by_machine,
        MatchStatus.HW_ONLY: ~known.by_sales,
        MatchStatus.PRICE_MISMATCH: known.price_differs,
        MatchStatus.TIME_OUT_OF_RANGE: known.time_out_of_range,
        MatchStatus.AMBIGUOUS_MATCH: known.is_open,
        MatchStatus.GATEWAY_MISMATCH: lacks_payment,
        MatchStatus.FISCAL_MISMATCH: lacks_receipt,
        MatchStatus.FULLY_MATCHED: known.free | (needs & ~lacks_payment & ~lacks_receipt),
        MatchStatus.MATCHED: np.ones_like(known.by_sales),
    }


def statuses(known: Known) -> list[MatchStatus]:
    """The status of each order."""
    found = findings(known)
    first = np.argmax(np.stack(list(found.values())), axis=0)
    names = list(found)
    return [names[place] for place in first.tolist()]
