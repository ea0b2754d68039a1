"""The answer sheet: one JSON line per true order, and everything counted on the way.

`sweep` walks the period once; besides writing the lines it sorts receipts by register and payments by
gateway, the only records that generation keeps in memory (about 300 bytes per order).
"""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from vhm24r.ops.demo.evidence import needs_receipt
from vhm24r.ops.demo.facts import Payment, Planted, Receipt
from vhm24r.ops.demo.noise import planted
from vhm24r.ops.demo.spec import SOURCES, NetworkSpec


@dataclass(slots=True)
class Sweep:
    """What one walk over the period found."""

    orders: int = 0
    due: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(SOURCES, 0)))
    planted: Counter[str] = field(default_factory=Counter)
    receipts: defaultdict[str, list[Receipt]] = field(default_factory=lambda: defaultdict(list))
    payments: defaultdict[str, list[Payment]] = field(default_factory=lambda: defaultdict(list))


def sweep(spec: NetworkSpec, path: Path) -> Sweep:
    """Writes `truth.jsonl` and returns the counts and the records by account."""
    found = Sweep()
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for plant in planted(spec):
            file.write(json.dumps(truth_line(plant)) + "\n")
            _count(spec, plant, found)
    return found


def truth_line(plant: Planted) -> dict[str, object]:
    """The truth about one order.

    Times are UTC with `Z`, amounts whole UZS. External ids name the record that proves the order, null when
    no file has it. `returned_number` is the receipt of the money back; a refunded order's payment is reversed
    unless its faults say `refund_not_at_gateway`.
    """
    order, receipt, payment = plant.order, plant.receipt, plant.payment
    return {
        "number": order.number,
        "machine": order.machine.code,
        "method": order.method,
        "gateway": order.gateway,
        "amount_som": order.price_som,
        "created_at": _utc(order.created_at),
        "paid_at": _utc(order.paid_at),
        "refunded_at": _utc(order.refunded_at),
        "in_machine_report": plant.machine_rows > 0 and plant.appears_in == 0,
        "vendhub_id": plant.sale.external_id if plant.sale else None,
        "receipt_register": receipt.register.module if receipt else None,
        "receipt_number": receipt.external_id if receipt else None,
        "returned_number": plant.returned.external_id if plant.returned else None,
        "payment_id": payment.external_id if payment else None,
        "faults": list(plant.faults),
    }


def _count(spec: NetworkSpec, plant: Planted, found: Sweep) -> None:
    order = plant.order
    found.orders += 1
    found.planted.update(plant.faults)
    found.due["happy_workers"] += 1
    found.due["vendhub"] += 1
    found.due["fiscal"] += needs_receipt(spec, order)
    if order.gateway is not None:
        found.due[order.gateway] += 1
    for receipt in plant.receipts:
        found.receipts[receipt.register.module].append(receipt)
    for payment in plant.payments:
        found.payments[payment.gateway].append(payment)


def _utc(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()[:19] + "Z"
