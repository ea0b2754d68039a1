"""What to generate: size, period, payment mix, clocks and noise of a demo network.

Everything here is plain data. The same `NetworkSpec` always gives the same files; nothing reads a clock
or the environment. Shares are floats between 0 and 1, weights are integers, times are whole seconds.
"""

from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Literal

Language = Literal["ru", "en"]
FileFormat = Literal["csv", "xlsx"]
Source = Literal["happy_workers", "vendhub", "fiscal", "payme", "click", "uzum"]
Gateway = Literal["payme", "click", "uzum"]
Method = Literal["cash", "qr", "card", "vip", "credit", "test"]

SOURCES: tuple[Source, ...] = ("happy_workers", "vendhub", "fiscal", "payme", "click", "uzum")
GATEWAYS: tuple[Gateway, ...] = ("payme", "click", "uzum")
METHODS: tuple[Method, ...] = ("cash", "qr", "card", "vip", "credit", "test")


@dataclass(frozen=True, slots=True)
class PaymentMix:
    """Relative weights of the payment methods, and of the three gateways among the QR orders."""

    cash: int = 54
    qr: int = 34
    card: int = 5
    vip: int = 2
    credit: int = 2
    test: int = 3
    payme: int = 50
    click: int = 35
    uzum: int = 15

    def methods(self) -> tuple[int, ...]:
        """Weights in the order of `METHODS`."""
        return (self.cash, self.qr, self.card, self.vip, self.credit, self.test)

    def gateways(self) -> tuple[int, ...]:
        """Weights in the order of `GATEWAYS`."""
        return (self.payme, self.click, self.uzum)


@dataclass(frozen=True, slots=True)
class Clocks:
    """How wrong the clocks are, in seconds; a positive skew prints a time later than it was.

    `far_machine_s` sets one machine wrong by that much (2400 = 40 minutes); 0 leaves it alone.
    """

    machine_share: float = 0.12
    machine_max_s: int = 240
    register_share: float = 0.34
    register_max_s: int = 90
    far_machine_s: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """Planted faults of one source, each as a share of the records that source should have."""

    missing: float = 0.0
    wrong_amount: float = 0.0
    duplicate: float = 0.0
    stranger: float = 0.0


@dataclass(frozen=True, slots=True)
class Noise:
    """Every way in which the files differ from what really happened.

    A machine row has no wrong amount and no stranger: the machine's report is the backbone, what it
    says is the truth. `withheld` orders of the last but one day are in no month file, only in the sample
    export; `number_conflicts` counts orders, the other fields are shares.
    """

    happy_workers: Rates = Rates(missing=0.004, duplicate=0.001)
    vendhub: Rates = Rates(missing=0.006, wrong_amount=0.003, duplicate=0.001, stranger=0.001)
    fiscal: Rates = Rates(missing=0.01, wrong_amount=0.002, duplicate=0.002, stranger=0.01)
    payme: Rates = Rates(missing=0.008, wrong_amount=0.002, duplicate=0.002, stranger=0.02)
    click: Rates = Rates(missing=0.008, wrong_amount=0.002, duplicate=0.002, stranger=0.02)
    uzum: Rates = Rates(missing=0.008, wrong_amount=0.002, duplicate=0.002, stranger=0.02)
    delay_min_s: int = -20
    delay_max_s: int = 40
    reversed_attempt: float = 0.012
    refund_not_at_gateway: float = 0.15
    return_missing: float = 0.15
    gateway_unnamed: float = 0.08
    gateway_wrong: float = 0.003
    late_delivery: float = 0.04
    late_refund: float = 0.6
    late_remark: float = 0.01
    number_conflicts: int = 4
    withheld: int = 30
    total_rows: bool = True

    def __post_init__(self) -> None:
        """Refuse what no file could show."""
        if self.happy_workers.wrong_amount or self.happy_workers.stranger:
            raise ValueError("the machine report is the truth: no wrong amounts and no strangers in it")
        if self.delay_min_s > self.delay_max_s:
            raise ValueError("delay_min_s must not exceed delay_max_s")

    @classmethod
    def none(cls) -> "Noise":
        """Files that agree with the truth row by row and second by second."""
        silent = {f.name: Rates() for f in fields(cls) if f.name in SOURCES}
        return cls(
            **silent,
            delay_min_s=0,
            delay_max_s=0,
            reversed_attempt=0.0,
            refund_not_at_gateway=0.0,
            return_missing=0.0,
            gateway_unnamed=0.0,
            gateway_wrong=0.0,
            late_delivery=0.0,
            late_refund=0.0,
            late_remark=0.0,
            number_conflicts=0,
            withheld=0,
            total_rows=False,
        )


@dataclass(frozen=True, slots=True)
class Formats:
    """File formats of each source's files, used in turn (first file, second file, then again)."""

    happy_workers: tuple[FileFormat, ...] = ("xlsx", "csv")
    vendhub: tuple[FileFormat, ...] = ("csv", "csv", "csv", "xlsx")
    fiscal: tuple[FileFormat, ...] = ("xlsx", "csv")
    payme: tuple[FileFormat, ...] = ("xlsx",)
    click: tuple[FileFormat, ...] = ("xlsx",)
    uzum: tuple[FileFormat, ...] = ("csv",)


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """One network over one period that ends with `ends_on` (a business day, included).

    `orders` is the exact number of orders; `orders_per_machine_day`, when given, replaces it.
    `last_day_hours` cuts the last day short (14 = nothing after 14:00), so that a demo that ends "today"
    shows no sales of this evening. `card_receipts` also gives card orders a fiscal receipt.
    """

    ends_on: date
    seed: int = 24
    machines: int = 50
    days: int = 30
    orders: int = 12_400
    orders_per_machine_day: int | None = None
    timezone: str = "Asia/Tashkent"
    mix: PaymentMix = PaymentMix()
    registers: Literal["one", "per_machine"] | int = 3
    clocks: Clocks = Clocks()
    noise: Noise = Noise()
    formats: Formats = Formats()
    language: Language = "ru"
    silent_days: int = 3
    last_day_hours: int = 24
    card_receipts: bool = False

    def __post_init__(self) -> None:
        """Refuse a network nobody could walk through."""
        if not 1 <= self.machines <= 0xFFFF:
            raise ValueError("machines must be between 1 and 65535")
        if self.days < 1 or self.total_orders < 0:
            raise ValueError("at least one day and no negative number of orders")
        if not 1 <= self.last_day_hours <= 24:
            raise ValueError("last_day_hours must be between 1 and 24")
        if self.registers not in ("one", "per_machine") and not (
            isinstance(self.registers, int) and self.registers >= 1
        ):
            raise ValueError("registers must be 'one', 'per_machine' or a positive number")

    @property
    def total_orders(self) -> int:
        """Exact number of orders in the whole period."""
        if self.orders_per_machine_day is None:
            return self.orders
        return self.orders_per_machine_day * self.machines * self.days

    @property
    def first_day(self) -> date:
        """The first business day of the period."""
        return self.ends_on - timedelta(days=self.days - 1)

    def day_list(self) -> tuple[date, ...]:
        """All business days, in order."""
        return tuple(self.first_day + timedelta(days=i) for i in range(self.days))
