"""Problems as data inside the engine's text: of messages the engine hands on nothing but that.

The plugin and the program write them where `ambient` started the engine, and `ambient` reads them again. Started by
people, the engine gets plain sentences.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from ambient_components.errors import Problem, Where, with_docs
from ambient_components.printable import one_line

VARIABLE: Final = "AMBIENT_PROBLEMS"
"""Environment variable by which `ambient` asks the plugin and the program for problems as data: `AS_JSON`."""

AS_JSON: Final = "json"

PREFIX: Final = "«ambient problem»"
"""Before each problem. JSON has it escaped, so no text that a problem quotes can look like another one."""

MINT: Final = "mint"
"""Rule of a note that something is minted: its problem says why."""

MISSING_VALUE: Final = "missingSecret"
"""Rule of a secret without a value in a preview, which shows it as unknown. An update fails, without a rule."""

_CUT_OFF: Final = "the engine cut a message off"


def for_engine(
    problems: Iterable[Problem],
    environ: Mapping[str, str] = os.environ,
    *,
    people: Iterable[Problem] | None = None,
) -> str:
    """Return problems as the text of one message to the engine: for `ambient` as data, else for people."""
    if is_for_ambient(environ):
        return "\n".join(map(encode, problems))
    shown = with_docs(problems if people is None else people)
    return "\n".join(f"{problem.text}\n  {docs}" if docs else problem.text for problem, docs in shown)


def is_for_ambient(environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get(VARIABLE) == AS_JSON


def encode(problem: Problem) -> str:
    where = problem.where
    data = {
        "where": [where.file, where.line, where.column] if where is not None else None,
        "path": problem.path,
        "problem": problem.problem,
        "hints": problem.hints,
        "rule": problem.rule,
        "workspaces": problem.workspaces,
        "warning": problem.warning,
        "data": problem.data,
    }
    # The engine takes <{%…%}> for a colour.
    return PREFIX + json.dumps({name: value for name, value in data.items() if value or name == "problem"}).replace(
        "<", "\\u003c"
    )


def decode(text: str) -> tuple[Problem, ...]:
    """Return the problems that a text of the engine holds; the text around them is the engine's own."""
    return tuple(_decoded(text))


def fields(problem: Problem) -> dict[str, Any]:
    where = problem.where
    acknowledged = {"acknowledged": asdict(problem.acknowledged)} if problem.acknowledged else {}
    return {
        "rule": problem.rule,
        "workspaces": list(problem.workspaces),
        "path": problem.path,
        "problem": one_line(problem.problem),
        "hints": [one_line(hint) for hint in problem.hints],
        "docs": problem.docs or None,
        "file": where.file if where else None,
        "line": (where.line or None) if where else None,
        "column": (where.column or None) if where else None,
        **acknowledged,
    }


def _decoded(text: str) -> Iterator[Problem]:
    read = json.JSONDecoder().raw_decode
    for part in text.split(PREFIX)[1:]:
        try:
            yield _problem(read(part)[0])
        except (ValueError, TypeError, AttributeError, LookupError):
            yield Problem(None, "", _CUT_OFF, ("run pulumi itself to see all of it",))


def _problem(data: Mapping[str, Any]) -> Problem:
    place = data.get("where")
    where = Where(str(place[0]), int(place[1]), int(place[2])) if place else None
    rule = data.get("rule")
    return Problem(
        where,
        str(data.get("path", "")),
        str(data["problem"]),
        tuple(map(str, data.get("hints", ()))),
        str(rule) if rule else None,
        tuple(map(str, data.get("workspaces", ()))),
        bool(data.get("warning")),
        data=tuple(tuple(map(str, row)) for row in data.get("data", ())),
    )
