"""The OpenAPI document: what FastAPI knows of the routes, and what it does not: how errors come, who may ask."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts

from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.api.problems import MEDIA_TYPE
from vhm24r.api.routing import GuardedRoute
from vhm24r.api.security import Door, Needs, Open

CONVERTER = re.compile(r":\w+}")
"""What a path of ours says of a parameter besides its name: `{name:path}`."""

WAYS_TO_PROVE = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "an access token of POST /auth/refresh, or an API key",
    },
    "cookie": {"type": "apiKey", "in": "cookie", "name": ACCESS_COOKIE},
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an application's routes; made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        document.setdefault("components", {})["securitySchemes"] = WAYS_TO_PROVE
        doors = doors_of(app)
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                _complete(operation, doors[method.upper(), path])
        app.openapi_schema = document
    return app.openapi_schema


def _complete(operation: dict[str, Any], door: object) -> None:
    """Errors are problems (RFC 9457); who may ask is part of the description."""
    for status, answer in operation["responses"].items():
        if status.startswith("4"):
            answer["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    if isinstance(door, Open):
        operation["security"] = []
        return
    operation["security"] = [{name: []} for name in WAYS_TO_PROVE]
    if isinstance(door, Needs):
        operation["x-permission"] = str(door.permission)


def doors_of(app: FastAPI) -> dict[tuple[str, str], Door]:
    """By method and path, as the document writes it, the one door that each route declares."""
    found: dict[tuple[str, str], Door] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, GuardedRoute):
            for method in context.methods or ():
                found[method, CONVERTER.sub("}", str(context.path))] = route.doors[0]
    return found
