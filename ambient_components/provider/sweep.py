"""The end of all access to a workspace but its owners': RoleBindings, accounts, Secrets that hold tokens or values.

A role can be written by any user who may edit the workspace, so no binding stays because its role looks harmless. Two
kinds stay besides the owners': those of the cluster's own `system:` roles, and the one by which schedules create
sessions, as long as it is exactly what the operator makes; its account is replaced.

Access that is left while other access ends can make more. So the namespace is listed again until nothing is found,
after a pause in which the API server learns which bindings are gone.
"""

import time
from collections.abc import Collection
from typing import Any, Final

from ambient_components.cluster import ApiError, Cluster, core, path
from ambient_components.cluster_objects import annotations, labels, text_at
from ambient_components.cluster_objects import name as name_of
from ambient_components.contract import (
    APP_LABEL,
    HANDLE,
    HANDLE_LABEL,
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
from ambient_components.failure import StepError
from ambient_components.provider.resource import Context
from ambient_components.provider.revocation import ROLE_BINDING, SECRET, SERVICE_ACCOUNT, end
from ambient_components.provider.served import objects
from ambient_components.provider.undeclared import Found as Access
from ambient_components.provider.undeclared import bindings_path, inside

_ROUNDS: Final = 5
"""How often what was made meanwhile is ended, before the step fails."""

_PAUSE: Final = 1.0
"""Seconds until the API server's authorizer has seen that a binding is gone; it takes a fraction of that."""

_ORDER: Final = (ROLE_BINDING, SERVICE_ACCOUNT, SECRET)
"""Kinds in the order in which they end: the access first."""

_TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105  # a type
_ACCOUNT_OF_TOKEN: Final = "kubernetes.io/service-account.name"  # noqa: S105  # an annotation


def ending(context: Context, namespace: str, staying: Collection[str], *, sessions: bool) -> list[Access]:
    """Return what ends, in the order in which it ends: bindings, accounts, Secrets.

    Args:
        context: The step's.
        namespace: The workspace.
        staying: Names of the RoleBindings that stay: its owners'.
        sessions: Whether the identities of sessions end too. A session that stops still needs its own.
    """
    found = {one.uid: one for one in inside(context.guard.cluster, namespace)}
    for item in objects(context, bindings_path(namespace)):
        if name_of(item) in staying or _stays(item, namespace) or (not sessions and _is_session(item, namespace)):
            found.pop(_uid(item), None)
        else:
            found.setdefault(_uid(item), _access(item, namespace, ROLE_BINDING, _binding(item)))
    for item in objects(context, core("namespaces", namespace, "serviceaccounts")) if sessions else ():
        if name_of(item).startswith(SESSION_PREFIX) and name_of(item) != TRIGGER:
            found.setdefault(_uid(item), _access(item, namespace, SERVICE_ACCOUNT, f"session {name_of(item)}"))
    accounts = {one.name for one in found.values() if one.kind == SERVICE_ACCOUNT}
    for item in objects(context, core("namespaces", namespace, "secrets")):
        if _ends(item, accounts, sessions=sessions):
            found[_uid(item)] = _access(item, namespace, SECRET, f"Secret {name_of(item)}")
    return sorted(found.values(), key=lambda one: (_ORDER.index(one.kind), one))


def title(access: Access) -> str:
    """Return what ends, as text for people."""
    return access.what if access.kind == SECRET else f"{access.what} ({access.kind} {access.name})"


def sweep(context: Context, namespace: str, staying: Collection[str], *, sessions: bool) -> list[str]:
    """End all access, and return what could not be ended; all else was ended all the same. See `ending`."""
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
        "somebody with access outside the workspace), and run again"
        for one in left
    )
    return [*failed.values(), *again]


def renew_trigger(cluster: Cluster, namespace: str) -> None:
    """Replace the account by which schedules create sessions, as its tokens may be in anybody's hands.

    As the operator makes it: owned by ProjectSettings, and nothing of the old one is copied.

    Raises:
        StepError: It is still there, or there is no other.
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
        if error.status != 409:  # the operator was faster
            raise


def _stays(binding: dict[str, Any], namespace: str) -> bool:
    role = (text_at(binding, "roleRef", "kind"), text_at(binding, "roleRef", "name"))
    if role[0] == "ClusterRole" and role[1].startswith("system:"):
        return True
    return name_of(binding) == TRIGGER and role == ("Role", TRIGGER) and _is_only(binding, namespace, TRIGGER)


def _is_session(binding: dict[str, Any], namespace: str) -> bool:
    """Whether it is what the operator makes for a session."""
    account = name_of(binding).removesuffix("-rb")
    role = (text_at(binding, "roleRef", "kind"), text_at(binding, "roleRef", "name"))
    named = account != name_of(binding) and account.startswith(SESSION_PREFIX)
    return named and role == ("Role", f"{account}-role") and _is_only(binding, namespace, account)


def _is_only(binding: dict[str, Any], namespace: str, account: str) -> bool:
    """Whether this ServiceAccount of the workspace is all that it binds."""
    subjects = binding.get("subjects")
    return (
        isinstance(subjects, list)
        and len(subjects) == 1
        and text_at(subjects[0], "kind") == SERVICE_ACCOUNT
        and text_at(subjects[0], "name") == account
        and text_at(subjects[0], "namespace") == namespace
    )


def _ends(secret: dict[str, Any], accounts: Collection[str], *, sessions: bool) -> bool:
    """Whether a Secret holds values for sessions or an account's token, or is what a key's token is bound to."""
    account = annotations(secret).get(_ACCOUNT_OF_TOKEN, "")
    prefixes = (KEY_PREFIX, SESSION_PREFIX) if sessions else (KEY_PREFIX,)
    return (
        name_of(secret) in (RUNNER_SECRET, INTEGRATION_SECRET)
        or labels(secret).get(HANDLE_LABEL, "") == HANDLE
        or (text_at(secret, "type") == _TOKEN_TYPE and (account in accounts or account.startswith(prefixes)))
        or (sessions and labels(secret).get(APP_LABEL, "") == RUNNER_TOKEN_APP)
    )


def _binding(item: dict[str, Any]) -> str:
    """Return what a binding of no role of the platform's gives, for people."""
    given = item.get("subjects")
    subjects = [
        ":".join(filter(None, (text_at(one, "kind").lower(), text_at(one, "namespace"), text_at(one, "name"))))
        for one in (given if isinstance(given, list) else [])
    ]
    return f"{text_at(item, 'roleRef', 'kind')} {text_at(item, 'roleRef', 'name')} of {', '.join(subjects) or 'nobody'}"


def _access(item: dict[str, Any], namespace: str, kind: str, what: str) -> Access:
    return Access(namespace, kind, name_of(item), _uid(item), what)


def _uid(item: dict[str, Any]) -> str:
    return text_at(item, "metadata", "uid")


def _key(access: Access) -> tuple[str, str]:
    return access.kind, access.uid
