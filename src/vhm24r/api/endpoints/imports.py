"""Files in, and what became of them."""

import tempfile
from pathlib import Path
from typing import Annotated, Literal

from fastapi import Depends, File, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse

from vhm24r.api.problems import language_of
from vhm24r.api.routing import GuardedRouter
from vhm24r.api.schemas import ImportOut, ImportRowOut, IssueOut, ListOf, MappingHelpOut, MappingIn
from vhm24r.api.security import Needs, ReadSession, ServicesOf, WriteSession
from vhm24r.evidence.types import Outcome, SourceName
from vhm24r.identity.permissions import Permission
from vhm24r.intake.errors import NoFiles
from vhm24r.intake.service import mapping, reading_back, receiving, undoing
from vhm24r.intake.service.receiving import Arrival
from vhm24r.intake.types import ImportStatus
from vhm24r.kit.actor import Actor
from vhm24r.kit.pagination import MAX_LIMIT, Page
from vhm24r.ops.process import Services
from vhm24r.platform.blobs import BlobMissing
from vhm24r.settings import RateClass

router = GuardedRouter(prefix="/imports", tags=["imports"])
MOST_FILES = 50
COPY_BYTES = 1024 * 1024
LARGEST_UPLOAD = 2 * 1024**3
"""Bytes of one request with many files; each file has the limit of the settings."""

Reader = Annotated[Actor, Depends(Needs(Permission.IMPORTS_READ))]
Writer = Annotated[Actor, Depends(Needs(Permission.IMPORTS_WRITE))]
Uploader = Annotated[Actor, Depends(Needs(Permission.IMPORTS_WRITE, RateClass.UPLOAD))]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


class Download(StreamingResponse):
    """A file as it came."""

    media_type = "application/octet-stream"


def listed(page: Page[dict[str, object]]) -> dict[str, object]:
    """A page as JSON."""
    return {"items": page.items, "next_cursor": page.next_cursor, "total": page.total}


@router.post("", status_code=202, response_model=ListOf[ImportOut], max_body_size=LARGEST_UPLOAD)
async def upload(
    request: Request,
    services: ServicesOf,
    actor: Uploader,
    files: Annotated[list[UploadFile] | None, File()] = None,
    dry_run: bool = False,  # noqa: FBT001, FBT002  # a query parameter
    source: SourceName | Literal["auto"] = "auto",
) -> object:
    """Take files in; each is an import of its own, run by a worker. Watch `/events?topics=imports`."""
    if not files or len(files) > MOST_FILES:
        raise NoFiles(most=MOST_FILES)
    named = None if source == "auto" else source
    taken = [await _take(services, actor, file, dry_run=dry_run, source=named) for file in files]
    async with services.db.read() as session:
        items = [await reading_back.get_import(session, actor, found, language_of(request)) for found in taken]
    return {"items": items, "next_cursor": None}


async def _take(services: Services, actor: Actor, file: UploadFile, *, dry_run: bool, source: str | None) -> int:
    with tempfile.NamedTemporaryFile(prefix="vhm24r-upload-") as kept:
        while chunk := await file.read(COPY_BYTES):
            kept.write(chunk)
        kept.flush()
        arrival = Arrival(Path(kept.name), Path(file.filename or "file").name.replace("\x00", ""), dry_run, source)
        return await receiving.take_in(
            services.db,
            services.blobs,
            services.jobs,
            actor,
            arrival,
            services.settings.upload_limit_mb,
            services.clock.now(),
        )


@router.get("", response_model=ListOf[ImportOut])
async def list_imports(
    request: Request, session: ReadSession, actor: Reader, limit: Limit = 20, cursor: str | None = None,
    status: ImportStatus | None = None,
) -> object:  # fmt: skip
    """Imports, newest first."""
    page = await reading_back.list_imports(
        session, actor, language_of(request), status=status, limit=limit, cursor=cursor
    )
    return listed(page)


@router.get("/{import_id}", response_model=ImportOut)
async def get_import(import_id: int, request: Request, session: ReadSession, actor: Reader) -> object:
    """One import."""
    return await reading_back.get_import(session, actor, import_id, language_of(request))


