"""What orders tell upwards."""

from dataclasses import dataclass

from vhm24r.platform.events import BulkEvent


@dataclass(frozen=True, slots=True)
class OrdersChanged(BulkEvent):
    """Orders were created or changed; which ones is in `order_creations` and `order_changes` under the change set."""
