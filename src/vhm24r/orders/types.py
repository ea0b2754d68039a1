"""Words of orders: channels, statuses, change kinds, and what may be edited."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from vhm24r.evidence.types import SALE_FIELDS, SourceName
from vhm24r.kit.fsm import Machine


class Channel(StrEnum):
    """Which desk an order belongs to."""

    VENDING = "vending"
    SHIPPING = "shipping"


class Origin(StrEnum):
    """Who first told of an order."""

    HAPPY_WORKERS = "happy_workers"
    VENDHUB = "vendhub"
    GENERIC = "generic"
    MANUAL = "manual"


class OrderStatus(StrEnum):
    """Lifecycle. Vending orders are `recorded` or `cancelled`; shipping ones walk the longer way.
    In-progress shipping states are owned by the sweepers of the label desk.
    """

    RECORDED = "recorded"
    DRAFT = "draft"
    QUOTED = "quoted"
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    LABEL_PENDING = "label_pending"
    LABEL_READY = "label_ready"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LABEL_FAILED = "label_failed"


ORDER = Machine(
    "order",
    {
        OrderStatus.RECORDED: frozenset({OrderStatus.CANCELLED}),
        OrderStatus.DRAFT: frozenset({OrderStatus.QUOTED, OrderStatus.CANCELLED, OrderStatus.EXPIRED}),
        OrderStatus.QUOTED: frozenset(
            {
                OrderStatus.AWAITING_PAYMENT,
                OrderStatus.PAID,
                OrderStatus.DRAFT,
                OrderStatus.CANCELLED,
                OrderStatus.EXPIRED,
            }
        ),
        OrderStatus.AWAITING_PAYMENT: frozenset(
            {OrderStatus.PAID, OrderStatus.DRAFT, OrderStatus.CANCELLED, OrderStatus.EXPIRED}
        ),
        OrderStatus.PAID: frozenset({OrderStatus.LABEL_PENDING, OrderStatus.CANCELLED}),
        OrderStatus.LABEL_PENDING: frozenset({OrderStatus.LABEL_READY, OrderStatus.LABEL_FAILED}),
        OrderStatus.LABEL_FAILED: frozenset({OrderStatus.DRAFT, OrderStatus.CANCELLED}),
        OrderStatus.LABEL_READY: frozenset({OrderStatus.IN_TRANSIT, OrderStatus.DELIVERED, OrderStatus.CANCELLED}),
        OrderStatus.IN_TRANSIT: frozenset({OrderStatus.DELIVERED}),
    },
)


class MatchStatus(StrEnum):
    """What reconciliation says of a vending order; empty until its first run."""

    FULLY_MATCHED = "fully_matched"
    MATCHED = "matched"
    HW_ONLY = "hw_only"
    VENDHUB_ONLY = "vendhub_only"
    FISCAL_MISMATCH = "fiscal_mismatch"
    GATEWAY_MISMATCH = "gateway_mismatch"
    PRICE_MISMATCH = "price_mismatch"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    AMBIGUOUS_MATCH = "ambiguous_match"
    NUMBER_CONFLICT = "number_conflict"
    REFUNDED = "refunded"


class ChangeKind(StrEnum):
    """`new` is an order's first row; a field is `filled` (empty → value) or `changed`; an order whose reports
    are undone is `withdrawn`, and `restored` when they come back.
    """

    NEW = "new"
    FILLED = "filled"
    CHANGED = "changed"
    WITHDRAWN = "withdrawn"
    RESTORED = "restored"


SALE_SOURCES = (SourceName.HAPPY_WORKERS, SourceName.VENDHUB, SourceName.GENERIC)
"""Whose records orders are made of; the others are matched with orders, and never change them."""

DEFAULT_SORT = "-occurred_at"

FIELD_KINDS = {field.name: field.kind for field in SALE_FIELDS}

EDITABLE_FIELDS = frozenset(FIELD_KINDS) - {"machine_code"}
"""A person may correct anything but the machine, which is part of the order's identity."""

CHOICES = {
    "payment_method": frozenset({"cash", "qr", "vip", "credit", "card", "test"}),
    "currency": frozenset({"UZS", "USD", "EUR", "RUB", "KZT", "UAH", "GBP"}),
}


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order made by hand."""

    occurred_at: datetime
    amount: int
    currency: str
    machine_code: str | None = None
    product: str | None = None
    payment_method: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class OrderEdit:
    """What a person wants of an order: fields set (None clears), fields given back to the reports,
    tags added and removed.
    """

    fields: dict[str, Any]
    release: tuple[str, ...] = ()
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    reason: str | None = None
