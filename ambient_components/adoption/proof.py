"""The proof of an adoption: what a preview would change in the adopted objects besides their ownership."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from ambient_components.access.bindings import SERVICE_ACCOUNT
from ambient_components.adoption.existing import ExistingObjects
from ambient_components.cluster.objects import Json, annotations, mapping, mappings, name, texts
from ambient_components.cluster.objects import labels as labels_of
from ambient_components.cluster.objects import metadata as metadata_of
from ambient_components.engine import names, urns
from ambient_components.engine.secrets import is_secret
from ambient_components.engine.state import Resource
from ambient_components.engine.steps import CREATES, Step
from ambient_components.errors import Problem
from ambient_components.platform.contract import (
    CONTAINER_LIMITS,
    CREATED_AT_ANNOTATION,
    FEATURE_FLAGS,
    FEATURE_FLAGS_LABELS,
    GUARD_ACCOUNTS_ANNOTATION,
    GUARD_FILE_ANNOTATION,
    GUARD_KEYS_ANNOTATION,
    OWNER_ANNOTATION,
    PROJECT_SETTINGS,
    RELEASED_BY_ANNOTATION,
)
from ambient_components.printable import one_line
from ambient_components.rules.secret_patterns import looks_like_credential

_SHARED: Final = {
    urns.PROJECT_SETTINGS: ("ProjectSettings", PROJECT_SETTINGS),
    urns.CONTAINER_DEFAULTS: ("LimitRange", CONTAINER_LIMITS),
    urns.FEATURE_FLAGS: ("ConfigMap", FEATURE_FLAGS),
}
"""Kind and name of the objects that a run declares in part, by type."""
_OWNERSHIP: Final = frozenset(
    {
        OWNER_ANNOTATION,
        RELEASED_BY_ANNOTATION,
        # Which file declares the workspace, and what it calls its keys.
        GUARD_FILE_ANNOTATION,
        GUARD_KEYS_ANNOTATION,
        GUARD_ACCOUNTS_ANNOTATION,
    }
)
_OBJECT: Final = frozenset({"metadata", "spec", "data", "roleRef", "subjects"})
"""Inputs that are fields of the object. Others, such as `adopt`, are for the plugin."""
_ENGINES: Final = "pulumi.com/"
"""Prefix of annotations for the engine's plugin, such as `pulumi.com/patchForce`."""
_LONGEST: Final = 80
_HIDDEN: Final = "[hidden]"
_CREATE: Final = "create"
_FIELD: Final = "field"
_KINDS: Final = {urns.WORKSPACE_SECRET: "Secret"}
_ACCESS: Final = frozenset({urns.ROLE_BINDING, urns.SERVICE_ACCOUNT})
_SHOWN: Final = (
    "roleRef", "subjects", "metadata.labels", "labels", "inactivityTimeoutSeconds", "flags", "default", "max", "min",
    "spec.hard",
)  # fmt: skip
"""Beginnings of the paths of values that are shown. Others may be secret, as in headers of MCP servers."""
_ABSENT: Final = "nothing"

