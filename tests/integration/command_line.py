"""The command `vhm24r` run inside the test's process, with its effect on logging taken back."""

import logging
from collections.abc import Mapping
from pathlib import Path

import orjson
import structlog
from typer.testing import CliRunner, Result

from vhm24r.cli.app import app


def environment(url: str, folder: Path, mode: str = "development", **more: str) -> dict[str, str]:
    """What an operator would export before calling the command."""
    return {
        "VHM24R_DATABASE_URL": url,
        "VHM24R_DATA_DIR": str(folder),
        "VHM24R_MODE": mode,
        "VHM24R_LOG_LEVEL": "warning",
        "LC_ALL": "en_US.UTF-8",
        **more,
    }


def command(*arguments: str | Path, env: Mapping[str, str]) -> Result:
    """`vhm24r ARGUMENTS`; exit code, stdout and stderr apart."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    try:
        return CliRunner().invoke(app, [str(argument) for argument in arguments], env=env)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**config)


def documents(text: str) -> list[dict[str, object]]:
    """One JSON object per line."""
    return [orjson.loads(line) for line in text.splitlines()]
