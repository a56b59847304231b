"""Escalation paths: minted tokens, the role edit, and credentials and secrets that a workspace's sessions can read."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from ambient_components.access.entries import STORAGE, KeyEntry
from ambient_components.access.escalation.findings import (
    ADMIN,
    EDIT,
    VIEW,
    Finding,
    Path,
    Place,
    Severity,
    fields,
    named,
)
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.cluster.objects import listing
from ambient_components.platform.contract import (
    CREATED_BY_USER_ID_ANNOTATION,
    INTEGRATION_SECRET,
    RUNNER_SECRET,
    TOKEN_LIFETIME_DEFAULT,
)
from ambient_components.platform.subjects import home_of
from ambient_components.rules.roles import rank

LESS: Final = "give view instead of edit to users who only read"
"""Remedy for paths that come with the role edit."""

ISOLATE: Final = "limits.network.isolate: true, so that code which reads a secret can send it to few places"
"""Remedy for secrets in sessions."""


def less(place: Place) -> tuple[str, ...]:
    return (LESS,) if place.editors else ()


def undeclared_access(assignments: Iterable[RoleAssignment]) -> Iterator[Finding]:
    ordered = sorted(assignments)
    for workspace, group in groupby(ordered, lambda one: one.workspace):
        found = tuple(group)
        strongest = max((one.role for one in found), key=rank)
        given = [f"{one.role} by {one.reason}" for one in found]
        yield Finding(
            workspace,
            Path.UNDECLARED_ACCESS,
            Severity.HIGH,
            found,
            "use access that was never reviewed",
            strongest if rank(strongest) else None,
            f"others made it in the cluster: {listing(list(dict.fromkeys(given)))}",
            (
                "declare it, or remove it: on the workspace's Sharing or Keys page, or with kubectl",
                f"ambient access STACK --live --workspace {workspace} lists each object",
            ),
        )


def admin_keys(place: Place, *, isolates_admin_keys: bool = False) -> Iterator[Finding]:
    prevention = "guardrails.isolateAdminKeys: true in the stack file refuses an admin key beside edit from then on"
    keys = place.exposed_admin_keys
    if keys:
        yield Finding(
            place.name,
            Path.ADMIN_KEY,
            Severity.HIGH,
            place.editors,
            "become admin",
            ADMIN,
            f"edit may mint a token of any ServiceAccount of the namespace, that of {named(keys)} too, and the token "
            "still works after the grant is gone",
            (
                f"{fields(keys, 'role')}: edit or view, or no such key and a person's grant of admin",
                LESS,
                f"after either of them raise {fields(keys, 'generation')}: it ends what was minted until then",
                *(() if isolates_admin_keys else (prevention,)),
            ),
            keys,
        )


def accounts(place: Place, places: Mapping[str, Place]) -> Iterator[Finding]:
    """Find roles of ServiceAccounts: of this namespace, of another workspace or of an unknown namespace."""
    by_home: dict[str, list[RoleAssignment]] = {}
    for assignment in place.assignments:
        if home := home_of(assignment.subject):
            by_home.setdefault(home, []).append(assignment)
    for home, assignments in sorted(by_home.items()):
        role = max((assignment.role for assignment in assignments), key=rank)
        who = _others(place, assignments, role) if home == place.name else _of_home(places.get(home), assignments)
        if who:
            yield _account(place, home, assignments, role, who, known=home in places)


def _others(place: Place, assignments: list[RoleAssignment], role: str) -> tuple[RoleAssignment, ...]:
    """Return who gains from a role of the own namespace's accounts; with a group of all accounts, sessions do."""
    if role == ADMIN:
        return place.editors
    is_group = any(assignment.role == EDIT and assignment.subject.startswith("group:") for assignment in assignments)
    return place.minters if is_group else ()


def _of_home(home: Place | None, assignments: list[RoleAssignment]) -> tuple[RoleAssignment, ...]:
    return tuple(assignments) if home is None else home.minters


def _account(
    place: Place,
    home: str,
    assignments: list[RoleAssignment],
    role: str,
    who: tuple[RoleAssignment, ...],
    *,
    known: bool,
) -> Finding:
    subjects = " and ".join(sorted({assignment.subject for assignment in assignments}))
    own = home == place.name
    where = "this namespace" if own else f"the namespace {home}"
    explanation = (
        "anyone with edit there may, and what runs there is such an account"
        if known
        else "it is no workspace of this stack, and who may there is not known here"
    )
    return Finding(
        place.name,
        Path.ACCOUNT,
        Severity.HIGH if known else Severity.MEDIUM,
        who,
        f"become {role}",
        role,
        f"{subjects}, with the role {role} here, is of {where}: anyone who mints tokens there takes that role "
        f"({explanation})",
        (
            f"owners, grants: without {subjects}, while a program outside gets a key, keys.ID.role: {role}"
            if not own
            else f"owners, grants: without {subjects}",
            "an account of a namespace in which no user has edit",
        ),
    )


