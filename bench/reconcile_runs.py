"""Reconciliation end to end: a planted month in the database, a whole run, and one day brought into the month.

Everything is real but the files: orders and records (machine report, sales system, registers, three gateways) are
written as imports leave them. Printed are the seconds of a whole run, of the run after one more day, and how much of
what was planted was found. `python -m bench.reconcile_runs [--orders 100000 1000000]`.
"""

import argparse
import asyncio
import time
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from bench.importing import at_rest, in_folder
from bench.measuring import PeakMemory, table
from vhm24r.kit.actor import Actor
from vhm24r.main import open_services, prepare_database, running_database
from vhm24r.ops.process import Services
from vhm24r.platform.logging import configure_logging
from vhm24r.reconciliation.service.requesting import ask_for_days, ask_for_file
from vhm24r.reconciliation.service.running import Report, run_waiting
from vhm24r.settings import Mode, Settings

ACTOR = Actor.system("bench")
ZONE = ZoneInfo("Asia/Tashkent")
MACHINES, DAYS, LATE_DAY = 50, 30, 15
START = "2025-12-01 00:00:00+05"
SOURCES = ("happy_workers", "vendhub", "fiscal", "payme", "click", "uzum")

MONTH = f"""
CREATE TABLE month AS
SELECT i, day, machine, method, gateway, price, at, skew, missing, wrong, strange, late,
    gateway IS NOT NULL AND unnamed > 0.1 AS named
FROM (
    SELECT i, floor(random() * {DAYS})::int AS day, floor(random() * {MACHINES})::int AS machine,
        CASE WHEN pick < 0.45 THEN 'cash' WHEN pick < 0.9 THEN 'qr' WHEN pick < 0.93 THEN 'card'
            WHEN pick < 0.97 THEN 'vip' ELSE 'test' END AS method,
        CASE WHEN pick >= 0.45 AND pick < 0.9 THEN
            (ARRAY['payme', 'click', 'uzum'])[1 + floor(pick * 1000)::int % 3] END AS gateway,
        800000 + 200000 * floor(random() * 6)::int AS price, unnamed, missing, wrong, strange, late,
        NULL::timestamptz AS at, 0 AS skew
    FROM (
        SELECT i, random() AS pick, random() AS unnamed, random() < 0.02 AS missing, random() < 0.005 AS wrong,
            random() < 0.01 AS strange, (random() * 60)::int - 20 AS late
        FROM generate_series(1, {{orders}}) i
    ) drawn
) placed
"""

TIMES = f"""
UPDATE month m SET at = CAST('{START}' AS timestamptz) + m.day * interval '1 day' + interval '6 hours'
    + random() * interval '16 hours', skew = c.skew
FROM (
    SELECT day, machine, (random() * 240)::int - 120 AS skew
    FROM generate_series(0, {DAYS - 1}) day, generate_series(0, {MACHINES - 1}) machine
) c WHERE c.day = m.day AND c.machine = m.machine
"""

ORDERS = """
INSERT INTO orders (id, number, source_number, origin, channel, origin_space, occurrence, status, version,
    last_change_set_id, last_change, created_at, machine_code, occurred_at, amount, currency, product, payment_method)
SELECT i, 'ff' || lpad(to_hex(i), 34, '0'), 'ff' || lpad(to_hex(i), 34, '0'), 'happy_workers', 'vending', 'vending', 0,
    'recorded', 1, 0, 'new', now(), 'm' || lpad(machine::text, 11, '0'), date_trunc('second', at), price, 'UZS',
    'Espresso', method
FROM month WHERE {which} ORDER BY at
"""

VENDING = """
INSERT INTO vending_orders (order_id, machine_address, paid_at, delivered_at, payment_status)
SELECT i, 'Street ' || machine, date_trunc('second', at) + interval '8 seconds',
    date_trunc('second', at) + interval '60 seconds', 'paid' FROM month WHERE {which} ORDER BY at
"""

RECORDS = """
INSERT INTO evidence_records (id, record_id, order_id, file_id, identity, content, sheet, "row", occurrence, current,
    withdrawn, source, account, external_id, machine_code, occurred_at, amount, currency, payment_method, order_number,
    place, direction, state, fee, extra)
SELECT id, id, order_id, {file}, md5('{source}' || i)::uuid, md5('{source}' || i)::uuid, 0, n::int, 0, true, false,
    '{source}', account, i::text, machine_code, at, amount, 'UZS', method, number, place, direction, state, fee, extra
FROM (
    SELECT *, {first} + row_number() OVER (ORDER BY at) AS id, row_number() OVER (ORDER BY at) AS n FROM ({rows}) r
) numbered ORDER BY id
"""

