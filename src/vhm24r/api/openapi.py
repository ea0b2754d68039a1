"""The OpenAPI document on its own, for the page's typed client: `python -m vhm24r.api.openapi`."""

import sys
from datetime import UTC, datetime
from typing import Any, cast

import orjson
from fastapi import FastAPI

from vhm24r.api.app import build_app
from vhm24r.identity.service.access import Access
from vhm24r.identity.signing import Signer
from vhm24r.intake.reader_process import Limits, Readers
from vhm24r.intake.service.running import Intake
from vhm24r.kit.clock import FixedClock
from vhm24r.ops.process import Services
from vhm24r.platform.blobs import BlobStore
from vhm24r.platform.db import Database
from vhm24r.platform.events import EventBus
from vhm24r.platform.jobs import Jobs
from vhm24r.platform.live import LiveHub
from vhm24r.platform.rates import Counters
from vhm24r.reconciliation.service.running import Reconciler
from vhm24r.settings import Settings

NOWHERE = "postgresql+psycopg://nobody@localhost/nowhere"


def application() -> FastAPI:
    """The application as it is, connected to nothing."""
    settings = Settings.load(database_url=NOWHERE)
    clock, db, bus = FixedClock(datetime(2025, 1, 1, tzinfo=UTC)), Database(NOWHERE), EventBus()
    blobs = cast("BlobStore", None)  # no route touches it while it is only described
    readers = Readers(Limits(settings.reader_memory_mb, settings.reader_seconds))
    intake = Intake(db, blobs, bus, clock, settings.zone, readers, settings.data_dir / "known-rows")
    reconciler = Reconciler(db, bus, clock, settings.zone)
    access = Access(db, clock, bus, Signer(b""), Counters(db, clock))
    services = Services(
        settings, clock, db, blobs, Jobs(db.conninfo), LiveHub(db.conninfo), bus, intake, reconciler, access, ()
    )
    return build_app(services)


def document() -> dict[str, Any]:
    """The document of the routes as they are."""
    return application().openapi()


def text() -> str:
    """The document as it lies in `web/openapi.json`."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
