"""Layers of one workspace: defaults, its template, its own entry; and how they are merged.

Plain data with positions, before validation by the models. Mappings are merged; lists and all other values replace the
layer below: a list of grants from three files would be one that no person has reviewed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final, NamedTuple

from ambient_components.errors import PathPart
from ambient_components.spec.marks import MappingMarks, Marks

Path = tuple[PathPart, ...]

WORKSPACE: Final = "workspace"
"""Name of the layer for a workspace's own entry."""

DEFAULTS: Final = "defaults"
"""Name of the layer for the merged defaults."""

BUILT_IN: Final = "built-in"
"""Name of the layer for values that no file sets."""


class Tree(NamedTuple):
    """A value with all its positions."""

    data: Any
    marks: Any
    """`Marks` of the same shape as the data."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The fields that one part of the files sets for one workspace."""

    name: str
    """`workspace`, `template NAME` or `defaults`."""

    path: Path
    """Path in the files, such as `("templates", NAME)`."""

    tree: Tree
    """Content in the form of a workspace's entry: defaults for keys are copied to each key of the workspace."""

    def written(self, path: Path) -> Path:
        """Translate a path in the entry into a path in the files, where defaults for keys exist only once."""
        if self.name != WORKSPACE and path[:1] == ("keys",):
            path = ("keys", *path[2:])
        return (*self.path, *path)


@dataclass(frozen=True, slots=True)
class Rules:
    """Mappings that are replaced instead of merged: half of two references would not be a valid one."""

    whole: bool = False
    below: "Mapping[str, Rules]" = field(default_factory=dict)
    """Rules by key; `*` is any other key."""

    def at(self, key: PathPart) -> "Rules":
        """Return the rules for one key."""
        return self.below.get(str(key)) or self.below.get("*", MERGED)


MERGED: Final = Rules()
"""Rules that merge everything."""

_EACH_WHOLE = Rules(below={"*": Rules(whole=True)})

RULES: Final = Rules(
    below={
        "secrets": Rules(below={"*": _EACH_WHOLE}),
        "storage": Rules(below={"bucket": Rules(below=dict.fromkeys(("accessKey", "secretKey"), Rules(whole=True)))}),
        "settings": Rules(
            below={"mcpServers": Rules(below={"custom": _EACH_WHOLE}), "caBundle": Rules(whole=True)},
        ),
    }
)
"""Rules for a workspace's entry: one secret, a bucket's key, one MCP server and the CA bundle each come from one layer.
"""


def merge(lower: Tree, upper: Tree, rules: Rules = MERGED) -> Tree:
    """Merge one mapping over another without changing either. Positions are those of the effective values."""
    data: dict[str, object] = dict(lower.data)
    below: MappingMarks = lower.marks
    above: MappingMarks = upper.marks
    marks = MappingMarks(above.start, {**below.keys, **above.keys}, {**below.values, **above.values})
    for key, value in upper.data.items():
        under = data.get(key)
        if isinstance(value, dict) and isinstance(under, dict) and not (rule := rules.at(key)).whole:
            data[key], marks.values[key] = merge(Tree(under, below.values[key]), Tree(value, above.values[key]), rule)
        else:
            data[key] = value
    return Tree(data, marks)


def flatten(layers: Iterable[Layer]) -> Tree:
    """Merge all layers, lowest first; at least one."""
    return reduce(lambda lower, upper: merge(lower, upper, RULES), (layer.tree for layer in layers))


def layers_of(name: str, entry: Tree, defaults: Tree | None, template: tuple[str, Tree] | None) -> tuple[Layer, ...]:
    """Return the layers of one workspace, lowest first.

    Args:
        name: Name of the workspace.
        entry: Its own entry, a mapping.
        defaults: The merged defaults, a mapping; None if there are none.
        template: Name and content of the workspace's template, if it has one.
    """
    lower = []
    if defaults is not None:
        lower.append(Layer(DEFAULTS, (DEFAULTS,), _for_each_key(defaults, entry)))
    if template is not None:
        title, tree = template
        lower.append(Layer(f"template {title}", ("templates", title), _for_each_key(tree, entry)))
    return (*lower, Layer(WORKSPACE, ("workspaces", name), entry))


def _for_each_key(shared: Tree, entry: Tree) -> Tree:
    """Copy the defaults for keys to each key of the entry; without keys they have no effect."""
    if "keys" not in shared.data:
        return shared
    data: dict[str, object] = {key: value for key, value in shared.data.items() if key != "keys"}
    marks = MappingMarks(shared.marks.start, dict(shared.marks.keys), dict(shared.marks.values))
    place, fields = marks.keys.pop("keys"), marks.values.pop("keys")
    own = entry.data.get("keys")
    if isinstance(own, dict) and own and isinstance(shared.data["keys"], dict):
        data["keys"] = dict.fromkeys(own, shared.data["keys"])
        marks.keys["keys"] = place
        marks.values["keys"] = MappingMarks(_start(fields), dict.fromkeys(own, place), dict.fromkeys(own, fields))
    return Tree(data, marks)


def _start(marks: Marks) -> tuple[str, int, int]:
    return marks if isinstance(marks, tuple) else marks.start
