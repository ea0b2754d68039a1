"""Exactly one source claims a header of its own; nothing is guessed otherwise."""

import random
from collections.abc import Sequence

import pytest

from tests.factories import HW_HEADER, VENDHUB_HEADER
from vhm24r.evidence.types import FIELD_NAMES, Role, SourceName
from vhm24r.intake.sources.columns import RUNNING_NUMBER
from vhm24r.intake.sources.declaration import Cell, Claim, Column, Source
from vhm24r.intake.sources.happy_workers import HAPPY_WORKERS
from vhm24r.intake.sources.registry import LEAST_CONFIDENCE, LEAST_MARGIN, SOURCES, by_name, claims, winner
from vhm24r.intake.sources.vendhub import VENDHUB
from vhm24r.kit.text import fold

pytestmark = pytest.mark.unit

HW_ENGLISH = (
    "Order number", "Machine code", "Address", "Goods name", "Taste name", "Order type", "Order resource",
    "Order price", "Creation time", "Paying time", "Brewing time", "Delivery time", "Refund time", "Payment status",
    "Brew status", "Reason",
)  # fmt: skip
VENDHUB_SPACED = tuple("Штрих код" if name == "Штрихкод" else name for name in VENDHUB_HEADER)
OURS = [
    pytest.param(HAPPY_WORKERS, HW_HEADER, id="happy_workers-ru"),
    pytest.param(HAPPY_WORKERS, HW_ENGLISH, id="happy_workers-en"),
    pytest.param(VENDHUB, VENDHUB_HEADER, id="vendhub"),
    pytest.param(VENDHUB, VENDHUB_SPACED, id="vendhub-spaced"),
]
OTHERS = {
    "orders": "order id|date|amount|product|payment method",
    "sales": "date|datetime|cash_type|card|money|coffee_name",
    "purchases": "InvoiceNo|StockCode|Description|Quantity|InvoiceDate|UnitPrice|CustomerID|Country",
}

LOOK_ALIKES = str.maketrans("АВЕКМНОРСТХасеорхку", "ABEKMHOPCTXaceopxky")


def only_claim(header: Sequence[str]) -> Claim:
    (claim,) = claims(header)
    assert winner([claim]) is claim
    return claim


def a_claim(confidence: float, source: Source = HAPPY_WORKERS) -> Claim:
    return Claim(source, {}, confidence)


@pytest.mark.parametrize(("source", "header"), OURS)
def test_a_header_is_claimed_by_its_source_alone_and_wholly(source: Source, header: Sequence[str]) -> None:
    claim = only_claim(header)

    assert claim.source is source
    assert claim.confidence == 1.0
    assert sorted(claim.places.values()) == list(range(len(header)))


@pytest.mark.parametrize(("source", "header"), OURS)
def test_a_column_is_found_wherever_it_stands(source: Source, header: Sequence[str]) -> None:
    straight = only_claim(header)

    for seed in range(20):
        shuffled = random.Random(seed).sample(list(header), len(header))
        claim = only_claim(shuffled)
        assert claim.source is source
        for column in source.columns:
            before, after = straight.index_of(column), claim.index_of(column)
            assert (before is None) == (after is None)
            assert before is None or after is None or header[before] == shuffled[after]


@pytest.mark.parametrize(
    "written",
    [
        str.upper,
        str.lower,
        lambda cell: cell.replace(" ", "\n"),
        lambda cell: "  " + cell.replace(" ", " \r\n  ") + "\u00a0",
        lambda cell: cell.translate(LOOK_ALIKES),
    ],
    ids=["upper", "lower", "line breaks", "blanks", "look-alike letters"],
)
@pytest.mark.parametrize(("source", "header"), OURS)
def test_the_way_a_header_is_written_does_not_matter(source: Source, header: Sequence[str], written: object) -> None:
    assert callable(written)

    claim = only_claim([written(cell) for cell in header])

    assert claim.source is source
    assert claim.confidence == 1.0


@pytest.mark.parametrize("header", OTHERS.values(), ids=OTHERS)
def test_a_header_of_another_report_is_claimed_by_nobody(header: str) -> None:
    assert claims(header.split("|")) == []


@pytest.mark.parametrize("header", [[], [""], ["", " ", "\n"], ["Итого"]])
def test_a_row_without_names_is_claimed_by_nobody(header: list[str]) -> None:
    assert claims(header) == []


@pytest.mark.parametrize(("source", "header"), OURS)
def test_a_missing_required_column_takes_the_claim_away(source: Source, header: Sequence[str]) -> None:
    required = [column for column in source.columns if column.required]
    assert len(required) >= 4

    for column in required:
        rest = [cell for cell in header if not column.answers_to(fold(cell))]
        assert len(rest) == len(header) - 1
        assert source.claim(rest) is None


