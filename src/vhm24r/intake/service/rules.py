"""Business rules of intake that people may change while the product runs."""

from vhm24r.platform.business_settings import BusinessSetting

MOST_ISSUES_PERCENT = BusinessSetting(
    "intake.most_issues_percent",
    default=50,
    description="share of unreadable rows, in percent, beyond which a file is not imported at all",
    allows=lambda percent: 0 <= percent <= 100,
)
RULES = (MOST_ISSUES_PERCENT,)
