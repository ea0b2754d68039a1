"""What evidence tells upwards."""

from dataclasses import dataclass

from vhm24r.platform.events import BulkEvent


@dataclass(frozen=True, slots=True)
class RecordsChanged(BulkEvent):
    """Records were stated, restated or withdrawn by the file of this change set."""

    file_id: int
