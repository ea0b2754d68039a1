"""Who acts: every service takes an Actor first and asks it before doing anything."""

from dataclasses import dataclass, field
from enum import StrEnum

from vhm24r.kit.errors import Forbidden, PartOnly


class ActorKind(StrEnum):
    """What stands behind an action."""

    PERSON = "person"
    API_KEY = "api_key"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Granted:
    """The machines and the sources that somebody may see; None is all of them."""

    machines: frozenset[str] | None = None
    sources: frozenset[str] | None = None

    def machine(self, code: str | None) -> bool:
        """Whether this machine is granted; what has none is for those who see all."""
        return self.machines is None or code in self.machines

    @property
    def everything(self) -> bool:
        """Whether nothing is held back."""
        return self.machines is None and self.sources is None

    def record(self, machine: str | None, source: str) -> bool:
        """Whether a record of this source is granted; one whose machine nobody knows is seen by its source."""
        return self.source(source) and (machine is None or self.machine(machine))

    def source(self, name: str | None) -> bool:
        """Whether this source is granted; what has none yet is everybody's."""
        return self.sources is None or name is None or name in self.sources


EVERYTHING = Granted()


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated author of actions with the permissions it holds right now.

    `id` is the person behind it, also behind an API key; None for the product itself.
    """

    kind: ActorKind
    id: int | None
    name: str
    permissions: frozenset[str] = field(default_factory=frozenset)
    granted: Granted = EVERYTHING

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

    def require_everything(self) -> None:
        """Pass, or refuse what adds up over machines and sources that the actor may not see.

        Raises:
            PartOnly: some are held back.
        """
        if not self.granted.everything:
            raise PartOnly

    @classmethod
    def system(cls, name: str) -> "Actor":
        """The product itself (a job, a command on the machine), named for the audit log."""
        return cls(ActorKind.SYSTEM, None, name)
