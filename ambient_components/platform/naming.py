"""Names in the cluster as pure functions: the platform's sanitisers, and the names of Kubernetes objects.

The names are a public contract: with other names the platform's UI does not find the objects. No name depends on a list
position, the clock or randomness. Pulumi's logical names are in `engine.names`.
"""

import hashlib
import json
import re
import uuid

from ambient_components.errors import reject
from ambient_components.platform.contract import (
    GRANT_PREFIX,
    KEY_PREFIX,
    OBJECT_NAME_MAX,
    OWNER_BINDING_PREFIX,
    PLATFORM_NAMESPACE_DEFAULT,
    RESERVED_NAMESPACES,
    SCHEDULE_LABEL,
    WORKSPACE_NAME_MAX,
    WORKSPACE_NAME_MIN,
    Role,
)
from ambient_components.platform.subjects import Subject

KEY_ID_MAX = 63
"""Maximum characters of a key's id: it is also a label value of the token Secret, and S2 keeps this many."""

PLATFORM_GENERATION = 1
"""The generation of a key's identity that the platform can have made."""

SCHEDULE_PREFIX = "schedule-"
"""Prefix of the names of schedules' CronJobs. Contract 12."""

_SCHEDULES = uuid.UUID("7d6a1f43-0f0e-5c0c-9f6e-6b1f7a3a1c55")
_S1_CUT = 40
_S2_CUT = 63
_SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:"

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_KEY_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CRON_JOB = re.compile(rf"{SCHEDULE_PREFIX}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")
_SUBDOMAIN_PART = re.compile(r"[a-z0-9]+")
_KEY_ACCOUNT = re.compile(rf"{KEY_PREFIX}(?P<name>.+)-[0-9a-f]{{8}}")


# The platform's sanitisers (contract 1.6), including their bugs: its backend must compute the same names.


def _lower(text: str) -> str:
    # Go lowers U+0130 to i, Python to i and a combining dot; no other code point differs.
    return text.replace("\u0130", "i").lower()


def sanitize_for_k8s_name(text: str) -> str:
    """Return S1, for creator bindings: at most 40 of a-z 0-9 -, possibly empty, possibly with a dash at the end."""
    lowered = _lower(text.removeprefix(_SERVICE_ACCOUNT_PREFIX))
    # Stripped before the cut, so the result can end in a dash.
    return re.sub(r"[^a-z0-9-]", "-", lowered).strip("-")[:_S1_CUT]


def sanitize_name(text: str) -> str:
    """Return S2, for grants and keys: 1-63 of a-z 0-9 and single inner dashes; `group` if nothing remains."""
    # Cut before the strip, so a leading dash uses one of the 63 characters.
    return re.sub(r"[^a-z0-9]+", "-", _lower(text))[:_S2_CUT].strip("-") or "group"


# Names of Kubernetes objects.


def owner_binding(subject: Subject) -> str:
    return f"{OWNER_BINDING_PREFIX}{sanitize_for_k8s_name(subject.platform_name)}"


def grant_binding(role: Role, subject: Subject) -> str:
    """Return the name of a grant's RoleBinding; the platform puts the role in it. Contract 1.3."""
    return f"{GRANT_PREFIX}{role}-{sanitize_name(subject.platform_name)}-{subject.rbac_kind.lower()}"


def key_suffix(workspace: str, key_id: str, generation: int) -> str:
    """Return the 8 hex digits of one identity of a key: stable for a generation, different for every generation.

    The platform takes them from a random UUID and never reads them back (contract 1.4), so a hash is equivalent.
    """
    # JSON separates the three: ("a", "b-c") and ("a-b", "c") must differ.
    encoded = json.dumps([workspace, key_id, generation]).encode()
    return hashlib.sha256(encoded).hexdigest()[:8]


def key_service_account(key_id: str, suffix: str) -> str:
    return f"{KEY_PREFIX}{sanitize_name(key_id)}-{suffix}"


def key_account(workspace: str, key_id: str, generation: int, of_platform: str | None = None) -> str:
    if of_platform and generation == PLATFORM_GENERATION:
        return of_platform
    return key_service_account(key_id, key_suffix(workspace, key_id, generation))


def key_role_binding(role: Role, account: str) -> str:
    return f"{KEY_PREFIX}{role}-{account.removeprefix(KEY_PREFIX)}"


def key_account_problem(account: str) -> tuple[str, str] | None:
    """Say why the platform can't have made a ServiceAccount for a key, or None; as problem and hint. Contract 1.4."""
    if (match := _KEY_ACCOUNT.fullmatch(account)) and key_id_problem(match["name"]) is None:
        return None
    return (
        f"{account!r} is no ServiceAccount of a key that the platform made",
        f"allowed: {KEY_PREFIX}NAME-XXXXXXXX with 8 hexadecimal digits, as in: "
        "kubectl get serviceaccounts -l app=ambient-access-key -n WORKSPACE",
    )


