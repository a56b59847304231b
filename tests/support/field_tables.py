"""The page with the fields of the stack file, from its JSON Schema."""

import re
from collections.abc import Iterator
from typing import Any, Final

from ambient_components.stackfile.schema import FORMS, stack_schema

_TOP: Final = "StackFile"
_ORDER: Final = (_TOP, "Workspace", "Defaults")
"""Objects in this order; each is followed by the objects that it uses first."""

_HEAD: Final = """\
# Fields of the stack file

How to use the fields: [the stack file](stack-file.md). What has a default may be left out.
"""
_KINDS: Final = "Kinds of text"
_DEFAULT: Final = re.compile(r" Default: (?P<value>[^.]+)\.")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def reference_text() -> str:
    """Return the content of the page."""
    schema = stack_schema()
    objects = {_TOP: schema, **schema["$defs"]}
    sections = [line for name in _reading_order(objects) for line in _section(name, objects)]
    return "\n".join([_HEAD, *sections, *_kinds()])


def _reading_order(objects: dict[str, Any]) -> list[str]:
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order or "properties" not in objects[name]:
            return
        order.append(name)
        for field in objects[name]["properties"].values():
            for used in _uses(field):
                if used not in _ORDER:
                    visit(used)

    for name in _ORDER:
        visit(name)
    return order


def _uses(field: dict[str, Any]) -> Iterator[str]:
    for schema in (field, field.get("items"), field.get("additionalProperties")):
        for part in (schema, *schema.get("oneOf", ())) if isinstance(schema, dict) else ():
            if "$ref" in part:
                yield part["$ref"].rpartition("/")[2]


def _section(name: str, objects: dict[str, Any]) -> Iterator[str]:
    schema = objects[name]
    yield f"## {_heading(name)}"
    yield ""
    yield schema["description"]
    yield ""
    yield "| field | allowed | default | meaning |"
    yield "|---|---|---|---|"
    either = {field for choice in schema.get("oneOf", ()) for field in choice["required"]}
    for field, rules in schema["properties"].items():
        default, meaning = _default(rules)
        if field in schema.get("required", ()):
            default = "required"
        elif field in either:
            default = "exactly one"
        yield _row(f"`{field}`", _allowed(rules, objects), default, meaning)
    yield ""


def _kinds() -> Iterator[str]:
    yield f"## {_KINDS}"
    yield ""
    yield "| kind | written as |"
    yield "|---|---|"
    for kind, form in FORMS.items():
        yield _row(kind, form)
    yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _default(rules: dict[str, Any]) -> tuple[str, str]:
    """Return the default of a field, and its meaning without a default that only repeats it.

    The schema has no default that depends on other values. The field's text has it then: "Default: the key's id."
    """
    meaning = rules["description"]
    described = _DEFAULT.search(meaning)
    if "default" not in rules:
        if described is None:
            return "", meaning
        default = described["value"]
        return default if " " in default or default == "none" else f"`{default}`", _DEFAULT.sub("", meaning)
    value = str(rules["default"])
    value = value.lower() if isinstance(rules["default"], bool) else value
    return f"`{value}`", _DEFAULT.sub("", meaning) if described and described["value"] == value else meaning


def _allowed(rules: dict[str, Any], objects: dict[str, Any]) -> str:
    """Return what a field accepts: a choice, a custom type, text with its length, or a list or mapping of these."""
    if "$ref" in rules:
        name = rules["$ref"].rpartition("/")[2]
        target = objects[name]
        return _choices(target["enum"]) if "enum" in target else f"[{_in_a_row(name)}](#{_anchor(name)})"
    if "oneOf" in rules:
        return " or ".join(_allowed(choice, objects) for choice in rules["oneOf"])
    kind = rules["type"]
    if kind == "array":
        return f"list of: {_allowed(rules['items'], objects)}"
    if kind == "object":
        names = rules.get("propertyNames", {}).get("enum")
        key = _choices(names) if names else "name"
        return f"mapping of {key} to: {_allowed(rules['additionalProperties'], objects)}"
    if kind == "boolean":
        return _choices(["true", "false"])
    if "enum" in rules:
        return _choices(rules["enum"])
    if "title" in rules:
        kind = rules["title"]
        return f"[{kind}](#{_KINDS.lower().replace(' ', '-')})" if kind in FORMS else kind
    if kind == "number":
        return f"number from {rules['minimum']} to {rules['maximum']}"
    if kind == "integer":
        return f"whole number from {rules['minimum']}" + (f" to {rules['maximum']}" if "maximum" in rules else "")
    return f"text, up to {rules['maxLength']} characters" if "maxLength" in rules else "text"


def _choices(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _heading(name: str) -> str:
    if name == _TOP:
        return "The file"
    return _CAMEL.sub(" ", name).capitalize().replace("Mcp", "MCP").replace("Ca ", "CA ").replace("Llm ", "LLM ")


def _in_a_row(name: str) -> str:
    heading = _heading(name)
    return heading if heading[1].isupper() else heading.lower()


def _anchor(name: str) -> str:
    return _heading(name).lower().replace(" ", "-")
