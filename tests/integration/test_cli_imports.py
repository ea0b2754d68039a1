"""`vhm24r import` and `vhm24r imports`: text for people, the contract's JSON for programs, exit codes for both."""

import asyncio
import csv
import os
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from typer.testing import Result

from tests.factories import hw_row, number, vendhub_row, write_csv
from tests.integration.command_line import command, documents, environment

pytestmark = pytest.mark.integration

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    """`vhm24r` on this test's database."""
    env = environment(database_url, tmp_path / "data")
    return lambda *arguments, **more: command(*arguments, env={**env, **more})


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "report.csv", [hw_row(1), hw_row(2), hw_row(3, Цена_заказа="?")])


def test_an_import_as_text_says_what_came_of_it(run: Run, report: Path) -> None:
    done = run("import", report)

    first, second = done.stdout.splitlines()
    assert done.exit_code == 3
    assert first.startswith(
        "✓ report.csv (happy_workers) is import #1: 3 rows — 2 new, 0 filled, 0 changed, 0 unchanged, 0 skipped,"
        " 1 with issues; "
    )
    assert second == (
        "  report.csv, row 4, column “Цена заказа”: “?” is not an amount."
        " The row was left out; correct it and send the file again."
    )
    assert done.stderr == ""


def test_an_import_as_json_is_the_contracts_object(run: Run, report: Path) -> None:
    done = run("import", report, "--json")

    (result,) = documents(done.stdout)
    assert isinstance(result.pop("seconds"), float)
    contract = {
        "file": str(report), "import_id": 1, "status": "applied", "format": "csv", "source": "happy_workers",
        "confidence": 1.0,
        "rows": {"total": 3, "new": 2, "updated": 0, "filled": 0, "changed": 0, "unchanged": 0, "skipped": 0,
                 "issues": 1},
        "similar_to": None,
        "issues": [
            {"locator": {"file": "report.csv", "member": None, "sheet": None, "page": None, "row": 4},
             "column": "Цена заказа", "value": "?", "code": "intake.amount_unreadable", "level": "error",
             "message": "report.csv, row 4, column “Цена заказа”: “?” is not an amount."
                        " The row was left out; correct it and send the file again."},
        ],
    }  # fmt: skip
    assert {name: result[name] for name in contract} == contract
    assert {name: value for name, value in result.items() if name not in contract} == {
        "orders": {"new": 2, "filled": 0, "changed": 0},
        "money_effect": {"new": [{"amount": "30000.00", "currency": "UZS"}], "changed": []},
        "duplicate_of": None,
        "error": None,
    }


def test_exit_codes_tell_how_it_went_and_the_worst_file_wins(run: Run, tmp_path: Path, report: Path) -> None:
    good = write_csv(tmp_path / "good.csv", [hw_row(11)])
    refused, unknown, missing = tmp_path / "refused.csv", tmp_path / "unknown.csv", tmp_path / "missing.csv"
    refused.write_bytes(b"")
    unknown.write_bytes(b"Name,Price\nTea,5\n")

    codes = {
        "ok": run("import", good).exit_code,
        "duplicate": run("import", good).exit_code,
        "issues": run("import", report).exit_code,
        "needs mapping": run("import", unknown, report).exit_code,
        "refused": run("import", unknown, refused, good).exit_code,
        "failed": run("import", refused, missing).exit_code,
    }

    assert codes == {"ok": 0, "duplicate": 0, "issues": 3, "needs mapping": 4, "refused": 2, "failed": 1}


def test_several_files_are_one_line_of_json_each(run: Run, tmp_path: Path, report: Path) -> None:
    missing = tmp_path / "missing.csv"

    done = run("import", report, missing, report, "--json")

    results = documents(done.stdout)
    assert [(r["file"], r["status"], r["import_id"]) for r in results] == [
        (str(report), "applied", 1), (str(missing), "failed", None), (str(report), "duplicate", 2),
    ]  # fmt: skip
    assert results[1]["error"] == {"code": "cli.no_such_file", "message": f"There is no file {missing}."}
    assert results[2]["duplicate_of"] == 1
    assert {frozenset(result) for result in results} == {frozenset(results[0])}


def test_a_dry_run_writes_nothing(run: Run, report: Path) -> None:
    done = run("import", report, "--dry-run", "--json")
    text = run("import", report, "--dry-run")
    orders = orjson.loads(run("orders", "list", "--json").stdout)

    (result,) = documents(done.stdout)
    assert (result["status"], result["rows"]) == ("dry_run", {
        "total": 3, "new": 2, "updated": 0, "filled": 0, "changed": 0, "unchanged": 0, "skipped": 0, "issues": 1,
    })  # fmt: skip
    assert text.stdout.startswith("✓ report.csv (happy_workers), preview #2: 3 rows — 2 new")
    assert orders["total"] == 0


def test_a_named_source_is_taken_at_its_word(run: Run, tmp_path: Path) -> None:
    sales = write_csv(tmp_path / "sales.csv", [vendhub_row(1)])

    wrong = run("import", sales, "--source", "happy_workers", "--json")
    right = run("import", sales, "--source", "vendhub", "--json")
    unknown = run("import", sales, "--source", "guess")

    assert (documents(wrong.stdout)[0]["status"], wrong.exit_code) == ("needs_mapping", 4)
    assert (documents(right.stdout)[0]["source"], right.exit_code) == ("vendhub", 0)
    assert unknown.exit_code == 2


