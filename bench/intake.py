"""Intake end to end: 100,000 machine-report rows, parse → diff → history → commit, beside the limit.

Everything is real: the embedded PostgreSQL as shipped (durable), the final tables, the event bus
with its subscribers. The limit, in the same run, is a plain COPY of the same parsed rows into one
table with as many indexes. `python -m bench.intake [--rows 100000]`.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import psycopg
from psycopg import sql

from bench.importing import ACTOR, Run, in_folder, measured, other_bytes
from bench.measuring import percentile, table
from vhm24r.api.app import build_app
from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.evidence.types import STAGED_COLUMNS
from vhm24r.identity.permissions import Role
from vhm24r.identity.service import coming_in, people
from vhm24r.identity.types import Client
from vhm24r.intake.reading import Batch, Task, read
from vhm24r.main import open_services, prepare_database, running_database
from vhm24r.ops.demo import write_happy_workers
from vhm24r.ops.process import Services
from vhm24r.platform.logging import configure_logging
from vhm24r.settings import Mode, Settings

LIST_REQUESTS = 400
LIST_QUERIES = (
    "", "&payment_method=cash", "&sort=-amount", "&change=new", "&q=ff00", "&machine=000000000000",
    "&from=2025-12-10&to=2025-12-12", "&with_total=true",
)  # fmt: skip
TARGETS = {"csv first": 30_000, "csv unchanged": 60_000, "xlsx first": 15_000}


def copy_limit(services: Services, path: Path) -> tuple[int, float]:
    """Plain COPY of the same parsed rows into an equally indexed table: (rows, seconds)."""
    steps = read(path, Task(services.settings.zone, path.parent))
    lines = [step.lines for step in steps if isinstance(step, Batch)]
    rows = sum(chunk.count(b"\n") for chunk in lines)
    with psycopg.connect(services.db.conninfo, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS copy_limit")
        connection.execute(
            "CREATE TABLE copy_limit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, LIKE evidence_staged)"
        )
        for columns in ("order_number", "occurred_at, id", "machine_code, occurred_at, id", "identity, content"):
            unique = "UNIQUE" if columns in ("order_number", "identity, content") else ""
            connection.execute(f"CREATE {unique} INDEX ON copy_limit ({columns})")
        names = sql.SQL(", ").join(map(sql.Identifier, STAGED_COLUMNS))
        statement = sql.SQL("COPY copy_limit ({}) FROM STDIN").format(names)
        started = time.perf_counter()
        with connection.transaction(), connection.cursor() as cursor, cursor.copy(statement) as copy:
            for chunk in lines:
                copy.write(chunk)
        seconds = time.perf_counter() - started
        connection.execute("DROP TABLE copy_limit")
    return rows, seconds


def analyze(services: Services) -> None:
    """Tables as autovacuum leaves them some seconds after a load; the lists are measured with them."""
    with psycopg.connect(services.db.conninfo, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


async def list_latency(services: Services) -> dict[str, list[float]]:
    """Seconds of single requests to the orders list through the whole application, by query."""
    now = services.clock.now()
    async with services.db.write() as session:
        person = await people.create_person(session, ACTOR, name="Bench", role=Role.OPERATOR, now=now)
        link = await coming_in.issue_link(session, ACTOR, person, now)
    token = (await coming_in.sign_in_by_link(services.access, link, Client("127.0.0.1"))).tokens.access
    transport = httpx.ASGITransport(build_app(services))
    seconds: dict[str, list[float]] = {query: [] for query in LIST_QUERIES}
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", cookies={ACCESS_COOKIE: token}) as http:
        for index in range(LIST_REQUESTS + 2 * len(LIST_QUERIES)):
            query = LIST_QUERIES[index % len(LIST_QUERIES)]
            started = time.perf_counter()
            answer = await http.get(f"/api/v1/orders?limit=50{query}")
            answer.raise_for_status()
            if index >= 2 * len(LIST_QUERIES):  # the first ones fill caches
                seconds[query].append(time.perf_counter() - started)
    return seconds


async def bench(rows: int, folder: Path) -> None:
    """Generate, import, measure, print."""
    configure_logging("error", "json")
    files = {kind: folder / f"{kind}.csv" for kind in ("csv", "changed")}
    write_happy_workers(files["csv"], rows, 1)
    write_happy_workers(files["changed"], rows, 1, changed_share=0.1)
    write_happy_workers(folder / "book.xlsx", rows, 2, format="xlsx")
    again = other_bytes(files["csv"], folder / "again.csv")
    settings = Settings.load(mode=Mode.DEVELOPMENT, data_dir=folder / "data")
    with running_database(settings) as url:
        prepare_database(url, settings)
        async with open_services(settings, url) as services:
            runs = [await measured(services, "csv first", files["csv"])]
            limits = [copy_limit(services, files["csv"]) for _ in range(3)]
            runs.append(await measured(services, "csv same bytes", files["csv"]))
            runs.append(await measured(services, "csv unchanged", again))
            runs.append(await measured(services, "csv 10 % changed", files["changed"]))
            analyze(services)
            lists = await list_latency(services)
            runs.append(await measured(services, "xlsx first", folder / "book.xlsx"))
    report(runs, limits, lists)


def report(runs: Sequence[Run], limits: Sequence[tuple[int, float]], lists: dict[str, list[float]]) -> None:
    """The table."""
    limit = statistics.median(rows / seconds for rows, seconds in limits)
    lines = [["import", "rows", "s", "rows/s", "asked", "of the COPY limit", "peak RSS MiB", "outcome"]]
    for item in runs:
        asked = f"{TARGETS[item.name]:,}" if item.name in TARGETS else "-"
        lines.append(
            [
                item.name, f"{item.rows:,}", f"{item.seconds:.2f}", f"{item.rate:,.0f}", asked,
                f"{item.rate / limit:.0%}", f"{item.mebibytes:.0f}", item.outcome,
            ]
        )  # fmt: skip
    lines.append(["plain COPY (limit)", f"{limits[0][0]:,}", "-", f"{limit:,.0f}", "-", "100%", "-", "median of 3"])
    print(table(lines))
    latency = [["orders list of 50", "p50 ms", "p95 ms", "asked"]]
    for query, seconds in [*lists.items(), ("all of these", [one for some in lists.values() for one in some])]:
        p50, p95 = (f"{percentile(seconds, share) * 1000:.1f}" for share in (0.5, 0.95))
        latency.append([query.removeprefix("&") or "newest first", p50, p95, "< 30"])
    print(f"\n{table(latency)}")


def main() -> None:
    """Parse arguments, run."""
    parser = argparse.ArgumentParser(description="Intake benchmark")
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    in_folder(lambda folder: asyncio.run(bench(rows, folder)))


if __name__ == "__main__":
    main()
