"""Signing as Telegram does, with a token and a key pair of our own: what tests come in with."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TOKEN = "123456:test-token-abc"
BOT_ID = 123456
PRIVATE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = PRIVATE_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def lines(fields: Mapping[str, str]) -> str:
    """What is signed: names and values, sorted, one a line."""
    return "\n".join(f"{name}={value}" for name, value in sorted(fields.items()))


def widget_fields(at: datetime, *, token: str = TOKEN, **given: str) -> dict[str, str]:
    """What the Login Widget hands over."""
    fields = {"id": "777", "first_name": "Test", "auth_date": str(int(at.timestamp())), **given}
    secret = hashlib.sha256(token.encode()).digest()
    return {**fields, "hash": hmac.new(secret, lines(fields).encode(), "sha256").hexdigest()}


def init_fields(
    at: datetime, *, token: str = TOKEN, user: Mapping[str, object] | str | None = None, **given: str
) -> dict[str, str]:
    """What a Mini App gets, as fields: signed for us (`hash`) and for third parties (`signature`)."""
    person = (
        user
        if isinstance(user, str)
        else json.dumps({"id": 777, "first_name": "Test", "language_code": "en", **(user or {})}, separators=(",", ":"))
    )
    fields = {
        "query_id": "AAF", "user": person,
        "auth_date": str(int(at.timestamp())), **given,
    }  # fmt: skip
    bot_id = token.partition(":")[0]
    signature = PRIVATE_KEY.sign(f"{bot_id}:WebAppData\n{lines(fields)}".encode())
    fields["signature"] = base64.urlsafe_b64encode(signature).decode().rstrip("=")
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    return {**fields, "hash": hmac.new(secret, lines(fields).encode(), "sha256").hexdigest()}


def init_data(at: datetime, *, token: str = TOKEN, user: Mapping[str, object] | str | None = None, **given: str) -> str:
    """The same as Telegram passes it on: one text."""
    return urlencode(init_fields(at, token=token, user=user, **given))
