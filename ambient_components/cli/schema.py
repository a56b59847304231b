"""`ambient schema`: the JSON Schema of the stack file or of plans."""

from typing import Annotated

from ambient_components.cli.options import one_of
from ambient_components.plan.document import schema_text as plan_schema_text
from ambient_components.stackfile.schema import schema_text

EPILOG = """\
\b
examples:
  ambient schema > stacks/stack.schema.json
  ambient schema plan > plan.schema.json      of `ambient plan --format json`

\b
An editor with the YAML language server completes and checks a stack file that begins with
  # yaml-language-server: $schema=stack.schema.json

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""

_STACK, _PLAN = "stack", "plan"


def schema(of: Annotated[str, one_of((_STACK, _PLAN), "What to describe.")] = _STACK) -> None:
    """Print the schema of the stack file or of plans."""
    print(plan_schema_text() if of == _PLAN else schema_text(), end="")
