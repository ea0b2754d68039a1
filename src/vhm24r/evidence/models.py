"""Tables of the evidence. The bulk tables carry no foreign keys: their rows are only ever written by
the set-based statements of `bulk.py`, and a check per row would double their cost (docs/adr/0004).
"""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vhm24r.platform.db import Base

DATED_AT = text("coalesce(occurred_at, '1970-01-01 00:00:00+00'::timestamptz)")
"""Records without a time lie on a day of their own, long ago, and are found there."""


class EvidenceFile(Base):
    """An applied file: where its rows lie, and which business days it covers."""

    __tablename__ = "evidence_files"

    id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(index=True)
    change_set_id: Mapped[int]
    name: Mapped[str]
    member: Mapped[str | None]
    sheets: Mapped[list[str]] = mapped_column(ARRAY(Text))
    sha256: Mapped[str] = mapped_column(index=True)
    content_hash: Mapped[str] = mapped_column(index=True)
    format: Mapped[str]
    source: Mapped[str]
    rows: Mapped[int]
    covers_from: Mapped[date | None]
    covers_to: Mapped[date | None]
    applied_at: Mapped[datetime]
    withdrawn: Mapped[bool]


class EvidenceRecord(Base):
    """One version of one record. `record_id` is the id of the record's first version; `file_id`, `sheet`
    and `row` are where it was stated when it last began to stand.
    """

    __tablename__ = "evidence_records"
    __table_args__ = (
        Index("evidence_records_identity_content_key", "identity", "content", unique=True),
        Index("evidence_records_order_id_ix", "order_id"),
        # receipts, payments, bank lines: few of an import's rows, and never those of a machine's report
        Index("evidence_records_loose_ix", DATED_AT, postgresql_where=text("order_id IS NULL AND current")),
        # bank lines and cash collections: the few that are compared at a level of their own
        Index(
            "evidence_records_level_ix",
            "source",
            postgresql_where=text("source IN ('bank', 'cash_collection') AND current"),
        ),
        # statements that stand behind another one of their record: rare
        Index("evidence_records_past_ix", "record_id", postgresql_where=text("NOT current AND NOT withdrawn")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int]
    order_id: Mapped[int | None]
    file_id: Mapped[int]
    identity: Mapped[uuid.UUID]
    content: Mapped[uuid.UUID]
    sheet: Mapped[int] = mapped_column(SmallInteger)
    row: Mapped[int] = mapped_column(Integer)
    occurrence: Mapped[int] = mapped_column(Integer)
    current: Mapped[bool]
    withdrawn: Mapped[bool]
    source: Mapped[str]
    account: Mapped[str | None]
    external_id: Mapped[str]

    machine_code: Mapped[str | None]
    occurred_at: Mapped[datetime | None]
    amount: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str | None]
    product: Mapped[str | None]
    payment_method: Mapped[str | None]
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

    order_number: Mapped[str | None]
    place: Mapped[str | None]
    direction: Mapped[str | None]
    state: Mapped[str | None]
    fee: Mapped[int | None] = mapped_column(BigInteger)
    extra: Mapped[dict[str, Any] | None]


class EvidenceSighting(Base):
    """A run of rows of a file that state versions of records. `outcome` is what each of them brought.

    The `length` rows from (`position`, `row`) on state the versions from `version_id` on, one after another:
    most files are such runs from end to end (docs/adr/0012). `bulk.sighted` has them row by row.
    """

    __tablename__ = "evidence_sightings"

    file_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    length: Mapped[int] = mapped_column(Integer)
    version_id: Mapped[int]
    row: Mapped[int] = mapped_column(Integer)
    sheet: Mapped[int] = mapped_column(SmallInteger)
    outcome: Mapped[str]


class EvidenceMatch(Base):
    """A record proven to belong to an order, by rule or by hand; undone ones keep their row.

    `seconds` lie between the order and the record by clocks put right, `ahead_s` is what was put right, and `margin_s`
    by how much the next best assignment would be worse: what reasons are made of. `reasons` are a person's own.
    """

    __tablename__ = "evidence_matches"
    __table_args__ = (
        Index(
            "evidence_matches_live_key",
            "record_id",
            "order_id",
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        Index("evidence_matches_order_id_ix", "order_id", postgresql_where=text("withdrawn_at IS NULL")),
        Index(
            "evidence_matches_manual_ix",
            "record_id",
            postgresql_where=text("kind = 'manual' AND withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    record_id: Mapped[int]
    order_id: Mapped[int]
    role: Mapped[str]
    kind: Mapped[str]
    rule: Mapped[str]
    confidence: Mapped[int] = mapped_column(SmallInteger)
    interchangeable: Mapped[bool]
    seconds: Mapped[int | None] = mapped_column(Integer)
    ahead_s: Mapped[int | None] = mapped_column(Integer)
    margin_s: Mapped[int | None] = mapped_column(Integer)
    reasons: Mapped[list[Any] | None] = mapped_column(JSONB)
    change_set_id: Mapped[int]
    withdrawn_at: Mapped[datetime | None]
