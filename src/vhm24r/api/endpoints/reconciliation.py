"""Reconciliation: how it stands, what people should look at, and what they decide."""

from typing import Annotated

from fastapi import Body, Depends, Query

from vhm24r.api.endpoints.imports import listed
from vhm24r.api.routing import GuardedRouter
from vhm24r.api.schemas import (
    NO_NUL,
    AssignIn,
    BulkExceptionsIn,
    BulkOut,
    CollectionOut,
    CommentIn,
    DecidedOut,
    DriftOut,
    ExceptionDetailOut,
    ExceptionOut,
    GatewaysOut,
    JobOut,
    ListOf,
    MatchIn,
    OffsetOut,
    ReconciliationOut,
    ReopenIn,
    ResolveIn,
    RunIn,
    UnmatchIn,
)
from vhm24r.api.security import Needs, ReadSession, ServicesOf, WriteSession
from vhm24r.identity.permissions import Permission
from vhm24r.kit.actor import Actor
from vhm24r.kit.pagination import MAX_LIMIT
from vhm24r.reconciliation.filters import Days, ExceptionFilter
from vhm24r.reconciliation.service import deciding, exceptions, questions, requesting
from vhm24r.reconciliation.service.deciding import RecordRef, Wish

router = GuardedRouter(prefix="/reconciliation", tags=["reconciliation"])

Reader = Annotated[Actor, Depends(Needs(Permission.MATCHES_READ))]
Writer = Annotated[Actor, Depends(Needs(Permission.MATCHES_WRITE))]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Text = Annotated[str | None, Query(max_length=100, pattern=NO_NUL)]


def days_of(
    from_: Annotated[str | None, Query(alias="from", description="first business day, yyyy-mm-dd")] = None,
    to: Annotated[str | None, Query(description="last business day, yyyy-mm-dd")] = None,
) -> Days:
    """The business days of a request."""
    return Days.from_texts(from_, to)


DaysOf = Annotated[Days, Depends(days_of)]


class ExceptionParams:
    """Which exceptions, as query parameters."""

    def __init__(  # one argument per documented query parameter
        self,
        state: Annotated[str | None, Query(description="open (the default), resolved, gone or all")] = None,
        type: str | None = None,
        source: str | None = None,
        machine: str | None = None,
        assignee: Annotated[str | None, Query(description="a person's id, me or none")] = None,
        from_: Annotated[str | None, Query(alias="from", description="first business day, yyyy-mm-dd")] = None,
        to: Annotated[str | None, Query(description="last business day, yyyy-mm-dd")] = None,
        amount_min: Annotated[str | None, Query(description="in units: 15000 or 15000.00")] = None,
    ) -> None:
        """Read the texts; a bad one is refused by name."""
        params = {name.rstrip("_"): value for name, value in locals().items() if name != "self"}
        self.filter = ExceptionFilter.from_params(params)


@router.get("/summary", response_model=ReconciliationOut)
async def reconciliation_summary(services: ServicesOf, session: ReadSession, actor: Reader, days: DaysOf) -> object:
    """Orders by status, money, unmatched records, drift by source, and whether all money is somewhere."""
    return await questions.summary(session, actor, days, services.settings.zone)


@router.get("/drift", response_model=ListOf[DriftOut])
async def reconciliation_drift(
    session: ReadSession, actor: Reader, days: DaysOf, source: Text = None, machine: Text = None,
    by: Annotated[str, Query(description="day, source, machine, or several with commas")] = "day,source",
) -> object:  # fmt: skip
    """What orders should have brought beside what records say, the latest day first."""
    names = tuple(name for name in by.split(",") if name)
    return {"items": await questions.drift(session, actor, days, source=source, machine=machine, by=names)}


@router.get("/gateways", response_model=GatewaysOut)
async def reconciliation_gateways(session: ReadSession, actor: Reader, days: DaysOf) -> object:
    """What gateways took, kept and paid out."""
    return await questions.gateways(session, actor, days)


@router.get("/collections", response_model=ListOf[CollectionOut])
async def reconciliation_collections(services: ServicesOf, session: ReadSession, actor: Reader, days: DaysOf) -> object:
    """Cash of machines between collections, the latest first."""
    return {"items": await questions.collections(session, actor, days, services.settings.zone)}


@router.get("/offsets", response_model=ListOf[OffsetOut])
async def reconciliation_offsets(
    session: ReadSession, actor: Reader, days: DaysOf, only_beyond: bool = False, limit: Limit = 100,  # noqa: FBT001, FBT002  # a query parameter
    cursor: str | None = None,
) -> object:  # fmt: skip
    """How far clocks were ahead, the latest day first."""
    page = await questions.offsets(session, actor, days, only_beyond=only_beyond, limit=limit, cursor=cursor)
    return listed(page)


