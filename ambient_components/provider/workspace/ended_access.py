"""What gives access to a closed workspace and ends: RoleBindings, Roles, accounts, Secrets.

What may stay is compared as a whole, because a name proves nothing: users who may edit the workspace write Roles,
RoleBindings and accounts under any name. Besides the owners' bindings with exactly their subjects, only the platform's
and OpenShift's own stay (`PlatformOwn`). An account that an ended binding names, also by a group of all accounts, ends
with it: its tokens may have been copied, and would work again when the workspace is opened.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.access.platform_own import PlatformOwn
from ambient_components.cluster.objects import (
    Json,
    annotations,
    finalizers,
    labels,
    listing,
    name,
    role_ref,
    short,
    subjects,
    text_at,
    uid,
)
from ambient_components.cluster.revocation import ROLE, ROLE_BINDING, SECRET, SERVICE_ACCOUNT
from ambient_components.platform.bindings import BindingForm
from ambient_components.platform.contract import (
    APP_LABEL,
    BOUND_OBJECT,
    BOUND_OBJECT_LABEL,
    INTEGRATION_SECRET,
    KEY_APP,
    KEY_PREFIX,
    ROLES,
    RUNNER_SECRET,
    RUNNER_TOKEN_APP,
    SESSION_PREFIX,
    TRIGGER,
    cluster_role,
)
from ambient_components.printable import one_line

STAGES: Final = ((SERVICE_ACCOUNT, ROLE_BINDING), (ROLE, SECRET))
"""Kinds that end together, in order. Accounts first, because only its binding tells that an account had access."""

_ORDER: Final = [kind for stage in STAGES for kind in stage]
_TOKEN_TYPE: Final = "kubernetes.io/service-account-token"  # noqa: S105  # a type
_ACCOUNT_OF_TOKEN: Final = "kubernetes.io/service-account.name"  # noqa: S105  # an annotation
_PLATFORM_ROLES: Final = {f"ClusterRole/{cluster_role(role)}": role.value for role in ROLES}
_ACCOUNT_AS_USER: Final = "system:serviceaccount:"
_ALL_ACCOUNTS: Final = "group:system:serviceaccounts"
_GROUPS_OF_ACCOUNTS: Final = (_ALL_ACCOUNTS, "group:system:authenticated")


@dataclass(frozen=True, slots=True, order=True)
class Access:
    """One object that gives access to a workspace, or holds one of its secrets."""

    kind: str
    name: str
    uid: str
    what: str
    """Description such as ``edit of group:devs``."""
    has_finalizers: bool = False

    @property
    def title(self) -> str:
        """The description, with the kind and the name of an object that it does not name."""
        return self.what if self.kind in (SECRET, ROLE) else f"{self.what} ({self.kind} {short(self.name)})"


def ending(
    namespace: str,
    owners: Mapping[str, BindingForm],
    own: PlatformOwn,
    objects: Mapping[str, Iterable[Json]],
    *,
    sessions: bool,
) -> list[Access]:
    """Return what ends, in order.

    Args:
        own: What is the platform's own; nothing of sessions if their identities end too.
        objects: The workspace's objects by kind, each read once and not kept: users decide their number and size.
        sessions: Whether the sessions' identities end too. A stopping session still needs its own.
    """
    ended, named, all_accounts = list[Access](), set[str](), False
    groups = {*_GROUPS_OF_ACCOUNTS, f"{_ALL_ACCOUNTS}:{namespace}"}
    for item in objects[ROLE_BINDING]:
        form = owners.get(name(item))
        if not (form is not None and is_exactly(form, item)) and not own.has_binding(item):
            ended.append(_access(ROLE_BINDING, item, _of_binding(item)))
            named.update(_accounts(namespace, item))
            all_accounts = all_accounts or not groups.isdisjoint(subjects(item))
    ended += [_access(ROLE, item, f"Role {short(name(item))}") for item in objects[ROLE] if not own.has_role(item)]
    accounts = set()
    for item in objects[SERVICE_ACCOUNT]:
        if what := _of_account(item, named, sessions, all_accounts):
            accounts.add(name(item))
            ended.append(_access(SERVICE_ACCOUNT, item, what))
    ended += [
        _access(SECRET, item, f"Secret {short(name(item))}")
        for item in objects[SECRET]
        if _holds_access(item, accounts, sessions)
    ]
    return sorted(ended, key=lambda access: (_ORDER.index(access.kind), access))


def _accounts(namespace: str, binding: Json) -> Iterator[str]:
    for subject in subjects(binding):
        for prefix in ("serviceaccount:", f"user:{_ACCOUNT_AS_USER}"):
            if subject.startswith(f"{prefix}{namespace}:"):
                yield subject.rpartition(":")[2]


def is_exactly(form: BindingForm, binding: Json) -> bool:
    given = role_ref(binding), subjects(binding)
    return given == (f"ClusterRole/{cluster_role(form.role)}", [str(form.subject)]) and not finalizers(binding)


def account_in(namespace: str, form: BindingForm) -> str:
    prefix, user = f"{_ACCOUNT_AS_USER}{namespace}:", form.subject.platform_name
    return user.removeprefix(prefix) if user.startswith(prefix) else ""


def _of_account(account: Json, named: Collection[str], sessions: bool, all_accounts: bool) -> str:
    account_name = name(account)
    if labels(account).get(APP_LABEL) == KEY_APP or account_name.startswith(KEY_PREFIX):
        return f"key {short(account_name)}"
    if sessions and account_name.startswith(SESSION_PREFIX) and account_name != TRIGGER:
        return f"session {short(account_name)}"
    # A stopping session still needs its account, which ends or is replaced with the identities of all sessions.
    had_access = account_name in named or (all_accounts and not account_name.startswith(SESSION_PREFIX))
    return f"account {short(account_name)}" if had_access else ""


def _holds_access(secret: Json, accounts: Collection[str], sessions: bool) -> bool:
    """Return whether a Secret has session values or an account's token, or is a token Secret."""
    account = annotations(secret).get(_ACCOUNT_OF_TOKEN, "")
    prefixes = (KEY_PREFIX, SESSION_PREFIX) if sessions else (KEY_PREFIX,)
    return (
        name(secret) in (RUNNER_SECRET, INTEGRATION_SECRET)
        or labels(secret).get(BOUND_OBJECT_LABEL, "") == BOUND_OBJECT
        or (text_at(secret, "type") == _TOKEN_TYPE and (account in accounts or account.startswith(prefixes)))
        or (sessions and labels(secret).get(APP_LABEL, "") == RUNNER_TOKEN_APP)
    )


def _of_binding(binding: Json) -> str:
    role = role_ref(binding)
    shown = _PLATFORM_ROLES.get(role) or short(role.replace("/", " ", 1))
    return one_line(f"{shown} of {listing(subjects(binding)) or 'none'}")


def _access(kind: str, item: Mapping[str, Any], what: str) -> Access:
    return Access(kind, name(item), uid(item), what, bool(finalizers(item)))
