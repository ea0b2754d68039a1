"""The generated folder: files, truth and manifest agree with each other row by row."""

import csv
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from python_calamine import CalamineWorkbook

from vhm24r.ops.demo import Clocks, FileEntry, Formats, Manifest, NetworkSpec, Noise, Rates, generate

pytestmark = pytest.mark.unit

ALL = Rates(missing=0.05, wrong_amount=0.05, duplicate=0.05, stranger=0.05)
NOISE = Noise(
    happy_workers=Rates(missing=0.03, duplicate=0.03),
    vendhub=ALL,
    fiscal=ALL,
    payme=ALL,
    click=ALL,
    uzum=ALL,
    reversed_attempt=0.05,
    refund_not_at_gateway=0.4,
    return_missing=0.4,
    gateway_wrong=0.05,
    late_delivery=0.1,
    late_remark=0.05,
    number_conflicts=5,
)
SPEC = NetworkSpec(date(2025, 12, 31), machines=15, days=20, orders=3_000, noise=NOISE)
KEYS = {"fiscal": "Номер чека", "payme": "ИДЕНТИФИКАТОР ПЛАТЕЖА \n (ПЛАТЕЖНАЯ СИСТЕМА)", "click": "Click ID"}
ENCODINGS = {"vendhub": ("cp1251", ";"), "fiscal": ("utf-8", ";"), "uzum": ("utf-8", ",")}
PREAMBLE_ROWS = {"fiscal": 1, "payme": 6}

Row = dict[str, str]


@dataclass(frozen=True)
class Month:
    """A generated folder, read back."""

    folder: Path
    manifest: Manifest
    truth: list[dict[str, object]]

    def preamble_rows(self, entry: FileEntry) -> int:
        """Rows above the header."""
        return PREAMBLE_ROWS.get(entry.source, 0) if self.manifest.language == "ru" else 0

    def rows(self, entry: FileEntry) -> list[Row]:
        """Data rows of a file by column name, total rows left out."""
        header, *rows = read(self.folder / entry.path, entry.source)[self.preamble_rows(entry) :]
        return [dict(zip(header, row, strict=True)) for row in rows if row[0] != "Итого"]

    def all_rows(self, source: str) -> list[Row]:
        """Data rows of all month files of a source."""
        files = [f for f in self.manifest.files if f.source == source and not f.is_sample]
        return [row for entry in files for row in self.rows(entry)]

    def with_fault(self, fault: str) -> list[dict[str, object]]:
        """True orders with that fault."""
        return [line for line in self.truth if fault in line["faults"]]  # type: ignore[operator]


def read(path: Path, source: str) -> list[list[str]]:
    if path.suffix == ".xlsx":
        sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
        rows = sheet.to_python(skip_empty_area=False)
        return [[str(c).removesuffix(".0") if isinstance(c, float) else str(c) for c in row] for row in rows]
    encoding, delimiter = ENCODINGS.get(source, ("utf-8-sig", ","))
    if path.read_bytes()[:30].startswith(b"fiscal_check"):
        delimiter = ","
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


