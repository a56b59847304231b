"""Labels, annotations and names on the Namespace of an existing workspace: the inverse of `components.workspace`."""

from collections.abc import Mapping
from typing import Any, Final

from ambient_components.adoption.forms import is_of_stack, managing_tools
from ambient_components.adoption.notes import NoteRule, Notes, shown
from ambient_components.cluster.objects import Json, annotations, labels, listing, short
from ambient_components.platform.contract import (
    DISPLAY_NAME_MAX,
    GUARD_LABEL,
    GUARD_OFF_ANNOTATION,
    GUARD_SHARING_ANNOTATION,
    OPENSHIFT_DESCRIPTION_ANNOTATION,
    OPENSHIFT_DISPLAY_NAME_ANNOTATION,
    POD_SECURITY_LABEL,
    WORKSPACE_DESCRIPTION_MAX,
    PodSecurity,
)
from ambient_components.rules.guard import OFF_BY_DEFAULT, SWITCHES, GuardMode, GuardSharing
from ambient_components.rules.labels import annotation_value_problem, key_problem, label_value_problem
from ambient_components.rules.secret_patterns import looks_like_credential, says_secret

_CONTROLLERS: Final = (
    "argoproj.io",
    "capsule.clastix.io",
    "cattle.io",
    "fluxcd.io",
    "helm.sh",
    "operatorframework.io",
)
"""Domains of controllers that write labels and annotations themselves."""
_REVOKE: Final = "revoke it: all users of the workspace can read it"
_POD_SECURITY_SYNC: Final = "pod-security-admission-label-synchronization-controller"
"""OpenShift's controller, which sets the Pod Security level of a namespace by its SCCs."""


def read_namespace(notes: Notes, namespace: Json, *, openshift: bool) -> dict[str, Any]:
    """Return the fields of an entry that are labels and annotations. The platform shows names on OpenShift alone."""
    entry: dict[str, Any] = _names(notes, annotations(namespace)) if openshift else {}
    kept_labels = _kept(notes, "label", labels(namespace))
    kept_annotations = _kept(notes, "annotation", annotations(namespace))
    if kept_labels:
        entry["labels"] = kept_labels
    if kept_annotations:
        entry["annotations"] = kept_annotations
    entry |= _pod_security(notes, namespace) | _guard(namespace)
    if tools := _tools(namespace):
        notes.add(
            NoteRule.OTHER_OWNER,
            f"the namespace has further field managers: {shown(*tools)}",
            "remove it from the other tool after the adoption",
            object=f"Namespace {notes.workspace}",
        )
    return entry


def _tools(namespace: Json) -> list[str]:
    """Return the tools that manage a namespace, without OpenShift's controller and without stacks of this project."""
    ours = is_of_stack(namespace)
    return [
        tool
        for tool in managing_tools(namespace)
        if tool != _POD_SECURITY_SYNC and not (ours and tool.startswith("pulumi"))
    ]


def _names(notes: Notes, there: Mapping[str, str]) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    title = there.get(OPENSHIFT_DISPLAY_NAME_ANNOTATION)
    if title and _accepts(notes, "display name", title, DISPLAY_NAME_MAX) and title != notes.workspace:
        entry["displayName"] = title
    description = there.get(OPENSHIFT_DESCRIPTION_ANNOTATION)
    if description and _accepts(notes, "description", description, WORKSPACE_DESCRIPTION_MAX):
        entry["description"] = description
    return entry


def _accepts(notes: Notes, what: str, value: str, most: int) -> bool:
    if looks_like_credential(value):
        problem = f"the {what} looks like a credential, so the entry does not have it"
        hints = [f"write another {what} in the entry: the next run sets it", _REVOKE]
    elif verdict := annotation_value_problem(value):
        problem = f"the {what} {verdict[0]}, so the entry does not have it"
        hints = [f"write another {what} in the entry: the next run sets it"]
    elif len(value) > most:
        problem = f"the {what} has {len(value)} characters; the stack file takes up to {most}"
        hints = ["write a shorter one in the entry: the next run sets it"]
    else:
        return True
    notes.add(NoteRule.DISPLAY_NAME, problem, *hints, object=f"Namespace {notes.workspace}")
    return False


def _kept(notes: Notes, what: str, there: Mapping[str, str]) -> dict[str, str]:
    """Return labels or annotations of people. Those of Kubernetes, OpenShift, the platform and this tool stay."""
    kept: dict[str, str] = {}
    refused, managed = [], []
    for key, value in sorted(there.items()):
        if key_problem(key) is not None:
            continue
        prefix = key.rpartition("/")[0]
        if any(prefix == domain or prefix.endswith(f".{domain}") for domain in _CONTROLLERS):
            managed.append(key)
        elif _may_be_secret(key, value) or _is_refused(what, value):
            refused.append(key)
        else:
            kept[key] = value
    if managed:
        notes.add(
            NoteRule.OTHER_OWNER,
            f"{what}s that other controllers write stay outside of the entry: {listing(managed)}",
            object=f"Namespace {notes.workspace}",
        )
    if refused:
        notes.add(
            NoteRule.LABELS,
            f"{what}s with names of secrets, or values that look like credentials or can't be written, stay outside of "
            f"the entry: {listing(refused)}",
            "move the value to a Secret, and revoke it if people read it here",
            "or declare it, if it is no secret",
            object=f"Namespace {notes.workspace}",
        )
    return kept


def _may_be_secret(key: str, value: str) -> bool:
    return says_secret(key) or looks_like_credential(key) or looks_like_credential(value)


def _pod_security(notes: Notes, namespace: Json) -> dict[str, Any]:
    level = labels(namespace).get(POD_SECURITY_LABEL)
    if level is None or _POD_SECURITY_SYNC in managing_tools(namespace):
        return {}
    if level in tuple(PodSecurity):
        return {"podSecurity": level}
    notes.add(
        NoteRule.POD_SECURITY,
        f"the namespace enforces the Pod Security level {short(level)}, which the stack file does not accept",
        f"allowed: {', '.join(PodSecurity)}; the platform's sessions run an init container as root",
        object=f"Namespace {notes.workspace}",
    )
    return {}


def _guard(namespace: Json) -> dict[str, Any]:
    """Return the guard that an earlier stack or a cluster admin gave it, so that the adoption does not weaken it."""
    mode, there = labels(namespace).get(GUARD_LABEL), annotations(namespace)
    if mode not in tuple(GuardMode):
        return {}
    guard: dict[str, Any] = {"mode": mode}
    if (sharing := there.get(GUARD_SHARING_ANNOTATION, GuardSharing.OWN)) in (GuardSharing.VIEW, GuardSharing.NONE):
        guard["sharing"] = str(sharing)
    off = [rule for rule in there.get(GUARD_OFF_ANNOTATION, "").split(",") if rule in tuple(SWITCHES)]
    if off != [*OFF_BY_DEFAULT]:
        guard["off"] = off
    return {"guard": guard}


def _is_refused(what: str, value: str) -> bool:
    return (label_value_problem if what == "label" else annotation_value_problem)(value) is not None
