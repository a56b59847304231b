"""`ambient schema`: the JSON Schema of the stack file or of plans, or the stack file's reference as Markdown."""

from typing import Annotated

from ambient_components.cli.options import format_option, misuse, one_of
from ambient_components.output import Format
from ambient_components.plan.document import schema_text as plan_schema_text
from ambient_components.stackfile.schema import reference_text, schema_text

EPILOG = """\
\b
examples:
  ambient schema > stacks/stack.schema.json
  ambient schema --format markdown > fields.md
  ambient schema plan > plan.schema.json      of `ambient plan --format json`

\b
An editor with the YAML language server completes and checks a stack file that begins with
  # yaml-language-server: $schema=stack.schema.json

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""

_STACK, _PLAN = "stack", "plan"


def schema(
    of: Annotated[str, one_of((_STACK, _PLAN), "What to describe.")] = _STACK,
    form: Annotated[Format, format_option("Output format.", Format.JSON, Format.MARKDOWN)] = Format.JSON,
) -> None:
    """Print the schema of the stack file or of plans."""
    if of == _PLAN:
        if form is Format.MARKDOWN:
            misuse("--format", "only the stack file has a reference in Markdown")
        print(plan_schema_text(), end="")
    else:
        print(schema_text() if form is Format.JSON else reference_text(), end="")
