"""YAML of values, each text written so that it stays one text for this project's reader and for others."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import yaml

from ambient_components.printable import has_log_command, yaml_text
from ambient_components.stackfile.yaml.build import unquoted

_ENDLESS: Final = 1_000_000


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Write equal values twice: an edit of one must not change the other."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Quote a text that the reader of stack files takes as a number: PyYAML writes 1E3 and 12e03 without quotes.

    Double quotes allow the escape of log commands, since `--dry-run` prints the lines in pipelines too.
    """
    style = '"' if has_log_command(value) else None if unquoted(value) == value else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
# Words of the models, such as the names of guardrails.
_Dumper.add_multi_representer(StrEnum, lambda dumper, value: _text(dumper, value.value))


def block_of(value: Mapping[str, Any], width: int) -> str:
    """Return a mapping on lines of its own; its innermost mappings and lists are in braces."""
    return yaml_text("".join(_dumped({name: field}, width, _innermost(field)) for name, field in value.items()))


def line_of(value: Mapping[str, Any]) -> str:
    """Return the fields of a mapping on one line, such as `grants: [{user: a@b.com, role: edit}]`."""
    return one_line(value)[1:-1]


def one_line(value: Any) -> str:
    return yaml_text(_dumped(value, _ENDLESS, flow=True).removesuffix("...\n").strip())


def _innermost(value: Any) -> bool | None:
    return None if isinstance(value, Mapping | list) else False


def _dumped(value: Any, width: int, flow: bool | None) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=_is_visible(value), width=width, default_flow_style=flow
    )
    return text


def _is_visible(value: Any) -> bool:
    """Return whether all characters of a value are visible. Others are escaped: YAML reads some of them as spaces."""
    if isinstance(value, Mapping):
        return all(_is_visible(key) and _is_visible(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_visible, value))
    return not isinstance(value, str) or value.replace("\n", "").isprintable()