@router.get("/{import_id}/rows", response_model=ListOf[ImportRowOut])
async def list_rows(
    import_id: int, session: ReadSession, actor: Reader, limit: Limit = 50, cursor: str | None = None,
    outcome: Outcome | None = None,
) -> object:  # fmt: skip
    """The rows of an applied file and what each brought."""
    return listed(await reading_back.list_rows(session, actor, import_id, outcome=outcome, limit=limit, cursor=cursor))


@router.get("/{import_id}/errors", response_model=ListOf[IssueOut], responses={200: {"content": {"text/csv": {}}}})
async def list_errors(
    import_id: int,
    request: Request,
    session: ReadSession,
    actor: Reader,
    format: str = "json",
    limit: Limit = MAX_LIMIT,
    cursor: str | None = None,
) -> object:
    """The issues of an import; `format=csv` downloads them."""
    language = language_of(request)
    if format == "csv":
        text = await reading_back.issues_csv(session, actor, import_id, language)
        name = f'attachment; filename="import-{import_id}-issues.csv"'
        return Response("\ufeff" + text, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": name})
    page = await reading_back.list_issues(session, actor, import_id, language, limit=limit, cursor=cursor)
    return listed(page)


@router.get("/{import_id}/file", response_class=Download)
async def download(import_id: int, services: ServicesOf, session: ReadSession, actor: Reader) -> Response:
    """The original, byte for byte."""
    found = await reading_back.get_import(session, actor, import_id, "en")
    sha256 = found["file"]["sha256"]
    if not sha256 or not await services.blobs.has(sha256):  # too large ones are not kept
        raise BlobMissing(sha256=sha256)
    stream = services.blobs.stream(sha256)
    headers = {"Content-Disposition": f'attachment; filename="import-{import_id}"', "X-Content-Type-Options": "nosniff"}
    return Download(stream, headers=headers)


@router.post("/{import_id}/apply", status_code=202, response_model=ImportOut)
async def apply_waiting(
    import_id: int, request: Request, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Apply a dry run, or redo an undone import."""
    row = await receiving.apply_waiting(session, actor, import_id, services.clock.now())
    await receiving.defer(session, services.jobs, row)
    await session.flush()
    return await reading_back.get_import(session, actor, import_id, language_of(request))


@router.post("/{import_id}/undo", status_code=202, response_model=ImportOut)
async def undo(import_id: int, request: Request, services: ServicesOf, session: WriteSession, actor: Writer) -> object:
    """Take an applied import back; orders that people have touched stay, and are listed in `undo.kept`."""
    await undoing.request_undo(session, actor, services.jobs, import_id)
    await session.flush()
    return await reading_back.get_import(session, actor, import_id, language_of(request))


@router.post("/{import_id}/cancel", status_code=202, response_model=ImportOut)
async def cancel(
    import_id: int, request: Request, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Stop an import that is in progress; nothing of it is written."""
    await receiving.request_cancel(session, actor, import_id, services.clock.now())
    await session.flush()
    return await reading_back.get_import(session, actor, import_id, language_of(request))


@router.get("/{import_id}/mapping", response_model=MappingHelpOut)
async def suggest_mapping(import_id: int, services: ServicesOf, session: ReadSession, actor: Reader) -> object:
    """What the columns of a waiting import probably mean, and its first rows."""
    return await mapping.suggestions(session, actor, import_id, services.settings.zone)


@router.post("/{import_id}/mapping", status_code=202, response_model=ImportOut)
async def map_import(
    import_id: int, said: MappingIn, request: Request, services: ServicesOf, session: WriteSession, actor: Writer
) -> object:
    """Say what the columns of a waiting import mean; it is remembered for this header, and the import goes on."""
    row = await mapping.map_import(session, actor, import_id, said.model_dump(), services.clock.now())
    await receiving.defer(session, services.jobs, row)
    await session.flush()
    return await reading_back.get_import(session, actor, import_id, language_of(request))
