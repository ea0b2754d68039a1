"""Shapes of the API for its documentation and its clients; the views of the modules fill them."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from vhm24r.evidence.types import SourceName
from vhm24r.identity.permissions import Permission, Role

T = TypeVar("T")
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL keeps any character in a text but this one."""


class MoneyOut(BaseModel):
    """Money: units with decimals, and the currency."""

    amount: str = Field(examples=["15000.00"])
    currency: str = Field(examples=["UZS"])


class ListOf(BaseModel, Generic[T]):
    """One page; `next_cursor` is null on the last one, `total` only when asked for."""

    items: list[T]
    next_cursor: str | None = None
    total: int | None = None


class LocatorOut(BaseModel):
    """A place in a file."""

    file: str | None = None
    member: str | None = None
    sheet: str | None = None
    page: int | None = None
    row: int | None = None


class ActorOut(BaseModel):
    """Who did something."""

    kind: str
    id: int | None
    name: str


class PersonRefOut(BaseModel):
    """A person by name."""

    id: int | None
    name: str


class MeOut(BaseModel):
    """The signed-in person. One whose `status` is `pending` has no permissions yet."""

    id: int
    name: str
    role: str
    status: str
    language: str
    permissions: list[str]
    timezone: str
    mode: str


class TokensOut(BaseModel):
    """For programs: `access_token` goes into the Authorization header, for `expires_in` seconds."""

    access_token: str
    refresh_token: str
    expires_in: int


class SignedInOut(MeOut):
    """Who came in; `tokens` only for who keeps no cookies."""

    tokens: TokensOut | None


class WaysOut(BaseModel):
    """How one can sign in: the bot's name for the Login Widget, and whether the Mini App is set up."""

    telegram_bot: str | None
    mini_app: bool


class MeIn(BaseModel):
    """What somebody may change about oneself."""

    language: str = Field(max_length=10, pattern=NO_NUL)


class LinkIn(BaseModel):
    """A one-time sign-in token."""

    token: str = Field(max_length=200)


class TelegramIn(BaseModel):
    """The fields of Telegram's Login Widget as they came: all of them are signed."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"example": {"id": 42, "first_name": "Test", "auth_date": 1650385342, "hash": "46d2ea5e"}},
    )

    id: int | str
    auth_date: int | str
    hash: str = Field(max_length=200)

    def fields(self) -> dict[str, str]:
        """As texts, which is how they were signed."""
        return {name: str(value) for name, value in self.model_dump().items() if isinstance(value, str | int)}


class MiniAppIn(BaseModel):
    """What Telegram hands to a Mini App: `Telegram.WebApp.initData`."""

    init_data: str = Field(max_length=8_192)


class RefreshIn(BaseModel):
    """A refresh token; a browser has it in a cookie and sends an empty object."""

    refresh_token: str | None = Field(None, max_length=200)


class SessionOut(BaseModel):
    """A device that is signed in."""

    id: int
    way: Literal["link", "widget", "mini_app"]
    user_agent: str | None
    ip: str | None
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    current: bool


class RevokedOut(BaseModel):
    """How many sessions were closed."""

    closed: int


class PersonOut(BaseModel):
    """Somebody who may come in, or would like to. `machines` and `sources` are what was granted; null is all."""

    id: int
    name: str
    username: str | None
    telegram_id: int | None
    role: str
    status: Literal["pending", "approved", "blocked", "deactivated"]
    language: str
    machines: list[str] | None
    sources: list[str] | None
    created_at: datetime
    decided_at: datetime | None
    erased: bool
    manageable: bool


class PersonIn(BaseModel):
    """Somebody to let in without asking first; with a Telegram id one signs in with Telegram at once."""

    name: str = Field(max_length=200)
    role: Role
    telegram_id: int | None = Field(None, gt=0, lt=2**53)
    language: str = Field("ru", max_length=10, pattern=NO_NUL)


class RoleIn(BaseModel):
    """A role to give."""

    role: Role


class DecisionIn(BaseModel):
    """Why."""

    reason: str | None = Field(None, max_length=500, pattern=NO_NUL)


class GrantIn(BaseModel):
    """Machines and sources that somebody may see; null is all of them."""

    machines: list[Annotated[str, Field(max_length=100, pattern=NO_NUL)]] | None
    sources: list[SourceName] | None


class LinkOut(BaseModel):
    """A one-time sign-in address; `expires_at` is null in the demo."""

    url: str
    expires_at: datetime | None


class ApiKeyOut(BaseModel):
    """A key as it is listed; the secret is shown once, when it is made."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    made_by: PersonRefOut
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class ApiKeyIn(BaseModel):
    """A key to make: its permissions are a choice of one's own."""

    name: str = Field(max_length=200)
    scopes: list[Permission] = Field(max_length=50)
    expires_at: AwareDatetime | None = None


