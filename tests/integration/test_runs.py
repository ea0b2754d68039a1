"""Rows that follow one another are kept as one: what is read of them is every row, and the short ways of applying
a part end where the long one does.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import rustpy_xlsxwriter

from tests.factories import HW_HEADER, Row, csv_bytes, hw_row, number, vendhub_row
from tests.integration.conftest import Bring, Query
from tests.integration.sharing import client, imported, process
from tests.integration.standing import HISTORY, SIGHTINGS, redone, rows_of, standing, undone
from vhm24r.evidence import bulk as evidence
from vhm24r.evidence.bulk import Staging
from vhm24r.identity.permissions import Role
from vhm24r.intake.service.applying import Applying, begin
from vhm24r.intake.staging import Stager
from vhm24r.ops.process import Services
from vhm24r.orders import appending
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.integration

RUNS = 'SELECT position, length, "row", outcome FROM evidence_sightings ORDER BY file_id, position'
CREATED = 'SELECT length, "row" FROM order_creations ORDER BY order_id'
OTHER_MACHINE = "24a8ff000002"

REPORTS: dict[str, Sequence[Sequence[Row]]] = {
    "new, the same again, overlapping": (
        [hw_row(n) for n in range(9)],
        [hw_row(n) for n in range(9)] + [hw_row(5)],
        [hw_row(n) for n in range(4, 14)],
    ),
    "a number on two machines": ([hw_row(1), hw_row(2), hw_row(2, Машинный_код=OTHER_MACHINE)],),
    "a number that stands on another machine": ([hw_row(1)], [hw_row(1, Машинный_код=OTHER_MACHINE), hw_row(2)]),
    "a key said twice": ([hw_row(1), hw_row(2), hw_row(1, Цена_заказа="9000")],),
    "without a number": ([hw_row(1), hw_row(2, Номер_заказа="", Цена_заказа="700")],),
    "a number that is no address": ([hw_row(1), hw_row(2, Номер_заказа="№ 7/25")],),
    "the same rows, then changed ones": (
        [hw_row(n, Срок_поставки="") for n in range(9)],
        [hw_row(n) if n % 3 else hw_row(n, Срок_поставки="") for n in range(9)],
        [hw_row(n) if n % 3 else hw_row(n, Срок_поставки="") for n in range(9)],
        [hw_row(n, Срок_поставки="") for n in range(9)],
    ),
    "sales before and after": (
        [vendhub_row(n) for n in range(6)],
        [hw_row(n) for n in range(3, 9)],
        [vendhub_row(n) for n in range(12)],
    ),
    "a bad row in the middle": ([hw_row(n, Цена_заказа="?") if n == 4 else hw_row(n) for n in range(9)],),
    "tests count for nothing": ([hw_row(1), hw_row(2, Ресурс_заказа="Тестовая отгрузка")],),
}
PAST = f"""
    SELECT o.number, h.version, h.field, h.kind, h.old, h.new, h.sheet, h."row" FROM {HISTORY} h
    JOIN orders o ON o.id = h.order_id ORDER BY 1, 2, 3
"""
SEEN = f"""
    SELECT f.import_id, s.position, s.sheet, s."row", s.outcome, e.external_id, e.current FROM {SIGHTINGS} s
    JOIN evidence_files f ON f.id = s.file_id JOIN evidence_records e ON e.id = s.version_id ORDER BY 1, 2
