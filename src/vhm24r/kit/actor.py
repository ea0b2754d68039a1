"""Who acts: every service takes an Actor first and asks it before doing anything."""

from dataclasses import dataclass, field
from enum import StrEnum

from vhm24r.kit.errors import Forbidden


class ActorKind(StrEnum):
    """What stands behind an action."""

    PERSON = "person"
    API_KEY = "api_key"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated author of actions with the permissions it holds right now."""

    kind: ActorKind
    id: int | None
    name: str
    permissions: frozenset[str] = field(default_factory=frozenset)

    def can(self, permission: str) -> bool:
        """Whether this actor holds `permission`; the system holds every one."""
        return self.kind is ActorKind.SYSTEM or permission in self.permissions

    def require(self, permission: str) -> None:
        """Pass, or refuse.

        Raises:
            Forbidden: the actor lacks the permission.
        """
        if not self.can(permission):
            raise Forbidden(permission=str(permission))

    @classmethod
    def system(cls, name: str) -> "Actor":
        """The product itself (a job, a command on the machine), named for the audit log."""
        return cls(ActorKind.SYSTEM, None, name)