class ApiKeyMadeOut(ApiKeyOut):
    """A key that was just made, with its secret: it is not shown again."""

    secret: str


class AuditEntryOut(BaseModel):
    """One deed."""

    id: int
    at: datetime
    actor: ActorOut
    action: str
    subject: str
    reason: str | None
    data: dict[str, Any]
    request_id: str | None


class FileOut(BaseModel):
    """The file of an import."""

    name: str
    size: int
    sha256: str


class RowCountsOut(BaseModel):
    """Rows of a file: total = new + updated + unchanged + skipped + issues."""

    total: int
    new: int
    updated: int
    filled: int
    changed: int
    unchanged: int
    skipped: int
    issues: int


class OrderCountsOut(BaseModel):
    """Orders an import touched."""

    new: int
    filled: int
    changed: int


class MoneyEffectOut(BaseModel):
    """Money of new orders, and the sum by which standing ones moved."""

    new: list[MoneyOut]
    changed: list[MoneyOut]


class ProgressOut(BaseModel):
    """How far an import is."""

    phase: str | None
    done: int
    total: int | None


class SimilarOut(BaseModel):
    """An earlier import with much the same rows."""

    import_id: int
    percent: int


class ErrorOut(BaseModel):
    """Why an import stopped."""

    code: str
    title: str
    detail: str
    params: dict[str, str]


class IssueCountOut(BaseModel):
    """How often an issue occurs in a file."""

    code: str
    level: str
    count: int
    message: str


class KeptOrderOut(BaseModel):
    """An order that stays although nothing reports it any more."""

    number: str
    reasons: list[str]


class WithdrawnOut(BaseModel):
    """Orders by what undoing an import did to them."""

    withdrawn: int
    changed: int
    kept: int


class UndoOut(BaseModel):
    """What undoing an import did."""

    at: datetime
    by: str
    records: int
    orders: WithdrawnOut
    money: list[MoneyOut]
    kept: list[KeptOrderOut]


class FieldCountOut(BaseModel):
    """How often an import fills or changes a field."""

    field: str
    kind: str
    count: int


class FieldDiffOut(BaseModel):
    """A difference that a preview found."""

    number: str
    field: str
    kind: str
    old: str | None
    new: str | None


class MappingIn(BaseModel):
    """What the columns of a file mean: field → header, and what the file does not say itself."""

    name: str = Field(max_length=60)
    columns: dict[str, str]
    target: str = "generic"
    currency: str = Field("UZS", max_length=3)
    zone: str | None = None
    rows_per_order: bool = False
    month_first: bool = False


class MappingOut(MappingIn):
    """A mapping as it is remembered."""

    header: list[str]
    made_by: str
    updated_at: datetime


class ColumnGuessOut(BaseModel):
    """What a column probably means: known by its name, by its values, or not at all."""

    column: str
    field: str | None
    why: Literal["name", "values"] | None


class MappingTargetOut(BaseModel):
    """What a file can be mapped to."""

    name: str
    fields: list[str]
    required: list[str]


class MappingHelpOut(BaseModel):
    """What a person needs to map a file."""

    header: list[str]
    rows: list[list[str]]
    columns: list[ColumnGuessOut]
    month_first: bool
    targets: list[MappingTargetOut]


class ImportOut(BaseModel):
    """One import."""

    id: int
    file: FileOut
    status: str
    dry_run: bool
    format: str | None
    source: str | None
    confidence: float | None
    rows: RowCountsOut
    orders: OrderCountsOut
    money_effect: MoneyEffectOut
    fields: list[FieldCountOut]
    diff: list[FieldDiffOut]
    undo: UndoOut | None
    progress: ProgressOut | None
    duplicate_of: int | None
    similar_to: SimilarOut | None
    error: ErrorOut | None
    issues_by_code: list[IssueCountOut]
    uploaded_by: PersonRefOut | None
    created_at: datetime
    finished_at: datetime | None
    seconds: float | None


