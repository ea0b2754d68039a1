"""A CSV through dlt, merged by the order number: first into an empty table, then once more with unchanged rows."""

import csv
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit


def rows_of(path: str) -> Iterator[list[dict[str, str]]]:
    """The rows, a few thousand at once, under plain names."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        names = ["number", *(f"c{n}" for n in range(1, len(next(reader))))]
        batch: list[dict[str, str]] = []
        for row in reader:
            batch.append(dict(zip(names, row, strict=True)))
            if len(batch) >= 5_000:
                yield batch
                batch = []
        yield batch


def with_host(url: str) -> str:
    """The address in the only form that is taken: with a host, be it a socket's folder, and a password."""
    at = urlsplit(url)
    host = at.hostname or quote(parse_qs(at.query)["host"][0], safe="")
    return f"postgresql://{at.username}:{at.password or 'none'}@{host}:{at.port or 5432}{at.path}"


def main() -> None:
    """Load twice, say what each took."""
    path, url = sys.argv[1:]
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    import dlt

    with tempfile.TemporaryDirectory() as folder:
        destination = dlt.destinations.postgres(credentials=with_host(url))
        pipeline = dlt.pipeline("bench", pipelines_dir=folder, destination=destination, dataset_name="peer_dlt")
        told = []
        for name in ("dlt csv first", "dlt csv unchanged"):
            started = time.perf_counter()
            rows = dlt.resource(rows_of(path), name="orders", primary_key="number", write_disposition="merge")
            pipeline.run(rows)
            seconds = time.perf_counter() - started
            counts = pipeline.last_trace.last_normalize_info.row_counts
            told.append({"name": name, "rows": counts["orders"], "seconds": seconds, "how": "merge by primary key"})
    print(json.dumps(told))


if __name__ == "__main__":
    main()
