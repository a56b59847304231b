"""Layers of one workspace (defaults, its template, its own entry), their merge, and the source of each value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import takewhile
from typing import Any, Final, NamedTuple

from ambient_components.errors import PathPart, Problems, Remedy, Where
from ambient_components.rules.findings import Path
from ambient_components.stackfile.privacy import public_path
from ambient_components.stackfile.yaml.positions import MappingMarks, Marks, SourceMap
from ambient_components.suggest import did_you_mean

WORKSPACE: Final = "workspace"

DEFAULTS: Final = "defaults"

BUILT_IN: Final = "built-in"
"""Name of the layer for values that no file sets."""


class Tree(NamedTuple):
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
    """Return the layers of one workspace, lowest first."""
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


class Origin(NamedTuple):
    layer: str
    """`workspace`, `template NAME`, `defaults` or `built-in`."""

    where: Where | None
    """Position in a file; None for built-in values."""


class Provenance:
    """Lookup by paths such as `("workspaces", "payments", "keys", "ci", "lifetime")`."""

    def __init__(self, layers: Mapping[str, tuple[Layer, ...]]) -> None:
        self._layers = layers

    def origin(self, path: Path) -> Origin:
        """Return the layer and position of a value; for a mapping from several layers, those of the uppermost."""
        layer, owned = self._owner(path)
        if layer is None or len(owned) < len(path):
            return Origin(BUILT_IN, None)
        return Origin(layer.name, SourceMap(layer.tree.marks).value(path[2:]))

    def written(self, path: Path) -> Path:
        """Translate a path in a workspace into the path where the value was written, such as `("defaults", "grants")`.

        For a missing value, it is the path below its written parent. Paths outside of workspaces stay unchanged.
        """
        layer, _ = self._owner(path)
        return path if layer is None else layer.written(path[2:])

    def _owner(self, path: Path) -> tuple[Layer | None, Path]:
        """Return the layer of a value or of its nearest existing parent, and the existing part of the path."""
        if len(path) < 2 or path[0] != "workspaces" or path[1] not in self._layers:
            return None, ()
        nodes = [(layer, layer.tree.data) for layer in reversed(self._layers[str(path[1])])]
        rules = RULES
        for depth, part in enumerate(path[2:], start=2):
            rules = rules.at(part)
            below = [(layer, data[part]) for layer, data in nodes if has_part(data, part)]
            if not below:
                return nodes[0][0], path[:depth]
            # Mappings are merged; any other value hides the layers below it.
            mappings = [] if rules.whole else list(takewhile(lambda node: isinstance(node[1], dict), below))
            nodes = mappings or below[:1]
        return nodes[0][0], path


def has_part(data: object, part: PathPart) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int) and part < len(data)


def apply_layers(stack: Tree, problems: Problems, *, complete: bool) -> tuple[Tree, dict[str, tuple[Layer, ...]]]:
    """Return the stack with effective entries, and the layers of each entry.

    Values that are not mappings stay unchanged, so that the models report them at their position.
    """
    workspaces = _section(stack, "workspaces")
    if workspaces is None:
        return stack, {}
    defaults, templates = _section(stack, DEFAULTS), _section(stack, "templates") or Tree({}, None)
    data: dict[str, Any] = {}
    marks = MappingMarks(workspaces.marks.start, workspaces.marks.keys)
    layers: dict[str, tuple[Layer, ...]] = {}
    for name, value in workspaces.data.items():
        entry = Tree(value, workspaces.marks.values[name])
        if isinstance(value, dict):
            template = _template(name, entry, templates, problems, complete=complete)
            layers[name] = layers_of(name, entry, defaults, template)
            entry = flatten(layers[name])
        data[name], marks.values[name] = entry
    whole = MappingMarks(stack.marks.start, stack.marks.keys, {**stack.marks.values, "workspaces": marks})
    return Tree({**stack.data, "workspaces": data}, whole), layers


def _section(stack: Tree, name: str) -> Tree | None:
    value = stack.data.get(name)
    return Tree(value, stack.marks.values[name]) if isinstance(value, dict) and name in stack.marks.values else None


def _template(
    workspace: str, entry: Tree, templates: Tree, problems: Problems, *, complete: bool
) -> tuple[str, Tree] | None:
    name = entry.data.get("template")
    if not isinstance(name, str):
        return None
    if name not in templates.data:
        if complete:
            where = Where(*entry.marks.values["template"])
            path = public_path(("workspaces", workspace, "template"))
            problems.add(where, path, f"{name!r} is not a template", _allowed(name, list(templates.data)))
        return None
    template = Tree(templates.data[name], templates.marks.values[name])
    return (name, template) if isinstance(template.data, dict) else None


def _allowed(name: str, names: list[str]) -> Remedy:
    if not names:
        return "this stack has no templates: add it to templates at the top of a file, or remove the line"
    suggestion = did_you_mean(name, names)
    shown = [name if name.isprintable() else repr(name) for name in names]
    return f"allowed: {', '.join(shown)}", suggestion
