"""`make evidence`: run the evidence, and write docs/internals/evidence-figures.md from what its tests counted."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.support.evidence import FILE, totals
from tests.support.evidence_data import AREAS, BUGS, FINDINGS, NOT_COVERED, NOT_WALKED

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "internals" / "evidence-figures.md"
_MEASURED: Final = ("<!-- measured: `make evidence` writes from here -->", "<!-- to here -->")
_PLATFORM: Final = ("<!-- platform: `make conformance` writes from here -->", "<!-- end of the platform's run -->")
_KEPT: Final = ("<!-- kept: tests/support/evidence_data.py -->", "<!-- end of what is kept -->")


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


def kept() -> str:
    """Return the part of the page that comes from the hand-kept tables."""
    bugs = [(AREAS.get(bug.area, bug.area), bug.what, f"`{bug.commit}`", f"`{bug.test}`") for bug in BUGS]
    found = [(one.number, one.what, "<br>".join(f"`{test}`" for test in one.tests)) for one in FINDINGS]
    return "\n".join(
        [
            "## Bugs that it found",
            "",
            *_table(("found by", "what was wrong", "fixed by", "test"), bugs),
            "",
            "## Security findings",
            "",
            "A review of 2026-11-26 attacked the sandbox as a user of one workspace. Each fixed finding keeps a test.",
            "",
            *_table(("", "finding", "tests"), found),
            "",
            "## Not covered",
            "",
            *(f"- {text}" for text in NOT_COVERED),
            "",
            "Fields of an entry that are not walked:",
            "",
            *_table(
                ("field", "why", "tests"), [(f"`{name}`", why, f"`{test}`") for name, (why, test) in NOT_WALKED.items()]
            ),
        ]
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


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


def with_kept(page: str) -> str:
    """Return the page with the hand-kept tables of today."""
    return replaced(page, _KEPT, kept())


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
    PAGE.write_text(with_kept(text), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


def commits() -> list[str]:
    """Return the commits that the page names as mendings."""
    return [commit for bug in BUGS for commit in re.findall(r"[0-9a-f]{7,}", bug.commit)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
