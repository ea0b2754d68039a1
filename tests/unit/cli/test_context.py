"""What commands share: the language of the terminal, an error as one sentence."""

import json

import pytest
import typer

from vhm24r.cli.context import fail, language, line, out, run
from vhm24r.orders.errors import OrderNotFound

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _bare_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("locale.getlocale", lambda: (None, None))


@pytest.mark.parametrize(
    ("name", "tag", "spoken"),
    [
        ("LANG", "ru_RU.UTF-8", "ru"), ("LANG", "uz_UZ", "uz"), ("LANG", "en_US.UTF-8", "en"), ("LANG", "C", "en"),
        ("LANG", "C.UTF-8", "en"), ("LANG", "POSIX", "en"), ("LANG", "de_DE.UTF-8", "en"), ("LC_ALL", "ru", "ru"),
        ("LC_MESSAGES", "uz_UZ.UTF-8", "uz"),
    ],
)  # fmt: skip
def test_a_terminal_is_spoken_to_in_its_language(
    monkeypatch: pytest.MonkeyPatch, name: str, tag: str, spoken: str
) -> None:
    monkeypatch.setenv(name, tag)

    assert language() == spoken


def test_the_stronger_variable_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "ru_RU.UTF-8")
    assert language() == "ru"

    monkeypatch.setenv("LC_MESSAGES", "uz_UZ.UTF-8")
    assert language() == "uz"

    monkeypatch.setenv("LC_ALL", "en_US.UTF-8")
    assert language() == "en"


@pytest.mark.parametrize(("known", "spoken"), [("ru_RU", "ru"), ("en_US", "en"), (None, "en")])
def test_a_terminal_that_says_nothing_is_asked_for_its_locale(
    monkeypatch: pytest.MonkeyPatch, known: str | None, spoken: str
) -> None:
    monkeypatch.setattr("locale.getlocale", lambda: (known, None))

    assert language() == spoken


def test_an_error_is_one_sentence_on_stderr_and_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        raise OrderNotFound(number="A1")

    with pytest.raises(typer.Exit) as caught:
        run(work)

    assert caught.value.exit_code == 1
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "There is no order A1.\n")


def test_an_error_is_one_json_object_where_json_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    fail(OrderNotFound(number="A1"), as_json=True)

    assert json.loads(capsys.readouterr().err) == {
        "code": "orders.not_found",
        "message": "There is no order A1.",
        "params": {"number": "A1"},
    }


def test_an_interrupted_command_says_so_by_its_code() -> None:
    async def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(typer.Exit) as caught:
        run(work)

    assert caught.value.exit_code == 130


def test_a_command_gives_back_what_its_work_gives() -> None:
    async def work() -> int:
        return 7

    assert run(work) == 7


def test_json_is_written_as_one_document_or_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    out({"a": 1})
    line({"a": "Ж"})

    assert capsys.readouterr().out == '{\n  "a": 1\n}\n{"a":"Ж"}\n'
