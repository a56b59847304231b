"""The rows of `ambient keys list` as a table, as JSON and as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

from ambient_components.cli.keys.table import Row
from ambient_components.cli.show.summary_text import left
from ambient_components.output import Paint, plain
from ambient_components.printable import cell, json_text, one_line
from ambient_components.rotation.state import format_time

_NAME: Final = 300
"""Maximum characters of a name in the table. A longer one would widen every line."""

_HEAD: Final = ("workspace/key", "role", "created", "last used", "expires", "state", "next", "")


def as_table(found: Sequence[Row], now: datetime, paint: Paint = plain) -> str:
    """Return a line for each key, followed by what needs attention. With several stacks, each has a heading."""
    if not found:
        return "There are no keys."
    blocks = []
    stacks = list(dict.fromkeys(row.stack for row in found))
    for stack in stacks:
        of_stack = [row for row in found if row.stack == stack]
        heading = [paint(stack, "bold")] if len(stacks) > 1 else []
        blocks.append("\n".join([*heading, *_lines(of_stack, now, paint)]))
    calls = sum(bool(row.attention) for row in found)
    end = f"\n\n{paint(f'{calls} of {len(found)} keys need attention', 'loud')}" if calls else ""
    return "\n\n".join(blocks) + end


def as_json(found: Iterable[Row], now: datetime) -> str:
    """Return the rows as JSON, described in the verb's help."""
    return json_text({"now": format_time(now), "keys": [_record(row) for row in found]})


def as_csv(found: Iterable[Row]) -> str:
    """Return the rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_camel(field.name) for field in fields(Row)])
    for row in found:
        writer.writerow([_cell(value) for value in _record(row).values()])
    return text.getvalue()


def _lines(found: Sequence[Row], now: datetime, paint: Paint) -> list[str]:
    table = [_HEAD, *(_cells(row, now) for row in found)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_HEAD))]
    padded = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table]
    lines = [paint(padded[0], "dim")]
    for row, line in zip(found, padded[1:], strict=True):
        lines.append(line)
        lines += [paint(f"  ! {one_line(what)}", "loud") for what in row.attention]
    return lines


def _cells(row: Row, now: datetime) -> tuple[str, ...]:
    name = f"{row.workspace}/{row.id}" + (
        f" (generation {row.generation})" if row.generation > 1 or row.state == "former" else ""
    )
    cells = (
        name,
        row.role or "?",
        _ago(row.created, now),
        _ago(row.last_used, now),
        _expiry(row.expires, now),
        row.state,
        _next(row, now),
        f'"{row.name}"' if row.name != row.id else "",
    )
    return tuple(one_line(text, _NAME) for text in cells)


def _ago(moment: datetime | str | None, now: datetime) -> str:
    if moment is None:
        return "?"
    return f"{left(max(now - moment, timedelta()))} ago" if isinstance(moment, datetime) else moment


def _expiry(moment: datetime | str | None, now: datetime) -> str:
    if not isinstance(moment, datetime):
        return moment or "-"
    return f"{moment:%Y-%m-%d} ({left(moment - now) if moment > now else 'over'})"


def _next(row: Row, now: datetime) -> str:
    if row.next is None or row.next == "expire":
        return "-"
    if row.next_at is None:
        return row.next
    return f"{row.next} due now" if row.next_at <= now else f"{row.next} from {row.next_at:%Y-%m-%d}"


def _record(row: Row) -> dict[str, Any]:
    """Return a row as a JSON object."""
    values = {field.name: getattr(row, field.name) for field in fields(Row)}
    return {_camel(name): _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_time(value)
    return list(value) if isinstance(value, tuple) else value


def _cell(value: Any) -> Any:
    return cell("; ".join(value) if isinstance(value, list) else value)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
