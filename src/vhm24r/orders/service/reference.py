"""Machines and products: filled by imports, corrected by people."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.identity.permissions import Permission
from vhm24r.kit.actor import Actor
from vhm24r.orders import repository
from vhm24r.orders.errors import FieldInvalid, FieldNotEditable, MachineNotFound
from vhm24r.orders.models import VendingMachine
from vhm24r.platform.flags import require_writable

MACHINE_FIELDS = ("code", "name", "address", "timezone", "active")
PRODUCT_FIELDS = ("id", "name", "active")
EDITABLE = frozenset(MACHINE_FIELDS) - {"code"}
TEXT_LIMIT = 300


async def list_machines(session: AsyncSession, actor: Actor) -> list[dict[str, Any]]:
    """Machines that reports have named, by code."""
    actor.require(Permission.MACHINES_READ)
    found = await repository.list_machines(session)
    return [machine_view(machine) for machine in found if actor.granted.machine(machine.code)]


async def list_products(session: AsyncSession, actor: Actor) -> list[dict[str, Any]]:
    """Products that reports have named, by name."""
    actor.require(Permission.MACHINES_READ)
    return [
        {name: getattr(found, name) for name in PRODUCT_FIELDS} for found in await repository.list_products(session)
    ]


async def edit_machine(
    session: AsyncSession, actor: Actor, code: str, changes: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Correct a machine's name, address, zone, or whether it is in use; reports never overwrite it.

    Raises:
        MachineNotFound, FieldNotEditable, FieldInvalid.
    """
    actor.require(Permission.MACHINES_WRITE)
    await require_writable(session)
    if not actor.granted.machine(code):
        raise MachineNotFound(code=code)
    machine = await repository.lock_machine(session, code)
    wanted = {name: _checked(name, value) for name, value in changes.items()}
    changed = {name: value for name, value in wanted.items() if getattr(machine, name) != value}
    if changed:
        old = {name: getattr(machine, name) for name in changed}
        deed = Deed("machine.edited", f"machine:{code}", data={"old": old, "new": changed})
        await audit.record(session, actor, deed, now)
        await session.execute(update(VendingMachine).where(VendingMachine.code == code).values(**changed))
        for name, value in changed.items():
            setattr(machine, name, value)
    return machine_view(machine)


def machine_view(machine: VendingMachine) -> dict[str, Any]:
    """A machine as people see it."""
    return {name: getattr(machine, name) for name in MACHINE_FIELDS}


def _checked(name: str, value: object) -> object:
    """The stored form of a value; an empty text clears.

    Raises:
        FieldNotEditable, FieldInvalid.
    """
    if name not in EDITABLE:
        raise FieldNotEditable(field=name)
    if name == "active":
        if not isinstance(value, bool):
            raise FieldInvalid(field=name, value=str(value))
        return value
    text = str(value or "").strip()
    if len(text) > TEXT_LIMIT or "\x00" in text or (name == "timezone" and text and not _is_zone(text)):
        raise FieldInvalid(field=name, value=text[:80])
    return text or None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True