"""


async def test_a_new_report_is_one_run(bring: Bring, query: Query) -> None:
    await bring([hw_row(n) for n in range(50)])

    assert await query(RUNS) == [{"position": 0, "length": 50, "row": 2, "outcome": "new"}]
    assert await query(CREATED) == [{"length": 50, "row": 2}]


async def test_a_row_left_out_divides_a_run(bring: Bring, query: Query) -> None:
    await bring([hw_row(n, Цена_заказа="?") if n == 20 else hw_row(n) for n in range(50)])

    assert [(run["position"], run["length"], run["row"]) for run in await query(RUNS)] == [(0, 20, 2), (20, 29, 23)]
    assert [(run["length"], run["row"]) for run in await query(CREATED)] == [(20, 2), (29, 23)]


async def test_a_report_with_changes_here_and_there_is_as_many_runs(bring: Bring, query: Query) -> None:
    await bring([hw_row(n) for n in range(50)])
    await bring([hw_row(n, Замечание="moved") if n in {10, 11, 30} else hw_row(n) for n in range(50)])

    runs = (await query(RUNS))[1:]
    assert [(run["length"], run["outcome"]) for run in runs] == [
        (10, "unchanged"), (2, "filled"), (18, "unchanged"), (1, "filled"), (19, "unchanged"),
    ]  # fmt: skip


@pytest.mark.parametrize("limit", [1, 7, 50, 200])
@pytest.mark.parametrize("outcome", [None, "filled", "unchanged"])
async def test_pages_go_through_runs_row_by_row(
    bring: Bring, services: Services, limit: int, outcome: str | None
) -> None:
    await bring([hw_row(n) for n in range(40)])
    view = await bring([hw_row(n, Замечание="moved") if n in {10, 11, 30} else hw_row(n) for n in range(40)])
    found: list[tuple[int, str, str]] = []
    params: dict[str, Any] = {"limit": limit} | ({"outcome": outcome} if outcome else {})
    async with await client(services, Role.OPERATOR) as http:
        while True:
            answer = await http.get(f"/api/v1/imports/{view['id']}/rows", params=params)
            answer.raise_for_status()
            page = answer.json()
            assert len(page["items"]) <= limit
            found += [(row["locator"]["row"], row["outcome"], row["order_number"]) for row in page["items"]]
            if page["next_cursor"] is None:
                break
            params["cursor"] = page["next_cursor"]

    expected = [(n + 2, "filled" if n in {10, 11, 30} else "unchanged", number(n)) for n in range(40)]
    assert found == [row for row in expected if outcome in {None, row[1]}]


@pytest.mark.parametrize("name", REPORTS)
async def test_the_short_ways_end_where_the_long_one_does(
    services: Services,
    server: EmbeddedServer,
    template: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    async def lived(where: Services) -> tuple[list[Any], ...]:
        ended = [await imported(where, csv_bytes(rows), f"{place}.csv") for place, rows in enumerate(REPORTS[name])]
        before = await standing(where), await rows_of(where, PAST), await rows_of(where, SEEN)
        gone = await undone(where, ended[0]["id"])
        back = await redone(where, ended[0]["id"])
        shown = [[view["rows"], view["orders"], view["money_effect"]] for view in [*ended, back]]
        files = await rows_of(where, "SELECT rows, covers_from, covers_to FROM evidence_files ORDER BY id")
        named = await rows_of(where, "SELECT code, address FROM machines UNION ALL SELECT name, '' FROM products")
        return (
            [*before, await standing(where), await rows_of(where, PAST)],
            shown,
            [gone["orders"]],
            files,
            named,
        )

    short = await lived(services)

    async def known(*_: object) -> bool:
        return True

    async def something_new(*_: object) -> bool:
        return False

    monkeypatch.setattr(Stager, "_most_likely_stands", lambda *_: False)
    monkeypatch.setattr(evidence, "is_known_at_all", known)
    monkeypatch.setattr(evidence, "says_nothing_new", something_new)
    (tmp_path / "long").mkdir()
    async with process(server, template, tmp_path / "long") as others:
        assert await lived(others) == short


async def test_a_part_that_says_nothing_new_is_staged_in_short(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged: list[tuple[bool, ...]] = []
    part = Applying.part

    async def watched(applying: Applying, staging: Staging) -> None:
        staged.append((staging.in_short, staging.irregular))
        await part(applying, staging)

    monkeypatch.setattr(Applying, "part", watched)
    rows = [hw_row(n) for n in range(9)]
    for report in (rows, rows[2:7], [*rows, rows[3]], [*rows, hw_row(3, Цена_заказа="1")], [*rows[:5], hw_row(9)]):
        await imported(services, csv_bytes(report))

    # a file in which a key comes twice, or whose last row is not known, is staged whole
    assert staged == [(False, False), (True, False), (False, True), (False, True), (False, False)]


async def test_what_fell_after_it_was_staged_in_short_is_read_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [hw_row(n) for n in range(9)]
    first = await imported(services, csv_bytes(rows))
    beginning = "vhm24r.intake.service.running.begin"

    async def overtaken(*given: Any) -> Applying:
        monkeypatch.setattr(beginning, begin)
        await undone(services, first["id"])
        return await begin(*given)

    monkeypatch.setattr(beginning, overtaken)
    again = await imported(services, csv_bytes(rows[:5]))

    assert (again["status"], again["rows"]["unchanged"]) == ("applied", 0)
    assert len((await standing(services))["orders"]) == 5


async def test_a_part_whose_middle_is_not_known_is_staged_whole_after_all(services: Services) -> None:
    rows = [hw_row(n) for n in range(9)]
    await imported(services, csv_bytes([*rows[:3], *rows[6:]]))
    again = await imported(services, csv_bytes(rows))

    assert (again["rows"]["unchanged"], again["rows"]["new"]) == (6, 3)


async def test_a_preview_says_what_the_short_ways_do(services: Services) -> None:
    for rows in REPORTS["new, the same again, overlapping"]:
        said = await imported(services, csv_bytes(rows), dry_run=True)
        done = await imported(services, csv_bytes(rows))

        assert [said[name] for name in ("rows", "orders", "money_effect")] == [
            done[name] for name in ("rows", "orders", "money_effect")
        ]


async def test_ids_are_drawn_until_they_follow_one_another(services: Services) -> None:
    async with services.db.write() as session, services.db.write() as other:
        first = await appending.reserve(session, "orders_id_seq", 10)
        await appending.reserve(other, "orders_id_seq", 1)
        second = await appending.reserve(session, "orders_id_seq", 10)

    assert second == first + 11


TOTAL: Row = dict.fromkeys(HW_HEADER, "") | {HW_HEADER[0]: "Итого"}


@pytest.mark.parametrize("count", [3_999, 7_999], ids=["a part", "a batch of a part"])
async def test_what_states_nothing_stops_nothing(bring: Bring, tmp_path: Path, count: int) -> None:
    content = csv_bytes([*(hw_row(n) for n in range(count)), TOTAL])  # with the header whole chunks before the total
    path = tmp_path / "again.csv"
    path.write_bytes(content)
    first = await bring(path)
    path.write_bytes(content + b"\r\n")
    again = await bring(path)

    assert (first["status"], first["rows"]["new"], first["rows"]["skipped"]) == ("applied", count, 1)
    assert (again["status"], again["rows"]["unchanged"], again["rows"]["skipped"]) == ("applied", count, 1)


async def test_a_sheet_of_a_header_and_a_total_follows_a_long_one(bring: Bring, tmp_path: Path) -> None:
    book = tmp_path / "months.xlsx"
    sheets: list[tuple[str, Any]] = [("Oct", [dict(hw_row(n)) for n in range(5_000)]), ("Nov", [dict(TOTAL)])]
    rustpy_xlsxwriter.write_worksheets(sheets, str(book))
    done = await bring(book)

    assert (done["status"], done["rows"]["new"], done["rows"]["skipped"]) == ("applied", 5_000, 1)
