"""The history of orders as something to select from: changes row by row, creations out of their runs."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ScalarSelect, Select, Subquery, Text, func, literal, null, select, true, union_all

from vhm24r.orders.models import Order, OrderChange, OrderCreation
from vhm24r.orders.types import ChangeKind


def history_of(order_ids: Sequence[int]) -> Subquery:
    """Every history row of some orders, with the columns of `OrderChange`; the first one is of kind `new`."""
    changes = select(*OrderChange.__table__.columns).where(OrderChange.order_id.in_(order_ids))
    order = select(Order.id).where(Order.id.in_(order_ids)).subquery()
    run = (
        select(OrderCreation)
        .where(OrderCreation.order_id <= order.c.id)
        .order_by(OrderCreation.order_id.desc())
        .limit(1)
        .lateral()
    )
    step = order.c.id - run.c.order_id
    given: dict[str, Any] = {
        "order_id": order.c.id,
        "version": literal(1),
        "field": literal(""),
        "change_set_id": run.c.change_set_id,
        "kind": literal(str(ChangeKind.NEW)),
        "old": null().cast(Text),
        "new": null().cast(Text),
        "file_id": run.c.file_id,
        "sheet": run.c.sheet,
        "row": run.c.row + step,
    }
    columns = [given[column.name].label(column.name) for column in OrderChange.__table__.columns]
    creations = select(*columns).join_from(order, run, true()).where(step < run.c.length)
    return union_all(changes, creations).subquery("history")


def created_in(change_sets: ScalarSelect[int]) -> Select[Any]:
    """Ids of the orders that these change sets have made."""
    step = func.generate_series(0, OrderCreation.length - 1).table_valued("n").render_derived(name="step")
    return (
        select((OrderCreation.order_id + step.c.n).label("order_id"))
        .join_from(OrderCreation, step, true())
        .where(OrderCreation.change_set_id.in_(change_sets))
    )
