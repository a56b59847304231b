"""`ambient validate`: check stack files without an engine and without a cluster."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ambient_components.cli.options import format_option
from ambient_components.cli.validate.validation import Validation, validate_files, validate_stacks
from ambient_components.errors import Problem
from ambient_components.output import Format, Paint, from_here, paint_for, plain
from ambient_components.printable import counted, json_text, one_line
from ambient_components.problem_json import fields
from ambient_components.rules.warnings import with_name
from ambient_components.stacks.project import Project, stack_files, stack_path


def as_text(result: Validation, paint: Paint = plain, *, verbose: bool = False) -> str:
    """Return one problem per line, in the compilers' form that editors jump from, with its hints below."""
    return "\n".join(_line(problem, paint) for problem in result.problems if verbose or problem.acknowledged is None)


def _line(problem: Problem, paint: Paint) -> str:
    place = f"{paint(_place(problem), 'bold')}: " if problem.where is not None else ""
    severity = paint(f"{_severity(problem)}:", "bold" if problem.warning else "loud")
    return "\n  ".join((f"{place}{severity} {_message(problem)}", *_hints(problem)))


def as_json(result: Validation, *, ok: bool) -> str:
    problems = [{"severity": _severity(problem), **fields(problem)} for problem in result.problems]
    counts = {"errors": result.errors, "warnings": result.warnings, "acknowledged": result.acknowledged}
    totals = {"workspaces": result.workspaces, "files": result.files}
    return json_text({"problems": problems, "summary": {"ok": ok, **counts, **totals}})


def as_github(result: Validation) -> str:
    """Return GitHub workflow commands, which become annotations in a pull request.

    The message repeats the position, because the log shows only the message.
    """
    return "\n".join(_annotation(problem) for problem in result.problems if problem.acknowledged is None)


def _annotation(problem: Problem) -> str:
    properties = {"title": f"ambient {_severity(problem)}"}
    message = _message(problem)
    if problem.where is not None:
        line, column = problem.where.line or 1, problem.where.column or 1
        properties = {"file": problem.where.file, "line": str(line), "col": str(column), **properties}
        message = f"{_place(problem)}: {message}"
    message = "\n".join((message, *_hints(problem)))
    text = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    return f"::{_severity(problem)} {text}::{_escape(message)}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")


def shards(result: Validation) -> str:
    return "\n".join(
        f"{file}: {counted(len(sizes), 'shard')}, of {', '.join(map(str, sizes))} workspaces"
        for file, sizes in sorted(result.shards.items())
    )


def summary(result: Validation, *, strict: bool = False) -> str:
    files = counted(result.files, "file")
    counts = [counted(result.errors, "error")] if result.errors else []
    counts += [counted(result.warnings, "warning")] if result.warnings else []
    if result.errors:
        return f"{', '.join(counts)} in {files}"
    acknowledged = f", {counted(result.acknowledged, 'acknowledged warning')}" if result.acknowledged else ""
    fine = f"{counted(result.workspaces, 'workspace')} in {files}{acknowledged}"
    if not counts:
        return f"OK: {fine}"
    refused = result.fails(strict=strict)
    return f"{counts[0]} in {files}, and --strict refuses them" if refused else f"OK with {counts[0]}: {fine}"


def _severity(problem: Problem) -> str:
    return "warning" if problem.warning else "error"


def _place(problem: Problem) -> str:
    """Return FILE:LINE:COLUMN. A problem of a whole file gets line 1, because editors need a line."""
    where = problem.where
    return f"{where.file}:{where.line or 1}:{where.column or 1}" if where is not None else ""


def _message(problem: Problem) -> str:
    return replace(with_name(problem), where=None).lines[0]


def _hints(problem: Problem) -> tuple[str, ...]:
    if problem.acknowledged is not None:
        return (one_line(f"acknowledged on {problem.acknowledged.date}: {problem.acknowledged.reason}"),)
    return problem.lines[1:]


EPILOG = """\
\b
examples:
  ambient validate                                  all stack files of the project
  ambient validate stacks/prod.yaml --strict        fail on warnings too
  ambient validate --format github                  annotations in a pull request
  ambient validate --format json | jq '.problems[] | select(.severity == "error") | .file'

\b
It reads only the files: no engine, no cluster, no secret. Included files are checked with the file that includes them,
so FILES must be stack files, such as stacks/dev.yaml, or stacks, such as dev. Default: those in stacks/ that no other
file includes.

\b
text, one problem a line:   FILE:LINE:COLUMN: error: PATH: PROBLEM      (or warning:), and below it: hint: HINT
json:   {"problems": [{"severity", "rule", "workspaces", "path", "problem", "hints", "docs", "file", "line", "column"},
          ...],
         "summary": {"ok", "errors", "warnings", "acknowledged", "workspaces", "files"}}
        severity is error or warning; file, line and column are null for problems without a position
        acknowledged warnings also have "acknowledged": {"reason", "date"}; text and github leave them out
The summary goes to standard error. For stacks with shards it has the number of workspaces in each shard.

\b
It also warns of guardrails that the declared access violates without an exception: the run that introduces such access
is refused. Only `ambient plan` compares with the deployment, and finds mass removals.

\b
exit codes: 0 valid; 1 errors (with --strict also warnings, except those of dates, guardrails and libraries that are not
            installed); 64 wrong usage; 130 Ctrl-C
"""


def validate(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILES", help="Stack files, or names of stacks. Default: all stacks of the project."),
    ] = None,
    form: Annotated[
        Format,
        format_option(
            "Output format. github prints annotations for a workflow.", Format.TEXT, Format.JSON, Format.GITHUB
        ),
    ] = Format.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show acknowledged warnings too.")] = False,
) -> None:
    """Check stack files and report every problem with its line."""
    if files:
        result = validate_files([str(file) if file.suffix else stack_path(Project.find(), str(file)) for file in files])
    else:
        result = validate_stacks([from_here(path) for path in stack_files(Project.find())])
    failed = result.fails(strict=strict)
    if form is Format.JSON:
        print(as_json(result, ok=not failed))
    else:
        lines = as_github(result) if form is Format.GITHUB else as_text(result, paint_for(sys.stdout), verbose=verbose)
        if lines:
            print(lines)
        if result.shards:
            print(shards(result), file=sys.stderr)
        print(summary(result, strict=strict), file=sys.stderr)
    if failed:
        raise typer.Exit(1)
