"""Schemathesis over the API as it runs: every operation of the OpenAPI document, as each role."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

FreshToken = Callable[[], str | None]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
STREAMS = {"/api/v1/events"}
"""Answers that never end; their own tests are in `test_routes.py` and `test_sessions.py`."""


@dataclass(slots=True)
class Summary:
    """What was asked and answered, and what must not have been."""

    operations: int = 0
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        """For a table."""
        statuses = " · ".join(f"{status}: {many}" for status, many in sorted(self.statuses.items()))
        return f"| {name} | {self.operations} | {self.requests:,} | {statuses} | {len(self.problems)} |"


def fuzz(
    url: str, token: FreshToken, *, examples: int, hidden: tuple[str, ...] = (), first: int = 0, step: int = 1
) -> Summary:
    """Ask every operation `examples` times with data that fits its description, and as often with data that does not.
    `token` gives a fresh one for each operation; no answer may be a fault, be undeclared, or hold a `hidden` text.
    """
    summary = Summary()
    schema = schemathesis.openapi.from_url(f"{url}/api/openapi.json")
    operations = [found.ok() for found in cast("Any", schema.get_all_operations())]
    for operation in operations[first::step]:
        if operation.path not in STREAMS:
            summary.operations += 1
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _ask(operation, mode, token(), examples, hidden, summary)
    return summary


def _ask(
    operation: Any, mode: GenerationMode, token: str | None, examples: int, hidden: tuple[str, ...], summary: Summary
) -> None:
    headers = {"X-Requested-With": "tests", **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        strategy = operation.as_strategy(generation_mode=mode)
    except Exception as error:  # an operation without anything to get wrong
        if "negative" in str(error).lower() or mode is GenerationMode.NEGATIVE:
            return
        raise

    @seed(20260105)
    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=strategy)
    def one(case: Any) -> None:
        case.headers = {**(case.headers or {}), **headers}
        answer = case.call()
        summary.requests += 1
        summary.statuses[answer.status_code] += 1
        name = f"{operation.method.upper()} {operation.path} → {answer.status_code}"
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseException as error:  # noqa: BLE001  # whatever a check says is a line of the summary
            summary.problems.append(f"{name}: {str(error)[:600]}")
        for text in hidden:
            if text in (answer.text or ""):
                summary.problems.append(f"{name}: shows {text}")

    try:
        one()
    except Exception as error:  # noqa: BLE001  # nothing can be made up against this description
        if mode is GenerationMode.POSITIVE:
            summary.problems.append(f"{operation.method.upper()} {operation.path}: {error!r}"[:600])
