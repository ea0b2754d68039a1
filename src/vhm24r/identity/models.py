"""Tables of people and their ways in. No secret is in them: of tokens there are hashes alone."""

from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from vhm24r.platform.db import Base


class Person(Base):
    """Somebody who may sign in, or would like to. `machines` and `sources` are those granted; null is all."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    telegram_id: Mapped[int | None] = mapped_column(unique=True)
    username: Mapped[str | None]
    role: Mapped[str]
    status: Mapped[str]
    language: Mapped[str]
    machines: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    sources: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]


class SignInLink(Base):
    """A one-time way in; `expires_at` is empty only in the demo."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class UsedProof(Base):
    """Widget data that has signed somebody in; kept until it is too old to be shown again."""

    __tablename__ = "used_proofs"

    proof: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]


class Session(Base):
    """A signed-in device. It ends when it is revoked, idle for too long (since `seen_at`), or too old."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    way: Mapped[str]
    user_agent: Mapped[str | None]
    ip: Mapped[str | None]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RefreshToken(Base):
    """One of the tokens a session was carried on with, of which the last one is unused. The used ones stay as long as
    the session does: whoever shows one has a copy.
    """

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    session_id: Mapped[int] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"), index=True)
    issued_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SigningKey(Base):
    """A key that access tokens are signed with: its name, and a fingerprint that tells whether this process can derive
    it. The key itself follows from the name and the secret of the installation.
    """

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class ApiKey(Base):
    """A way in for a program. `prefix` is its beginning, by which people tell it apart."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
