"""Words of reconciliation: what becomes of a record, by which rule it is matched, what is an exception."""

from enum import StrEnum

from vhm24r.evidence.types import Role, SourceName

GATEWAYS = (SourceName.PAYME, SourceName.CLICK, SourceName.UZUM)

MONEY_SOURCES = (SourceName.FISCAL, *GATEWAYS)
"""Whose records prove that an order was paid for."""

COMPARED = (SourceName.VENDHUB, *MONEY_SOURCES)
"""Whose records are weighed against orders, and may be switched off."""

ROLES = {
    SourceName.HAPPY_WORKERS: Role.SALE,
    SourceName.VENDHUB: Role.SALE,
    SourceName.GENERIC: Role.SALE,
    SourceName.FISCAL: Role.RECEIPT,
    SourceName.PAYME: Role.PAYMENT,
    SourceName.CLICK: Role.PAYMENT,
    SourceName.UZUM: Role.PAYMENT,
    SourceName.BANK: Role.BANK,
    SourceName.CASH_COLLECTION: Role.CASH,
    SourceName.HICON: Role.COUNTER,
}


class Bucket(StrEnum):
    """Where a record is in the end; every record is in exactly one."""

    MATCHED = "matched"
    UNMATCHED = "unmatched"
    REVERSED = "reversed"
    DUPLICATE = "duplicate"
    EXCLUDED = "excluded"


class Why(StrEnum):
    """Why a record is where it is."""

    ORDER_NUMBER = "order_number"
    PROVEN = "proven"
    NO_SALE = "no_sale"
    NO_MACHINE_ROW = "no_machine_row"
    NO_ORDER_NEAR = "no_order_near"
    TAKEN = "taken"
    AMBIGUOUS = "ambiguous"
    NOTHING_HERE = "nothing_here"
    NO_TIME = "no_time"
    NO_AMOUNT = "no_amount"
    RETURN_WITHOUT_SALE = "return_without_sale"
    REVERSED_THERE = "reversed_there"
    TAKEN_BACK = "taken_back"
    RETURN = "return"
    REFUNDED = "refunded"
    TEST = "test"
    CANCELLED = "cancelled"
    OTHER_SHOP = "other_shop"
    SWITCHED_OFF = "switched_off"
    COUNTER = "counter"
    PAID_OUT = "paid_out"
    COLLECTED = "collected"
    OWN_LEVEL = "own_level"
    REPEATED = "repeated"
    RESTATED = "restated"


class Rule(StrEnum):
    """What a record was matched by."""

    ORDER_NUMBER = "order_number"
    PLACE_AND_TIME = "place_and_time"
    TERMINAL_AND_TIME = "terminal_and_time"
    AMOUNT_AND_TIME = "amount_and_time"
    CLOCK_UNKNOWN = "clock_unknown"
    CROWD = "crowd"
    RETURN = "return"
    BY_HAND = "by_hand"


class MatchKind(StrEnum):
    """Who matched."""

    AUTO = "auto"
    MANUAL = "manual"


class ExceptionType(StrEnum):
    """What a person should look at: of an order its findings, of a record who has it alone."""

    HW_ONLY = "hw_only"
    VENDHUB_ONLY = "vendhub_only"
    FISCAL_MISMATCH = "fiscal_mismatch"
    GATEWAY_MISMATCH = "gateway_mismatch"
    PRICE_MISMATCH = "price_mismatch"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    AMBIGUOUS_MATCH = "ambiguous_match"
    NUMBER_CONFLICT = "number_conflict"
    REFUND_NOT_AT_GATEWAY = "refund_not_at_gateway"
    REFUND_WITHOUT_RETURN = "refund_without_return"
    FISCAL_ONLY = "fiscal_only"
    PAYME_ONLY = "payme_only"
    CLICK_ONLY = "click_only"
    UZUM_ONLY = "uzum_only"
    SALE_ONLY = "sale_only"
    PAYOUT_MISSING = "payout_missing"
    COLLECTION_DIFFERS = "collection_differs"


class Outcome(StrEnum):
    """How a person has settled an exception."""

    MATCHED = "matched"
    WRITTEN_OFF = "written_off"
    EXPLAINED = "explained"
    REPORTED = "reported"


class ExceptionState(StrEnum):
    """`open` waits for somebody; `resolved` was settled by a person; `gone` was settled by evidence."""

    OPEN = "open"
    RESOLVED = "resolved"
    GONE = "gone"


class DecisionKind(StrEnum):
    """What a person has said of a record and an order: they belong together, or they do not."""

    MATCH = "match"
    UNMATCH = "unmatch"
