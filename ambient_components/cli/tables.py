"""The one writer of tables, of CSV and of values as JSON, for the verbs that list access and keys."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any, Final

from ambient_components.output import Paint, plain
from ambient_components.printable import cell, one_line
from ambient_components.rotation.state import format_time
from ambient_components.rules.findings import camel

_LONGEST: Final = 300
"""Maximum characters of a name in a table. A subject has up to 253, and one long name would widen every line."""


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    paint: Paint = plain,
    *,
    indent: str = "",
    notes: Iterable[Iterable[str]] = (),
) -> list[str]:
    """Return aligned lines below a heading.

    Args:
        notes: What is wrong with each row, a line each below it. Empty for none of all rows.
    """
    cells = [tuple(head), *(tuple(one_line(text, _LONGEST) for text in row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    heading, *lines = (
        indent + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )
    shown = [paint(heading, "dim")]
    of_rows = list(notes) or [()] * len(lines)
    for line, wrong in zip(lines, of_rows, strict=True):
        shown += [line, *(paint(f"{indent}  ! {one_line(text)}", "loud") for text in wrong)]
    return shown


def csv_text(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return CSV with a header. No field can act as a formula in a spreadsheet."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([cell("; ".join(value) if isinstance(value, list) else value) for value in row] for row in rows)
    return text.getvalue()


def plain_value(value: Any) -> Any:
    """Return a value for JSON, with names as in Pulumi's state (expiresAt) and times as RFC 3339.

    What `repr` hides of a dataclass is left out.
    """
    if isinstance(value, datetime):
        return format_time(value)
    if is_dataclass(value):
        return {camel(field.name): plain_value(getattr(value, field.name)) for field in fields(value) if field.repr}
    if isinstance(value, Mapping):
        return {camel(key): plain_value(item) for key, item in value.items()}
    return [plain_value(item) for item in value] if isinstance(value, list | tuple) else value
