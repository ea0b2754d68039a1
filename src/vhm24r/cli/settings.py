"""`vhm24r settings`: business rules in the database."""

import sys
from typing import Annotated, Any

import typer

from vhm24r.cli.context import OPERATOR, out, run, services_for, settings_of
from vhm24r.ops.rules import change_rule, find, list_rules

settings = typer.Typer(help="Business rules that may change while the product runs.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(settings, name="settings")


@settings.command("get")
def get(
    key: Annotated[str | None, typer.Argument(help="One rule; all of them when left out.")] = None,
    as_json: Json = False,
) -> None:
    """Show rules as they stand.

    Example: vhm24r settings get intake.apply
    """

    async def work() -> list[dict[str, Any]]:
        if key is not None:
            find(key)
        async with services_for(settings_of()) as services, services.db.read() as session:
            return [rule for rule in await list_rules(session, OPERATOR) if key in (None, rule["key"])]

    rules = run(work, as_json=as_json)
    if as_json:
        out(rules if key is None else rules[0])
        return
    for rule in rules:
        sys.stdout.write(f"{rule['key']:<16} {rule['value']!s:<8} {rule['description']}\n")


@settings.command("set")
def set_rule(key: str, value: str, as_json: Json = False) -> None:
    """Change a rule.

    Example: vhm24r settings set intake.apply off
    """

    async def work() -> dict[str, Any]:
        parsed = find(key).parse(value)
        async with services_for(settings_of()) as services, services.db.write() as session:
            return await change_rule(session, OPERATOR, key, parsed, services.clock.now())

    rule = run(work, as_json=as_json)
    out(rule) if as_json else sys.stdout.write(f"{rule['key']} = {rule['value']}\n")
