"""Canonical columns → what their rows are in sum. Pure.

A chunk of columns tells in a millisecond what a table of them would have to be read for again and again.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from string import ascii_letters, digits

from vhm24r.evidence.summary import Run, Span, Summary
from vhm24r.intake.values import NULL, unescape

_ADDRESSABLE = (ascii_letters + digits + "._~-").encode()


def summed(
    fields: Mapping[str, Sequence[str]], numbers: Sequence[str], rows: Sequence[int], sheet: int, position: int
) -> Summary:
    """What rows of canonical columns are in sum: they lie on `sheet` and are numbered from `position`.

    `numbers` are those of their orders, as far as they state one.
    """
    addresses = {NULL: None} | {text: unescape(text) for text in set(fields["machine_address"]) - {NULL}}
    named = set(zip(fields["machine_code"], fields["machine_address"], strict=True))
    return Summary(
        tuple(_runs(rows, sheet, position)),
        span(fields["occurred_at"]),
        frozenset((unescape(code), addresses[address]) for code, address in named if code != NULL),
        frozenset(unescape(product) for product in set(fields["product"]) - {NULL}),
        _money(fields),
        all(numbers) and not "".join(numbers).encode(errors="replace").translate(None, _ADDRESSABLE),
    )


def _runs(rows: Sequence[int], sheet: int, position: int) -> Iterator[Run]:
    if rows and rows[-1] - rows[0] == len(rows) - 1:  # the common case, without a look at each of them
        yield Run(position, rows[0], sheet, len(rows))
        return
    for _, run in groupby(enumerate(rows), lambda placed: placed[1] - placed[0]):
        places = list(run)
        yield Run(position + places[0][0], places[0][1], sheet, len(places))


def span(instants: Sequence[str]) -> Span:
    """First and last of canonical instants, which are ordered as their texts are."""
    said = [instant for instant in instants if instant != NULL]
    return (datetime.fromisoformat(min(said)), datetime.fromisoformat(max(said))) if said else (None, None)


def _money(fields: Mapping[str, Sequence[str]]) -> Counter[str]:
    money: Counter[str] = Counter()
    prices = Counter(zip(fields["amount"], fields["currency"], fields["payment_method"], strict=True))
    for (amount, currency, method), times in prices.items():
        if NULL not in (amount, currency) and method != "test":
            money[currency] += int(amount) * times
    return money
