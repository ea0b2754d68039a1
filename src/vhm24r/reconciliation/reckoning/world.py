"""All that is known of some days, as columns of numbers; places in arrays stand for orders and records."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vhm24r.evidence.types import SourceName
from vhm24r.reconciliation.matcher.facts import Flags, Ints
from vhm24r.reconciliation.types import COMPARED, GATEWAYS, MONEY_SOURCES

UNKNOWN = -(2**62)
"""In place of an instant or an amount that is not known."""

FARTHEST_S = 3 * 3_600
"""A clock that is further off has lost its day, not its minutes: nothing is put right by it."""

DELAYS_S = 600
"""More than what terminals are usually late by."""

METHODS = ("cash", "qr", "vip", "credit", "card", "test")
CASH, QR, VIP, CREDIT, CARD, TEST = range(len(METHODS))
"""How an order is paid; -1 where nobody says."""

CURRENCIES = ("", "EUR", "GBP", "KZT", "RUB", "UAH", "USD", "UZS")

SOURCES = tuple(SourceName)
"""A source is its place here."""

SOURCE = {name: place for place, name in enumerate(SOURCES)}
HAPPY_WORKERS, VENDHUB, FISCAL = (
    SOURCE[name] for name in (SourceName.HAPPY_WORKERS, SourceName.VENDHUB, SourceName.FISCAL)
)
GATEWAY_PLACES = tuple(SOURCE[name] for name in GATEWAYS)


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders, sorted by the instant they were paid at and their key.

    `key` tells orders of one instant apart whatever files they came from; `day` is the business day of creation, as a
    number of days since 1970; `created` to `until` is its lifetime, `back_at` when its money went back. Instants are
    seconds since 1970.
    """

    id: Ints
    key: Ints
    day: Ints
    at: Ints
    created: Ints
    until: Ints
    back_at: Ints
    amount: Ints
    currency: Ints
    method: Ints
    machine: Ints
    refunded: Flags
    by_hand: Flags
    conflict: Flags

    @property
    def count(self) -> int:
        """How many."""
        return len(self.id)


@dataclass(frozen=True, slots=True)
class Sales:
    """Records that name their order: `order` is its place. `gateway` is the source its payment came by, or -1."""

    record: Ints
    order: Ints
    source: Ints
    at: Ints
    amount: Ints
    currency: Ints
    gateway: Ints

    def without(self, source: int) -> "Sales":
        """Those of other sources."""
        kept = self.source != source
        return Sales(*(getattr(self, column)[kept] for column in Sales.__slots__))


@dataclass(frozen=True, slots=True)
class Records:
    """Records that name no order, sorted by time and key.

    `stated` is the amount as reported, `amount` the same less the commission where reports contain it; `account` is the
    register of a receipt; `terminal` and `machine` are -1 where not known.
    """

    record: Ints
    key: Ints
    day: Ints
    source: Ints
    at: Ints
    stated: Ints
    amount: Ints
    fee: Ints
    currency: Ints
    terminal: Ints
    account: Ints
    machine: Ints
    is_return: Flags
    is_reversed: Flags

    @property
    def count(self) -> int:
        """How many."""
        return len(self.record)


@dataclass(frozen=True, slots=True)
class Aside:
    """Records that name an order which takes no part: of another shop, or cancelled by a person."""

    day: Ints
    source: Ints
    amount: Ints
    currency: Ints
    cancelled: Flags


@dataclass(frozen=True, slots=True)
class Together:
    """A pair made by hand, both of which stand, on whatever days: ids, the record's source (its place), the order's
    machine, and whether the record is of money that went back.
    """

    record: int
    order: int
    source: int
    machine: int = -1
    goes_back: bool = False


@dataclass(frozen=True, slots=True)
class Decisions:
    """What people have said: pairs that belong together, and ids of records and orders that do not."""

    together: tuple[Together, ...] = ()
    apart: tuple[tuple[int, int], ...] = ()

    def sources(self, wanted: tuple[int, ...]) -> dict[int, int]:
        """Of orders that have a record of some sources by hand, whose money stayed: which source."""
        return {pair.order: pair.source for pair in self.together if pair.source in wanted and not pair.goes_back}


@dataclass(frozen=True, slots=True)
class Limits:
    """The rules in force, as decisions 9 and the settings have them. Windows are seconds by source."""

    used: Mapping[SourceName, bool] = field(default_factory=lambda: dict.fromkeys(COMPARED, True))
    window_s: Mapping[SourceName, int] = field(default_factory=lambda: dict.fromkeys(MONEY_SOURCES, 60))
    sale_window_s: int = 60
    margin_s: int = 60
    reach_s: int = 300
    return_within_s: int = 7_200
    card_receipts: bool = False

    @property
    def widest_s(self) -> int:
        """The widest of the windows."""
        return max(self.window_s.values())

    @property
    def linked_within_s(self) -> int:
        """Facts further apart than this are never linked: a clock put right, a window, a delay, a return."""
        return FARTHEST_S + max(self.widest_s, self.sale_window_s, self.reach_s) + self.return_within_s + DELAYS_S


@dataclass(frozen=True, slots=True)
class Covered:
    """Which business days the files of a source and account (`` where a source has none) speak of."""

    days: Mapping[tuple[SourceName, int], frozenset[int]] = field(default_factory=dict)

    def of_source(self, source: SourceName) -> frozenset[int]:
        """Days that any account of a source covers."""
        return frozenset().union(*(days for (name, _), days in self.days.items() if name == source))

    def accounts(self, source: SourceName) -> dict[int, frozenset[int]]:
        """The days of each account of a source."""
        return {account: days for (name, account), days in self.days.items() if name == source}


@dataclass(frozen=True, slots=True)
class World:
    """Everything a reckoning looks at. `homes` is, of terminals by number, the machine their name plainly says."""

    orders: Orders
    sales: Sales
    aside: Aside
    records: Records
    decisions: Decisions
    limits: Limits
    covered: Covered
    homes: Mapping[int, int] = field(default_factory=dict)


def priced(amount: Ints, currency: Ints) -> Ints:
    """One number for an amount and its currency: equal ones may be matched."""
    return amount * len(CURRENCIES) + currency


def flags(count: int) -> Flags:
    """So many, none of them set."""
    return np.zeros(count, dtype=np.bool_)
