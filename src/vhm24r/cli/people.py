"""`vhm24r user`: people, decisions about them, and ways in for those who have lost theirs."""

import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.cli.context import OPERATOR, language, out, run, services_for, settings_of
from vhm24r.evidence.types import SourceName
from vhm24r.identity.errors import PersonNotFound
from vhm24r.identity.models import Person
from vhm24r.identity.permissions import Role
from vhm24r.identity.service import approval, coming_in, privacy, signing_keys
from vhm24r.identity.service import people as people_service
from vhm24r.kit.clock import iso
from vhm24r.ops.process import Services
from vhm24r.platform.i18n import say
from vhm24r.settings import Mode

people = typer.Typer(help="People, what they may do, and one-time sign-in links.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
PersonId = Annotated[int, typer.Argument(help="Number of the person, as `vhm24r user list` shows it.")]
Reason = Annotated[str | None, typer.Option(help="Why; it is written down.")]
Change = Callable[[Services, AsyncSession, datetime], Awaitable[Person]]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(people, name="user")


def _row(person: Person) -> dict[str, Any]:
    return {
        "id": person.id, "name": person.name, "role": person.role, "status": person.status,
        "telegram_id": person.telegram_id, "username": person.username, "machines": person.machines,
        "sources": person.sources, "created_at": iso(person.created_at),
    }  # fmt: skip


def _print(row: dict[str, Any]) -> None:
    telegram = f"@{row['username']}" if row["username"] else str(row["telegram_id"] or "")
    sys.stdout.write(f"{row['id']:>4}  {row['role']:<9} {row['status']:<11} {row['name']:<24} {telegram}\n")


def _change(change: Change, *, as_json: bool) -> None:
    """Do something to a person and print what became of it."""

    async def work() -> dict[str, Any]:
        async with services_for(settings_of()) as services, services.db.write() as session:
            return _row(await change(services, session, services.clock.now()))

    row = run(work, as_json=as_json)
    out(row) if as_json else _print(row)


@people.command("link")
def link(
    whose: Annotated[str, typer.Argument(help="A role, for its first person; or the number of a person.")],
    as_json: Json = False,
) -> None:
    """Print a one-time sign-in address: also for an owner who has lost Telegram. The first person of a role is made
    when there is none.

    Example: vhm24r user link owner
    """

    async def work() -> dict[str, Any]:
        settings = settings_of()
        async with services_for(settings) as services, services.db.write() as session:
            now = services.clock.now()
            person = await _whose(session, whose, now)
            endless = settings.mode is Mode.DEMO
            token = await coming_in.issue_link(session, OPERATOR, person, now, endless=endless)
            return {"role": person.role, "id": person.id, "url": f"{settings.public_url}/link/{token}"}

    row = run(work, as_json=as_json)
    out(row) if as_json else sys.stdout.write(f"{row['url']}\n")


async def _whose(session: AsyncSession, whose: str, now: datetime) -> Person:
    if whose.isdecimal():
        return await people_service.get_person(session, int(whose))
    if whose not in set(Role):
        raise PersonNotFound(who=whose)
    role = Role(whose)
    try:
        return await people_service.first_with_role(session, role)
    except PersonNotFound:
        return await people_service.create_person(session, OPERATOR, name=role.capitalize(), role=role, now=now)


@people.command("list")
def list_people(as_json: Json = False) -> None:
    """Everybody who may sign in, or would like to.

    Example: vhm24r user list
    """

    async def work() -> list[dict[str, Any]]:
        async with services_for(settings_of()) as services, services.db.read() as session:
            return [_row(person) for person in await people_service.everybody(session, OPERATOR)]

    rows = run(work, as_json=as_json)
    if as_json:
        out(rows)
        return
    for row in rows:
        _print(row)


@people.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What the person is called.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.OPERATOR,
    telegram_id: Annotated[int | None, typer.Option(help="Whose Telegram account signs in as this person.")] = None,
    speaks: Annotated[str, typer.Option("--language", help="ru, en or uz.")] = "ru",
    as_json: Json = False,
) -> None:
    """Add somebody who need not ask first; the first owner, for one.

    Example: vhm24r user create "Main office" --role owner --telegram-id 123456789
    """

    async def change(_: Services, session: AsyncSession, now: datetime) -> Person:
        return await people_service.create_person(
            session, OPERATOR, name=name, role=role, now=now, telegram_id=telegram_id, language=speaks
        )

    _change(change, as_json=as_json)


@people.command("approve")
def approve(
    person: PersonId,
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.OPERATOR,
    as_json: Json = False,
) -> None:
    """Let somebody in who waits, was turned down or is blocked.

    Example: vhm24r user approve 12 --role operator
    """

    async def change(services: Services, session: AsyncSession, now: datetime) -> Person:
        return await approval.approve(session, OPERATOR, services.bus, person, role, now)

    _change(change, as_json=as_json)


