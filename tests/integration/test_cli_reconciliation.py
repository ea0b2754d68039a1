"""`vhm24r reconcile`, `vhm24r exceptions`, and what `vhm24r orders show` tells of matches."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from psycopg import sql
from typer.testing import Result

from tests.conftest import administrator
from tests.factories import MACHINE, write_csv
from tests.integration.command_line import command, environment
from tests.integration.reconciled import (
    ORDERS,
    PAYMENTS,
    PROVEN,
    RECEIPTS,
    SALES,
    SPLIT,
    WITHOUT_PAYMENT,
    WITHOUT_RECEIPT,
)
from vhm24r.platform.embedded import EmbeddedServer

pytestmark = pytest.mark.integration

Run = Callable[..., Result]


@contextmanager
def network(server: EmbeddedServer, template: str, folder: Path) -> Iterator[Run]:
    """`vhm24r` on a database of its own with the network, which has been reconciled."""
    name = f"test_{os.getpid()}_{os.urandom(4).hex()}"
    server.create_database(name, template)
    env = environment(server.url(name), folder / "data")
    files = {"orders": ORDERS, "sales": SALES, "receipts": RECEIPTS, "payments": PAYMENTS}
    paths = [write_csv(folder / f"{name}.csv", rows) for name, rows in files.items()]
    assert command("import", *paths, env=env).exit_code == 0
    assert command("reconcile", env=env).exit_code == 0
    try:
        yield lambda *arguments: command(*arguments, env=env)
    finally:
        with administrator(server) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def run(server: EmbeddedServer, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """For tests that only look."""
    with network(server, template, tmp_path_factory.mktemp("reconciliation")) as made:
        yield made


@pytest.fixture
def fresh(server: EmbeddedServer, template: str, tmp_path: Path) -> Iterator[Run]:
    """For a test that changes something."""
    with network(server, template, tmp_path) as made:
        yield made


def json_of(done: Result) -> Any:
    assert done.exit_code == 0, done.stderr
    return orjson.loads(done.stdout)


def id_of(run: Run, name: str) -> int:
    """The exception of an order or of a record, by its number or external id."""
    items = json_of(run("exceptions", "list", "--state", "all", "--json"))["items"]
    (found,) = [item for item in items if name in str(item["order"]) + str(item["record"])]
    return int(found["id"])


def error_of(done: Result) -> str:
    assert (done.exit_code, done.stdout) == (1, ""), done.stderr
    return str(orjson.loads(done.stderr)["code"])


def test_reconcile_prints_the_contract(run: Run) -> None:
    found = json_of(run("reconcile", "--from", "2025-12-25", "--to", "2025-12-25", "--json"))

    assert set(found) >= {"orders", "by_status", "matched_money", "unmatched_records", "drift", "seconds"}
    assert (found["orders"], sum(found["by_status"].values()), len(found["by_status"])) == (4, 4, 11)
    assert set(found["unmatched_records"]) == {"vendhub", "fiscal", "payme", "click", "uzum"}
    assert found["conserved"] is True
    assert found["seconds"] > 0
    assert found["waiting"] == 0


@pytest.mark.parametrize("days", [["--from", "2025-12-25"], ["--to", "2025-12-25"], []])
def test_reconcile_takes_open_ends(run: Run, days: list[str]) -> None:
    assert json_of(run("reconcile", *days, "--json"))["orders"] == 4


def test_reconcile_shows_a_table(run: Run) -> None:
    shown = run("reconcile").stdout

    assert "4 orders, matched " in shown
    assert "unmatched records: vendhub 0, fiscal " in shown
    assert "all money accounted for: yes" in shown
    assert [line.split()[0] for line in shown.splitlines() if line.strip().startswith(("vendhub", "payme"))]


@pytest.mark.parametrize(
    ("days", "code"),
    [
        (["--from", "yesterday"], "orders.filter_invalid"),
        (["--from", "2025-12-25", "--to", "2025-12-24"], "reconciliation.days_invalid"),
    ],
)
def test_days_that_make_no_sense_are_one_sentence(run: Run, days: list[str], code: str) -> None:
    assert error_of(run("reconcile", *days, "--json")) == code


def test_exceptions_are_listed_as_a_table_and_as_json(run: Run) -> None:
    listed = json_of(run("exceptions", "list", "--source", "payme", "--limit", "1", "--state", "all", "--json"))
    rest = json_of(
        run("exceptions", "list", "--source", "payme", "--state", "all", "--cursor", listed["next_cursor"], "--json")
    )
    table = run("exceptions", "list", "--state", "all", "--machine", MACHINE).stdout.splitlines()

    assert (listed["total"], len(listed["items"]), len(rest["items"])) == (3, 1, 2)
    assert table[0].split() == ["id", "type", "at", "risk", "day", "age", "of", "machine", "assignee", "why"]
    assert any(WITHOUT_RECEIPT in line and "16000.00 UZS" in line for line in table)
    assert table[-1] == "3 / 3"
    assert error_of(run("exceptions", "list", "--type", "odd", "--json")) == "orders.filter_invalid"
    assert error_of(run("exceptions", "list", "--assignee", "me", "--json")) == "orders.filter_invalid"


def test_one_exception_is_worked_on(fresh: Run) -> None:
    wanted = id_of(fresh, "504")
    person = fresh("user", "link", "operator", "--json")
    people = json_of(fresh("user", "list", "--json"))
    assigned = fresh("exceptions", "assign", str(wanted), "--to", str(people[0]["id"]))
    fresh("exceptions", "comment", str(wanted), "asked the till")
    settled = fresh("exceptions", "resolve", str(wanted), "999999", "--outcome", "reported", "--reason", "wrong till")
    shown = fresh("exceptions", "show", str(wanted)).stdout
    reopened = fresh("exceptions", "reopen", str(wanted), "--reason", "no", "--json")

    assert person.exit_code == 0
    assert assigned.stdout == "1 changed, 0 in another state left as they are, 0 not found.\n"
    assert settled.stdout == "1 changed, 0 in another state left as they are, 1 not found.\n"
    assert "fiscal_only  resolved  11000.00 UZS" in shown
    assert "of         fiscal:VG3430001:504" in shown
    assert "outcome    reported: wrong till (command line)" in shown
    assert "command line: asked the till" in shown
    assert json_of(reopened) == {"changed": 1, "skipped": [], "unknown": []}
    assert json_of(fresh("exceptions", "show", str(wanted), "--json"))["state"] == "open"


def test_what_cannot_be_is_one_sentence(run: Run) -> None:
    wanted = str(id_of(run, "504"))

    assert error_of(run("exceptions", "show", "999999", "--json")) == "reconciliation.exception_not_found"
    assert error_of(run("exceptions", "comment", wanted, " ", "--json")) == "orders.note_empty"
    assert error_of(run("exceptions", "reopen", wanted, "--json")) == "reconciliation.exception_settled"
    bad = run("exceptions", "resolve", wanted, "--outcome", "forgotten", "--reason", "x", "--json")
    assert error_of(bad) == "reconciliation.outcome_invalid"
    assert error_of(run("exceptions", "assign", wanted, "--to", "999", "--json")) == "identity.person_not_found"
    assert (
        error_of(run("exceptions", "unmatch", "999999", "--reason", "x", "--json")) == "reconciliation.match_not_found"
    )
    match = ["exceptions", "match", "--json", "--order", WITHOUT_PAYMENT, "--reason", "x", "--record"]
    assert error_of(run(*match, "payme:nothing")) == "reconciliation.record_not_found"
    assert error_of(run(*match, "payme:payme0001")) == "reconciliation.sums_differ"
    human = run("exceptions", "match", "--order", WITHOUT_PAYMENT, "--record", "payme:payme0001", "--reason", "x")
    assert human.stderr == (
        "The records come to 12000.00 UZS, the orders to 21000.00 UZS. Nothing was matched; confirm it if that is"
        " right.\n"
    )


def test_a_match_by_hand_is_made_and_taken_away_at_once(fresh: Run) -> None:
    wanted = str(id_of(fresh, WITHOUT_RECEIPT))
    suggested = fresh("exceptions", "show", wanted).stdout
    made = fresh(
        "exceptions", "match", "--order", WITHOUT_RECEIPT, "--record", "fiscal:VG3430001:502", "--reason", "till"
    )
    order = json_of(fresh("orders", "show", WITHOUT_RECEIPT, "--json"))
    told = fresh("orders", "show", WITHOUT_RECEIPT).stdout
    match = order["evidence"][0]["match"]
    again = json_of(
        fresh("exceptions", "match", "--order", WITHOUT_RECEIPT, "--record", "fiscal:502", "--reason", "x", "--json")
    )
    taken = fresh("exceptions", "unmatch", str(match["id"]), "--reason", "no")
    after = json_of(fresh("orders", "show", WITHOUT_RECEIPT, "--json"))

    assert "pair       fiscal:VG3430001:502  same_amount, seconds_apart (seconds 390)" in suggested
    assert made.stdout == "Matched (1).\n"
    assert (order["match_status"], match["kind"], match["rule"]) == ("fully_matched", "manual", "by_hand")
    assert f"by_hand 100 %  match {match['id']}" in told
    assert "match              fully_matched" in told
    assert again["job_id"] is None
    assert taken.stdout == f"Match #{match['id']} is taken away.\n"
    assert after["match_status"] == "fiscal_mismatch"
    assert "  because            no_receipt (window_s 60)" in fresh("orders", "show", WITHOUT_RECEIPT).stdout


def test_parts_are_matched_by_ids_and_wrong_sums_with_a_confirmation(fresh: Run) -> None:
    shown = json_of(fresh("exceptions", "show", str(id_of(fresh, SPLIT)), "--json"))
    parts = [str(record["record_id"]) for record in shown["candidates"][2]["records"]]
    split = ["--record", parts[0], "--record", parts[1]]
    made = fresh("exceptions", "match", "--order", SPLIT, *split, "--reason", "two codes", "--json")
    wrong = fresh("exceptions", "match", "--order", WITHOUT_PAYMENT, "--record", "payme:payme0003", "--reason", "x")
    more = ["--order", PROVEN, "--record", "fiscal:504", "--reason", "x", "--confirm"]
    confirmed = fresh("exceptions", "match", *more)

    assert len(json_of(made)["decisions"]) == 2
    assert (wrong.exit_code, confirmed.exit_code) == (0, 0)


COMMANDS = ("list", "show", "resolve", "reopen", "assign", "comment", "match", "unmatch")


@pytest.mark.parametrize("words", ["reconcile", *(f"exceptions {name}" for name in COMMANDS)])
def test_every_command_has_an_example(run: Run, words: str) -> None:
    shown = run(*words.split(), "--help").stdout

    assert f"Example: vhm24r {words}" in " ".join(shown.split())
