"""The proof of an adoption: what a preview would change in the adopted objects besides their ownership."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.adoption.existing import ExistingObjects
from ambient_components.cluster.objects import Json, mapping, mappings, name, texts
from ambient_components.engine import names, urns
from ambient_components.engine.secrets import is_secret
from ambient_components.engine.steps import CREATES, Step
from ambient_components.platform.contract import (
    CONTAINER_LIMITS,
    FEATURE_FLAGS,
    OWNER_ANNOTATION,
    PROJECT_SETTINGS,
    RELEASED_BY_ANNOTATION,
)
from ambient_components.printable import one_line

_SHARED: Final = {
    urns.PROJECT_SETTINGS: ("ProjectSettings", PROJECT_SETTINGS),
    urns.CONTAINER_DEFAULTS: ("LimitRange", CONTAINER_LIMITS),
    urns.FEATURE_FLAGS: ("ConfigMap", FEATURE_FLAGS),
}
"""Kind and name of the objects that a run declares in part, by type."""
_OWNERSHIP: Final = frozenset({OWNER_ANNOTATION, RELEASED_BY_ANNOTATION})
_OBJECT: Final = frozenset({"metadata", "spec", "data", "roleRef", "subjects"})
"""Inputs that are fields of the object. Others, such as `adopt`, are for the plugin."""
_ENGINES: Final = "pulumi.com/"
"""Prefix of annotations that are for the engine's plugin and never reach the cluster."""
_LONGEST: Final = 80
_ABSENT: Final = "nothing"

Live = Callable[[str, str, str], Json | None]
"""Returns an object of the cluster by kind, namespace (empty for none) and name. None if there is none."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One thing that a run would change in an adopted workspace."""

    workspace: str
    object: str
    """Kind and name, such as `LimitRange ambient-default-limits`."""
    field: str = ""
    """Path of the field. Empty if the whole object is created."""
    live: str = ""
    """What the cluster has."""
    declared: str = ""
    """What the run writes."""

    def __str__(self) -> str:
        if not self.field:
            return f"{self.workspace}: {self.object} does not exist, and the run creates it"
        return f"{self.workspace}: {self.object}: {self.field} is {self.live}, and the run writes {self.declared}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a preview would do."""

    adopted: int
    """Number of existing objects that come under management."""
    differences: tuple[Difference, ...]
    """Changes in the adopted workspaces besides ownership, sorted."""
    others: int
    """Number of changes elsewhere in the stack."""


def findings(steps: Iterable[Step], live: Live, workspaces: Collection[str]) -> Findings:
    """Compare what a preview creates in adopted workspaces with the objects that exist.

    Args:
        steps: The steps of the preview.
        live: The objects in the cluster.
        workspaces: The adopted workspaces.
    """
    adopted, others, found = 0, 0, set[Difference]()
    for step in steps:
        if not step.changes or step.new is None or not step.new.custom or urns.is_stacks_own(step.type):
            continue
        workspace = names.workspace_of(step.name)
        if workspace not in workspaces or step.op not in CREATES:
            others += 1
            continue
        differences = list(_of_object(step, workspace, live))
        found.update(differences)
        adopted += not any(one.field == "" for one in differences)
    return Findings(adopted, tuple(sorted(found)), others)


def _of_object(step: Step, workspace: str, live: Live) -> Iterator[Difference]:
    inputs = step.new.inputs if step.new is not None else {}
    shared = _SHARED.get(step.type)
    metadata = mapping(inputs.get("metadata"))
    kind, called = shared or (step.kind.removesuffix("Patch"), str(metadata.get("name") or step.name))
    namespace = str(inputs.get("namespace") or metadata.get("namespace") or "")
    there = live(kind, namespace, called) if shared or metadata else None
    if there is None:
        yield Difference(workspace, f"{kind} {called}")
    elif shared:
        fields = {name: value for name, value in inputs.items() if name not in ("namespace", "released")}
        yield from _differences(workspace, f"{kind} {called}", fields, _as_inputs(there))
    else:
        declared = {key: value for key, value in inputs.items() if key in _OBJECT}
        yield from _differences(workspace, f"{kind} {called}", declared, there)


def _as_inputs(there: Json) -> dict[str, Any]:
    """Return a partly declared object in the form of the inputs that declare it."""
    spec = mapping(there.get("spec"))
    item = next((one for one in mappings(spec.get("limits")) if one.get("type") == "Container"), {})
    flags = {flag: value == "true" for flag, value in texts(there.get("data")).items()}
    return {**spec, **item, "flags": flags}


def _differences(
    workspace: str, what: str, declared: Mapping[str, Any], live: Mapping[str, Any]
) -> Iterator[Difference]:
    for path, here, wanted in lacking(declared, live):
        yield Difference(workspace, what, path, _shown(here), _shown(wanted))


def lacking(declared: Any, live: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the declared values that differ from the live ones, as path, live value and declared value.

    Fields that only the live object has do not count: a run leaves them.
    """
    if isinstance(declared, Mapping) and isinstance(live, Mapping | None):
        for key, value in declared.items():
            if key not in _OWNERSHIP and not str(key).startswith(_ENGINES) and value is not None:
                yield from lacking(value, (live or {}).get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(declared, list) and isinstance(live, list) and len(declared) == len(live):
        for index, (one, other) in enumerate(zip(declared, live, strict=True)):
            yield from lacking(one, other, f"{path}[{index}]")
    elif declared != live and (declared, live) != ("", None):
        yield path, live, declared


def _shown(value: Any) -> str:
    if is_secret(value):
        return "[secret]"
    return _ABSENT if value is None else one_line(str(value), _LONGEST)


def live_objects(objects: ExistingObjects) -> Live:
    """Return the objects that were read, for `findings`."""
    found: dict[tuple[str, str, str], Json] = {}
    for workspace, there in objects.workspaces.items():
        found["Namespace", "", workspace] = there.namespace
        single = {"ProjectSettings": there.settings, "ConfigMap": there.flags}
        lists = {
            "RoleBinding": there.bindings, "ServiceAccount": there.accounts, "LimitRange": there.limit_ranges,
            "ResourceQuota": there.quotas, "NetworkPolicy": there.policies,
        }  # fmt: skip
        for kind, items in {**lists, **{kind: [one] for kind, one in single.items() if one}}.items():
            found |= {(kind, workspace, name(one)): one for one in items}
    return lambda kind, namespace, named: found.get((kind, namespace, named))