@people.command("reject")
def reject(person: PersonId, reason: Reason = None, as_json: Json = False) -> None:
    """Turn somebody down who waits.

    Example: vhm24r user reject 12 --reason "not one of us"
    """

    async def change(services: Services, session: AsyncSession, now: datetime) -> Person:
        return await approval.reject(session, OPERATOR, services.bus, person, reason, now)

    _change(change, as_json=as_json)


@people.command("block")
def block(person: PersonId, reason: Reason = None, as_json: Json = False) -> None:
    """Keep somebody out: every session is closed, no key of theirs opens anything.

    Example: vhm24r user block 12 --reason "left the company"
    """

    async def change(services: Services, session: AsyncSession, now: datetime) -> Person:
        return await approval.block(session, OPERATOR, services.bus, person, reason, now)

    _change(change, as_json=as_json)


@people.command("unblock")
def unblock(person: PersonId, as_json: Json = False) -> None:
    """Let a blocked person in again, in the role it had.

    Example: vhm24r user unblock 12
    """

    async def change(services: Services, session: AsyncSession, now: datetime) -> Person:
        return await approval.unblock(session, OPERATOR, services.bus, person, now)

    _change(change, as_json=as_json)


@people.command("role")
def change_role(person: PersonId, role: Annotated[Role, typer.Argument()], as_json: Json = False) -> None:
    """Give somebody another role.

    Example: vhm24r user role 12 admin
    """

    async def change(services: Services, session: AsyncSession, now: datetime) -> Person:
        return await approval.change_role(session, OPERATOR, services.bus, person, role, now)

    _change(change, as_json=as_json)


@people.command("telegram")
def bind_telegram(
    person: PersonId,
    telegram_id: Annotated[int, typer.Argument(min=1, help="The number of the new Telegram account.")],
    as_json: Json = False,
) -> None:
    """Let another Telegram account sign in as this person, who has lost the old one and is signed out. API keys stay.

    Example: vhm24r user telegram 12 987654321
    """

    async def change(_: Services, session: AsyncSession, now: datetime) -> Person:
        return await approval.bind_telegram(session, OPERATOR, person, telegram_id, now)

    _change(change, as_json=as_json)


@people.command("grant")
def grant(
    person: PersonId,
    machine: Annotated[list[str] | None, typer.Option(help="A machine to see; again for more.")] = None,
    source: Annotated[list[SourceName] | None, typer.Option(help="A source to see; again for more.")] = None,
    all_machines: Annotated[bool, typer.Option("--all-machines", help="All machines again.")] = False,
    all_sources: Annotated[bool, typer.Option("--all-sources", help="All sources again.")] = False,
    as_json: Json = False,
) -> None:
    """Let an operator or a viewer see some machines or sources alone. What is not named stays as it is.

    Example: vhm24r user grant 12 --machine a1b2c3 --source vendhub
    """

    async def change(_: Services, session: AsyncSession, now: datetime) -> Person:
        now_granted = await people_service.get_person(session, person)
        machines = None if all_machines else machine or now_granted.machines
        sources = None if all_sources else source or now_granted.sources
        return await people_service.grant(session, OPERATOR, person, machines, sources, now)

    _change(change, as_json=as_json)


@people.command("export")
def export(
    person: PersonId,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A file; without it, standard output.")] = None,
) -> None:
    """Everything that is kept of a person, as JSON, to hand it out on request.

    Example: vhm24r user export 12 -o person-12.json
    """

    async def work() -> dict[str, Any]:
        async with services_for(settings_of()) as services, services.db.write() as session:
            return await privacy.export_person(session, OPERATOR, services.keepers, person, services.clock.now())

    found = run(work)
    if output is None:
        out(found)
        return
    output.write_bytes(orjson.dumps(found, option=orjson.OPT_INDENT_2))


@people.command("erase")
def erase(
    person: PersonId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Forget who somebody is. What the person did stays, under a number. There is no way back.

    Example: vhm24r user erase 12
    """
    if not yes and not typer.confirm(say("cli.erase_person", language(), {"id": person})):
        raise typer.Exit(1)

    async def change(services: Services, session: AsyncSession, now: datetime) -> Person:
        return await privacy.erase_person(session, OPERATOR, services.bus, person, now)

    _change(change, as_json=as_json)


@people.command("rotate-keys")
def rotate_keys(as_json: Json = False) -> None:
    """Sign access tokens with a new key from now on; the old one is believed for half an hour more.

    Example: vhm24r user rotate-keys
    """

    async def work() -> str:
        async with services_for(settings_of()) as services, services.db.write() as session:
            return await signing_keys.rotate(session, OPERATOR, services.access.signer, services.clock.now())

    kid = run(work, as_json=as_json)
    out({"kid": kid}) if as_json else sys.stdout.write(f"{kid}\n")
