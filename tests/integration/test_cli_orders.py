"""`vhm24r orders` and `vhm24r export`: the same objects as the API, files whole or absent."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from psycopg import sql
from typer.testing import Result

from tests.conftest import administrator
from tests.factories import hw_row, number, vendhub_row, write_csv
from tests.integration.command_line import command, environment
from vhm24r.evidence.types import SALE_FIELD_NAMES
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.integration

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def run(server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """`vhm24r` on a database with four orders, which these tests only read."""
    folder = tmp_path_factory.mktemp("orders")
    name = f"test_{folder.name.replace('-', '_')}_{id(folder)}"
    server.create_database(name, template)
    env = environment(server.url(name), folder / "data")
    first = write_csv(folder / "first.csv", [hw_row(1, Наименование_товара="=1+1"), hw_row(2), hw_row(3)])
    second = write_csv(folder / "second.csv", [hw_row(2, Цена_заказа="16000"), hw_row(3, Замечание="тёплая")])
    sales = write_csv(folder / "sales.csv", [vendhub_row(1), vendhub_row(4, Time="")])
    assert command("import", first, second, sales, env=env).exit_code == 0
    yield lambda *arguments: command(*arguments, env=env)
    with administrator(server) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def json_of(done: Result) -> Any:
    assert done.exit_code == 0, done.stderr
    return orjson.loads(done.stdout)


def test_orders_are_listed_as_a_table_and_as_json(run: Run) -> None:
    listed = json_of(run("orders", "list", "--json"))
    table = run("orders", "list").stdout.splitlines()

    assert [item["number"] for item in listed["items"]] == [number(3), number(2), number(1), number(4)]
    assert (listed["total"], listed["next_cursor"]) == (4, None)
    assert table[0].split() == ["number", "time", "(UTC)", "machine", "product", "method", "amount", "status"]
    assert number(2) in table[2]
    assert "16000.00 UZS" in table[2]
    assert table[-1] == "4 / 4"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--change", "changed"], [2]),
        (["--change", "filled"], [3]),
        (["--change", "new"], [1, 4]),
        (["-q", number(4)], [4]),
        (["--source", "vendhub"], [1, 4]),
        (["--from", "2025-12-25", "--to", "2025-12-25", "--amount-max", "15000"], [3, 1]),
        (["--import-id", "2"], [3, 2]),
        (["--payment-method", "qr"], []),
        (["--status", "recorded", "--sort", "occurred_at", "--limit", "2"], [4, 1]),
    ],
)
def test_filters_are_those_of_the_api(run: Run, options: list[str], expected: list[int]) -> None:
    listed = json_of(run("orders", "list", "--json", *options))

    assert [item["number"] for item in listed["items"]] == [number(index) for index in expected]


def test_pages_follow_the_cursor(run: Run) -> None:
    first = json_of(run("orders", "list", "--json", "--limit", "3"))
    rest = json_of(run("orders", "list", "--json", "--limit", "3", "--cursor", first["next_cursor"]))

    assert [item["number"] for item in first["items"] + rest["items"]] == [number(i) for i in (3, 2, 1, 4)]


def test_one_order_shows_evidence_and_changes(run: Run) -> None:
    order = json_of(run("orders", "show", number(2), "--json"))
    text = run("orders", "show", number(2)).stdout

    assert [(e["source"], e["locator"]["row"], e["role"]) for e in order["evidence"]] == [("happy_workers", 2, "sale")]
    assert (order["match_status"], order["findings"]) == ("hw_only", ["hw_only"])
    assert [(c["version"], c["field"]) for c in order["changes"]] == [(2, "amount"), (1, None)]
    assert [v["version"] for v in order["versions"]] == [2, 1]
    assert text.splitlines()[0] == f"{number(2)}  recorded  v2"
    assert "amount: 15000.00 → 16000.00" in text
    assert "second.csv row 2" in text


def test_an_unknown_order_is_one_sentence(run: Run) -> None:
    done = run("orders", "show", "NOSUCHORDER", "--json")

    assert (done.exit_code, done.stdout) == (1, "")
    assert orjson.loads(done.stderr) == {
        "code": "orders.not_found", "message": "There is no order NOSUCHORDER.", "params": {"number": "NOSUCHORDER"},
    }  # fmt: skip


def test_a_filter_that_makes_no_sense_is_one_sentence(run: Run) -> None:
    done = run("orders", "list", "--from", "yesterday")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "The filter “from” does not take “yesterday”.\n"


def test_exported_json_is_what_the_api_says_of_each_order(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "orders.json"

    said = json_of(run("export", "--format", "json", "-o", target, "--json"))

    exported = orjson.loads(target.read_bytes())
    assert said == {"file": str(target), "format": "json", "orders": 4}
    assert [order["number"] for order in exported] == [number(i) for i in (1, 2, 3, 4)]
    for order in exported:
        shown = json_of(run("orders", "show", order["number"], "--json"))
        assert shown == order


def test_exported_csv_opens_without_running_anything(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "orders.csv"

    done = run("export", "--format", "csv", "-o", target)

    assert done.stdout == f"4 → {target}\n"
    assert target.read_bytes().startswith("\ufeff".encode())
    rows = list(csv.DictReader(io.StringIO(target.read_text("utf-8-sig"), newline="")))
    assert [row["number"] for row in rows] == [number(i) for i in (1, 2, 3, 4)]
    assert set(SALE_FIELD_NAMES) < set(rows[0])
    assert (rows[0]["product"], rows[1]["amount"], rows[1]["last_change"]) == ("'=1+1", "16000.00", "changed")
    assert (rows[3]["amount"], rows[3]["occurred_at"]) == ("15000.00", "")


def test_an_export_follows_its_filter(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "some.json"

    run("export", "--format", "json", "-o", target, "--change", "changed")
    nothing = run("export", "--format", "json", "-o", tmp_path / "none.json", "--tag", "nobody")

    assert [order["number"] for order in orjson.loads(target.read_bytes())] == [number(2)]
    assert nothing.exit_code == 0
    assert orjson.loads((tmp_path / "none.json").read_bytes()) == []


def test_a_failed_export_leaves_the_old_file_and_no_part_of_a_new_one(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "orders.json"
    target.write_text("as it was")

    refused = run("export", "--format", "json", "-o", target, "--import-id", "first")
    nowhere = run("export", "--format", "json", "-o", tmp_path / "no" / "such" / "folder.json")

    assert (refused.exit_code, target.read_text()) == (1, "as it was")
    assert nowhere.exit_code != 0
    assert [path.name for path in tmp_path.iterdir()] == ["orders.json"]
