"""Words of identity."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LINK_LIFETIME = timedelta(minutes=10)
SESSION_COOKIE = "vhm24r_session"


class PersonStatus(StrEnum):
    """Whether somebody may come in."""

    PENDING = "pending"
    APPROVED = "approved"
    BLOCKED = "blocked"
    DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The outcome of a sign-in: the session's secret, to be put into a cookie once."""

    person_id: int
    token: str
