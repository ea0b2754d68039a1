"""`vhm24r reconcile` and `vhm24r exceptions`."""

import shutil
import sys
import time
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from vhm24r.cli.context import OPERATOR, language, out, run, services_for, settings_of
from vhm24r.cli.orders import because
from vhm24r.kit.pagination import Page
from vhm24r.ops.process import Services
from vhm24r.platform.flags import require_writable
from vhm24r.platform.i18n import say
from vhm24r.reconciliation.filters import Days, ExceptionFilter
from vhm24r.reconciliation.service import deciding
from vhm24r.reconciliation.service import exceptions as queue
from vhm24r.reconciliation.service.deciding import Decided, RecordRef, Wish
from vhm24r.reconciliation.service.exceptions import Touched
from vhm24r.reconciliation.service.questions import closed_span, summary
from vhm24r.reconciliation.service.requesting import ask_for_days
from vhm24r.reconciliation.service.running import run_waiting

exceptions = typer.Typer(help="What people should look at, and matching by hand.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
From = Annotated[str | None, typer.Option("--from", help="First business day, yyyy-mm-dd.")]
To = Annotated[str | None, typer.Option("--to", help="Last business day, yyyy-mm-dd.")]
Ids = Annotated[list[int], typer.Argument(metavar="ID...", help="Exceptions.")]
Reason = Annotated[str, typer.Option(help="Why, in a few words.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("reconcile")(reconcile)
    app.add_typer(exceptions, name="exceptions")


def reconcile(from_: From = None, to: To = None, as_json: Json = False) -> None:
    """Compare orders with the money: some days, or everything.

    Example: vhm24r reconcile --from 2025-12-01 --to 2025-12-31 --json
    """

    async def work() -> dict[str, Any]:
        days = Days.from_texts(from_, to)
        async with services_for(settings_of()) as services:
            return await _reconcile(services, days)

    found = run(work, as_json=as_json)
    out(found) if as_json else _show_summary(found)


async def _reconcile(services: Services, days: Days) -> dict[str, Any]:
    zone = services.settings.zone
    async with services.db.write() as session:
        await require_writable(session)
        span = await closed_span(session, OPERATOR, days, zone)
        await ask_for_days(session, span.first, span.last, services.clock.now())
    started = time.perf_counter()
    await run_waiting(services.reconciler, OPERATOR)
    seconds = round(time.perf_counter() - started, 3)
    async with services.db.read() as session:
        return {**await summary(session, OPERATOR, days, zone), "seconds": seconds}


def _show_summary(found: dict[str, Any]) -> None:
    console = _console()
    money = ", ".join(f"{amount} {currency}" for currency, amount in found["matched_money"].items()) or "0"
    console.print(f"{found['orders']} orders, matched {money}; {found['seconds']} s")
    table = Table("status", "orders", box=None)
    for status, count in found["by_status"].items():
        if count:
            table.add_row(status, str(count))
    console.print(table)
    unmatched = ", ".join(f"{source} {count}" for source, count in found["unmatched_records"].items())
    console.print(f"unmatched records: {unmatched}")
    table = Table("source", "ours", "theirs", "difference", "permille", "", box=None)
    for row in found["drift"]:
        amounts = [f"{row[name]['amount']} {row['currency']}" for name in ("ours", "theirs", "difference")]
        share = "—" if row["permille"] is None else str(row["permille"])
        table.add_row(row["source"], *amounts, share, row["status"] or "—")
    console.print(table)
    console.print(f"all money accounted for: {'yes' if found['conserved'] else 'NO'}")


def _console() -> Console:
    return Console(width=max(shutil.get_terminal_size((160, 24)).columns, 160), highlight=False, markup=False)


@exceptions.command("list")
def list_exceptions(  # one argument per option
    state: Annotated[str, typer.Option(help="open, resolved, gone or all.")] = "open",
    type: Annotated[str | None, typer.Option("--type", help="fiscal_mismatch, payme_only, …")] = None,
    source: Annotated[str | None, typer.Option(help="Whose record: fiscal, payme, click, …")] = None,
    machine: Annotated[str | None, typer.Option(help="Machine code.")] = None,
    assignee: Annotated[str | None, typer.Option(help="A person's id, or none.")] = None,
    from_: From = None,
    to: To = None,
    amount_min: Annotated[str | None, typer.Option("--amount-min", help="At least this much at risk.")] = None,
    sort: Annotated[str, typer.Option(help="amount, age or day; a leading - turns it round.")] = "-amount",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    cursor: Annotated[str | None, typer.Option(help="Go on after the last page.")] = None,
    as_json: Json = False,
) -> None:
    """What people should look at, most money first.

    Example: vhm24r exceptions list --type gateway_mismatch --from 2025-12-01 --limit 10
    """
    given = {name.rstrip("_"): value for name, value in locals().items()}

    async def work() -> Page[dict[str, Any]]:
        where = ExceptionFilter.from_params(given)
        settings = settings_of()
        async with services_for(settings) as services, services.db.read() as session:
            return await queue.list_exceptions(
                session, OPERATOR, where, services.clock.now(), settings.zone, sort=sort, limit=limit, cursor=cursor,
                with_total=True,
            )  # fmt: skip

    page = run(work, as_json=as_json)
    if as_json:
        out({"items": page.items, "next_cursor": page.next_cursor, "total": page.total})
        return
    table = Table("id", "type", "at risk", "day", "age", "of", "machine", "assignee", "why", box=None)
    for row in page.items:
        why = row["outcome"] or ", ".join(reason["code"] for reason in row["reasons"])
        table.add_row(
            str(row["id"]), row["type"], _amount(row), row["day"] or "—", _age(row), _subject(row),
            (row["machine"] or {}).get("code", "—"), (row["assignee"] or {}).get("name", "—"), why,
        )  # fmt: skip
    console = _console()
    console.print(table)
    console.print(f"{len(page.items)} / {page.total}")


def _amount(row: dict[str, Any]) -> str:
    amount = row["amount"]
    return f"{amount['amount']} {amount['currency']}" if amount else "—"


def _age(row: dict[str, Any]) -> str:
    return "—" if row["age_days"] is None else f"{row['age_days']} d"


def _subject(row: dict[str, Any]) -> str:
    if row["order"] is not None:
        return str(row["order"]["number"])
    return _record(row["record"]) if row["record"] is not None else row["source"] or "—"


def _record(record: dict[str, Any]) -> str:
    """As `--record` takes it."""
    account = f"{record['account']}:" if record["account"] else ""
    return f"{record['source']}:{account}{record['external_id']}"


@exceptions.command("show")
def show_exception(
    exception_id: Annotated[int, typer.Argument(metavar="ID")],
    as_json: Json = False,
) -> None:
    """One exception: why it is there, what was said of it, what might settle it.

    Example: vhm24r exceptions show 12
    """

    async def work() -> dict[str, Any]:
        async with services_for(settings_of()) as services:
            return await _one(services, exception_id)

    found = run(work, as_json=as_json)
    out(found) if as_json else _show(found)


async def _one(services: Services, exception_id: int) -> dict[str, Any]:
    async with services.db.read() as session:
        return await queue.get_exception(session, OPERATOR, exception_id, services.clock.now(), services.settings.zone)


def _show(found: dict[str, Any]) -> None:
    write = sys.stdout.write
    write(f"#{found['id']}  {found['type']}  {found['state']}  {_amount(found)}\n")
    lines = {
        "of": _subject(found),
        "at": found["occurred_at"] or found["day"],
        "machine": (found["machine"] or {}).get("code"),
        "assignee": (found["assignee"] or {}).get("name"),
        "outcome": found["outcome"] and f"{found['outcome']}: {found['outcome_reason']} ({found['resolved_by']})",
    }
    for name, value in lines.items():
        if value:
            write(f"  {name:<10} {value}\n")
    for reason in found["reasons"]:
        write(f"  {'because':<10} {because(reason)}\n")
    for said in found["said"]:
        write(f"  {'said':<10} {said['at']} {said['author']}: {said['text']}\n")
    for candidate in found["candidates"]:
        asked = found["order"] is not None
        names = [_record(r) for r in candidate["records"]] if asked else [o["number"] for o in candidate["orders"]]
        why = ", ".join(because(reason) for reason in candidate["reasons"])
        write(f"  {candidate['kind']:<10} {' + '.join(names)}  {why}\n")


@exceptions.command("resolve")
def resolve(
    ids: Ids,
    outcome: Annotated[str, typer.Option(help="written_off, explained or reported.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Say how exceptions were settled.

    Example: vhm24r exceptions resolve 12 13 --outcome written_off --reason "cup jammed, money given back"
    """

    async def work() -> Touched:
        async with services_for(settings_of()) as services, services.db.write() as session:
            return await queue.resolve(session, OPERATOR, ids, outcome, reason, services.clock.now())

    _told(run(work, as_json=as_json), ids, as_json=as_json)


@exceptions.command("reopen")
def reopen(
    ids: Ids,
    reason: Annotated[str | None, typer.Option(help="Why, in a few words.")] = None,
    as_json: Json = False,
) -> None:
    """Take back how exceptions were settled.

    Example: vhm24r exceptions reopen 12
    """

    async def work() -> Touched:
        async with services_for(settings_of()) as services, services.db.write() as session:
            return await queue.reopen(session, OPERATOR, ids, reason, services.clock.now())

    _told(run(work, as_json=as_json), ids, as_json=as_json)


@exceptions.command("assign")
def assign(
    ids: Ids,
    to: Annotated[int | None, typer.Option(help="The person's id; nobody without it.")] = None,
    as_json: Json = False,
) -> None:
    """Give exceptions to somebody; `vhm24r user list` has the ids.

    Example: vhm24r exceptions assign 12 13 --to 4
    """

    async def work() -> Touched:
        async with services_for(settings_of()) as services, services.db.write() as session:
            return await queue.assign(session, OPERATOR, ids, to, services.clock.now())

    _told(run(work, as_json=as_json), ids, as_json=as_json)


def _told(touched: Touched, ids: list[int], *, as_json: bool) -> None:
    """What became of a wish; of a single exception an error says why nothing did."""
    if len(ids) == 1:

        async def refuse() -> None:
            touched.refuse_unchanged()

        run(refuse, as_json=as_json)
    if as_json:
        out(touched.view())
        return
    told = {"changed": touched.changed, "skipped": len(touched.skipped), "unknown": len(touched.unknown)}
    sys.stdout.write(say("cli.exceptions.changed", language(), told) + "\n")


@exceptions.command("comment")
def comment(
    exception_id: Annotated[int, typer.Argument(metavar="ID")],
    text: Annotated[str, typer.Argument(help="What to say.")],
    as_json: Json = False,
) -> None:
    """Say something of an exception.

    Example: vhm24r exceptions comment 12 "asked Payme, ticket 881"
    """

    async def work() -> dict[str, Any]:
        async with services_for(settings_of()) as services:
            async with services.db.write() as session:
                await queue.comment(session, OPERATOR, exception_id, text, services.clock.now())
            return await _one(services, exception_id)

    found = run(work, as_json=as_json)
    out(found) if as_json else _show(found)


@exceptions.command("match")
def match(
    order: Annotated[list[str], typer.Option("--order", help="An order's number; several for one record.")],
    record: Annotated[
        list[str],
        typer.Option("--record", help="SOURCE:EXTERNAL_ID, SOURCE:ACCOUNT:EXTERNAL_ID, or a record's id."),
    ],
    reason: Reason,
    confirm: Annotated[bool, typer.Option("--confirm", help="Although the sums differ.")] = False,
    as_json: Json = False,
) -> None:
    """Match one order with its records, or one record with its orders, by hand.

    Example: vhm24r exceptions match --order ff00d8 --record payme:65f1 --reason "the customer's screenshot"
    """

    async def work() -> Decided:
        wish = Wish(tuple(order), tuple(map(_record_ref, record)), reason, confirm)
        async with services_for(settings_of()) as services:
            async with services.db.write() as session:
                decided = await deciding.match_by_hand(
                    session, OPERATOR, services.jobs, wish, services.clock.now(), services.settings.zone
                )
            await run_waiting(services.reconciler, OPERATOR)
            return decided

    decided = run(work, as_json=as_json)
    if as_json:
        out(asdict(decided))
    else:
        sys.stdout.write(say("cli.exceptions.matched", language(), {"count": len(decided.decisions)}) + "\n")


def _record_ref(text: str) -> RecordRef:
    if text.isascii() and text.isdigit() and len(text) < 19:
        return RecordRef(record_id=int(text))
    source, _, rest = text.partition(":")
    account, colon, external_id = rest.partition(":")
    return RecordRef(source, external_id, account) if colon else RecordRef(source, rest)


@exceptions.command("unmatch")
def unmatch(
    match_id: Annotated[int, typer.Argument(metavar="MATCH_ID", help="As `vhm24r orders show` tells it.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Take a match away; one made by a rule is not made again between these two.

    Example: vhm24r exceptions unmatch 345 --reason "another machine's receipt"
    """

    async def work() -> Decided:
        async with services_for(settings_of()) as services:
            async with services.db.write() as session:
                decided = await deciding.unmatch(
                    session, OPERATOR, services.jobs, match_id, reason, services.clock.now(), services.settings.zone
                )
            await run_waiting(services.reconciler, OPERATOR)
            return decided

    decided = run(work, as_json=as_json)
    if as_json:
        out(asdict(decided))
    else:
        sys.stdout.write(say("cli.exceptions.unmatched", language(), {"id": match_id}) + "\n")
