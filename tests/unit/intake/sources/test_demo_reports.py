"""What the demo writes, the sources read: every row of every report, in both languages, without an issue."""

import csv
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest

from tests.unit.intake.sources.layouts import Record, converted
from vhm24r.intake.sources.registry import claims, winner
from vhm24r.ops.demo import FileEntry, Formats, NetworkSpec, Noise, generate
from vhm24r.ops.demo.spec import Language

pytestmark = pytest.mark.unit

CSV = Formats(("csv",), ("csv",), ("csv",), ("csv",), ("csv",), ("csv",))
SAID_BY_ALL = {
    "happy_workers": {"order_number", "machine_code", "occurred_at", "amount", "payment_method", "payment_status"},
    "vendhub": {"external_id", "order_number", "machine_code", "occurred_at", "amount", "payment_method"},
    "fiscal": {"account", "external_id", "occurred_at", "amount", "direction"},
    "payme": {"external_id", "occurred_at", "amount", "fee", "state", "place", "card"},
    "click": {"external_id", "occurred_at", "amount", "state", "place", "card"},
    "uzum": {"external_id", "occurred_at", "amount", "fee", "state", "place", "card"},
}


@pytest.fixture(scope="module", params=["ru", "en"])
def reports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Record]]:
    """The records of all reports of a small network, by source."""
    language: Language = request.param
    folder = tmp_path_factory.mktemp(language)
    spec = NetworkSpec(
        date(2025, 12, 31), machines=4, days=8, orders=400, language=language, formats=CSV,
        noise=Noise(withheld=0), card_receipts=True,
    )  # fmt: skip
    found: dict[str, list[Record]] = defaultdict(list)
    for entry in generate(spec, folder).files:
        if not entry.is_sample:
            found[entry.source] += records(folder, entry)
    return found


def records(folder: Path, entry: FileEntry) -> list[Record]:
    content = (folder / entry.path).read_bytes()
    text = content.decode("cp1251" if entry.source == "vendhub" else "utf-8-sig")
    delimiter = max(";,", key=text.count)
    rows = list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
    start = next(i for i, row in enumerate(rows) if winner(claims(row)))
    found, issues, counts = converted(rows[start], rows[start + 1 :])
    assert issues == []
    assert (counts.staged, counts.skipped) == (entry.rows, entry.total_rows)
    return found


@pytest.mark.parametrize("source", SAID_BY_ALL)
def test_every_record_says_what_matching_needs(reports: dict[str, list[Record]], source: str) -> None:
    assert len(reports[source]) > 10
    for record in reports[source]:
        assert SAID_BY_ALL[source] <= set(record)


def test_words_of_the_reports_are_canonical(reports: dict[str, list[Record]]) -> None:
    assert {record["direction"] for record in reports["fiscal"]} <= {"sale", "return"}
    for gateway in ("payme", "click", "uzum"):
        assert {record["state"] for record in reports[gateway]} == {"ok", "reversed"}
