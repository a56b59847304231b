"""The figures of the evidence page: tests count what they did, and `make evidence` writes the page from the counts."""

import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

FILE = "AMBIENT_EVIDENCE"
"""Environment variable with the file that collects the counts. Without it, tests count nothing."""


def count(area: str, what: str, n: int) -> None:
    """Append one figure of this run to the file of `AMBIENT_EVIDENCE`.

    Call it after the checks that the figure is about: a test that fails must not count. Several processes may append at
    the same time, because a line is written at once.

    Args:
        area: The part of the page, such as "walk" or "crash".
        what: What was counted, in words of the page, such as "transitions walked". Equal texts of an area are added.
        n: How many; 0 is a figure too.
    """
    if file := os.environ.get(FILE):
        line = json.dumps({"area": area, "what": what, "n": n}) + "\n"
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)


def totals(file: Path) -> dict[str, dict[str, int]]:
    """Return the figures by area and text, in the order in which they were first counted."""
    found: dict[str, Counter[str]] = {}
    for line in _lines(file):
        one = json.loads(line)
        found.setdefault(one["area"], Counter())[one["what"]] += one["n"]
    return {area: dict(figures) for area, figures in found.items()}


def _lines(file: Path) -> Iterable[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else ()
