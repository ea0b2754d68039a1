"""The one table of who may do what (decisions 26)."""

from enum import StrEnum


class Permission(StrEnum):
    """`resource:action`, alphabetised."""

    ALERTS_WATCH = "alerts:watch"
    AUDIT_READ = "audit:read"
    EVENTS_WATCH = "events:watch"
    IMPORTS_READ = "imports:read"
    IMPORTS_WRITE = "imports:write"
    KEYS_WRITE = "keys:write"
    MACHINES_READ = "machines:read"
    MACHINES_WRITE = "machines:write"
    MATCHES_READ = "matches:read"
    MATCHES_WRITE = "matches:write"
    ORDERS_EXPORT = "orders:export"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    PROFILE_WRITE = "profile:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"


class Role(StrEnum):
    """What a person is to this business, highest first."""

    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    CUSTOMER = "customer"


_CUSTOMER = frozenset({Permission.PROFILE_WRITE})
_VIEWER = _CUSTOMER | {
    Permission.EVENTS_WATCH,
    Permission.IMPORTS_READ,
    Permission.KEYS_WRITE,
    Permission.MACHINES_READ,
    Permission.MATCHES_READ,
    Permission.ORDERS_READ,
}
_OPERATOR = _VIEWER | {
    Permission.IMPORTS_WRITE,
    Permission.MACHINES_WRITE,
    Permission.MATCHES_WRITE,
    Permission.ORDERS_EXPORT,
    Permission.ORDERS_WRITE,
}
_ADMIN = _OPERATOR | {
    Permission.ALERTS_WATCH,
    Permission.AUDIT_READ,
    Permission.PEOPLE_READ,
    Permission.PEOPLE_WRITE,
    Permission.SETTINGS_READ,
    Permission.SETTINGS_WRITE,
}

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: _ADMIN,
    Role.OPERATOR: _OPERATOR,
    Role.VIEWER: _VIEWER,
    Role.CUSTOMER: _CUSTOMER,
}

LIMITABLE = frozenset({Role.OPERATOR, Role.VIEWER})
"""Roles that can be limited to some machines or sources."""

WHOLE_FILES = frozenset({Permission.IMPORTS_READ, Permission.IMPORTS_WRITE})
"""What somebody limited to some machines does not hold: a file speaks of all of them."""

NEVER_BY_KEY = frozenset({Permission.KEYS_WRITE, Permission.PEOPLE_WRITE, Permission.PROFILE_WRITE})
"""What a program never does: make keys, or decide about people."""


def reaches(actor: Role, other: Role) -> bool:
    """Whether somebody of one role may decide about people of another: about all but owners; an owner about all."""
    return actor is Role.OWNER or other is not Role.OWNER


def outranks(actor: Role, other: Role) -> bool:
    """Whether one may act in the place of the other: an owner of anybody, the rest of lower roles alone."""
    roles = list(Role)
    return actor is Role.OWNER or roles.index(actor) < roles.index(other)