Live = Callable[[str, str, str], Json | None]
"""Returns an object of the cluster by kind, namespace (empty for none) and name. None if there is none."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One thing that a run would change in an adopted workspace besides ownership. Never a value that may be secret."""

    workspace: str
    object: str
    """Kind and name, such as `LimitRange ambient-default-limits`."""
    op: str
    """create, field, or the engine's operation on an object that the stack has already."""
    field: str = ""
    live: str = ""
    declared: str = ""

    def __str__(self) -> str:
        match self.op:
            case "create":
                what = "does not exist, and the run creates it"
            case "field":
                what = f"{self.field} is {self.live}, and the run writes {self.declared}"
            case _:
                what = f"the stack has it already, and the run's operation is: {self.op}"
        return f"{self.workspace}: {self.object}: {what}"


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether runs change nothing but ownership."""

    adopted: int = 0
    """Number of existing objects that come under management."""
    differences: tuple[Difference, ...] = ()
    """Changes in the adopted workspaces besides ownership, sorted."""
    others: int = 0
    """Number of changes elsewhere in these stacks."""
    problems: tuple[Problem, ...] = ()
    """Why a preview failed."""

    @property
    def clean(self) -> bool:
        return not (self.differences or self.problems)

    def document(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "adoptedObjects": self.adopted,
            "otherChanges": self.others,
            "differences": [
                {name: value or None for name, value in asdict(difference).items()} for difference in self.differences
            ],
            "problems": [problem.text for problem in self.problems],
        }


def findings(steps: Iterable[Step], live: Live, workspaces: Collection[str]) -> Proof:
    adopted, others, changes = 0, 0, set[Difference]()
    for step in steps:
        resource = step.new or step.old
        if not step.changes or resource is None or not resource.custom or urns.is_stacks_own(step.type):
            continue
        workspace = names.workspace_of(step.name)
        if workspace not in workspaces:
            others += 1
        elif step.op not in CREATES:
            changes.add(Difference(workspace, f"{step.kind} {step.name}", step.op))
        else:
            differences = list(_of_object(resource, step.kind, workspace, live))
            changes.update(differences)
            adopted += not any(difference.op == _CREATE for difference in differences)
    return Proof(adopted, tuple(sorted(changes)), others)


def _of_object(resource: Resource, step_kind: str, workspace: str, live: Live) -> Iterator[Difference]:
    inputs = resource.inputs
    metadata = mapping(inputs.get("metadata"))
    called = str(metadata.get("name") or inputs.get("secret") or resource.name)
    kind, called = _SHARED.get(resource.type) or (step_kind.removesuffix("Patch"), called)
    what = f"{_KINDS.get(resource.type, kind)} {called}"
    namespace = str(inputs.get("namespace") or metadata.get("namespace") or "")
    there = live(_KINDS.get(resource.type, kind), namespace, called)
    if there is None:
        yield Difference(workspace, what, _CREATE)
    elif resource.type == urns.WORKSPACE_SECRET:
        yield Difference(workspace, what, _FIELD, "data", "as set in the UI", "the declared variables and no others")
    elif resource.type in _SHARED:
        fields = {name: value for name, value in inputs.items() if name not in ("namespace", "released")}
        labels = FEATURE_FLAGS_LABELS if resource.type == urns.FEATURE_FLAGS else {}
        yield from _fields(workspace, what, {**fields, "labels": labels}, _as_inputs(there))
    else:
        yield from _fields(workspace, what, {key: inputs[key] for key in _OBJECT if key in inputs}, there)
        if resource.type in _ACCESS:
            yield from _removed(workspace, what, there)


def _as_inputs(there: Json) -> dict[str, Any]:
    spec = mapping(there.get("spec"))
    item = next((limit for limit in mappings(spec.get("limits")) if limit.get("type") == "Container"), {})
    flags = {flag: value == "true" for flag, value in texts(there.get("data")).items()}
    return {**spec, **item, "flags": flags, "labels": labels_of(there)}


def _removed(workspace: str, what: str, there: Json) -> Iterator[Difference]:
    """Yield what a run changes in objects with access although no input names it (`provider.workspace`)."""
    for field in ("finalizers", "ownerReferences"):
        if metadata_of(there).get(field):
            yield Difference(workspace, what, _FIELD, f"metadata.{field}", "set", _ABSENT)
    if what.startswith(SERVICE_ACCOUNT) and CREATED_AT_ANNOTATION not in annotations(there):
        yield Difference(workspace, what, _FIELD, f"metadata.annotations.{CREATED_AT_ANNOTATION}", _ABSENT, "this time")


def _fields(workspace: str, what: str, declared: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[Difference]:
    for path, here, wanted in lacking(declared, live):
        is_open = path.startswith(_SHOWN)
        shown = (_shown(here), _shown(wanted)) if is_open else ("another value", "the declared one")
        yield Difference(workspace, what, _FIELD, path, *shown)


def lacking(declared: Any, live: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the declared values that differ from the live ones, as path, live value and declared value.

    Fields that only the live object has do not count: a run leaves them.
    """
    if isinstance(declared, Mapping) and isinstance(live, Mapping | None):
        for key, value in declared.items():
            if key not in _OWNERSHIP and not str(key).startswith(_ENGINES) and value is not None:
                yield from lacking(value, (live or {}).get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(declared, list) and isinstance(live, list) and len(declared) == len(live):
        for index, (item, other) in enumerate(zip(declared, live, strict=True)):
            yield from lacking(item, other, f"{path}[{index}]")
    elif declared != live:
        yield path, live, declared


def _shown(value: Any) -> str:
    text = _ABSENT if value is None else one_line(str(value), _LONGEST)
    return _HIDDEN if is_secret(value) or looks_like_credential(text) else text


def live_objects(objects: ExistingObjects) -> Live:
    objects_by_place: dict[tuple[str, str, str], Json] = {}
    for workspace, there in objects.workspaces.items():
        objects_by_place["Namespace", "", workspace] = there.namespace
        secrets: list[Json] = [{"metadata": {"name": secret}} for secret in there.secrets]
        lists: dict[str, list[Json]] = {
            "RoleBinding": there.bindings, SERVICE_ACCOUNT: there.accounts, "LimitRange": there.limit_ranges,
            "ResourceQuota": there.quotas, "NetworkPolicy": there.policies, "Secret": secrets,
            "ProjectSettings": [item for item in (there.settings,) if item],
            "ConfigMap": [item for item in (there.flags, there.ca_bundle) if item],
        }  # fmt: skip
        for kind, items in lists.items():
            objects_by_place |= {(kind, workspace, name(item)): item for item in items}
    return lambda kind, namespace, named: objects_by_place.get((kind, namespace, named))
