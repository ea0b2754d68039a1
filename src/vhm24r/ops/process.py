"""What one running process works with; made by `vhm24r.main.open_services`."""

from dataclasses import dataclass

from vhm24r.identity.service.access import Access
from vhm24r.identity.service.privacy import Keeper
from vhm24r.intake.service.running import Intake
from vhm24r.kit.clock import Clock
from vhm24r.platform.blobs import BlobStore
from vhm24r.platform.db import Database
from vhm24r.platform.events import EventBus
from vhm24r.platform.jobs import Jobs
from vhm24r.platform.live import LiveHub
from vhm24r.reconciliation.service.running import Reconciler
from vhm24r.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the edges need to call a use case."""

    settings: Settings
    clock: Clock
    db: Database
    blobs: BlobStore
    jobs: Jobs
    live: LiveHub
    bus: EventBus
    intake: Intake
    reconciler: Reconciler
    access: Access
    keepers: tuple[Keeper, ...]