TOLD = "date_trunc('second', at) + (8 + late + {clock}) * interval '1 second'"
SAID = "price + CASE WHEN wrong THEN 100 ELSE 0 END"
HONEST_AND_STRANGE = """(
    SELECT * FROM month WHERE NOT missing
    UNION ALL
    SELECT -i, day, machine, method, gateway, price, at + interval '40 minutes', skew, missing, wrong, strange, late,
        named
    FROM month WHERE strange
) told"""
"""What registers and gateways report; a stranger has the number of an order with a minus before it."""

ROWS = {
    "happy_workers": """
        SELECT i, i AS order_id, NULL AS account, 'm' || lpad(machine::text, 11, '0') AS machine_code,
            date_trunc('second', at) AS at, price AS amount, method, 'ff' || lpad(to_hex(i), 34, '0') AS number,
            NULL AS place, NULL AS direction, NULL AS state, NULL::bigint AS fee, NULL::jsonb AS extra FROM month""",
    "vendhub": """
        SELECT i, i, NULL, 'm' || lpad(machine::text, 11, '0'),
            date_trunc('second', at) + (8 + late) * interval '1 second' AS at, price,
            method, 'ff' || lpad(to_hex(i), 34, '0'), NULL, NULL, NULL, NULL::bigint,
            CASE WHEN named THEN jsonb_build_object('payment_type', initcap(gateway)) END FROM month""",
    "fiscal": f"""
        SELECT i, NULL::bigint, 'UZ' || machine, NULL, {TOLD.format(clock="skew")} AS at, {SAID}, NULL, NULL,
            'Register ' || machine, 'sale', NULL, NULL::bigint, NULL::jsonb
        FROM {HONEST_AND_STRANGE} WHERE method = 'cash'""",
    **{
        name: f"""
        SELECT i, NULL::bigint, NULL, NULL, {TOLD.format(clock="0" if name == "uzum" else "skew")} AS at, {SAID}, NULL,
            NULL, {"NULL" if name == "uzum" else f"'{name} desk ' || machine"}, NULL, 'ok', price / 100, NULL::jsonb
        FROM {HONEST_AND_STRANGE} WHERE gateway = '{name}'"""
        for name in ("payme", "click", "uzum")
    },
}
NAMES = "i, order_id, account, machine_code, at, amount, method, number, place, direction, state, fee, extra"

ACCURACY = """
SELECT e.source, m.interchangeable, count(*) AS matched,
    count(*) FILTER (WHERE e.external_id::bigint = m.order_id) AS right_ones
FROM evidence_matches m JOIN evidence_records e ON e.id = m.record_id WHERE m.withdrawn_at IS NULL GROUP BY 1, 2
"""

STATUSES = """
SELECT count(*) FILTER (WHERE s.match_status = CASE
        WHEN m.method IN ('vip', 'test') THEN 'fully_matched' WHEN m.method = 'card' THEN 'matched'
        WHEN NOT m.missing AND NOT m.wrong THEN 'fully_matched'
        WHEN m.method = 'cash' THEN 'fiscal_mismatch' ELSE 'gateway_mismatch' END)::float / count(*),
    count(*) FILTER (WHERE s.match_status = 'ambiguous_match')::float / count(*)
FROM month m JOIN order_match_statuses s ON s.order_id = m.i
"""


def plant(connection: psycopg.Connection[Any], orders: int) -> None:
    """The month as a table; nothing of it is in the product's tables yet."""
    connection.execute("SELECT setseed(0.42)")
    connection.execute(MONTH.format(orders=orders))
    connection.execute(TIMES)
    connection.execute(
        "INSERT INTO machines (code, address, active, created_at)"
        f" SELECT 'm' || lpad(n::text, 11, '0'), 'Street ' || n, true, now() FROM generate_series(0, {MACHINES - 1}) n"
    )
    connection.execute("CREATE INDEX ON month (day)")
    connection.execute("ANALYZE month")


