"""`vhm24r user`."""

import sys
from typing import Annotated, Any

import typer

from vhm24r.cli.context import OPERATOR, out, run, services_for, settings_of
from vhm24r.identity import service as identity
from vhm24r.identity.errors import PersonNotFound
from vhm24r.identity.permissions import Role
from vhm24r.settings import Mode

people = typer.Typer(help="People and their one-time sign-in links.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(people, name="user")


@people.command("link")
def link(
    role: Annotated[Role, typer.Argument(help="Whose link: the first person of this role.")],
    as_json: Json = False,
) -> None:
    """Print a one-time sign-in address; the first person of a role is made when there is none.

    Example: vhm24r user link owner
    """

    async def work() -> str:
        settings = settings_of()
        async with services_for(settings) as services, services.db.write() as session:
            now = services.clock.now()
            try:
                person = await identity.first_with_role(session, role)
            except PersonNotFound:
                person = await identity.create_person(session, OPERATOR, name=role.capitalize(), role=role, now=now)
            endless = settings.mode is Mode.DEMO
            token = await identity.issue_link(session, OPERATOR, person, now, endless=endless)
            return f"{settings.public_url}/link/{token}"

    url = run(work, as_json=as_json)
    if as_json:
        out({"role": role, "url": url})
    else:
        sys.stdout.write(f"{url}\n")


@people.command("list")
def list_people(as_json: Json = False) -> None:
    """Everybody who may sign in.

    Example: vhm24r user list
    """

    async def work() -> list[dict[str, Any]]:
        async with services_for(settings_of()) as services, services.db.read() as session:
            found = await identity.list_people(session, OPERATOR)
            return [{"id": p.id, "name": p.name, "role": p.role, "status": p.status} for p in found]

    rows = run(work, as_json=as_json)
    if as_json:
        out(rows)
        return
    for row in rows:
        sys.stdout.write(f"{row['id']:>4}  {row['role']:<9} {row['status']:<10} {row['name']}\n")
