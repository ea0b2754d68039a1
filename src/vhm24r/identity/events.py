"""What happened to people: each names the person, and nothing else about it."""

from dataclasses import dataclass

from vhm24r.platform.events import Event


@dataclass(frozen=True, slots=True)
class PersonEvent(Event):
    """A fact about one person."""

    person_id: int


class AccessRequested(PersonEvent):
    """Somebody unknown came in with Telegram and waits."""


class PersonApproved(PersonEvent):
    """An administrator has let the person in."""


class PersonRejected(PersonEvent):
    """An administrator has turned the person down."""


class PersonBlocked(PersonEvent):
    """The person is out, and so are all of its sessions and keys."""


class PersonUnblocked(PersonEvent):
    """The person may come in again."""


class RoleChanged(PersonEvent):
    """The person has other rights than before."""


@dataclass(frozen=True, slots=True)
class PersonErased(PersonEvent):
    """The person asked to be forgotten: whoever keeps its name puts `alias` in its place."""

    alias: str
