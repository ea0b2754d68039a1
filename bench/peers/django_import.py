"""A CSV through django-import-export in bulk: first into an empty table, then once more."""

import json
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import django
import tablib
from django.conf import settings

KEY, BATCH = "number", 1_000
UNCHANGED_ROWS = 20_000
"""Unchanged rows are looked up one by one: all of them would take ten minutes and say the same."""


def prepare(url: str) -> None:
    """A Django without a project, on the given database."""
    at = urlsplit(url)
    host = at.hostname or parse_qs(at.query).get("host", [""])[0]
    database = {
        "ENGINE": "django.db.backends.postgresql", "NAME": at.path.strip("/"), "USER": at.username or "",
        "PASSWORD": at.password or "", "HOST": host, "PORT": str(at.port or ""),
    }  # fmt: skip
    settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["import_export"], USE_TZ=True)
    django.setup()


def resource_of(columns: list[str]) -> Any:  # noqa: ANN401  # made here out of its columns
    """A table of texts with a unique order number, and its resource."""
    from django.db import connection, models
    from import_export import resources

    fields: dict[str, Any] = {
        name: models.CharField(max_length=64, unique=True) if name == KEY else models.TextField(blank=True)
        for name in columns
    }
    meta = type("Meta", (), {"app_label": "import_export", "db_table": "peer_django"})
    model = type("Order", (models.Model,), {**fields, "Meta": meta, "__module__": __name__})
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS peer_django")
    with connection.schema_editor() as editor:
        editor.create_model(model)
    options = {
        "model": model, "import_id_fields": (KEY,), "fields": tuple(columns), "use_bulk": True, "batch_size": BATCH,
        "skip_unchanged": True, "skip_diff": True, "report_skipped": False, "use_transactions": True,
    }  # fmt: skip
    return type("Orders", (resources.ModelResource,), {"Meta": type("Meta", (), options)})()


def main() -> None:
    """Import twice, say what each took."""
    path, url = sys.argv[1:]
    prepare(url)
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        columns = [KEY, *(f"c{n}" for n in range(1, len(file.readline().split(","))))]
        body = file.read()
    resource = resource_of(columns)
    told = []
    short = "\n".join(body.splitlines()[:UNCHANGED_ROWS])
    for name, text in (("django-import-export csv first", body), ("django-import-export csv unchanged", short)):
        started = time.perf_counter()
        data = tablib.Dataset().load(text, format="csv", headers=False)
        data.headers = columns
        resource.import_data(data, raise_errors=True)
        seconds = time.perf_counter() - started
        told.append({"name": name, "rows": len(data), "seconds": seconds, "how": "use_bulk, skip_unchanged, skip_diff"})
    print(json.dumps(told))


if __name__ == "__main__":
    main()
