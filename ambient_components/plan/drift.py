"""What others changed in the cluster, from a preview with a refresh.

The engine shows a refresh in two steps of one resource: `refresh` with what the last run recorded, and the step that
restores it, with what the cluster has now.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ambient_components.access.entries import child
from ambient_components.access.role_assignments import KEY, RoleAssignment
from ambient_components.cluster.objects import subjects
from ambient_components.engine import names, urns
from ambient_components.engine.names import LogicalName, Part
from ambient_components.engine.state import Resource
from ambient_components.engine.steps import HIDDEN, REFRESH, UPDATE, Step
from ambient_components.plan.facts import CHANGED, DELETED, Drift
from ambient_components.printable import one_line
from ambient_components.stacks.deployed import KeyPlace
from ambient_components.stacks.reading import ACCESS_PARTS, BINDING, role_of

_PRIVATE: Final = frozenset({urns.S3_CREDENTIALS, urns.SCHEDULED_SESSION, urns.WORKSPACE_SECRET})
"""Types of which no value is shown: secrets and prompts."""
_LONGEST: Final = 60
"""Maximum characters of a value."""
_SETTINGS_AND_LIMITS: Final = frozenset(
    {
        urns.CONTAINER_DEFAULTS,
        urns.FEATURE_FLAGS,
        urns.NAMESPACE,
        urns.NETWORK_POLICY,
        urns.PROJECT_SETTINGS,
        urns.RESOURCE_QUOTA,
    }
)


def drift(steps: Iterable[Step]) -> tuple[Drift, ...]:
    """Return the deleted and changed objects, sorted. A deleted namespace stands for everything in it."""
    drifts = [_drift(was, step) for was, step in _drifted(steps)]
    gone = {drift.workspace for drift in drifts if drift.name == _NAMESPACE and drift.what == DELETED}
    everything = ("with everything in it",)
    whole = (Drift(name, _NAMESPACE, DELETED, everything, _who(drifts, name)) for name in gone)
    return tuple(sorted([*whole, *(drift for drift in drifts if drift.workspace not in gone)]))


def changed_values(steps: Sequence[Step]) -> list[str]:
    """Return the changed fields of settings and limits, of which the ledger records the names alone, sorted."""
    drifted = {str(step.urn) for _, step in _drifted(steps)}
    return sorted(
        f"{name.workspace}: {step.kind} {path}: {' -> '.join(filter(None, map(_value, pair)))}"
        for step in steps
        if step.op == UPDATE and step.type in _SETTINGS_AND_LIMITS and str(step.urn) not in drifted
        if (name := names.parse(step.name)) is not None and step.old is not None and step.new is not None
        for path, *pair in _differences(step.old.inputs, step.new.inputs)
    )


def _who(drifts: Iterable[Drift], workspace: str) -> tuple[str, ...]:
    return tuple(sorted({who for drift in drifts if drift.workspace == workspace for who in drift.subjects}))


def deleted(steps: Iterable[Step]) -> frozenset[str]:
    """Return the URNs of the deleted objects."""
    return frozenset(str(step.urn) for _, step in _drifted(steps) if step.old is None)


def drifted_access(steps: Iterable[Step], keys: Iterable[KeyPlace]) -> tuple[set[RoleAssignment], set[RoleAssignment]]:
    """Return the access that deleted and changed bindings gave at the last run, and what they give now.

    A key keeps its access by a deployed generation, one of `keys`, with an unchanged binding.
    """
    before, now = set[RoleAssignment](), set[RoleAssignment]()
    bindings = [(was, step, names.parse(step.name)) for was, step in _drifted(steps) if was.kind == BINDING]
    drifted = {(name.workspace, name.item, name.generation) for _, _, name in bindings if name is not None}
    kept = {(workspace, f"{KEY}:{key}") for workspace, key, generation in {*keys} - drifted}
    for was, step, name in bindings:
        if name is not None:
            before |= {role for role in _given(was, name) if (role.workspace, role.subject) not in kept}
            now |= {*_given(step.old, name)} if step.old is not None else set()
    return before, now


_NAMESPACE: Final = "Namespace"


def _drifted(steps: Iterable[Step]) -> Iterator[tuple[Resource, Step]]:
    """Yield the recorded resource of each object that differs, and the step that restores it."""
    refreshed: dict[str, Step] = {}
    shown = set[str]()
    for step in steps:
        urn = str(step.urn)
        if step.op == REFRESH:
            refreshed[urn] = step
            continue
        was = refreshed[urn].old if urn in refreshed else None
        if was is None or urn in shown or not step.changes or not was.custom or urns.is_stacks_own(step.type):
            continue
        # Why a token is renewed is with the keys.
        if step.old is None or (step.type != urns.ACCESS_TOKEN and step.modified != refreshed[urn].modified):
            shown.add(urn)
            yield was, step


def _drift(was: Resource, step: Step) -> Drift:
    name, what = names.parse(step.name), DELETED if step.old is None else CHANGED
    if name is None:
        return Drift("", f"{was.kind} {step.name}", what)
    place = step.object_name or step.name.removeprefix(f"{name.workspace}/")
    given = (binding for side in (was, step.old) if side is not None for binding in _given(side, name))
    return Drift(
        name.workspace,
        _NAMESPACE if name.part is Part.NAMESPACE else f"{was.kind} {place}",
        what,
        tuple(_fields(was, step.old, step)) if step.old is not None else (),
        tuple(sorted({role.subject for role in given})) if was.kind == BINDING else (),
    )


def _given(binding: Resource, name: LogicalName) -> Iterator[RoleAssignment]:
    if name.part is Part.KEY_GENERATION:
        yield RoleAssignment(name.workspace, f"{KEY}:{name.item}", role_of(binding.inputs), KEY)
    elif name.part in ACCESS_PARTS:
        for subject in subjects(binding.inputs):
            yield RoleAssignment(name.workspace, subject, role_of(binding.inputs), ACCESS_PARTS[name.part])


def _fields(was: Resource, now: Resource, step: Step) -> Iterator[str]:
    """Yield each changed field with both values, as far as the run restores it and no value is a secret."""
    if was.kind == BINDING and subjects(was.inputs) != subjects(now.inputs):
        yield f"subjects {_listed(subjects(was.inputs))} -> {_listed(subjects(now.inputs))}"
    restored = False
    for path, old, new in _differences(was.inputs, now.inputs):
        if path != "subjects" and _is_restored(path, step.paths):
            restored, pair = True, (_value(old), _value(new))
            yield path if step.type in _PRIVATE or None in pair else f"{path} {pair[0]} -> {pair[1]}"
    if not restored and was.kind != BINDING:
        yield from step.paths  # of a secret: its values are masked


def _is_restored(path: str, paths: Iterable[str]) -> bool:
    here, *others = (f"{each.replace('[', '.[')}." for each in (path, *paths))
    return any(here.startswith(other) or other.startswith(here) for other in others)


def _differences(was: Mapping[str, Any], now: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Any, Any]]:
    for key in sorted({*was, *now}):
        old, new, path = was.get(key), now.get(key), child(at, key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from _differences(old, new, path)
        elif old != new:
            yield path, old, new


def _value(value: Any) -> str | None:
    """Return a value as a text, or None for one that is not shown: of a secret, and of a long list or mapping."""
    if value == HIDDEN or isinstance(value, Mapping | list):
        return None
    text = "unset" if value is None else str(value).lower() if isinstance(value, bool) else one_line(str(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _listed(who: Iterable[str]) -> str:
    return ", ".join(map(one_line, who)) or "none"
