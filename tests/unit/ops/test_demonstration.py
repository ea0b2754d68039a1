"""The demo's month ends at the hour it is started."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from vhm24r.ops.demo import true_orders
from vhm24r.ops.demonstration import month_until

pytestmark = pytest.mark.unit
ZONE = ZoneInfo("Asia/Tashkent")


@pytest.mark.parametrize(
    ("now", "ends_on", "hours"),
    [
        (datetime(2026, 1, 5, 9, 30, tzinfo=UTC), date(2026, 1, 5), 14),
        (datetime(2026, 1, 4, 19, 10, tzinfo=UTC), date(2026, 1, 4), 24),
        (datetime(2026, 1, 4, 20, 0, tzinfo=UTC), date(2026, 1, 5), 1),
    ],
)
def test_the_month_ends_now(now: datetime, ends_on: date, hours: int) -> None:
    spec = month_until(now, ZONE)

    assert (spec.ends_on, spec.last_day_hours) == (ends_on, hours)


def test_no_order_lies_in_the_future() -> None:
    now = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)

    assert max(order.created_at for order in true_orders(month_until(now, ZONE))) <= now
