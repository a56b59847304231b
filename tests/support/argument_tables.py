"""Writes the tables of arguments in the documentation: ``python -m tests.support.argument_tables``.

They are those of the typed arguments, which are generated from the models (`typed_arguments`, `resource_arguments`).
"""

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.support import resource_arguments, typed_arguments

FILE: Final = Path(__file__).parents[2] / "docs/reference/arguments.md"

_HEAD: Final = """\
# Arguments of components and resources

The arguments with their types, as an editor shows them. How to use them: [the components as a library](library.md).
Those of components are in Python's spelling, those of resources as in the state.
"""

_HEADINGS: Final[Mapping[str, str]] = {
    "SeparateWorkspaceArgs": "Workspace",
    "SeparateGrantArgs": "Grant",
    "ApiKeyArgs": "ApiKey",
    "SeparateBucketArgs": "Bucket",
    "ClusterArgs": "ClusterProviders.of",
}
"""Components, whose calls take these arguments."""

_WORDS: Final[Mapping[str, str]] = {"str": "text", "int": "whole number", "float": "number", "datetime.date": "day"}
_DEFAULT: Final = re.compile(r" ?Default: (?P<value>[^.]+)\.")


class _Argument(NamedTuple):
    name: str
    kind: str
    required: bool
    text: str

    def row(self) -> str:
        described = _DEFAULT.search(self.text)
        default = "required" if self.required else described["value"] if described else ""
        text = self.text if self.required else _DEFAULT.sub("", self.text)
        return f"| `{self.name}` | {self.kind} | {default} | {text} |"


def page() -> str:
    """Return the content of the page: components, the arguments within them, then resources."""
    classes = _classes(typed_arguments.source()) | _classes(resource_arguments.source())
    order = [*_HEADINGS, *(name for name in classes if name not in _HEADINGS)]
    return "\n".join([_HEAD, *(line for name in order for line in _section(name, classes))])


def _classes(source: str) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


def _section(name: str, classes: Mapping[str, ast.ClassDef]) -> Iterator[str]:
    yield f"## {_HEADINGS.get(name, name)}"
    yield ""
    yield _plain(ast.get_docstring(classes[name]) or "")
    yield ""
    yield "| argument | type | default | meaning |"
    yield "|---|---|---|---|"
    yield from (argument.row() for argument in _arguments(classes[name], classes))
    yield ""


def _arguments(cls: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Iterator[_Argument]:
    for base in cls.bases:
        if (name := ast.unparse(base)) in classes:
            yield from _arguments(classes[name], classes)
    for field, text in zip(cls.body, cls.body[1:], strict=False):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                optional = ast.unparse(field.annotation).startswith("NotRequired[")
                kind = " or ".join(dict.fromkeys(_kinds(field.annotation)))
                yield _Argument(name, kind, not optional, _plain(inspect.cleandoc(words)))


def _kinds(annotation: ast.expr) -> Iterator[str]:
    """Yield the alternatives of a type in words."""
    match annotation:
        case ast.BinOp(left=left, right=right):
            yield from _kinds(left)
            yield from _kinds(right)
        case ast.Subscript(value=outer, slice=inner):
            yield from _within(ast.unparse(outer), inner)
        case ast.Constant(value=None):
            return
        case _:
            name = ast.unparse(annotation)
            heading = _HEADINGS.get(name, name)
            link = f"[{heading}](#{heading.lower()})" if name.endswith("Args") else f"`{name}`"
            yield _WORDS.get(name, link)


def _within(outer: str, inner: ast.expr) -> Iterator[str]:
    items = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    kinds = " or ".join(dict.fromkeys(kind for item in items[-1:] for kind in _kinds(item)))
    if outer == "Literal":
        yield from (f"`{ast.literal_eval(item)}`" for item in items)
    elif outer == "Sequence":
        yield f"list of {kinds}"
    elif outer in ("Mapping", "dict"):
        yield f"mapping of name to {kinds}"
    else:  # NotRequired, pulumi.Input
        yield from _kinds(inner)
        yield from ["output"] if outer == "pulumi.Input" else []


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("``", "`").replace("|", "&#124;")


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
