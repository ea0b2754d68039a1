"""Words of identity."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address, ip_network

from vhm24r.kit.fsm import Machine

LINK_LIFETIME = timedelta(minutes=10)
ACCESS_LIFETIME = timedelta(minutes=15)
RACE_PATIENCE = timedelta(seconds=10)
"""For how long a refresh token that was just used counts as a race of two windows, not as theft (decisions 27)."""

KEY_PREFIX = "vhm24r_"


class PersonStatus(StrEnum):
    """Whether somebody may come in."""

    PENDING = "pending"
    APPROVED = "approved"
    BLOCKED = "blocked"
    DEACTIVATED = "deactivated"


PERSON = Machine(
    "person",
    {
        PersonStatus.PENDING: frozenset({PersonStatus.APPROVED, PersonStatus.DEACTIVATED, PersonStatus.BLOCKED}),
        PersonStatus.APPROVED: frozenset({PersonStatus.BLOCKED, PersonStatus.DEACTIVATED}),
        PersonStatus.BLOCKED: frozenset({PersonStatus.APPROVED, PersonStatus.DEACTIVATED}),
        PersonStatus.DEACTIVATED: frozenset({PersonStatus.APPROVED}),
    },
)


class Way(StrEnum):
    """How somebody came in."""

    LINK = "link"
    WIDGET = "widget"
    MINI_APP = "mini_app"


@dataclass(frozen=True, slots=True)
class Client:
    """What is known of the other end: its address, and what it calls itself."""

    ip: str
    agent: str | None = None

    @property
    def place(self) -> str:
        """What attempts are counted by, as a hash: the address, or the network that one household has of IPv6."""
        try:
            address = ip_address(self.ip)
        except ValueError:
            network = self.ip
        else:
            network = str(ip_network((address, 64), strict=False) if address.version == 6 else address)
        return hashlib.sha256(network.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a session is carried on with. Both are secrets; only the hash of `refresh` is stored."""

    session_id: int
    access: str
    refresh: str
    expires_at: datetime
    """When `access` ends."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The outcome of a sign-in or a refresh."""

    person_id: int
    tokens: Tokens
