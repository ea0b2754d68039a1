"""Receipts and payments, each kind with the orders that need one: by hand, then money that went back, then the rest."""

from dataclasses import dataclass, replace

import numpy as np

from vhm24r.evidence.types import Role, SourceName
from vhm24r.reconciliation.matcher.facts import NOBODY, Facts, Flags, Ints, Pairs, joined
from vhm24r.reconciliation.matcher.matching import Apart, Matching, Tolerance, machine_ahead, match
from vhm24r.reconciliation.matcher.reversals import reversals
from vhm24r.reconciliation.matcher.sureness import FAR_S, Sureness
from vhm24r.reconciliation.matcher.terminals import Standing, standing
from vhm24r.reconciliation.reckoning.grouping import grouped
from vhm24r.reconciliation.reckoning.world import (
    CARD,
    CASH,
    QR,
    SOURCE,
    SOURCES,
    UNKNOWN,
    Limits,
    Orders,
    Records,
    World,
    flags,
    priced,
)
from vhm24r.reconciliation.types import MONEY_SOURCES, Rule, Why

RULES = tuple(Rule)
WHYS = tuple(Why)
WHY = {why: place for place, why in enumerate(WHYS)}

FEW = 5
"""So many records of a terminal on a day, and none of them of an order here: then it is somebody else's terminal."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Records of some sources, which prove one thing of orders."""

    role: Role
    sources: tuple[SourceName, ...]


RECEIPTS = Kind(Role.RECEIPT, (SourceName.FISCAL,))
PAYMENTS = Kind(Role.PAYMENT, MONEY_SOURCES[1:])
LOOSE_SALES = Kind(Role.SALE, (SourceName.VENDHUB,))


@dataclass(slots=True)
class Documents:
    """What was found of one kind.

    Of each order: the place of its record or NOBODY, how sure that is, the margin, the seconds between by clocks put
    right and what was put right, the rule (its place in RULES), whether a person said so, and the place of the record
    by which its money went back (`returned`), if it `went_back` by a record at all. Of each record of the kind: `why`
    it proves no order (its place in WHYS), or -1; where its terminal stood. `linked` are orders and records that have a
    say in what becomes of each other.
    """

    kind: Kind
    record: Ints
    sureness: Ints
    margin_s: Ints
    seconds: Ints
    ahead_s: Ints
    rule: Ints
    by_hand: Flags
    returned: Ints
    went_back: Flags
    why: Ints
    stood: Ints
    stood_ahead_s: Ints
    linked: Pairs

    @property
    def has(self) -> Flags:
        """Which orders have a record, whatever the pairing."""
        found: Flags = self.by_hand | ((self.record != NOBODY) & (self.sureness != Sureness.AMBIGUOUS))
        return found

    @property
    def is_open(self) -> Flags:
        """Which orders might as well have another one, or none."""
        found: Flags = self.sureness == Sureness.AMBIGUOUS
        return found


def documents(world: World, kind: Kind, takers: Flags, gateway: Ints, ahead_s: Ints) -> Documents:
    """Match the records of a kind with `takers`; `gateway` is the one an order names (or NOBODY), `ahead_s` what the
    clocks of machines are put right by.
    """
    orders, records, limits = world.orders, world.records, world.limits
    found = _nothing(world, kind)
    used = np.isin(records.source, [SOURCE[name] for name in kind.sources if limits.used.get(name, True)])
    of_kind = np.isin(records.source, [SOURCE[name] for name in kind.sources])
    found.why[of_kind & ~used] = WHY[Why.SWITCHED_OFF]
    used &= _set_aside(found.why, used & (records.at == UNKNOWN), Why.NO_TIME)
    used &= _set_aside(found.why, used & ((records.amount == UNKNOWN) | (records.amount == 0)), Why.NO_AMOUNT)
    taken = _by_hand(world, found, used)
    there = _order_facts(world, kind, gateway, ahead_s)
    here = _record_facts(world, kind)
    is_return = used & ~taken & (records.is_return | ((records.amount < 0) & (records.amount != UNKNOWN)))
    is_reversed = used & ~taken & ~is_return & records.is_reversed
    found.why[is_reversed], found.why[is_return] = WHY[Why.REVERSED_THERE], WHY[Why.RETURN_WITHOUT_SALE]
    wanting = takers & (orders.at != UNKNOWN) & (orders.amount > 0) & ~found.by_hand
    stood = _standing(world, kind, there, here, np.flatnonzero(wanting), np.flatnonzero(used & ~is_return))
    found.stood, found.stood_ahead_s = stood.machine, stood.ahead_s
    ahead = np.zeros(orders.count, dtype=np.int64)
    sold = np.flatnonzero(used & ~is_return)
    ahead[wanting] = machine_ahead(there.only(np.flatnonzero(wanting)), here.only(sold), _widest_s(limits, kind))
    step = _Step(world, found, there, here, stood, ahead)
    step.match(wanting & orders.refunded, is_reversed)
    is_open = found.is_open  # whose reversed payment is open has no claim on a live one
    step.match_returns(wanting & orders.refunded & (found.record == NOBODY), is_return, ahead_s)
    live = used & ~taken & ~is_return & ~is_reversed
    _take_back(world, found, here, is_return, live)
    live &= found.why < 0
    step.match(wanting & (found.record == NOBODY) & ~is_open, live)
    found.went_back |= found.returned != NOBODY
    back = np.flatnonzero(found.went_back & (found.record != NOBODY) & found.has)
    found.why[found.record[back]] = WHY[Why.TAKEN_BACK]
    step.explain(live)
    return found


