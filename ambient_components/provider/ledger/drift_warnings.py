"""Drift warnings before a run changes anything.

The engine reads the cluster only in a refresh. Changes of declared access by others should be reported earlier, and so
should tokens that a subject may keep when its access ends.
"""

import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from ambient_components.access.bindings import Expected, expected_objects
from ambient_components.access.endings import ended
from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.access.ledger import object_names
from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.objects import Json, is_ending, listing, name, namespace, short
from ambient_components.cluster.revocation import ROLE_BINDING
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.platform.subjects import who_is_meant
from ambient_components.provider.ledger.existing import platform_accounts
from ambient_components.provider.workspace.cluster_access import ExistingAccess, by_namespace, listed
from ambient_components.rules.warnings import ADMIN, OTHER, Kind, LoudWarning, WarningRule
from ambient_components.shards.interrupted import Leftover

_ACKNOWLEDGEABLE: Final = 100
"""Objects of a workspace up to which each can be acknowledged. Of more, one row counts all that are left."""

_WHO_DELETES: Final = (
    'if it is removed again and again, see who may: ambient access STACK --live --who-can "delete rolebindings"'
)


def drift(
    cluster: Cluster,
    there: set[str],
    before: Ledger,
    after: Ledger,
    ending: Collection[Leftover] = (),
) -> list[Problem]:
    """Return, as warnings, how the access in active and closed workspaces differs from what is declared.

    In a run that closes a workspace its access ends anyway. Differences are: undeclared access, missing objects that
    were deployed, and changed objects. Access from the last deployment is not reported as undeclared, because this run
    removes it.
    """
    active = {
        workspace
        for workspace, entry in after.items()
        if entry.is_active or (entry.is_closed and before.get(workspace, NOTHING).is_closed)
    }
    warnings = [
        _warning(
            WarningRule.NAMESPACE_GONE,
            workspace,
            "its namespace is not in the cluster",
            "if the last run failed, the next one makes it",
            "if it was deleted, with all that was in it: ambient up --refresh makes the workspace again, with new keys",
            data=(("Namespace", workspace),),
        )
        for workspace in sorted(active & before.keys() - there)
    ]
    places = [
        _Place(workspace, before.get(workspace, NOTHING), after[workspace], ending)
        for workspace in sorted(active & there)
    ]
    if not places:
        return warnings
    by_name = {place.workspace: place for place in places}

    def notice(kind: str, item: Json) -> None:
        by_name[namespace(item)].compare(kind, name(item), item)

    try:
        access = by_namespace(listed(cluster, by_name, notice))
    except StepError as error:
        what = "the access in the cluster can't be compared with what is declared"
        return [*warnings, error.problem.within(what, rule=LoudWarning.NOT_CHECKED)]
    return [*warnings, *(warning for place in places for warning in place.warnings(access.get(place.workspace, ())))]


_ENDED: Final = 10
"""RoleBindings named in one command."""


