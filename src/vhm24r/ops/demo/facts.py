"""What the sources know: one dataclass per kind of record, before any layout is applied.

Instants are UTC-aware and already carry the clock error and delay of whoever wrote them down; amounts are
whole UZS. `Planted` is one true order together with every record that speaks of it.
"""

from dataclasses import dataclass
from datetime import datetime

from vhm24r.ops.demo.network import Machine, Register
from vhm24r.ops.demo.orders import TrueOrder
from vhm24r.ops.demo.spec import Gateway


@dataclass(frozen=True, slots=True)
class Sale:
    """A row of the sales system; `gateway` is the one it names, None when it only says QR."""

    external_id: str
    number: str
    order: TrueOrder
    at: datetime
    price_som: int
    gateway: Gateway | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A cash-register receipt: a sale, or a return when `is_return`."""

    external_id: str
    register: Register
    at: datetime
    amount_som: int
    by_card: bool
    place: str
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class Payment:
    """A gateway payment; `amount_som` is the amount without commission, `is_own` false = another merchant."""

    external_id: str
    gateway: Gateway
    at: datetime
    amount_som: int
    is_reversed: bool
    cash_desk: str
    machine: Machine
    processing: str
    card: str
    rrn: str
    reference: str
    is_own: bool = True


@dataclass(frozen=True, slots=True)
class Planted:
    """One order and all that the files say about it.

    The machine report shows `early` in files of a revision before `settled_in` and `order` from then on,
    `machine_rows` times per file (0 = missing, 2 = an exact duplicate), and nothing in files of a revision
    before `appears_in`. `sale`, `receipt`, `returned` and `payment` are the records that prove the order
    (None = not in the files); the tuples hold every row to write, duplicates and strangers included.
    """

    order: TrueOrder
    early: TrueOrder
    machine_rows: int
    appears_in: int
    settled_in: int
    correct_sale: Sale
    sale: Sale | None
    receipt: Receipt | None
    returned: Receipt | None
    payment: Payment | None
    sales: tuple[Sale, ...]
    receipts: tuple[Receipt, ...]
    payments: tuple[Payment, ...]
    faults: tuple[str, ...]

    def reported(self, revision: int) -> tuple[TrueOrder, ...]:
        """Rows of the machine report in a file of that revision."""
        if revision < self.appears_in:
            return ()
        return (self.order if revision >= self.settled_in else self.early,) * self.machine_rows
