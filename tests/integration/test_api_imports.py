"""Files in over HTTP, what became of them, and repetitions that change nothing."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from tests.conftest import sign_in
from tests.factories import HW_HEADER, csv_bytes, hw_row, number
from tests.integration.sharing import client
from vhm24r.api.app import build_app
from vhm24r.api.cookies import ACCESS_COOKIE
from vhm24r.api.schemas import ImportOut, ImportRowOut, IssueOut
from vhm24r.identity.permissions import Role
from vhm24r.kit.pagination import encode_cursor
from vhm24r.ops.process import Services

pytestmark = pytest.mark.integration

Files = list[tuple[str, tuple[str, bytes, str]]]


def named(**files: bytes) -> Files:
    """Form parts as the page sends them; `a_csv` is the file `a.csv`."""
    return [("files", (name.replace("_", "."), content, "text/csv")) for name, content in files.items()]


@pytest.fixture
async def http(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    async with await client(services, Role.OPERATOR) as operator:
        yield operator


async def upload(http: httpx.AsyncClient, files: Files, **params: Any) -> list[dict[str, Any]]:
    answer = await http.post("/api/v1/imports", files=files, params=params)
    assert answer.status_code == 202, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def get(http: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await http.get(f"/api/v1/imports{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def orders(http: httpx.AsyncClient) -> int:
    answer = await http.get("/api/v1/orders", params={"with_total": True, "limit": 1})
    return int(answer.json()["total"])


async def test_files_are_received_then_applied_by_a_worker(services: Services, http: httpx.AsyncClient) -> None:
    files = named(one_csv=csv_bytes([hw_row(1)]), two_csv=csv_bytes([hw_row(2), hw_row(3)]))

    received = await upload(http, files)
    waiting = await orders(http)
    await services.jobs.drain()
    done = [await get(http, f"/{item['id']}") for item in received]

    assert [(item["file"]["name"], item["status"], item["uploaded_by"]["name"]) for item in received] == [
        ("one.csv", "received", "Test operator"),
        ("two.csv", "received", "Test operator"),
    ]
    assert [ImportOut.model_validate(item).status for item in received] == ["received", "received"]
    assert (waiting, await orders(http)) == (0, 3)
    assert [(item["status"], item["format"], item["source"], item["confidence"]) for item in done] == [
        ("applied", "csv", "happy_workers", 1.0)
    ] * 2
    assert done[1]["rows"] == {
        "total": 2, "new": 2, "updated": 0, "filled": 0, "changed": 0, "unchanged": 0, "skipped": 0, "issues": 0,
    }  # fmt: skip
    assert done[1]["orders"] == {"new": 2, "filled": 0, "changed": 0}
    assert done[1]["money_effect"] == {"new": [{"amount": "30000.00", "currency": "UZS"}], "changed": []}
    assert (done[1]["progress"], done[1]["error"], done[1]["seconds"]) == (None, None, 0.0)
    assert set(done[0]) == set(ImportOut.model_fields)


async def test_rows_say_what_each_brought_and_where_it_stands(services: Services, http: httpx.AsyncClient) -> None:
    await upload(http, named(a_csv=csv_bytes([hw_row(1), hw_row(2, Срок_поставки="")])))
    await services.jobs.drain()
    (second,) = await upload(http, named(b_csv=csv_bytes(
        [hw_row(1, Цена_заказа="16000"), hw_row(2), hw_row(3), hw_row(3), hw_row(1, Цена_заказа="16000")]
    )))  # fmt: skip
    await services.jobs.drain()

    rows = (await get(http, f"/{second['id']}/rows"))["items"]

    assert [(row["position"], row["locator"]["row"], row["outcome"], row["order_number"]) for row in rows] == [
        (0, 2, "changed", number(1)),
        (1, 3, "filled", number(2)),
        (2, 4, "new", number(3)),
        (3, 5, "duplicate", number(3)),
        (4, 6, "duplicate", number(1)),
    ]
    assert rows[0]["locator"] == {"file": "b.csv", "member": None, "sheet": None, "page": None, "row": 2}
    assert [row["changes"] for row in rows[:3]] == [
        [{"field": "amount", "kind": "changed", "old": "15000.00", "new": "16000.00"}],
        [{"field": "delivered_at", "kind": "filled", "old": None, "new": "2025-12-24T19:16:00Z"}],
        [],
    ]
    for row in rows:
        assert set(row) == set(ImportRowOut.model_fields)
    first_page = await get(http, f"/{second['id']}/rows", limit=2)
    second_page = await get(http, f"/{second['id']}/rows", limit=2, cursor=first_page["next_cursor"])
    assert first_page["items"] + second_page["items"] == rows[:4]
    assert (await get(http, f"/{second['id']}/rows", outcome="filled"))["items"] == rows[1:2]


async def test_issues_as_json_and_as_a_harmless_csv(services: Services, http: httpx.AsyncClient) -> None:
    rows = [hw_row(1), hw_row(2, Цена_заказа="=1+1"), hw_row(3, Время_оплаты="@никогда")]
    (item,) = await upload(http, named(bad_csv=csv_bytes(rows)))
    await services.jobs.drain()

    done = await get(http, f"/{item['id']}")
    issues = (await get(http, f"/{item['id']}/errors"))["items"]
    sheet = await http.get(f"/api/v1/imports/{item['id']}/errors", params={"format": "csv"})

    assert (done["status"], done["rows"]["new"], done["rows"]["issues"]) == ("applied", 1, 2)
    assert done["issues_by_code"] == [
        {"code": "intake.amount_unreadable", "level": "error", "count": 1, "message": "unreadable amount"},
        {"code": "intake.time_unreadable", "level": "error", "count": 1, "message": "unreadable time"},
    ]
    place = {"file": "bad.csv", "member": None, "sheet": None, "page": None}
    assert [(i["locator"], i["column"], i["value"], i["code"], i["level"]) for i in issues] == [
        ({**place, "row": 3}, "Цена заказа", "=1+1", "intake.amount_unreadable", "error"),
        ({**place, "row": 4}, "Время оплаты", "@никогда", "intake.time_unreadable", "error"),
    ]
    assert issues[0]["message"] == (
        "bad.csv, row 3, column “Цена заказа”: “=1+1” is not an amount."
        " The row was left out; correct it and send the file again."
    )
    assert [set(issue) for issue in issues] == [set(IssueOut.model_fields)] * 2
    assert sheet.headers["content-disposition"] == f'attachment; filename="import-{item["id"]}-issues.csv"'
    assert sheet.content.startswith("\ufeff".encode())
    cells = list(csv.reader(io.StringIO(sheet.content.decode("utf-8-sig"))))
    assert cells[0] == [*HW_HEADER, "issue", "what is wrong"]
    at = cells[0].index
    assert [(line[at("Номер заказа")], line[at("issue")]) for line in cells[1:]] == [
        (rows[1]["Номер заказа"], "intake.amount_unreadable"),
        (rows[2]["Номер заказа"], "intake.time_unreadable"),
    ]
    assert (cells[1][at("Цена заказа")], cells[2][at("Время оплаты")]) == ("'=1+1", "'@никогда")
    assert cells[1][-1] == issues[0]["message"]


async def test_the_original_comes_back_byte_for_byte(services: Services, http: httpx.AsyncClient) -> None:
    content = csv_bytes([hw_row(1)], delimiter=";", encoding="cp1251")
    (item,) = await upload(http, named(a_csv=content))
    await services.jobs.drain()

    answer = await http.get(f"/api/v1/imports/{item['id']}/file")

    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == f'attachment; filename="import-{item["id"]}"'


async def test_a_dry_run_changes_nothing_until_it_is_applied(services: Services, http: httpx.AsyncClient) -> None:
    (item,) = await upload(http, named(a_csv=csv_bytes([hw_row(1), hw_row(2)])), dry_run=True)
    await services.jobs.drain()
    previewed, before = await get(http, f"/{item['id']}"), await orders(http)
    confirmed = await http.post(f"/api/v1/imports/{item['id']}/apply")
    await services.jobs.drain()
    applied, after = await get(http, f"/{item['id']}"), await orders(http)
    again = await http.post(f"/api/v1/imports/{item['id']}/apply")

    assert (previewed["status"], previewed["dry_run"], previewed["rows"]["new"], before) == ("dry_run", True, 2, 0)
    assert (confirmed.status_code, confirmed.json()["status"], confirmed.json()["dry_run"]) == (202, "received", False)
    assert (applied["status"], applied["rows"], after) == ("applied", previewed["rows"], 2)
    assert (again.status_code, again.json()["code"]) == (409, "intake.not_waiting")
    assert again.json()["params"] == {"import_id": str(item["id"]), "status": "applied"}


async def test_the_list_is_paged_and_filtered_by_status(services: Services, http: httpx.AsyncClient) -> None:
    files = named(**{f"f{i}_csv": csv_bytes([hw_row(i)]) for i in range(1, 5)}, broken_csv=b"nothing here")
    await upload(http, files)
    await services.jobs.drain()

    names: list[str] = []
    page: dict[str, Any] = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        page = await get(http, "", limit=2, cursor=page["next_cursor"])
        names += [item["file"]["name"] for item in page["items"]]
    refused = (await get(http, "", status="refused"))["items"]

    assert names == ["broken.csv", "f4.csv", "f3.csv", "f2.csv", "f1.csv"]
    assert [item["file"]["name"] for item in refused] == ["broken.csv"]
    assert (await get(http, "", status="undone"))["items"] == []


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("", {"status": "gone"}, "http.invalid"),
        ("", {"limit": 0}, "http.invalid"),
        ("", {"cursor": "garbage"}, "page.bad_cursor"),
        ("", {"cursor": encode_cursor(["text"])}, "page.bad_cursor"),
        ("", {"cursor": encode_cursor([10**30])}, "page.bad_cursor"),
        ("/{id}/rows", {"cursor": encode_cursor([None])}, "page.bad_cursor"),
        ("/{id}/rows", {"outcome": "lost"}, "http.invalid"),
        ("/first", {}, "http.invalid"),
    ],
)
async def test_what_cannot_be_read_is_refused(
    services: Services, http: httpx.AsyncClient, path: str, params: dict[str, Any], code: str
) -> None:
    (item,) = await upload(http, named(a_csv=csv_bytes([hw_row(1)])))
    await services.jobs.drain()

    answer = await http.get(f"/api/v1/imports{path.format(id=item['id'])}", params=params)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_an_unknown_import_is_not_found(http: httpx.AsyncClient) -> None:
    for missing in ("999999", "0", "-1", str(10**30)):
        for method, path in (("GET", ""), ("GET", "/rows"), ("GET", "/errors"), ("GET", "/file"), ("POST", "/apply")):
            answer = await http.request(method, f"/api/v1/imports/{missing}{path}")
            assert (answer.status_code, answer.json()["code"]) == (404, "intake.import_not_found"), (missing, path)


async def test_a_request_without_files_or_with_too_many_is_refused(http: httpx.AsyncClient) -> None:
    none = await http.post("/api/v1/imports")
    many = await http.post("/api/v1/imports", files=named(**{f"f{i}_csv": b"x" for i in range(51)}))

    assert [(a.status_code, a.json()["code"], a.json()["params"]) for a in (none, many)] == [
        (422, "intake.no_files", {"most": "50"})
    ] * 2
    assert (await get(http, ""))["items"] == []


async def test_a_file_over_the_limit_is_refused_and_not_kept(services: Services) -> None:
    small = replace(services, settings=services.settings.model_copy(update={"upload_limit_mb": 1}))
    async with await client(small, Role.OPERATOR) as http:
        files = named(big_csv=b"a" * (1024 * 1024 + 1), small_csv=csv_bytes([hw_row(1)]))
        big, other = await upload(http, files)
        await services.jobs.drain()
        stored = await get(http, f"/{other['id']}")
        original = await http.get(f"/api/v1/imports/{big['id']}/file")

    assert (big["status"], big["error"]["code"], big["error"]["title"]) == (
        "refused", "intake.file_too_large", "Not taken",
    )  # fmt: skip
    assert big["error"]["detail"] == (
        "“big.csv” has 1 MiB; at most 1 MiB are taken. It was not kept: split the report by dates and send the parts."
    )
    assert big["file"] == {"name": "big.csv", "size": 1024 * 1024 + 1, "sha256": ""}
    assert stored["status"] == "applied"
    assert (original.status_code, original.json()["code"]) == (404, "platform.blob_missing")


async def test_the_same_bytes_again_are_a_duplicate(services: Services, http: httpx.AsyncClient) -> None:
    content = csv_bytes([hw_row(1)])
    (first,) = await upload(http, named(a_csv=content))
    await services.jobs.drain()
    (second,) = await upload(http, named(b_csv=content))
    await services.jobs.drain()

    done = await get(http, f"/{second['id']}")

    assert (done["status"], done["duplicate_of"]) == ("duplicate", first["id"])
    assert (done["rows"]["total"], done["rows"]["unchanged"], await orders(http)) == (1, 1, 1)
    assert (await get(http, f"/{second['id']}/rows"))["items"] == []


async def test_a_named_source_is_taken_at_its_word(services: Services, http: httpx.AsyncClient) -> None:
    (item,) = await upload(http, named(a_csv=csv_bytes([hw_row(1)])), source="vendhub")
    unknown = await http.post("/api/v1/imports", files=named(a_csv=b"x"), params={"source": "guess"})
    await services.jobs.drain()

    done = await get(http, f"/{item['id']}")

    assert (done["status"], done["error"]["code"]) == ("needs_mapping", "intake.source_mismatch")
    assert (unknown.status_code, unknown.json()["params"]["field"].partition(".")[0]) == (422, "source")


async def test_a_viewer_reads_imports_and_sends_none(services: Services, http: httpx.AsyncClient) -> None:
    (item,) = await upload(http, named(a_csv=csv_bytes([hw_row(1)])))
    async with await client(services, Role.VIEWER) as viewer:
        seen = await viewer.get(f"/api/v1/imports/{item['id']}")
        sent = await viewer.post("/api/v1/imports", files=named(b_csv=csv_bytes([hw_row(2)])))
        applied = await viewer.post(f"/api/v1/imports/{item['id']}/apply")

    assert seen.status_code == 200
    assert [(a.status_code, a.json()["params"]) for a in (sent, applied)] == [
        (403, {"permission": "imports:write"})
    ] * 2
    assert len((await get(http, ""))["items"]) == 1


async def test_names_of_files_carry_no_path_and_no_nul(http: httpx.AsyncClient) -> None:
    boundary = "edge"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="../../etc/pass\x00wd.csv"\r\n'
        f"Content-Type: text/csv\r\n\r\na,b\r\n--{boundary}--\r\n"
    ).encode()

    answer = await http.post(
        "/api/v1/imports", content=body, headers={"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )

    assert (answer.status_code, answer.json()["items"][0]["file"]["name"]) == (202, "passwd.csv")


async def test_a_repeated_upload_with_its_key_is_answered_alike(services: Services, http: httpx.AsyncClient) -> None:
    files = named(a_csv=csv_bytes([hw_row(1)]))
    key = {"Idempotency-Key": "upload-1"}

    first = await http.post("/api/v1/imports", files=files, headers=key)
    again = await http.post("/api/v1/imports", files=files, headers=key)  # a new attempt has another boundary

    assert (first.status_code, again.status_code) == (202, 202)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == "application/json"
    assert again.json() == first.json()
    await services.jobs.drain()
    assert [item["status"] for item in (await get(http, ""))["items"]] == ["applied"]


async def test_a_key_belongs_to_one_request(http: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "upload-1"}
    await http.post("/api/v1/imports", files=named(a_csv=csv_bytes([hw_row(1)])), headers=key)

    other = await http.post("/api/v1/imports", files=named(a_csv=csv_bytes([hw_row(2)])), headers=key)
    elsewhere = await http.post("/api/v1/imports?dry_run=true", files=named(a_csv=csv_bytes([hw_row(1)])), headers=key)

    assert [(a.status_code, a.json()["code"]) for a in (other, elsewhere)] == [(422, "idempotency.key_reused")] * 2
    assert len((await get(http, ""))["items"]) == 1


async def test_a_key_belongs_to_one_person(services: Services, http: httpx.AsyncClient) -> None:
    key, files = {"Idempotency-Key": "upload-1"}, named(a_csv=csv_bytes([hw_row(1)]))
    async with await client(services, Role.ADMIN) as admin:
        answers = [await person.post("/api/v1/imports", files=files, headers=key) for person in (http, admin)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() != answers[1].json()


async def test_a_failed_attempt_frees_its_key(services: Services, http: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "order-1"}
    (item,) = await upload(http, named(a_csv=csv_bytes([hw_row(1)])), dry_run=True)
    early = await http.post(f"/api/v1/imports/{item['id']}/apply", headers=key)
    await services.jobs.drain()
    in_time = await http.post(f"/api/v1/imports/{item['id']}/apply", headers=key)

    assert (early.status_code, in_time.status_code) == (409, 202)
    assert "idempotency-replayed" not in in_time.headers


async def test_a_repetition_of_a_running_request_is_told_to_wait(services: Services) -> None:
    token = await sign_in(services, Role.OPERATOR)
    person = (await services.access.authenticate(token)).person
    transport = httpx.ASGITransport(build_app(services))
    headers = {"X-Requested-With": "tests", "Idempotency-Key": "upload-1"}
    files = named(a_csv=csv_bytes([hw_row(1)]))
    async with (
        httpx.AsyncClient(
            transport=transport, base_url="http://test", cookies={ACCESS_COOKIE: token}, headers=headers
        ) as http,
        services.db.write() as holding,
    ):
        await holding.execute(text("LOCK TABLE imports IN EXCLUSIVE MODE"))  # the first request stops half-way
        both = [asyncio.create_task(http.post("/api/v1/imports", files=files)) for _ in range(2)]
        done, running = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        refused = next(iter(done)).result()
        await holding.commit()
        accepted = await next(iter(running))
        async with services.db.read() as session:
            kept = await session.execute(text("SELECT actor, key, status FROM idempotency_keys"))

    assert (refused.status_code, refused.json()["code"]) == (409, "idempotency.in_flight")
    assert accepted.status_code == 202
    assert [tuple(row) for row in kept] == [(f"person:{person.id}", "upload-1", 202)]
