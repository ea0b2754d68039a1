"""Kill switches: business settings that services check before they act."""

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.kit.errors import Conflict
from vhm24r.platform.business_settings import BusinessSetting, value_of

INTAKE_APPLY = BusinessSetting("intake.apply", default=True, description="imports may change orders")
READ_ONLY = BusinessSetting("read_only", default=False, description="nothing may be changed by people or files")
FLAGS = (INTAKE_APPLY, READ_ONLY)


class ReadOnly(Conflict):
    """Changes are switched off for the moment."""

    code = "platform.read_only"


async def require_writable(session: AsyncSession) -> None:
    """Pass, unless changes are switched off.

    Raises:
        ReadOnly: they are.
    """
    if await value_of(session, READ_ONLY):
        raise ReadOnly
