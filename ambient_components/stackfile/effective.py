"""The effective entry of each workspace: defaults, then its template, then its own entry."""

from typing import Any

from ambient_components.errors import Problems, Remedy, Where
from ambient_components.stackfile.layers import DEFAULTS, Layer, Tree, flatten, layers_of
from ambient_components.stackfile.privacy import public_path
from ambient_components.stackfile.yaml.positions import MappingMarks
from ambient_components.suggest import did_you_mean


def apply_layers(stack: Tree, problems: Problems, *, complete: bool) -> tuple[Tree, dict[str, tuple[Layer, ...]]]:
    """Return the stack with effective entries, and the layers of each entry.

    Values that are not mappings stay unchanged, so that the models report them at their position.

    Args:
        stack: The merged files.
        problems: Receives missing templates.
        complete: Whether all files could be read; otherwise a missing template may be in an unreadable file.
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
