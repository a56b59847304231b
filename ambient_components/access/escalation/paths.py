"""Escalation paths: minted tokens, the role edit, and credentials and secrets that a workspace's sessions can read."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final

from ambient_components.access.entries import NOTHING, STORAGE, Entry, Ledger
from ambient_components.access.escalation.findings import Finding, Severity
from ambient_components.access.escalation.places import ADMIN, EDIT, VIEW, Place, fields, named
from ambient_components.access.role_assignments import RoleAssignment, of_ledger
from ambient_components.cluster.objects import listing
from ambient_components.platform.contract import (
    CREATED_BY_USER_ID_ANNOTATION,
    INTEGRATION_SECRET,
    RUNNER_SECRET,
    TOKEN_LIFETIME_DEFAULT,
)
from ambient_components.platform.subjects import home_of, pipeline_of
from ambient_components.rules.escalation_paths import Path
from ambient_components.rules.roles import rank

_LESS: Final = "give view instead of edit to users who only read"
_ISOLATE: Final = "limits.network.isolate: true, so that code which reads a secret can send it to few places"
_PREVENT: Final = "guardrails.isolateAdminKeys: true in the stack file refuses an admin key beside edit from then on"


def admin_keys_with_editors(entry: Entry) -> list[str]:
    """Return the sorted ids of a workspace's admin keys that a subject with edit can take over.

    A subject with edit and without admin, by a grant or a key, can mint a token for an admin key's ServiceAccount. The
    guardrail ``adminKeyWithEditors`` and the stack's ``guardrails.isolateAdminKeys`` block such keys.
    """
    return list(Place.of("", entry).exposed_admin_keys)


def escalations(
    ledger: Ledger, access: Iterable[RoleAssignment] | None = None, *, isolates_admin_keys: bool = False
) -> list[Finding]:
    """Return all paths in all workspaces, worst first. The remedies are those that the stack does not follow yet.

    Args:
        access: The access, of any time. Default: the present access.
    """
    assignments: dict[str, list[RoleAssignment]] = {name: [] for name in ledger}
    for assignment in of_ledger(ledger) if access is None else access:
        assignments[assignment.workspace].append(assignment)
    places = {name: Place.of(name, entry, assignments[name]) for name, entry in ledger.items()}
    findings: list[Finding] = []
    for place in places.values():
        findings += _admin_keys(place, isolates_admin_keys=isolates_admin_keys)
        findings += _accounts(place, places)
        findings += _of_keys(place)
        findings += _of_minters(place)
        findings += _of_sessions(place)
        findings += _of_edit(place)
        findings += _of_pipelines(place)
    return sorted(findings, key=lambda finding: finding.rank)


def undeclared_access(assignments: Iterable[RoleAssignment]) -> Iterator[Finding]:
    """Yield a finding for each workspace with access in the cluster that no file declares."""
    for workspace, group in groupby(sorted(assignments), lambda assignment: assignment.workspace):
        undeclared = tuple(group)
        strongest = max((assignment.role for assignment in undeclared), key=rank)
        given = [f"{assignment.role} by {assignment.reason}" for assignment in undeclared]
        yield Finding(
            workspace,
            Path.UNDECLARED_ACCESS,
            Severity.HIGH,
            undeclared,
            "use access that was never reviewed",
            strongest if rank(strongest) else None,
            f"others made it in the cluster: {listing(list(dict.fromkeys(given)))}",
            (
                "declare it, or remove it: on the workspace's Sharing or Keys page, or with kubectl",
                f"ambient access STACK --live --workspace {workspace} lists each object",
            ),
        )


def _less(place: Place) -> tuple[str, ...]:
    return (_LESS,) if place.editors else ()


def _admin_keys(place: Place, *, isolates_admin_keys: bool) -> Iterator[Finding]:
    if keys := place.exposed_admin_keys:
        yield place.finding(
            Path.ADMIN_KEY,
            Severity.HIGH,
            place.editors,
            "become admin",
            f"edit may mint a token of any ServiceAccount of the namespace, that of {named(keys)} too, and the token "
            "still works after the grant is gone",
            f"{fields(keys, 'role')}: edit or view, or no such key and a person's grant of admin",
            _LESS,
            f"after either of them raise {fields(keys, 'generation')}: it ends what was minted until then",
            *(() if isolates_admin_keys else (_PREVENT,)),
            becomes=ADMIN,
            keys=keys,
        )


def _accounts(place: Place, places: Mapping[str, Place]) -> Iterator[Finding]:
    """Find roles of ServiceAccounts: of this namespace, of another workspace or of an unknown namespace."""
    by_home: dict[str, list[RoleAssignment]] = {}
    for assignment in place.assignments:
        if home := home_of(assignment.subject):
            by_home.setdefault(home, []).append(assignment)
    for home, assignments in sorted(by_home.items()):
        role = max((assignment.role for assignment in assignments), key=rank)
        if home == place.name:
            who = _others(place, assignments, role)
        else:
            who = places[home].minters if home in places else tuple(assignments)
        if not who:
            continue
        subjects = " and ".join(sorted({assignment.subject for assignment in assignments}))
        where = "this namespace" if home == place.name else f"the namespace {home}"
        key = "" if home == place.name else f", while a program outside gets a key, keys.ID.role: {role}"
        explanation = (
            "anyone with edit there may, and what runs there is such an account"
            if home in places
            else "it is no workspace of this stack, and who may there is not known here"
        )
        yield place.finding(
            Path.ACCOUNT,
            Severity.HIGH if home in places else Severity.MEDIUM,
            who,
            f"become {role}",
            f"{subjects}, with the role {role} here, is of {where}: anyone who mints tokens there takes that role "
            f"({explanation})",
            f"owners, grants: without {subjects}{key}",
            "an account of a namespace in which no user has edit",
            becomes=role,
            minted_in=_home(home, assignments, places),
        )


_UNGUARDED: Final = Place.of("", NOTHING)


def _home(home: str, assignments: Iterable[RoleAssignment], places: Mapping[str, Place]) -> Place:
    """Return the workspace where the tokens of accounts are minted. In a group of accounts are all sessions there."""
    is_group = any(assignment.subject.startswith("group:") for assignment in assignments)
    return _UNGUARDED if is_group else places.get(home, _UNGUARDED)


def _others(place: Place, assignments: list[RoleAssignment], role: str) -> tuple[RoleAssignment, ...]:
    """Return who gains from a role of the own namespace's accounts; with a group of all accounts, sessions do."""
    if role == ADMIN:
        return place.editors
    is_group = any(assignment.role == EDIT and assignment.subject.startswith("group:") for assignment in assignments)
    return place.minters if is_group else ()


