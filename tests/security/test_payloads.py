"""Commands for databases, shells, browsers and file systems, in every text that a request may hold: only texts."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI

from tests.conftest import sign_in
from tests.security.conftest import client_of
from tests.security.test_routes import address
from vhm24r.api.app import build_app
from vhm24r.identity.permissions import Role
from vhm24r.ops.process import Services

pytestmark = pytest.mark.security
PAYLOADS = [
    "' OR '1'='1", "'; DROP TABLE people; --", "1); SELECT pg_sleep(5); --", "$$; SELECT 1; $$", "%' OR 1=1 --",
    "../../../../etc/passwd", "..\\..\\windows\\win.ini", "/dev/null", "file:///etc/passwd", "{{7*7}}", "${7*7}",
    "$(id)", "`id`", "| id", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\r\nSet-Cookie: a=b", "\u202e\u0000",
    "%00", "\ud7ff\uffff", "x" * 5_000, "null", "[]", "-1", "9" * 40,
]  # fmt: skip
LEAKS = ("psycopg", "sqlalchemy", "Traceback", "root:x:", "syntax error")


def strings(schema: dict[str, Any], components: dict[str, Any]) -> Iterator[str]:
    """Names of the properties of a body that take a text."""
    if "$ref" in schema:
        schema = components[schema["$ref"].rsplit("/", 1)[-1]]
    for name, found in schema.get("properties", {}).items():
        options = [found, *found.get("anyOf", [])]
        if any(option.get("type") == "string" or "$ref" in option for option in options):
            yield name


def bodies(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """(method, path, field) of every text in a JSON body."""
    document = app.openapi()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if content:
                for name in strings(content["schema"], document["components"]["schemas"]):
                    yield method.upper(), path, name


def queries(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """(method, path, parameter) of every query parameter."""
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query" and path != "/api/v1/events":
                    yield method.upper(), path, parameter["name"]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
async def test_no_text_of_a_request_does_anything(services: Services, payload: str) -> None:
    app = build_app(services)
    token = await sign_in(services, Role.OWNER)
    wrong = []
    async with client_of(app, token) as owner:
        for method, path, name in bodies(app):
            answer = await owner.request(method, address(path), json={name: payload})
            if answer.status_code >= 500 or any(leak in answer.text for leak in LEAKS):
                wrong.append((method, path, name, answer.status_code))
        for method, path, name in queries(app):
            answer = await owner.request(method, address(path), params={name: payload})
            if answer.status_code >= 500 or any(leak in answer.text for leak in LEAKS):
                wrong.append((method, path, name, answer.status_code))
        language = payload.encode(errors="replace")[:1_000].replace(b"\r\n", b" ").replace(b"\x00", b"")
        header = await owner.get("/api/v1/auth/me", headers={b"Accept-Language": language})

    assert wrong == []
    assert header.status_code == 200
    assert "set-cookie" not in header.headers


async def test_a_name_is_shown_as_it_was_written(services: Services) -> None:
    async with client_of(build_app(services), await sign_in(services, Role.OWNER)) as owner:
        written = "<b>Guest'); DROP TABLE people;--"
        made = await owner.post("/api/v1/users", json={"name": written, "role": "viewer"})
        found = await owner.get("/api/v1/users", params={"q": "Guest')"})

    assert (made.status_code, made.json()["name"]) == (201, written)
    assert [person["name"] for person in found.json()["items"]] == [written]
