"""The coverage gate: ≥ 90 % overall, every branch of kit, and every branch of changed lines.

Changed lines are those since `VHM24R_COVERAGE_BASE`, else since the remote main when there is one
behind us; a first landing has no base and only the other two rules hold.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OVERALL = 90.0
FULL = ("src/vhm24r/kit/",)


def main() -> int:
    """Print the verdict; 0 when the gate holds."""
    report = read_report()
    total = report["totals"]["percent_covered"]
    problems = [f"overall coverage is {total:.1f} %, at least {OVERALL:.0f} % is asked"] if total < OVERALL else []
    problems += list(gaps(report, FULL))
    problems += list(uncovered_changes(report))
    sys.stdout.write(f"coverage {total:.1f} %\n" + "".join(f"  {line}\n" for line in problems))
    return 1 if problems else 0


def read_report() -> dict[str, Any]:
    """The combined measurement as coverage's own JSON."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", str(path)], check=True)
        found: dict[str, Any] = json.loads(path.read_text())
        return found


def gaps(report: dict[str, Any], folders: tuple[str, ...]) -> Iterator[str]:
    """Lines and branches never taken in folders that must be covered whole."""
    for name, data in report["files"].items():
        if name.startswith(folders) and (data["missing_lines"] or data["missing_branches"]):
            yield f"{name}: lines {data['missing_lines']} branches {data['missing_branches']}"


def uncovered_changes(report: dict[str, Any]) -> Iterator[str]:
    """Changed lines that no test reached, and branches from them that no test took."""
    for name, lines in changed_lines().items():
        data = report["files"].get(name)
        if data is None:
            continue
        missed = sorted(lines & set(data["missing_lines"]))
        branches = [branch for branch in data["missing_branches"] if branch[0] in lines]
        if missed or branches:
            yield f"{name}: changed lines {missed} branches {branches} are not tested"


def changed_lines() -> dict[str, set[int]]:
    """Line numbers added or changed since the base, by file."""
    base = os.environ.get("VHM24R_COVERAGE_BASE") or remote_main()
    if base is None:
        return {}
    diff = git("diff", "--unified=0", base, "--", "src")
    found: dict[str, set[int]] = {}
    name = ""
    for line in (diff or "").splitlines():
        if line.startswith("+++ b/"):
            name = line.removeprefix("+++ b/")
        elif match := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            start, count = int(match[1]), int(match[2] or 1)
            found.setdefault(name, set()).update(range(start, start + count))
    return found


def remote_main() -> str | None:
    """Where our main left the remote one; None when there is none or we are on it."""
    base = git("merge-base", "HEAD", "origin/main")
    return None if base is None or base == git("rev-parse", "HEAD") else base


def git(*arguments: str) -> str | None:
    """Output of git, None when it fails."""
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


if __name__ == "__main__":
    raise SystemExit(main())