def test_a_file_over_the_limit_is_refused(run: Run, tmp_path: Path) -> None:
    big = tmp_path / "big.csv"
    big.write_bytes(b"a" * (1024 * 1024 + 1))

    done = run("import", big, VHM24R_UPLOAD_LIMIT_MB="1")

    assert done.exit_code == 2
    assert done.stdout.startswith("✗ big.csv: “big.csv” has 1 MiB; at most 1 MiB are taken.")


def test_imports_are_listed_and_shown(run: Run, report: Path) -> None:
    run("import", report)
    run("import", report)

    rows = orjson.loads(run("imports", "list", "--json").stdout)
    last = orjson.loads(run("imports", "list", "--json", "--limit", "1").stdout)
    table = run("imports", "list").stdout.splitlines()
    one = orjson.loads(run("imports", "show", "1", "--json").stdout)
    text = run("imports", "show", "1").stdout.splitlines()

    assert [(row["id"], row["status"]) for row in rows] == [(2, "duplicate"), (1, "applied")]
    assert last == rows[:1]
    assert table[0].split() == ["id", "file", "status", "source", "rows", "new", "filled", "changed", "issues"]
    assert table[2].split() == ["1", "report.csv", "applied", "happy_workers", "3", "2", "0", "0", "1"]
    assert one == rows[1]
    assert [line.split() for line in text[1:4]] == [["total", "3"], ["new", "2"], ["updated", "0"]]


def test_issues_are_printed_or_written_to_a_file(run: Run, tmp_path: Path, report: Path) -> None:
    run("import", report)
    target = tmp_path / "errors.csv"

    text = run("imports", "errors", "1")
    issues = orjson.loads(run("imports", "errors", "1", "--json").stdout)
    written = run("imports", "errors", "1", "-o", target)

    assert text.stdout == f"{issues[0]['message']}\n"
    assert (written.exit_code, written.stdout) == (0, "")
    assert target.read_bytes().startswith("\ufeff".encode())
    lines = list(csv.reader(target.read_text("utf-8-sig").splitlines()))
    row = dict(zip(lines[0], lines[1], strict=True))
    assert (row["Цена заказа"], row["issue"]) == ("?", "intake.amount_unreadable")


def test_an_unknown_import_is_one_sentence(run: Run) -> None:
    text = run("imports", "show", "9")
    as_json = run("imports", "show", "9", "--json")

    assert (text.exit_code, text.stdout, text.stderr) == (1, "", "There is no import #9.\n")
    assert orjson.loads(as_json.stderr) == {
        "code": "intake.import_not_found", "message": "There is no import #9.", "params": {"import_id": 9},
    }  # fmt: skip


def test_the_language_of_the_terminal_is_spoken(run: Run) -> None:
    said = {tag: run("imports", "show", "9", LC_ALL=tag).stderr for tag in ("ru_RU.UTF-8", "uz_UZ.UTF-8", "C")}

    assert said["ru_RU.UTF-8"] == "Импорта №9 нет.\n"
    assert said["uz_UZ.UTF-8"] != said["C"]
    assert said["C"] == "There is no import #9.\n"


def test_what_was_imported_is_in_the_list_of_orders(run: Run, report: Path) -> None:
    run("import", report)

    listed = orjson.loads(run("orders", "list", "--json", "--sort", "amount").stdout)

    assert [item["number"] for item in listed["items"]] == [number(1), number(2)]


@pytest.mark.parametrize("redone", [False, True])
def test_an_import_ends_with_its_command(run: Run, report: Path, monkeypatch: pytest.MonkeyPatch, redone: bool) -> None:
    """Neither a file nor a redone import is left in progress by Ctrl-C."""
    if redone:
        run("import", report, "--dry-run")

    async def stopped(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr("vhm24r.cli.imports.run_import", stopped)
        done = run("imports", "redo", "1") if redone else run("import", report)
    shown = orjson.loads(run("imports", "show", "1", "--json").stdout)

    assert done.exit_code == 130
    assert (shown["status"], shown["error"]["code"]) == ("failed", "intake.interrupted")


def test_a_name_of_any_bytes_is_taken_and_shown(run: Run, tmp_path: Path, report: Path) -> None:
    odd = report.rename(tmp_path / os.fsdecode(b"r\xe9port.csv"))

    done = run("import", odd, "--json")
    missing = run("import", tmp_path / os.fsdecode(b"\xff.csv"), "--json")
    text = run("import", odd)
    bad_map = run("import", odd, "--map", tmp_path / os.fsdecode(b"\xff.json"))
    listed = orjson.loads(run("imports", "list", "--json").stdout)

    (result,), (gone,) = documents(done.stdout), documents(missing.stdout)
    assert (result["file"], result["status"]) == (str(tmp_path / "r\ufffdport.csv"), "applied")
    assert gone["file"] == str(tmp_path / "\ufffd.csv")
    assert text.stdout.startswith("✓ r\ufffdport.csv is the same file as import #1")
    assert (bad_map.exit_code, "\ufffd.json" in bad_map.stderr) == (1, True)
    assert {row["file"]["name"] for row in listed} == {"r\ufffdport.csv"}
