"""Existing workspaces as entries of a stack file, with notes, or refused with a reason. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from ambient_components.access.platform_own import PlatformOwn
from ambient_components.adoption.access import read_access
from ambient_components.adoption.existing import ExistingObjects, NamespaceObjects
from ambient_components.adoption.forms import is_of_stack
from ambient_components.adoption.keys import read_keys
from ambient_components.adoption.limits import read_limits
from ambient_components.adoption.namespace import read_namespace
from ambient_components.adoption.notes import Note, Notes, bounded
from ambient_components.adoption.settings import note_schedules, read_secrets, read_settings
from ambient_components.cluster.objects import annotations, is_ending, name, short
from ambient_components.errors import Problem
from ambient_components.platform.contract import (
    OWNER_ANNOTATION,
    PLATFORM_NAMESPACE_DEFAULT,
    RESERVED_NAMESPACES,
    SYSTEM_PREFIXES,
)
from ambient_components.platform.naming import workspace_name_problem
from ambient_components.rules.warnings import WarningRule

_MOVE: Final = "create a workspace with another name and move its users, or leave this one out and"
_ACKNOWLEDGE: Final = f"acknowledge {WarningRule.UNMANAGED_WORKSPACE} in the stack file"


class RefusedRule(StrEnum):
    MISSING = "missing"
    OTHER_STACK = "otherStack"
    ENDING = "ending"
    RESERVED = "reserved"
    PLATFORM = "platform"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Refused:
    name: str
    rule: RefusedRule
    problem: str
    hint: str

    @property
    def as_problem(self) -> Problem:
        return Problem(None, f"workspaces.{self.name}", self.problem, (self.hint,), self.rule, (self.name,))


@dataclass(frozen=True, slots=True)
class ExistingWorkspace:
    name: str
    entry: dict[str, Any]
    notes: tuple[Note, ...] = ()
    key_use: Mapping[str, datetime | None] = field(default_factory=dict)
    """Time of the last use of each key, by id; None if the platform noted none."""
    secret_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names in the two Secrets that an entry can declare: runner, integrations, and storage variables."""
    owned: bool = False
    """Whether this stack owns the namespace already, as after an interrupted adoption."""


@dataclass(frozen=True, slots=True)
class Reader:
    owner: str
    """Owner of the adopting stack, PROJECT/FLEET."""
    openshift: bool = False
    platform_namespace: str = PLATFORM_NAMESPACE_DEFAULT
    api_server: bool = False
    """Whether the platform's API server (V2) runs in that namespace, too."""


def existing_workspaces(existing: ExistingObjects, reader: Reader) -> tuple[ExistingWorkspace | Refused, ...]:
    """Return all workspaces, sorted by name. Nothing that a workspace user can write raises an error here."""
    workspaces: list[ExistingWorkspace | Refused] = [
        _refusal(objects, reader) or _workspace(objects, reader) for objects in existing.workspaces.values()
    ]
    workspaces += [
        Refused(
            missing,
            RefusedRule.MISSING,
            f"there is no workspace {missing!r} in this cluster: no namespace of this name has the platform's label",
            "list the names: kubectl get namespaces -l ambient-code.io/managed=true",
        )
        for missing in existing.missing
    ]
    return tuple(sorted(workspaces, key=lambda workspace: workspace.name))


def _refusal(objects: NamespaceObjects, reader: Reader) -> Refused | None:
    workspace = name(objects.namespace)
    holder = annotations(objects.namespace).get(OWNER_ANNOTATION)
    if workspace in (reader.platform_namespace, PLATFORM_NAMESPACE_DEFAULT):
        problem = f"{workspace!r} is the platform's own namespace"
        return Refused(workspace, RefusedRule.PLATFORM, problem, "leave it out: it is not a workspace of a team")
    if workspace in RESERVED_NAMESPACES:
        problem = f"{workspace!r} is a namespace of Kubernetes or OpenShift"
        hint = "remove the platform's label from it, and leave it out"
        return Refused(workspace, RefusedRule.RESERVED, problem, hint)
    if workspace.startswith(SYSTEM_PREFIXES):
        problem = f"{workspace!r} has the name of a namespace of Kubernetes or OpenShift"
        return Refused(workspace, RefusedRule.RESERVED, problem, f"{_MOVE} {_ACKNOWLEDGE}")
    if verdict := workspace_name_problem(workspace):
        return Refused(workspace, RefusedRule.NAME, f"{verdict[0]}; {verdict[1]}", f"{_MOVE} {_ACKNOWLEDGE}")
    if holder not in (None, "", reader.owner):
        return Refused(
            workspace,
            RefusedRule.OTHER_STACK,
            f"{workspace!r} belongs to the stack {short(str(holder))}",
            "release it there first (state: released), then adopt it here",
        )
    if is_ending(objects.namespace):
        problem = f"{workspace!r} is being deleted"
        return Refused(workspace, RefusedRule.ENDING, problem, f"see what keeps it: kubectl get namespace {workspace}")
    return None


def _workspace(objects: NamespaceObjects, reader: Reader) -> ExistingWorkspace:
    workspace = name(objects.namespace)
    notes = Notes(workspace)
    own = PlatformOwn.of(objects.roles, [objects.settings] if objects.settings else [], objects.sessions)
    accounts = {name(account) for account in objects.accounts}
    access = read_access(notes, objects.bindings, accounts, reader.platform_namespace, own)
    keys, last_used = read_keys(notes, objects.accounts, objects.bindings, of_stack=is_of_stack(objects.namespace))
    secret_names = read_secrets(notes, objects.secrets)
    fields = {
        **read_namespace(notes, objects.namespace, openshift=reader.openshift),
        "owners": sorted(access.owners),
        "grants": access.grants,
        "keys": keys,
        "settings": read_settings(notes, objects.settings, objects.flags, objects.ca_bundle),
        "limits": read_limits(
            notes,
            objects.limit_ranges,
            objects.quotas,
            objects.policies,
            reader.platform_namespace,
            api_server=reader.api_server,
        ),
    }
    note_schedules(notes, objects.schedules, reader.owner)
    entry: dict[str, Any] = {"adopt": True} | {key: fields[key] for key in _ORDER if fields.get(key)}
    owned = annotations(objects.namespace).get(OWNER_ANNOTATION) == reader.owner
    return ExistingWorkspace(workspace, entry, tuple(bounded(notes)), last_used, secret_names, owned)


_ORDER = (
    "displayName",
    "description",
    "owners",
    "grants",
    "keys",
    "settings",
    "limits",
    "labels",
    "annotations",
    "podSecurity",
    "guard",
)
