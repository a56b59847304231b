"""Layers of one workspace: defaults, the template that it names, its own entry; and how one lies over another.

Plain data with marks, before any model sees it. Mappings merge; lists and all other values replace what is below: a
list of grants that grew from three files would be one that nobody has reviewed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Final, NamedTuple

from ambient_components.errors import PathPart
from ambient_components.spec.marks import MappingMarks, Marks

Path = tuple[PathPart, ...]

WORKSPACE: Final = "workspace"
"""Layer of a workspace's own entry."""

DEFAULTS: Final = "defaults"
"""Layer of the defaults of all files."""

BUILT_IN: Final = "built-in"
"""Layer of what no file says."""


class Tree(NamedTuple):
    """A value and the places of all in it."""

    data: Any
    marks: Any
    """`Marks` of the same shape as the data."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What one part of the files says of one workspace."""

    name: str
    """`workspace`, `template NAME` or `defaults`."""

    path: Path
    """Where it stands in the files, such as `("templates", NAME)`."""

    tree: Tree
    """In the shape of a workspace's entry: what holds for each key stands below each key of the workspace."""

    def written(self, path: Path) -> Path:
        """Translate a path in the entry into one in the files: one field for each key stands there once."""
        if self.name != WORKSPACE and path[:1] == ("keys",):
            path = ("keys", *path[2:])
        return (*self.path, *path)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is replaced whole although it is a mapping: half of one reference and half of another would be neither."""

    whole: bool = False
    below: "Mapping[str, Rules]" = field(default_factory=dict)
    """By key; `*` is any other."""

    def at(self, key: PathPart) -> "Rules":
        """Return the rules of one entry."""
        return self.below.get(str(key)) or self.below.get("*", MERGED)


MERGED: Final = Rules()
"""No exceptions."""

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
"""Of a workspace's entry: one secret, a key of a bucket, one MCP server, the CA bundle come from one layer each."""


def merge(lower: Tree, upper: Tree, rules: Rules = MERGED) -> Tree:
    """Lay one mapping over another; neither is changed. The places are those of the values that count."""
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
    """Lay all layers over each other, the lowest first; at least one."""
    return reduce(lambda lower, upper: merge(lower, upper, RULES), (layer.tree for layer in layers))


def layers_of(name: str, entry: Tree, defaults: Tree | None, template: tuple[str, Tree] | None) -> tuple[Layer, ...]:
    """Return the layers of one workspace, the lowest first.

    Args:
        name: Of the workspace.
        entry: Its own, a mapping.
        defaults: Of all files, a mapping; None if there are none.
        template: Name and content of the template that the entry names, if there is one.
    """
    lower = []
    if defaults is not None:
        lower.append(Layer(DEFAULTS, (DEFAULTS,), _for_each_key(defaults, entry)))
    if template is not None:
        title, tree = template
        lower.append(Layer(f"template {title}", ("templates", title), _for_each_key(tree, entry)))
    return (*lower, Layer(WORKSPACE, ("workspaces", name), entry))


def _for_each_key(shared: Tree, entry: Tree) -> Tree:
    """Put what is said of every key below each key that the entry has; without keys it says nothing."""
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
