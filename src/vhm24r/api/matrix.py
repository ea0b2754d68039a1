"""Who may call which route, as a page of the documentation: `python -m vhm24r.api.matrix` writes `docs/access.md`."""

import sys
from collections.abc import Iterator
from typing import Any

from vhm24r.api.description import doors_of
from vhm24r.api.endpoints.running import TOPICS
from vhm24r.api.openapi import application
from vhm24r.api.security import Door, Needs, SignedInOnly
from vhm24r.identity.permissions import LIMITABLE, NEVER_BY_KEY, PERMISSIONS, WHOLE_FILES, Permission, Role

HEAD = f"""# Who may do what

Written by `make openapi` from the routes and the one table of roles (`src/vhm24r/identity/permissions.py`); a test
walks every route with every role. Every route declares exactly one door: a permission, being signed in, or a reason to
be open. What one may not see answers 404, as if it did not exist.

* {", ".join(sorted(LIMITABLE))} can be limited to machines and sources. Who is limited to machines does not hold
  {", ".join(f"`{name}`" for name in sorted(WHOLE_FILES))}: a file speaks of all of them. What adds up over the whole
  network is for those who see it (`app.part_only`).
* An API key has a choice of its maker's present permissions, without
  {", ".join(f"`{name}`" for name in sorted(NEVER_BY_KEY))}.
* Nobody decides about oneself; an admin decides about everybody but owners, and signs in as lower roles alone.
"""


def page() -> str:
    """The page as it lies in `docs/access.md`."""
    return "\n".join([HEAD, *_roles(), "", *_routes(), "", *_topics(), ""])


def _roles() -> Iterator[str]:
    yield "## Permissions\n"
    yield from _table("permission", ((f"`{one}`", [one in PERMISSIONS[role] for role in Role]) for one in Permission))


def _routes() -> Iterator[str]:
    yield "## Routes\n"
    doors = sorted(doors_of(application()).items(), key=lambda found: (found[0][1], found[0][0]))
    rows = ((f"{method} {path}", _opens(door)) for (method, path), door in doors)
    yield from _table("route", rows, "needs", _needs(doors))


def _needs(doors: list[tuple[tuple[str, str], Door]]) -> Iterator[str]:
    for _, door in doors:
        if isinstance(door, Needs):
            yield f"`{door.permission}`"
        elif isinstance(door, SignedInOnly):
            yield "being signed in" + (", or waiting" if door.waiting else "") + ("" if door.by_key else ", no key")
        else:
            yield f"nothing: {door.reason}"


def _opens(door: Door) -> list[bool]:
    if isinstance(door, Needs):
        return [door.permission in PERMISSIONS[role] for role in Role]
    return [True] * len(Role)


def _topics() -> Iterator[str]:
    yield "## Live topics\n"
    topics = sorted(TOPICS.items())
    rows = ((f"`{name}`", [needed in PERMISSIONS[role] for role in Role]) for name, needed in topics)
    yield from _table("topic", rows, "needs", (f"`{needed}`" for _, needed in topics))


def _table(
    first: str, rows: Iterator[tuple[str, list[bool]]], second: str | None = None, beside: Iterator[str] | None = None
) -> Iterator[str]:
    """A Markdown table of marks, a column a role; `second` names a column of texts beside the first."""
    columns: list[Any] = [first, *([second] if second else []), *Role]
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for name, marks in rows:
        texts = [name, *([next(beside)] if beside else []), *("●" if mark else "·" for mark in marks)]
        yield "| " + " | ".join(texts) + " |"


if __name__ == "__main__":
    sys.stdout.write(page())
