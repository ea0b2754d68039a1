"""`vhm24r audit`: what was done, and whether the log is whole."""

import sys
from typing import Annotated, Any

import typer

from vhm24r.audit.sealing import Verdict, seal
from vhm24r.audit.sealing import verify as verify_chain
from vhm24r.audit.service import EntryFilter, list_entries
from vhm24r.cli.context import language, out, run, services_for, settings_of
from vhm24r.kit.clock import iso
from vhm24r.kit.pagination import MAX_LIMIT
from vhm24r.platform.i18n import say

audit = typer.Typer(help="The log of what was done, by whom and why.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(audit, name="audit")


@audit.command("list")
def list_log(
    subject: Annotated[str | None, typer.Option(help="What it is about: person:12, order:ff00…, import:3.")] = None,
    action: Annotated[str | None, typer.Option(help="person.blocked; person. for all that begin so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MAX_LIMIT, help="How many of the latest.")] = 50,
    as_json: Json = False,
) -> None:
    """The latest entries.

    Example: vhm24r audit list --action person.
    """

    async def work() -> list[dict[str, Any]]:
        async with services_for(settings_of()) as services, services.db.read() as session:
            where = EntryFilter(action=action, subject=subject)
            page = await list_entries(session, where, limit=limit, cursor=None)
            return [
                {"id": entry.id, "at": iso(entry.at), "actor": entry.actor_name, "action": entry.action,
                 "subject": entry.subject, "reason": entry.reason, "data": entry.data}
                for entry in page.items
            ]  # fmt: skip

    rows = run(work, as_json=as_json)
    if as_json:
        out(rows)
        return
    for row in rows:
        reason = f"  ({row['reason']})" if row["reason"] else ""
        sys.stdout.write(
            f"{row['id']:>6}  {row['at'][:19]}Z  {row['actor']:<20} {row['action']:<24} {row['subject']}{reason}\n"
        )


@audit.command("verify")
def verify(
    head: Annotated[str | None, typer.Option(help="The last seal as it was noted down earlier.")] = None,
    as_json: Json = False,
) -> None:
    """Reckon the chain of seals anew: nothing was changed, taken away or slipped in. Exit code 1 when something was.

    Note the last seal down somewhere else: with --head it proves that the log was not rewritten as a whole.

    Example: vhm24r audit verify
    """

    async def work() -> Verdict:
        async with services_for(settings_of()) as services:
            found = await verify_chain(services.db, head)
            if found.problem is not None:
                return found
            async with services.db.write() as session:
                await seal(session, services.clock.now())
            return await verify_chain(services.db, head)

    found = run(work, as_json=as_json)
    if as_json:
        out(
            {
                "holds": found.holds, "seals": found.seals, "sealed": found.sealed, "unsealed": found.unsealed,
                "broken_at": found.broken_at, "problem": found.problem, "head": found.head,
                "known_head": found.known_head,
            }
        )  # fmt: skip
    else:
        problem = found.problem or ("head" if found.known_head is False else None)
        text = f"audit.broken.{problem}" if problem else "audit.holds"
        counts = {"seals": found.seals, "sealed": found.sealed, "at": found.broken_at, "last": found.head}
        sys.stdout.write(f"{say(text, language(), counts)}\n")
    raise typer.Exit(0 if found.holds else 1)
