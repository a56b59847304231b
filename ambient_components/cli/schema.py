"""`ambient schema`: the stack file's JSON Schema for editors, or its reference as Markdown."""

from typing import Annotated

from ambient_components.cli.options import format_option
from ambient_components.output import Format
from ambient_components.stackfile.schema import reference_text, schema_text

EPILOG = """\
\b
examples:
  ambient schema > stacks/stack.schema.json
  ambient schema --format markdown > docs/reference/fields.md

\b
An editor with the YAML language server completes and checks a stack file that begins with
  # yaml-language-server: $schema=stack.schema.json

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


def schema(
    form: Annotated[Format, format_option("Output format.", Format.JSON, Format.MARKDOWN)] = Format.JSON,
) -> None:
    """Print the schema of the stack file."""
    print(schema_text() if form is Format.JSON else reference_text(), end="")
