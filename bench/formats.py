"""The same orders in every format, end to end, beside what others do with them on the same server.

Ours ends with orders, evidence and history; the peers end with one table of texts, so they do less.
`python -m bench.formats [--rows 100000] [--million] [--no-peers]`.
"""

import argparse
import asyncio
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import escape
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

import psycopg
import xlwt
from psycopg import sql
from sqlalchemy import make_url

from bench.importing import ACTOR, Run, at_rest, in_folder, measured, other_bytes
from bench.measuring import MEBIBYTE, PeakMemory, table
from tests.documents import pdf_bytes, printed_table
from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.cli.running import roles
from vhm24r.identity.permissions import Role
from vhm24r.identity.service import coming_in, people
from vhm24r.identity.types import Client
from vhm24r.main import open_services, prepare_database, running_database
from vhm24r.ops.demo import write_happy_workers
from vhm24r.ops.process import Services
from vhm24r.platform.logging import configure_logging
from vhm24r.settings import Mode, Settings

SHEET_ROWS = 65_535
PDF_PAGES, PDF_ROWS = 50, 35
PRINTED = ("Номер заказа", "Машинный код", "Время создания", "Цена заказа", "Статус платежа")
UPLOAD_MEBIBYTES = 100
MILLION = 1_000_000
ASKED = {
    "csv first": 45_000, "csv unchanged": 90_000, "xlsx": 25_000, "xls": 12_000, "json": 20_000, "ndjson": 20_000,
    "xml": 20_000,
}  # fmt: skip
OTHERWISE_ASKED = {"pdf": "< 10 s", "csv of a million": "< 1024 MiB"}
NOT_ASKED = "—"
PEERS = Path(__file__).parent / "peers"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vhm24r-bench-peers"

Form = Literal["csv", "xlsx"]
PEER_FORMS: dict[str, Form] = {"pandas_to_sql": "xlsx", "django_import": "csv", "dlt_merge": "csv"}
Row = list[str]


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a generated CSV, its header first."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.reader(file)


def generated(folder: Path, rows: int, seed: int, form: Form = "csv") -> Path:
    """A machine report of its own orders."""
    path = folder / f"orders-{seed}.{form}"
    write_happy_workers(path, rows, seed, format=form)
    return path


def write_xls(source: Path, to: Path) -> None:
    """A workbook of as many sheets as are needed, each under the header."""
    reader = rows_of(source)
    header = next(reader)
    book = xlwt.Workbook()
    number = 0
    while rows := list(islice(reader, SHEET_ROWS)):
        sheet = book.add_sheet(f"S{number}")
        for index, row in enumerate([header, *rows]):
            for column, cell in enumerate(row):
                sheet.write(index, column, cell)
        number += 1
    book.save(to)


def write_json(source: Path, to: Path) -> None:
    """One array of objects."""
    reader = rows_of(source)
    header = next(reader)
    with to.open("w", encoding="utf-8") as file:
        for index, row in enumerate(reader):
            file.write(
                ("[" if index == 0 else ",\n") + json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False)
            )
        file.write("]")


def write_ndjson(source: Path, to: Path) -> None:
    """One object a line."""
    reader = rows_of(source)
    header = next(reader)
    with to.open("w", encoding="utf-8") as file:
        for row in reader:
            file.write(json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) + "\n")


def write_xml(source: Path, to: Path) -> None:
    """One element an order, its cells as children."""
    reader = rows_of(source)
    names = [name.strip().replace(" ", "_") for name in next(reader)]
    with to.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<orders>\n')
        for row in reader:
            cells = "".join(f"<{name}>{escape(cell)}</{name}>" for name, cell in zip(names, row, strict=True))
            file.write(f"<order>{cells}</order>\n")
        file.write("</orders>\n")


def write_pdf(source: Path, to: Path) -> None:
    """Fifty printed pages, the header repeated on each; the columns that a source needs."""
    reader = rows_of(source)
    header = next(reader)
    wanted = [header.index(name) for name in PRINTED]
    places = [20 + 160 * number for number in range(len(wanted))]
    pages = []
    for _ in range(PDF_PAGES):
        rows = [[row[column] for column in wanted] for row in [header, *islice(reader, PDF_ROWS)]]
        pages.append(printed_table(rows, places, top=570)[0])
    to.write_bytes(pdf_bytes(pages))


WRITERS: dict[str, Callable[[Path, Path], None]] = {
    "xls": write_xls, "json": write_json, "ndjson": write_ndjson, "xml": write_xml, "pdf": write_pdf,
}  # fmt: skip