def acting_keys(place: Place) -> Iterator[Finding]:
    """Find keys that act for a user: their holders, and all subjects that mint their tokens, act as that user."""
    keys = place.keys_where(lambda key: key.acts_as is not None)
    if not keys:
        return
    users = sorted({str(place.keys[key_id].acts_as) for key_id in keys})
    holders = {f"key:{key_id}" for key_id in keys}
    yield Finding(
        place.name,
        Path.ACTING_KEY,
        Severity.HIGH,
        tuple(
            assignment
            for assignment in place.assignments
            if assignment in place.minters or assignment.subject in holders
        ),
        f"act as {' and '.join(users)} with {named(keys)}, with single sign-on in every workspace",
        None,
        f"the ServiceAccount of {named(keys)} has the annotation {CREATED_BY_USER_ID_ANNOTATION}: sessions of its "
        "tokens get that user's integrations, and with single sign-on the platform takes that user for the caller; "
        "edit and admin may mint such tokens",
        (
            f"{fields(keys, 'actsAs')}: leave it out",
            "a user of their own for such keys, with few grants and integrations",
            *less(place),
        ),
        keys,
    )


def creator_note(place: Place) -> Iterator[Finding]:
    if place.minters:
        yield Finding(
            place.name,
            Path.CREATOR_NOTE,
            Severity.MEDIUM,
            place.minters,
            "act as any user, in every workspace, where the platform runs with SSO",
            None,
            f"edit and admin may write the annotation {CREATED_BY_USER_ID_ANNOTATION} on a ServiceAccount and mint its "
            "token: with SSO the platform takes the user who is named there for the caller, without SSO it gives out "
            "that user's personal integrations",
            (
                "no field of the stack file stops it: where the platform runs with SSO give edit and admin to few",
                *less(place),
            ),
        )


def session_user(place: Place) -> Iterator[Finding]:
    if place.minters and place.runs_sessions:
        yield Finding(
            place.name,
            Path.SESSION_USER,
            Severity.MEDIUM,
            place.minters,
            "use any user's integrations, such as GitHub or Jira",
            None,
            "edit and admin may create sessions in the Kubernetes API with any id in spec.userContext.userId, or write "
            "one into a schedule by the platform's API, and the platform gives such a session that user's credentials",
            (
                "no field of the stack file stops it: connect integrations with few rights, and give edit and admin "
                "to few",
                *less(place),
            ),
        )


def acting_schedules(place: Place) -> Iterator[Finding]:
    ids = sorted(one for one, schedule in place.entry.schedules.items() if schedule.run_as is not None)
    if not (ids and place.minters):
        return
    users = sorted({str(place.entry.schedules[id_].run_as) for id_ in ids})
    yield Finding(
        place.name,
        Path.ACTING_SCHEDULE,
        Severity.MEDIUM,
        place.minters,
        f"use the integrations of {' and '.join(users)}, in the sessions of {', '.join(ids)}",
        None,
        "edit and admin may write to every session, and may change a schedule's prompt by the platform's API",
        (
            f"{', '.join(f'schedules.{id_}.runAs' for id_ in ids)}: leave it out",
            "a user of their own for such schedules, with few integrations",
            *less(place),
        ),
    )


def kept_tokens(place: Place) -> Iterator[Finding]:
    keys = tuple(sorted(place.keys))
    if keys and place.minters:
        yield Finding(
            place.name,
            Path.KEPT_TOKEN,
            Severity.MEDIUM,
            place.minters,
            f"use {named(keys)} after their own access is gone",
            None,
            "a token that edit or admin minted of a key's ServiceAccount ends with that ServiceAccount, not with the "
            "grant, and not with the key's own token",
            (f"in the run that ends a user's edit or admin raise {fields(keys, 'generation')}", *less(place)),
            keys,
        )


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
        "edit may make ServiceAccounts, and RoleBindings for edit, though for neither view nor admin, and what is "
        "made so stays when the own access ends",
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
    if not (place.assignments and place.runs_sessions):
        return
    remedy = ("storage.bucket: a bucket of this workspace, with credentials that open nothing else",)
    can = "read and write the session data of all workspaces that share the platform's store"
    if place.bucket:
        can = f"read and write the bucket {place.bucket.name}"
        remedy = (
            "when a user's access ends raise storage.bucket.credentials.generation, or replace the keys of an existing "
            "bucket",
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
            *(() if place.isolates_network else (ISOLATE,)),
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
                *(() if _is_short(key) else (f"keys.{key_id}.lifetime: a short one",)),
            ),
            (key_id,),
        )


def _is_short(key: KeyEntry) -> bool:
    return key.lifetime_seconds is not None and key.lifetime_seconds < TOKEN_LIFETIME_DEFAULT
