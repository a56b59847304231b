"""`--renew-accounts`: the end of every token that may have been minted of a workspace's accounts, except its keys'.

The accounts of the platform and of Kubernetes are replaced, so that their tokens are refused. Of a session, everything
ends that the operator makes again with the next start. What has the name of the platform's own and is not, ends too.
Accounts of others are named and not touched: nothing makes them again.
"""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Annotated, Final

import typer

from ambient_components import activity
from ambient_components.access.bindings import SERVICE_ACCOUNT, expected_objects
from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.access.platform_own import claims_to_be_own, claims_to_be_own_account
from ambient_components.access.recognition import Recognition, needs_of
from ambient_components.cli.options import misuse
from ambient_components.cluster.client import Cluster, core, path
from ambient_components.cluster.objects import Json, name, short, subjects, uid
from ambient_components.cluster.parallel import in_parallel
from ambient_components.cluster.revocation import ROLE_BINDING, SECRET, end, object_path, renew_account, renew_trigger
from ambient_components.cluster.role_reading import read_roles
from ambient_components.errors import Problem, StepError
from ambient_components.platform.contract import (
    OPENED_AT_ANNOTATION,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
    RUNNER_TOKEN_PREFIX,
    SESSION_PREFIX,
    TRIGGER,
)
from ambient_components.rotation.state import format_time

Renew = Annotated[
    bool,
    typer.Option(
        "--renew-accounts", help="With --now also renew the workspaces' other ServiceAccounts, and end sessions' own."
    ),
]


def require_now(renew: bool, *, now: bool) -> None:
    """Refuse `--renew-accounts` without `--now`: it writes no file."""
    if renew and not now:
        misuse("--renew-accounts", "renews accounts at once, and needs --now")


PAUSE: Final = 1.0
"""Seconds for the API server's authorizer to notice deleted RoleBindings; it takes a fraction of that."""

_SHOWN: Final = 50
"""Accounts with a line of their own: users can make thousands."""

_AGAIN: Final = "ended; its session has one again when it starts"
_DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Renewal:
    renewed: set[tuple[str, str]] = field(default_factory=set)
    """Workspace and name of each account that ended or was replaced."""
    done: list[str] = field(default_factory=list)
    """The same as lines."""
    failed: list[Problem] = field(default_factory=list)


def renew_accounts(cluster: Cluster, declared: Ledger, workspaces: Collection[str], now: datetime) -> Renewal:
    result = Renewal()
    with activity.waiting("Renewing accounts"):
        for workspace in sorted(workspaces):
            try:
                renew(cluster, workspace, declared.get(workspace, NOTHING), format_time(now), result)
            except StepError as error:
                result.failed.append(error.problem.within(f"{workspace}: its accounts are not renewed"))
    lines = result.done or ["none renewed"]
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    print("\nAccounts:", *(f"  {line}" for line in [*lines[:_SHOWN], *more]), sep="\n", flush=True)
    return result


def renew(cluster: Cluster, workspace: str, entry: Entry, now: str, result: Renewal) -> None:
    declared = expected_objects(workspace, entry)
    accounts = [
        item
        for item in cluster.each(core("namespaces", workspace, "serviceaccounts"))
        if (SERVICE_ACCOUNT, name(item)) not in declared
    ]
    bindings = cluster.list(object_path(ROLE_BINDING, workspace, "x").rpartition("/")[0])
    known = Recognition.of(read_roles(cluster, needs_of(bindings, accounts, own=True), [("namespaces", workspace)]))
    own = [binding for binding in bindings if known.own.has_binding(binding)]
    forged = {name(item) for item in bindings if claims_to_be_own(item)} - {name(item) for item in own}
    managed = {_DEFAULT, *_of_openshift(workspace, own)}

    def renew_one(account: Json) -> None:
        if name(account) == TRIGGER:
            _renew_trigger(cluster, workspace, now, is_own=TRIGGER not in forged)
        else:
            renew_account(cluster, workspace, account)

    def tell(account: Json) -> str:
        return _AGAIN if known.own.has_account(account) else "ended; it had no session"

    sessions = [item for item in accounts if claims_to_be_own_account(item) and name(item) != TRIGGER]
    others = [item for item in accounts if name(item) == TRIGGER or name(item) in managed]
    # What could mint tokens of the new accounts ends first.
    for binding in sorted(forged):
        try:
            end(cluster, ROLE_BINDING, workspace, binding)
        except StepError as error:
            result.failed.append(error.problem.within(f"{workspace}: the RoleBinding {short(binding)} did not end"))
    _each(workspace, sessions, partial(_end_session, cluster, workspace), tell, result)
    if forged:
        time.sleep(PAUSE)
    _each(workspace, others, renew_one, lambda _: "is renewed", result)


def _each(
    workspace: str,
    accounts: Collection[Json],
    work: Callable[[Json], None],
    tell: Callable[[Json], str],
    result: Renewal,
) -> None:
    """Do the same for all accounts, side by side, and note what became of each."""

    def attempt(account: Json) -> tuple[Json, StepError | None]:
        try:
            work(account)
        except StepError as error:
            return account, error
        return account, None

    for account, error in in_parallel(attempt, accounts):
        this = name(account)
        if error is None:
            result.renewed.add((workspace, this))
            result.done.append(f"{workspace}: the account {short(this)} {tell(account)}")
        else:
            delete = f"kubectl delete serviceaccount -n {workspace} {this}"
            result.failed.append(error.problem.within(f"{workspace}: the account {short(this)} is not renewed", delete))


def _renew_trigger(cluster: Cluster, workspace: str, now: str, *, is_own: bool) -> None:
    """Renew the account of schedules. If its RoleBinding ended, the operator is made to write all of it again."""
    renew_trigger(cluster, workspace)
    if not is_own:
        place = ("apis", PLATFORM_API_GROUP, PLATFORM_API_VERSION, "namespaces", workspace)
        settings = path(*place, "projectsettings", PROJECT_SETTINGS)
        cluster.patch(settings, {"metadata": {"annotations": {OPENED_AT_ANNOTATION: now}}})


def _end_session(cluster: Cluster, workspace: str, account: Json) -> None:
    """End the account of a session; its operator makes another one when the Secret with its token is missing."""
    this = name(account)
    end(cluster, SECRET, workspace, f"{RUNNER_TOKEN_PREFIX}{this.removeprefix(SESSION_PREFIX)}")
    end(cluster, SERVICE_ACCOUNT, workspace, this, uid(account))


def _of_openshift(workspace: str, own: Collection[Json]) -> Iterator[str]:
    """Yield the accounts that OpenShift makes in every project, and again when they are gone."""
    prefix = f"serviceaccount:{workspace}:"
    for binding in own:
        for subject in subjects(binding):
            if name(binding).startswith("system:") and subject.startswith(prefix):
                yield subject.removeprefix(prefix)
