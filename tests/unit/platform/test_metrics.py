"""Metrics in the text format of Prometheus, named and labelled from closed sets."""

import re

import pytest

from vhm24r.platform import metrics

pytestmark = pytest.mark.unit


def sample(name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", metrics.exposition().decode(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_counter_that_rose_is_exposed() -> None:
    name = 'vhm24r_import_rows_total{outcome="new",source="happy_workers"}'
    before = sample(name)

    metrics.import_rows_total.labels("happy_workers", "new").inc(3)

    assert sample(name) == before + 3


def test_a_duration_is_exposed_in_the_buckets_of_an_import() -> None:
    name = 'vhm24r_import_seconds_bucket{format="csv",le="3.0",status="applied"}'
    below = name.replace('"3.0"', '"1.0"')
    before, before_below = sample(name), sample(below)

    metrics.import_seconds.labels("csv", "applied").observe(2)

    assert sample(name) == before + 1
    assert sample(below) == before_below


def test_every_metric_is_ours_and_says_what_it_is() -> None:
    text = metrics.exposition().decode()

    names = re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE)
    assert {"vhm24r_http_request_seconds", "vhm24r_errors_total", "vhm24r_import_seconds"} <= {n for n, _ in names}
    assert all(name.startswith("vhm24r_") for name, _ in names)
