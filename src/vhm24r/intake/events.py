"""What intake tells upwards."""

from dataclasses import dataclass

from vhm24r.platform.events import BulkEvent, Event


@dataclass(frozen=True, slots=True)
class ImportApplied(BulkEvent):
    """A file's rows are in."""

    import_id: int


@dataclass(frozen=True, slots=True)
class ImportUndone(BulkEvent):
    """A file's rows are out again."""

    import_id: int


@dataclass(frozen=True, slots=True)
class ImportFailed(Event):
    """A file was not taken; nothing of it was written."""

    import_id: int
    code: str
