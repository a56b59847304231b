"""`make evidence`: run the evidence, and write docs/internals/evidence-figures.md from what its tests counted."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.support.evidence import FILE, totals
from tests.support.evidence_data import AREAS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "internals" / "evidence-figures.md"
_MEASURED: Final = ("<!-- measured: `make evidence` writes from here -->", "<!-- to here -->")
_PLATFORM: Final = ("<!-- platform: `make conformance` writes from here -->", "<!-- end of the platform's run -->")


def measured(figures: Mapping[str, Mapping[str, int]], about: str) -> str:
    """Return the part of the page that one run writes.

    Args:
        figures: What the tests counted, by area.
        about: The machine, the commit and the time.
    """
    lines = [about]
    for area in (*AREAS, *sorted(figures.keys() - AREAS.keys())):
        if area in figures:
            lines += ["", f"### {AREAS.get(area, area)}", "", "| counted | |", "|---|--:|"]
            lines += [f"| {what} | {number:,} |" for what, number in figures[area].items()]
    return "\n".join(lines)


def replaced(page: str, markers: tuple[str, str], part: str) -> str:
    """Return the page with another part between two markers.

    Raises:
        ValueError: It does not have them.
    """
    begin, end = markers
    head, found, rest = page.partition(begin)
    _, ended, tail = rest.partition(end)
    if not (found and ended):
        message = f"{PAGE.name} has no lines {begin!r} and {end!r}"
        raise ValueError(message)
    return f"{head}{begin}\n\n{part}\n\n{end}{tail}"


def platform_run() -> str:
    """Return what the page says of the last run of the tests that need the platform's programs."""
    begin, end = _PLATFORM
    return PAGE.read_text(encoding="utf-8").partition(begin)[2].partition(end)[0].strip()


def record_platform_run(counts: Mapping[str, int]) -> None:
    """Write the result of a run with the platform's programs into the page, whether it passed or not.

    Args:
        counts: The number of platform conformance tests by outcome.
    """
    text = f"{commit_and_day()}: {', '.join(f'{number} {outcome}' for outcome, number in counts.items())}."
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), _PLATFORM, text), encoding="utf-8")


def commit_and_day() -> str:
    """Return the commit of the checkout, whether files differ from it, and today's date."""
    git = shutil.which("git") or "git"
    commit = subprocess.run([git, "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    changed = subprocess.run([git, "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True)
    state = f"`{commit.stdout.strip()}`{' with changes' if changed.stdout.strip() else ''}"
    return f"Commit {state}, {datetime.now(UTC):%Y-%m-%d}"


def _about(seconds: float) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{commit_and_day()}, {cores} cores, Python {platform.python_version()}, {seconds / 60:.0f} minutes."


def main(arguments: Sequence[str]) -> int:
    """Run the evidence, and write the page if all of it passed.

    Args:
        arguments: Further ones for pytest.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.jsonl"
        began = time.monotonic()
        command = [sys.executable, "-m", "pytest", "tests/evidence", *arguments]
        ended = subprocess.run(command, cwd=ROOT, env={**os.environ, FILE: str(file)}, check=False)
        if ended.returncode:
            print("The evidence did not pass: the page stays as it was", file=sys.stderr)
            return ended.returncode
        text = replaced(
            PAGE.read_text(encoding="utf-8"), _MEASURED, measured(totals(file), _about(time.monotonic() - began))
        )
    PAGE.write_text(text, encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
