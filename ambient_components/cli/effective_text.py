"""A merged entry as YAML with the source of each value as a comment, and as JSON."""

from collections.abc import Sequence
from typing import Any, Final

import yaml

from ambient_components.cli.effective import Value
from ambient_components.errors import format_path
from ambient_components.output import Paint, plain
from ambient_components.printable import json_text
from ambient_components.spec.layers import WORKSPACE
from ambient_components.spec.provenance import Origin
from ambient_components.spec.yamlbuild import unquoted

_WIDEST: Final = 72
"""The column of comments. After a longer line the comment follows directly."""


class _Flow(yaml.SafeDumper):
    """Values on one line each, quoted if YAML 1.1, YAML 1.2 or our reader would parse them differently."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = '"' if not value.isprintable() else None if unquoted(value) == value else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Flow.add_representer(str, _text)


def as_text(workspace: str, values: Sequence[Value], place: Origin, paint: Paint = plain) -> str:
    """Return YAML with aligned comments.

    Args:
        workspace: The workspace's name.
        values: The values of its merged entry.
        place: The entry's position.
        paint: Styles the comments.
    """
    lines = [(f"{_one_line(workspace)}:" + ("" if values else " {}"), _comment(place))]
    before: tuple[object, ...] = ()
    for value in values:
        *parents, last = value.path
        for depth, parent in enumerate(parents):
            if value.path[: depth + 1] != before[: depth + 1]:
                lines.append((f"{_indent(depth)}{_one_line(parent)}:", ""))
        start = "-" if isinstance(last, int) else f"{_one_line(last)}:"
        lines.append((f"{_indent(len(parents))}{start} {_one_line(value.value)}", _comment(value.origin)))
        before = value.path
    column = max((len(text) for text, comment in lines if comment and len(text) <= _WIDEST), default=0)
    return "\n".join(
        f"{text.ljust(column)}  {paint(f'# {comment}', 'dim')}" if comment else text for text, comment in lines
    )


def _indent(depth: int) -> str:
    return "  " * (depth + 1)


def _one_line(value: object) -> str:
    dumped = yaml.dump(
        value, Dumper=_Flow, default_flow_style=True, sort_keys=False, allow_unicode=True, width=float("inf")
    )
    return str(dumped).removesuffix("...\n").strip()


def _comment(origin: Origin) -> str:
    layer, where = origin
    if where is None:
        return layer
    place = f"{where.file}:{where.line}"
    return place if layer == WORKSPACE else f"{layer}, {place}"


def as_json(stack: str, workspace: str, values: Sequence[Value]) -> str:
    """Return the entry as JSON. Defaults have no file, line and column."""
    shown: list[dict[str, Any]] = []
    for value in values:
        layer, where = value.origin
        place = {"file": where.file, "line": where.line, "column": where.column} if where else dict.fromkeys(_PLACE)
        shown.append({"path": format_path(value.path), "value": value.value, "layer": layer, **place})
    return json_text({"workspace": workspace, "stack": stack, "values": shown})


_PLACE: Final = ("file", "line", "column")
