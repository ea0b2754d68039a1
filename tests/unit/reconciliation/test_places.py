"""A terminal's name tells its machine only where it plainly does."""

import pytest

from vhm24r.reconciliation.matcher.places import home_of

pytestmark = pytest.mark.unit

ADDRESSES = {
    1: "Ташкент, Мирабадский р-н, ул. Тараккиёт, 117, автовокзал, зал ожидания",
    2: "Ташкент, Мирабадский р-н, ул. Тараккиёт, 12, поликлиника, холл",
    3: "Самарканд, ул. Регистанская, 5, автосервис",
}


@pytest.mark.parametrize(
    ("name", "machine"),
    [
        ("Ташкент, Мирабадский р-н, ул. Тараккиёт, 117, автовокзал, зал ожидания", 1),
        ("автовокзал, зал ожидания, ТАШКЕНТ Мирабадский р-н ул. Тараккиёт 117", 1),
        ("Самарканд ул Регистанская 5 автосервис", 3),
        ("Самарканд, ул. Регистанскя, 5, автосервис", 3),
    ],
)
def test_an_address_is_known_in_any_order_and_with_a_slip(name: str, machine: int) -> None:
    assert home_of([name], ADDRESSES) == {name: machine}


@pytest.mark.parametrize("name", ["", "Касса 1", "Магазин у входа, касса 1", "Ташкент, Мирабадский р-н, ул. Тараккиёт"])
def test_a_name_that_is_nobodys_or_everybodys_tells_nothing(name: str) -> None:
    assert home_of([name], ADDRESSES) == {}


def test_two_machines_at_one_address_are_not_told_apart() -> None:
    assert home_of([ADDRESSES[3]], {3: ADDRESSES[3], 4: ADDRESSES[3]}) == {}
