"""`vhm24r orders` and `vhm24r export`."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from vhm24r.cli.context import OPERATOR, out, run, services_for, settings_of
from vhm24r.exports.rendering import ExportFormat, render
from vhm24r.kit.pagination import Page
from vhm24r.orders.filters import OrderFilter
from vhm24r.orders.service import reading

orders = typer.Typer(help="Orders and their history.", no_args_is_help=True)
MARKS = {"new": "🟩", "filled": "🟦", "changed": "🔸"}

Q = Annotated[str | None, typer.Option("-q", "--query", help="Number, machine, address or product.")]
From = Annotated[str | None, typer.Option("--from", help="First business day, yyyy-mm-dd.")]
To = Annotated[str | None, typer.Option("--to", help="Last business day, yyyy-mm-dd.")]
Machine = Annotated[str | None, typer.Option(help="Machine code.")]
ProductName = Annotated[str | None, typer.Option("--product", help="Product name.")]
Method = Annotated[str | None, typer.Option("--payment-method", help="cash, qr, vip, credit, card, test.")]
Status = Annotated[str | None, typer.Option(help="recorded, cancelled, …")]
MatchStatusName = Annotated[str | None, typer.Option("--match-status", help="What reconciliation says.")]
Change = Annotated[str | None, typer.Option(help="new, filled, changed, updated.")]
SourceName = Annotated[str | None, typer.Option("--source", help="Only orders this source speaks of.")]
ImportId = Annotated[str | None, typer.Option("--import-id", help="Only orders this import touched.")]
Tag = Annotated[str | None, typer.Option(help="Tag.")]
AmountMin = Annotated[str | None, typer.Option("--amount-min", help="In units: 15000.")]
AmountMax = Annotated[str | None, typer.Option("--amount-max", help="In units: 15000.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(orders, name="orders")
    app.command("export")(export)


@orders.command("list")
def list_orders(  # one argument per option
    q: Q = None, from_: From = None, to: To = None, machine: Machine = None, product: ProductName = None,
    payment_method: Method = None, status: Status = None, match_status: MatchStatusName = None, change: Change = None,
    source: SourceName = None, import_id: ImportId = None, tag: Tag = None, amount_min: AmountMin = None,
    amount_max: AmountMax = None,
    sort: Annotated[str, typer.Option(help="occurred_at, amount; a leading - turns it round.")] = "-occurred_at",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 50,
    cursor: Annotated[str | None, typer.Option(help="Go on after the last page.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Orders, newest first.

    Example: vhm24r orders list --from 2025-12-01 --payment-method cash --limit 10
    """
    given = {name: value for name, value in locals().items() if name not in {"sort", "limit", "cursor", "as_json"}}

    async def work() -> Page[dict[str, Any]]:
        where = _filter(given)
        settings = settings_of()
        async with services_for(settings) as services, services.db.read() as session:
            return await reading.list_orders(
                session, OPERATOR, where, settings.zone, sort=sort, limit=limit, cursor=cursor, with_total=True
            )

    page = run(work, as_json=as_json)
    if as_json:
        out({"items": page.items, "next_cursor": page.next_cursor, "total": page.total})
        return
    _print(page)


def _filter(given: dict[str, str | None]) -> OrderFilter:
    return OrderFilter.from_params({name.rstrip("_"): value for name, value in given.items()})


def _print(page: Page[dict[str, Any]]) -> None:
    table = Table("", "number", "time (UTC)", "machine", "product", "method", "amount", "status", box=None)
    for order in page.items:
        amount = order["amount"]
        table.add_row(
            MARKS[order["last_change"]["kind"]],
            order["number"],
            order["occurred_at"] or "—",
            (order["machine"] or {}).get("code", "—"),
            order["product"] or "—",
            order["payment_method"] or "—",
            f"{amount['amount']} {amount['currency']}" if amount else "—",
            order["match_status"] or order["status"],
        )
    console = Console(width=max(shutil.get_terminal_size((160, 24)).columns, 160))
    console.print(table)
    console.print(f"{len(page.items)} / {page.total}")


@orders.command("show")
def show_order(number: Annotated[str, typer.Argument()], as_json: Json = False) -> None:
    """One order: fields, evidence, changes.

    Example: vhm24r orders show ff000008d82025122500145924a8181f0000
    """

    async def work() -> dict[str, Any]:
        async with services_for(settings_of()) as services, services.db.read() as session:
            return await reading.get_order(session, OPERATOR, number)

    order = run(work, as_json=as_json)
    if as_json:
        out(order)
        return
    sys.stdout.write(f"{order['number']}  {order['status']}  v{order['version']}\n")
    if order["match_status"]:
        others = [name for name in order["findings"] if name != order["match_status"]]
        also = f"  (also {', '.join(others)})" if others else ""
        sys.stdout.write(f"  {'match':<18} {order['match_status']}{also}\n")
        for reason in order["reasons"]:
            sys.stdout.write(f"  {'because':<18} {because(reason)}\n")
    for name, value in order["fields"].items():
        if value is not None:
            edited = "  (edited)" if name in order["fields_edited"] else ""
            sys.stdout.write(f"  {name:<18} {value}{edited}\n")
    for record in order["evidence"]:
        place = (record["locator"] or {}).get("row")
        match = record["match"]
        how = f"{match['rule']} {match['confidence']} %" + (f"  match {match['id']}" if match["id"] else "")
        sys.stdout.write(f"  {record['source']:<18} {record['external_id']}  {record['file']} row {place}  {how}\n")
    for change in order["changes"]:
        what = f"{change['field']}: {change['old'] or '—'} → {change['new'] or '—'}" if change["field"] else ""
        mark = MARKS[change["kind"]]
        sys.stdout.write(f"  {mark} v{change['version']} {change['at']} {change['actor']['name']} {what}\n")


def because(reason: dict[str, Any]) -> str:
    """A reason as one line: its code and what it was made of."""
    facts = ", ".join(f"{name} {value}" for name, value in reason.items() if name != "code" and value is not None)
    return f"{reason['code']} ({facts})" if facts else str(reason["code"])


def export(  # one argument per option
    form: Annotated[ExportFormat, typer.Option("--format", help="csv or json.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file to write.")],
    q: Q = None, from_: From = None, to: To = None, machine: Machine = None, product: ProductName = None,
    payment_method: Method = None, status: Status = None, match_status: MatchStatusName = None, change: Change = None,
    source: SourceName = None, import_id: ImportId = None, tag: Tag = None, amount_min: AmountMin = None,
    amount_max: AmountMax = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Write the orders of a filter to a file; the file is whole or not there.

    Example: vhm24r export --format csv -o december.csv --from 2025-12-01 --to 2025-12-31
    """
    given = {name: value for name, value in locals().items() if name not in {"form", "output", "as_json"}}

    async def work() -> int:
        where = _filter(given)
        settings = settings_of()
        count = 0
        async with services_for(settings) as services, services.db.read() as session:

            async def counted() -> Any:  # noqa: ANN401  # an async generator of orders
                nonlocal count
                async for order in reading.stream_orders(session, OPERATOR, where, settings.zone):
                    count += 1
                    yield order

            partial = output.with_name(f".{output.name}.{os.getpid()}.partial")
            try:
                with partial.open("wb") as file:
                    async for piece in render(counted(), form):
                        file.write(piece)
                partial.replace(output)
            finally:
                partial.unlink(missing_ok=True)
        return count

    count = run(work, as_json=as_json)
    if as_json:
        out({"file": str(output), "format": form, "orders": count})
    else:
        sys.stdout.write(f"{count} → {output}\n")
