"""Whether what we depend on is there."""

from obstore.exceptions import BaseError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from vhm24r.kit.errors import Busy
from vhm24r.platform import migrations
from vhm24r.platform.blobs import BlobStore
from vhm24r.platform.db import Database


async def readiness(db: Database, blobs: BlobStore) -> dict[str, bool]:
    """Database, migrations at head, job queue, storage: each true when it works."""
    found = {"database": False, "migrations": False, "jobs": False, "storage": False}
    try:
        async with db.read() as session:
            revision = (await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
            found["database"], found["migrations"] = True, revision == migrations.head()
            await session.execute(text("SELECT 1 FROM procrastinate_jobs LIMIT 1"))
            found["jobs"] = True
    except (SQLAlchemyError, OSError, Busy):
        pass
    try:
        await blobs.check()
        found["storage"] = True
    except (OSError, BaseError):
        pass
    return found
