"""The page's typed client is made of the routes as they are."""

from pathlib import Path

import pytest

from vhm24r.api import openapi

pytestmark = pytest.mark.unit


def test_the_stored_document_is_the_one_of_the_routes() -> None:
    stored = Path(__file__).parents[2] / "web" / "openapi.json"

    assert stored.read_text(encoding="utf-8") == openapi.text(), "run `make openapi`"