def schedule_name(workspace: str, schedule_id: str) -> str:
    """Return the name of a schedule's CronJob, which is also a label of its sessions. Contract 12.

    The platform takes a random UUID and never reads it, so one that is made of the names is equivalent.
    """
    encoded = json.dumps([workspace, schedule_id])
    return f"{SCHEDULE_PREFIX}{uuid.uuid5(_SCHEDULES, encoded)}"


def token_secret_name(service_account: str, serial: str) -> str:
    """Return the name of a token Secret: deleting it revokes only that token."""
    name = f"{service_account}-{serial}"
    if not _SUBDOMAIN_PART.fullmatch(serial) or len(name) > OBJECT_NAME_MAX:
        reject(
            f"{name!r} is no name for a Secret", f"allowed: a serial of a-z 0-9, {OBJECT_NAME_MAX} characters in all"
        )
    return name


def bucket_user(owner: str, workspace: str, bucket: str, generation: int) -> str:
    """Return the name of a workspace's user in the object store, up to 63 characters.

    There is one user per owner, workspace, bucket and generation of the credentials. The owner is PROJECT/FLEET: two
    clusters may have workspaces of the same name in one store.
    """
    encoded = json.dumps([owner, workspace, bucket, generation]).encode()
    return f"ambient-{sanitize_name(workspace)[:_S1_CUT].rstrip('-')}-{hashlib.sha256(encoded).hexdigest()[:12]}"


# Rules for names.


def workspace_name_problem(name: str) -> tuple[str, str] | None:
    """Say why a namespace can't be called this, or None; as problem and hint. V1's and V2's rules. Contract 1.1.

    The platform's own namespace is rejected by its default name. Another platform namespace is checked where the
    stack's config is known.
    """
    if name in RESERVED_NAMESPACES:
        return f"{name!r} is reserved by Kubernetes or OpenShift", "choose another name"
    if name == PLATFORM_NAMESPACE_DEFAULT:
        return f"{name!r} is the platform's own namespace", "choose another name"
    in_range = WORKSPACE_NAME_MIN <= len(name) <= WORKSPACE_NAME_MAX
    if in_range and _DNS_LABEL.fullmatch(name) and name[0].isalpha():
        return None
    return (
        f"{name!r} can't name a workspace",
        f"allowed: {WORKSPACE_NAME_MIN}-{WORKSPACE_NAME_MAX} of a-z 0-9 -, a letter first, no dash at the end",
    )


_USER_ID = re.compile(r"[A-Za-z0-9._]+(-[A-Za-z0-9._]+)*")
_USER_ID_MAX = 253


def user_id_problem(user_id: str) -> tuple[str, str] | None:
    """Say why the platform has no user with this id, or None; as problem and hint. Contract 1.6.

    Exactly the ids that S3 does not change: the platform compares some of its values with the name and some with the
    id, so a key can act for a user where both are the same.
    """
    if len(user_id) <= _USER_ID_MAX and _USER_ID.fullmatch(user_id):
        return None
    return (
        f"{user_id!r} can't be a user id of the platform",
        f"allowed: 1-{_USER_ID_MAX} of A-Z a-z 0-9 . _ and single dashes between them",
    )


def cron_job_problem(name: str) -> tuple[str, str] | None:
    if _CRON_JOB.fullmatch(name):
        return None
    return (
        f"{name!r} is no CronJob of a schedule that the platform made",
        f"allowed: {SCHEDULE_PREFIX}UUID, as in: kubectl get cronjobs -l {SCHEDULE_LABEL}=true -n WORKSPACE",
    )


def schedule_id_problem(schedule_id: str) -> tuple[str, str] | None:
    """Say why a schedule can't have this id, or None; as problem and hint. The rule is that of keys."""
    if key_id_problem(schedule_id) is None:
        return None
    return (
        f"{schedule_id!r} can't be a schedule's id",
        f"allowed: 1-{KEY_ID_MAX} of a-z 0-9 and single dashes between them",
    )


def key_id_problem(key_id: str) -> tuple[str, str] | None:
    """Say why a key can't have this id, or None; as problem and hint.

    The rule is this project's: exactly the ids that S2 does not change, so that object names show the id unchanged and
    two ids never produce the same name.
    """
    if len(key_id) <= KEY_ID_MAX and _KEY_ID.fullmatch(key_id):
        return None
    return f"{key_id!r} can't be a key's id", f"allowed: 1-{KEY_ID_MAX} of a-z 0-9 and single dashes between them"
