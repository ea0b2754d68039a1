"""Prometheus metrics, named `vhm24r_<noun>_<unit>`; label values come from closed sets only."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

registry = CollectorRegistry()

http_seconds = Histogram(
    "vhm24r_http_request_seconds", "Time to answer a request", ["method", "route", "status"], registry=registry
)
too_often_total = Counter("vhm24r_too_often_total", "Requests beyond a rate, by kind", ["kind"], registry=registry)
errors_total = Counter("vhm24r_errors_total", "Errors shown to somebody, by code", ["code"], registry=registry)
vain_sign_ins_total = Counter(
    "vhm24r_vain_sign_ins_total", "Vain attempts to come in, by code", ["code"], registry=registry
)
import_rows_total = Counter(
    "vhm24r_import_rows_total", "Rows read from files", ["source", "outcome"], registry=registry
)
import_seconds = Histogram(
    "vhm24r_import_seconds",
    "Time from reading a file to its commit",
    ["format", "status"],
    buckets=(0.1, 0.3, 1, 3, 10, 30, 100, 300),
    registry=registry,
)


def exposition() -> bytes:
    """All metrics of this process in the Prometheus text format."""
    return generate_latest(registry)
