"""What is assumed to be quick: a report that comes again is recalled, a table is begun before its end is read. Where
it does not hold, everything is read, and nothing is lost by it.
"""

import orjson
import pytest

from tests.factories import Row, csv_bytes, hw_row
from tests.integration.sharing import imported
from tests.integration.standing import FILES, ORDERS, RECORDS, rows_of, undone
from vhm24r.intake import staging
from vhm24r.intake.canonical import Canonicaliser, Counts
from vhm24r.intake.formats import delimited
from vhm24r.intake.formats.protocol import CHUNK_ROWS
from vhm24r.intake.models import Import
from vhm24r.intake.service import running
from vhm24r.intake.service.running import Intake
from vhm24r.intake.statements import Seen, Statements
from vhm24r.intake.types import Chunk, Issue
from vhm24r.ops.process import Services

pytestmark = pytest.mark.integration

ROWS = [hw_row(n) for n in range(60)]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK_ROWS", 10)
    monkeypatch.setattr(staging, "PART_ROWS", (10, 20))
    monkeypatch.setattr(staging, "STANDING_ROWS", 20)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Of each chunk that was read word by word: how many rows."""
    found: list[int] = []
    convert = Canonicaliser.convert

    def counted(self: Canonicaliser, chunk: Chunk, seen: Seen, counts: Counts) -> tuple[Statements | None, list[Issue]]:
        found.append(len(chunk.rows))
        return convert(self, chunk, seen, counts)

    monkeypatch.setattr(Canonicaliser, "convert", counted)
    return found


def written_otherwise(rows: list[Row]) -> bytes:
    return csv_bytes(rows, delimiter=";")


async def test_a_report_that_comes_again_is_not_read_word_by_word(services: Services, readings: list[int]) -> None:
    first = await imported(services, ROWS)
    before = await rows_of(services, RECORDS)
    readings.clear()

    again = await imported(services, written_otherwise(ROWS))

    assert readings == []
    assert (again["status"], again["rows"]["unchanged"], again["rows"]["total"]) == ("applied", 60, 60)
    assert again["similar_to"] == {"import_id": first["id"], "percent": 100}
    assert await rows_of(services, RECORDS) == before
    one, other = await rows_of(services, FILES)
    assert {**one, "name": ""} == {**other, "name": ""}


async def test_of_a_longer_report_only_the_end_is_read(services: Services, readings: list[int]) -> None:
    await imported(services, ROWS)
    readings.clear()

    longer = await imported(services, written_otherwise([*ROWS, hw_row(60), hw_row(61)]))

    assert sum(readings) < 12
    assert (longer["rows"]["unchanged"], longer["rows"]["new"]) == (60, 2)


async def test_what_was_undone_is_read_and_stands_again(services: Services, readings: list[int]) -> None:
    first = await imported(services, ROWS)
    stood = await rows_of(services, ORDERS)
    await undone(services, first["id"])
    readings.clear()

    again = await imported(services, written_otherwise(ROWS))

    assert sum(readings) == 60
    assert again["status"] == "applied"
    assert await rows_of(services, ORDERS) == stood


async def test_what_a_later_report_changed_is_compared(services: Services, readings: list[int]) -> None:
    await imported(services, [hw_row(n, Срок_поставки="") for n in range(60)])
    open_rows = written_otherwise([hw_row(n, Срок_поставки="") for n in range(60)])
    later = [hw_row(n, Срок_поставки="") if n < 50 else hw_row(n) for n in range(60)]
    changed = await imported(services, later)
    stood = await rows_of(services, ORDERS)
    readings.clear()

    again = await imported(services, open_rows)

    assert changed["rows"]["filled"] == 10
    assert again["rows"]["unchanged"] == 60
    assert 0 < sum(readings) <= 60
    assert await rows_of(services, ORDERS) == stood


async def test_a_preview_reads_everything(services: Services, readings: list[int]) -> None:
    await imported(services, ROWS)
    readings.clear()

    preview = await imported(services, written_otherwise(ROWS), dry_run=True)

    assert sum(readings) == 60
    assert preview["rows"]["unchanged"] == 60


async def test_a_fact_named_late_is_read_like_any_other(services: Services) -> None:
    count, late = CHUNK_ROWS + 60, CHUNK_ROWS + 20
    rows = [{name: cell for name, cell in hw_row(n).items() if n >= late or name != "Адрес"} for n in range(count)]

    view = await imported(services, b"\n".join(map(orjson.dumps, rows)), "report.ndjson")

    assert (view["status"], view["rows"]["new"]) == ("applied", count)
    said = await rows_of(services, "SELECT count(*) FROM vending_orders WHERE machine_address IS NOT NULL")
    assert said == [{"count": count - late}]


def late_address(count: int) -> list[Row]:
    """Rows of which only those behind the first chunk name an address."""
    rows = [dict(hw_row(n)) for n in range(count)]
    for row in rows[: CHUNK_ROWS + 1]:
        del row["Адрес"]
    return rows


async def test_the_same_bytes_applied_meanwhile_are_a_duplicate(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = b"\n".join(map(orjson.dumps, late_address(CHUNK_ROWS + 3)))
    met: list[int] = []
    begin = running._begin

    async def overtaken(intake: Intake, import_id: int, *, again: bool = False) -> Import | None:
        if again and not met:
            met.append(import_id)
            await imported(services, rows, "same.ndjson")
        return await begin(intake, import_id, again=again)

    monkeypatch.setattr(running, "_begin", overtaken)

    view = await imported(services, rows, "report.ndjson")

    assert met == [view["id"]]
    assert view["status"] == "duplicate"


async def test_a_vain_first_reading_leaves_nothing_behind(services: Services) -> None:
    rows = late_address(2 * CHUNK_ROWS + 3)
    rows[7]["Цена заказа"] = "?"
    cut = b"[" + b",".join(map(orjson.dumps, rows)) + b', {"'

    view = await imported(services, cut, "report.json")

    assert view["status"] == "refused"
    assert (view["source"], view["format"], view["rows"]["total"], view["rows"]["issues"]) == (None, None, 0, 0)
    assert await rows_of(services, "SELECT * FROM import_issues") == []
