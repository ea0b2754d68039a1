"""Headers and words in one form for comparison; cells trimmed or empty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.kit.text import EMPTY_MARKS, clean, fold, shortened, squeeze, storable

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("НАЗВАНИЕ ПОСТАВЩИКA", "НАЗВАНИЕ ПОСТАВЩИКА"),
        ("НАЗВАНИЕ ПОСТАВЩИКA", "название поставщика"),
        ("ИДЕНТИФИКАТОР ПЛАТЕЖА \n (ПЛАТЕЖНАЯ СИСТЕМА)", "Идентификатор платежа (платежная система)"),
        ("ИДЕНТИФИКАТОР\r\nПЛАТЕЖА", "идентификатор платежа"),
        ("Цена\u00a0заказа", "Цена заказа"),
        ("  Номер   заказа\t", "номер заказа"),
        ("Ｎｕｍｂｅｒ", "number"),
        ("№ чека", "No чека"),
        ("ﬁscal", "FISCAL"),
        ("STRASSE", "straße"),
        ("CTATУC", "СТАТУС"),
        ("Номep", "НОМЕР"),
        ("И\u0306КПУ", "ЙКПУ"),
    ],
)
def test_the_same_words_fold_to_one_text(left: str, right: str) -> None:
    assert fold(left) == fold(right)


@pytest.mark.parametrize(
    ("left", "right"), [("Номер заказа", "Номер оператора"), ("ID", "ИД"), ("Сумма", "Суммы"), ("a b", "ab")]
)
def test_different_words_stay_different(left: str, right: str) -> None:
    assert fold(left) != fold(right)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
def test_surrounding_blanks_and_inner_breaks_never_matter(text: str) -> None:
    assert fold(f" \n{text}\t ") == fold(text)
    assert fold(text.replace(" ", " \n ")) == fold(text)


@pytest.mark.parametrize(("text", "squeezed"), [("  a \n\t b\u00a0 c ", "a b c"), ("", ""), (" \n ", "")])
def test_whitespace_is_squeezed_to_single_spaces(text: str, squeezed: str) -> None:
    assert squeeze(text) == squeezed


@pytest.mark.parametrize(
    "cell", ["", " ", "\u00a0", "-", " - ", "—", "–", "nan", "NaN", "None", "none", "NULL", "null", "Н/Д", "н/д", "N/A"]
)
def test_what_exports_write_for_nothing_is_nothing(cell: str) -> None:
    assert clean(cell) is None


@pytest.mark.parametrize(("cell", "text"), [("0", "0"), (" Эспрессо ", "Эспрессо"), ("--", "--"), ("nano", "nano")])
def test_any_other_cell_is_its_trimmed_text(cell: str, text: str) -> None:
    assert clean(cell) == text


def test_empty_marks_are_kept_in_the_form_they_are_compared_in() -> None:
    assert {mark.casefold() for mark in EMPTY_MARKS} == EMPTY_MARKS


@pytest.mark.parametrize(
    ("text", "limit", "short"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("", 3, ""), ("x" * 81, 80, "x" * 79 + "…")]
)
def test_a_long_text_is_cut_with_an_ellipsis(text: str, limit: int, short: str) -> None:
    assert shortened(text, limit) == short
    assert len(short) <= limit


@pytest.mark.parametrize(
    ("text", "kept"), [("Латте ☕", "Латте ☕"), ("a\x00b", "a␀b"), ("\ud83d", "\ufffd"), ("x\udfffy\x00", "x\ufffdy␀")]
)
def test_what_no_database_holds_is_replaced(text: str, kept: str) -> None:
    assert storable(text) == kept
