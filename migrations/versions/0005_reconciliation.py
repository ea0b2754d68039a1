"""Reconciliation: runs and what they find, what people decide, statuses beside orders, how matches are explained.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "order_match_statuses",
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("match_status", sa.Text(), nullable=False),
        sa.Column("findings", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("order_match_statuses_pkey")),
    )
    op.create_index(
        "order_match_statuses_conflict_ix",
        "order_match_statuses",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("match_status = 'number_conflict'"),
    )
    op.create_table(
        "reconciliation_buckets",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "source", "currency", "bucket", "why", name=op.f("reconciliation_buckets_pkey")),
    )
    op.create_table(
        "reconciliation_clocks",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.BigInteger(), nullable=True),
        sa.Column("machine_code", sa.Text(), nullable=True),
        sa.Column("ahead_s", sa.Integer(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "party", name=op.f("reconciliation_clocks_pkey")),
    )
    op.create_index("reconciliation_clocks_terminal_id_ix", "reconciliation_clocks", ["terminal_id"], unique=False)
    op.create_table(
        "reconciliation_collections",
        sa.Column("record_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("machine_code", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("collected", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("reconciliation_collections_pkey")),
    )
    op.create_table(
        "reconciliation_comments",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("exception_id", sa.BigInteger(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliation_comments_pkey")),
    )
    op.create_index(
        op.f("reconciliation_comments_exception_id_ix"), "reconciliation_comments", ["exception_id"], unique=False
    )
    op.create_table(
        "reconciliation_conservation",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("stated_rows", sa.BigInteger(), nullable=False),
        sa.Column("stated_amount", sa.BigInteger(), nullable=False),
        sa.Column("kept_rows", sa.BigInteger(), nullable=False),
        sa.Column("kept_amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "source", "currency", name=op.f("reconciliation_conservation_pkey")),
    )
    op.create_table(
        "reconciliation_coverage",
        sa.Column("file_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "account", name=op.f("reconciliation_coverage_pkey")),
    )
    op.create_table(
        "reconciliation_decisions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=True),
        sa.Column("author_name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliation_decisions_pkey")),
    )
    op.create_index(
        "reconciliation_decisions_standing_key",
        "reconciliation_decisions",
        ["record_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "reconciliation_drift",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("machine_code", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("ours", sa.BigInteger(), nullable=False),
        sa.Column("ours_count", sa.BigInteger(), nullable=False),
        sa.Column("theirs", sa.BigInteger(), nullable=False),
        sa.Column("theirs_count", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "source", "machine_code", "currency", name=op.f("reconciliation_drift_pkey")),
    )
    op.create_table(
        "reconciliation_exceptions",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.Column("record_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("machine_code", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("assignee_id", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_reason", sa.Text(), nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliation_exceptions_pkey")),
    )
    op.create_index("reconciliation_exceptions_day_ix", "reconciliation_exceptions", ["day"], unique=False)
    op.create_index(
        "reconciliation_exceptions_open_ix",
        "reconciliation_exceptions",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(
        "reconciliation_exceptions_type_subject_key", "reconciliation_exceptions", ["type", "subject"], unique=True
    )
    op.create_table(
        "reconciliation_outcomes",
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("record_id", name=op.f("reconciliation_outcomes_pkey")),
    )
    op.create_index("reconciliation_outcomes_day_ix", "reconciliation_outcomes", ["day"], unique=False)
    op.create_table(
        "reconciliation_payouts",
        sa.Column("gateway", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("gross", sa.BigInteger(), nullable=False),
        sa.Column("fee", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=True),
        sa.Column("difference", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "day", "currency", name=op.f("reconciliation_payouts_pkey")),
    )
    op.create_table(
        "reconciliation_requests",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("change_set_id", sa.BigInteger(), nullable=True),
        sa.Column("day_from", sa.Date(), nullable=True),
        sa.Column("day_to", sa.Date(), nullable=True),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliation_requests_pkey")),
    )
    op.create_table(
        "reconciliation_runs",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("day_from", sa.Date(), nullable=True),
        sa.Column("day_to", sa.Date(), nullable=True),
        sa.Column("orders", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("conserved", sa.Boolean(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliation_runs_pkey")),
    )
    op.create_table(
        "reconciliation_terminals",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("home", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("reconciliation_terminals_pkey")),
    )
    op.create_index(
        "reconciliation_terminals_source_account_place_key",
        "reconciliation_terminals",
        ["source", "account", "place"],
        unique=True,
    )
    op.add_column("evidence_matches", sa.Column("seconds", sa.Integer(), nullable=True))
    op.add_column("evidence_matches", sa.Column("ahead_s", sa.Integer(), nullable=True))
    op.add_column("evidence_matches", sa.Column("margin_s", sa.Integer(), nullable=True))
    op.alter_column("evidence_matches", "reasons", existing_type=postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    op.drop_index(
        op.f("evidence_matches_live_key"), table_name="evidence_matches", postgresql_where="(withdrawn_at IS NULL)"
    )
    op.create_index(
        "evidence_matches_live_key",
        "evidence_matches",
        ["record_id", "order_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.drop_index("evidence_matches_order_id_ix", table_name="evidence_matches")
    op.create_index(
        "evidence_matches_order_id_ix",
        "evidence_matches",
        ["order_id"],
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_index(
        "evidence_records_level_ix",
        "evidence_records",
        ["source"],
        unique=False,
        postgresql_where=sa.text("source IN ('bank', 'cash_collection') AND current"),
    )
    op.create_index(
        "evidence_records_loose_ix",
        "evidence_records",
        [sa.literal_column("coalesce(occurred_at, '1970-01-01 00:00:00+00'::timestamptz)")],
        unique=False,
        postgresql_where=sa.text("order_id IS NULL AND current"),
    )
    op.create_index(
        "evidence_records_past_ix",
        "evidence_records",
        ["record_id"],
        unique=False,
        postgresql_where=sa.text("NOT current AND NOT withdrawn"),
    )
    op.drop_column("orders", "match_status")
    op.create_index(
        "evidence_matches_manual_ix",
        "evidence_matches",
        ["record_id"],
        postgresql_where=sa.text("kind = 'manual' AND withdrawn_at IS NULL"),
    )
    op.execute(
        "INSERT INTO reconciliation_decisions (kind, record_id, order_id, reason, author_name, at)"
        " SELECT 'match', record_id, order_id, 'matched before', '', now() FROM evidence_matches"
        " WHERE kind = 'manual' AND withdrawn_at IS NULL"
    )
    op.execute(
        "INSERT INTO reconciliation_requests (requested_at)"
        " SELECT now() WHERE EXISTS (SELECT FROM orders) OR EXISTS (SELECT FROM evidence_records)"
    )


def downgrade() -> None:
    """Go back. Matches made by rules are derived and would not fit; of those made by hand a record keeps one."""
    op.execute("DELETE FROM evidence_matches WHERE kind = 'auto'")
    op.execute(
        "DELETE FROM evidence_matches m USING evidence_matches n WHERE m.record_id = n.record_id AND m.id > n.id"
        " AND m.withdrawn_at IS NULL AND n.withdrawn_at IS NULL"
    )
    op.drop_index("evidence_matches_manual_ix", table_name="evidence_matches")
    op.drop_index("evidence_matches_order_id_ix", table_name="evidence_matches")
    op.create_index("evidence_matches_order_id_ix", "evidence_matches", ["order_id"])
    op.add_column("orders", sa.Column("match_status", sa.TEXT(), autoincrement=False, nullable=True))
    op.drop_index(
        "evidence_records_past_ix",
        table_name="evidence_records",
        postgresql_where=sa.text("NOT current AND NOT withdrawn"),
    )
    op.drop_index(
        "evidence_records_loose_ix",
        table_name="evidence_records",
        postgresql_where=sa.text("order_id IS NULL AND current"),
    )
    op.drop_index(
        "evidence_records_level_ix",
        table_name="evidence_records",
        postgresql_where=sa.text("source IN ('bank', 'cash_collection') AND current"),
    )
    op.drop_index(
        "evidence_matches_live_key", table_name="evidence_matches", postgresql_where=sa.text("withdrawn_at IS NULL")
    )
    op.create_index(
        op.f("evidence_matches_live_key"),
        "evidence_matches",
        ["record_id"],
        unique=True,
        postgresql_where="(withdrawn_at IS NULL)",
    )
    op.alter_column(
        "evidence_matches", "reasons", existing_type=postgresql.JSONB(astext_type=sa.Text()), nullable=False
    )
    op.drop_column("evidence_matches", "margin_s")
    op.drop_column("evidence_matches", "ahead_s")
    op.drop_column("evidence_matches", "seconds")
    op.drop_index("reconciliation_terminals_source_account_place_key", table_name="reconciliation_terminals")
    op.drop_table("reconciliation_terminals")
    op.drop_table("reconciliation_runs")
    op.drop_table("reconciliation_requests")
    op.drop_table("reconciliation_payouts")
    op.drop_index("reconciliation_outcomes_day_ix", table_name="reconciliation_outcomes")
    op.drop_table("reconciliation_outcomes")
    op.drop_index("reconciliation_exceptions_type_subject_key", table_name="reconciliation_exceptions")
    op.drop_index(
        "reconciliation_exceptions_open_ix",
        table_name="reconciliation_exceptions",
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index("reconciliation_exceptions_day_ix", table_name="reconciliation_exceptions")
    op.drop_table("reconciliation_exceptions")
    op.drop_table("reconciliation_drift")
    op.drop_index(
        "reconciliation_decisions_standing_key",
        table_name="reconciliation_decisions",
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.drop_table("reconciliation_decisions")
    op.drop_table("reconciliation_coverage")
    op.drop_table("reconciliation_conservation")
    op.drop_index(op.f("reconciliation_comments_exception_id_ix"), table_name="reconciliation_comments")
    op.drop_table("reconciliation_comments")
    op.drop_table("reconciliation_collections")
    op.drop_index("reconciliation_clocks_terminal_id_ix", table_name="reconciliation_clocks")
    op.drop_table("reconciliation_clocks")
    op.drop_table("reconciliation_buckets")
    op.drop_index(
        "order_match_statuses_conflict_ix",
        table_name="order_match_statuses",
        postgresql_where=sa.text("match_status = 'number_conflict'"),
    )
    op.drop_table("order_match_statuses")
