"""Tables of imports."""

from datetime import datetime
from typing import Any

from sqlalchemy import Double, Index, Integer, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vhm24r.platform.db import Base


class Import(Base):
    """One file somebody brought, what became of it, and what it changed."""

    __tablename__ = "imports"
    __table_args__ = (Index("imports_status_id_ix", "status", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(index=True)
    status: Mapped[str]
    dry_run: Mapped[bool]
    wanted_source: Mapped[str | None]
    format: Mapped[str | None]
    source: Mapped[str | None]
    confidence: Mapped[float | None] = mapped_column(Double)
    tables: Mapped[list[Any] | None] = mapped_column(JSONB)
    preview: Mapped[dict[str, Any] | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    change_set_id: Mapped[int | None]
    duplicate_of: Mapped[int | None]
    similar_to: Mapped[int | None]
    similar_percent: Mapped[int | None] = mapped_column(SmallInteger)
    undo: Mapped[dict[str, Any] | None]
    rows_total: Mapped[int] = mapped_column(Integer, default=0)
    rows_new: Mapped[int] = mapped_column(Integer, default=0)
    rows_filled: Mapped[int] = mapped_column(Integer, default=0)
    rows_changed: Mapped[int] = mapped_column(Integer, default=0)
    rows_unchanged: Mapped[int] = mapped_column(Integer, default=0)
    rows_skipped: Mapped[int] = mapped_column(Integer, default=0)
    rows_issues: Mapped[int] = mapped_column(Integer, default=0)
    effect: Mapped[dict[str, Any] | None]
    error_code: Mapped[str | None]
    error_params: Mapped[dict[str, Any] | None]
    phase: Mapped[str | None]
    progress_done: Mapped[int] = mapped_column(Integer, default=0)
    progress_total: Mapped[int | None] = mapped_column(Integer)
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None]
    actor_name: Mapped[str]
    granted_sources: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class ImportIssue(Base):
    """Something about one row (or the file) that a person should know, with its place."""

    __tablename__ = "import_issues"

    import_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    code: Mapped[str]
    level: Mapped[str]
    sheet: Mapped[str | None]
    row: Mapped[int | None] = mapped_column(Integer)
    column: Mapped[str | None]
    value: Mapped[str | None]
    params: Mapped[dict[str, Any]]
    sheet_index: Mapped[int | None] = mapped_column(SmallInteger)
    member: Mapped[str | None]
    page: Mapped[int | None] = mapped_column(Integer)
    cells: Mapped[list[str]] = mapped_column(ARRAY(Text))


class ColumnMapping(Base):
    """What the columns of a layout mean, as a person said it; `header` are its folded cells."""

    __tablename__ = "column_mappings"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    header: Mapped[list[str]] = mapped_column(ARRAY(Text))
    said: Mapped[dict[str, Any]]
    actor_id: Mapped[int | None]
    actor_name: Mapped[str]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