class IssueOut(BaseModel):
    """One issue with its place."""

    locator: LocatorOut
    column: str | None
    value: str | None
    code: str
    level: Literal["blocker", "error", "warning", "info"]
    message: str


class RowChangeOut(BaseModel):
    """A field that a row changed."""

    field: str
    kind: str
    old: str | None
    new: str | None


class RecordOut(BaseModel):
    """What a row says."""

    source: str
    occurred_at: datetime | None
    amount: MoneyOut | None
    machine_code: str | None
    product: str | None
    place: str | None
    direction: str | None
    state: str | None
    extra: dict[str, Any]


class ImportRowOut(BaseModel):
    """A row of a file and what it brought."""

    position: int
    locator: LocatorOut
    outcome: str
    external_id: str
    order_number: str | None
    record: RecordOut
    changes: list[RowChangeOut]


class MachineRefOut(BaseModel):
    """A machine as orders show it."""

    code: str
    name: str | None
    address: str | None


class LastChangeOut(BaseModel):
    """What last happened to an order."""

    kind: Literal["new", "filled", "changed"]
    at: datetime | None


class OrderRowOut(BaseModel):
    """An order as lists show it."""

    number: str
    channel: str
    origin: str
    status: str
    match_status: str | None
    occurred_at: datetime | None
    amount: MoneyOut | None
    machine: MachineRefOut | None
    product: str | None
    payment_method: str | None
    last_change: LastChangeOut
    version: int
    tags: list[str]


class ChangeOut(BaseModel):
    """One field of one version, old → new; a new order has one with `field` null."""

    version: int
    kind: str
    field: str | None
    old: str | None
    new: str | None
    at: datetime
    actor: ActorOut
    reason: str | None
    import_id: int | None
    file: str | None
    locator: LocatorOut | None


class MatchOut(BaseModel):
    """Why a record belongs to an order; one that names it has no `id`, as nobody can take it away."""

    id: int | None
    kind: str
    rule: str
    confidence: int
    interchangeable: bool
    reasons: list[dict[str, Any]]


class EvidenceOut(BaseModel):
    """What one source says of an order."""

    source: str
    external_id: str
    amount: MoneyOut | None
    occurred_at: datetime | None
    role: str
    match: MatchOut | None
    import_id: int | None
    file: str | None
    locator: LocatorOut | None
    extra: dict[str, Any]


class VersionRefOut(BaseModel):
    """A version of an order in its list of versions."""

    version: int
    kind: str
    at: datetime
    actor: ActorOut


class VersionOut(BaseModel):
    """The fields of an order as they were."""

    version: int
    fields: dict[str, str | None]


class NoteOut(BaseModel):
    """A note."""

    id: int
    text: str
    author: str
    at: datetime


class OrderOut(OrderRowOut):
    """One order with everything known about it; `findings` is all that reconciliation holds against it."""

    findings: list[str]
    reasons: list[dict[str, Any]]
    fields: dict[str, str | None]
    fields_edited: list[str]
    evidence: list[EvidenceOut]
    changes: list[ChangeOut]
    versions: list[VersionRefOut]
    notes: list[NoteOut]
    created_at: datetime


class TagsIn(BaseModel):
    """Tags to add and to remove."""

    add: list[str] = Field(default_factory=list, max_length=20)
    remove: list[str] = Field(default_factory=list, max_length=20)


class OrderPatchIn(BaseModel):
    """Fields to set (null clears), fields to give back to the reports, tags, and the reason."""

    fields: dict[str, str | None] = Field(default_factory=dict, max_length=40)
    release: list[str] = Field(default_factory=list, max_length=40)
    tags: TagsIn = Field(default_factory=TagsIn)
    reason: str | None = Field(None, max_length=500, pattern=NO_NUL)


class OrderIn(BaseModel):
    """An order made by hand."""

    channel: Literal["vending"] = "vending"
    occurred_at: AwareDatetime
    amount: MoneyOut
    machine_code: str | None = Field(None, max_length=100, pattern=NO_NUL)
    product: str | None = Field(None, max_length=200, pattern=NO_NUL)
    payment_method: str | None = Field(None, max_length=20)
    note: str | None = Field(None, max_length=4000, pattern=NO_NUL)


class NoteIn(BaseModel):
    """Words to leave on an order."""

    text: str = Field(max_length=4000, pattern=NO_NUL)


class MachineOut(BaseModel):
    """A vending machine."""

    code: str
    name: str | None
    address: str | None
    timezone: str | None
    active: bool


