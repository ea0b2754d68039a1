"""The built page: hashed assets cached for ever, every other path is the single-page app."""

from pathlib import Path

from fastapi import Depends, FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from vhm24r.api.headers import page_headers
from vhm24r.api.security import Open

FOR_EVER = "public, max-age=31536000, immutable"


def page_folder() -> Path | None:
    """`web/dist` of a checkout, or the copy inside an installed package; None when not built."""
    package = Path(__file__).parents[1]
    found = (package / "web", package.parents[1] / "web" / "dist")
    return next((folder for folder in found if (folder / "index.html").exists()), None)


class HashedAssets(StaticFiles):
    """Files whose names change with their content."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """As usual, with a year in the cache."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed through as given
        response.headers["Cache-Control"] = FOR_EVER
        return response


def file_of(folder: Path, path: str) -> Path:
    """The file of the built page that this path names; the page itself for any other path."""
    try:
        wanted = (folder / path).resolve()
        inside = wanted.is_relative_to(folder.resolve()) and wanted.is_file()
    except (ValueError, OSError):  # a NUL, or a name no file can have
        inside = False
    return wanted if inside else folder / "index.html"


def mount(app: FastAPI) -> None:
    """Serve the page; without one, say how to build it."""
    folder = page_folder()
    if folder is not None:
        app.mount("/assets", HashedAssets(directory=folder / "assets"), name="assets")
        app.mount("/api-docs", StaticFiles(directory=folder / "api-docs", check_dir=False), name="api-docs")

    async def page(request: Request) -> Response:
        path = request.path_params["path"]
        if path.startswith(("api/", "webhooks/")):
            raise HTTPException(404)
        if folder is None:
            return PlainTextResponse("The page is not built: run `make web`.", status_code=503)
        headers = page_headers(path, request.app.state.services.settings)
        return FileResponse(file_of(folder, path), headers={"Cache-Control": "no-cache"} | headers)

    app.add_api_route(
        "/{path:path}",
        page,
        methods=["GET", "HEAD"],
        include_in_schema=False,
        dependencies=[Depends(Open("the page itself holds nothing; its data is behind the API"))],
    )
