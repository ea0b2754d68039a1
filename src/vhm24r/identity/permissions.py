"""The one table of who may do what (decisions 26)."""

from enum import StrEnum


class Permission(StrEnum):
    """`resource:action`, alphabetised."""

    AUDIT_READ = "audit:read"
    EVENTS_WATCH = "events:watch"
    IMPORTS_READ = "imports:read"
    IMPORTS_WRITE = "imports:write"
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
    """What a person is to this business."""

    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    VIEWER = "viewer"
    CUSTOMER = "customer"


_CUSTOMER = frozenset({Permission.PROFILE_WRITE})
_VIEWER = _CUSTOMER | {
    Permission.EVENTS_WATCH,
    Permission.IMPORTS_READ,
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
