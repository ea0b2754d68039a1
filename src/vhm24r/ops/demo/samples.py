"""Small files to drop on the page after the month is in: something new, something changed, something bad."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from vhm24r.ops.demo import happy_workers, vendhub
from vhm24r.ops.demo.layout import Cell, Row, Table
from vhm24r.ops.demo.manifest import FileEntry
from vhm24r.ops.demo.network import Network
from vhm24r.ops.demo.noise import SAMPLE, yesterday
from vhm24r.ops.demo.orders import true_orders
from vhm24r.ops.demo.periods import Period, last_days, reported_orders, reported_sales
from vhm24r.ops.demo.spec import FileFormat, NetworkSpec, Source
from vhm24r.ops.demo.writers import write_table

_VENDHUB_DAYS = 3
_GOOD_AND_BAD = 12
_BAD_CELLS: dict[str, dict[int, tuple[str, Cell]]] = {
    "ru": {
        3: ("Цена заказа", "пятнадцать тысяч"),
        6: ("Время оплаты", "вчера после обеда"),
        9: ("Номер заказа", "8.6E+15"),
    },
    "en": {
        3: ("Order price", "fifteen thousand"),
        6: ("Paying time", "yesterday afternoon"),
        9: ("Order number", "8.6E+15"),
    },
}
"""Row number → what is spoilt there: the amount, the time, an order number a spreadsheet ruined."""


def write_samples(spec: NetworkSpec, network: Network, folder: Path) -> tuple[FileEntry, ...]:
    """Writes the three samples; their counts are in the entries."""
    folder.mkdir(parents=True, exist_ok=True)
    return (
        _yesterday(spec, network, folder),
        _sales(spec, network, folder),
        _bad_rows(spec, network, folder),
    )


def _yesterday(spec: NetworkSpec, network: Network, folder: Path) -> FileEntry:
    """Yesterday's machine report: orders the month did not have yet, and some that have moved on."""
    day = yesterday(spec)
    orders = reported_orders(spec, network, (day, day), SAMPLE)
    table = happy_workers.table(orders, network.zone, spec.language)
    return _entry(spec, folder, "1_happy_workers_yesterday.xlsx", table, (day, day), "happy_workers")


def _sales(spec: NetworkSpec, network: Network, folder: Path) -> FileEntry:
    """Three days of the sales system, complete and with right prices: what the weekly files missed."""
    period = last_days(spec, _VENDHUB_DAYS, yesterday(spec))
    sales = reported_sales(spec, network, period, corrected=True)
    table = vendhub.table(sales, network.zone)
    return _entry(spec, folder, "2_vendhub_corrected.csv", table, period, "vendhub")


def _entry(spec: NetworkSpec, folder: Path, name: str, table: Table, period: Period, source: Source) -> FileEntry:
    path = folder / name
    file_format: FileFormat = "xlsx" if path.suffix == ".xlsx" else "csv"
    rows = write_table(path, table, file_format, spec.ends_on)
    revision = SAMPLE if source == "happy_workers" else 0
    return FileEntry(f"samples/{name}", source, file_format, rows, *period, revision=revision, is_sample=True)


def _bad_rows(spec: NetworkSpec, network: Network, folder: Path) -> FileEntry:
    """A dozen new orders of yesterday, three of them with a cell nobody can read."""
    day = yesterday(spec)
    orders = (replace(o, number="fe" + o.number[2:]) for o in true_orders(spec, day, day))
    table = happy_workers.table(islice(orders, _GOOD_AND_BAD), network.zone, spec.language)
    bad = _BAD_CELLS[spec.language]
    table = replace(table, rows=_spoilt(table, bad))
    entry = _entry(spec, folder, "3_happy_workers_bad_rows.csv", table, (day, day), "happy_workers")
    return replace(entry, planted_bad_rows=sum(number <= entry.rows for number in bad))


def _spoilt(table: Table, bad: dict[int, tuple[str, Cell]]) -> Iterator[Row]:
    for number, row in enumerate(table.rows, start=1):
        column, value = bad.get(number, ("", None))
        yield tuple(value if name == column else cell for name, cell in zip(table.columns, row, strict=True))
