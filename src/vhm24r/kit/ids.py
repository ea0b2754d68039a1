"""Identifiers: for people (no look-alikes), for the wire (random), and derived from facts."""

import hashlib
import secrets
import uuid
from collections.abc import Iterable

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""No 0/O, 1/I/L: an id read aloud or copied by hand arrives as it left."""


def public_id(length: int = 8) -> str:
    """A random identifier for people; 8 characters hold 8·10¹¹ values."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def derived_id(facts: Iterable[str], length: int = 12) -> str:
    """The identifier that these facts always give; the unit separator keeps ("ab","c") ≠ ("a","bc")."""
    value = int.from_bytes(hashlib.sha256("\x1f".join(facts).encode()).digest(), "big")
    digits = []
    for _ in range(length):
        value, digit = divmod(value, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(digits)


def correlation_id() -> str:
    """Ties the log lines of one request, its jobs and its webhooks together."""
    return uuid.uuid4().hex


def secret_token(size: int = 32) -> str:
    """A URL-safe secret of `size` random bytes; only its hash is ever stored."""
    return secrets.token_urlsafe(size)


def token_hash(token: str) -> bytes:
    """What is stored of a secret token."""
    return hashlib.sha256(token.encode()).digest()
