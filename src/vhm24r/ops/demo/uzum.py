"""Uzum (sources.md, section 6): one flat table, the same in every language."""

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from vhm24r.ops.demo.facts import Payment
from vhm24r.ops.demo.layout import Row, Table, iso_time
from vhm24r.ops.demo.payme import commission

COLUMNS = (
    "transaction_id", "transaction_time", "amount", "masked_pan", "shop_id", "merchant_id", "commission",
    "status", "order_id", "cashback_amount",
)  # fmt: skip


def table(payments: Iterable[Payment], zone: ZoneInfo) -> Table:
    """The report of a period; payments are consumed once."""
    return Table(COLUMNS, _rows(payments, zone), "Transactions")


def _rows(payments: Iterable[Payment], zone: ZoneInfo) -> Iterator[Row]:
    for payment in payments:
        yield (
            payment.external_id,
            iso_time(payment.at, zone),
            payment.amount_som,
            payment.card,
            f"shop-{payment.machine.index + 1:03}" if payment.is_own else "shop-900",
            "merchant-03" if payment.is_own else "merchant-79",
            commission(payment.amount_som),
            "REVERSED" if payment.is_reversed else "SUCCESS",
            payment.reference,
            0,
        )
