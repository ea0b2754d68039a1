"""The page's typed client is made of the routes as they are."""

from pathlib import Path

import pytest

from vhm24r.api import matrix, openapi

pytestmark = pytest.mark.unit


def test_the_stored_document_is_the_one_of_the_routes() -> None:
    stored = Path(__file__).parents[2] / "web" / "openapi.json"

    assert stored.read_text(encoding="utf-8") == openapi.text(), "run `make openapi`"


def test_the_page_of_who_may_do_what_is_the_one_of_the_routes() -> None:
    stored = Path(__file__).parents[2] / "docs" / "access.md"

    assert stored.read_text(encoding="utf-8") == matrix.page(), "run `make openapi`"


def test_the_document_says_who_may_ask() -> None:
    paths = openapi.document()["paths"]

    assert paths["/api/v1/orders"]["get"]["x-permission"] == "orders:read"
    assert paths["/api/v1/orders"]["get"]["security"] == [{"token": []}, {"cookie": []}]
    assert paths["/api/v1/auth/ways"]["get"]["security"] == []
    assert list(paths["/api/v1/orders"]["get"]["responses"]["4XX"]["content"]) == ["application/problem+json"]
