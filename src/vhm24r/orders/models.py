"""Tables of orders. As in `evidence.models`, the bulk tables carry no foreign keys (docs/adr/0004)."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Index, Integer, SmallInteger, Text, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vhm24r.platform.db import Base

SORTED_AT = text("coalesce(occurred_at, '1970-01-01 00:00:00+00'::timestamptz)")
"""Orders without a time come last; an expression without NULL keeps keyset pages a plain comparison."""

SORTED_AT_EXPRESSION: ColumnElement[Any] = literal_column(str(SORTED_AT), DateTime(timezone=True))
"""The same as a condition or a sort key, so that both find the index."""

SORTED_AMOUNT = text("coalesce(amount, '-9000000000000000000'::bigint)")
"""The same for orders without an amount."""


class Order(Base):
    """What both desks share. `number` is public and unique; the identity is the facts it is made of."""

    __tablename__ = "orders"
    __table_args__ = (
        Index("orders_number_key", "number", unique=True),
        Index("orders_sorted_at_id_ix", SORTED_AT, "id"),
        # few values: deduplicated, cheap to load into; without the withdrawn it also counts the orders
        Index("orders_machine_code_ix", "machine_code", postgresql_where=text("withdrawn_at IS NULL")),
        Index("orders_sorted_amount_id_ix", SORTED_AMOUNT, "id"),
        Index("orders_conflict_ix", "source_number", postgresql_where=text("number <> source_number")),
        Index("orders_tags_ix", "tags", postgresql_using="gin", postgresql_where=text("tags IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str]
    channel: Mapped[str]
    origin: Mapped[str]
    origin_space: Mapped[str]
    source_number: Mapped[str]
    occurrence: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str]
    machine_code: Mapped[str | None]
    occurred_at: Mapped[datetime | None]
    amount: Mapped[int | None]
    currency: Mapped[str | None]
    product: Mapped[str | None]
    payment_method: Mapped[str | None]
    version: Mapped[int] = mapped_column(Integer)
    last_change_set_id: Mapped[int]
    last_change: Mapped[str]
    edited_fields: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class VendingOrder(Base):
    """What only a vending order has: the machine controller's own fields."""

    __tablename__ = "vending_orders"

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    machine_address: Mapped[str | None]
    taste: Mapped[str | None]
    payment_resource: Mapped[str | None]
    order_type: Mapped[str | None]
    payment_status: Mapped[str | None]
    brew_status: Mapped[str | None]
    cup_type: Mapped[str | None]
    operator_number: Mapped[str | None]
    paid_at: Mapped[datetime | None]
    brewed_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    refunded_at: Mapped[datetime | None]
    card: Mapped[str | None]
    reason: Mapped[str | None]
    remark: Mapped[str | None]


class OrderMatchStatus(Base):
    """What reconciliation says of a vending order (docs/adr/0015). `findings` is everything that holds of it and
    `reasons` why; both are empty where nothing is wrong.
    """

    __tablename__ = "order_match_statuses"
    __table_args__ = (
        # a number that two machines gave out concerns an order of another day, too
        Index(
            "order_match_statuses_conflict_ix",
            "order_id",
            postgresql_where=text("match_status = 'number_conflict'"),
        ),
    )

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    match_status: Mapped[str]
    findings: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    reasons: Mapped[list[Any] | None] = mapped_column(JSONB)


class ShippingOrder(Base):
    """What only a shipping order has: whose it is, and which version of the draft is meant."""

    __tablename__ = "shipping_orders"

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    customer_id: Mapped[int] = mapped_column(index=True)
    draft_version: Mapped[int] = mapped_column(Integer)
    test_mode: Mapped[bool]


class OrderCreation(Base):
    """The history row of new orders: a run of `length` orders from `order_id` on, made by one change set.

    Of a file, the first comes from `row` and every further one from the row below (docs/adr/0012).
    """

    __tablename__ = "order_creations"
    # as below
    __table_args__ = (Index("order_creations_change_set_id_ix", "change_set_id", postgresql_using="brin"),)

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    length: Mapped[int] = mapped_column(Integer)
    change_set_id: Mapped[int]
    file_id: Mapped[int | None]
    sheet: Mapped[int | None] = mapped_column(SmallInteger)
    row: Mapped[int | None] = mapped_column(Integer)


class OrderChange(Base):
    """One field of one order, old → new; the row of a withdrawal or a return has an empty `field`."""

    __tablename__ = "order_changes"
    # change sets are appended in order, so a few bytes per block find them again
    __table_args__ = (Index("order_changes_change_set_id_ix", "change_set_id", postgresql_using="brin"),)

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    field: Mapped[str] = mapped_column(primary_key=True)
    change_set_id: Mapped[int]
    kind: Mapped[str]
    old: Mapped[str | None]
    new: Mapped[str | None]
    file_id: Mapped[int | None]
    sheet: Mapped[int | None] = mapped_column(SmallInteger)
    row: Mapped[int | None] = mapped_column(Integer)


class OrderNote(Base):
    """A remark a person left on an order."""

    __tablename__ = "order_notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(index=True)
    text: Mapped[str]
    author_id: Mapped[int | None]
    author_name: Mapped[str]
    at: Mapped[datetime]


class VendingMachine(Base):
    """A vending machine as reports name it; filled by imports, edited by people."""

    __tablename__ = "machines"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    address: Mapped[str | None]
    timezone: Mapped[str | None]
    active: Mapped[bool]
    created_at: Mapped[datetime]


class Product(Base):
    """A product as reports name it; filled by imports, edited by people."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    active: Mapped[bool]
    created_at: Mapped[datetime]