def bring(connection: psycopg.Connection[Any], which: str, first: date, last: date) -> list[int]:
    """Write some days as imports leave them; the ids of the files."""
    connection.execute(ORDERS.format(which=which))
    connection.execute(VENDING.format(which=which))
    files = []
    for source in SOURCES:
        file, before = connection.execute(
            "SELECT nextval('evidence_files_id_seq'), coalesce(max(id), 0) FROM evidence_records"
        ).fetchone() or (0, 0)
        rows = f"SELECT * FROM ({ROWS[source]}) AS said ({NAMES}) WHERE abs(i) IN (SELECT i FROM month WHERE {which})"
        connection.execute(RECORDS.format(source=source, file=file, first=before, rows=rows))
        connection.execute(
            'INSERT INTO evidence_sightings (file_id, position, length, version_id, "row", sheet, outcome)'
            f" SELECT {file}, 0, count(*), min(id), 2, 0, 'new' FROM evidence_records WHERE file_id = {file}"
        )
        connection.execute(
            "INSERT INTO evidence_files (id, import_id, change_set_id, name, sheets, sha256, content_hash, format,"
            " source, rows, covers_from, covers_to, applied_at, withdrawn)"
            f" VALUES ({file}, {file}, 0, '{source}.csv', '{{}}', '{file}', '{file}', 'csv', '{source}', 0, %s, %s,"
            " now(), false)",
            [first, last],
        )
        files.append(int(file))
    return files


async def measured(services: Services, orders: int) -> list[list[str]]:
    """Lines of one month: a whole run, the run after one more day, and the same again."""
    day = date(2025, 12, 1 + LATE_DAY)
    with psycopg.connect(services.db.conninfo, autocommit=True) as connection:
        plant(connection, orders)
        bring(connection, f"day <> {LATE_DAY}", date(2025, 12, 1), date(2025, 12, 30))
        connection.execute("VACUUM (ANALYZE)")
    lines = [await _run(services, f"whole month of {orders:,}", None, None)]
    with psycopg.connect(services.db.conninfo, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
        files = bring(connection, f"day = {LATE_DAY}", day, day)
    lines.append(await _run(services, "one more day", files, None))
    lines.append(await _run(services, "that day again", None, day))
    with psycopg.connect(services.db.conninfo) as connection:
        for source, interchangeable, matched, right in connection.execute(ACCURACY).fetchall():
            kind = "interchangeable" if interchangeable else "certain"
            lines.append([f"{source}, {kind}", f"{matched:,}", "", "", f"{right / matched:.3%} right", ""])
        accuracy, ambiguous = connection.execute(STATUSES).fetchone() or (0, 0)
        lines.append(["statuses as planted", "", "", "", f"{accuracy:.3%}, ambiguous {ambiguous:.3%}", ""])
    return lines


async def _run(services: Services, name: str, files: list[int] | None, day: date | None) -> list[str]:
    async with services.db.write() as session:
        for file in files or ():
            await ask_for_file(session, file, datetime.now(UTC))
        if not files:
            await ask_for_days(session, day, day, datetime.now(UTC))
    await at_rest(services)
    started = time.perf_counter()
    with PeakMemory() as memory:
        report: Report = await run_waiting(services.reconciler, ACTOR)
    seconds = time.perf_counter() - started
    conserved = "adds up" if report.conserved else "DOES NOT ADD UP"
    return [
        name, f"{report.orders:,}", f"{seconds:.2f}", f"{len(report.days)} days", conserved, f"{memory.mebibytes:.0f}",
    ]  # fmt: skip


HEADER = ["run", "orders", "s", "settled", "money", "MiB"]


async def month(folder: Path, orders: int) -> None:
    """One month in a database of its own."""
    settings = Settings.load(mode=Mode.DEVELOPMENT, data_dir=folder, port=0)
    with running_database(settings) as url:
        prepare_database(url, settings)
        async with open_services(settings, url) as services:
            print(table([HEADER, *await measured(services, orders)]), flush=True)


def in_month(orders: int, folder: Path) -> None:
    """The same, to be called without a loop."""
    asyncio.run(month(folder, orders))


def main() -> None:
    """Parse arguments, plant, run, print."""
    parser = argparse.ArgumentParser(description="Reconciliation runs benchmark")
    parser.add_argument("--orders", type=int, nargs="*", default=[100_000, 1_000_000])
    given = parser.parse_args()
    configure_logging("error", "text")
    for orders in given.orders:
        in_folder(partial(in_month, orders))


if __name__ == "__main__":
    main()
