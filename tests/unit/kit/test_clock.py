"""Days of the business zone, also across a change of clocks; instants as JSON carries them."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vhm24r.kit.clock import Clock, FixedClock, SystemClock, business_day, day_bounds, iso

pytestmark = pytest.mark.unit

TASHKENT, BERLIN, KOLKATA = ZoneInfo("Asia/Tashkent"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("day", "zone", "start", "end"),
    [
        (date(2025, 12, 25), TASHKENT, datetime(2025, 12, 24, 19), datetime(2025, 12, 25, 19)),
        (date(2025, 12, 31), TASHKENT, datetime(2025, 12, 30, 19), datetime(2025, 12, 31, 19)),
        (date(2025, 3, 30), BERLIN, datetime(2025, 3, 29, 23), datetime(2025, 3, 30, 22)),
        (date(2025, 10, 26), BERLIN, datetime(2025, 10, 25, 22), datetime(2025, 10, 26, 23)),
        (date(2025, 7, 1), KOLKATA, datetime(2025, 6, 30, 18, 30), datetime(2025, 7, 1, 18, 30)),
    ],
)
def test_a_day_is_bounded_by_the_midnights_of_its_zone(
    day: date, zone: ZoneInfo, start: datetime, end: datetime
) -> None:
    assert day_bounds(day, zone) == (start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))


@pytest.mark.parametrize(("day", "hours"), [(date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (date(2025, 6, 1), 24)])
def test_a_day_on_which_clocks_change_is_shorter_or_longer(day: date, hours: int) -> None:
    start, end = day_bounds(day, BERLIN)

    assert end - start == timedelta(hours=hours)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([TASHKENT, BERLIN, KOLKATA]),
)
def test_an_instant_lies_within_the_bounds_of_its_business_day(instant: datetime, zone: ZoneInfo) -> None:
    start, end = day_bounds(business_day(instant, zone), zone)

    assert start <= instant < end


def test_days_follow_each_other_without_a_gap() -> None:
    days = [date(2025, 10, 25) + timedelta(days=n) for n in range(3)]

    bounds = [day_bounds(day, BERLIN) for day in days]

    assert bounds[0][1] == bounds[1][0]
    assert bounds[1][1] == bounds[2][0]


def test_the_business_day_of_a_late_evening_in_utc_is_the_next_one() -> None:
    instant = datetime(2025, 12, 24, 19, 0, tzinfo=UTC)

    assert business_day(instant, TASHKENT) == date(2025, 12, 25)
    assert business_day(instant - timedelta(seconds=1), TASHKENT) == date(2025, 12, 24)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (datetime(2025, 12, 25, 4, 5, 6, tzinfo=UTC), "2025-12-25T04:05:06Z"),
        (datetime(2025, 12, 25, 4, 5, 6, 700_000, tzinfo=UTC), "2025-12-25T04:05:06.700000Z"),
        (datetime(2025, 12, 25, 4, 5, 6, tzinfo=timezone(timedelta(hours=5))), "2025-12-24T23:05:06Z"),
    ],
)
def test_an_instant_is_written_in_utc_with_a_z(instant: datetime, text: str) -> None:
    assert iso(instant) == text


def test_the_system_clock_is_aware_and_in_utc() -> None:
    clock: Clock = SystemClock()

    before, now, after = datetime.now(UTC), clock.now(), datetime.now(UTC)

    assert before <= now <= after
    assert now.tzinfo is UTC


def test_a_fixed_clock_moves_only_when_told() -> None:
    clock = FixedClock(datetime(2026, 1, 5, 9, tzinfo=UTC))

    assert clock.now() == clock.now() == datetime(2026, 1, 5, 9, tzinfo=UTC)
    clock.advance(timedelta(minutes=90))
    assert clock.now() == datetime(2026, 1, 5, 10, 30, tzinfo=UTC)
