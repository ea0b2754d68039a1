"""`vhm24r import`, `vhm24r imports` and `vhm24r mappings`."""

import asyncio
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from vhm24r.cli.context import OPERATOR, language, line, out, run, services_for, settings_of
from vhm24r.intake.errors import FileTooLarge, ImportNotUnmapped, MappingInvalid
from vhm24r.intake.service import mapping as mapping_service
from vhm24r.intake.service import reading_back, receiving
from vhm24r.intake.service.receiving import Arrival
from vhm24r.intake.service.running import interrupt
from vhm24r.intake.service.running import run as run_import
from vhm24r.intake.service.undoing import undo as undo_applied
from vhm24r.intake.sources.registry import SOURCES
from vhm24r.intake.staging import KEPT_ISSUES
from vhm24r.intake.types import IN_PROGRESS, ImportStatus, Level
from vhm24r.kit.text import storable
from vhm24r.ops.process import Services
from vhm24r.platform.i18n import say
from vhm24r.reconciliation.service.running import run_waiting

SourceChoice = StrEnum("SourceChoice", {"AUTO": "auto", **{source.name.name: source.name.value for source in SOURCES}})  # type: ignore[misc]  # built from the sources

EXIT = {
    ImportStatus.FAILED: 1,
    ImportStatus.REFUSED: 2,
    ImportStatus.NEEDS_MAPPING: 4,
}
WITH_ISSUES = 3
WORST_FIRST = (1, 2, 4, 3, 0)

imports = typer.Typer(help="Imports and what became of them.", no_args_is_help=True)
mappings = typer.Typer(help="What the columns of undeclared layouts mean.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("import")(import_files)
    app.add_typer(imports, name="imports")
    app.add_typer(mappings, name="mappings")


def exit_code(results: Sequence[dict[str, Any]]) -> int:
    """The worst of several files: failed, refused, needs mapping, issues, ok (decisions 36)."""
    codes = {EXIT.get(r["status"], WITH_ISSUES if _lacks_something(r) else 0) for r in results}
    return next(code for code in WORST_FIRST if code in (codes or {0}))


def _lacks_something(result: dict[str, Any]) -> bool:
    """Whether rows, or whole files of an archive, were left out."""
    said = [*result.get("issues", ()), *result.get("issues_by_code", ())]
    return bool(result["rows"]["issues"]) or any(issue["level"] in {Level.ERROR, Level.BLOCKER} for issue in said)


def import_files(
    files: Annotated[list[Path], typer.Argument(help="Report files; each is an import of its own.")],
    source: Annotated[SourceChoice, typer.Option(help="Name the source instead of finding it.")] = SourceChoice.AUTO,  # type: ignore[attr-defined]  # built from the sources
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--map",
            help="A JSON file that says what the columns mean of those files that no known report has the columns of;"
            " remembered for their header, also with --dry-run.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per file.")] = False,
) -> None:
    """Import report files.

    Example: vhm24r import ~/Downloads/orders.xlsx --dry-run
    """
    named = None if source.value == "auto" else source.value
    results = run(lambda: _import_all(files, named, mapping, dry_run=dry_run, as_json=as_json), as_json=as_json)
    raise typer.Exit(exit_code(results))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the command line says of the files."""

    source: str | None
    said: dict[str, Any] | None
    dry_run: bool


async def _import_all(
    files: list[Path], source: str | None, mapping: Path | None, *, dry_run: bool, as_json: bool
) -> list[dict[str, Any]]:
    settings = settings_of()
    results = []
    async with services_for(settings) as services:
        wanted = _Wanted(source, None if mapping is None else _said(mapping), dry_run)
        if wanted.said is not None:
            async with services.db.write() as session:
                await mapping_service.propose(session, OPERATOR, wanted.said, services.clock.now())
        for path in files:
            result = await _import_one(services, path, wanted)
            results.append(result)
            line(result) if as_json else _show(result)
        await run_waiting(services.reconciler, OPERATOR)
    return results


def _said(path: Path) -> dict[str, Any]:
    """The mapping in a JSON file.

    Raises:
        MappingInvalid: it is no JSON object.
    """
    try:
        said = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise MappingInvalid(problem="no_json", value=storable(f"{path}: {error}")) from error
    if not isinstance(said, dict):
        raise MappingInvalid(problem="no_json", value=storable(str(path)))
    return said


async def _import_one(services: Services, path: Path, wanted: _Wanted) -> dict[str, Any]:
    file = storable(str(path))  # a name may be any bytes
    if not path.is_file():  # noqa: ASYNC240  # one look at a local file before anything runs
        message = say("cli.no_such_file", language(), {"path": file})
        return _result(file, None, [], {"code": "cli.no_such_file", "message": message})
    now, arrival = services.clock.now(), Arrival(path, storable(path.name), wanted.dry_run, wanted.source)
    error: dict[str, Any] | None = None
    try:
        sha256 = await receiving.keep(services.blobs, arrival, services.settings.upload_limit_mb)
    except FileTooLarge as refusal:
        async with services.db.write() as session:
            import_id = await receiving.refuse(session, OPERATOR, arrival, refusal, now)
    else:
        async with services.db.write() as session:
            import_id = (await receiving.receive(session, OPERATOR, arrival, sha256, now)).id
        await _run_through(services, import_id, arrival.name)
        if wanted.said is not None:
            error = await _map(services, import_id, wanted.said, arrival.name)
    async with services.db.read() as session:
        row = await reading_back.get_import(session, OPERATOR, import_id, language())
        issues = (await reading_back.list_issues(session, OPERATOR, import_id, language())).items
    return _result(file, row, issues, error)


async def _run_through(services: Services, import_id: int, shown: str) -> None:
    """Run an import with a bar called `shown`; if the command is stopped meanwhile, the import has ended, too."""
    try:
        with _bar(shown) as follow:
            await run_import(replace(services.intake, on_progress=follow), import_id)
    except asyncio.CancelledError:
        await asyncio.shield(interrupt(services.intake, import_id))
        raise


async def _map(services: Services, import_id: int, said: dict[str, Any], shown: str) -> dict[str, Any] | None:
    """Tell an import that waits for it what its columns mean and run it again; the reason if that cannot be."""
    try:
        async with services.db.write() as session:
            await mapping_service.map_import(session, OPERATOR, import_id, said, services.clock.now())
    except ImportNotUnmapped:
        return None
    except MappingInvalid as error:
        return {"code": error.code, "message": say(error.code, language(), error.params)}
    await _run_through(services, import_id, shown)
    return None


class _bar:  # noqa: N801  # used like a function: with _bar(name) as follow
    """A progress bar on a terminal, silence elsewhere."""

    def __init__(self, name: str) -> None:
        columns = (TextColumn(name), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[phase]}"))
        self._progress = Progress(
            *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
        )
        self._task = self._progress.add_task(name, total=None, phase="")

    def __enter__(self) -> Any:  # noqa: ANN401  # a function of (done, total, phase)
        self._progress.start()
        return lambda done, total, phase: self._progress.update(self._task, completed=done, total=total, phase=phase)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def _result(
    file: str, row: dict[str, Any] | None, issues: list[dict[str, Any]], error: dict[str, Any] | None
) -> dict[str, Any]:
    """The contract's object for one file; `error` goes before what the import itself says."""
    counts = dict.fromkeys(("total", "new", "updated", "filled", "changed", "unchanged", "skipped", "issues"), 0)
    if row is None:
        return {
            "file": file, "import_id": None, "status": ImportStatus.FAILED, "format": None, "source": None,
            "confidence": None, "rows": counts, "orders": {}, "money_effect": {}, "similar_to": None,
            "duplicate_of": None, "error": error, "issues": [], "seconds": None,
        }  # fmt: skip
    failure = row["error"] and {"code": row["error"]["code"], "message": row["error"]["detail"]}
    return {
        "file": file, "import_id": row["id"], "status": row["status"], "format": row["format"], "source": row["source"],
        "confidence": row["confidence"], "rows": row["rows"], "orders": row["orders"],
        "money_effect": row["money_effect"], "similar_to": row["similar_to"], "duplicate_of": row["duplicate_of"],
        "error": error or failure, "issues": issues, "seconds": row["seconds"],
    }  # fmt: skip


