"""The texts of every language: the same keys, the same parameters, one for every error and issue."""

import importlib
import inspect
import json
import pkgutil
import re
import string
from pathlib import Path

import pytest

import vhm24r
from vhm24r.identity.permissions import Role
from vhm24r.intake import canonical, errors
from vhm24r.intake.types import ImportStatus
from vhm24r.kit.errors import AppError, all_errors
from vhm24r.platform.i18n import LANGUAGES, catalogue

pytestmark = pytest.mark.unit

ISSUE_CODES = sorted(set(re.findall(r'"(intake\.[a-z_]+)"', inspect.getsource(canonical))))
SAID = re.compile(r"""\bsay\(\s*["']([a-z0-9_.]+)["']""")


def product_errors() -> list[type[AppError]]:
    """Every error class of the product, its modules imported first."""
    for module in pkgutil.walk_packages(vhm24r.__path__, "vhm24r."):
        if not module.name.startswith("vhm24r.ops.demo."):
            importlib.import_module(module.name)
    return [error for error in all_errors() if error.__module__.startswith("vhm24r.")]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def codes_said() -> set[str]:
    """The codes that the sources name where they say something."""
    sources = Path(vhm24r.__path__[0]).rglob("*.py")
    return {code for path in sources for code in SAID.findall(path.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_keys(language: str) -> None:
    assert set(catalogue(language)) == set(catalogue("ru"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_has_the_same_parameters_in_every_language(language: str) -> None:
    wanted = {key: placeholders(text) for key, text in catalogue("ru").items()}

    assert {key: placeholders(text) for key, text in catalogue(language).items()} == wanted


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_or_padded(language: str) -> None:
    assert [key for key, text in catalogue(language).items() if not text or text != text.strip()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_parameters_are_plain_names(language: str) -> None:
    names = {name for text in catalogue(language).values() for name in placeholders(text)}

    assert {name for name in names if not re.fullmatch(r"[a-z][a-z0-9_]*", name)} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_error_of_the_product_has_a_text(language: str) -> None:
    found = product_errors()

    assert len(found) > 40
    assert {error.code for error in found} - set(catalogue(language)) == set()


def test_every_error_code_belongs_to_one_fact() -> None:
    by_code: dict[str, set[int]] = {}
    for error in product_errors():
        by_code.setdefault(error.code, set()).add(error.status)

    assert {code for code, statuses in by_code.items() if len(statuses) > 1} == set()
    assert {code for code in by_code if not re.fullmatch(r"[a-z]+\.[a-z_]+", code)} == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_of_an_error_has_a_title(language: str) -> None:
    titles = {f"title.{error.status}" for error in product_errors()}

    assert titles - set(catalogue(language)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ISSUE_CODES)
def test_every_issue_of_a_row_has_a_sentence_and_a_short_form(code: str, language: str) -> None:
    texts = catalogue(language)

    assert f"{code}.short" in texts
    assert {"file", "place"} <= placeholders(texts[code])
    assert placeholders(texts[f"{code}.short"]) == set()


def test_the_issue_codes_are_those_that_reading_gives() -> None:
    assert ISSUE_CODES == [
        "intake.amount_unreadable",
        "intake.code_damaged",
        "intake.currency_assumed",
        "intake.currency_unknown",
        "intake.key_repeated",
        "intake.quote_unclosed",
        "intake.row_too_long",
        "intake.row_unidentified",
        "intake.text_broken",
        "intake.text_too_long",
        "intake.time_unreadable",
        "intake.value_missing",
        "intake.word_unknown",
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_import_status_and_role_has_a_word(language: str) -> None:
    wanted = {f"import.{status}" for status in ImportStatus} | {f"role.{role}" for role in Role}

    assert wanted - set(catalogue(language)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_that_is_said_has_a_text(language: str) -> None:
    said = codes_said()

    assert "cli.no_such_file" in said
    assert said - set(catalogue(language)) == set()


@pytest.mark.parametrize("error", all_errors(errors.FileRefused), ids=lambda error: error.code)
def test_a_refused_file_is_named_in_its_sentence(error: type[AppError]) -> None:
    assert "name" in placeholders(catalogue("ru")[error.code])


LOGGED = "person|session|sign_in|api_key|order|import|mapping|match|exception|machine|setting|signing_key"
DEED = re.compile(rf'"((?:{LOGGED})\.[a-z_]+)"')
PAGE_TEXTS = Path(__file__).parents[3] / "web" / "src" / "i18n"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_has_words_for_every_deed(language: str) -> None:
    """Whatever a module that writes to the log may call a deed."""
    sources = [path.read_text(encoding="utf-8") for path in Path(vhm24r.__path__[0]).rglob("*.py")]
    deeds = {code for source in sources if "Deed(" in source for code in DEED.findall(source)}
    known = json.loads((PAGE_TEXTS / f"access_{language}.json").read_text(encoding="utf-8"))["deed"]

    assert len(deeds) > 30
    assert {code for code in deeds if code.replace(".", "_") not in known} == set()