def _nothing(world: World, kind: Kind) -> Documents:
    orders, records = world.orders.count, world.records.count
    return Documents(
        kind=kind,
        record=np.full(orders, NOBODY),
        sureness=np.full(orders, int(Sureness.UNMATCHED)),
        margin_s=np.full(orders, FAR_S),
        seconds=np.zeros(orders, dtype=np.int64),
        ahead_s=np.zeros(orders, dtype=np.int64),
        rule=np.full(orders, NOBODY),
        by_hand=flags(orders),
        returned=np.full(orders, NOBODY),
        went_back=flags(orders),
        why=np.full(records, -1),
        stood=np.full(records, NOBODY),
        stood_ahead_s=np.zeros(records, dtype=np.int64),
        linked=Pairs(*(np.zeros(0, dtype=np.int64),) * 3),
    )


def _set_aside(why: Ints, which: Flags, reason: Why) -> Flags:
    """Say why some records take no part; which ones still do."""
    why[which] = WHY[reason]
    rest: Flags = ~which
    return rest


def _by_hand(world: World, found: Documents, used: Flags) -> Flags:
    """Pairs that a person has made stand first; which records are taken by that."""
    taken = flags(world.records.count)
    if not world.decisions.together:
        return taken
    place_of = {int(record): place for place, record in enumerate(world.records.record.tolist()) if used[place]}
    order_at = {int(order): place for place, order in enumerate(world.orders.id.tolist())}
    for pair in world.decisions.together:
        if SOURCES[pair.source] not in found.kind.sources:
            continue
        order, record = order_at.get(pair.order), place_of.get(pair.record)
        if record is not None:
            taken[record] = True
            found.why[record] = _why_by_hand(world.records, record)
        if pair.goes_back:  # it proves no payment; whether the order has one is another question
            if order is not None:
                found.went_back[order] = True
            continue
        if order is not None:
            found.by_hand[order] = True
            found.sureness[order] = Sureness.CERTAIN
        if order is not None and record is not None:
            found.record[order], found.rule[order] = record, RULES.index(Rule.BY_HAND)
    return taken


def _why_by_hand(records: Records, record: int) -> int:
    """Money that went back stays in its bucket, whoever says which order it is of."""
    if records.is_reversed[record]:
        return WHY[Why.REVERSED_THERE]
    return WHY[Why.RETURN] if records.is_return[record] or records.amount[record] < 0 else WHY[Why.PROVEN]


def _order_facts(world: World, kind: Kind, gateway: Ints, ahead_s: Ints) -> Facts:
    orders = world.orders
    nobody = np.full(orders.count, NOBODY)
    price = priced(orders.amount, orders.currency)
    if kind.role is Role.SALE:
        price = price * (int(max(orders.machine.max(initial=0), world.records.machine.max(initial=0))) + 2)
        price = price + orders.machine + 1
    channel = gateway if kind.role is Role.PAYMENT else nobody
    return Facts(orders.at - ahead_s, orders.day, price, orders.machine, channel, nobody)


def _record_facts(world: World, kind: Kind) -> Facts:
    records = world.records
    nobody = np.full(records.count, NOBODY)
    price = priced(np.abs(records.amount), records.currency)
    if kind.role is Role.SALE:
        price = price * (int(max(world.orders.machine.max(initial=0), records.machine.max(initial=0))) + 2)
        return Facts(records.at, records.day, price + records.machine + 1, nobody, nobody, nobody)
    home = np.array([world.homes.get(int(terminal), NOBODY) for terminal in np.unique(records.terminal)] or [NOBODY])
    place = np.searchsorted(np.unique(records.terminal), records.terminal) if records.count else nobody
    channel = records.source if kind.role is Role.PAYMENT else nobody
    stands = np.where(records.machine != NOBODY, records.machine, home[place] if records.count else nobody)
    return Facts(records.at, records.day, price, records.terminal, channel, stands)


