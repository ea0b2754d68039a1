"""What gateways pay out: which bank credit pays which gateway day.

First one credit a day, the best assignment there is; then what is left of both, a credit for several days in a row.
Amounts are minor units of their currency, days are business days.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]

GATEWAY_NAMES = {
    "payme": (r"payme(?!nt)", "пейми", "пэйми", "inspired"),
    "click": ("click", "клик"),
    "uzum": ("uzum", "узум"),
}
"""How bank lines call each gateway, as patterns; one counts where a word begins with it, in any case."""

_NAMED = {
    gateway: re.compile(rf"(?<![^\W_])(?:{'|'.join(names)})", re.IGNORECASE) for gateway, names in GATEWAY_NAMES.items()
}


class PayoutStatus(StrEnum):
    """What became of the money of a gateway day."""

    PAID = "paid"
    PAID_TOGETHER = "paid_together"
    WAITING = "waiting"
    MISSING = "missing"
    NOT_COVERED = "not_covered"


@dataclass(frozen=True, slots=True)
class PayoutRules:
    """How late a credit may be, in days; by how much it may differ from what is due: `permille` of it, at `least` so
    many minor units; and for how many days in a row one credit may pay at most.
    """

    within_days: int = 5
    permille: int = 10
    least: int = 100_00
    most_days: int = 4

    def near(self, net: int, amount: int) -> bool:
        """Whether a credit of that amount may be for that net."""
        return abs(amount - net) <= max(self.least, net * self.permille // 1000)


@dataclass(frozen=True, slots=True)
class GatewayDay:
    """What a gateway collected on a day in one currency, and the commission it keeps; minor units."""

    gateway: str
    day: date
    currency: str
    gross: int
    fee: int

    @property
    def net(self) -> int:
        """What is due to the bank account, minor units."""
        return self.gross - self.fee


@dataclass(frozen=True, slots=True)
class BankCredit:
    """Money that came in, minor units; `purpose` is the free text of purpose and correspondent together."""

    record_id: int
    day: date
    currency: str
    amount: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Payout:
    """What became of one gateway day.

    `difference` is what came less what is due, minor units: all of `-net` where nothing came. Of days that are paid
    together the last one bears the difference of all, so that differences add up.
    """

    gateway: str
    day: date
    currency: str
    net: int
    credit: BankCredit | None
    difference: int
    status: PayoutStatus


@dataclass(frozen=True, slots=True)
class Payouts:
    """A payout per gateway day, and the credits that pay none: `unexplained` ones name a gateway, `other` ones do not.

    Payouts are in the order of day, gateway and currency, credits in that of day, amount and record.
    """

    payouts: list[Payout]
    unexplained: list[BankCredit]
    other: list[BankCredit]


def named_gateways(purpose: str) -> list[str]:
    """The gateways that a bank line names."""
    return [gateway for gateway, names in _NAMED.items() if names.search(purpose)]


def payouts(
    days: Iterable[GatewayDay],
    credits: Iterable[BankCredit],
    covered: Set[date],
    rules: PayoutRules = PayoutRules(),
) -> Payouts:
    """Find the credit of each gateway day; `covered` are the days that bank statements cover.

    Days on which nothing is due (net 0 or less) are left out. The order of what is given changes nothing.

    Raises:
        ValueError: a gateway of which GATEWAY_NAMES knows no names.
    """
    due = sorted((day for day in days if day.net > 0), key=_place_of_day)
    if nameless := {day.gateway for day in due} - GATEWAY_NAMES.keys():
        raise ValueError(f"gateways without names: {sorted(nameless)}")
    came = sorted(credits, key=lambda credit: (credit.day, credit.amount, credit.record_id))
    alone = _assign(_candidates(due, came, rules), due, came, rules)
    together = _together(due, came, alone, rules)
    found = [_alone(due[place], came[number]) for place, number in alone.items()]
    for run, number in together:
        found += _shared([due[place] for place in run], came[number])
    paid = {*alone, *(place for run, _ in together for place in run)}
    found += [_unpaid(day, covered, rules.within_days) for place, day in enumerate(due) if place not in paid]
    used = {*alone.values(), *(number for _, number in together)}
    left = [credit for number, credit in enumerate(came) if number not in used]
    return Payouts(
        sorted(found, key=lambda payout: (payout.day, payout.gateway, payout.currency, payout.net)),
        [credit for credit in left if named_gateways(credit.purpose)],
        [credit for credit in left if not named_gateways(credit.purpose)],
    )


def _place_of_day(day: GatewayDay) -> tuple[str, str, date, int, int]:
    """An order in which neighbours of one gateway and currency follow one another in time."""
    return day.gateway, day.currency, day.day, day.net, day.fee


def _alone(day: GatewayDay, credit: BankCredit) -> Payout:
    """A day with a credit of its own."""
    difference = credit.amount - day.net
    return Payout(day.gateway, day.day, day.currency, day.net, credit, difference, PayoutStatus.PAID)


def _shared(days: Sequence[GatewayDay], credit: BankCredit) -> Iterator[Payout]:
    """Days with one credit, in their order."""
    difference = credit.amount - sum(day.net for day in days)
    for left, day in zip(range(len(days) - 1, -1, -1), days, strict=True):
        borne = 0 if left else difference
        yield Payout(day.gateway, day.day, day.currency, day.net, credit, borne, PayoutStatus.PAID_TOGETHER)


def _unpaid(day: GatewayDay, covered: Set[date], within_days: int) -> Payout:
    """A day without a credit: how much that says depends on the statements there are."""
    seen = [day.day + timedelta(days=late) in covered for late in range(within_days + 1)]
    status = PayoutStatus.WAITING if any(seen) else PayoutStatus.NOT_COVERED
    if all(seen):
        status = PayoutStatus.MISSING
    return Payout(day.gateway, day.day, day.currency, day.net, None, -day.net, status)


def _candidates(due: Sequence[GatewayDay], came: Sequence[BankCredit], rules: PayoutRules) -> list[tuple[int, int]]:
    """Places of days and credits that may belong together."""
    places: dict[tuple[str, str, date], list[int]] = defaultdict(list)
    for place, day in enumerate(due):
        places[day.gateway, day.currency, day.day].append(place)
    return [
        (place, number)
        for number, credit in enumerate(came)
        for gateway in named_gateways(credit.purpose)
        for late in range(rules.within_days + 1)
        for place in places.get((gateway, credit.currency, credit.day - timedelta(days=late)), ())
        if rules.near(due[place].net, credit.amount)
    ]


def _assign(
    pairs: Sequence[tuple[int, int]], due: Sequence[GatewayDay], came: Sequence[BankCredit], rules: PayoutRules
) -> dict[int, int]:
    """Of each paid day its credit: the most pairs, then the least difference, then the least delay."""
    if not pairs:
        return {}
    place, number = np.array(pairs, dtype=np.int64).T
    difference = np.array([abs(came[credit].amount - due[day].net) for day, credit in pairs], dtype=np.int64)
    late = np.array([(came[credit].day - due[day].day).days for day, credit in pairs], dtype=np.int64)
    nodes = len(due) + len(came)
    ends = (place, len(due) + number)
    _, label = connected_components(coo_array((np.ones(len(pairs)), ends), shape=(nodes, nodes)), directed=False)
    in_parts = np.argsort(label[place], kind="stable")
    assigned: dict[int, int] = {}
    for part in np.split(in_parts, np.flatnonzero(np.diff(label[place][in_parts])) + 1):
        chosen = _best(place[part], number[part], difference[part], late[part], rules.within_days)
        assigned.update(zip(place[part][chosen].tolist(), number[part][chosen].tolist(), strict=True))
    return assigned


def _best(place: Ints, number: Ints, difference: Ints, late: Ints, within_days: int) -> Ints:
    """Which pairs of a component make its best assignment.

    Delays are squared: the sum of plain ones is the same however equal amounts are paired, and of those the one is
    meant in which earlier days have earlier credits. What comes first outweighs all that comes later together; the
    solver counts in doubles, which is exact for anything below 2^53.
    """
    rows, row = np.unique(place, return_inverse=True)
    columns, column = np.unique(number, return_inverse=True)
    most = min(len(rows), len(columns))
    cost = difference * (within_days**2 * most + 1) + late**2
    never = (int(cost.max()) + 1) * (most + 1)
    matrix = np.full((len(rows), len(columns)), never, dtype=np.int64)
    pair = np.full(matrix.shape, -1, dtype=np.int64)
    matrix[row, column] = cost
    pair[row, column] = np.arange(len(place))
    chosen = pair[linear_sum_assignment(matrix)]
    return np.asarray(chosen[chosen >= 0], dtype=np.int64)


def _together(
    due: Sequence[GatewayDay], came: Sequence[BankCredit], alone: dict[int, int], rules: PayoutRules
) -> list[tuple[range, int]]:
    """Days in a row that share a credit nobody has: shorter runs first, then earlier ones."""
    free: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number in set(range(len(came))).difference(alone.values()):
        for gateway in named_gateways(came[number].purpose):
            free[gateway, came[number].currency].add(number)
    paid = set(alone)
    found: list[tuple[range, int]] = []
    for run in _runs(due, rules.most_days):
        first = due[run[0]]
        if not paid.isdisjoint(run):
            continue
        taken = _credit_of_run([due[place] for place in run], came, free[first.gateway, first.currency], rules)
        if taken is not None:
            found.append((run, taken))
            paid.update(run)
            for numbers in free.values():
                numbers.discard(taken)
    return found


def _runs(due: Sequence[GatewayDay], most_days: int) -> list[range]:
    """Places of days of one gateway and currency that follow one another with nothing due between."""
    line = [(day.gateway, day.currency) for day in due]
    runs = [
        range(start, start + length)
        for length in range(2, most_days + 1)
        for start in range(len(due) - length + 1)
        if line[start] == line[start + length - 1]
    ]
    return sorted(runs, key=lambda run: (len(run), due[run[0]].day, run[0]))


def _credit_of_run(
    days: Sequence[GatewayDay], came: Sequence[BankCredit], free: Set[int], rules: PayoutRules
) -> int | None:
    """The nearest in amount, then the earliest of the free credits that may pay all these days."""
    net = sum(day.net for day in days)
    first, last = days[-1].day, days[0].day + timedelta(days=rules.within_days)
    fit = [number for number in free if first <= came[number].day <= last and rules.near(net, came[number].amount)]
    return min(fit, key=lambda number: (abs(came[number].amount - net), number), default=None)
