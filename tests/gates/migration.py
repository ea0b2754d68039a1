"""`make migration NAME="add x"`: a new migration from the difference between models and database."""

import sys
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from vhm24r.platform import migrations
from vhm24r.platform.embedded import EmbeddedServer


def main(message: str) -> None:
    """Write `migrations/versions/NNNN_<message>.py`."""
    number = f"{len(list((migrations.scripts_folder() / 'versions').glob('[0-9]*.py'))) + 1:04}"
    with tempfile.TemporaryDirectory() as folder, EmbeddedServer(Path(folder)) as server:
        Path(folder).chmod(0o711)  # the server's user passes through
        server.create_database("scratch")
        migrations.migrate(server.url("scratch"))
        with create_engine(server.url("scratch")).begin() as connection:
            command.revision(migrations.config(connection), message=message, autogenerate=True, rev_id=number)


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]) or "change")