def _take_back(world: World, found: Documents, here: Facts, is_return: Flags, live: Flags) -> None:
    """Returns of which nobody knows the order cancel the last sale of their terminal and price."""
    part = np.flatnonzero(live | (is_return & (found.why == WHY[Why.RETURN_WITHOUT_SALE])))
    sources = len(SOURCES)
    mine = here.only(part).priced(here.price[part] * sources + world.records.source[part])
    back = reversals(mine, is_return[part], world.limits.return_within_s)
    found.why[part[back.taken_back]] = WHY[Why.TAKEN_BACK]
    found.why[part[back.of != NOBODY]] = WHY[Why.RETURN]


def _standing(world: World, kind: Kind, there: Facts, here: Facts, orders: Ints, records: Ints) -> Standing:
    """Where the terminals of all records stood; those that are set aside have none."""
    machine, ahead_s, timed = np.full(here.count, NOBODY), np.zeros(here.count, dtype=np.int64), flags(here.count)
    if kind.role is not Role.SALE:
        stood = standing(there.only(orders), here.only(records), world.limits.reach_s)
        machine[records], ahead_s[records], timed[records] = stood.machine, stood.ahead_s, stood.timed
    return Standing(machine, ahead_s, timed)


def _window_of(limits: Limits, source: SourceName) -> int:
    return limits.window_s.get(source, limits.sale_window_s)


def _widest_s(limits: Limits, kind: Kind) -> int:
    return max(_window_of(limits, source) for source in kind.sources)


