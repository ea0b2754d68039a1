"""The other commands: rules, people, schema, doctor; help with examples; errors as one sentence."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
import typer
from typer.testing import Result

from tests.integration.command_line import command, environment
from vhm24r.cli.app import app
from vhm24r.ops.rules import REGISTRY
from vhm24r.platform.embedded import EmbeddedServer
from vhm24r.settings import Settings

pytestmark = pytest.mark.integration

Run = Callable[..., Result]
PROGRAM = Path(sys.executable).with_name("vhm24r")


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    """`vhm24r` on this test's database."""
    env = environment(database_url, tmp_path / "data")
    return lambda *arguments, **more: command(*arguments, env={**env, **more})


def commands(group: object, *path: str) -> Iterator[tuple[str, ...]]:
    """Every command that does something, as words."""
    children = getattr(group, "commands", None)
    if children is None:
        yield path
        return
    for name, child in children.items():
        yield from commands(child, *path, name)


EVERY_COMMAND = sorted(commands(typer.main.get_command(app)))


def test_the_commands_are_those_of_the_contract() -> None:
    assert {" ".join(words) for words in EVERY_COMMAND} >= {
        "demo", "serve", "web", "worker", "migrate", "doctor", "import", "imports list", "imports show",
        "imports errors", "orders list", "orders show", "export", "user list", "user link", "settings get",
        "settings set",
    }  # fmt: skip


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_every_command_has_help_with_an_example(words: tuple[str, ...]) -> None:
    done = command(*words, "--help", env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})

    assert done.exit_code == 0
    assert "Example:" in done.stdout
    assert f"vhm24r {' '.join(words)}" in done.stdout


def test_rules_are_shown_and_changed(run: Run) -> None:
    before = orjson.loads(run("settings", "get", "--json").stdout)
    changed = run("settings", "set", "intake.apply", "off")
    one = orjson.loads(run("settings", "get", "intake.apply", "--json").stdout)
    back = orjson.loads(run("settings", "set", "intake.apply", "yes", "--json").stdout)
    text = run("settings", "get").stdout.splitlines()

    assert {rule["key"]: rule["value"] for rule in before} == {rule.key: rule.default for rule in REGISTRY}
    assert (changed.exit_code, changed.stdout) == (0, "intake.apply = False\n")
    assert (one["value"], one["default"], back["value"]) == (False, True, True)
    assert [line.split()[:2] for line in text] == [[rule.key, str(rule.default)] for rule in REGISTRY]


def test_a_rule_refuses_what_it_does_not_take(run: Run) -> None:
    wrong = run("settings", "set", "read_only", "maybe")
    unknown = run("settings", "get", "no.such", "--json")

    assert (wrong.exit_code, wrong.stderr) == (1, "“maybe” does not fit read_only (it takes bool).\n")
    assert orjson.loads(unknown.stderr)["code"] == "settings.unknown"


def test_links_make_the_first_person_of_a_role_and_no_second(run: Run) -> None:
    urls = [run("user", "link", "owner").stdout.strip() for _ in range(2)]
    as_json = orjson.loads(run("user", "link", "viewer", "--json").stdout)
    people = orjson.loads(run("user", "list", "--json").stdout)
    text = run("user", "list").stdout.splitlines()
    nobody = run("user", "link", "king")

    assert all(url.startswith("http://localhost:8000/link/") for url in urls)
    assert urls[0] != urls[1]
    assert (as_json["role"], as_json["url"].startswith("http://localhost:8000/link/")) == ("viewer", True)
    assert [(person["id"], person["name"], person["role"], person["status"]) for person in people] == [
        (1, "Owner", "owner", "approved"), (2, "Viewer", "viewer", "approved"),
    ]  # fmt: skip
    assert text[0].split() == ["1", "owner", "approved", "Owner"]
    assert (nobody.exit_code, nobody.stderr) == (1, "There is no such person (king).\n")


def test_links_point_where_people_reach_the_page(run: Run) -> None:
    url = run("user", "link", "owner", VHM24R_PUBLIC_URL="https://orders.example").stdout

    assert url.startswith("https://orders.example/link/")


def test_migrate_brings_an_empty_database_to_head(server: EmbeddedServer, tmp_path: Path) -> None:
    name = f"test_empty_{os.getpid()}_{os.urandom(4).hex()}"
    server.create_database(name)
    env = environment(server.url(name), tmp_path)

    done = [command("migrate", env=env) for _ in range(2)]

    assert [(result.exit_code, result.stdout) for result in done] == [(0, "The schema is at head.\n")] * 2


def test_doctor_finds_everything_well(run: Run) -> None:
    findings = orjson.loads(run("doctor", "--json").stdout)
    text = run("doctor")

    assert [finding["name"] for finding in findings] == [
        "database", "migrations", "jobs", "storage", "postgresql", "clock", "disk", "secret_key",
    ]  # fmt: skip
    assert all(finding["ok"] and not finding["advice"] for finding in findings)
    assert text.exit_code == 0
    assert text.stdout.startswith("✓ database")


def test_doctor_says_what_is_wrong_and_what_to_do(run: Run, tmp_path: Path) -> None:
    blocked = tmp_path / "data" / "files"
    run("doctor")
    (blocked / "probe").unlink()
    (blocked / "probe").mkdir()
    (blocked / "probe" / "in-the-way").touch()

    done = run("doctor")

    assert done.exit_code == 1
    assert "✗ storage" in done.stdout
    assert "Originals cannot be kept: check VHM24R_STORAGE_URL." in done.stdout


def test_doctor_lists_every_setting_and_shows_no_secret(run: Run) -> None:
    done = run("doctor", "--settings", "--json", VHM24R_DATABASE_URL="postgresql://u:hidden@nowhere/x")

    shown = {finding["name"]: finding["value"] for finding in orjson.loads(done.stdout)}
    assert done.exit_code == 0
    assert set(shown) == {f"VHM24R_{name.upper()}" for name in Settings.model_fields}
    assert shown["VHM24R_MODE"] == "development  (production, development or demo)"
    assert shown["VHM24R_DATABASE_URL"].startswith("set  ")
    assert "hidden" not in done.stdout


WRONG_URL = (
    "VHM24R_DATABASE_URL cannot be used: Value error, must be a PostgreSQL URL such as"
    " postgresql://user@host/database. Example: postgresql://vhm24r@db.example/vhm24r"
)


def test_a_wrong_setting_is_one_sentence_that_names_it(tmp_path: Path) -> None:
    done = command("imports", "list", env=environment("mysql://nowhere", tmp_path))

    assert (done.exit_code, done.stdout, done.stderr) == (1, "", f"{WRONG_URL}\n")


def test_a_program_is_told_the_same_before_any_command_begins(tmp_path: Path) -> None:
    env = {**os.environ, **environment("mysql://nowhere", tmp_path)}

    done = subprocess.run([PROGRAM, "demo", "--json"], env=env, capture_output=True, text=True, timeout=90, check=False)

    assert (done.returncode, done.stdout) == (1, "")
    assert orjson.loads(done.stderr) == {
        "code": "settings.invalid", "message": WRONG_URL,
        "params": {
            "variable": "VHM24R_DATABASE_URL",
            "reason": "Value error, must be a PostgreSQL URL such as postgresql://user@host/database",
            "example": "postgresql://vhm24r@db.example/vhm24r",
        },
    }  # fmt: skip


def test_a_demo_refuses_a_business_database(run: Run) -> None:
    run("migrate")

    done = run("settings", "get", VHM24R_MODE="demo")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == (
        "This database is a regular one and a demo one is needed. Choose another database or data folder.\n"
    )