class MachineIn(BaseModel):
    """What people may correct of a machine; fields left out stay."""

    name: str | None = None
    address: str | None = None
    timezone: str | None = None
    active: bool | None = None


class ProductOut(BaseModel):
    """A product."""

    id: int
    name: str
    active: bool


class SettingOut(BaseModel):
    """A business setting as it stands."""

    key: str
    value: bool | int | str
    default: bool | int | str
    description: str


class SettingIn(BaseModel):
    """The value a business setting gets."""

    value: bool | int | Annotated[str, Field(max_length=1_000, pattern=NO_NUL)]


class SampleOut(BaseModel):
    """A report file to try the product with (demo only)."""

    name: str
    description: str
    size: int
    url: str


class ReadyOut(BaseModel):
    """What the process depends on."""

    database: bool
    migrations: bool
    jobs: bool
    storage: bool


class DriftOut(BaseModel):
    """What orders should have brought beside what records say; what it is not added up by is null."""

    day: str | None
    source: str | None
    machine: str | None
    currency: str
    ours: MoneyOut
    theirs: MoneyOut
    difference: MoneyOut
    fee: MoneyOut
    ours_count: int
    theirs_count: int
    permille: float | None
    status: Literal["ok", "attention", "critical"] | None


class BucketOut(BaseModel):
    """How many records of a source, and how much money, are in one bucket for one reason."""

    source: str
    currency: str
    bucket: str
    why: str
    records: int
    amount: MoneyOut


class RowsAndMoneyOut(BaseModel):
    """Rows of files and their money."""

    rows: int
    amount: MoneyOut


class ConservationOut(BaseModel):
    """A day and source of which the buckets hold something else than the files state."""

    day: str
    source: str
    currency: str
    stated: RowsAndMoneyOut
    kept: RowsAndMoneyOut


class RunOut(BaseModel):
    """A run that has ended."""

    id: int
    started_at: datetime
    finished_at: datetime
    by: str
    days: int
    from_: str | None = Field(alias="from")
    to: str | None
    orders: int
    records: int
    conserved: bool


class CountAndMoneyOut(BaseModel):
    """How many exceptions, and the money at risk by currency."""

    count: int
    amount: dict[str, str]


class ReconciliationOut(BaseModel):
    """How reconciliation stands; money without a currency of its own is by currency."""

    orders: int
    by_status: dict[str, int]
    matched_money: dict[str, str]
    unmatched_records: dict[str, int]
    drift: list[DriftOut]
    seconds: float | None
    conserved: bool
    buckets: list[BucketOut]
    conservation: list[ConservationOut]
    last_run: RunOut | None
    exceptions: dict[str, CountAndMoneyOut]
    waiting: int


class GatewayTotalOut(BaseModel):
    """What a gateway took, kept and owes."""

    gateway: str
    currency: str
    payments: int
    gross: MoneyOut
    fee: MoneyOut
    net: MoneyOut


class CreditOut(BaseModel):
    """A bank credit."""

    record_id: int
    occurred_at: datetime | None
    amount: MoneyOut


class PayoutOut(BaseModel):
    """What became of the money of a gateway day."""

    gateway: str
    day: str
    currency: str
    gross: MoneyOut
    fee: MoneyOut
    net: MoneyOut
    difference: MoneyOut
    status: Literal["paid", "paid_together", "waiting", "missing", "not_covered"]
    credit: CreditOut | None


class GatewaysOut(BaseModel):
    """Gateways in sum, and day by day."""

    totals: list[GatewayTotalOut]
    payouts: list[PayoutOut]


class CollectionOut(BaseModel):
    """Cash of a machine between two collections."""

    machine: MachineRefOut
    currency: str
    since: datetime | None
    until: datetime
    expected: MoneyOut
    collected: MoneyOut
    difference: MoneyOut
    status: Literal["ok", "short", "over", "first"]
    records: list[int]


class OffsetOut(BaseModel):
    """How far a clock was ahead on a day; `beyond` is farther than the window it is held against."""

    day: str
    kind: Literal["machine", "terminal"]
    machine: MachineRefOut | None
    source: str | None
    account: str | None
    place: str | None
    ahead_s: int
    window_s: int
    records: int
    beyond: bool


class ExceptionOrderOut(BaseModel):
    """The order of an exception."""

    number: str
    amount: MoneyOut | None
    product: str | None
    payment_method: str | None
    match_status: str | None


