"""The only source of "now"; UTC inside, the business zone at the edges."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tells the time. Everything that needs "now" is given one."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class FixedClock:
    """A clock that stands still until moved; for tests and pinned demos."""

    instant: datetime

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.instant

    def advance(self, by: timedelta) -> None:
        """Move forward."""
        self.instant += by


def business_day(instant: datetime, zone: ZoneInfo) -> date:
    """The calendar day of an instant in the business zone."""
    return instant.astimezone(zone).date()


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The half-open UTC interval that is `day` in the business zone."""
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def iso(instant: datetime) -> str:
    """ISO-8601 with `Z`, whole seconds unless there are fractions: how JSON carries instants."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
