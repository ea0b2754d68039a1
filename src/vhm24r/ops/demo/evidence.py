"""What the sales system, the registers and the gateways record about one order.

Pure: random numbers come in, records go out, planted faults are appended to `faults` by name. All numbers of
an order are drawn before any decision, so that one rate never moves another fault. External ids follow
from the order's index: unique without a counter; gaps are what missing rows leave.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from vhm24r.ops.demo.facts import Payment, Receipt, Sale
from vhm24r.ops.demo.faults import amount, delay, far, strange_price, twice
from vhm24r.ops.demo.network import Register, pick
from vhm24r.ops.demo.orders import TrueOrder
from vhm24r.ops.demo.spec import GATEWAYS, Gateway, NetworkSpec, Noise, Rates

_CARD_STARTS = {"UZCARD": ("8600", "5614"), "HUMO": ("9860", "4073")}
_NEIGHBOUR_DESK = "Магазин у входа, касса 1"


@dataclass(frozen=True, slots=True)
class Sales:
    """Rows of the sales system; `correct` is what it ought to say, `proof` None when the row is missing."""

    correct: Sale
    proof: Sale | None
    rows: tuple[Sale, ...]


@dataclass(frozen=True, slots=True)
class Receipts:
    """Rows of the register; `proof` is the sale's receipt, `returned` the receipt of the money back."""

    proof: Receipt | None
    returned: Receipt | None
    rows: tuple[Receipt, ...]


@dataclass(frozen=True, slots=True)
class Payments:
    """Rows of the gateway; `proof` is the payment of this order, live or reversed."""

    proof: Payment | None
    rows: tuple[Payment, ...]


def plant_sales(spec: NetworkSpec, rng: Random, order: TrueOrder, *, keep: bool, faults: list[str]) -> Sales:
    """Sales rows of an order; `keep` forbids losing it (an order that nobody reports would be nothing)."""
    noise, luck = spec.noise, [rng.random() for _ in range(7)]
    at = order.paid_at + delay(noise, luck[0], luck[1])
    correct = Sale(str(48_000_000 + order.index * 2), order.number, order, at, order.price_som, order.gateway)
    strangers: tuple[Sale, ...] = ()
    if luck[2] < noise.vendhub.stranger:
        faults.append("vendhub.stranger")
        number = "fd" + order.number[2:]  # a number no machine has given out
        strangers = (replace(correct, external_id=str(48_000_001 + order.index * 2), number=number),)
    if luck[3] < noise.vendhub.missing and not keep:
        faults.append("vendhub.missing")
        return Sales(correct, None, strangers)
    price_som = amount(noise.vendhub, luck[4], luck[0], order.price_som, "vendhub", faults)
    gateway = _named_gateway(noise, luck[5], order.gateway, faults)
    sale = replace(correct, price_som=price_som, gateway=gateway)
    return Sales(correct, sale, twice(noise.vendhub, luck[6], sale, "vendhub", faults) + strangers)


def _named_gateway(noise: Noise, luck: float, gateway: Gateway | None, faults: list[str]) -> Gateway | None:
    """The gateway as the sales system names it: right, not at all, or wrong."""
    if gateway is None:
        return None
    if luck < noise.gateway_wrong:
        faults.append("vendhub.gateway_wrong")
        return GATEWAYS[(GATEWAYS.index(gateway) + 1) % len(GATEWAYS)]
    if luck < noise.gateway_wrong + noise.gateway_unnamed:
        faults.append("vendhub.gateway_unnamed")
        return None
    return gateway


def needs_receipt(spec: NetworkSpec, order: TrueOrder) -> bool:
    """Whether a receipt is due: cash orders, and card orders where the spec says so."""
    return order.method == "cash" or (order.method == "card" and spec.card_receipts)


