"""End of all access to a workspace except its owners': RoleBindings, accounts, Secrets with tokens or values.

All users who may edit the workspace can write Roles, so no binding is kept because its role seems harmless. Besides the
owners' bindings, two kinds stay: those of the cluster's `system:` roles, and the one with which schedules create
sessions, if it is exactly the operator's; its account is replaced.

Remaining access can create more while other access ends. So the namespace is listed again until nothing is found, after
a pause in which the API server learns which bindings are gone.
"""

import time
from collections.abc import Collection
from typing import Any, Final

from ambient_components.cluster.client import ApiError, Cluster, core, path
from ambient_components.cluster.objects import annotations, labels, text_at
from ambient_components.cluster.objects import name as name_of
from ambient_components.cluster.revocation import ROLE_BINDING, SECRET, SERVICE_ACCOUNT, end
from ambient_components.errors import StepError
from ambient_components.platform.contract import (
    APP_LABEL,
    BOUND_OBJECT,
    BOUND_OBJECT_LABEL,
    INTEGRATION_SECRET,
    KEY_PREFIX,
    MANAGED,
    MANAGED_LABEL,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    RUNNER_SECRET,
    RUNNER_TOKEN_APP,
    SESSION_PREFIX,
    TRIGGER,
)
from ambient_components.provider.protocol.resource import Context, served_objects
from ambient_components.provider.workspace.cluster_access import ExistingAccess as Access
from ambient_components.provider.workspace.cluster_access import bindings_path, inside

_ROUNDS: Final = 5
"""Rounds in which others may create access, before the step fails."""

_PAUSE: Final = 1.0
"""Seconds for the API server's authorizer to notice deleted bindings; it takes a fraction of that."""

_ORDER: Final = (ROLE_BINDING, SERVICE_ACCOUNT, SECRET)
"""Kinds in order of deletion: access first."""

_TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105  # a type
_ACCOUNT_OF_TOKEN: Final = "kubernetes.io/service-account.name"  # noqa: S105  # an annotation


def ending(context: Context, namespace: str, staying: Collection[str], *, sessions: bool) -> list[Access]:
    """Return what ends, in order: bindings, accounts, Secrets.

    Args:
        context: Context of the step.
        namespace: The workspace.
        staying: Names of the owners' RoleBindings, which stay.
        sessions: Whether the sessions' identities end too. A stopping session still needs its own.
    """
    found = {one.uid: one for one in inside(context.guard.cluster, namespace)}
    for item in served_objects(context, bindings_path(namespace)):
        if name_of(item) in staying or _stays(item, namespace) or (not sessions and _is_session(item, namespace)):
            found.pop(_uid(item), None)
        else:
            found.setdefault(_uid(item), _access(item, namespace, ROLE_BINDING, _binding(item)))
    for item in served_objects(context, core("namespaces", namespace, "serviceaccounts")) if sessions else ():
        if name_of(item).startswith(SESSION_PREFIX) and name_of(item) != TRIGGER:
            found.setdefault(_uid(item), _access(item, namespace, SERVICE_ACCOUNT, f"session {name_of(item)}"))
    accounts = {one.name for one in found.values() if one.kind == SERVICE_ACCOUNT}
    for item in served_objects(context, core("namespaces", namespace, "secrets")):
        if _ends(item, accounts, sessions=sessions):
            found[_uid(item)] = _access(item, namespace, SECRET, f"Secret {name_of(item)}")
    return sorted(found.values(), key=lambda one: (_ORDER.index(one.kind), one))


def title(access: Access) -> str:
    """Return a description of what ends."""
    return access.what if access.kind == SECRET else f"{access.what} ({access.kind} {access.name})"


def sweep(context: Context, namespace: str, staying: Collection[str], *, sessions: bool) -> list[str]:
    """End all access, and return the errors; everything else was ended. See `ending`."""
    failed: dict[tuple[str, str], str] = {}
    for _ in range(_ROUNDS):
        left = [one for one in ending(context, namespace, staying, sessions=sessions) if _key(one) not in failed]
        if not left:
            return list(failed.values())
        for one in left:
            try:
                if end(context.guard.cluster, one.kind, namespace, one.name, one.uid):
                    context.note(f"{namespace} is closed: ended {title(one)}")
            except StepError as error:
                failed[_key(one)] = f"could not end {title(one)}: {error}"
        time.sleep(_PAUSE)
    left = [one for one in ending(context, namespace, staying, sessions=sessions) if _key(one) not in failed]
    again = (
        f"could not end {title(one)}: it was made again each time. Find who makes it (a controller of the cluster, or "
        "a user with access outside the workspace), and run again"
        for one in left
    )
    return [*failed.values(), *again]


