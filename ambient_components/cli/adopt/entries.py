"""Entries of adopted workspaces, fitted to a stack: its defaults, its guardrails, and entries that they replace."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from ambient_components.access.guardrails import Crossed
from ambient_components.adoption import ExistingWorkspace, Note, NoteRule, factor, fit
from ambient_components.cluster.objects import mapping
from ambient_components.output import from_here
from ambient_components.stackfile.loader import LoadedStack
from ambient_components.stackfile.yaml.reader import parse_yaml, read_text
from ambient_components.stacks.project import STACK_FILES, Project

_REASON: Final = "found at the adoption: keep or remove it"
_NOT_READ: Final = (
    "template", "reviewers", "secrets", "storage", "protect", "state", "onClose", "exceptions", "acknowledge", "shard",
)  # fmt: skip
"""Fields of an entry that a cluster can't show: `--overwrite` keeps them."""
_OF_KEYS: Final = frozenset({"name", "description", "role", "serviceAccount", "adopt"})
"""Fields of a key that adoption reads."""
EXCEPTION: Final = timedelta(days=30)
"""How long the exceptions hold that existing access needs: an expired one never blocks a run."""


def below_defaults(
    new: list[ExistingWorkspace], loaded: LoadedStack | None
) -> tuple[Mapping[str, Any], list[ExistingWorkspace]]:
    """Return defaults for a new stack file, and the entries below these or below the existing ones."""
    if loaded is None:
        factored = factor({one.name: one.entry for one in new})
        return factored.defaults, [replace(one, entry=factored.entries[one.name]) for one in new]
    return {}, [_fitted(one, loaded.defaults) for one in new]


def _fitted(workspace: ExistingWorkspace, defaults: Mapping[str, Any]) -> ExistingWorkspace:
    fitted = fit(workspace.entry, defaults)
    what = "the defaults of the stack add {}, and no entry can take that away"
    hint = "remove it from the defaults, or accept that the first run writes it"
    more = (Note(workspace.name, NoteRule.DEFAULTS, what.format(place), (hint,)) for place in fitted.left)
    declared = mapping(defaults.get("secrets"))
    names = {secret: found for secret, found in workspace.secret_names.items() if secret not in declared}
    return replace(workspace, entry=fitted.entry, notes=(*workspace.notes, *more), secret_names=names)


def kept(project: Project, workspace: ExistingWorkspace, places: Mapping[str, str]) -> dict[str, Any]:
    """Return an entry that replaces an existing one, with the fields that a cluster can't show."""
    if workspace.name not in places:
        return workspace.entry
    file = project.folder / STACK_FILES / places[workspace.name]
    before = mapping(mapping(parse_yaml(read_text(file), from_here(file)).data.get("workspaces")).get(workspace.name))
    entry = {**workspace.entry, **{name: before[name] for name in _NOT_READ if name in before}}
    keys = mapping(before.get("keys"))
    if "keys" in entry:
        entry["keys"] = {
            key_id: {
                **{name: value for name, value in mapping(keys.get(key_id)).items() if name not in _OF_KEYS},
                **key,
            }
            for key_id, key in entry["keys"].items()
        }
    return entry


def needed_exceptions(violations: Iterable[Crossed], until: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for one in violations:
        exception = {"guardrail": one.guardrail, "reason": _REASON, "until": until}
        if one.workspace and exception not in found.setdefault(one.workspace, []):
            found[one.workspace].append(exception)
    return found


def by_guardrail(given: Mapping[str, list[dict[str, Any]]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, each in sorted(given.items()):
        for one in each:
            found.setdefault(one["guardrail"], []).append(name)
    return {guardrail: tuple(names) for guardrail, names in sorted(found.items())}


def with_exceptions(entry: Mapping[str, Any], given: list[dict[str, Any]]) -> dict[str, Any]:
    there = list(entry.get("exceptions") or ())
    known = {one.get("guardrail") for one in there if isinstance(one, Mapping)}
    more = [one for one in given if one["guardrail"] not in known]
    return {**entry, "exceptions": [*there, *more]} if there or more else dict(entry)
