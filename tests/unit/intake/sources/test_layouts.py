"""Every layout of every source: recognised, also mangled, never mistaken, and read into the right records."""

import random
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

import pytest

from tests.unit.intake.sources.layouts import CLICK_EN, LAYOUTS, PAYME_EN, UZUM_FLAT, Layout, converted
from vhm24r.intake.sources.declaration import Column
from vhm24r.intake.sources.registry import LEAST_MARGIN, SOURCES, by_name, claims, winner
from vhm24r.intake.types import Level
from vhm24r.kit.text import fold
from vhm24r.ops.demo import click, fiscal, happy_workers, payme, uzum, vendhub

pytestmark = pytest.mark.unit

GUIDE = Path(__file__).parents[4] / "docs" / "howto" / "add-a-source.md"
COMMON = tuple(name for name in PAYME_EN.split("|") if name in CLICK_EN.split("|") and name in UZUM_FLAT.split("|"))
STRANGE = ("Комментарий", "Col 17")
DEMO = {
    "happy_workers": (happy_workers.COLUMNS_RU, happy_workers.COLUMNS_EN),
    "vendhub": (vendhub.COLUMNS,),
    "fiscal": (fiscal.COLUMNS_RU, fiscal.COLUMNS_EN),
    "payme": (payme.COLUMNS_RU, payme.COLUMNS_EN),
    "click": (click.COLUMNS_RU, click.COLUMNS_EN),
    "uzum": (uzum.COLUMNS,),
}
each_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.id)


def won_by(header: Sequence[str]) -> str | None:
    claim = winner(claims(header))
    return None if claim is None else str(claim.source.name)


def column_of(layout: Layout, cell: str) -> Column:
    return next(column for column in layout.source.columns if column.answers_to(fold(cell)))


def is_telling(layout: Layout, cell: str) -> bool:
    return fold(cell) in column_of(layout, cell).telling_names


def without(header: Sequence[str], dropped: Sequence[str]) -> list[str]:
    return [cell for cell in header if cell not in dropped]


@each_layout
def test_a_layout_becomes_exactly_its_records(layout: Layout) -> None:
    records, issues, _ = converted(layout.header, layout.cells)

    assert records == list(layout.records)
    assert [issue.code for issue in issues if issue.level is not Level.WARNING] == []


@each_layout
def test_a_layout_is_known_wholly_and_clearly_ahead_of_every_other_source(layout: Layout) -> None:
    best, *others = claims(layout.header)

    assert (best.source, best.confidence, best.told) == (layout.source, 1.0, True)
    assert all(best.confidence - other.confidence >= LEAST_MARGIN for other in others)
    assert won_by(layout.header) == layout.source.name


@each_layout
def test_the_order_of_the_columns_does_not_matter(layout: Layout) -> None:
    order = random.Random(7).sample(range(len(layout.header)), len(layout.header))
    rows = [[cells[i] for i in order] for cells in layout.cells if not cells[0].startswith(("Итого", "Total"))]

    records, _, _ = converted([layout.header[i] for i in order], rows)

    assert records == list(layout.records)


@each_layout
@pytest.mark.parametrize("count", [1, 2])
def test_a_layout_with_columns_dropped_is_right_or_asked(layout: Layout, count: int) -> None:
    for dropped in combinations(layout.header, count):
        required = any(column_of(layout, cell).required for cell in dropped)
        rest = without(layout.header, dropped)
        still_told = layout.source in SOURCES[:2] or any(is_telling(layout, cell) for cell in rest)
        won = won_by(rest)
        assert won in (None, layout.source.name), dropped
        if not required and still_told:
            assert won == layout.source.name, dropped


@each_layout
@pytest.mark.parametrize("count", [1, 2])
def test_a_layout_with_columns_nobody_knows_still_wins(layout: Layout, count: int) -> None:
    assert won_by([*layout.header, *STRANGE[:count]]) == layout.source.name