def renew_trigger(cluster: Cluster, namespace: str) -> None:
    """Replace the account with which schedules create sessions, because users may have minted tokens for it.

    It is created like the operator does, owned by ProjectSettings; nothing is copied from the old one.

    Raises:
        StepError: The old account still exists, or the new one could not be created.
    """
    if not end(cluster, SERVICE_ACCOUNT, namespace, TRIGGER):
        return
    api = f"{PLATFORM_API_GROUP}/{PLATFORM_API_VERSION}"
    settings = cluster.get(path("apis", *api.split("/"), "namespaces", namespace, "projectsettings", PROJECT_SETTINGS))
    if settings is None:
        return
    owner = {"apiVersion": api, "kind": "ProjectSettings", "name": PROJECT_SETTINGS, "controller": True}
    metadata = {
        "name": TRIGGER,
        "labels": {MANAGED_LABEL: MANAGED},
        "ownerReferences": [owner | {"uid": _uid(settings)}],
    }
    try:
        cluster.create(core("namespaces", namespace, "serviceaccounts"), {"metadata": metadata})
    except ApiError as error:
        if error.status != 409:  # the operator created it first
            raise


def _stays(binding: dict[str, Any], namespace: str) -> bool:
    role = (text_at(binding, "roleRef", "kind"), text_at(binding, "roleRef", "name"))
    if role[0] == "ClusterRole" and role[1].startswith("system:"):
        return True
    return name_of(binding) == TRIGGER and role == ("Role", TRIGGER) and _is_only(binding, namespace, TRIGGER)


def _is_session(binding: dict[str, Any], namespace: str) -> bool:
    """Return whether a binding is the operator's for a session."""
    account = name_of(binding).removesuffix("-rb")
    role = (text_at(binding, "roleRef", "kind"), text_at(binding, "roleRef", "name"))
    named = account != name_of(binding) and account.startswith(SESSION_PREFIX)
    return named and role == ("Role", f"{account}-role") and _is_only(binding, namespace, account)


def _is_only(binding: dict[str, Any], namespace: str, account: str) -> bool:
    """Return whether a binding has exactly this ServiceAccount of the workspace as its subject."""
    subjects = binding.get("subjects")
    return (
        isinstance(subjects, list)
        and len(subjects) == 1
        and text_at(subjects[0], "kind") == SERVICE_ACCOUNT
        and text_at(subjects[0], "name") == account
        and text_at(subjects[0], "namespace") == namespace
    )


def _ends(secret: dict[str, Any], accounts: Collection[str], *, sessions: bool) -> bool:
    """Return whether a Secret has session values or an account's token, or is a token Secret."""
    account = annotations(secret).get(_ACCOUNT_OF_TOKEN, "")
    prefixes = (KEY_PREFIX, SESSION_PREFIX) if sessions else (KEY_PREFIX,)
    return (
        name_of(secret) in (RUNNER_SECRET, INTEGRATION_SECRET)
        or labels(secret).get(BOUND_OBJECT_LABEL, "") == BOUND_OBJECT
        or (text_at(secret, "type") == _TOKEN_TYPE and (account in accounts or account.startswith(prefixes)))
        or (sessions and labels(secret).get(APP_LABEL, "") == RUNNER_TOKEN_APP)
    )


def _binding(item: dict[str, Any]) -> str:
    """Return a description of a binding with a role that is not the platform's."""
    given = item.get("subjects")
    subjects = [
        ":".join(filter(None, (text_at(one, "kind").lower(), text_at(one, "namespace"), text_at(one, "name"))))
        for one in (given if isinstance(given, list) else [])
    ]
    return f"{text_at(item, 'roleRef', 'kind')} {text_at(item, 'roleRef', 'name')} of {', '.join(subjects) or 'none'}"


def _access(item: dict[str, Any], namespace: str, kind: str, what: str) -> Access:
    return Access(namespace, kind, name_of(item), _uid(item), what)


def _uid(item: dict[str, Any]) -> str:
    return text_at(item, "metadata", "uid")


def _key(access: Access) -> tuple[str, str]:
    return access.kind, access.uid
