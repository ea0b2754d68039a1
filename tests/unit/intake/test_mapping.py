"""What a person says of columns: checked, remembered by the header, guessed beforehand, turned into a source."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from vhm24r.evidence.types import Role, SourceName
from vhm24r.intake.errors import MappingInvalid
from vhm24r.intake.mapping import CURRENCY_WORDS, GENERIC_FIELDS, LONGEST_NAME, Computed, Mapping, suggest
from vhm24r.intake.sources.declaration import Cell
from vhm24r.intake.sources.registry import by_name
from vhm24r.intake.values import NULL, UNREADABLE, CurrencyReader, QuantityReader
from vhm24r.kit.text import fold
from vhm24r.platform.i18n import say

pytestmark = pytest.mark.unit

TASHKENT = ZoneInfo("Asia/Tashkent")
COFFEE = ["date", "datetime", "cash_type", "card", "money", "coffee_name"]
RETAIL = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]


def said(**changes: Any) -> dict[str, Any]:
    """What a person might say of a small shop's export; None leaves something out."""
    whole = {"name": "shop", "columns": {"order_number": "No", "occurred_at": "When", "amount": "Sum"}} | changes
    return {key: value for key, value in whole.items() if value is not None}


def columns(**fields: str) -> dict[str, str]:
    return fields


@pytest.mark.parametrize(
    ("wrong", "problem", "value"),
    [
        ({"name": None}, "name_missing", "None"),
        ({"name": "  "}, "name_missing", "  "),
        ({"name": 5}, "name_missing", "5"),
        ({"name": "a\x00"}, "name_missing", "a\x00"),
        ({"name": "x" * (LONGEST_NAME + 1)}, "name_missing", "x" * (LONGEST_NAME + 1)),
        ({"name": " vending "}, "name_taken", "vending"),
        ({"name": "manual"}, "name_taken", "manual"),
        ({"columns": None}, "columns_missing", "None"),
        ({"columns": ["No"]}, "columns_missing", "['No']"),
        ({"columns": {"amount": ""}}, "columns_missing", "{'amount': ''}"),
        ({"columns": {"amount": 4}}, "columns_missing", "{'amount': 4}"),
        ({"sheet": "1", "extra": 1}, "field_unknown", "extra, sheet"),
        ({"columns": {"colour": "No"}}, "field_unknown", "colour"),
        ({"columns": {"occurred_at": "When", "amount": "when "}}, "column_twice", "when"),
        ({"columns": {"occurred_at": "When", "amount": "Total"}}, "column_unknown", "Total"),
        ({"columns": {"amount": "Sum"}}, "field_missing", "occurred_at"),
        ({"columns": {"occurred_at": "When"}}, "field_missing", "amount"),
        ({"columns": {"occurred_at": "When", "quantity": "No"}}, "field_missing", "amount"),
        ({"columns": {"occurred_at": "No", "amount": "Sum"}, "rows_per_order": True}, "field_missing", "order_number"),
        ({"target": "nobody"}, "target_unknown", "nobody"),
        ({"target": "payme", "columns": {"occurred_at": "When"}}, "field_missing", "amount, external_id"),
        ({"target": "payme", "columns": {"quantity": "Sum"}}, "field_unknown", "quantity"),
        ({"currency": "BTC"}, "currency_unknown", "BTC"),
        ({"zone": "Mars/Olympus"}, "zone_unknown", "Mars/Olympus"),
    ],
)  # fmt: skip
def test_each_problem_of_a_mapping_is_named(wrong: dict[str, Any], problem: str, value: str) -> None:
    with pytest.raises(MappingInvalid) as error:
        Mapping.of(said(**wrong), ["No", "When", "Sum"])

    assert error.value.params == {"problem": problem, "value": value}
    assert value in say(error.value.code, "en", error.value.params)


def test_a_mapping_is_kept_as_it_was_said() -> None:
    whole = said(
        name=" shop ", currency="gbp", zone="Europe/London", rows_per_order=True, month_first=True, target="generic"
    )
    mapping = Mapping.of(whole, ["No", "When", "Sum", ""])

    assert mapping.stored() == whole | {"name": "shop", "currency": "GBP"}
    assert Mapping.of(mapping.stored(), mapping.header) == mapping


def test_what_is_not_said_has_its_usual_meaning() -> None:
    mapping = Mapping.of(said(rows_per_order="yes", month_first=1))

    assert (mapping.target, mapping.currency, mapping.zone, mapping.header) == ("generic", "UZS", None, ())
    assert (mapping.rows_per_order, mapping.month_first) == (False, False)


def test_a_mapping_fits_the_header_it_was_made_for_and_no_other() -> None:
    mapping = Mapping.of(said(), ["No", "When", "Sum"])

    assert mapping.fits(["no", " WHEN ", "Sum"])
    assert not mapping.fits(["When", "No", "Sum"])
    assert not mapping.fits(["No", "When", "Sum", "More"])