def _of_keys(place: Place) -> Iterator[Finding]:
    if keys := place.keys_where(lambda key: key.acts_as is not None):
        users = " and ".join(sorted({str(place.entry.keys[key_id].acts_as) for key_id in keys}))
        holders = {f"key:{key_id}" for key_id in keys}
        yield place.finding(
            Path.ACTING_KEY,
            Severity.HIGH,
            tuple(
                assignment
                for assignment in place.assignments
                if assignment in place.minters or assignment.subject in holders
            ),
            f"act as {users} with {named(keys)}, with single sign-on in every workspace",
            f"the ServiceAccount of {named(keys)} has the annotation {CREATED_BY_USER_ID_ANNOTATION}: sessions of its "
            "tokens get that user's integrations, and with single sign-on the platform takes that user for the "
            "caller; edit and admin may mint such tokens",
            f"{fields(keys, 'actsAs')}: leave it out",
            "a user of their own for such keys, with few grants and integrations",
            *_less(place),
            keys=keys,
        )
    if keys := place.keys_where(lambda key: key.static):
        roles = sorted({place.entry.keys[key_id].role for key_id in keys}, key=rank)
        yield place.finding(
            Path.STATIC_KEY,
            Severity.MEDIUM if roles == [VIEW] else Severity.HIGH,
            place.minters,
            f"use {named(keys)} ({', '.join(roles)}), without an end",
            "the token lies in a Secret of the workspace, and a session's ServiceAccount may get every Secret there by "
            "name: so can the code that an agent runs, and anyone who runs sessions",
            f"{fields(keys, 'static')}: take it away, with a lifetime such as 90d and a higher generation",
            becomes=roles[-1],
            keys=keys,
        )
    for key_id in place.keys_where(lambda key: key.deliver):
        key = place.entry.keys[key_id]
        is_short = 0 < key.lifetime < TOKEN_LIFETIME_DEFAULT
        yield place.finding(
            Path.DELIVERED_KEY,
            Severity.LOW,
            (),
            f"use key {key_id} ({key.role})",
            f"it is delivered to the Secret {key.delivered_to}: anyone who reads Secrets there has it, and who that "
            "is, is not known here",
            f"keys.{key_id}.deliver: a namespace in which only the key's user reads Secrets",
            *(() if is_short else (f"keys.{key_id}.lifetime: a short one",)),
            becomes=key.role,
            keys=(key_id,),
        )