@pytest.mark.parametrize(("source", "header"), OURS)
def test_a_missing_optional_column_leaves_the_claim_whole(source: Source, header: Sequence[str]) -> None:
    required = [cell for cell in header if any(c.required and c.answers_to(fold(cell)) for c in source.columns)]

    claim = only_claim(required)

    assert (claim.source, claim.confidence) == (source, 1.0)


def test_unknown_columns_lower_the_confidence_by_their_share() -> None:
    claim = only_claim([*HW_HEADER, "Комментарий", "", "Цвет", "Смена", "Касса"])

    assert claim.confidence == round(20 / 24, 3)


def test_the_first_of_two_columns_of_one_name_is_taken() -> None:
    claim = only_claim([*HW_HEADER, "Номер заказа"])

    assert claim.places["Номер заказа"] == 0
    assert claim.confidence == round(20 / 21, 3)


def test_a_header_of_both_reports_is_claimed_twice_and_won_by_nobody() -> None:
    found = claims([*HW_HEADER, *VENDHUB_HEADER])

    assert [claim.source for claim in found] == [HAPPY_WORKERS, VENDHUB]
    assert winner(found) is None


@pytest.mark.parametrize(
    ("confidences", "won"),
    [
        ([], False),
        ([1.0], True),
        ([LEAST_CONFIDENCE], True),
        ([LEAST_CONFIDENCE - 0.001], False),
        ([0.9, 0.9], False),
        ([0.9, 0.76], False),
        ([0.9, 0.7], True),
        ([0.75, 0.7], False),
        ([0.59, 0.1], False),
    ],
)
def test_the_surest_claim_wins_only_when_sure_enough_and_clearly_ahead(confidences: list[float], *, won: bool) -> None:
    found = [a_claim(confidence) for confidence in confidences]

    assert winner(found) is (found[0] if won else None)


def test_the_least_margin_is_a_real_one() -> None:
    assert 0 < LEAST_MARGIN < 1 - LEAST_CONFIDENCE


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_source_is_found_by_its_name(source: Source) -> None:
    assert by_name(str(source.name)) is source


def test_a_name_of_no_source_finds_nothing() -> None:
    assert by_name("no such source") is None
    assert by_name(SourceName.GENERIC) is None


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_declaration_is_consistent(source: Source) -> None:
    names = [name for column in source.columns for name in set(column.names)]
    fields = [column.field for column in source.columns]
    known = {*FIELD_NAMES, "account", "external_id"}

    assert len(set(names)) == len(names)
    assert len(set(fields)) == len(fields)
    assert source.key is None or source.key in fields
    assert any(column.required for column in source.columns)
    for column in source.columns:
        scratch = column is RUNNING_NUMBER or source.derive is not None
        assert (column.field not in known) if column.extra else (column.field in known or scratch)
        assert column.word_into is None or column.word_into in FIELD_NAMES or source.derive is not None
        assert bool(column.choices) == (column.cell in {Cell.CHOICE, Cell.STRICT_CHOICE})
        assert set(column.shared) <= set(column.headers)
        assert bool(column.telling_names) == column.telling


def test_a_column_answers_to_its_folded_headers_only() -> None:
    column = Column("amount", ("Цена заказа", "Order price"), Cell.AMOUNT)

    assert column.answers_to(fold("ЦЕНА\nЗАКАЗА"))
    assert column.answers_to("order_price")
    assert not column.answers_to(fold("Цена"))


def test_the_better_spelling_is_taken_wherever_it_stands() -> None:
    source = Source(SourceName.GENERIC, Role.SALE, (Column("amount", ("Net", "Amount")),), key=None)

    claim = source.claim(["Amount", "Net"])

    assert claim is not None
    assert claim.places == {"Net": 1}


def test_a_telling_column_weighs_more_and_against_those_who_lack_it() -> None:
    columns = (Column("amount", ("Amount",)), Column("shop", ("Shop", "Place"), telling=True, shared=("Place",)))
    ours = Source(SourceName.GENERIC, Role.SALE, columns, key=None)
    theirs = Source(SourceName.GENERIC, Role.SALE, columns[:1], key=None)

    found = [
        source.claim(header, {"shop"})
        for header in (["Amount", "Shop", "?"], ["Amount", "Place"])
        for source in (ours, theirs)
    ]

    assert [(claim.confidence, claim.told) for claim in found if claim] == [
        (0.8, True), (0.2, True), (1.0, False), (0.5, True),
    ]  # fmt: skip


def test_a_claim_without_a_telling_column_never_wins() -> None:
    assert winner([Claim(HAPPY_WORKERS, {}, 1.0, told=False)]) is None
