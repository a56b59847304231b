"""Escalation paths of the role edit, and of credentials and secrets that a workspace's sessions can read."""

from collections.abc import Iterator, Mapping
from typing import Final

from ambient_components.access.entries import STORAGE
from ambient_components.access.escalation.findings import Finding, Path, Severity
from ambient_components.access.escalation.minted import LESS, less
from ambient_components.access.escalation.workspaces import VIEW, Place, fields, named
from ambient_components.platform.contract import INTEGRATION_SECRET, RUNNER_SECRET
from ambient_components.rules.roles import rank

_WAYS: Final[Mapping[Path, tuple[str, str, str]]] = {
    # can, how, remedy
    Path.PLATFORM_ACCOUNT: (
        "read every Secret of the namespace by name, as a session",
        "edit may mint tokens of the platform's own accounts too, ambient-session-NAME and ambient-session-trigger",
        "secrets: only what every session may know",
    ),
    Path.RUNNER_SECRET: (
        "read the keys of the language models",
        f"edit may get the Secret {RUNNER_SECRET}, and no other one",
        "secrets.runner: a key for this workspace alone, with a budget of its own",
    ),
    Path.GRANTS_EDIT: (
        "give edit to others, past the files",
        "edit may make ServiceAccounts, and RoleBindings for edit, though for neither view nor admin; what is made so "
        "stays when the own access ends",
        "heed what every preview says of access that others gave",
    ),
    Path.REMOVES_ACCESS: (
        "take others' access away, an admin's too",
        "edit may delete every RoleBinding of the namespace",
        "pulumi up --refresh restores the declared access",
    ),
}


def of_edit(place: Place) -> Iterator[Finding]:
    """Find what edit allows besides running sessions; removing others' access only if there are others."""
    alone = len({assignment.subject for assignment in place.assignments}) == 1
    for path, (can, how, remedy) in _WAYS.items():
        if place.editors and not (alone and path is Path.REMOVES_ACCESS):
            yield Finding(place.name, path, Severity.LOW, place.editors, can, None, how, (LESS, remedy))


def static_keys(place: Place) -> Iterator[Finding]:
    """Find static keys: all sessions can read their tokens."""
    keys = place.keys_where(lambda key: key.static)
    if not keys:
        return
    roles = sorted({place.keys[key_id].role for key_id in keys}, key=rank)
    yield Finding(
        place.name,
        Path.STATIC_KEY,
        Severity.MEDIUM if roles == [VIEW] else Severity.HIGH,
        place.minters,
        f"use {named(keys)} ({', '.join(roles)}), without an end",
        roles[-1],
        "the token lies in a Secret of the workspace, and a session's ServiceAccount may get every Secret there by "
        "name: so can the code that an agent runs, and anyone who runs sessions",
        (f"{fields(keys, 'static')}: take it away, with a lifetime such as 90d and a higher generation",),
        keys,
    )


def store_in_pods(place: Place) -> Iterator[Finding]:
    """Find the object store's credentials in the pods of sessions, which all roles can read."""
    if not (place.assignments and place.runs_sessions):
        return
    remedy = ("storage.bucket: a bucket of this workspace, with credentials that open nothing else",)
    can = "read and write the session data of all workspaces that share the platform's store"
    if place.bucket:
        can = f"read and write the bucket {place.bucket.name}"
        remedy = (
            "when a user's access ends raise storage.bucket.credentials.generation; of an existing bucket replace "
            "its keys",
        )
    yield Finding(
        place.name,
        Path.STORE_IN_PODS,
        Severity.MEDIUM,
        place.assignments,
        can,
        None,
        "the platform's operator writes the store's credentials into every session's pod as plain variables, and every "
        "role may get pods, view too",
        remedy,
    )


def session_secrets(place: Place) -> Iterator[Finding]:
    """Find secrets that sessions can read: both Secrets as variables, and all others by name."""
    names = sorted({name for kind, name in place.entry.secret_sources if kind != STORAGE})
    if place.bucket and place.runs_sessions:
        names.append("the bucket's credentials")
    if not (names and place.minters):
        return
    yield Finding(
        place.name,
        Path.SESSION_SECRETS,
        Severity.MEDIUM,
        place.minters,
        f"read {', '.join(names)}",
        None,
        f"{RUNNER_SECRET} and {INTEGRATION_SECRET} are variables of every session, and its ServiceAccount may get "
        "every Secret of the namespace by name: so can the code that an agent runs, and anyone who runs sessions",
        (
            "secrets: only what every session may know, and of a token only the rights that sessions need",
            "limits.network.isolate: true, so that code which reads a secret can send it to few places",
            *less(place),
        ),
    )


def delivered_keys(place: Place) -> Iterator[Finding]:
    """Find keys that are delivered to a Secret; the ledger does not know its readers."""
    for key_id in place.keys_where(lambda key: key.deliver):
        key = place.keys[key_id]
        yield Finding(
            place.name,
            Path.DELIVERED_KEY,
            Severity.LOW,
            (),
            f"use key {key_id} ({key.role})",
            key.role,
            f"it is delivered to the Secret {key.deliver}: anyone who reads Secrets there has it, and who that is, is "
            "not known here",
            (
                f"keys.{key_id}.deliver: a namespace in which only the key's user reads Secrets",
                f"keys.{key_id}.lifetime: a short one",
            ),
            (key_id,),
        )