class RecordRefOut(BaseModel):
    """What names a record."""

    record_id: int
    source: str
    external_id: str
    account: str | None
    occurrence: int


class AssigneeOut(BaseModel):
    """Who works on an exception."""

    id: int
    name: str


class ExceptionOut(BaseModel):
    """Something a person should look at."""

    id: int
    type: str
    state: Literal["open", "resolved", "gone"]
    amount: MoneyOut
    day: str | None
    occurred_at: datetime | None
    age_days: int | None
    order: ExceptionOrderOut | None
    record: RecordRefOut | None
    source: str | None
    machine: MachineRefOut | None
    reasons: list[dict[str, Any]]
    assignee: AssigneeOut | None
    outcome: Literal["matched", "written_off", "explained", "reported"] | None
    outcome_reason: str | None
    resolved_by: str | None
    resolved_at: datetime | None
    comments: int


class CandidateOrderOut(BaseModel):
    """An order that a record may prove."""

    number: str
    occurred_at: datetime | None
    amount: MoneyOut | None
    machine: MachineRefOut | None
    product: str | None
    payment_method: str | None
    match_status: str | None


class CandidateRecordOut(RecordRefOut):
    """A record that may prove an order."""

    occurred_at: datetime | None
    amount: MoneyOut | None
    place: str | None


class CandidateOut(BaseModel):
    """What might settle an exception: a pair, one order split over records, or one record for several orders."""

    kind: Literal["pair", "split", "merge"]
    orders: list[CandidateOrderOut]
    records: list[CandidateRecordOut]
    reasons: list[dict[str, Any]]


class ExceptionDetailOut(ExceptionOut):
    """One exception with what was said of it and what might settle it."""

    said: list[NoteOut]
    candidates: list[CandidateOut]


class StrictIn(BaseModel):
    """A wish in which a misspelt field is refused rather than passed over."""

    model_config = ConfigDict(extra="forbid")


class RunIn(StrictIn):
    """Business days to settle, both ends included; without them everything."""

    from_: str | None = Field(None, alias="from", max_length=20)
    to: str | None = Field(None, max_length=20)


class JobOut(BaseModel):
    """A job to watch."""

    job_id: int


Id = Annotated[int, Field(gt=0, lt=2**63)]
Reason = Annotated[str, Field(max_length=4000, pattern=NO_NUL)]
BulkIds = Annotated[list[Id], Field(min_length=1, max_length=500)]


class AssignIn(StrictIn):
    """Who is to work on it; null is nobody."""

    person_id: Id | None


class CommentIn(StrictIn):
    """Words to leave on an exception."""

    text: Reason


class ResolveIn(StrictIn):
    """How it was settled, and why."""

    outcome: str = Field(max_length=40, examples=["written_off", "explained", "reported"])
    reason: Reason


class ReopenIn(StrictIn):
    """Why it is not settled after all."""

    reason: Reason | None = None


class BulkExceptionsIn(StrictIn):
    """One deed for many exceptions: what it needs is as in the deed for one."""

    ids: BulkIds
    action: Literal["assign", "resolve", "reopen"]
    person_id: Id | None = None
    outcome: str = Field("", max_length=40)
    reason: Reason | None = None


class BulkOut(BaseModel):
    """How many were changed; `skipped` are in a state that does not fit, `unknown` are not there."""

    changed: int
    skipped: list[int]
    unknown: list[int]


class RecordRefIn(StrictIn):
    """A record by what names it: its source and external id (with the account where it has one), or its id."""

    source: str | None = Field(None, max_length=40, pattern=NO_NUL)
    external_id: str | None = Field(None, max_length=500, pattern=NO_NUL)
    account: str | None = Field(None, max_length=500, pattern=NO_NUL)
    occurrence: int | None = None
    record_id: Id | None = None


class MatchIn(StrictIn):
    """One order with its records, or one record with its orders; `confirm` where the sums differ."""

    orders: list[Annotated[str, Field(max_length=200)]] = Field(min_length=1, max_length=50)
    records: list[RecordRefIn] = Field(min_length=1, max_length=50)
    reason: Reason
    confirm: bool = False


class UnmatchIn(StrictIn):
    """Why a match is taken away."""

    reason: Reason


class DecidedOut(BaseModel):
    """The decisions that hold now, and the job that acts on them; null where everything is done."""

    decisions: list[int]
    job_id: int | None
