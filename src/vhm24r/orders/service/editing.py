"""What people do to orders: make one by hand, correct fields, cancel, note, tag.

Every deed locks the order, writes the new values, the history and one audit entry, and publishes
`OrdersChanged`, all in the caller's transaction.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from vhm24r.audit import service as audit
from vhm24r.audit.service import Deed
from vhm24r.evidence.types import FieldKind
from vhm24r.identity.permissions import Permission
from vhm24r.kit.actor import Actor
from vhm24r.kit.ids import public_id
from vhm24r.kit.money import parse_minor
from vhm24r.orders import repository
from vhm24r.orders.bulk import ORDER_FIELDS
from vhm24r.orders.errors import (
    FieldInvalid,
    FieldNotEditable,
    MachineNotFound,
    NoteEmpty,
    NothingReported,
    OrderClosed,
)
from vhm24r.orders.events import OrdersChanged
from vhm24r.orders.models import Order, OrderChange, OrderCreation, OrderNote, VendingOrder
from vhm24r.orders.types import (
    CHOICES,
    EDITABLE_FIELDS,
    FIELD_KINDS,
    ORDER,
    ChangeKind,
    Channel,
    NewOrder,
    OrderEdit,
    OrderStatus,
    Origin,
)
from vhm24r.orders.views import presented
from vhm24r.platform.events import EventBus
from vhm24r.platform.flags import require_writable

TEXT_LIMIT = 500
TAG_LIMIT = 40
NOTE_LIMIT = 4_000


async def create_order(session: AsyncSession, actor: Actor, bus: EventBus, new: NewOrder, now: datetime) -> str:
    """Make a vending order by hand; returns its number.

    Raises:
        MachineNotFound: the machine is not granted.
    """
    actor.require(Permission.ORDERS_WRITE)
    await require_writable(session)
    if not actor.granted.machine(new.machine_code):
        raise MachineNotFound(code=new.machine_code or "")
    number = public_id()
    change_set = await audit.record(session, actor, Deed("order.created", f"order:{number}"), now)
    checked = _checked("payment_method", new.payment_method)
    statement = insert(Order).values(
        number=number,
        channel=Channel.VENDING,
        origin=Origin.MANUAL,
        origin_space=Origin.MANUAL,
        source_number=number,
        occurrence=0,
        status=OrderStatus.RECORDED,
        machine_code=new.machine_code,
        occurred_at=new.occurred_at,
        amount=new.amount,
        currency=_checked("currency", new.currency),
        product=new.product,
        payment_method=checked,
        version=1,
        last_change_set_id=change_set,
        last_change=ChangeKind.NEW,
        created_at=now,
    )
    order_id = int((await session.execute(statement.returning(Order.id))).scalar_one())
    await session.execute(insert(VendingOrder).values(order_id=order_id))
    await session.execute(insert(OrderCreation).values(order_id=order_id, length=1, change_set_id=change_set))
    if new.note:
        await _append_note(session, actor, order_id, new.note, now)
    await bus.publish(session, OrdersChanged(change_set))
    return number


async def edit_order(
    session: AsyncSession, actor: Actor, bus: EventBus, number: str, edit: OrderEdit, now: datetime
) -> None:
    """Correct fields, give fields back to the reports, add and remove tags.

    A corrected field keeps its value whatever reports say later, until it is released.

    Raises:
        OrderNotFound, OrderClosed, FieldNotEditable, FieldInvalid.
    """
    actor.require(Permission.ORDERS_WRITE)
    await require_writable(session)
    order = await repository.lock_order(session, number, actor.granted)
    if order.status == OrderStatus.CANCELLED:
        raise OrderClosed(number=number)
    wanted = {name: _checked(name, value) for name, value in edit.fields.items()}
    wanted |= await _released(session, order, edit.release)
    row = (await repository.get_row(session, number))._mapping
    changed = {name: value for name, value in wanted.items() if row[name] != value}
    edited = (set(order.edited_fields or ()) | set(edit.fields)) - set(edit.release)
    tags = _tags(order, edit)
    if not changed and tags == (order.tags or []) and edited == set(order.edited_fields or ()):
        return
    deed = Deed("order.edited", f"order:{number}", edit.reason, {"fields": sorted(changed), "tags": tags})
    change_set = await audit.record(session, actor, deed, now)
    await _write_changes(session, order, {name: (row[name], value) for name, value in changed.items()}, change_set)
    filled = all(row[name] is None for name in changed)
    await _write_fields(session, order, changed, edited, tags, change_set, filled=filled)
    await bus.publish(session, OrdersChanged(change_set))


async def cancel_order(
    session: AsyncSession, actor: Actor, bus: EventBus, number: str, reason: str | None, now: datetime
) -> None:
    """Cancel softly: the order stays, with its status and the reason. Cancelling twice is success."""
    actor.require(Permission.ORDERS_WRITE)
    await require_writable(session)
    await transition(session, actor, bus, number, OrderStatus.CANCELLED, reason, now)


async def transition(
    session: AsyncSession, actor: Actor, bus: EventBus, number: str, to: OrderStatus, reason: str | None, now: datetime
) -> bool:
    """The one way an order changes its status; False when it was there already.

    Raises:
        IllegalTransition: the table of states has no such step.
    """
    order = await repository.lock_order(session, number, actor.granted)
    old = OrderStatus(order.status)
    if not ORDER.check(old, to):
        return False
    deed = Deed(f"order.{to}", f"order:{number}", reason, {"from": old, "to": to})
    change_set = await audit.record(session, actor, deed, now)
    version = order.version + 1  # the update below moves the loaded order, too
    values = {"status": to, "version": version, "last_change_set_id": change_set, "last_change": ChangeKind.CHANGED}
    await session.execute(update(Order).where(Order.id == order.id).values(**values))
    change = {"order_id": order.id, "version": version, "field": "status", "kind": ChangeKind.CHANGED}
    await session.execute(insert(OrderChange).values(**change, change_set_id=change_set, old=old, new=to))
    await bus.publish(session, OrdersChanged(change_set))
    return True


async def add_note(session: AsyncSession, actor: Actor, number: str, text: str, now: datetime) -> int:
    """Leave a note; returns its id.

    Raises:
        NoteEmpty: there are no words in it.
    """
    actor.require(Permission.ORDERS_WRITE)
    await require_writable(session)
    order = await repository.lock_order(session, number, actor.granted)
    await audit.record(session, actor, Deed("order.noted", f"order:{number}"), now)
    return await _append_note(session, actor, order.id, text, now)


async def _append_note(session: AsyncSession, actor: Actor, order_id: int, text: str, now: datetime) -> int:
    words = text.strip()[:NOTE_LIMIT]
    if not words:
        raise NoteEmpty
    note = insert(OrderNote).values(order_id=order_id, text=words, author_id=actor.id, author_name=actor.name, at=now)
    return int((await session.execute(note.returning(OrderNote.id))).scalar_one())


async def _released(session: AsyncSession, order: Order, names: tuple[str, ...]) -> dict[str, Any]:
    """What the reports say of the fields given back."""
    for name in names:
        if name not in EDITABLE_FIELDS:
            raise FieldNotEditable(field=name)
    if not names:
        return {}
    edited = [name for name in names if name in (order.edited_fields or ())]
    said = await repository.reported_fields(session, order.id)
    if edited and not any(value is not None for value in said.values()):
        raise NothingReported(number=order.number)
    return {name: said.get(name) for name in edited}


def _tags(order: Order, edit: OrderEdit) -> list[str]:
    tags = [tag for tag in order.tags or [] if tag not in edit.remove_tags]
    for tag in edit.add_tags:
        word = tag.strip().lower()
        if not word or len(word) > TAG_LIMIT or "\x00" in word:
            raise FieldInvalid(field="tags", value=tag[:TAG_LIMIT])
        if word not in tags:
            tags.append(word)
    return tags


async def _write_fields(
    session: AsyncSession,
    order: Order,
    changed: Mapping[str, Any],
    edited: set[str],
    tags: list[str],
    change_set: int,
    *,
    filled: bool,
) -> None:
    """Moves the loaded order to its next version, too: history is written before."""
    version = order.version + 1 if changed else order.version
    values: dict[str, Any] = {"edited_fields": sorted(edited) or None, "tags": tags or None, "version": version}
    if changed:
        kind = ChangeKind.FILLED if filled else ChangeKind.CHANGED
        values |= {"last_change_set_id": change_set, "last_change": kind}
    values |= {name: value for name, value in changed.items() if name in ORDER_FIELDS}
    await session.execute(update(Order).where(Order.id == order.id).values(**values))
    vending = {name: value for name, value in changed.items() if name not in ORDER_FIELDS}
    if vending:
        await session.execute(update(VendingOrder).where(VendingOrder.order_id == order.id).values(**vending))


async def _write_changes(
    session: AsyncSession, order: Order, pairs: Mapping[str, tuple[Any, Any]], change_set: int
) -> None:
    rows = [
        {
            "order_id": order.id,
            "version": order.version + 1,
            "field": name,
            "change_set_id": change_set,
            "kind": ChangeKind.FILLED if old is None else ChangeKind.CHANGED,
            "old": presented(old, FIELD_KINDS[name]),
            "new": presented(new, FIELD_KINDS[name]),
        }
        for name, (old, new) in pairs.items()
    ]
    if rows:
        await session.execute(insert(OrderChange), rows)


def _checked(name: str, value: object) -> Any:  # noqa: ANN401  # a field's value is of its field's type
    """The stored form of a value a person gave for a field; None clears it.

    Raises:
        FieldNotEditable, FieldInvalid.
    """
    if name not in EDITABLE_FIELDS:
        raise FieldNotEditable(field=name)
    if value is None or value == "":
        return None
    text = str(value).strip()
    if len(text) > TEXT_LIMIT or "\x00" in text or (name in CHOICES and text not in CHOICES[name]):
        raise FieldInvalid(field=name, value=text[:80])
    kind = FIELD_KINDS[name]
    if kind is FieldKind.AMOUNT:
        amount = parse_minor(text)
        if amount is None or abs(amount) > 10**17:
            raise FieldInvalid(field=name, value=text[:80])
        return amount
    if kind is FieldKind.INSTANT:
        try:
            instant = datetime.fromisoformat(text)
        except ValueError as error:
            raise FieldInvalid(field=name, value=text[:80]) from error
        if instant.tzinfo is None:
            raise FieldInvalid(field=name, value=text[:80])
        return instant.astimezone(UTC)
    return text