def plant_receipts(spec: NetworkSpec, rng: Random, order: TrueOrder, register: Register, faults: list[str]) -> Receipts:
    """Receipts of an order that needs one: the sale, a return when the money went back, strangers."""
    if not needs_receipt(spec, order):
        return Receipts(None, None, ())
    noise, rates = spec.noise, spec.noise.fiscal
    luck = [rng.random() for _ in range(9)]
    late = timedelta(seconds=register.clock_skew_s) + delay(noise, luck[0], luck[1])
    number, place = 1_000_000 + order.index * 3, register.place or order.machine.address
    right = Receipt(str(number), register, order.paid_at + late, order.price_som, order.method == "card", place)
    others: tuple[Receipt, ...] = ()
    if luck[2] < rates.stranger:
        faults.append("fiscal.stranger")
        at, price_som = right.at + far(luck[3]), strange_price(luck[4])
        others = (replace(right, external_id=str(number + 1), at=at, amount_som=price_som),)
    if luck[5] < rates.missing:
        faults.append("fiscal.missing")
        return Receipts(None, None, others)
    receipt = replace(right, amount_som=amount(rates, luck[6], luck[4], order.price_som, "fiscal", faults))
    returned = None
    if order.refunded_at is not None and luck[7] < noise.return_missing:
        faults.append("fiscal.return_missing")
    elif order.refunded_at is not None:
        faults.append("fiscal.returned")
        back_at = order.refunded_at + late
        returned = replace(receipt, external_id=str(number + 2), at=back_at, is_return=True)
        others = (returned, *others)
    return Receipts(receipt, returned, twice(rates, luck[8], receipt, "fiscal", faults) + others)


def plant_payments(spec: NetworkSpec, rng: Random, order: TrueOrder, faults: list[str]) -> Payments:
    """Gateway rows of a QR order: a failed attempt before it, the payment itself, strangers around it."""
    gateway = order.gateway
    if gateway is None:
        return Payments(None, ())
    noise, luck = spec.noise, [rng.random() for _ in range(9)]
    rates: Rates = getattr(noise, gateway)
    right = _payment(rng, order, gateway, order.paid_at + delay(noise, luck[0], luck[1]))
    others = _other_payments(noise, rng, order, right, luck, faults)
    if luck[5] < rates.missing:
        faults.append(f"{gateway}.missing")
        return Payments(None, others)
    is_reversed = order.refunded_at is not None and luck[6] >= noise.refund_not_at_gateway
    if order.refunded_at is not None:
        faults.append(f"{gateway}.{'reversed' if is_reversed else 'refund_not_at_gateway'}")
    amount_som = amount(rates, luck[7], luck[0], order.price_som, gateway, faults)
    payment = replace(right, amount_som=amount_som, is_reversed=is_reversed)
    return Payments(payment, twice(rates, luck[8], payment, gateway, faults) + others)


def _other_payments(
    noise: Noise, rng: Random, order: TrueOrder, right: Payment, luck: list[float], faults: list[str]
) -> tuple[Payment, ...]:
    """A reversed attempt shortly before the payment, and a stranger (half of them another merchant's)."""
    others: list[Payment] = []
    rates: Rates = getattr(noise, right.gateway)
    if luck[2] < noise.reversed_attempt:
        faults.append(f"{right.gateway}.reversed_attempt")
        again = _payment(rng, order, right.gateway, right.at - timedelta(seconds=15 + int(luck[1] * 60)), 1)
        others.append(replace(again, is_reversed=True))
    if luck[3] < rates.stranger:
        faults.append(f"{right.gateway}.stranger")
        stranger = _payment(rng, order, right.gateway, right.at + far(luck[4]), 2)
        own = luck[0] < 0.5
        desk = right.cash_desk if own else _NEIGHBOUR_DESK
        price_som = strange_price(luck[1])
        others.append(replace(stranger, amount_som=price_som, cash_desk=desk, is_own=own))
    return tuple(others)


def _payment(rng: Random, order: TrueOrder, gateway: Gateway, at: datetime, nth: int = 0) -> Payment:
    """A live payment of the order's price; `nth` tells its attempts and strangers apart."""
    processing = "UZCARD" if rng.random() < 0.6 else "HUMO"
    start = _CARD_STARTS[processing][pick(rng, 2)]
    return Payment(
        external_id=_payment_id(rng, gateway, order.index * 3 + nth),
        gateway=gateway,
        at=at,
        amount_som=order.price_som,
        is_reversed=False,
        cash_desk=order.machine.cash_desk,
        machine=order.machine,
        processing=processing,
        card=f"{start}{pick(rng, 100):02}******{pick(rng, 10_000):04}",
        rrn=f"{pick(rng, 10**11):012}",
        reference=f"{7_000_000 + order.index * 3 + nth}",
    )


def _payment_id(rng: Random, gateway: Gateway, serial: int) -> str:
    """The key as each gateway writes it: 24 hex digits, ten decimal digits, 32 hex digits."""
    if gateway == "payme":
        return f"{rng.getrandbits(64):016x}{serial:08x}"
    if gateway == "click":
        return str(3_400_000_000 + serial)
    return f"{rng.getrandbits(96):024x}{serial:08x}"