def write_form(folder: Path, rows: int, seed: int, write: Callable[[Path, Path], None], to: Path) -> None:
    """A file of another format out of a machine report that is gone afterwards."""
    source = generated(folder, rows, seed)
    write(source, to)
    source.unlink()


def apart(work: Callable[..., None], *arguments: object) -> None:
    """Do what takes memory of its own in a process of its own, so that it is not measured as ours."""
    process = get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{work.__name__} ended with {process.exitcode}")


async def ours(services: Services, folder: Path, rows: int) -> list[Run]:
    """Our imports; every format begins with empty tables, so each line but two is a first import.

    The server has just been started, and touches its memory for the first time: that is a line of its own.
    """
    first = generated(folder, rows, 1)
    async with empty(services, "server_started") as own:
        runs = [await measured(own, "csv, server started", generated(folder, rows, 8))]
    async with empty(services, "first_csv") as own:
        runs.append(await measured(own, "csv first", first))
        runs.append(await measured(own, "csv unchanged", other_bytes(first, folder / "again.csv")))
        runs.append(await measured(own, "csv of further orders", generated(folder, rows, 9)))
    async with empty(services, "first_xlsx") as own:
        runs.append(await measured(own, "xlsx", generated(folder, rows, 2, "xlsx")))
    for seed, (form, write) in enumerate(WRITERS.items(), 3):
        path = folder / f"orders.{form}"
        apart(write_form, folder, rows, seed, write, path)
        async with empty(services, f"first_{form}") as own:
            runs.append(await measured(own, form, path))
        path.unlink()
    return runs


async def uploaded(services: Services, folder: Path) -> tuple[float, float, float]:
    """Upload a large file through the API: (seconds, MiB of the process before, and at most)."""
    now = services.clock.now()
    async with services.db.write() as session:
        person = await people.create_person(session, ACTOR, name="Bench", role=Role.OPERATOR, now=now)
        link = await coming_in.issue_link(session, ACTOR, person, now)
    token = (await coming_in.sign_in_by_link(services.access, link, Client("127.0.0.1"))).tokens.access
    path = folder / "upload.csv"
    with path.open("wb") as file:
        for _ in range(UPLOAD_MEBIBYTES - 1):
            file.write(os.urandom(MEBIBYTE))
    async with roles(services, web=True, work=False) as server:
        send = [sys.executable, "-c", UPLOADER, server.url, token, str(path)]
        await asyncio.to_thread(subprocess.run, [*send, "warm"], check=True)
        with PeakMemory(children=False) as before:
            await asyncio.sleep(0.6)
        started = time.perf_counter()
        with PeakMemory(children=False) as during:
            await asyncio.to_thread(subprocess.run, [*send, "all"], check=True)
        seconds = time.perf_counter() - started
    return seconds, before.mebibytes, during.mebibytes


UPLOADER = f"""
import io, sys, httpx
url, token, path, much = sys.argv[1:]
file = open(path, "rb") if much == "all" else io.BytesIO(b"x")
headers = {{"X-Requested-With": "bench"}}
answer = httpx.post(url + "/api/v1/imports", files={{"files": ("r.csv", file)}}, headers=headers,
                    cookies={{"{ACCESS_COOKIE}": token}}, timeout=300)
answer.raise_for_status()
"""


def peers_environment() -> Path | None:
    """The Python that has the peers; None when they cannot be installed here."""
    python = CACHE / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    steps: list[list[str | Path]] = [
        [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, CACHE],
        [uv, "pip", "install", "--quiet", "--python", python, "-r", PEERS.with_suffix(".txt")],
    ]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True)
        if done.returncode:
            print(f"The peers cannot be installed, so there are none:\n{done.stderr.strip()[-500:]}\n")
            return None
    return python


@dataclass(frozen=True, slots=True)
class Peer:
    """What one peer said of one import, and our rows per second of the like right before and right after it."""

    name: str
    rows: int
    seconds: float
    how: str
    ours: tuple[float, float]

    @property
    def rate(self) -> float:
        """Rows per second."""
        return self.rows / self.seconds


