"""`vhm24r demo | serve | web | worker | migrate | doctor`."""

import asyncio
import contextlib
import signal
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from vhm24r.api.server import MonitoringServer, WebServer
from vhm24r.cli.context import language, line, out, run, services_for, settings_of
from vhm24r.main import do_work, prepare_database, running_database
from vhm24r.ops.demonstration import DEMO_DATA, Demonstration, prepare_demo
from vhm24r.ops.doctor import Finding, examine, setting_findings
from vhm24r.ops.process import Services
from vhm24r.platform.i18n import say
from vhm24r.platform.logging import configure_logging
from vhm24r.settings import Mode, Settings, default_data_dir

Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any free one.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (demo, serve, web, worker, migrate, doctor):
        app.command(command.__name__)(command)


def demo(
    port: Port = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the demo's own data.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page.")] = True,
    as_json: Json = False,
) -> None:
    """Try everything: a month of a vending network on an embedded database. Ctrl-C stops it all.

    Example: vhm24r demo --port 8000 --no-browser
    """
    settings = settings_of(
        mode=Mode.DEMO, data_dir=data or default_data_dir() / DEMO_DATA, port=port, host="127.0.0.1",
        log_level="warning", upload_limit_mb=None,
    )  # fmt: skip

    async def work() -> None:
        async with services_for(settings) as services, roles(services, web=True, work=True) as server:
            shown = await prepare_demo(services, server.url, _quiet if as_json else _note, language())
            if as_json:
                line({"url": server.url, "links": shown.links})
            else:
                _greet(server.url, shown)
            if browser and not as_json:
                webbrowser.open(shown.links["owner"])
            await until_stopped()

    run(work, as_json=as_json)


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _quiet(_: str) -> None:
    """A program reads the one line of JSON and nothing else."""


def _greet(url: str, shown: Demonstration) -> None:
    words = language()
    rows = [(say("demo.running", words), url)]
    rows += [
        (say("demo.sign_in", words, {"role": say(f"role.{role}", words)}), link) for role, link in shown.links.items()
    ]
    width = max(len(label) for label, _ in rows) + 4
    for index, (label, value) in enumerate(rows):
        sys.stdout.write(f"{label if index == 0 else '  ' + label:<{width}}{value}\n")
    sys.stdout.write(f"  {say('demo.summary', words, shown.counts)}\n")
    sys.stdout.flush()


def serve(port: Port = None) -> None:
    """Everything in one process: page, API and worker.

    Example: VHM24R_DATABASE_URL=postgresql://… vhm24r serve --port 8000
    """
    _run_roles(settings_of(port=port), web=True, work=True)


def web(port: Port = None) -> None:
    """Page and API only.

    Example: vhm24r web --port 8000
    """
    _run_roles(settings_of(port=port), web=True, work=False)


def worker() -> None:
    """Background jobs only; with VHM24R_WORKER_METRICS_PORT set, /metrics and /health on that port of 127.0.0.1.

    Example: vhm24r worker
    """
    _run_roles(settings_of(), web=False, work=True)


def _run_roles(settings: Settings, *, web: bool, work: bool) -> None:
    async def running() -> None:
        async with services_for(settings) as services, roles(services, web=web, work=work) as server:
            if web:
                sys.stderr.write(f"{say('demo.running', language())}  {server.url}\n")
            await until_stopped()

    run(running)


@contextlib.asynccontextmanager
async def roles(services: Services, *, web: bool, work: bool):  # type: ignore[no-untyped-def]  # noqa: ANN201  # an async context manager of WebServer
    """Run the wanted roles while in the block; stop them in order when it ends."""
    server, monitoring = WebServer(services), MonitoringServer(services)
    tasks: list[asyncio.Task[None]] = []
    if web:
        await server.start()
    else:
        await monitoring.start()
    if work:
        tasks.append(asyncio.create_task(do_work(services), name="worker"))
    try:
        yield server
    finally:
        await server.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await monitoring.stop()


async def until_stopped() -> None:
    """Wait for Ctrl-C or SIGTERM."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def migrate() -> None:
    """Bring the database's schema to head.

    Example: vhm24r migrate
    """
    settings = settings_of()
    with running_database(settings) as url:
        prepare_database(url, settings)
    sys.stdout.write(f"{say('cli.migrated', language())}\n")


def doctor(
    settings_only: Annotated[bool, typer.Option("--settings", help="Only list every setting.")] = False,
    as_json: Json = False,
) -> None:
    """Check every setting, connection, disk, clock and migration; exit code 1 on a problem.

    Example: vhm24r doctor --settings
    """
    settings = settings_of()
    configure_logging("error", settings.log_format)

    async def work() -> list[Finding]:
        if settings_only:
            return setting_findings(settings)
        async with services_for(settings) as services:
            return await examine(settings, services.db, services.blobs)

    findings = run(work, as_json=as_json)
    words = language()
    if as_json:
        out(
            [
                {"name": f.name, "ok": f.ok, "value": f.value, "advice": f.advice and say(f.advice, words)}
                for f in findings
            ]
        )
    for finding in () if as_json else findings:
        mark = "✓" if finding.ok else "✗"
        advice = f"  → {say(finding.advice, words)}" if finding.advice else ""
        sys.stdout.write(f"{mark} {finding.name:<28} {finding.value}{advice}\n")
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)
