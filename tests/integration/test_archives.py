"""Archives: every member is a file of its own; what one of them lacks is said of that one alone."""

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from tests.archives import Packed, rar4, rar5, zip_archive
from tests.factories import Row, csv_bytes, hw_row, number, vendhub_row, write_xlsx
from tests.integration.command_line import command, documents, environment
from tests.integration.conftest import Bring, Query
from tests.integration.sharing import client, imported
from tests.integration.standing import HISTORY, redone, rows_of, standing, undone
from vhm24r.identity.permissions import Role
from vhm24r.intake.formats.protocol import CHUNK_ROWS
from vhm24r.ops.process import Services

pytestmark = pytest.mark.integration

Pack = Callable[[Mapping[str, bytes]], Path]
MANY = CHUNK_ROWS + 500
"""More good rows than the first part holds: some are applied before the file turns out damaged."""


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """An archive of these members."""

    def packed(members: Mapping[str, bytes]) -> Path:
        path = tmp_path / "reports.zip"
        path.write_bytes(zip_archive([Packed(name, content) for name, content in members.items()]))
        return path

    return packed


def payme(tmp_path: Path, count: int = 2) -> bytes:
    """A flat table of payments as a workbook."""
    rows = [
        {
            "System ID": f"pay-{index}", "Payment time": "2025-12-25 10:00:00", "Amount without commission": "15000",
            "Commission": "150", "State": "SUCCESS", "Terminal ID": "t1",
        }
        for index in range(count)
    ]  # fmt: skip
    return write_xlsx(tmp_path / "payme.xlsx", rows).read_bytes()


def places(done: Mapping[str, Any]) -> list[tuple[str, str, str | None]]:
    """The issues by code, level and member."""
    return [(issue["code"], issue["level"], issue["locator"]["member"]) for issue in done["issues"]]


async def test_reports_of_several_sources_in_one_archive(
    bring: Bring, query: Query, services: Services, pack: Pack, tmp_path: Path
) -> None:
    archive = pack(
        {
            "machines.csv": csv_bytes([hw_row(1), hw_row(2)]),
            "sales/день.csv": csv_bytes([vendhub_row(1), vendhub_row(3)]),
            "payme.xlsx": payme(tmp_path),
        }
    )
    done = await bring(archive)
    async with await client(services, Role.OPERATOR) as http:
        rows = await pages(http, done["id"], limit=2)

    assert (done["status"], done["format"], done["source"]) == ("applied", "zip", "happy_workers+payme+vendhub")
    assert (done["rows"]["total"], done["rows"]["new"], done["orders"]["new"], done["issues"]) == (6, 6, 3, [])
    placed = [(row["position"], row["locator"]["member"], row["locator"]["row"], row["order_number"]) for row in rows]
    assert placed == [
        (0, "machines.csv", 2, number(1)), (1, "machines.csv", 3, number(2)),
        (0, "sales/день.csv", 2, number(1)), (1, "sales/день.csv", 3, number(3)),
        (0, "payme.xlsx", 2, None), (1, "payme.xlsx", 3, None),
    ]  # fmt: skip
    files = await query("SELECT member, format, source, rows FROM evidence_files ORDER BY id")
    assert [tuple(file.values()) for file in files] == [
        ("machines.csv", "csv", "happy_workers", 2), ("sales/день.csv", "csv", "vendhub", 2),
        ("payme.xlsx", "xlsx", "payme", 2),
    ]  # fmt: skip
    fees = await query("SELECT fee, external_id FROM evidence_records WHERE source = 'payme' ORDER BY external_id")
    assert [tuple(fee.values()) for fee in fees] == [(15_000, "pay-0"), (15_000, "pay-1")]


