"""Orders, machines and products."""

from typing import Annotated, Any

import orjson
from fastapi import Depends, Query, Response

from vhm24r.api.routing import GuardedRouter
from vhm24r.api.schemas import (
    NO_NUL,
    ChangeOut,
    ListOf,
    MachineIn,
    MachineOut,
    NoteIn,
    NoteOut,
    OrderIn,
    OrderOut,
    OrderPatchIn,
    OrderRowOut,
    ProductOut,
    VersionOut,
    VersionRefOut,
)
from vhm24r.api.security import Needs, ReadSession, ServicesOf, WriteSession
from vhm24r.identity.permissions import Permission
from vhm24r.kit.actor import Actor
from vhm24r.kit.money import NotAnAmount, parse_minor
from vhm24r.kit.pagination import MAX_LIMIT
from vhm24r.orders.filters import OrderFilter
from vhm24r.orders.service import editing, reading
from vhm24r.orders.service import reference as reference_data
from vhm24r.orders.types import DEFAULT_SORT, NewOrder, OrderEdit

router = GuardedRouter(prefix="/orders", tags=["orders"])
reference = GuardedRouter(tags=["machines"])
LARGEST_AMOUNT = 10**17
"""Minor units; the same bound as for edits and reports."""

Reader = Annotated[Actor, Depends(Needs(Permission.ORDERS_READ))]
Writer = Annotated[Actor, Depends(Needs(Permission.ORDERS_WRITE))]
MachineWriter = Annotated[Actor, Depends(Needs(Permission.MACHINES_WRITE))]
MachineReader = Annotated[Actor, Depends(Needs(Permission.MACHINES_READ))]


class FilterParams:
    """The order filter as query parameters; documented one by one, read by `OrderFilter`."""

    def __init__(  # one argument per documented query parameter
        self,
        q: Annotated[
            str | None, Query(description="a number or its beginning, a machine, an address, a product")
        ] = None,
        from_: Annotated[str | None, Query(alias="from", description="first business day, yyyy-mm-dd")] = None,
        to: Annotated[str | None, Query(description="last business day, yyyy-mm-dd")] = None,
        channel: str | None = None,
        status: str | None = None,
        match_status: str | None = None,
        machine: str | None = None,
        product: str | None = None,
        payment_method: str | None = None,
        change: Annotated[str | None, Query(description="new, filled or changed")] = None,
        source: str | None = None,
        import_id: str | None = None,
        tag: str | None = None,
        amount_min: Annotated[str | None, Query(description="in units: 15000 or 15000.00")] = None,
        amount_max: str | None = None,
    ) -> None:
        """Read the texts; a bad one is refused by name."""
        params = {name.rstrip("_"): value for name, value in locals().items() if name != "self"}
        self.filter = OrderFilter.from_params(params)


def fast_json(body: Any) -> Response:  # noqa: ANN401  # anything JSON can hold
    """A list answered without validating every row again; its shape is the documented model's (a test compares)."""
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("", response_model=ListOf[OrderRowOut])
async def list_orders(
    services: ServicesOf,
    session: ReadSession,
    actor: Reader,
    where: Annotated[FilterParams, Depends()],
    sort: Annotated[str, Query(description="occurred_at, -occurred_at, amount or -amount")] = DEFAULT_SORT,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50,
    cursor: str | None = None,
    with_total: bool = False,  # noqa: FBT001, FBT002  # a query parameter
) -> Response:
    """Orders, newest first, by keyset pages."""
    page = await reading.list_orders(
        session,
        actor,
        where.filter,
        services.settings.zone,
        sort=sort,
        limit=limit,
        cursor=cursor,
        with_total=with_total,
    )
    return fast_json({"items": page.items, "next_cursor": page.next_cursor, "total": page.total})


@router.post("", status_code=201, response_model=OrderOut)
async def create_order(body: OrderIn, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Make an order by hand."""
    amount = parse_minor(body.amount.amount)
    if amount is None or abs(amount) > LARGEST_AMOUNT:
        raise NotAnAmount(value=body.amount.amount)
    new = NewOrder(
        occurred_at=body.occurred_at,
        amount=amount,
        currency=body.amount.currency,
        machine_code=body.machine_code,
        product=body.product,
        payment_method=body.payment_method,
        note=body.note,
    )
    number = await editing.create_order(session, actor, services.bus, new, services.clock.now())
    return await reading.get_order(session, actor, number)


@router.get("/{number}", response_model=OrderOut)
async def get_order(number: str, session: ReadSession, actor: Reader) -> object:
    """One order with its fields, evidence, changes, versions and notes."""
    return await reading.get_order(session, actor, number)


@router.patch("/{number}", response_model=OrderOut)
async def edit_order(
    number: str, body: OrderPatchIn, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Correct fields, give them back to the reports, tag."""
    edit = OrderEdit(body.fields, tuple(body.release), tuple(body.tags.add), tuple(body.tags.remove), body.reason)
    await editing.edit_order(session, actor, services.bus, number, edit, services.clock.now())
    return await reading.get_order(session, actor, number)


@router.delete("/{number}", response_model=OrderOut)
async def cancel_order(
    number: str,
    services: ServicesOf,
    session: WriteSession,
    actor: Writer,
    reason: Annotated[str | None, Query(max_length=500, pattern=NO_NUL)] = None,
) -> object:
    """Cancel softly: the order stays, with its status and the reason."""
    await editing.cancel_order(session, actor, services.bus, number, reason, services.clock.now())
    return await reading.get_order(session, actor, number)


@router.post("/{number}/notes", status_code=201, response_model=NoteOut)
async def add_note(number: str, body: NoteIn, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Leave a note."""
    note_id = await editing.add_note(session, actor, number, body.text, services.clock.now())
    order = await reading.get_order(session, actor, number)
    return next(note for note in order["notes"] if note["id"] == note_id)


@router.get("/{number}/changes", response_model=ListOf[ChangeOut])
async def list_changes(number: str, session: ReadSession, actor: Reader) -> object:
    """Every change, newest first."""
    return {"items": await reading.list_changes(session, actor, number)}


@router.get("/{number}/versions", response_model=ListOf[VersionRefOut])
async def list_versions(number: str, session: ReadSession, actor: Reader) -> object:
    """The versions, newest first."""
    return {"items": await reading.list_versions(session, actor, number)}


@router.get("/{number}/versions/{version}", response_model=VersionOut)
async def get_version(number: str, version: int, session: ReadSession, actor: Reader) -> object:
    """The fields as they were at a version."""
    return await reading.get_version(session, actor, number, version)


@router.get("/{number}/timeline", response_model=ListOf[dict[str, Any]])
async def timeline(number: str, session: ReadSession, actor: Reader) -> object:
    """Changes and notes in one line, newest first."""
    return {"items": await reading.timeline(session, actor, number)}


@reference.get("/machines", response_model=ListOf[MachineOut])
async def list_machines(session: ReadSession, actor: MachineReader) -> object:
    """Machines that reports have named."""
    return {"items": await reference_data.list_machines(session, actor)}


@reference.get("/products", response_model=ListOf[ProductOut])
async def list_products(session: ReadSession, actor: MachineReader) -> object:
    """Products that reports have named."""
    return {"items": await reference_data.list_products(session, actor)}


@reference.patch("/machines/{code}", response_model=MachineOut)
async def edit_machine(
    code: str, body: MachineIn, services: ServicesOf, session: WriteSession, actor: MachineWriter
) -> object:
    """Correct a machine's name, address, zone, or whether it is in use."""
    changes = body.model_dump(exclude_unset=True)
    return await reference_data.edit_machine(session, actor, code, changes, services.clock.now())
