"""The canonical record: what any source can say, in one list of typed fields."""

from dataclasses import dataclass
from enum import StrEnum


class SourceName(StrEnum):
    """Who reports. `generic` are files of any other layout, told apart by the name of their mapping."""

    HAPPY_WORKERS = "happy_workers"
    VENDHUB = "vendhub"
    FISCAL = "fiscal"
    PAYME = "payme"
    CLICK = "click"
    UZUM = "uzum"
    BANK = "bank"
    CASH_COLLECTION = "cash_collection"
    HICON = "hicon"
    GENERIC = "generic"


class FieldKind(StrEnum):
    """How a field is stored: the PostgreSQL type of its column."""

    TEXT = "text"
    INSTANT = "timestamptz"
    AMOUNT = "bigint"


class Role(StrEnum):
    """What a record proves: about an order (sale, receipt, payment), or about money as a whole.

    A counter is a running total of a machine; nothing is matched with it.
    """

    SALE = "sale"
    RECEIPT = "receipt"
    PAYMENT = "payment"
    BANK = "bank"
    CASH = "cash"
    COUNTER = "counter"


class Outcome(StrEnum):
    """What one row of a file brought."""

    NEW = "new"
    CHANGED = "changed"
    FILLED = "filled"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class RecordField:
    """One thing a source can say about a fact."""

    name: str
    kind: FieldKind = FieldKind.TEXT


SALE_FIELDS = (
    RecordField("machine_code"),
    RecordField("occurred_at", FieldKind.INSTANT),
    RecordField("amount", FieldKind.AMOUNT),
    RecordField("currency"),
    RecordField("product"),
    RecordField("payment_method"),
    RecordField("machine_address"),
    RecordField("taste"),
    RecordField("payment_resource"),
    RecordField("order_type"),
    RecordField("payment_status"),
    RecordField("brew_status"),
    RecordField("cup_type"),
    RecordField("operator_number"),
    RecordField("paid_at", FieldKind.INSTANT),
    RecordField("brewed_at", FieldKind.INSTANT),
    RecordField("delivered_at", FieldKind.INSTANT),
    RecordField("refunded_at", FieldKind.INSTANT),
    RecordField("card"),
    RecordField("reason"),
    RecordField("remark"),
)
"""What a sale is made of; an order's imported fields are these, folded over its records."""

OTHER_FIELDS = (
    RecordField("order_number"),
    RecordField("place"),
    RecordField("direction"),
    RecordField("state"),
    RecordField("fee", FieldKind.AMOUNT),
)
"""What else matching needs: the number a row names, the cash desk, sale or return (money in or out),
ok or reversed, what the gateway kept."""

RECORD_FIELDS = SALE_FIELDS + OTHER_FIELDS
FIELD_NAMES = tuple(field.name for field in RECORD_FIELDS)
SALE_FIELD_NAMES = tuple(field.name for field in SALE_FIELDS)

STAGED_COLUMNS = (
    "position", "sheet", "row", "identity", "content", "occurrence", "duplicate", "account", "external_id",
    *FIELD_NAMES, "extra",
)  # fmt: skip
"""What a staged row is made of: place, hashes, flags, then what the source says."""
