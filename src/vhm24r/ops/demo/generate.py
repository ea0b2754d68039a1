"""Writes a whole network as the folder an operator would have after a month.

happy_workers_*.xlsx|csv   ten-day exports that overlap, then a re-export of the last week
vendhub_*.csv|xlsx         weekly
fiscal_*.xlsx|csv          one per register
payme_*, click_*, uzum_*   one per gateway
truth.jsonl                what really happened
manifest.json              what was written and planted
samples/                   small files to try on top of the month
"""

from collections.abc import Iterable
from pathlib import Path

from vhm24r.ops.demo import click, fiscal, happy_workers, payme, uzum, vendhub
from vhm24r.ops.demo.facts import Payment
from vhm24r.ops.demo.layout import Table
from vhm24r.ops.demo.manifest import FileEntry, Manifest
from vhm24r.ops.demo.network import Network, build_network
from vhm24r.ops.demo.noise import LATE_DAYS, MONTH, RE_EXPORT
from vhm24r.ops.demo.periods import Period, last_days, reported_orders, reported_sales, split
from vhm24r.ops.demo.samples import write_samples
from vhm24r.ops.demo.spec import GATEWAYS, FileFormat, Gateway, NetworkSpec
from vhm24r.ops.demo.truth import Sweep, sweep
from vhm24r.ops.demo.writers import write_table

_TEN_DAYS, _WEEK, _OVERLAP_DAYS = 10, 7, 2


def generate(spec: NetworkSpec, out: Path) -> Manifest:
    """Writes every file of the network into `out` (made if missing) and returns the manifest.

    The same spec writes the same bytes. Existing files of the same names are replaced, others left alone.
    """
    out.mkdir(parents=True, exist_ok=True)
    network = build_network(spec)
    found = sweep(spec, out / "truth.jsonl")
    files = (
        *_happy_workers_files(spec, network, out),
        *_vendhub_files(spec, network, out),
        *_fiscal_files(spec, network, out, found),
        *(_gateway_file(spec, network, out, gateway, found.payments[gateway]) for gateway in GATEWAYS),
        *write_samples(spec, network, out / "samples"),
    )
    manifest = Manifest(
        seed=spec.seed,
        language=spec.language,
        timezone=spec.timezone,
        first_day=spec.first_day,
        last_day=spec.ends_on,
        machines=spec.machines,
        orders=found.orders,
        due=dict(found.due),
        planted=dict(sorted(found.planted.items())),
        machine_clocks={m.code: m.clock_skew_s for m in network.machines if m.clock_skew_s},
        register_clocks={r.module: r.clock_skew_s for r in network.registers if r.clock_skew_s},
        silent_machine=network.silent.code if network.silent else None,
        files=files,
    )
    manifest.write(out / "manifest.json")
    return manifest


def _happy_workers_files(spec: NetworkSpec, network: Network, out: Path) -> Iterable[FileEntry]:
    formats = spec.formats.happy_workers
    exports = [("happy_workers", period, MONTH) for period in split(spec, _TEN_DAYS, _OVERLAP_DAYS)]
    exports.append(("happy_workers_re-export", last_days(spec, LATE_DAYS), RE_EXPORT))
    for number, (stem, period, revision) in enumerate(exports):
        orders = reported_orders(spec, network, period, revision)
        file_format = formats[number % len(formats)]
        path = out / _name(stem, period, file_format)
        rows = write_table(path, happy_workers.table(orders, network.zone, spec.language), file_format, spec.ends_on)
        yield FileEntry(path.name, "happy_workers", file_format, rows, *period, revision=revision)


def _vendhub_files(spec: NetworkSpec, network: Network, out: Path) -> Iterable[FileEntry]:
    formats = spec.formats.vendhub
    for number, period in enumerate(split(spec, _WEEK)):
        sales = reported_sales(spec, network, period)
        file_format = formats[number % len(formats)]
        path = out / _name("vendhub", period, file_format)
        rows = write_table(path, vendhub.table(sales, network.zone, file_format), file_format, spec.ends_on)
        yield FileEntry(path.name, "vendhub", file_format, rows, *period)


def _fiscal_files(spec: NetworkSpec, network: Network, out: Path, found: Sweep) -> Iterable[FileEntry]:
    formats, period = spec.formats.fiscal, (spec.first_day, spec.ends_on)
    totals = _totals(spec)
    for number, register in enumerate(network.registers):
        receipts = found.receipts[register.module]
        table = fiscal.table(receipts, network.zone, register, period, spec.language, total=totals > 0)
        file_format = formats[number % len(formats)]
        path = out / _name(f"fiscal_{register.module}", period, file_format)
        rows = write_table(path, table, file_format, spec.ends_on) - totals
        yield FileEntry(path.name, "fiscal", file_format, rows, *period, total_rows=totals, account=register.module)


def _gateway_file(
    spec: NetworkSpec, network: Network, out: Path, gateway: Gateway, payments: list[Payment]
) -> FileEntry:
    period = (spec.first_day, spec.ends_on)
    formats: tuple[FileFormat, ...] = getattr(spec.formats, gateway)
    totals = _totals(spec) if gateway == "payme" else 0
    path = out / _name(gateway, period, formats[0])
    table = _gateway_table(spec, network, gateway, payments, period, total=totals > 0)
    rows = write_table(path, table, formats[0], spec.ends_on) - totals
    return FileEntry(path.name, gateway, formats[0], rows, *period, total_rows=totals)


def _gateway_table(
    spec: NetworkSpec,
    network: Network,
    gateway: Gateway,
    payments: list[Payment],
    period: Period,
    *,
    total: bool,
) -> Table:
    if gateway == "payme":
        return payme.table(payments, network.zone, period, spec.language, total=total)
    if gateway == "click":
        return click.table(payments, network.zone, spec.language)
    return uzum.table(payments, network.zone)


def _totals(spec: NetworkSpec) -> int:
    """Total rows per file: the Russian reports have one, the flat English tables never do."""
    return int(spec.noise.total_rows and spec.language == "ru")


def _name(stem: str, period: Period, file_format: FileFormat) -> str:
    return f"{stem}_{period[0].isoformat()}_{period[1].isoformat()}.{file_format}"