class _Place:
    def __init__(self, workspace: str, before: Entry, after: Entry, ending: Collection[Leftover]) -> None:
        self.workspace = workspace
        self._is_closed = after.is_closed
        self._was_declared = before.is_active or (before.is_closed and after.is_closed)
        self._was, self._will_be = expected_objects(workspace, before), expected_objects(workspace, after)
        # Grants with dates too, which have no object before and after them.
        self._declared = {
            **{who: str(periods[0].role) for who, periods in after.dates.items()},
            **{str(item.subject): str(item.role) for item in self._will_be.values()},
        }
        self._of_platform = platform_accounts(after)
        self._gone = {(leftover.kind, leftover.name) for leftover in ending if leftover.namespace == workspace}
        self._there = set[tuple[str, str]]()
        self._differing = dict[tuple[str, str], list[str]]()
        self._kept = dict[tuple[str, str], list[str]]()

    def compare(self, kind: str, object_name: str, item: Json) -> None:
        if (kind, object_name) in self._was:
            self._there.add((kind, object_name))
        expected = self._will_be.get((kind, object_name))
        if expected is None or (kind, object_name) not in self._was:
            return
        self._differing[kind, object_name] = [*expected.differences(item), *_ending(expected, item)]
        self._kept[kind, object_name] = expected.kept_by(item)

    def warnings(self, existing: Collection[ExistingAccess]) -> Iterator[Problem]:
        declared = self._was.keys() | self._will_be.keys()
        others = [access for access in existing if (access.kind, access.name) not in declared | self._gone]
        # First admins, then what else can't be acknowledged: a long list is shortened, and users decide its length.
        others.sort(key=lambda access: (not access.is_admin, access.acknowledgeable))
        if others and self._is_closed:
            yield _warning(
                WarningRule.UNDECLARED_ACCESS,
                self.workspace,
                f"{listing([access.what for access in others])}: in the cluster, and the workspace is closed",
                "ambient up --refresh ends it",
                data=_rows(others),
            )
        else:
            yield from self._undeclared(others)
        if public := [access for access in existing if access.public and self._strangers(access)]:
            yield self._public(public)
        staying = sorted(self._was.keys() & self._will_be.keys()) if self._was_declared else []
        missing = [key for key in staying if key not in self._there]
        if missing:
            yield _warning(
                WarningRule.MISSING_ACCESS,
                self.workspace,
                f"{listing([' '.join(key) for key in missing])}: declared, and not in the cluster",
                "if the last run failed, the next one makes it",
                "if it was removed, run ambient up --refresh, which makes it again",
                _WHO_DELETES if any(kind == ROLE_BINDING for kind, _ in missing) else "",
                "an account that the platform made is not made again: ambient keys rotate STACK WORKSPACE/KEY --leaked"
                if any(name in self._of_platform for _, name in missing)
                else "",
                data=tuple(missing),
            )
        differing = [text for _, texts in sorted(self._differing.items()) for text in texts]
        if differing:
            yield _warning(
                WarningRule.CHANGED_ACCESS,
                self.workspace,
                f"{listing(differing)}: not as it was deployed",
                "ambient up --refresh sets it right",
            )
        kept = [text for _, texts in sorted(self._kept.items()) for text in texts]
        if kept:
            yield _warning(
                WarningRule.ACCESS_FINALIZERS,
                self.workspace,
                f"finalizers keep access after its deletion, and this tool sets none: {listing(kept)}",
                "the run that ends the access removes them",
            )

    def _undeclared(self, others: Iterable[ExistingAccess]) -> Iterator[Problem]:
        """Yield a warning about access that is in no file, and for each declared role about what is beside it."""
        groups: dict[str, list[ExistingAccess]] = {}
        for access in others:
            declared = [self._declared.get(subject, "") for subject in access.subjects]
            groups.setdefault(" and ".join(sorted({*declared})) if all(declared) else "", []).append(access)
        for role, group in groups.items():
            where = "in the cluster, and in no file: it stays unchanged"
            hint = (
                "declare it, or remove it: a grant on the workspace's Sharing page, a key on its Keys page, anything "
                "else with kubectl"
            )
            if role:
                where = f"made by others, beside the declared {role}: it stays, also when the declared line is removed"
                hint = "remove it on the workspace's Sharing page or with kubectl"
            what = f"{listing([access.what for access in group])}: {where}"
            yield _warning(WarningRule.UNDECLARED_ACCESS, self.workspace, what, hint, data=_rows(group))

    def _strangers(self, access: ExistingAccess) -> list[str]:
        """Return the groups of everyone to which a RoleBinding gives what no file declares."""
        key = access.kind, access.name
        if key in self._gone:
            return []
        declared = {str(entries[key].subject) for entries in (self._was, self._will_be) if key in entries}
        return [subject for subject in access.public if subject not in declared]

    def _public(self, existing: Collection[ExistingAccess]) -> Problem:
        given = [
            f"RoleBinding {short(access.name)} gives access to {subject} ({who_is_meant(subject)})"
            for access in existing
            for subject in self._strangers(access)
        ]
        undeclared = [access.name for access in existing if (access.kind, access.name) not in self._will_be]
        others = [shlex.quote(short(name)) for name in undeclared]
        return _warning(
            LoudWarning.PUBLIC_BINDING,
            self.workspace,
            f"{listing(given)}, and no file says so",
            f"end it: kubectl delete rolebinding -n {self.workspace} {' '.join(others[:_ENDED])}" if others else "",
            "ambient up --refresh sets a declared one right" if len(others) < len(existing) else "",
        )


def _rows(existing: Sequence[ExistingAccess]) -> tuple[tuple[str, ...], ...]:
    """Return a row for each object, with a second column if it can't be acknowledged."""
    rows = [
        (access.what,) if access.acknowledgeable else (access.what, ADMIN if access.is_admin else OTHER)
        for access in existing[:_ACKNOWLEDGEABLE]
    ]
    more = [(f"{len(existing) - len(rows)} more", OTHER)] if len(existing) > len(rows) else []
    return (*rows, *more)


def _ending(expected: Expected, item: Json) -> list[str]:
    return [f"{expected.kind} {expected.name} is being deleted"] if is_ending(item) else []


def may_be_kept(cluster: Cluster, owner: str, there: set[str], before: Ledger, after: Ledger) -> list[Problem]:
    """Return accounts of which a user may have a token that outlives the access that ends in this run."""
    warnings = []
    for workspace in sorted(there & before.keys()):
        entry = after[workspace]
        gone = ended(workspace, before[workspace], entry) if entry.is_active else None
        if gone is None:
            continue
        # Declared accounts are reported by their keys, or end in this run.
        ours = {made for kind, made in object_names(workspace, before[workspace]) | object_names(workspace, entry)}
        try:
            accounts_there = [*map(name, cluster.each(core("namespaces", workspace, "serviceaccounts"), metadata=True))]
        except StepError as error:
            warnings.append(_warning(LoudWarning.NOT_CHECKED, workspace, f"its accounts can't be listed: {error}"))
            accounts_there = []
        others = [account for account in accounts_there if account not in ours]
        keys = f"the keys {', '.join(gone.keys)}" if gone.keys else ""
        accounts = " and ".join(filter(None, (keys, f"the accounts {listing(sorted(others))}" if others else "")))
        if not accounts:
            continue
        rotate = (
            f": ambient keys rotate {owner.rsplit('/', 1)[-1]} --workspace {workspace} --leaked" if gone.keys else ""
        )
        warnings.append(
            _warning(
                LoudWarning.TOKENS_OUTLIVE_ACCESS,
                workspace,
                f"{listing(list(gone.who))} ends in this run, and people who had it could mint tokens of {accounts}, "
                "and those outlive it",
                f"if that may have happened, rotate them{rotate}",
                data=tuple((account,) for account in sorted(others)),
            )
        )
    return warnings


def _warning(rule: Kind, workspace: str, problem: str, *hints: str, data: tuple[tuple[str, ...], ...] = ()) -> Problem:
    warning = refusal(f"workspace {workspace!r}: {problem}", *hints, rule=rule, workspaces=(workspace,))
    return replace(warning, data=data)
