"""Tables of reconciliation. What is kept by day is written anew whenever a day is settled again."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Index, Integer, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vhm24r.platform.db import Base


class ReconciliationRequest(Base):
    """Something has changed that a run must look at; the next run takes all that wait.

    A file that was applied or withdrawn, a change set of orders, or business days from `day_from` to `day_to`; none of
    them is everything.
    """

    __tablename__ = "reconciliation_requests"

    id: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[int | None]
    change_set_id: Mapped[int | None]
    day_from: Mapped[date | None]
    day_to: Mapped[date | None]
    requested_at: Mapped[datetime]


class ReconciliationRun(Base):
    """One run that has ended: which days it settled by which rules, and whether the money adds up."""

    __tablename__ = "reconciliation_runs"

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    actor_id: Mapped[int | None]
    actor_name: Mapped[str]
    days: Mapped[int] = mapped_column(Integer)
    day_from: Mapped[date | None]
    day_to: Mapped[date | None]
    orders: Mapped[int]
    records: Mapped[int]
    conserved: Mapped[bool]
    rules: Mapped[dict[str, Any]]


class ReconciliationTerminal(Base):
    """A register or cash desk as records name it; `home` is the machine whose address or name it plainly bears."""

    __tablename__ = "reconciliation_terminals"
    __table_args__ = (
        Index("reconciliation_terminals_source_account_place_key", "source", "account", "place", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    account: Mapped[str]
    place: Mapped[str]
    home: Mapped[str | None]


class ReconciliationCoverage(Base):
    """Which register or account a file speaks of."""

    __tablename__ = "reconciliation_coverage"

    file_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    account: Mapped[str] = mapped_column(primary_key=True)


class ReconciliationClock(Base):
    """How far a clock was ahead on a day: a machine's of the network's, or a terminal's of its machine's."""

    __tablename__ = "reconciliation_clocks"
    __table_args__ = (Index("reconciliation_clocks_terminal_id_ix", "terminal_id"),)

    day: Mapped[date] = mapped_column(primary_key=True)
    party: Mapped[str] = mapped_column(primary_key=True)
    terminal_id: Mapped[int | None]
    machine_code: Mapped[str | None]
    ahead_s: Mapped[int] = mapped_column(Integer)
    records: Mapped[int] = mapped_column(Integer)


class RecordOutcome(Base):
    """The bucket of a record that proves no order, and why it is there."""

    __tablename__ = "reconciliation_outcomes"
    __table_args__ = (Index("reconciliation_outcomes_day_ix", "day"),)

    record_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date]
    bucket: Mapped[str]
    why: Mapped[str]
    order_id: Mapped[int | None]


class ReconciliationBucket(Base):
    """How many records, and how much money, one bucket holds of a source and day."""

    __tablename__ = "reconciliation_buckets"

    day: Mapped[date] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    bucket: Mapped[str] = mapped_column(primary_key=True)
    why: Mapped[str] = mapped_column(primary_key=True)
    records: Mapped[int]
    amount: Mapped[int]


class ReconciliationConservation(Base):
    """Whether all money that the files of a source state for a day is in one of the buckets."""

    __tablename__ = "reconciliation_conservation"

    day: Mapped[date] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    stated_rows: Mapped[int]
    stated_amount: Mapped[int]
    kept_rows: Mapped[int]
    kept_amount: Mapped[int]


class ReconciliationDrift(Base):
    """What orders should have brought by a source on a day, and what its records say; machine `` is unknown."""

    __tablename__ = "reconciliation_drift"

    day: Mapped[date] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    machine_code: Mapped[str] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    ours: Mapped[int]
    ours_count: Mapped[int]
    theirs: Mapped[int]
    theirs_count: Mapped[int]
    fee: Mapped[int]


class ReconciliationException(Base):
    """Something a person should look at. Its type and subject identify it, so what people say of it outlives runs."""

    __tablename__ = "reconciliation_exceptions"
    __table_args__ = (
        Index("reconciliation_exceptions_type_subject_key", "type", "subject", unique=True),
        Index("reconciliation_exceptions_day_ix", "day"),
        Index("reconciliation_exceptions_open_ix", "id", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    subject: Mapped[str]
    day: Mapped[date | None]
    order_id: Mapped[int | None]
    record_id: Mapped[int | None]
    source: Mapped[str | None]
    machine_code: Mapped[str | None]
    amount: Mapped[int]
    currency: Mapped[str]
    occurred_at: Mapped[datetime | None]
    reasons: Mapped[list[Any]] = mapped_column(JSONB)
    present: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[str]
    assignee_id: Mapped[int | None]
    outcome: Mapped[str | None]
    outcome_reason: Mapped[str | None]
    resolved_by_id: Mapped[int | None]
    resolved_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]


class ExceptionComment(Base):
    """What somebody said of an exception."""

    __tablename__ = "reconciliation_comments"

    id: Mapped[int] = mapped_column(primary_key=True)
    exception_id: Mapped[int] = mapped_column(index=True)
    text: Mapped[str]
    author_id: Mapped[int | None]
    author_name: Mapped[str]
    at: Mapped[datetime]


class MatchDecision(Base):
    """What a person has decided of a record and an order; it holds until a person takes it back."""

    __tablename__ = "reconciliation_decisions"
    __table_args__ = (
        Index(
            "reconciliation_decisions_standing_key",
            "record_id",
            "order_id",
            unique=True,
            postgresql_where=text("released_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    record_id: Mapped[int]
    order_id: Mapped[int]
    reason: Mapped[str]
    author_id: Mapped[int | None]
    author_name: Mapped[str]
    at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    released_by_id: Mapped[int | None]
    released_by: Mapped[str | None]


class GatewayPayout(Base):
    """What a gateway owed for a day, and the bank credit that paid it out."""

    __tablename__ = "reconciliation_payouts"

    gateway: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    currency: Mapped[str] = mapped_column(primary_key=True)
    gross: Mapped[int]
    fee: Mapped[int]
    record_id: Mapped[int | None]
    difference: Mapped[int]
    status: Mapped[str]


class CashPeriod(Base):
    """Cash of a machine between two collections: what orders brought, and what was taken out."""

    __tablename__ = "reconciliation_collections"

    record_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    record_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    machine_code: Mapped[str]
    currency: Mapped[str]
    since: Mapped[datetime | None]
    until: Mapped[datetime]
    expected: Mapped[int]
    collected: Mapped[int]
    status: Mapped[str]
