"""`vhm24r user` and `vhm24r audit`: people, decisions about them, ways back, and whether the log is whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import psycopg
import pytest
from typer.testing import Result

from tests.integration.command_line import command, environment

pytestmark = pytest.mark.integration
Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    """`vhm24r` on this test's database."""
    env = environment(database_url, tmp_path / "data")
    return lambda *arguments, **more: command(*arguments, env={**env, **more})


def made(run: Run, *arguments: str) -> dict[str, Any]:
    """What a command says as JSON."""
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


def test_people_are_added_decided_about_and_listed(run: Run) -> None:
    person = made(
        run, "user", "create", "Main office", "--role", "operator", "--telegram-id", "777", "--language", "en"
    )
    number = str(person["id"])
    steps = [
        made(run, "user", "role", number, "viewer"),
        made(run, "user", "grant", number, "--machine", "b2", "--machine", "a1", "--source", "payme"),
        made(run, "user", "grant", number, "--all-machines", "--all-sources"),
        made(run, "user", "block", number, "--reason", "left"),
        made(run, "user", "unblock", number),
        made(run, "user", "role", number, "admin"),
    ]
    listed = run("user", "list").stdout

    assert (person["role"], person["status"], person["telegram_id"]) == ("operator", "approved", 777)
    assert [step["status"] for step in steps] == ["approved"] * 3 + ["blocked", "approved", "approved"]
    assert (steps[1]["machines"], steps[1]["sources"]) == (["a1", "b2"], ["payme"])
    assert (steps[2]["machines"], steps[2]["sources"]) == (None, None)
    assert steps[5]["role"] == "admin"
    assert listed.split() == [number, "admin", "approved", "Main", "office", "777"]


def test_a_link_is_for_a_role_or_for_a_number(run: Run) -> None:
    owner = made(run, "user", "link", "owner")
    again = made(run, "user", "link", str(owner["id"]))
    nobody = run("user", "link", "999")

    assert (owner["role"], again["id"]) == ("owner", owner["id"])
    assert owner["url"] != again["url"]
    assert (nobody.exit_code, nobody.stderr.strip()) == (1, "There is no such person (999).")


def test_a_new_telegram_account_is_bound(run: Run) -> None:
    number = str(made(run, "user", "create", "Main office", "--telegram-id", "777")["id"])
    other = made(run, "user", "create", "Somebody else", "--telegram-id", "778")
    taken = run("user", "telegram", number, "778")
    bound = made(run, "user", "telegram", number, "779")
    made(run, "user", "erase", str(other["id"]), "--yes")
    freed = made(run, "user", "telegram", number, "778")
    gone = run("user", "telegram", str(other["id"]), "780")

    assert (taken.exit_code, taken.stderr.strip()) == (1, "The Telegram account 778 belongs to somebody already.")
    assert (bound["telegram_id"], freed["telegram_id"], gone.exit_code) == (779, 778, 1)
    actions = [entry["action"] for entry in orjson.loads(run("audit", "list", "--json").stdout)]
    assert actions.count("person.telegram_bound") == 2


def test_the_last_owner_stays(run: Run) -> None:
    owner = made(run, "user", "link", "owner")
    blocked = run("user", "block", str(owner["id"]))
    erased = run("user", "erase", str(owner["id"]), "--yes")

    assert [done.exit_code for done in (blocked, erased)] == [1, 1]
    assert blocked.stderr.strip() == "This is the last owner. Make somebody else an owner first."


def test_a_person_is_handed_out_and_forgotten(run: Run, tmp_path: Path) -> None:
    person = made(run, "user", "create", "Main office")
    number, copy = str(person["id"]), tmp_path / "copy.json"
    to_file = run("user", "export", number, "-o", copy)
    to_screen = orjson.loads(run("user", "export", number).stdout)
    kept = run("user", "erase", number)
    gone = made(run, "user", "erase", number, "--yes")

    assert to_file.exit_code == 0
    assert orjson.loads(copy.read_bytes())["person"] == to_screen["person"]
    assert to_screen["person"]["name"] == "Main office"
    assert kept.exit_code == 1
    assert (gone["name"], gone["status"]) == (f"person #{number}", "deactivated")


def test_signing_keys_are_rotated(run: Run) -> None:
    first, second = (made(run, "user", "rotate-keys")["kid"] for _ in range(2))
    as_text = run("user", "rotate-keys").stdout.strip()

    assert len({first, second, as_text}) == 3


def test_the_log_is_listed_and_proven(run: Run, database_url: str) -> None:
    made(run, "user", "create", "Main office")
    person = made(run, "user", "create", "Other office")
    run("user", "block", str(person["id"]), "--reason", "left")
    listed = orjson.loads(run("audit", "list", "--action", "person.", "--json").stdout)
    as_text = run("audit", "list", "--subject", f"person:{person['id']}", "--limit", "1").stdout
    whole = made(run, "audit", "verify")
    with_head = run("audit", "verify", "--head", whole["head"])
    wrong_head = run("audit", "verify", "--head", "00")
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_entries SET reason = 'retired' WHERE action = 'person.blocked'")
    broken = run("audit", "verify")

    assert [entry["action"] for entry in listed] == ["person.blocked", "person.created", "person.created"]
    assert as_text.split()[2:] == ["command", "line", "person.blocked", f"person:{person['id']}", "(left)"]
    assert (whole["holds"], whole["unsealed"], whole["seals"]) == (True, 0, 1)
    assert (with_head.exit_code, wrong_head.exit_code, broken.exit_code) == (0, 1, 1)
    assert with_head.stdout.startswith("The log is whole:")
    assert wrong_head.stdout.strip() == "The seal that was noted down is not in this log: it was rewritten."
    assert broken.stdout.strip() == "Seal 1 does not fit: an entry in it was changed."


def test_the_doctor_compares_secrets(run: Run, database_url: str, tmp_path: Path) -> None:
    run("user", "link", "owner")
    made(run, "user", "rotate-keys")
    same = {found["name"]: found for found in orjson.loads(run("doctor", "--json").stdout)}["secret_key"]
    elsewhere = command("doctor", "--json", env=environment(database_url, tmp_path / "elsewhere"))
    other = {found["name"]: found for found in orjson.loads(elsewhere.stdout)}["secret_key"]

    assert (same["ok"], other["ok"]) == (True, False)
    assert "VHM24R_SECRET_KEY" in other["advice"]
