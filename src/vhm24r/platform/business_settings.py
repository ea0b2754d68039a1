"""Business rules in the database: typed, with defaults, declared by the module that obeys them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.kit.errors import Invalid, NotFound
from vhm24r.platform.models import BusinessSettingValue

T = TypeVar("T", bound=bool | int | str)


class SettingUnknown(NotFound):
    """No module declares this setting."""

    code = "settings.unknown"


class SettingInvalid(Invalid):
    """The value is of another type, or outside of what the rule allows."""

    code = "settings.value_invalid"


@dataclass(frozen=True, slots=True)
class BusinessSetting(Generic[T]):
    """A rule people may change while the product runs. `allows` refuses values that make no sense."""

    key: str
    default: T
    description: str
    allows: Callable[[T], bool] = lambda _: True

    def parse(self, text: str) -> T:
        """The value a person wrote.

        Raises:
            SettingInvalid: it is not of the rule's type or not allowed.
        """
        return self.checked(_from_text(text, type(self.default), self.key))

    def checked(self, value: object) -> T:
        """`value` when it is of the rule's type and allowed.

        Raises:
            SettingInvalid: it is not.
        """
        if type(value) is not type(self.default) or not self.allows(value):
            raise SettingInvalid(key=self.key, value=str(value), type=type(self.default).__name__)
        return value


AnySetting = BusinessSetting[bool] | BusinessSetting[int] | BusinessSetting[str]


def _from_text(text: str, kind: type, key: str) -> bool | int | str:
    if kind is bool:
        words = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}
        if text.lower() in words:
            return words[text.lower()]
    elif kind is int:
        if text.removeprefix("-").isdecimal():
            return int(text)
    else:
        return text
    raise SettingInvalid(key=key, value=text, type=kind.__name__)


async def value_of(session: AsyncSession, setting: BusinessSetting[T]) -> T:
    """The rule as it stands: what was set, else its default."""
    stored = await session.get(BusinessSettingValue, setting.key)
    return setting.default if stored is None else setting.checked(stored.value["value"])


async def values_of(session: AsyncSession, settings: tuple[AnySetting, ...]) -> dict[str, bool | int | str]:
    """All of `settings` as they stand."""
    rows = (await session.execute(select(BusinessSettingValue))).scalars()
    stored = {row.key: row.value["value"] for row in rows}
    return {setting.key: stored.get(setting.key, setting.default) for setting in settings}


async def store(session: AsyncSession, setting: AnySetting, value: bool | int | str, at: datetime) -> None:  # noqa: FBT001  # a setting may be a switch
    """Set the rule from now on."""
    row = {"key": setting.key, "value": {"value": setting.checked(value)}, "changed_at": at}
    statement = insert(BusinessSettingValue).values(row)
    await session.execute(statement.on_conflict_do_update(index_elements=["key"], set_=row))
