"""The secret of the installation: what keys are derived from, and nothing is stored in the database of.

It is given by the environment, or made once and kept in a file that its user alone can read.
"""

import os
import secrets
import tempfile
from pathlib import Path

from vhm24r.kit.errors import AppError
from vhm24r.settings import Settings

FILE = "secret.key"
BYTES = 32


class SecretDamaged(AppError):
    """The file is too short to be a secret; tokens signed with it could be forged."""

    code = "platform.secret_damaged"
    status = 500


def load_secret(settings: Settings) -> bytes:
    """The given secret, or the one in the data folder; made at the first start.

    Raises:
        SecretDamaged: the file has lost its content.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    path = settings.data_dir / FILE
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        found = _make(path)
    if len(found) < BYTES:
        raise SecretDamaged(path=str(path))
    return found


def _make(path: Path) -> bytes:
    """Of several processes that start at once one makes it: the file appears whole, and never twice."""
    handle, partial = tempfile.mkstemp(prefix=f".{FILE}.", dir=path.parent)  # readable for its user alone
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        Path(partial).unlink()
    return path.read_bytes()
