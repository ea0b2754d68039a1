"""Access tokens: short-lived JWTs, and the keys they are signed with.

A key is derived from the secret of the installation and its name (`kid`); the database knows names alone, so a copy of
the database signs nothing. Keys are rotated by adding a name; a retired one is believed as long as tokens of it live.
"""

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from vhm24r.identity.errors import TokenExpired, TokenInvalid
from vhm24r.identity.types import ACCESS_LIFETIME
from vhm24r.kit.ids import public_id

ALGORITHM = "HS256"
AUDIENCE = "vhm24r"
CLOCKS_DIFFER_BY = timedelta(seconds=30)
FINGERPRINT_BYTES = 16


class UnknownKey(TokenInvalid):
    """A token names a key that this process does not know (yet)."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says."""

    session_id: int
    person_id: int


@dataclass(slots=True)
class Signer:
    """Makes and reads access tokens with the keys it was told of; the newest signs."""

    secret: bytes
    _keys: dict[str, bytes] = field(default_factory=dict)
    _newest: str | None = None

    def fingerprint(self, kid: str) -> bytes:
        """Tells whether another process derives the same key of this name."""
        return hmac.digest(self.secret, b"fingerprint:" + kid.encode(), "sha256")[:FINGERPRINT_BYTES]

    def know(self, kids: list[str]) -> None:
        """Believe these keys, and no others; the last one signs."""
        self._keys = {kid: hmac.digest(self.secret, b"access-token:" + kid.encode(), "sha256") for kid in kids}
        self._newest = kids[-1] if kids else None

    @property
    def ready(self) -> bool:
        """Whether there is a key to sign with."""
        return self._newest is not None

    def make(self, claims: Claims, now: datetime) -> tuple[str, datetime]:
        """A token, and when it ends."""
        if self._newest is None:
            raise TokenInvalid(problem="no key")
        ends = now + ACCESS_LIFETIME
        said = {
            "aud": AUDIENCE, "sid": claims.session_id, "sub": str(claims.person_id),
            "iat": int(now.timestamp()), "exp": int(ends.timestamp()),
        }  # fmt: skip
        return jwt.encode(said, self._keys[self._newest], ALGORITHM, headers={"kid": self._newest}), ends

    def read(self, token: str, now: datetime) -> Claims:
        """What a token of ours says.

        Raises:
            UnknownKey, TokenInvalid, TokenExpired.
        """
        said = self._verified(token)
        session_id, person_id, issued, ends = said["sid"], said["sub"], said["iat"], said["exp"]
        if not all(type(number) is int for number in (session_id, issued, ends)) or not person_id.isdecimal():
            raise TokenInvalid(problem="claims")
        if issued > (now + CLOCKS_DIFFER_BY).timestamp():
            raise TokenInvalid(problem="future")
        if datetime.fromtimestamp(ends, UTC) <= now:
            raise TokenExpired
        return Claims(session_id, int(person_id))

    def _verified(self, token: str) -> dict[str, Any]:
        """Only our algorithm is tried, whatever the token says of itself; times are read by our clock."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            if kid not in self._keys:
                raise UnknownKey(problem="kid")
            options = {"require": ["aud", "exp", "iat", "sid", "sub"], "verify_exp": False, "verify_iat": False}
            found: dict[str, Any] = jwt.decode(
                token,
                self._keys[kid],
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options=options,  # type: ignore[arg-type]  # the library's own words
            )
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise TokenInvalid(problem=type(error).__name__) from error
        return found


def new_kid(now: datetime) -> str:
    """A name that was never used."""
    return f"{now:%Y%m%d}-{public_id()}"
