"""The demo: people of every role, a month of a vending network imported from its report files.

Runs only on a database marked `demo`, in a data folder of its own (decisions 24). Started again on
the same day it goes on with what is there; a demo of an earlier day stays as it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import func, select

from vhm24r.identity.errors import PersonNotFound
from vhm24r.identity.permissions import Role
from vhm24r.identity.service.coming_in import issue_link
from vhm24r.identity.service.people import create_person, first_with_role
from vhm24r.intake.models import Import
from vhm24r.intake.service import receiving
from vhm24r.intake.service.receiving import Arrival
from vhm24r.intake.service.running import run
from vhm24r.kit.actor import Actor
from vhm24r.kit.clock import business_day
from vhm24r.ops.demo import NetworkSpec, generate
from vhm24r.ops.process import Services
from vhm24r.ops.samples import FOLDER
from vhm24r.orders.models import Order
from vhm24r.platform.i18n import say
from vhm24r.reconciliation.models import ReconciliationException
from vhm24r.reconciliation.service.running import run_waiting

DEMO_DATA = "demo"


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What the greeting shows: one-time links by role, and the counts of the network."""

    links: dict[str, str]
    counts: dict[str, int]


async def prepare_demo(services: Services, url: str, note: Callable[[str], None], language: str) -> Demonstration:
    """People, reports and their imports, unless they are there; fresh sign-in links every time."""
    actor = Actor.system("demo")
    folder = services.settings.data_dir / FOLDER
    if not (folder / "manifest.json").exists():
        note(say("demo.generating", language))
        generate(month_until(services.clock.now(), services.settings.zone), folder)
    await _import_reports(services, actor, folder, note, language)
    note(say("demo.reconciling", language))
    await run_waiting(services.reconciler, actor)
    return Demonstration(await _links(services, actor, url), await _counts(services))


def month_until(now: datetime, zone: ZoneInfo) -> NetworkSpec:
    """The month that ends now: of today only the hours that have passed; in the first one, yesterday."""
    hour = now.astimezone(zone).hour
    today = business_day(now, zone)
    if hour == 0:
        return NetworkSpec(ends_on=today - timedelta(days=1))
    return NetworkSpec(ends_on=today, last_day_hours=hour)


async def _import_reports(
    services: Services, actor: Actor, folder: Path, note: Callable[[str], None], language: str
) -> None:
    async with services.db.read() as session:
        done = set((await session.execute(select(Import.name))).scalars())
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    for entry in manifest["files"]:
        path = folder / entry["path"]
        if entry["is_sample"] or path.name in done:
            continue
        note(say("demo.importing", language, {"name": path.name}))
        sha256 = await receiving.keep(services.blobs, Arrival(path, path.name), services.settings.upload_limit_mb)
        async with services.db.write() as session:
            row = await receiving.receive(session, actor, Arrival(path, path.name), sha256, services.clock.now())
        await run(services.intake, row.id)


async def _links(services: Services, actor: Actor, url: str) -> dict[str, str]:
    links = {}
    async with services.db.write() as session:
        now = services.clock.now()
        for role in Role:
            try:
                person = await first_with_role(session, role)
            except PersonNotFound:
                name = role.capitalize()
                person = await create_person(session, actor, name=name, role=role, now=now)
            links[role.value] = f"{url}/link/{await issue_link(session, actor, person, now, endless=True)}"
    return links


async def _counts(services: Services) -> dict[str, int]:
    async with services.db.read() as session:
        orders = (await session.execute(select(func.count()).select_from(Order))).scalar_one()
        imports = (await session.execute(select(func.count()).select_from(Import))).scalar_one()
        waiting = select(func.count()).select_from(ReconciliationException)
        exceptions = (await session.execute(waiting.where(ReconciliationException.state == "open"))).scalar_one()
    return {"orders": int(orders), "imports": int(imports), "exceptions": int(exceptions)}
