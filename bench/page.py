"""Writing the results into docs/internals/performance-figures.md, between two markers."""

from pathlib import Path
from typing import Final

from bench.errors import BenchError
from bench.machine import Machine
from bench.medians import is_median
from bench.report import HEADER, adoption_lines, cells, exponents, markdown, offline_lines, ordered, parts
from bench.run import Results
from bench.workload import PER_WORKSPACE
from sandbox.paths import REPOSITORY

PAGE: Final = REPOSITORY / "docs" / "internals" / "performance-figures.md"
BEGIN: Final = "<!-- measured: `make bench` writes from here -->"
END: Final = "<!-- to here -->"


def measured(results: Results, machine: Machine) -> str:
    """Return the generated part of the page."""
    runs = "Medians of several runs, with the fastest and the slowest" if is_median(results) else "One run"
    lines = [
        f"{machine.line()}. {runs}. Each workspace: {PER_WORKSPACE}.",
        "",
        *markdown([HEADER, *map(cells, ordered(results))]),
    ]
    if table := exponents(results):
        lines += ["", "How the time grows, as the exponent of N:", "", *markdown(table, (0, 1))]
    if table := parts(results):
        lines += ["", "What the distance to the raw API client is made of, in CPU seconds:", "", *markdown(table)]
    if found := offline_lines(results):
        lines += ["", "Without an engine, the best of three:", "", *(f"- {line}" for line in found)]
    if found := adoption_lines(results):
        lines += ["", "Adoption of workspaces with five kinds of history:", "", *(f"- {line}" for line in found)]
    return "\n".join(lines)


def replaced(page: str, part: str) -> str:
    """Return the page with this part between its markers.

    Raises:
        BenchError: The page has no markers.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        message = f"{PAGE.name} has no lines {BEGIN!r} and {END!r} to write between"
        raise BenchError(message)
    return f"{head}{BEGIN}\n\n{part}\n\n{END}{tail}"


def write(results: Results, machine: Machine, page: Path = PAGE) -> None:
    """Write the page."""
    text = replaced(page.read_text(encoding="utf-8"), measured(results, machine))
    page.write_text(text, encoding="utf-8")