def test_a_mapping_of_no_header_fits_nothing() -> None:
    mapping = Mapping.of(said())

    assert not mapping.fits(["Shop", "Sum", "No", "When"])
    assert not mapping.fits(["No", "When", "Sum"])
    assert not mapping.fits([])


@pytest.mark.parametrize(("rows_per_order", "key"), [(False, "order_number"), (True, None)])
def test_a_generic_source_makes_orders_in_a_space_of_its_own(rows_per_order: bool, key: str | None) -> None:
    source = Mapping.of(said(currency="USD", zone="Europe/Kyiv", rows_per_order=rows_per_order)).source()

    assert (source.name, source.role, source.makes_orders) == (SourceName.GENERIC, Role.SALE, True)
    assert (source.account, source.space, source.key, source.grouped) == ("shop", "shop", key, rows_per_order)
    assert (source.currency, source.zone) == ("USD", "Europe/Kyiv")
    assert [(c.field, c.headers, c.required) for c in source.columns] == [
        ("order_number", ("No",), True), ("occurred_at", ("When",), True), ("amount", ("Sum",), True),
    ]  # fmt: skip


def test_rows_without_a_number_have_no_key() -> None:
    assert Mapping.of(said(columns=columns(occurred_at="When", amount="Sum"))).source().key is None


def test_a_declared_source_with_other_headers_stays_what_it_is() -> None:
    payme = by_name("payme")
    assert payme is not None
    source = Mapping.of(
        said(target="payme", columns=columns(external_id="Ref", occurred_at="When", amount="Sum"), month_first=True)
    ).source()

    assert (source.name, source.role, source.key, source.space) == (payme.name, payme.role, payme.key, payme.space)
    assert [(c.field, c.headers, c.cell, c.month_first) for c in source.columns] == [
        ("external_id", ("Ref",), Cell.CODE, True),
        ("occurred_at", ("When",), Cell.INSTANT, True),
        ("amount", ("Sum",), Cell.AMOUNT, True),
    ]
    claim = source.claim(["Sum", "When", "Ref"])
    assert claim is not None
    assert [claim.index_of(column) for column in source.columns] == [2, 1, 0]


def test_amount_is_quantity_times_price_rounded_to_the_minor_unit() -> None:
    fields = {
        "quantity": ["6000", "-1000", "1500", "3000", UNREADABLE, "1000", NULL],
        "unit_price": ["255", "1095", "33", "-50", "100", NULL, "1"],
        "amount": [NULL] * 7,
        "currency": ["EUR", NULL, NULL, "GBP", NULL, NULL, NULL],
    }
    Computed(multiplied=True, currency="GBP")(fields)

    assert fields["amount"] == ["1530", "-1095", "50", "-150", NULL, NULL, NULL]
    assert fields["direction"] == ["sale", "return", "sale", "return", "sale", "sale", "sale"]
    assert fields["currency"] == ["EUR", "GBP", "GBP", "GBP", "GBP", "GBP", "GBP"]


@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [
        ("1250", "1000000", "1250000"), ("5", "100", "1"), ("4", "100", "0"), ("-5", "100", "-1"),
        ("333", "1001", "333"),
        ("1000", "100000000000000000", "100000000000000000"), ("-1000", "100000000000000000", "-100000000000000000"),
    ],
)  # fmt: skip
def test_a_quantity_has_thousandths(quantity: str, price: str, amount: str) -> None:
    fields = {"quantity": [quantity], "unit_price": [price], "amount": [NULL], "currency": [NULL]}
    Computed(multiplied=True, currency="UZS")(fields)

    assert (fields["amount"], fields["unit_price"]) == ([amount], [price])


@pytest.mark.parametrize("quantity", ["1001", "-1001", "100000000000000000"])
def test_a_product_that_no_amount_could_be_is_an_unreadable_price(quantity: str) -> None:
    fields = {"quantity": ["1000", quantity], "unit_price": ["5", "100000000000000000"], "amount": [NULL, NULL],
              "currency": [NULL, NULL]}  # fmt: skip
    Computed(multiplied=True, currency="UZS")(fields)

    assert fields["amount"] == ["5", NULL]
    assert fields["unit_price"][0] == "5"
    assert fields["unit_price"][1] is UNREADABLE


@pytest.mark.parametrize(
    ("cell", "thousandths"),
    [
        ("6", "6000"), ("1.250", "1250"), ("1,250", "1250"), ("1.25", "1250"), ("0,5", "500"), ("1.2500", "1250"),
        ("15.000", "15000"), ("1 250", "1250000"), ("1 250,5", "1250500"), ("1\u00a0250", "1250000"),
        ("1.250.000", "1250000000"), ("1,250,000.5", "1250000500"), ("-2", "-2000"), ("−1.250", "-1250"),
        ("(1.250)", "-1250"), ("+3", "3000"), ("1'250", "1250000"), ("100000000000000", "100000000000000000"),
    ],
)  # fmt: skip
def test_a_single_mark_of_a_quantity_is_the_decimal_one(cell: str, thousandths: str) -> None:
    assert QuantityReader()[cell] == thousandths