@router.post("/run", status_code=202, response_model=JobOut)
async def reconcile(body: RunIn, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Settle some days, or everything; watch `/events?topics=reconciliation`. An open end is where the facts end."""
    asked = Days.from_texts(body.from_, body.to)
    days = await questions.closed_span(session, actor, asked, services.settings.zone)
    now = services.clock.now()
    return {"job_id": await requesting.request_run(session, actor, services.jobs, days.first, days.last, now)}


@router.get("/exceptions", response_model=ListOf[ExceptionOut])
async def list_exceptions(
    services: ServicesOf,
    session: ReadSession,
    actor: Reader,
    where: Annotated[ExceptionParams, Depends()],
    sort: Annotated[str, Query(description="amount, age or day; a leading - turns it round")] = "-amount",
    limit: Limit = 50,
    cursor: str | None = None,
    with_total: bool = False,  # noqa: FBT001, FBT002  # a query parameter
) -> object:
    """What people should look at, most money first."""
    page = await exceptions.list_exceptions(
        session,
        actor,
        where.filter,
        services.clock.now(),
        services.settings.zone,
        sort=sort,
        limit=limit,
        cursor=cursor,
        with_total=with_total,
    )
    return listed(page)


@router.post("/exceptions/bulk", response_model=BulkOut)
async def change_exceptions(
    body: BulkExceptionsIn, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Assign, resolve or reopen many at once; those in another state stay as they are."""
    now = services.clock.now()
    if body.action == "assign":
        touched = await exceptions.assign(session, actor, body.ids, body.person_id, now)
    elif body.action == "resolve":
        touched = await exceptions.resolve(session, actor, body.ids, body.outcome, body.reason or "", now)
    else:
        touched = await exceptions.reopen(session, actor, body.ids, body.reason, now)
    return touched.view()


@router.get("/exceptions/{exception_id}", response_model=ExceptionDetailOut)
async def get_exception(exception_id: int, services: ServicesOf, session: ReadSession, actor: Reader) -> object:
    """One exception with what was said of it and what might settle it."""
    return await exceptions.get_exception(session, actor, exception_id, services.clock.now(), services.settings.zone)


@router.post("/exceptions/{exception_id}/assign", response_model=ExceptionDetailOut)
async def assign_exception(
    exception_id: int, body: AssignIn, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Give it to somebody, or to nobody."""
    touched = await exceptions.assign(session, actor, [exception_id], body.person_id, services.clock.now())
    touched.refuse_unchanged()
    return await exceptions.get_exception(session, actor, exception_id, services.clock.now(), services.settings.zone)


@router.post("/exceptions/{exception_id}/comment", status_code=201, response_model=ExceptionDetailOut)
async def comment_exception(
    exception_id: int, body: CommentIn, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Say something of it."""
    await exceptions.comment(session, actor, exception_id, body.text, services.clock.now())
    return await exceptions.get_exception(session, actor, exception_id, services.clock.now(), services.settings.zone)


@router.post("/exceptions/{exception_id}/resolve", response_model=ExceptionDetailOut)
async def resolve_exception(
    exception_id: int, body: ResolveIn, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Settle it: written off, explained, or reported to whoever has to put it right."""
    now = services.clock.now()
    touched = await exceptions.resolve(session, actor, [exception_id], body.outcome, body.reason, now)
    touched.refuse_unchanged()
    return await exceptions.get_exception(session, actor, exception_id, now, services.settings.zone)


@router.post("/exceptions/{exception_id}/reopen", response_model=ExceptionDetailOut)
async def reopen_exception(
    exception_id: int, body: ReopenIn, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """It is not settled after all."""
    now = services.clock.now()
    touched = await exceptions.reopen(session, actor, [exception_id], body.reason, now)
    touched.refuse_unchanged()
    return await exceptions.get_exception(session, actor, exception_id, now, services.settings.zone)


@router.post("/matches", status_code=201, response_model=DecidedOut)
async def match_by_hand(body: MatchIn, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Say that records and orders belong together; the run that follows makes the match."""
    records = tuple(
        RecordRef(ref.source, ref.external_id, ref.account, ref.occurrence, ref.record_id) for ref in body.records
    )
    wish = Wish(tuple(body.orders), records, body.reason, body.confirm)
    zone = services.settings.zone
    return await deciding.match_by_hand(session, actor, services.jobs, wish, services.clock.now(), zone)


@router.delete("/matches/{match_id}", response_model=DecidedOut)
async def unmatch(
    match_id: int,
    services: ServicesOf,
    session: WriteSession,
    actor: Writer,
    body: Annotated[UnmatchIn | None, Body()] = None,
    reason: Annotated[str | None, Query(max_length=4000, pattern=NO_NUL)] = None,
) -> object:
    """Take a match away, with the reason in the body or the query."""
    because, zone = body.reason if body else reason or "", services.settings.zone
    return await deciding.unmatch(session, actor, services.jobs, match_id, because, services.clock.now(), zone)
