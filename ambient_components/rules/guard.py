"""The guard by name: its modes, its rules, the policies that hold them, and what a run writes to a Namespace for it.

The guard is a set of ValidatingAdmissionPolicies that a cluster admin installs once. A workspace's ``guard`` in the
stack file becomes one label and a few annotations of its Namespace, which the policies read (`platform.contract`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

from ambient_components.platform.contract import (
    GUARD_ACCOUNTS_ANNOTATION,
    GUARD_FILE_ANNOTATION,
    GUARD_KEYS_ANNOTATION,
    GUARD_OFF_ANNOTATION,
    GUARD_SHARING_ANNOTATION,
)


class GuardMode(StrEnum):
    """What the cluster does about a request that a rule refuses."""

    # Weakest first. Value of `GUARD_LABEL`.

    AUDIT = "audit"
    """It is allowed, and the API server's audit log names the rule."""

    WARN = "warn"
    """It is allowed, the client gets a warning, and the audit log names the rule."""

    DENY = "deny"
    """It is refused."""


class GuardSharing(StrEnum):
    """What people may share in the UI."""

    # Most first. Value of `GUARD_SHARING_ANNOTATION`.

    OWN = "own"
    """Roles up to the own one."""

    VIEW = "view"
    """The role view alone."""

    NONE = "none"
    """Nothing: all access and all keys come from the stack file."""


class GuardTopic(StrEnum):
    """Kind of request. Also the resource in RBAC for which the verb `GUARD_BYPASS` exempts a subject."""

    TOKENS = "tokens"
    ACCOUNTS = "accounts"
    BINDINGS = "bindings"
    ROLES = "roles"
    SECRETS = "secrets"
    SESSIONS = "sessions"
    SCHEDULES = "schedules"
    JOBS = "jobs"
    LIMITS = "limits"
    WORKSPACES = "workspaces"
    RIGHTS = "rights"
    """The rights of the guard themselves: the one topic without a bypass (`GUARD_GIVE`)."""


class GuardRule(StrEnum):
    """A rule of the guard: the name in refusals (``guard tokens: ...``) and in `off` of the stack file.

    What it refuses is in its policies' files, `ambient_components/guard/`.
    """

    TOKENS = "tokens"
    KEYS_SHARE = "keysShare"
    LEGACY_TOKENS = "legacyTokens"
    ACCOUNTS = "accounts"
    CREATOR_NOTE = "creatorNote"
    REMOVES_KEYS = "removesKeys"
    KEY_SECRETS = "keySecrets"
    MARKS = "marks"
    TIES = "ties"
    SESSION_OBJECTS = "sessionObjects"
    BINDINGS = "bindings"
    SHARING = "sharing"
    REMOVES_ACCESS = "removesAccess"
    ROLES = "roles"
    SESSION_USER = "sessionUser"
    JOBS = "jobs"
    LIMITS = "limits"
    WORKSPACES = "workspaces"


ALWAYS_ON: Final = (GuardRule.WORKSPACES,)
"""Rules without a switch: the Namespace that says what is off is their object."""

SWITCHES: Final = tuple(rule for rule in GuardRule if rule not in ALWAYS_ON)
"""Rules that a stack file may switch off."""

OFF_BY_DEFAULT: Final = (GuardRule.REMOVES_KEYS,)
"""Value of ``guard.off`` in a stack file that does not set it: an admin must be able to end a leaked key in the UI.

A run always writes the whole list: ``off`` of a file replaces this default, and an empty list switches on every rule.
"""

_T = GuardTopic

POLICIES: Final[Mapping[str, GuardTopic]] = {
    "tokens": _T.TOKENS,
    "token-accounts": _T.TOKENS,
    "accounts": _T.ACCOUNTS,
    "bindings": _T.BINDINGS,
    "settings": _T.BINDINGS,
    "roles": _T.ROLES,
    "secrets": _T.SECRETS,
    "sessions": _T.SESSIONS,
    "session-keys": _T.SESSIONS,
    "session-accounts": _T.SESSIONS,
    "schedules": _T.SCHEDULES,
    "jobs": _T.JOBS,
    "limits": _T.LIMITS,
    "workspaces": _T.WORKSPACES,
    "rights": _T.RIGHTS,
}
"""Policies by the end of their names, with the topic of their bypass."""


def policy_name(policy: str) -> str:
    """Return the name of a ValidatingAdmissionPolicy."""
    return f"ambient-guard-{policy}"


def stronger_than(floor: GuardMode) -> tuple[GuardMode, ...]:
    """Return the modes that a workspace may set above a floor, weakest first."""
    modes = tuple(GuardMode)
    return modes[modes.index(floor) + 1 :]


def binding_names(policy: str, floor: GuardMode | None = None) -> dict[str, GuardMode | None]:
    """Return the bindings of a policy by name, each with its mode; None is for all Namespaces, in every mode.

    With a floor its binding is in place of those of its mode and of weaker ones.
    """
    name = policy_name(policy)
    if POLICIES[policy] is _T.WORKSPACES:
        return {name: None}
    by_file = tuple(GuardMode) if floor is None else stronger_than(floor)
    names: dict[str, GuardMode | None] = {f"{name}-{mode}": mode for mode in by_file}
    if floor:
        names[floor_binding_name(policy)] = floor
    return names


def floor_binding_name(policy: str) -> str:
    """Return the binding for the workspaces without a stronger mode, which `ambient guard --floor` prints."""
    return f"{policy_name(policy)}-floor"


def spec_digest(spec: Any) -> str:
    """Return the digest of a policy's or binding's spec as the API server has it.

    The manifest must write every field that the API server would fill in, or the digests differ.
    """
    encoded = json.dumps(spec, sort_keys=True, separators=(",", ":")).encode()
    # The prefix keeps YAML from reading a digest as a number.
    return f"sha256-{hashlib.sha256(encoded).hexdigest()[:16]}"


def guard_annotations(
    sharing: str, off: Iterable[str], *, keys: Iterable[str] = (), accounts: Iterable[str] = (), file: str = ""
) -> dict[str, str]:
    """Return the annotations of a guarded Namespace. Lists are sorted and joined by commas; empty ones are left out.

    Args:
        keys: Ids of the declared keys.
        accounts: ServiceAccounts of declared keys that were adopted under other names.
        file: The stack file, for refusals: ``Change stacks/dev.yaml or ask its reviewers.``
    """
    annotations = {
        GUARD_SHARING_ANNOTATION: sharing,
        GUARD_OFF_ANNOTATION: ",".join(sorted(off)),
        GUARD_KEYS_ANNOTATION: ",".join(sorted(keys)),
        GUARD_ACCOUNTS_ANNOTATION: ",".join(sorted(accounts)),
        GUARD_FILE_ANNOTATION: file,
    }
    return {name: value for name, value in annotations.items() if value}