@dataclass(slots=True)
class _Step:
    """Matching some of the orders with some of the records, and writing down what was found."""

    world: World
    found: Documents
    there: Facts
    here: Facts
    stood: Standing
    machine_ahead_s: Ints

    def match(self, some_orders: Flags, some_records: Flags) -> None:
        """Match; what is found joins what was."""
        orders, records = np.flatnonzero(some_orders), np.flatnonzero(some_records)
        if not len(orders) or not len(records):
            return
        limits = self.world.limits
        matching = match(
            self.there.only(orders),
            self.here.only(records),
            Tolerance(_widest_s(limits, self.found.kind), limits.reach_s, limits.margin_s),
            stood=self.stood.only(records),
            machine_ahead_s=self.machine_ahead_s[orders],
            window_s=self._window_s(records),
            apart=self._apart(orders, records),
        )
        self._write(orders, records, matching)

    def _window_s(self, records: Ints) -> Ints:
        by_source = np.array([_window_of(self.world.limits, source) for source in SOURCES])
        found: Ints = by_source[self.world.records.source[records]]
        return found

    def match_returns(self, some_orders: Flags, some_records: Flags, ahead_s: Ints) -> None:
        """Match returns with refunded orders, by when the money went back."""
        orders = self.world.orders
        soon = (orders.back_at != UNKNOWN) & (orders.back_at - orders.at <= self.world.limits.return_within_s)
        mine, theirs = np.flatnonzero(some_orders & soon), np.flatnonzero(some_records)
        if not len(mine) or not len(theirs):
            return
        limits = self.world.limits
        matching = match(
            replace(self.there.only(mine), at=(orders.back_at - ahead_s)[mine]),
            self.here.only(theirs),
            Tolerance(_widest_s(limits, self.found.kind), limits.reach_s, limits.margin_s),
            stood=self._stood_of_returns(theirs),
            machine_ahead_s=self.machine_ahead_s[mine],
            window_s=self._window_s(theirs),
            apart=self._apart(mine, theirs),
        )
        has = matching.record != NOBODY
        has &= matching.sureness != Sureness.AMBIGUOUS
        self.found.returned[mine[has]] = theirs[matching.record[has]]
        self.found.why[theirs[matching.record[has]]] = WHY[Why.RETURN]
        linked = matching.linked
        self.found.linked = joined(self.found.linked, Pairs(mine[linked.order], theirs[linked.record], linked.seconds))

    def _stood_of_returns(self, returns: Ints) -> Standing:
        """Where the terminals of returns stood: as their sales of that day tell."""
        records = self.world.records
        keys = records.terminal * (int(records.day.max(initial=0)) + 1) + records.day
        sold = np.flatnonzero(self.stood.timed | (self.stood.machine != NOBODY))
        names, first = np.unique(keys[sold], return_index=True)
        if not len(names):
            return self.stood.only(returns)
        place = np.minimum(np.searchsorted(names, keys[returns]), len(names) - 1)
        known = (names[place] == keys[returns]) & (records.terminal[returns] != NOBODY)
        of = sold[first][place]
        return Standing(
            np.where(known, self.stood.machine[of], NOBODY),
            np.where(known, self.stood.ahead_s[of], 0),
            known & self.stood.timed[of],
        )

    def _apart(self, orders: Ints, records: Ints) -> Apart:
        """Pairs that a person has taken apart, by their places in this step."""
        said = self.world.decisions.apart
        if not said:
            return Apart(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        order_at = {int(self.world.orders.id[order]): place for place, order in enumerate(orders.tolist())}
        record_at = {int(self.world.records.record[record]): place for place, record in enumerate(records.tolist())}
        here = [(order_at[o], record_at[r]) for r, o in said if o in order_at and r in record_at]
        columns = np.array(here, dtype=np.int64).reshape(-1, 2)
        return Apart(columns[:, 0], columns[:, 1])

    def _write(self, orders: Ints, records: Ints, matching: Matching) -> None:
        found = self.found
        is_open = matching.sureness == Sureness.AMBIGUOUS
        has = (matching.record != NOBODY) & ~is_open
        mine, theirs = orders[has], records[matching.record[has]]
        found.record[mine], found.sureness[orders] = theirs, matching.sureness
        found.margin_s[orders] = matching.margin_s
        has_terminal = self.here.party[theirs] != NOBODY
        ahead_s = np.where(has_terminal, self.stood.ahead_s[theirs], matching.machine_ahead_s[has])
        found.ahead_s[mine] = ahead_s
        found.seconds[mine] = self.here.at[theirs] - ahead_s - self.there.at[mine]
        found.rule[mine] = self._rule(theirs)
        beyond = np.abs(found.seconds[mine]) > self._window_s(theirs)
        found.rule[mine[beyond]] = RULES.index(Rule.CLOCK_UNKNOWN)
        found.rule[orders[has & matching.in_crowd]] = RULES.index(Rule.CROWD)
        linked = matching.linked
        found.linked = joined(found.linked, Pairs(orders[linked.order], records[linked.record], linked.seconds))
        open_pairs = linked.only(is_open[linked.order])
        still = records[open_pairs.record]
        still = still[~np.isin(still, theirs) & (found.why[still] < 0)]
        found.why[still] = WHY[Why.AMBIGUOUS]

    def _rule(self, records: Ints) -> Ints:
        stood, home = self.stood.machine[records], self.here.home[records]
        placed = np.where(home == stood, RULES.index(Rule.PLACE_AND_TIME), RULES.index(Rule.TERMINAL_AND_TIME))
        return np.where(stood == NOBODY, RULES.index(Rule.AMOUNT_AND_TIME), placed)

    def explain(self, live: Flags) -> None:
        """Say of every live record without an order why that is."""
        found, records = self.found, self.world.records
        matched = flags(records.count)
        matched[found.record[found.record != NOBODY]] = True
        alone = live & ~matched & (found.why < 0)
        has_candidate = flags(records.count)
        has_candidate[found.linked.record] = True
        found.why[alone] = np.where(has_candidate[alone], WHY[Why.TAKEN], WHY[Why.NO_ORDER_NEAR])
        strange = alone & (found.why == WHY[Why.NO_ORDER_NEAR]) & _nobody_matched(records, live, matched)
        found.why[strange] = WHY[Why.NOTHING_HERE]


def _nobody_matched(records: Records, live: Flags, matched: Flags) -> Flags:
    """Records of a terminal that has several on that day, none of which belongs to an order."""
    groups = grouped(records.source, records.terminal, records.day)
    size, hits = groups.sizes(np.flatnonzero(live)), groups.sizes(np.flatnonzero(live & matched))
    group = groups.of
    found: Flags = (size[group] >= FEW) & (hits[group] == 0)
    return found


def takers(orders: Orders, kind: Kind, *, cards: bool, has_sale: Flags) -> Flags:
    """Which orders need a record of a kind, by how they were paid; a sale, those that no sale names."""
    by_role: dict[Role, Flags] = {
        Role.RECEIPT: (orders.method == CASH) | ((orders.method == CARD) & cards),
        Role.PAYMENT: orders.method == QR,
        Role.SALE: ~has_sale & (orders.machine != NOBODY),
    }
    return by_role[kind.role]