def _of_minters(place: Place) -> Iterator[Finding]:
    """Find what edit and admin allow: minting tokens, writing annotations, running sessions."""
    if not place.minters:
        return
    yield place.finding(
        Path.CREATOR_NOTE,
        Severity.MEDIUM,
        place.minters,
        "act as any user, in every workspace, where the platform runs with SSO",
        f"edit and admin may write the annotation {CREATED_BY_USER_ID_ANNOTATION} on a ServiceAccount and mint its "
        "token: with SSO the platform takes the user who is named there for the caller, without SSO it gives out "
        "that user's personal integrations",
        "where the platform runs with SSO give edit and admin to few",
        *_less(place),
    )
    if place.runs_sessions:
        yield place.finding(
            Path.SESSION_USER,
            Severity.MEDIUM,
            place.minters,
            "use any user's integrations, such as GitHub or Jira",
            "edit and admin may create sessions in the Kubernetes API with any id in spec.userContext.userId, or write "
            "one into a schedule by the platform's API, and the platform gives such a session that user's credentials",
            "connect integrations with few rights, and give edit and admin to few",
            *_less(place),
        )
    schedules = {
        id_: schedule for id_, schedule in sorted(place.entry.schedules.items()) if schedule.run_as is not None
    }
    if schedules:
        users = " and ".join(sorted({str(schedule.run_as) for schedule in schedules.values()}))
        yield place.finding(
            Path.ACTING_SCHEDULE,
            Severity.MEDIUM,
            place.minters,
            f"use the integrations of {users}, in the sessions of {', '.join(schedules)}",
            "edit and admin may write to every session, and may change a schedule's prompt by the platform's API",
            f"{', '.join(f'schedules.{id_}.runAs' for id_ in schedules)}: leave it out",
            "a user of their own for such schedules, with few integrations",
            *_less(place),
        )
    if keys := tuple(sorted(place.entry.keys)):
        yield place.finding(
            Path.KEPT_TOKEN,
            Severity.MEDIUM,
            place.minters,
            f"use {named(keys)} after their own access is gone",
            "a token that edit or admin minted of a key's ServiceAccount ends with that ServiceAccount, not with the "
            "grant, and not with the key's own token",
            f"in the run that ends a user's edit or admin raise {fields(keys, 'generation')}",
            *_less(place),
            keys=keys,
        )


def _of_sessions(place: Place) -> Iterator[Finding]:
    """Find what sessions can read: the store's credentials in their pods, and the Secrets of their namespace."""
    if place.assignments and place.runs_sessions:
        can = "read and write the session data of all workspaces that share the platform's store"
        remedy = "storage.bucket: a bucket of this workspace, with credentials that open nothing else"
        if place.entry.bucket:
            can = f"read and write the bucket {place.entry.bucket.name}"
            remedy = (
                "when a user's access ends raise storage.bucket.credentials.generation, or replace the keys of an "
                "existing bucket"
            )
        yield place.finding(
            Path.STORE_IN_PODS,
            Severity.MEDIUM,
            place.assignments,
            can,
            "the platform's operator writes the store's credentials into every session's pod as plain variables, and "
            "every role may get pods, view too",
            remedy,
        )
    names = sorted({name for kind, name in place.entry.secret_sources if kind != STORAGE})
    if place.entry.bucket and place.runs_sessions:
        names.append("the bucket's credentials")
    if names and place.minters:
        yield place.finding(
            Path.SESSION_SECRETS,
            Severity.MEDIUM,
            place.minters,
            f"read {', '.join(names)}",
            f"{RUNNER_SECRET} and {INTEGRATION_SECRET} are variables of every session, and its ServiceAccount may get "
            "every Secret of the namespace by name: so can the code that an agent runs, and anyone who runs sessions",
            "secrets: only what every session may know, and of a token only the rights that sessions need",
            *(() if place.isolates_network else (_ISOLATE,)),
            *_less(place),
        )


def _of_pipelines(place: Place) -> Iterator[Finding]:
    for assignment in place.assignments:
        if pipeline := pipeline_of(assignment.subject):
            yield place.finding(
                Path.PIPELINE,
                Severity.LOW,
                (),
                f"use the role {assignment.role} of {assignment.subject}",
                f"{pipeline.strength} decide what its jobs do, and who that is, is not known here",
                "protect the branch, the tags or the environment, so that only reviewed changes get there",
                becomes=assignment.role,
            )


_WAYS_OF_EDIT: Final[Mapping[Path, tuple[str, str, str]]] = {
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
        "ambient up --refresh restores the declared access",
    ),
}


def _of_edit(place: Place) -> Iterator[Finding]:
    """Find what edit allows besides running sessions; removing others' access only if there are others."""
    alone = len({assignment.subject for assignment in place.assignments}) == 1
    for path, (can, how, remedy) in _WAYS_OF_EDIT.items():
        if place.editors and not (alone and path is Path.REMOVES_ACCESS):
            yield place.finding(path, Severity.LOW, place.editors, can, how, _LESS, remedy)
