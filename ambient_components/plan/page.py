"""A plan on standard output, in any of its formats."""

import sys

from ambient_components.output import Format, paint_for
from ambient_components.plan.document import document_text
from ambient_components.plan.facts import Plan
from ambient_components.plan.markdown import LIMIT, as_markdown
from ambient_components.plan.text import as_text


def show(found: Plan, form: Format = Format.TEXT, *, steps: bool = False, limit: int = 0) -> None:
    """Print a plan.

    Args:
        found: The plan.
        form: Text, Markdown or JSON.
        steps: With text: whether to add the engine's own steps.
        limit: With Markdown: the most characters. 0 means the default.
    """
    if form is Format.JSON:
        print(document_text(found), end="")
    elif form is Format.MARKDOWN:
        print(as_markdown(found, limit or LIMIT), end="")
    else:
        print(as_text(found, paint_for(sys.stdout), steps=steps))
