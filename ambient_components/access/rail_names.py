"""The rails by name, where each of them may be allowed, and what a stack says of them.

A rail is a change that is refused unless the files say that it is meant: ``allow: [{rail, reason, until}]``. What each
of them judges is in `access.rails`; ``expireAfter`` is a bucket's, and in `access.buckets`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypedDict

from ambient_components.errors import reject

EXPIRE_AFTER: Final = "expireAfter"
"""Objects that lie in a bucket already would get an age at which the store deletes them."""

REMOVALS: Final = "removals"
"""More workspaces, grants or keys leave in one run than a slip should be able to take."""

NO_ADMIN: Final = "noAdmin"
"""A workspace that had an admin has nobody left."""

WIDE_SUBJECT: Final = "wideSubject"
"""Access for a group that everybody, or every service account, is in."""

ADMIN_KEY: Final = "adminKey"
"""A key of role admin."""

ENDLESS_KEY: Final = "endlessKey"
"""A key that never expires."""

MANY_KEYS: Final = "manyKeys"
"""More keys in one workspace than the stack wants."""

PERSONAL_GRANT: Final = "personalGrant"
"""A grant of one user, where the stack wants groups only."""

ADMIN_KEY_BESIDE_EDIT: Final = "adminKeyBesideEdit"
"""An admin key where somebody with edit can take its power, and the stack wants the two apart."""

RAILS: Final = (
    REMOVALS,
    NO_ADMIN,
    WIDE_SUBJECT,
    ADMIN_KEY,
    ENDLESS_KEY,
    MANY_KEYS,
    PERSONAL_GRANT,
    ADMIN_KEY_BESIDE_EDIT,
    EXPIRE_AFTER,
)
"""Every rail."""

STACK_RAILS: Final = tuple(rail for rail in RAILS if rail != EXPIRE_AFTER)
"""Those that a stack can allow, for all its workspaces. Whose data a store may delete, each workspace says itself."""

WORKSPACE_RAILS: Final = tuple(rail for rail in RAILS if rail != REMOVALS)
"""Those that a workspace can allow. What a run removes is counted over the whole stack."""

KEYS_MAX: Final = 10
"""Keys of a workspace, where the stack says nothing else."""


class StackRails(TypedDict, total=False):
    """What a stack says of its rails, as an input of its ledger. What is left out is as built in."""

    allow: list[str]
    """Rails that may be crossed today in any workspace, sorted; see `STACK_RAILS`."""
    keysMax: int
    """Keys of a workspace; 10 if left out."""
    groupsOnly: bool
    """Whether a new grant of a single user is refused; false if left out."""
    adminKeysApart: bool
    """Whether an admin key beside edit is refused; false if left out."""
    secretSources: list[str]
    """Places outside of the project and of a workspace's own namespace that its secrets may come from, in words. The
    stack file's checks hold them; they are recorded so that a change of them is seen."""


@dataclass(frozen=True, slots=True)
class RailSettings:
    """What a stack says of its rails; built in where it says nothing."""

    allow: frozenset[str] = frozenset()
    """Rails that may be crossed today, in every workspace."""
    keys_max: int = KEYS_MAX
    groups_only: bool = False
    admin_keys_apart: bool = False

    @classmethod
    def of(cls, given: Any) -> Self:
        """Read the ledger's input; None for nothing said.

        Args:
            given: as `StackRails`. The stack file's checks see to it, a program that uses the library may not.

        Raises:
            BadValue: it is of another form.
        """
        said = {} if given is None else given
        if not isinstance(said, Mapping) or not _well_formed(said):
            reject(
                "rails: not of the form it must have",
                f"allowed: allow (a list of {', '.join(STACK_RAILS)}), keysMax (a whole number from 1), groupsOnly and "
                "adminKeysApart (true or false), secretSources (a list of texts); each may be left out",
            )
        return cls(
            frozenset(said.get("allow") or ()),
            int(said.get("keysMax", KEYS_MAX)),
            bool(said.get("groupsOnly")),
            bool(said.get("adminKeysApart")),
        )


def _well_formed(said: Mapping[Any, Any]) -> bool:
    allow, most = said.get("allow", []), said.get("keysMax", KEYS_MAX)
    places = said.get("secretSources", [])
    return (
        said.keys() <= StackRails.__annotations__.keys()
        and isinstance(allow, list)
        and all(rail in STACK_RAILS for rail in allow)
        # A number of the wire is a float.
        and isinstance(most, int | float)
        and not isinstance(most, bool)
        and most >= 1
        and most % 1 == 0
        and isinstance(places, list)
        and all(isinstance(place, str) for place in places)
        and all(isinstance(said.get(flag, False), bool) for flag in ("groupsOnly", "adminKeysApart"))
    )
