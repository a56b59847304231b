"""`ambient validate`: check stack files without an engine and without a cluster."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ambient_components.cli.options import format_option
from ambient_components.cli.validate.text import as_github, as_json, as_text, shards, summary
from ambient_components.cli.validate.validation import validate_files, validate_stacks
from ambient_components.output import Format, from_here, paint_for
from ambient_components.stacks.project import Project, stack_files

EPILOG = """\
\b
examples:
  ambient validate                                  all stack files of the project
  ambient validate stacks/prod.yaml --strict        fail on warnings too
  ambient validate --format github                  annotations in a pull request
  ambient validate --format json | jq '.problems[] | select(.severity == "error") | .file'

\b
It reads only the files: no engine, no cluster, no secret. Included files are checked with the file that includes them,
so FILES must be stack files. Default: those in stacks/ that no other file includes.

\b
text, one problem a line:   FILE:LINE:COLUMN: error: PATH: PROBLEM      (or warning:), and below it: hint: HINT
json:   {"problems": [{"severity", "rule", "workspaces", "path", "problem", "hints", "file", "line", "column"}, ...],
         "summary": {"ok", "errors", "warnings", "workspaces", "files"}}
        severity is error or warning; file, line and column are null for problems without a position
The summary goes to standard error. For stacks with shards it has the number of workspaces in each shard.

\b
exit codes: 0 valid; 1 errors (with --strict also warnings, except for grants that ended by date); 64 wrong usage
"""


def validate(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILES", help="Stack files. Default: all stack files of the project.")
    ] = None,
    form: Annotated[
        Format,
        format_option(
            "Output format. github prints annotations for a workflow.", Format.TEXT, Format.JSON, Format.GITHUB
        ),
    ] = Format.TEXT,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
) -> None:
    """Check stack files and report every problem with its line."""
    if files:
        result = validate_files([str(file) for file in files])
    else:
        result = validate_stacks([from_here(path) for path in stack_files(Project.find())])
    failed = result.fails(strict=strict)
    if form is Format.JSON:
        print(as_json(result, ok=not failed))
    else:
        lines = as_github(result) if form is Format.GITHUB else as_text(result, paint_for(sys.stdout))
        if lines:
            print(lines)
        if result.shards:
            print(shards(result), file=sys.stderr)
        print(summary(result, strict=strict), file=sys.stderr)
    if failed:
        raise typer.Exit(1)
