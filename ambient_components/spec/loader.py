"""Reads a stack file: YAML, models and whole-file checks, with everything that is wrong in one report."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ambient_components.errors import PathPart, Problem, Problems
from ambient_components.spec.checks import Finding, check_stack
from ambient_components.spec.marks import SourceMap
from ambient_components.spec.messages import explain
from ambient_components.spec.models import StackFile
from ambient_components.spec.partial import Partial
from ambient_components.spec.privacy import public_path
from ambient_components.spec.yamlfile import ParsedYaml, parse_yaml, read_text


@dataclass(frozen=True, slots=True)
class LoadedStack:
    """A stack file that passed every check."""

    file: StackFile
    """What it says."""

    sources: SourceMap
    """Where it says it, for the reports of later steps."""

    path: str
    """The file, as the user named it."""


def load_stack(path: str | Path) -> LoadedStack:
    """Read, validate and check a stack file.

    Raises:
        AmbientError: All problems at once, each with its line and column; never with the value of a secret.
    """
    return parse_stack(read_text(path), str(path))


def parse_stack(text: str, file: str) -> LoadedStack:
    """Validate and check the content of a stack file.

    Args:
        text: The content.
        file: How positions name the file.

    Raises:
        AmbientError: All problems at once.
    """
    parsed = parse_yaml(text, file)
    problems = Problems(parsed.problems)
    stack: StackFile | None = None
    try:
        stack = StackFile.model_validate(parsed.data)
    except ValidationError as error:
        problems.extend(_model_problems(error, parsed))
        partial = Partial(parsed.data, [item["loc"] for item in error.errors(include_input=False)])
        if partial.stack is not None:
            findings = check_stack(partial.stack)
            problems.extend(_finding_problem(finding, parsed.sources, partial) for finding in findings)
    else:
        problems.extend(_finding_problem(finding, parsed.sources) for finding in check_stack(stack))
    problems.raise_if_any()
    assert stack is not None  # noqa: S101 - a stack that failed has left at least one problem
    return LoadedStack(stack, parsed.sources, file)


def _model_problems(error: ValidationError, parsed: ParsedYaml) -> list[Problem]:
    problems = []
    for item in error.errors(include_url=False, include_input=False):
        path = item["loc"]
        at_key = item["type"] == "extra_forbidden"
        where = parsed.sources.key(path) if at_key else parsed.sources.value(path)
        problem, remedy = explain(item, parsed.data)
        problems.append(Problem(where, public_path(path), problem, remedy))
    return problems


def _finding_problem(finding: Finding, sources: SourceMap, partial: Partial | None = None) -> Problem:
    def original(path: tuple[PathPart, ...]) -> tuple[PathPart, ...]:
        return partial.original(path) if partial is not None else path

    path = original(finding.path)
    where = sources.key(path) if finding.at_key else sources.value(path)
    also = f", at {sources.value(original(finding.other))}" if finding.other is not None else ""
    return Problem(where, public_path(path), finding.problem + also, finding.remedy)
