"""What commands share: settings, services on a ready database, output, errors as one sentence."""

import asyncio
import contextlib
import locale
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import orjson
import typer

from vhm24r.identity.permissions import Permission
from vhm24r.kit.actor import Actor, ActorKind
from vhm24r.kit.errors import AppError
from vhm24r.main import open_services, prepare_database, running_database
from vhm24r.ops.process import Services
from vhm24r.platform.i18n import chosen, say
from vhm24r.platform.logging import configure_logging
from vhm24r.settings import Settings

T = TypeVar("T")

OPERATOR = Actor(ActorKind.SYSTEM, None, "command line", frozenset(Permission))
"""Whoever may run commands on the machine may do everything there; the audit log says so."""


def language() -> str:
    """The language of this terminal."""
    tag = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return chosen(tag if tag[:2] in ("ru", "uz") else "en") if tag else chosen(locale.getlocale()[0] or "en")


def settings_of(**overrides: object) -> Settings:
    """The settings of this run, with logging configured by them."""
    settings = Settings.load(**overrides)
    configure_logging(settings.log_level, settings.log_format)
    return settings


@asynccontextmanager
async def services_for(settings: Settings) -> AsyncIterator[Services]:
    """Services on a database brought to head; the embedded one is started when nobody else has."""
    with running_database(settings) as url:
        prepare_database(url, settings)
        async with open_services(settings, url) as services:
            yield services


def run(work: Callable[[], Awaitable[T]], *, as_json: bool = False) -> T:
    """Run a command's coroutine; an error of ours becomes one sentence and exit code 1."""
    try:
        return asyncio.run(_awaited(work))
    except AppError as error:
        fail(error, as_json=as_json)
        raise typer.Exit(1) from error
    except (KeyboardInterrupt, asyncio.CancelledError) as error:
        raise typer.Exit(130) from error


async def _awaited(work: Callable[[], Awaitable[T]]) -> T:
    """Run to the end; SIGTERM cancels as Ctrl-C does, so that nothing is left half-done or running."""
    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(ValueError, RuntimeError):  # outside of the main thread nobody sends us signals
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work()


def fail(error: AppError, *, as_json: bool) -> None:
    """Say on stderr what is wrong and what to do."""
    message = say(error.code, language(), error.params)
    if as_json:
        line = orjson.dumps({"code": error.code, "message": message, "params": error.params}, default=str)
        sys.stderr.write(line.decode() + "\n")
    else:
        sys.stderr.write(f"{message}\n")


def out(value: Any) -> None:  # noqa: ANN401  # anything JSON can hold
    """One JSON document on stdout."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode() + "\n")


def line(value: Any) -> None:  # noqa: ANN401  # anything JSON can hold
    """One JSON document on one line of stdout, flushed: for programs that follow along."""
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")
    sys.stdout.flush()
