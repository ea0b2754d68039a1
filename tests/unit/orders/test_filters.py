"""One description of "which orders": from texts, back to texts, to conditions."""

from dataclasses import fields
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from vhm24r.orders.errors import FilterInvalid
from vhm24r.orders.filters import TEXT_LIMIT, OrderFilter
from vhm24r.orders.types import ChangeKind, Channel, MatchStatus, OrderStatus

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Asia/Tashkent")
EVERYTHING = {
    "q": "ff00", "from": "2025-12-01", "to": "2025-12-31", "channel": "vending", "status": "recorded",
    "match_status": "hw_only", "machine": "24a8ff000001", "product": "Эспрессо", "payment_method": "cash",
    "change": "filled", "source": "vendhub", "import_id": "7", "tag": "спор", "amount_min": "-5.00",
    "amount_max": "15000.50",
}  # fmt: skip

TEXTS = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=TEXT_LIMIT)
AMOUNTS = st.none() | st.integers(-(10**17), 10**17)
DAYS = st.none() | st.dates(date(1970, 1, 1), date(2200, 12, 31))
FILTERS = st.builds(
    OrderFilter, q=TEXTS, from_=DAYS, to=DAYS, channel=st.none() | st.sampled_from(Channel),
    status=st.none() | st.sampled_from(OrderStatus), match_status=st.none() | st.sampled_from(MatchStatus),
    machine=TEXTS, product=TEXTS, payment_method=TEXTS, change=st.none() | st.sampled_from(ChangeKind), source=TEXTS,
    import_id=st.none() | st.integers(0, 2**62 - 1), tag=TEXTS, amount_min=AMOUNTS, amount_max=AMOUNTS,
)  # fmt: skip


def sql(found: OrderFilter) -> list[tuple[str, dict[str, object]]]:
    compiled = [condition.compile(dialect=postgresql.dialect()) for condition in found.conditions(ZONE)]  # type: ignore[no-untyped-call]  # SQLAlchemy's dialect has no annotation
    return [(str(condition).partition("::BIGINT")[0], dict(condition.params)) for condition in compiled]


@given(FILTERS)
def test_a_filter_comes_back_from_its_texts(found: OrderFilter) -> None:
    assert OrderFilter.from_params(found.to_params()) == found


def test_every_field_has_a_text_and_comes_back() -> None:
    found = OrderFilter.from_params(EVERYTHING)

    assert {field.name for field in fields(found) if getattr(found, field.name) is None} == set()
    assert found.to_params() == EVERYTHING
    assert (found.from_, found.amount_min, found.amount_max) == (date(2025, 12, 1), -500, 1_500_050)


def test_empty_and_unknown_parameters_do_not_narrow() -> None:
    assert OrderFilter.from_params({"q": "", "from": None, "page": "7"}) == OrderFilter()
    assert OrderFilter().to_params() == {}


def test_either_kind_of_update_may_be_asked_for() -> None:
    found = OrderFilter.from_params({"change": "updated"})

    assert found.to_params() == {"change": "updated"}
    assert sql(found)[1][1] == {"last_change_1": ["filled", "changed"]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("from", "01.12.2025"), ("from", "вчера"), ("to", "2025-02-30"), ("channel", "bakery"), ("status", "lost"),
        ("match_status", "maybe"), ("change", "gone"), ("import_id", "x"), ("import_id", "-1"),
        ("import_id", str(2**62)), ("import_id", "1.5"), ("amount_min", "дорого"), ("amount_max", "8.6E+15"),
        ("amount_max", "1000000000000000.01"), ("amount_min", "12,34,56"), ("q", "x" * 101),
        ("machine", "a\x00b"), ("tag", "\x00"), ("amount_min", "9" * 5_000), ("import_id", "9" * 5_000),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_read_is_refused_by_name_and_value(name: str, value: str) -> None:
    with pytest.raises(FilterInvalid) as caught:
        OrderFilter.from_params({name: value})

    assert caught.value.params == {"field": name, "value": value[:TEXT_LIMIT]}


def test_withdrawn_orders_never_show() -> None:
    assert sql(OrderFilter()) == [("orders.withdrawn_at IS NULL", {})]


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_every_field_narrows_by_one_condition(name: str) -> None:
    found = sql(OrderFilter.from_params({name: EVERYTHING[name]}))

    assert len(found) == 2
    assert found[0] == ("orders.withdrawn_at IS NULL", {})
    assert found[1][1]


def test_days_are_business_days_with_both_ends() -> None:
    found = sql(OrderFilter(from_=date(2025, 12, 1), to=date(2025, 12, 31)))

    assert [list(params.values()) for _, params in found[1:]] == [
        [datetime(2025, 11, 30, 19, tzinfo=UTC)],
        [datetime(2025, 12, 31, 19, tzinfo=UTC)],
    ]
    assert [">=" in text for text, _ in found[1:]] == [True, False]


def test_amounts_are_compared_with_both_ends() -> None:
    found = sql(OrderFilter(amount_min=-500, amount_max=0))

    assert found[1:] == [
        ("orders.amount >= %(amount_1)s", {"amount_1": -500}),
        ("orders.amount <= %(amount_1)s", {"amount_1": 0}),
    ]


def test_a_change_of_an_import_is_one_condition_on_its_history() -> None:
    found = sql(OrderFilter(import_id=7, change=ChangeKind.FILLED))

    assert len(found) == 2
    assert "order_changes" in found[1][0]
    assert 7 in found[1][1].values()
    assert ["filled"] in found[1][1].values()


def test_what_is_searched_for_is_a_word_and_not_a_pattern() -> None:
    (_, (_, params)) = sql(OrderFilter(q=r" 50%_\ "))

    assert set(params.values()) == {r"50\%\_\\%", r"%50\%\_\\%"}
