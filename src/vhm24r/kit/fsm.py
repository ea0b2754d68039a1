"""State machines as tables: which status may follow which."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from vhm24r.kit.errors import Conflict

S = TypeVar("S", bound=StrEnum)


class IllegalTransition(Conflict):
    """The table does not allow this step."""

    code = "state.illegal_transition"


@dataclass(frozen=True, slots=True)
class Machine(Generic[S]):
    """Allowed steps of one kind of thing. A status without an entry is an end."""

    name: str
    steps: Mapping[S, frozenset[S]]

    def allows(self, old: S, new: S) -> bool:
        """Whether `new` may follow `old`."""
        return new in self.steps.get(old, frozenset())

    def check(self, old: S, new: S) -> bool:
        """True when a step is to be made, False when already there (which is success).

        Raises:
            IllegalTransition: the table has no such step.
        """
        if old == new:
            return False
        if not self.allows(old, new):
            raise IllegalTransition(machine=self.name, old=old, new=new)
        return True

    def diagram(self) -> str:
        """The table as a Mermaid state diagram, for the docs."""
        lines = [f"    {old} --> {new}" for old, news in self.steps.items() for new in sorted(news)]
        return "\n".join(["stateDiagram-v2", *lines])
