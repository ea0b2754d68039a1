"""Money as integers in minor units, and the reading of amounts as people write them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Self

from vhm24r.kit.errors import Invalid


class Currency(StrEnum):
    """ISO 4217 codes the product keeps books in."""

    EUR = "EUR"
    GBP = "GBP"
    KZT = "KZT"
    RUB = "RUB"
    UAH = "UAH"
    USD = "USD"
    UZS = "UZS"

    @property
    def exponent(self) -> int:
        """How many decimal digits one unit has (ISO 4217); two for every currency listed here."""
        return 2


class CurrencyMismatch(Invalid):
    """Two currencies met in one sum or comparison."""

    code = "money.currency_mismatch"


class NotAnAmount(Invalid):
    """A text that cannot be read as an amount; never silently zero."""

    code = "money.not_an_amount"


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` minor units (tiyin, cents) of `currency`; negative for money going back."""

    amount: int
    currency: Currency

    def __post_init__(self) -> None:
        """Refuse anything but an integer: a float here would lose money silently."""
        if type(self.amount) is not int:
            raise TypeError(f"Money.amount is an int of minor units, not {type(self.amount).__name__}")

    def _same(self, other: "Money") -> None:
        if self.currency is not other.currency:
            raise CurrencyMismatch(left=self.currency, right=other.currency)

    def __add__(self, other: "Money") -> "Money":
        """Sum; raises CurrencyMismatch for two currencies."""
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        """Difference; raises CurrencyMismatch for two currencies."""
        self._same(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> "Money":
        """The same money going the other way."""
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        """Order; raises CurrencyMismatch for two currencies."""
        self._same(other)
        return self.amount < other.amount

    def __le__(self, other: "Money") -> bool:
        """Order; raises CurrencyMismatch for two currencies."""
        self._same(other)
        return self.amount <= other.amount

    def __str__(self) -> str:
        """`15000.00 UZS`."""
        return f"{self.decimal()} {self.currency}"

    def decimal(self) -> str:
        """The amount in units with all its decimals, as JSON carries it: `15000.00`."""
        return format_minor(self.amount, self.currency.exponent)

    def split(self, weights: Sequence[int]) -> list["Money"]:
        """Divide by integer weights with nothing lost: largest remainder, ties to the earlier share.

        Raises:
            ValueError: no weight, a negative weight, or weights that sum to zero.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights are non-negative and at least one is positive")
        shares = [self.amount * weight // total for weight in weights]
        remainders = [self.amount * weight % total for weight in weights]
        left = self.amount - sum(shares)
        for index in sorted(range(len(weights)), key=lambda i: (-remainders[i], i))[:left]:
            shares[index] += 1
        return [Money(share, self.currency) for share in shares]

    @classmethod
    def parse(cls, text: str, currency: Currency) -> Self:
        """Read an amount in units of `currency` as people write it (see `parse_minor`).

        Raises:
            NotAnAmount: the text is not an amount.
        """
        amount = parse_minor(text, currency.exponent)
        if amount is None:
            raise NotAnAmount(value=text)
        return cls(amount, currency)


def format_minor(amount: int, exponent: int = 2) -> str:
    """Minor units as a plain decimal text: `1500000` → `15000.00`."""
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"


_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f']+")
_UNITS = r"(?:so['’ʻ]?m|сумов|сум|uzs|usd|eur|rub|руб\.?|\$|€)"
_UNIT = re.compile(rf"^\s*{_UNITS}|{_UNITS}\s*$", re.IGNORECASE)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:[.,]\d{3})+")


@lru_cache(maxsize=65_536)  # prices repeat: a month of a network has a handful of different ones
def parse_minor(text: str, exponent: int = 2) -> int | None:
    """An amount in units as written by people or machines → minor units, or None if it is not one.

    Accepts the notations of real exports: `15000`, `15 000,00`, `15,000.00`, `1.234,56`, `15000 UZS`,
    `(1 200)` for a negative. More decimals than the currency has are refused, not rounded away,
    unless they are zeros.
    """
    body, scale = text.strip(), int(10**exponent)
    if len(body) > 200:  # no amount is that long, and int() raises on thousands of digits
        return None
    if body.isascii() and body.isdigit():
        return int(body) * scale
    negative = body.startswith("(") and body.endswith(")")
    if negative:
        body = body[1:-1]
    body = _SPACES.sub("", _UNIT.sub("", body))
    if body[:1] in {"-", "−", "+"}:
        if negative:
            return None
        negative, body = body[0] != "+", body[1:]
    whole, fraction = _split_decimals(body)
    if whole is None or len(fraction.rstrip("0")) > exponent:
        return None
    minor = int(whole) * scale + int(fraction[:exponent].ljust(exponent, "0") or "0")
    return -minor if negative else minor


def _split_decimals(body: str) -> tuple[str | None, str]:
    """Digits before and after the decimal mark; (None, "") when the text is no number.

    The last mark is the decimal one when both kinds occur. A single mark followed by exactly three
    digits is read as grouping (`15,000`), as every export with whole amounts writes it.
    """
    if not _NUMBER.fullmatch(body) or not body.isascii():
        return None, ""
    mark = max(body.rfind("."), body.rfind(","))
    if mark < 0:
        return body, ""
    if _GROUPED.fullmatch(body) and len({c for c in body if c in ".,"}) == 1:
        return body.replace(".", "").replace(",", ""), ""
    whole, fraction = body[:mark], body[mark + 1 :]
    if body[mark] in whole or (("." in whole or "," in whole) and not _GROUPED.fullmatch(whole)):
        return None, ""
    return whole.replace(".", "").replace(",", ""), fraction