def _show(result: dict[str, Any]) -> None:
    words = language()
    name = Path(result["file"]).name
    if result["error"]:
        sys.stdout.write(f"✗ {name}: {result['error']['message']}\n")
        return
    counts = result["rows"]
    told = "in_progress" if result["status"] in IN_PROGRESS else result["status"]
    text = say(f"cli.import.{told}", words, {**counts, "name": name, "id": result["import_id"], **_extra(result)})
    sys.stdout.write(f"✓ {text}\n")
    for issue in result["issues"][:10]:
        sys.stdout.write(f"  {issue['message']}\n")
    if len(result["issues"]) > 10:
        more = say("cli.import.more_issues", words, {"count": len(result["issues"]) - 10, "id": result["import_id"]})
        sys.stdout.write(f"  {more}\n")


def _extra(result: dict[str, Any]) -> dict[str, Any]:
    return {"source": result["source"], "duplicate_of": result["duplicate_of"], "seconds": result["seconds"]}


@imports.command("list")
def list_imports(
    limit: Annotated[int, typer.Option(help="How many.")] = 20,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """The last imports.

    Example: vhm24r imports list --limit 5
    """

    async def work() -> list[dict[str, Any]]:
        async with services_for(settings_of()) as services, services.db.read() as session:
            page = await reading_back.list_imports(session, OPERATOR, language(), status=None, limit=limit, cursor=None)
            return page.items

    rows = run(work, as_json=as_json)
    if as_json:
        out(rows)
        return
    table = Table("id", "file", "status", "source", "rows", "new", "filled", "changed", "issues", box=None)
    for row in rows:
        counts = row["rows"]
        numbers = [str(counts[name]) for name in ("total", "new", "filled", "changed", "issues")]
        table.add_row(str(row["id"]), row["file"]["name"], row["status"], row["source"] or "—", *numbers)
    Console(width=shutil.get_terminal_size((160, 24)).columns).print(table)


@imports.command("show")
def show_import(
    import_id: Annotated[int, typer.Argument(metavar="ID")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """One import: counts, effect, why it stopped.

    Example: vhm24r imports show 12
    """

    async def work() -> dict[str, Any]:
        async with services_for(settings_of()) as services, services.db.read() as session:
            return await reading_back.get_import(session, OPERATOR, import_id, language())

    row = run(work, as_json=as_json)
    if as_json:
        out(row)
        return
    if row["status"] == ImportStatus.UNDONE:
        _show_undone(row)
    else:
        _show(_result(row["file"]["name"], row, [], None))
    for name, count in {**row["rows"], **{f"orders {kind}": n for kind, n in row["orders"].items()}}.items():
        sys.stdout.write(f"  {name:<16} {count}\n")


@imports.command("undo")
def undo_import(
    import_id: Annotated[int, typer.Argument(metavar="ID")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Take an applied import back; orders that people have touched stay, and are listed.

    Example: vhm24r imports undo 12
    """

    async def work() -> dict[str, Any]:
        async with services_for(settings_of()) as services:
            await undo_applied(services.intake, OPERATOR, import_id)
            await run_waiting(services.reconciler, OPERATOR)
            return await _one(services, import_id)

    row = run(work, as_json=as_json)
    out(row) if as_json else _show_undone(row)


def _show_undone(row: dict[str, Any]) -> None:
    """What an undo did, and which orders it kept for what reason."""
    undone = row["undo"]
    sys.stdout.write(f"✓ {say('cli.import.undone', language(), {'id': row['id'], **undone['orders']})}\n")
    for kept in undone["kept"]:
        reasons = ", ".join(kept["reasons"])
        sys.stdout.write(f"  {say('cli.import.kept', language(), {'number': kept['number'], 'reasons': reasons})}\n")


@imports.command("redo")
def redo_import(
    import_id: Annotated[int, typer.Argument(metavar="ID")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Apply a previewed import, or an undone or failed one again.

    Example: vhm24r imports redo 12
    """

    async def work() -> dict[str, Any]:
        async with services_for(settings_of()) as services:
            async with services.db.write() as session:
                await receiving.apply_waiting(session, OPERATOR, import_id, services.clock.now())
            await _run_through(services, import_id, f"#{import_id}")
            await run_waiting(services.reconciler, OPERATOR)
            return await _one(services, import_id)

    row = run(work, as_json=as_json)
    out(row) if as_json else _show(_result(row["file"]["name"], row, [], None))
    raise typer.Exit(exit_code([row]))


async def _one(services: Services, import_id: int) -> dict[str, Any]:
    async with services.db.read() as session:
        return await reading_back.get_import(session, OPERATOR, import_id, language())


@imports.command("errors")
def show_errors(
    import_id: Annotated[int, typer.Argument(metavar="ID")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the rows as a CSV file, to be corrected.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """The issues of an import, with sheet, row, column and value.

    Example: vhm24r imports errors 12 -o errors.csv
    """

    async def work() -> tuple[list[dict[str, Any]], str]:
        async with services_for(settings_of()) as services, services.db.read() as session:
            issues = (await reading_back.list_issues(session, OPERATOR, import_id, language(), limit=KEPT_ISSUES)).items
            return issues, await reading_back.issues_csv(session, OPERATOR, import_id, language())

    issues, text = run(work, as_json=as_json)
    if output is not None:
        output.write_text("\ufeff" + text, encoding="utf-8", newline="")
    elif as_json:
        out(issues)
    else:
        for issue in issues:
            sys.stdout.write(f"{issue['message']}\n")


@mappings.command("list")
def list_mappings(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """The mappings people have made, by name.

    Example: vhm24r mappings list
    """

    async def work() -> list[dict[str, Any]]:
        async with services_for(settings_of()) as services, services.db.read() as session:
            return await mapping_service.list_mappings(session, OPERATOR)

    rows = run(work, as_json=as_json)
    if as_json:
        out(rows)
        return
    table = Table("name", "of", "made by", "columns", box=None)
    for row in rows:
        meanings = ", ".join(f"{field} = {header}" for field, header in row["columns"].items())
        table.add_row(*map(Text, (row["name"], row["target"], row["made_by"], meanings)))
    Console(width=shutil.get_terminal_size((160, 24)).columns).print(table)


@mappings.command("forget")
def forget_mapping(name: str, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Forget a mapping; what was imported with it stays.

    Example: vhm24r mappings forget "coffee shop"
    """

    async def work() -> None:
        async with services_for(settings_of()) as services, services.db.write() as session:
            await mapping_service.forget(session, OPERATOR, name, services.clock.now())

    run(work, as_json=as_json)
    message = say("cli.mapping_forgotten", language(), {"name": name})
    out({"name": name, "forgotten": True}) if as_json else sys.stdout.write(f"✓ {message}\n")