@pytest.mark.parametrize(
    "cell",
    [
        "many",
        "0.3333",
        "1.250 000",
        "1,25,0",
        "5 UZS",
        "$5",
        "(5",
        "5)",
        "(-5)",
        ".5",
        "1 25",
        "100000000000001",
        "1E+3",
    ],
)
def test_what_is_no_quantity_is_unreadable(cell: str) -> None:
    assert QuantityReader()[cell] is UNREADABLE


@pytest.mark.parametrize(
    ("cell", "code", "remembered"),
    [
        ("usd", "USD", []), ("UZS", "UZS", []), ("сум", "UZS", []), ("Сум", "UZS", []), ("so'm", "UZS", []),
        ("$", "USD", []), ("€", "EUR", []), ("руб.", "RUB", []), ("TRY", UNREADABLE, []), ("cny", UNREADABLE, []),
        ("coins", NULL, ["coins"]), ("₺", NULL, ["₺"]), ("", NULL, []),
    ],
)  # fmt: skip
def test_a_currency_is_one_of_ours_or_not_said_or_refused(cell: str, code: str, remembered: list[str]) -> None:
    reader = CurrencyReader(CURRENCY_WORDS)

    assert reader[cell] == code
    assert list(reader.unknown) == remembered
    assert reader.unreadable is (code is UNREADABLE)


def test_an_amount_that_is_given_is_taken() -> None:
    fields = {"quantity": ["600"], "unit_price": ["255"], "amount": ["-1000"], "currency": ["UZS"]}
    Computed(multiplied=False, currency="UZS")(fields)

    assert (fields["amount"], fields["direction"]) == (["-1000"], ["return"])


def guesses(header: list[str], rows: list[list[str]]) -> dict[str, tuple[str | None, str | None]]:
    return {guess.column: (guess.field, guess.why) for guess in suggest(header, rows, TASHKENT)[0]}


def test_columns_are_known_by_their_names() -> None:
    coffee = [["3/1/2024", "3/1/2024 10:15", "card", "ANON-1", "38.7", "Latte"]]
    retail = [["536365", "85123A", "HOLDER", "6", "12/1/2010 8:26", "2.55", "17850", "United Kingdom"]]

    assert guesses(COFFEE, coffee) == {
        "date": (None, None), "datetime": ("occurred_at", "name"), "cash_type": ("payment_method", "name"),
        "card": ("card", "name"), "money": ("amount", "name"), "coffee_name": ("product", "name"),
    }  # fmt: skip
    assert guesses(RETAIL, retail) == {
        "InvoiceNo": ("order_number", "name"), "StockCode": (None, None), "Description": ("product", "name"),
        "Quantity": ("quantity", "name"), "InvoiceDate": ("occurred_at", "name"), "UnitPrice": ("unit_price", "name"),
        "CustomerID": (None, None), "Country": (None, None),
    }  # fmt: skip


def test_a_time_and_an_amount_are_known_by_their_values() -> None:
    rows = [["a", "2025-12-25 10:00", "15 000,00"], ["b", "2025-12-25 11:00", "7,5"], ["c", "", "—"]]

    assert guesses(["x", "y", "z"], rows) == {
        "x": (None, None), "y": ("occurred_at", "values"), "z": ("amount", "values"),
    }  # fmt: skip


def test_a_time_with_the_month_first_is_known_by_its_values() -> None:
    found, month_first = suggest(["x", "y"], [["3/25/2024 10:15", "a"], ["3/26/2024 10:15", "b"]], TASHKENT)

    assert [(guess.column, guess.field) for guess in found] == [("x", "occurred_at"), ("y", None)]
    assert month_first


def test_nothing_is_guessed_from_doubtful_or_no_values() -> None:
    assert guesses(["x", "y"], [["a", "1"], ["b", "two"], ["c", "three"]]) == {"x": (None, None), "y": (None, None)}
    assert guesses(["x"], []) == {"x": (None, None)}
    assert guesses(["money", "sana"], [["5", "2025-12-25"]]) == {
        "money": ("amount", "name"), "sana": ("occurred_at", "name"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "month_first"),
    [
        (["3/1/2024 10:15", "3/25/2024 9:00"], True),
        (["3/1/2024 10:15", "3/12/2024"], False),
        (["25/3/2024", "3/25/2024"], False),
        (["2024-03-25"], False),
        ([], False),
    ],
)
def test_the_month_is_first_only_where_nothing_else_can_be_meant(cells: list[str], month_first: bool) -> None:
    rows = [["x", cell] for cell in cells]

    assert suggest(["no", "date"], [*rows, ["short"]], TASHKENT)[1] is month_first


def test_blank_headers_are_no_columns_to_choose_from() -> None:
    assert set(guesses(["No", "", "Sum"], [["1", "", "5"]])) == {"No", "Sum"}


def test_every_field_has_folded_names_of_its_own() -> None:
    assert {fold(name) for name in GENERIC_FIELDS} == set(GENERIC_FIELDS)
