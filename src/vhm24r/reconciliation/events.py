"""What reconciliation tells upwards."""

from dataclasses import dataclass

from vhm24r.platform.events import Event


@dataclass(frozen=True, slots=True)
class ReconciliationFinished(Event):
    """A run has ended, and what it found stands."""

    run_id: int
    days: int
    conserved: bool
