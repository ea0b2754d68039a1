"""The single faults a record can have: late, mis-typed, written twice, or nobody's.

Pure functions of a rate and of numbers already drawn (`luck`, evenly spread from 0 to below 1); a fault that
happens is appended to `faults` as `<source>.<fault>`. Amounts are whole UZS, spans whole seconds.
"""

from datetime import timedelta
from typing import TypeVar

from vhm24r.ops.demo.spec import Noise, Rates

_ERRORS_SOM = (-2000, -1000, -500, 500, 1000, 2000, 5000)
_STRANGE_PRICES_SOM = (8_000, 10_000, 12_000, 15_000, 18_000, 20_000)
_FAR_S = 1800

Record = TypeVar("Record")


def delay(noise: Noise, first: float, second: float) -> timedelta:
    """How much later than the sale a record is made: the middle of the range is likelier than its ends."""
    span = noise.delay_max_s - noise.delay_min_s
    return timedelta(seconds=noise.delay_min_s + int((first + second) / 2 * span))


def far(luck: float) -> timedelta:
    """Where a stranger stands in time: up to half an hour to either side."""
    return timedelta(seconds=int((luck * 2 - 1) * _FAR_S))


def strange_price(luck: float) -> int:
    """A stranger's amount: an everyday price, so that it can be mistaken for an order's."""
    return _STRANGE_PRICES_SOM[int(luck * len(_STRANGE_PRICES_SOM))]


def amount(rates: Rates, luck: float, size: float, price_som: int, source: str, faults: list[str]) -> int:
    """The amount written down: the price, or a wrong one; free orders stay free."""
    if luck >= rates.wrong_amount or not price_som:
        return price_som
    faults.append(f"{source}.wrong_amount")
    return price_som + _ERRORS_SOM[int(size * len(_ERRORS_SOM))]


def twice(rates: Rates, luck: float, record: Record, source: str, faults: list[str]) -> tuple[Record, ...]:
    """The record, or the record and its exact duplicate."""
    if luck >= rates.duplicate:
        return (record,)
    faults.append(f"{source}.duplicate")
    return (record, record)