def load(spec: NetworkSpec, folder: Path) -> Month:
    manifest = generate(spec, folder)
    lines = (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    return Month(folder, manifest, [json.loads(line) for line in lines])


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Month:
    return load(SPEC, tmp_path_factory.mktemp("month"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_same_spec_same_bytes_other_seed_other_bytes(tmp_path: Path) -> None:
    small = replace(SPEC, orders=400, days=9)
    generate(small, tmp_path / "a")
    generate(small, tmp_path / "b")
    generate(replace(small, seed=99), tmp_path / "c")
    one, two, other = (contents(tmp_path / name) for name in "abc")
    assert one == two and len(one) == 14
    for name in one.keys() & other.keys():
        assert one[name] != other[name], name


def test_manifest_lists_exactly_the_files_and_their_rows(month: Month) -> None:
    reports = {p for p in contents(month.folder) if not p.endswith(("manifest.json", "truth.jsonl"))}
    assert reports == {f.path for f in month.manifest.files}
    for entry in month.manifest.files:
        assert entry.path.endswith(entry.format)
        assert len(month.rows(entry)) == entry.rows > 0, entry.path
        below = len(read(month.folder / entry.path, entry.source)) - month.preamble_rows(entry) - 1
        assert below == entry.rows + entry.total_rows
    stored = json.loads((month.folder / "manifest.json").read_text(encoding="utf-8"))
    assert stored["planted"] == month.manifest.planted and stored["last_day"] == "2025-12-31"
    assert [f["path"] for f in stored["files"]] == [f.path for f in month.manifest.files]


def test_truth_counts_are_the_manifest_counts(month: Month) -> None:
    assert len(month.truth) == month.manifest.orders == 3_000
    faults = Counter(fault for line in month.truth for fault in line["faults"])  # type: ignore[attr-defined]
    assert faults == month.manifest.planted
    methods = Counter(line["method"] for line in month.truth)
    due = month.manifest.due
    assert due["happy_workers"] == due["vendhub"] == 3_000 and due["fiscal"] == methods["cash"]
    assert due["payme"] + due["click"] + due["uzum"] == methods["qr"]


def test_every_fault_is_planted(month: Month) -> None:
    expected = {f"{s}.{f}" for s in ("vendhub", "fiscal", "payme", "click", "uzum")
                for f in ("missing", "wrong_amount", "duplicate", "stranger")}  # fmt: skip
    expected |= {f"happy_workers.{f}" for f in ("missing", "duplicate", "number_conflict", "late_delivery",
                                                "late_refund", "late_remark", "sample_only")}  # fmt: skip
    expected |= {"vendhub.gateway_wrong", "vendhub.gateway_unnamed", "fiscal.returned", "payme.reversed",
                 "fiscal.return_missing", "payme.reversed_attempt",
                 "payme.refund_not_at_gateway"}  # fmt: skip
    assert expected <= month.manifest.planted.keys()
    assert month.manifest.planted["happy_workers.number_conflict"] == 5
    assert month.manifest.planted["happy_workers.sample_only"] == 30


@pytest.mark.parametrize("source", ["vendhub", "fiscal", "payme", "click", "uzum"])
def test_rows_are_conserved(source: str, month: Month) -> None:
    planted, due = month.manifest.planted, month.manifest.due
    count = {f: planted.get(f"{source}.{f}", 0)
             for f in ("missing", "duplicate", "stranger", "returned", "reversed_attempt")}  # fmt: skip
    missing = count.pop("missing")
    assert len(month.all_rows(source)) == due[source] - missing + sum(count.values())


def test_machine_rows_are_conserved(month: Month) -> None:
    keys = Counter((r["Номер заказа"], r["Машинный код"]) for r in month.all_rows("happy_workers"))
    planted = month.manifest.planted
    gone = planted["happy_workers.missing"] + planted["happy_workers.sample_only"]
    assert len(keys) == 3_000 - gone
    expected = {(line["number"], line["machine"]) for line in month.truth if line["in_machine_report"]}
    assert keys.keys() == expected
    for entry in month.manifest.of_source("happy_workers"):
        rows = month.rows(entry)
        twice = Counter(tuple(row.values()) for row in rows)
        assert set(twice.values()) <= {1, 2}
        assert len(twice) == len({(r["Номер заказа"], r["Машинный код"]) for r in rows})


def test_sales_agree_with_the_truth(month: Month) -> None:
    sales = {row["ID"]: row for row in month.all_rows("vendhub")}
    named = {"Payme": "payme", "Click": "click", "Uzum": "uzum"}
    for line in month.truth:
        assert (line["vendhub_id"] is None) == ("vendhub.missing" in line["faults"])  # type: ignore[operator]
        if line["vendhub_id"] is None:
            continue
        row = sales.pop(str(line["vendhub_id"]))
        assert (row["Order number"], row["Machine Code"]) == (line["number"], line["machine"])
        price = int(row["Order price"].removesuffix(",00").replace(" ", ""))
        assert (price != line["amount_som"]) == ("vendhub.wrong_amount" in line["faults"])  # type: ignore[operator]
        wrong = {"vendhub.gateway_wrong", "vendhub.gateway_unnamed"} & set(line["faults"])  # type: ignore[call-overload]
        assert (named.get(row["Payment type"]) == line["gateway"]) == (not wrong)
    assert len(sales) == month.manifest.planted["vendhub.stranger"]
    numbers = {line["number"] for line in month.truth}
    assert all(row["Order number"] not in numbers for row in sales.values())


def test_receipts_agree_with_the_truth(month: Month) -> None:
    receipts = {(r["Фискальный модуль"], r["Номер чека"]): r for r in month.all_rows("fiscal")}
    clocks = month.manifest.register_clocks
    for line in month.truth:
        register = str(line["receipt_register"])
        if line["receipt_number"] is None:
            assert line["method"] != "cash" or "fiscal.missing" in line["faults"]  # type: ignore[operator]
            continue
        row = receipts.pop((register, str(line["receipt_number"])))
        assert row["Операция"] == "Продажа"
        wrong = int(row["Сумма операции"]) != line["amount_som"]
        assert wrong == ("fiscal.wrong_amount" in line["faults"])  # type: ignore[operator]
        at = datetime.strptime(row["Дата и время"] + "+0500", "%d.%m.%Y %H:%M:%S%z")
        late = (at - datetime.fromisoformat(str(line["paid_at"]))).total_seconds() - clocks.get(register, 0)
        assert -20 <= late <= 40
        if line["returned_number"] is not None:
            back = receipts.pop((register, str(line["returned_number"])))
            assert back["Операция"] == "Возврат" and back["Сумма операции"] == row["Сумма операции"]
    assert len(receipts) == month.manifest.planted["fiscal.stranger"]


@pytest.mark.parametrize(
    ("gateway", "key", "amount", "state", "reversed_word"),
    [
        ("payme", KEYS["payme"], "СУММА БЕЗ КОМИССИИ", "СОСТОЯНИЕ ОПЛАТЫ", "ОТМЕНЕН"),
        ("click", KEYS["click"], "Сумма", "Статус платежа", "Аннулирован"),
        ("uzum", "transaction_id", "amount", "status", "REVERSED"),
    ],
)
def test_payments_agree_with_the_truth(
    gateway: str, key: str, amount: str, state: str, reversed_word: str, month: Month
) -> None:
    payments = {row[key]: row for row in month.all_rows(gateway)}
    for line in (x for x in month.truth if x["gateway"] == gateway):
        faults: list[str] = list(line["faults"])  # type: ignore[call-overload]
        assert (line["payment_id"] is None) == (f"{gateway}.missing" in faults)
        if line["payment_id"] is None:
            continue
        row = payments.pop(str(line["payment_id"]))
        assert (int(row[amount]) != line["amount_som"]) == (f"{gateway}.wrong_amount" in faults)
        assert (row[state] == reversed_word) == (f"{gateway}.reversed" in faults)
        live_refund = line["refunded_at"] is not None and row[state] != reversed_word
        assert live_refund == (f"{gateway}.refund_not_at_gateway" in faults)
    planted = month.manifest.planted
    attempts = sum(row[state] == reversed_word for row in payments.values())
    assert attempts == planted[f"{gateway}.reversed_attempt"]
    assert len(payments) - attempts == planted[f"{gateway}.stranger"]


def test_no_order_is_lost_to_both_reports(month: Month) -> None:
    lost = [line for line in month.truth if "happy_workers.missing" in list(line["faults"])]  # type: ignore[call-overload]
    assert len(lost) == month.manifest.planted["happy_workers.missing"]
    assert all(line["vendhub_id"] and not line["in_machine_report"] for line in lost)


def test_workbooks_carry_the_period_not_the_moment_of_writing(month: Month) -> None:
    for entry in month.manifest.files:
        if entry.format == "xlsx":
            with ZipFile(month.folder / entry.path) as archive:
                assert archive.testzip() is None
                assert archive.read("docProps/core.xml").count(b"2025-12-31T18:00:00Z") == 2
                assert len(archive.namelist()) == len(set(archive.namelist())) == 9


def test_times_are_printed_in_the_business_zone(tmp_path: Path) -> None:
    spec = replace(SPEC, orders=60, days=3, timezone="Europe/London", noise=Noise.none(), clocks=Clocks(0, 0, 0, 0))
    month = load(spec, tmp_path)
    paid = {str(x["number"]): str(x["paid_at"]) for x in month.truth}
    for row in month.all_rows("happy_workers"):  # London is on UTC in December
        assert row["Время оплаты"].replace(" ", "T") + "Z" == paid[row["Номер заказа"]]


def test_some_payments_are_another_merchants(month: Month) -> None:
    own = Counter(row["НАЗВАНИЕ ПОСТАВЩИКA"] for row in month.all_rows("payme"))
    assert len(own) == 2 and 0 < min(own.values()) <= month.manifest.planted["payme.stranger"]


def test_number_conflicts_are_on_two_machines_in_both_reports(month: Month) -> None:
    for source, number, machine in (
        ("happy_workers", "Номер заказа", "Машинный код"),
        ("vendhub", "Order number", "Machine Code"),
    ):
        machines: dict[str, set[str]] = defaultdict(set)
        for row in month.all_rows(source):
            machines[row[number]].add(row[machine])
        shared = [codes for codes in machines.values() if len(codes) > 1]
        assert all(len(codes) == 2 for codes in shared)
        assert len(shared) == 5 if source == "happy_workers" else len(shared) >= 3


def test_exports_of_the_machine_report_overlap_and_move_on(month: Month) -> None:
    first, second, again = month.manifest.of_source("happy_workers")
    assert second.first_day < first.last_day < second.last_day
    assert (again.first_day, again.last_day, again.revision) == (date(2025, 12, 25), date(2025, 12, 31), 1)
    old, new = ({r["Номер заказа"] + r["Машинный код"]: r for r in month.rows(f)} for f in (second, again))
    assert new.keys() <= old.keys()
    changes = Counter(
        (column, bool(old[key][column]))
        for key, row in new.items()
        for column in row
        if row[column] != old[key][column]
    )
    assert changes["Срок поставки", False] > 10 and changes["Срок поставки", True] == 0
    assert changes["Время возврата денег", False] > 0 and changes["Статус платежа", True] > 0
    assert changes["Замечание", False] > 0
    yesterday = {str(x["number"]) for x in month.truth if _local_day(x["created_at"]) == date(2025, 12, 30)}
    moved = {r["Номер заказа"] for k, r in new.items() if r != old[k]}
    assert not moved & yesterday  # these move on in the sample only


def test_nothing_is_printed_outside_the_period(tmp_path: Path) -> None:
    clocks = Clocks(machine_share=0.5, register_share=1, far_machine_s=2400)
    month = load(replace(SPEC, orders=1_000, days=2, clocks=clocks), tmp_path)
    for source, column, layout in (
        ("happy_workers", "Время создания", "%Y-%m-%d %H:%M:%S"),
        ("fiscal", "Дата и время", "%d.%m.%Y %H:%M:%S"),
        ("payme", "ВРЕМЯ ОПЛАТЫ", "%Y-%m-%d %H:%M:%S"),
        ("uzum", "transaction_time", "%Y-%m-%d %H:%M:%S"),
    ):
        days = {datetime.strptime(r[column], layout).date() for r in month.all_rows(source)}
        assert days == {date(2025, 12, 30), date(2025, 12, 31)}, source


def test_yesterdays_sample_is_new_and_changed_against_the_month(month: Month) -> None:
    sample = month.manifest.of_source("happy_workers", samples=True)[0]
    known = {r["Номер заказа"] + r["Машинный код"]: r for r in month.all_rows("happy_workers")}
    rows = {r["Номер заказа"] + r["Машинный код"]: r for r in month.rows(sample)}
    assert len(rows.keys() - known.keys()) == 30
    assert sum(known[key] != row for key, row in rows.items() if key in known) >= 3
    numbers = {str(x["number"]) for x in month.with_fault("happy_workers.sample_only")}
    assert {key[:36] for key in rows.keys() - known.keys()} == numbers


def test_corrected_sales_sample_has_what_the_month_misses(month: Month) -> None:
    (sample,) = month.manifest.of_source("vendhub", samples=True)
    known = {r["ID"]: r for r in month.all_rows("vendhub")}
    rows = month.rows(sample)
    missing = {str(x["number"]) for x in month.with_fault("vendhub.missing")}
    new = {r["Order number"] for r in rows if r["ID"] not in known}
    assert new and new <= missing
    assert any(known[r["ID"]]["Order price"] != r["Order price"] for r in rows if r["ID"] in known)
    assert len({r["ID"] for r in rows}) == len(rows)


@pytest.mark.parametrize("language", ["ru", "en"])
def test_bad_rows_sample(language: str, tmp_path: Path) -> None:
    month = load(replace(SPEC, orders=600, days=10, language=language), tmp_path)  # type: ignore[arg-type]
    bad = month.manifest.of_source("happy_workers", samples=True)[1]
    rows = [list(row.values()) for row in month.rows(bad)]
    assert bad.rows == 12 and bad.planted_bad_rows == 3
    text = [cell for row in rows for cell in row]
    assert "8.6E+15" in text
    assert sum(c in ("пятнадцать тысяч", "fifteen thousand") for c in text) == 1
    assert sum(c in ("вчера после обеда", "yesterday afternoon") for c in text) == 1
    assert sum(c.startswith("fe") and len(c) == 36 for c in text) == 11


def test_english_month_has_the_english_layouts(tmp_path: Path) -> None:
    spec = replace(SPEC, orders=600, days=10, language="en")
    month = load(spec, tmp_path)
    firsts = {f.source: next(iter(month.rows(f)[0])) for f in month.manifest.files}
    assert firsts == {
        "happy_workers": "Order number",
        "vendhub": "ID",
        "fiscal": "fiscal_check_number",
        "payme": "transaction_id",
        "click": "transaction_id",
        "uzum": "transaction_id",
    }
    assert {f.total_rows for f in month.manifest.files} == {0}


def test_without_noise_the_files_are_the_truth(tmp_path: Path) -> None:
    clocks = Clocks(machine_share=0, register_share=0)
    month = load(replace(SPEC, orders=900, noise=Noise.none(), clocks=clocks), tmp_path)
    assert set(month.manifest.planted) <= {f"{s}.reversed" for s in ("payme", "click", "uzum")} | {"fiscal.returned"}
    assert all(line["in_machine_report"] and line["vendhub_id"] for line in month.truth)
    assert {(r["Order number"], r["Machine Code"]) for r in month.all_rows("vendhub")} == {
        (r["Номер заказа"], r["Машинный код"]) for r in month.all_rows("happy_workers")
    }
    assert {f.total_rows for f in month.manifest.files} == {0}
    paid = {str(x["payment_id"]): x for x in month.truth if x["gateway"] == "uzum"}
    for row in month.all_rows("uzum"):
        shown = datetime.fromisoformat(row["transaction_time"] + "+05:00")
        assert shown == datetime.fromisoformat(str(paid[row["transaction_id"]]["paid_at"]))


def test_changing_one_sources_noise_leaves_the_others_alone(tmp_path: Path) -> None:
    small = replace(SPEC, orders=500, days=9)
    quiet = replace(small, noise=replace(NOISE, fiscal=Rates()))
    generate(small, tmp_path / "a")
    generate(quiet, tmp_path / "b")
    one, two = contents(tmp_path / "a"), contents(tmp_path / "b")
    different = {name.split("_")[0] for name in one if one[name] != two[name]}
    assert different == {"fiscal", "truth.jsonl", "manifest.json"}


def test_formats_and_registers_can_be_chosen(tmp_path: Path) -> None:
    formats = Formats(("csv",), ("xlsx",), ("csv",), ("csv",), ("csv",), ("xlsx",))
    spec = replace(SPEC, orders=300, days=8, machines=6, registers="per_machine", formats=formats)
    manifest = generate(spec, tmp_path)
    assert {f.format for f in manifest.of_source("happy_workers")} == {"csv"}
    assert {f.format for f in manifest.of_source("vendhub")} == {"xlsx"}
    assert {f.format for f in manifest.of_source("uzum")} == {"xlsx"}
    assert len(manifest.of_source("fiscal")) == 6 == len({f.account for f in manifest.of_source("fiscal")})


def test_the_smallest_network_still_works(tmp_path: Path) -> None:
    manifest = generate(NetworkSpec(date(2025, 12, 31), machines=1, days=1, orders=3), tmp_path)
    assert manifest.orders == 3 and manifest.silent_machine is None
    assert "happy_workers.number_conflict" not in manifest.planted


def test_no_names_or_phones_anywhere(month: Month) -> None:
    users = {row["Username"] for row in month.all_rows("vendhub")}
    assert all(user.startswith("operator-") and user[-2:].isdigit() for user in users)
    text = (month.folder / month.manifest.of_source("uzum")[0].path).read_text(encoding="utf-8")
    assert "+998" not in text and "******" in text


def _local_day(instant: object) -> date:
    return (datetime.fromisoformat(str(instant)) + timedelta(hours=5)).date()
