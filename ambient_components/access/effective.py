"""What each subject may do in each workspace, right by right, and why: a subject's holdings put together.

Rights are those of RBAC, held directly: what somebody can reach by minting another account's token is not among them.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ambient_components.access.holdings import KEY, NO_ROLE, PLATFORM, Holding
from ambient_components.access.roles import ALL_RIGHTS, RIGHTS_OF, SESSION_RIGHTS, TRIGGER_RIGHTS, RoleRight
from ambient_components.contract import Role
from ambient_components.rules.roles import WEAKEST_FIRST, rank
from ambient_components.suggest import did_you_mean

TRIGGER: Final = "ambient-session-trigger"
"""Name of the account, the Role and the RoleBinding by which the platform starts scheduled sessions. Contract 4."""

CLUSTER_ADMIN: Final = "ClusterRole/cluster-admin"
"""Kubernetes' own role that may do everything."""

_SESSION_ROLE: Final = re.compile(r"Role/ambient-session-.+-role")


@dataclass(frozen=True, slots=True)
class Row:
    """One subject in one workspace."""

    workspace: str
    subject: str
    holdings: tuple[Holding, ...]
    """All that it holds here, the strongest role first; at least one."""

    @property
    def who(self) -> str:
        """The subject as people tell it from others: two workspaces may each have a key ``ci``."""
        return f"{self.subject} of {self.workspace}" if self.subject.startswith(f"{KEY}:") else self.subject

    @property
    def roles(self) -> tuple[str, ...]:
        """The strongest first, each once."""
        return tuple(dict.fromkeys(holding.role for holding in self.holdings))

    @property
    def rights(self) -> frozenset[RoleRight]:
        """All that are known, out of `ALL_RIGHTS`."""
        return frozenset().union(*(rights_of(holding) or () for holding in self.holdings))

    @property
    def complete(self) -> bool:
        """Whether it has no others of `ALL_RIGHTS`: False where it holds a role whose rules nobody here knows."""
        return all(rights_of(holding) is not None for holding in self.holdings)


def rights_of(holding: Holding) -> frozenset[RoleRight] | None:
    """The rights that one holding gives, out of `ALL_RIGHTS`; None for a role whose rules are not known here."""
    if holding.role in RIGHTS_OF:
        return RIGHTS_OF[Role(holding.role)]
    if holding.role == NO_ROLE:
        return frozenset()
    if holding.role == CLUSTER_ADMIN:
        return frozenset(ALL_RIGHTS)
    # Whoever may write Roles can give another one such a name: only together with the platform's own binding.
    if holding.reason == PLATFORM and holding.role == f"Role/{TRIGGER}":
        return TRIGGER_RIGHTS
    if holding.reason == PLATFORM and _SESSION_ROLE.fullmatch(holding.role):
        return SESSION_RIGHTS
    return None


def rows(holdings: Iterable[Holding]) -> list[Row]:
    """Holdings by workspace and subject; in each workspace those of the strongest role first, then by name."""
    ordered = sorted(holdings, key=lambda one: (one.workspace, one.subject, _rank(one.role), one.role, one.reason))
    found = [Row(*who, tuple(held)) for who, held in groupby(ordered, lambda one: (one.workspace, one.subject))]
    return sorted(found, key=lambda row: (row.workspace, _rank(row.roles[0]), row.subject))


def _rank(role: str) -> int:
    """Lower is stronger; unknown roles come last."""
    return -len(WEAKEST_FIRST) - 1 if role == CLUSTER_ADMIN else -rank(role)


def by_workspace(found: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by workspace, in alphabetical order."""
    return _grouped(found, lambda row: row.workspace)


def by_subject(found: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows by subject, in alphabetical order; keys of one id in several workspaces are several subjects."""
    return _grouped(found, lambda row: row.who)


def _grouped(found: Iterable[Row], name: Callable[[Row], str]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in found:
        groups.setdefault(name(row), []).append(row)
    return dict(sorted(groups.items()))


def gives(holding: Holding, right: RoleRight) -> bool | None:
    """Whether a holding gives a right, directly; None where the rules of its role are not known."""
    rights = rights_of(holding)
    if rights is None:
        return None
    # What may be done to all of a kind may be done to each.
    return right in rights or RoleRight(right.verb, right.resource) in rights


@dataclass(frozen=True, slots=True)
class WhoCan:
    """Who has one right."""

    can: tuple[Row, ...]
    """Whoever has it, each with what gives it and nothing else."""
    perhaps: tuple[Row, ...]
    """Whoever may have it by a role whose rules are not known, each with those roles alone; none of `can`."""


def who_can(found: Sequence[Row], right: RoleRight) -> WhoCan:
    """Who has a right, and by what.

    Args:
        found: everybody.
        right: one of those that `parse_right` returns.
    """
    held = [holding for row in found for holding in row.holdings]
    can = rows(one for one in held if gives(one, right))
    known = {(row.workspace, row.subject) for row in can}
    perhaps = rows(one for one in held if gives(one, right) is None and (one.workspace, one.subject) not in known)
    return WhoCan(tuple(can), tuple(perhaps))


def parse_right(text: str) -> RoleRight:
    """Read ``VERB RESOURCE [NAME]``: a right of `ALL_RIGHTS`, or the same for one named object.

    Raises:
        ValueError: none of the platform's roles has such a right; the text says what is allowed.
    """
    words = text.split()
    if len(words) not in (2, 3):
        msg = f"{text!r} is no right; allowed: VERB RESOURCE or VERB RESOURCE NAME, such as 'get secrets'"
        raise ValueError(msg)
    verb, resource = words[0].lower(), words[1].lower()
    if any((right.verb, right.resource) == (verb, resource) for right in ALL_RIGHTS):
        return RoleRight(verb, resource, *words[2:])
    msg = f"{text!r} is a right that none of the platform's roles has; {_allowed(verb, resource)}"
    raise ValueError(msg)


def _allowed(verb: str, resource: str) -> str:
    verbs = [right.verb for right in ALL_RIGHTS if right.resource == resource and not right.name]
    if verbs:
        return f"allowed for {resource}: {', '.join(verbs)}"
    resources = sorted({right.resource for right in ALL_RIGHTS})
    pairs = {f"{right.verb} {right.resource}" for right in ALL_RIGHTS}
    suggestion = did_you_mean(f"{verb} {resource}", pairs)
    return f"allowed: a verb and one of {', '.join(resources)}" + (f"; {suggestion}" if suggestion else "")
