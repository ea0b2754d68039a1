"""Business settings of identity."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.identity.permissions import Role
from vhm24r.platform.business_settings import AnySetting, BusinessSetting, values_of

IDLE_STAFF_HOURS = BusinessSetting(
    "access.idle_staff_hours", default=12, description="hours without use after which staff sign in again",
    allows=lambda hours: 1 <= hours <= 24 * 90,
)  # fmt: skip
IDLE_CUSTOMER_DAYS = BusinessSetting(
    "access.idle_customer_days", default=30, description="days without use after which customers sign in again",
    allows=lambda days: 1 <= days <= 365,
)  # fmt: skip
LONGEST_DAYS = BusinessSetting(
    "access.longest_days", default=90, description="days after which everybody signs in again",
    allows=lambda days: 1 <= days <= 365,
)  # fmt: skip
VAIN_ATTEMPTS = BusinessSetting(
    "access.vain_attempts", default=10, description="vain attempts to sign in from one address within 15 minutes",
    allows=lambda attempts: 3 <= attempts <= 1000,
)  # fmt: skip
RULES: tuple[AnySetting, ...] = (IDLE_STAFF_HOURS, IDLE_CUSTOMER_DAYS, LONGEST_DAYS, VAIN_ATTEMPTS)


async def idle_limit(session: AsyncSession, role: Role) -> timedelta:
    """How long a session of this role may lie unused."""
    values = await values_of(session, RULES)
    if role is Role.CUSTOMER:
        return timedelta(days=int(values[IDLE_CUSTOMER_DAYS.key]))
    return timedelta(hours=int(values[IDLE_STAFF_HOURS.key]))


async def longest(session: AsyncSession) -> timedelta:
    """How long a session may live, however much it is used."""
    return timedelta(days=int((await values_of(session, RULES))[LONGEST_DAYS.key]))