@asynccontextmanager
async def empty(services: Services, name: str) -> AsyncIterator[Services]:
    """The product on an empty database of the same server: peers begin with empty tables, too. It is gone
    afterwards, so that nobody looks after it while the next one is measured.
    """
    url = make_url(services.db.url)
    database = sql.Identifier(name)
    with psycopg.connect(services.db.conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
    own = url.set(database=name).render_as_string(hide_password=False)
    prepare_database(own, services.settings)
    try:
        async with open_services(services.settings, own) as opened:
            yield opened
    finally:
        with psycopg.connect(services.db.conninfo, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


async def peers(services: Services, folder: Path, rows: int) -> list[Peer]:
    """The peers with the same rows, each between two imports of ours: the machine is not the same all the time."""
    python = await asyncio.to_thread(peers_environment)
    if python is None:
        return []
    found: list[Peer] = []
    for number, (script, form) in enumerate(PEER_FORMS.items()):
        path = generated(folder, rows, 1, form)
        async with empty(services, f"before_{script}") as own:
            before = await like(own, folder, rows, 60 + 2 * number, form)
        await at_rest(services)
        sys.stderr.write(f"· {script}\n")
        command: list[str | Path] = [python, PEERS / f"{script}.py", path, services.db.conninfo]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, cwd=folder)
        async with empty(services, f"after_{script}") as own:
            after = await like(own, folder, rows, 61 + 2 * number, form)
        if done.returncode:
            print(f"{script} broke:\n{done.stderr.strip()[-1500:]}\n")
            continue
        for said in json.loads(done.stdout.strip().splitlines()[-1]):
            again = "unchanged" in said["name"]
            found.append(Peer(**said, ours=(before[again], after[again])))
    return found


async def like(services: Services, folder: Path, rows: int, seed: int, form: Form) -> tuple[float, float]:
    """Our rows per second with other rows of the same form: for the first time, and again in other bytes."""
    path = generated(folder, rows, seed, form)
    first = await measured(services, f"our {form}", path)
    if form == "xlsx":
        return first.rate, 0.0
    again = await measured(services, "our csv unchanged", other_bytes(path, folder / "like.csv"))
    return first.rate, again.rate


async def bench(folder: Path, rows: int, *, million: bool, with_peers: bool) -> None:
    """Measure, print."""
    configure_logging("error", "json")
    settings = Settings.load(mode=Mode.DEVELOPMENT, data_dir=folder / "data", port=0)
    with running_database(settings) as url:
        prepare_database(url, settings)
        async with open_services(settings, url) as services:
            report(await ours(services, folder, rows))
            report_upload(await uploaded(services, folder))
            if with_peers:
                report_peers(await peers(services, folder, rows))
            if million:  # last, because whatever came after it would go into larger tables
                report([await measured(services, "csv of a million", generated(folder, MILLION, 50))])


def report(runs: Sequence[Run]) -> None:
    """Our table, before the peers begin: some of them take minutes."""
    lines = [["import", "rows", "s", "rows/s", "asked", "peak RSS MiB", "outcome"]]
    for run in runs:
        asked = f"{ASKED[run.name]:,}" if run.name in ASKED else OTHERWISE_ASKED.get(run.name, NOT_ASKED)
        figures = [f"{run.rows:,}", f"{run.seconds:.2f}", f"{run.rate:,.0f}", asked, f"{run.mebibytes:.0f}"]
        lines.append([run.name, *figures, run.outcome])
    print(f"{table(lines)}\n", flush=True)


def report_upload(upload: tuple[float, float, float]) -> None:
    """How long it took, and what memory."""
    seconds, before, during = upload
    memory = f"API process {before:.0f} MiB before, {during:.0f} MiB at most"
    print(f"Upload of {UPLOAD_MEBIBYTES - 1} MiB: {seconds:.1f} s; {memory}\n", flush=True)


def report_peers(others: Sequence[Peer]) -> None:
    """What the peers said, each beside the like of ours."""
    lines = [["peer", "rows", "s", "rows/s", "ours before", "ours after", "ours is", "how"]]
    for peer in others:
        before, after = peer.ours
        times = statistics.mean(peer.ours) / peer.rate
        figures = [f"{peer.rows:,}", f"{peer.seconds:.2f}", f"{peer.rate:,.0f}", f"{before:,.0f}", f"{after:,.0f}"]
        lines.append([peer.name, *figures, f"{times:.1f} ×", peer.how])
    print(f"{table(lines)}\n", flush=True)


def main() -> None:
    """Parse arguments, run."""
    parser = argparse.ArgumentParser(prog="make bench-formats", description="Every format, beside peers")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--million", action="store_true", help="also a CSV of a million rows, for its memory")
    parser.add_argument("--no-peers", action="store_true", help="only ours")
    given = parser.parse_args()
    in_folder(
        lambda folder: asyncio.run(bench(folder, given.rows, million=given.million, with_peers=not given.no_peers))
    )


if __name__ == "__main__":
    main()
