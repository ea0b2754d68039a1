"""Every setting, connection, disk, clock and migration: ok, or what is wrong and what to do."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from vhm24r.identity.service.signing_keys import foreign
from vhm24r.identity.signing import Signer
from vhm24r.intake.watched_folder import prepare
from vhm24r.kit.errors import Busy
from vhm24r.ops.health import readiness
from vhm24r.platform.blobs import BlobStore
from vhm24r.platform.db import Database
from vhm24r.platform.secret import load_secret
from vhm24r.settings import Settings

LEAST_FREE_BYTES = 2 * 1024**3
MOST_CLOCK_DIFFERENCE = 5.0
OLDEST_POSTGRES = 150_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One checked thing. `advice` names a text in the catalogues; empty when all is well."""

    name: str
    ok: bool
    value: str
    advice: str = ""


def setting_findings(settings: Settings) -> list[Finding]:
    """Every environment setting with its value; secrets only as set or unset."""
    found = []
    for name, info in type(settings).model_fields.items():
        value = getattr(settings, name)
        shown = "set" if isinstance(value, SecretStr) else "—" if value is None else str(value)
        if name == "database_url" and value:
            shown = "set"  # it may hold a password
        found.append(Finding(f"VHM24R_{name.upper()}", ok=True, value=f"{shown}  ({info.description})"))
    return found


async def examine(settings: Settings, db: Database, blobs: BlobStore) -> list[Finding]:
    """Everything this process depends on."""
    found = [
        Finding(name, ok=ok, value="up" if ok else "down", advice="" if ok else f"doctor.{name}")
        for name, ok in (await readiness(db, blobs)).items()
    ]
    found += [*await _server(db), _disk(settings), *_watched_folder(settings)]
    return [*found, await _secret(settings, db)]


async def _secret(settings: Settings, db: Database) -> Finding:
    """Whether all processes sign access tokens with the same secret."""
    signer = Signer(load_secret(settings))
    try:
        async with db.read() as session:
            same = not await foreign(session, signer)
    except (SQLAlchemyError, OSError, Busy) as error:
        return Finding("secret_key", ok=False, value=type(error).__name__, advice="doctor.database")
    return Finding("secret_key", same, "the same" if same else "different", "" if same else "doctor.secret_key")


async def _server(db: Database) -> list[Finding]:
    try:
        async with db.read() as session:
            row = (
                await session.execute(
                    text("SELECT current_setting('server_version_num')::int AS number, clock_timestamp() AS now")
                )
            ).one()
    except (SQLAlchemyError, OSError, Busy) as error:
        return [Finding("postgresql", ok=False, value=type(error).__name__, advice="doctor.database")]
    difference = abs((row.now - datetime.now(UTC)).total_seconds())
    recent, same = row.number >= OLDEST_POSTGRES, difference < MOST_CLOCK_DIFFERENCE
    return [
        Finding("postgresql", recent, str(row.number // 10_000), "" if recent else "doctor.postgresql_old"),
        Finding("clock", same, f"{difference:.1f} s", "" if same else "doctor.clock"),
    ]


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    enough = free > LEAST_FREE_BYTES
    return Finding("disk", enough, f"{free // 1024**3} GiB", "" if enough else "doctor.disk")


def _watched_folder(settings: Settings) -> list[Finding]:
    """Nothing where no folder is watched."""
    if settings.inbox_dir is None:
        return []
    try:
        prepare(settings.inbox_dir)
    except OSError:
        return [Finding("inbox", ok=False, value=str(settings.inbox_dir), advice="doctor.inbox")]
    return [Finding("inbox", ok=True, value=str(settings.inbox_dir))]
