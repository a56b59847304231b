"""Access tests and what breaks them, as lines for every page and as data."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ambient_components.access.access_tests import Broken, Result
from ambient_components.html.page import Part, name, tag
from ambient_components.model.derive import write
from ambient_components.printable import one_line

_SHOWN: Final = 5
"""Maximum ways in which one test is broken, in a line."""


def result_lines(results: Sequence[Result]) -> Iterator[str]:
    """Yield a line for each test, those that are broken first."""
    for result in sorted(results, key=lambda result: not result.broken):
        ways = [_way(broken) for broken in result.broken[:_SHOWN]]
        more = len(result.broken) - len(ways)
        ways += [f"and {more} more: see --format json"] if more else []
        yield one_line(f"{'broken' if ways else 'holds '}  {result.test}{': ' if ways else ''}{'; '.join(ways)}")


def _way(broken: Broken) -> str:
    return f"{broken.begins.subject}: {broken.way}" if broken.begins else f"not in {broken.workspace}"


def results_text(results: Sequence[Result]) -> str:
    return "\n".join(["Access tests:", *(f"  {line}" for line in result_lines(results))])


def results_part(results: Sequence[Result]) -> Part:
    lines = [tag("li", name(line)) for line in result_lines(results)]
    return Part("tests", "Access tests", tag("ul", lines), len(lines))


def results_document(results: Sequence[Result]) -> list[dict[str, Any]]:
    return [
        {
            "test": result.test.word,
            **write(result.test, "ledger"),
            "in": result.test.in_,
            "holds": not result.broken,
            "broken": [_document(broken) for broken in result.broken],
        }
        for result in results
    ]


def _document(broken: Broken) -> dict[str, Any]:
    begins = broken.begins
    access = {"subject": begins.subject, "begins": begins.workspace, "role": begins.role} if begins else {}
    return {"workspace": broken.workspace, **access, "path": [step.path.value for step in broken.steps]}
