"""Undeclared access that remains after an end of access, and how the one who had it may still reach it. Pure.

Someone with edit or admin could bind any subject, and mint tokens of every account of the workspace. So the
RoleBindings that name the subject itself are not all that remains to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ambient_components.access.bindings import ROLE_BINDING, Expected
from ambient_components.cluster import objects
from ambient_components.cluster.objects import Json
from ambient_components.platform.subjects import who_is_meant

_ACCOUNT: Final = "serviceaccount:"
_ACCOUNT_AS_USER: Final = "user:system:serviceaccount:"
_SUBJECTS: Final = 10
"""Subjects kept of one binding."""


class Reach(StrEnum):
    """How someone may still use a binding, the surest first."""

    OWN = "own"
    """It names them."""
    EVERYONE = "everyone"
    """It names a group of everyone."""
    ACCOUNT = "account"
    """It names an account that they could mint a token of."""
    GROUP = "group"
    """It names a group that they may be a member of."""
    OTHER = "other"
    """It names another user, and they could have made it."""


@dataclass(frozen=True, slots=True)
class Holder:
    title: str
    """Such as ``user:bob@example.com`` or ``key payments/ci``."""
    subjects: frozenset[str]
    makes: frozenset[str] = frozenset()
    """Workspaces in which they had edit or admin."""
    keys: frozenset[tuple[str, str]] = frozenset()
    """Workspace and id of the keys that ended, if it is about keys."""

    def reach(self, workspace: str, subject: str) -> Reach | None:
        """Return how they may use what a binding gives to a subject; None if they can't."""
        name = without_spelling(subject)
        if name in self.subjects:
            return Reach.OWN
        if who_is_meant(subject):
            return Reach.EVERYONE
        if workspace not in self.makes:
            return None
        if name.startswith(_ACCOUNT):
            return Reach.ACCOUNT
        return Reach.GROUP if name.startswith("group:") else Reach.OTHER


def without_spelling(subject: str) -> str:
    """Return a subject, a ServiceAccount always as one: Kubernetes knows it as a user too."""
    if not subject.startswith(_ACCOUNT_AS_USER):
        return subject
    return f"{_ACCOUNT}{subject.removeprefix(_ACCOUNT_AS_USER)}"


@dataclass(frozen=True, slots=True, order=True)
class Remaining:
    """An undeclared RoleBinding, or what a declared one gives beside its declaration."""

    workspace: str
    name: str
    role: str
    """In RBAC's notation."""
    ways: tuple[tuple[str, Reach], ...]
    """The subjects that they may be, the surest first, at most ten."""
    is_declared: bool = False
    """Whether a binding of this name is declared, and this one differs."""


def remaining(binding: Json, expected: Mapping[tuple[str, str], Expected], holder: Holder) -> Remaining | None:
    """Return what a RoleBinding gives to someone beside what is declared; None if it gives them nothing.

    Whether it is the platform's own is not decided here.
    """
    workspace, name = objects.namespace(binding), objects.name(binding)
    named, role = list(dict.fromkeys(objects.subjects(binding))), objects.role_ref(binding)
    declared = expected.get((ROLE_BINDING, name))
    if declared is not None and not declared.gives_another_role(binding):
        named = [subject for subject in named if subject != str(declared.subject)]
    ways = [(subject, way) for subject in named if (way := holder.reach(workspace, subject))]
    if not ways:
        return None
    surest_first = sorted(ways, key=lambda pair: list(Reach).index(pair[1]))
    return Remaining(workspace, name, role, tuple(surest_first[:_SUBJECTS]), declared is not None)
