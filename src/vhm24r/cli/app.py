"""The command line: every group in one list."""

import sys

import typer

from vhm24r.cli import audit, imports, orders, people, reconciliation, running
from vhm24r.cli import settings as settings_commands
from vhm24r.cli.context import fail
from vhm24r.kit.errors import AppError

app = typer.Typer(
    name="vhm24r",
    help="Orders of businesses that live in Telegram, each checked against the money.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for commands in (running, imports, orders, reconciliation, people, audit, settings_commands):
    commands.register(app)


def run() -> None:
    """Entry point of the installed command."""
    try:
        app()
    except AppError as error:  # raised before a command began: settings
        fail(error, as_json="--json" in sys.argv)
        raise SystemExit(1) from error
