"""Tables of the audit log."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Index
from sqlalchemy.orm import Mapped, mapped_column

from vhm24r.platform.db import Base


class AuditEntry(Base):
    """One deed. `subject` names what it was about (`order:ff00…`, `import:12`)."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "subject", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor_kind: Mapped[str]
    actor_id: Mapped[int | None]
    actor_name: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    reason: Mapped[str | None]
    data: Mapped[dict[str, Any]]
    request_id: Mapped[str | None]


class AuditSeal(Base):
    """A batch of entries, sealed: `hash` is over the hash of the seal before and all of the entries."""

    __tablename__ = "audit_seals"

    id: Mapped[int] = mapped_column(primary_key=True)
    sealed_at: Mapped[datetime]
    entry_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    hash: Mapped[bytes]
