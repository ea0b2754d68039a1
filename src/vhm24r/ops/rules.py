"""Reading and changing business settings, with an audit entry for every change."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity import rules as identity
from vhm24r.identity.permissions import Permission
from vhm24r.intake.service import rules as intake
from vhm24r.kit.actor import Actor
from vhm24r.platform.business_settings import AnySetting, SettingUnknown, store, values_of
from vhm24r.platform.flags import FLAGS
from vhm24r.reconciliation.service import rules as reconciliation

REGISTRY: tuple[AnySetting, ...] = (*FLAGS, *identity.RULES, *intake.RULES, *reconciliation.RULES)
"""Every business setting of the product; a module adds its own here."""


def find(key: str) -> AnySetting:
    """The setting of this key.

    Raises:
        SettingUnknown: no module declares it.
    """
    found = next((setting for setting in REGISTRY if setting.key == key), None)
    if found is None:
        raise SettingUnknown(key=key, known=", ".join(setting.key for setting in REGISTRY))
    return found


async def list_rules(session: AsyncSession, actor: Actor) -> list[dict[str, Any]]:
    """All settings as they stand."""
    actor.require(Permission.SETTINGS_READ)
    values = await values_of(session, REGISTRY)
    return [_view(setting, values[setting.key]) for setting in REGISTRY]


async def change_rule(
    session: AsyncSession,
    actor: Actor,
    key: str,
    value: bool | int | str,  # noqa: FBT001  # a setting may be a switch
    now: datetime,
) -> dict[str, Any]:
    """Set a rule from now on.

    Raises:
        SettingUnknown, SettingInvalid.
    """
    actor.require(Permission.SETTINGS_WRITE)
    setting = find(key)
    before = (await values_of(session, (setting,)))[key]
    await store(session, setting, value, now)
    deed = Deed("setting.changed", f"setting:{key}", data={"old": before, "new": value})
    await audit.record(session, actor, deed, now)
    return _view(setting, value)


def _view(setting: AnySetting, value: bool | int | str) -> dict[str, Any]:  # noqa: FBT001  # as above
    return {"key": setting.key, "value": value, "default": setting.default, "description": setting.description}