@each_layout
def test_the_way_a_header_is_written_does_not_matter(layout: Layout) -> None:
    for written in (str.upper, str.lower, lambda cell: f" {cell}\n", lambda cell: cell.replace(" ", "\u00a0")):
        assert won_by([written(cell) for cell in layout.header]) == layout.source.name
    if layout.name in ("flat", "en", "more columns"):
        for old, new in (("_", " "), (" ", "_")):
            assert won_by([cell.replace(old, new) for cell in layout.header]) == layout.source.name


def test_the_common_columns_of_the_gateways_are_a_tie() -> None:
    assert [round(claim.confidence, 1) for claim in claims(COMMON)] == [1.0, 1.0, 1.0]
    assert won_by(COMMON) is None


@pytest.mark.parametrize(
    ("telling", "name"),
    [
        ("terminal_id", "payme"), ("phone_number", "payme"),
        ("service_id", "click"), ("error_code", "click"), ("click_trans_id", "click"),
        ("shop_id", "uzum"), ("cashback_amount", "uzum"),
    ],
)  # fmt: skip
def test_one_telling_column_beside_the_common_ones_decides(telling: str, name: str) -> None:
    assert won_by([*COMMON, telling]) == name


@pytest.mark.parametrize("pair", list(combinations(("terminal_id", "service_id", "shop_id"), 2)), ids="-".join)
def test_telling_columns_of_two_gateways_are_a_tie(pair: tuple[str, str]) -> None:
    assert won_by([*COMMON, *pair]) is None


@pytest.mark.parametrize(
    "header",
    [
        "transaction_id|date|amount|product|payment method|status",
        "transaction_id|transaction_date|transaction_time|store_id|product_id|unit_price",
        "receipt number|date|amount|cash register id",
        "receipt_id|payment_time|amount|status",
        "order id|date|amount|product|payment method",
        "Дата|Машинный код|Сумма|Товар",
        "Дата|Счет|Дебет|Кредит|Остаток",
        "Номер заказа|Дата|Код товара|Наименование|Количество|Итого",
        "Дата|Сумма|Клиент|Способ оплаты|Статус",
        "Name|Email|Financial Status|Paid at|Currency|Subtotal|Total|Lineitem quantity|Lineitem name",
        "InvoiceNo|StockCode|Description|Quantity|InvoiceDate|UnitPrice|CustomerID|Country",
    ],
)
def test_an_export_of_somebody_else_is_nobodys(header: str) -> None:
    assert won_by(header.split("|")) is None


@pytest.mark.parametrize(
    ("name", "header"),
    [(name, header) for name, headers in DEMO.items() for header in headers],
)
def test_the_demo_writes_layouts_that_are_known_wholly(name: str, header: Sequence[str]) -> None:
    claim = winner(claims(header))

    assert claim is not None
    assert (claim.source.name, claim.confidence) == (name, 1.0)


def test_every_source_has_a_layout() -> None:
    assert {layout.source.name for layout in LAYOUTS} == {source.name for source in SOURCES}
    assert [by_name(layout.source.name) for layout in LAYOUTS] == [layout.source for layout in LAYOUTS]


def test_no_report_but_the_sales_makes_orders() -> None:
    assert [source.name for source in SOURCES if source.makes_orders] == ["happy_workers", "vendhub"]


def test_the_guide_lists_every_source_and_layout() -> None:
    assert "\n".join(table()) in GUIDE.read_text(encoding="utf-8")


def table() -> Iterator[str]:
    """Source × layout × columns × key × what is kept as extra facts, as the guide shows it."""
    yield "| source | layout | columns | key | kept as extra facts |"
    yield "|---|---|---|---|---|"
    for layout in LAYOUTS:
        columns = [column_of(layout, cell) for cell in layout.header]
        key = next((cell for cell in layout.header if column_of(layout, cell).field == layout.source.key), None)
        extra = ", ".join(column.field for column in columns if column.extra)
        shown = "—" if key is None else f"`{' '.join(key.split())}`"
        yield f"| {layout.source.name} | {layout.name} | {len(columns)} | {shown} | {extra or '—'} |"