async def pages(http: httpx.AsyncClient, import_id: int, *, limit: int) -> list[dict[str, Any]]:
    """All rows of an import, page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        params: dict[str, str | int] = {"limit": limit, "cursor": cursor}
        page = (await http.get(f"/api/v1/imports/{import_id}/rows", params=params)).json()
        found += page["items"]
        cursor = page["next_cursor"]
    return found


async def test_the_same_archive_again_is_a_duplicate_and_its_undo_takes_all_of_it(
    bring: Bring, services: Services, pack: Pack, tmp_path: Path
) -> None:
    archive = pack({"a.csv": csv_bytes([hw_row(1)]), "b.csv": csv_bytes([vendhub_row(1)]), "p.xlsx": payme(tmp_path)})
    first = await bring(archive)
    before = await standing(services)

    second = await bring(archive)
    report = await undone(services, first["id"])
    nothing = await standing(services)
    again = await redone(services, first["id"])

    assert (second["status"], second["duplicate_of"], second["format"]) == ("duplicate", first["id"], "zip")
    assert (report["records"], report["orders"]["withdrawn"]) == (4, 1)
    assert nothing == {"orders": [], "records": [], "files": []}
    assert again["status"] == "applied"
    assert await standing(services) == before


@pytest.mark.parametrize("write", [rar4, rar5])
async def test_reports_in_a_rar_archive(
    bring: Bring, query: Query, tmp_path: Path, write: Callable[[Sequence[Packed]], bytes]
) -> None:
    path = tmp_path / "reports.rar"
    path.write_bytes(
        write([Packed("a.csv", csv_bytes([hw_row(1)])), Packed("b.csv", csv_bytes([hw_row(2), vendhub_row(2)][:1]))])
    )
    done = await bring(path)

    assert (done["status"], done["format"], done["rows"]["new"]) == ("applied", "rar", 2)
    members = await query("SELECT member FROM evidence_files ORDER BY id")
    assert [file["member"] for file in members] == ["a.csv", "b.csv"]


async def test_an_archive_in_an_archive_is_opened_and_a_third_one_is_not(
    bring: Bring, query: Query, pack: Pack
) -> None:
    third = zip_archive([Packed("deep.csv", csv_bytes([hw_row(9)]))])
    second = zip_archive([Packed("inner.csv", csv_bytes([hw_row(2)])), Packed("third.zip", third)])
    done = await bring(pack({"outer.csv": csv_bytes([hw_row(1)]), "second.zip": second}))

    assert (done["status"], done["rows"]["new"]) == ("applied", 2)
    assert places(done) == [("intake.too_deep", "error", "second.zip/third.zip")]
    members = await query("SELECT member FROM evidence_files ORDER BY id")
    assert [file["member"] for file in members] == ["outer.csv", "second.zip/inner.csv"]


def truncated(path: Path) -> bytes:
    whole = write_xlsx(path / "whole.xlsx", [hw_row(index) for index in range(50)]).read_bytes()
    return whole[: len(whole) // 2]


async def test_a_bad_member_is_an_issue_and_the_others_are_applied(
    bring: Bring, services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "mixed.zip"
    path.write_bytes(
        zip_archive(
            [
                Packed("cut.xlsx", truncated(tmp_path)),
                Packed("good.csv", csv_bytes([hw_row(1), hw_row(2, Цена_заказа="?")])),
                Packed("locked.csv", csv_bytes([hw_row(3)]), encrypted=True),
                Packed("strange.csv", b"colour,size\nred,5\n"),
                Packed("empty.csv", b""),
                Packed("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(range(256))),
                Packed("also.csv", csv_bytes([hw_row(4)])),
            ]
        )
    )
    done = await bring(path)

    assert (done["status"], done["rows"]["total"], done["rows"]["new"], done["rows"]["issues"]) == ("applied", 3, 2, 1)
    assert sorted(places(done)) == [
        ("intake.amount_unreadable", "error", "good.csv"),
        ("intake.file_damaged", "error", "cut.xlsx"),
        ("intake.file_empty", "error", "empty.csv"),
        ("intake.file_encrypted", "error", "locked.csv"),
        ("intake.format_unknown", "error", "photo.jpg"),
        ("intake.source_unknown", "blocker", "strange.csv"),
    ]
    said = {issue["locator"]["member"]: issue["message"] for issue in done["issues"]}
    assert said["strange.csv"].startswith("No known report has the columns of “mixed.zip → strange.csv”: colour, size.")
    short = {issue["code"]: issue["message"] for issue in done["issues_by_code"]}
    assert short["intake.file_damaged"] == short["intake.source_unknown"] == "file of the archive not taken"
    assert {order["number"] for order in (await standing(services))["orders"]} == {number(1), number(4)}


async def test_an_archive_of_which_nothing_is_taken_says_why(bring: Bring, pack: Pack, tmp_path: Path) -> None:
    damaged = await bring(pack({"cut.xlsx": truncated(tmp_path), "empty.csv": b""}))
    strange = await bring(pack({"empty.csv": b"", "strange.csv": b"colour,size\nred,5\n"}))
    nothing = await bring(pack({}))

    assert (damaged["status"], damaged["error"]["code"]) == ("refused", "intake.nothing_in_archive")
    assert [code for code, _, _ in places(damaged)] == ["intake.file_damaged", "intake.file_empty"]
    assert (strange["status"], strange["error"]["code"]) == ("needs_mapping", "intake.source_unknown")
    assert places(strange) == [
        ("intake.file_empty", "error", "empty.csv"), ("intake.source_unknown", "blocker", "strange.csv"),
    ]  # fmt: skip
    assert (nothing["status"], nothing["error"]["code"]) == ("refused", "intake.file_empty")


async def test_a_strange_member_is_mapped_like_a_file(bring: Bring, services: Services, pack: Pack) -> None:
    waiting = await bring(pack({"shop.csv": b"No,When,Sum\n1,2025-12-25,5\n"}))
    said = {"name": "shop", "columns": {"order_number": "No", "occurred_at": "When", "amount": "Sum"}}
    async with await client(services, Role.OPERATOR) as http:
        await http.post(f"/api/v1/imports/{waiting['id']}/mapping", json=said)
        await services.jobs.drain()
        done = (await http.get(f"/api/v1/imports/{waiting['id']}")).json()

    assert (done["status"], done["source"], done["format"], done["rows"]["new"]) == ("applied", "shop", "zip", 1)


async def test_an_archive_sent_again_takes_what_waited_for_a_mapping(
    bring: Bring, services: Services, pack: Pack
) -> None:
    archive = pack({"hw.csv": csv_bytes([hw_row(1)]), "shop.csv": b"No,When,Sum\n1,2025-12-25,5\n"})
    first = await bring(archive)
    told = await imported(services, b"No,When,Sum\n7,2025-12-26,9\n", "other.csv")
    said = {"name": "shop", "columns": {"order_number": "No", "occurred_at": "When", "amount": "Sum"}}
    async with await client(services, Role.OPERATOR) as http:
        await http.post(f"/api/v1/imports/{told['id']}/mapping", json=said)
        await services.jobs.drain()

    second = await bring(archive)
    third = await bring(archive)

    assert (first["status"], first["rows"]["new"], places(first)[0][2]) == ("applied", 1, "shop.csv")
    assert (second["status"], second["rows"]["new"], second["rows"]["unchanged"]) == ("applied", 1, 1)
    assert (third["status"], third["duplicate_of"]) == ("duplicate", second["id"])


async def test_a_preview_of_several_files_says_that_it_compares_them_one_by_one(bring: Bring, pack: Pack) -> None:
    rows = csv_bytes([hw_row(1)])
    one = await bring(pack({"a.csv": rows}), dry_run=True)
    two = await bring(pack({"a.csv": rows, "b.csv": rows}), dry_run=True)
    applied = await bring(pack({"a.csv": rows, "b.csv": rows}))

    assert (one["issues"], two["rows"]["new"], applied["rows"]["new"], applied["issues"]) == ([], 2, 1, [])
    assert [(issue["code"], issue["level"]) for issue in two["issues"]] == [("intake.compared_apart", "warning")]
    assert two["issues"][0]["message"].startswith("“reports.zip” holds 2 files")


def broken_json() -> bytes:
    good = b",".join(orjson.dumps(hw_row(index)) for index in range(100, 100 + MANY))
    return b"[" + good + b', {"'


def broken_xml() -> bytes:
    columns = list(hw_row(1))
    rows = "".join(
        "<row>" + "".join(f'<cell name="{name}">{row[name]}</cell>' for name in columns) + "</row>"
        for row in (hw_row(index) for index in range(100, 100 + MANY))
    )
    return f"<rows>{rows}<row".encode()


def broken_workbook(tmp_path: Path) -> bytes:
    """A good sheet of many rows, and a second one that ends in the middle of a cell."""
    rows = [hw_row(index) for index in range(100, 100 + MANY)]
    whole = write_xlsx(tmp_path / "two.xlsx", rows).read_bytes()
    with zipfile.ZipFile(io.BytesIO(whole)) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    sheet = parts["xl/worksheets/sheet1.xml"]
    parts["xl/worksheets/sheet2.xml"] = sheet[: len(sheet) // 2]
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
        b"</sheets>", b'<sheet name="Second" sheetId="2" r:id="rId99"/></sheets>'
    )
    parts["xl/_rels/workbook.xml.rels"] = parts["xl/_rels/workbook.xml.rels"].replace(
        b"</Relationships>",
        b'<Relationship Id="rId99" Target="worksheets/sheet2.xml" Type="http://schemas.openxmlformats.org/'
        b'officeDocument/2006/relationships/worksheet"/></Relationships>',
    )
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"</Types>",
        b'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        b'spreadsheetml.worksheet+xml"/></Types>',
    )
    return zip_archive([Packed(name, content) for name, content in parts.items()])


@pytest.mark.parametrize("kind", ["json", "xml", "xlsx"])
async def test_a_member_that_breaks_in_the_middle_leaves_nothing(
    bring: Bring, services: Services, pack: Pack, tmp_path: Path, kind: str
) -> None:
    texts = {"json": broken_json, "xml": broken_xml}
    broken = texts[kind]() if kind in texts else broken_workbook(tmp_path)
    done = await bring(
        pack(
            {
                "first.csv": csv_bytes([hw_row(1)]),
                f"broken.{kind}": broken,
                "last.csv": csv_bytes([hw_row(2), hw_row(100)]),
            }
        )
    )

    assert (done["status"], done["rows"]["total"], done["rows"]["new"]) == ("applied", 3, 3)
    assert done["orders"] == {"new": 3, "filled": 0, "changed": 0}
    assert done["money_effect"]["new"] == [{"amount": "45000.00", "currency": "UZS"}]
    assert places(done) == [("intake.file_damaged", "error", f"broken.{kind}")]
    stands = await standing(services)
    assert [order["number"] for order in stands["orders"]] == sorted([number(1), number(2), number(100)])
    assert [file["member"] for file in stands["files"]] == ["first.csv", "last.csv"]
    assert len(await rows_of(services, "SELECT id FROM evidence_records")) == 3
    assert len(await rows_of(services, f"SELECT order_id FROM {HISTORY}")) == 3
    assert await rows_of(services, "SELECT 1 FROM pg_tables WHERE tablename ~ '^evidence_staged_[0-9]'") == []


async def test_a_report_alone_that_breaks_in_the_middle_writes_nothing(
    bring: Bring, services: Services, tmp_path: Path
) -> None:
    path = tmp_path / "broken.json"
    path.write_bytes(broken_json())
    done = await bring(path)

    assert (done["status"], done["error"]["code"]) == ("refused", "intake.file_damaged")
    assert await standing(services) == {"orders": [], "records": [], "files": []}


async def test_a_member_of_mostly_bad_rows_is_left_out(bring: Bring, services: Services, pack: Pack) -> None:
    bad: list[Row] = [hw_row(index, Цена_заказа="?") for index in range(10, 40)]
    done = await bring(pack({"good.csv": csv_bytes([hw_row(1)]), "bad.csv": csv_bytes([hw_row(2), *bad])}))

    assert (done["status"], done["rows"]["total"], done["rows"]["issues"]) == ("applied", 1, 0)
    assert places(done)[-1] == ("intake.too_many_issues", "error", "bad.csv")
    assert [order["number"] for order in (await standing(services))["orders"]] == [number(1)]


async def test_a_preview_of_an_archive_says_the_same(bring: Bring, services: Services, pack: Pack) -> None:
    archive = pack({"a.csv": csv_bytes([hw_row(1)]), "b.csv": csv_bytes([hw_row(1), hw_row(2)]), "c.csv": b""})
    preview = await bring(archive, dry_run=True)
    nothing = await standing(services)
    applied = await redone(services, preview["id"])

    assert (preview["status"], preview["rows"]["total"], places(preview)) == (
        "dry_run", 3, [("intake.file_empty", "error", "c.csv"), ("intake.compared_apart", "warning", None)],
    )  # fmt: skip
    assert nothing["orders"] == []
    assert (applied["status"], applied["rows"]["new"], applied["rows"]["unchanged"]) == ("applied", 2, 1)


def test_the_command_tells_of_members_that_were_left_out(database_url: str, tmp_path: Path, pack: Pack) -> None:
    env = environment(database_url, tmp_path / "data")
    archive = pack({"good.csv": csv_bytes([hw_row(1)]), "cut.xlsx": truncated(tmp_path)})

    done = command("import", archive, "--json", env=env)

    (result,) = documents(done.stdout)
    assert (result["status"], done.exit_code, done.stderr) == ("applied", 3, "")
