"""What Telegram signs of a person, and the checks of it. Pure: token and time are given.

Two things come signed: the fields of the Login Widget, and the init data of a Mini App. Init data can be checked in
two ways: with the bot's token (`hash`), or with a public key of Telegram by whoever knows only the bot's id
(`signature`). Sources: core.telegram.org/widgets/login and core.telegram.org/bots/webapps.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from vhm24r.identity.errors import TelegramDataInvalid, TelegramDataTooOld

PRODUCTION_KEY = "e7bf03a2fa4602af4580703d88dda5bb59f32ed8b02a56c187fe7d34caed242d"
TEST_KEY = "40055058a4ee38156a06562e52eece92a771bcd8346a8c4615cb7376eddf72ec"
"""Public keys of Telegram's two environments, by which it signs init data for third parties."""

WIDGET_MAX_AGE = timedelta(minutes=5)
INIT_DATA_MAX_AGE = timedelta(hours=1)
CLOCKS_DIFFER_BY = timedelta(seconds=30)
LONGEST = 8 * 1024
LARGEST_ID = 2**53
FIELD = re.compile("[a-z_]{1,32}")
LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class TelegramPerson:
    """Somebody whom Telegram vouches for. `proof` is the same for the same data, whoever sends it again."""

    id: int
    name: str
    username: str | None
    language: str | None
    proof: bytes
    signed_at: datetime


def check_widget(fields: Mapping[str, str], token: str, now: datetime) -> TelegramPerson:
    """The person of a Login Widget's fields.

    Raises:
        TelegramDataInvalid: they are not as this bot's widget signed them.
        TelegramDataTooOld: they are, and older than five minutes.
    """
    given = dict(fields)
    if not all(FIELD.fullmatch(name) and "\n" not in value for name, value in given.items()):
        raise TelegramDataInvalid(problem="form")  # what is joined by lines must not bring lines of its own
    claimed = given.pop("hash", "")
    secret = hashlib.sha256(token.encode()).digest()
    _require_equal(claimed, _signed(secret, _lines(given)))
    signed_at = _signed_at(given, now, WIDGET_MAX_AGE)
    return _person(given, _digest(claimed), signed_at)


def check_init_data(text: str, token: str, now: datetime) -> TelegramPerson:
    """The person of a Mini App's init data, by the bot's token. Everything is signed but the hash itself.

    Raises:
        TelegramDataInvalid, TelegramDataTooOld: as above; one hour.
    """
    given = _fields(text)
    claimed = given.pop("hash", "")
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    _require_equal(claimed, _signed(secret, _lines(given)))
    return _person_inside(given, _digest(claimed), _signed_at(given, now, INIT_DATA_MAX_AGE))


def check_signature(text: str, bot_id: int, public_keys: tuple[str, ...], now: datetime) -> TelegramPerson:
    """The person of a Mini App's init data, by Telegram's own signature; no token is needed.

    Raises:
        TelegramDataInvalid, TelegramDataTooOld: as above.
    """
    given = _fields(text)
    given.pop("hash", None)
    signature = _unbase64(given.pop("signature", ""))
    message = f"{bot_id}:WebAppData\n{_lines(given)}".encode()
    if not any(_verifies(key, signature, message) for key in public_keys):
        raise TelegramDataInvalid(problem="signature")
    return _person_inside(given, hashlib.sha256(signature).digest(), _signed_at(given, now, INIT_DATA_MAX_AGE))


def _fields(text: str) -> dict[str, str]:
    """Names and decoded values; a name that comes twice could mean two things."""
    if len(text) > LONGEST:
        raise TelegramDataInvalid(problem="length")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=32)
    except ValueError as error:
        raise TelegramDataInvalid(problem="form") from error
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise TelegramDataInvalid(problem="twice")
    return fields


def _lines(fields: Mapping[str, str]) -> str:
    return "\n".join(f"{name}={fields[name]}" for name in sorted(fields))


def _signed(secret: bytes, lines: str) -> str:
    return hmac.new(secret, lines.encode("utf-8", "surrogatepass"), "sha256").hexdigest()


def _require_equal(claimed: str, expected: str) -> None:
    if not hmac.compare_digest(claimed.encode("utf-8", "surrogatepass"), expected.encode()):
        raise TelegramDataInvalid(problem="hash")


def _digest(claimed: str) -> bytes:
    return hashlib.sha256(claimed.encode()).digest()


def _verifies(public_key: str, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _unbase64(text: str) -> bytes:
    """Base64 for addresses, without its padding."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TelegramDataInvalid(problem="signature") from error


def _signed_at(fields: Mapping[str, str], now: datetime, max_age: timedelta) -> datetime:
    """When it was signed: neither too long ago nor later than now."""
    text = fields.get("auth_date", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 11):
        raise TelegramDataInvalid(problem="auth_date")
    at = datetime.fromtimestamp(int(text), UTC)
    if at > now + CLOCKS_DIFFER_BY:
        raise TelegramDataInvalid(problem="auth_date")
    if now - at > max_age:
        raise TelegramDataTooOld(minutes=int(max_age.total_seconds()) // 60)
    return at


def _person_inside(fields: Mapping[str, str], proof: bytes, signed_at: datetime) -> TelegramPerson:
    """The person that init data has as JSON in its field `user`."""
    try:
        user = orjson.loads(fields.get("user", ""))
    except orjson.JSONDecodeError as error:
        raise TelegramDataInvalid(problem="user") from error
    if not isinstance(user, dict):
        raise TelegramDataInvalid(problem="user")
    return _person(user, proof, signed_at)


def _person(user: Mapping[str, Any], proof: bytes, signed_at: datetime) -> TelegramPerson:
    text = str(user.get("id", ""))
    if not (text.isascii() and text.isdecimal() and len(text) <= 16 and 0 < int(text) < LARGEST_ID):
        raise TelegramDataInvalid(problem="id")
    names = " ".join(filter(None, (_text(user, "first_name"), _text(user, "last_name"))))
    username = _text(user, "username")
    name = (names or username or text)[:LONGEST_NAME]
    return TelegramPerson(int(text), name, username, _text(user, "language_code"), proof, signed_at)


def _text(user: Mapping[str, Any], name: str) -> str | None:
    """A text of the person as it may be kept: what cannot be stored or shown is left out."""
    value = user.get(name)
    if not isinstance(value, str):
        return None
    return "".join(letter for letter in value if letter.isprintable()).strip()[:LONGEST_NAME] or None
