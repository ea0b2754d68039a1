"""Machines exist from the first report that names them, and people may correct them."""

import httpx
import pytest

from tests.conftest import Visitor
from tests.factories import MACHINE, hw_row
from tests.integration.conftest import Bring, Query
from vhm24r.identity.permissions import Role

pytestmark = pytest.mark.integration


async def test_a_report_names_machines_and_products(bring: Bring, operator: httpx.AsyncClient) -> None:
    await bring([hw_row(1), hw_row(2, Наименование_товара="Латте")])

    machines = (await operator.get("/api/v1/machines")).json()["items"]
    products = (await operator.get("/api/v1/products")).json()["items"]

    assert machines == [{"code": MACHINE, "name": None, "address": "ул. Навои, 1", "timezone": None, "active": True}]
    assert [product["name"] for product in products] == ["Латте", "Эспрессо"]


async def test_a_corrected_address_is_not_overwritten_and_the_correction_is_audited(
    bring: Bring, query: Query, operator: httpx.AsyncClient
) -> None:
    await bring([hw_row(1)])

    edited = await operator.patch(f"/api/v1/machines/{MACHINE}", json={"name": "Lobby", "address": "Navoi 1, hall"})
    await bring([hw_row(2, Адрес="ул. Навои, 1а")])

    assert edited.json()["name"] == "Lobby"
    assert (await query("SELECT address FROM machines"))[0]["address"] == "Navoi 1, hall"
    entries = await query("SELECT data FROM audit_entries WHERE action = 'machine.edited'")
    assert entries[0]["data"]["old"] == {"name": None, "address": "ул. Навои, 1"}


@pytest.mark.parametrize("body", [{"timezone": "Asia/Nowhere"}, {"active": None}, {"name": "x" * 301}])
async def test_a_value_that_does_not_fit_changes_nothing(
    bring: Bring, query: Query, operator: httpx.AsyncClient, body: dict[str, object]
) -> None:
    await bring([hw_row(1)])

    answer = await operator.patch(f"/api/v1/machines/{MACHINE}", json=body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "orders.field_invalid"
    assert (await query("SELECT name, active FROM machines"))[0] == {"name": None, "active": True}


async def test_unknown_machines_and_viewers_are_refused(bring: Bring, visitors: dict[Role | None, Visitor]) -> None:
    await bring([hw_row(1)])

    unknown = await visitors[Role.OPERATOR].http.patch("/api/v1/machines/000000000000", json={"name": "x"})
    viewer = await visitors[Role.VIEWER].http.patch(f"/api/v1/machines/{MACHINE}", json={"name": "x"})

    assert (unknown.status_code, unknown.json()["code"]) == (404, "orders.machine_not_found")
    assert viewer.status_code == 403
