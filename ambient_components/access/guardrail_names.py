"""The guardrails by name, the scope of their exceptions, and a stack's settings for them.

A guardrail refuses a change unless the stack file has an exception: ``allow: [{rail, reason, until}]``. They are
implemented in `access.rails`, and ``expireAfter`` (about buckets) in `access.buckets`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypedDict

from ambient_components.errors import reject

EXPIRE_AFTER: Final = "expireAfter"
"""An expiry for objects that exist already in a bucket."""

REMOVALS: Final = "removals"
"""Too many workspaces, grants or keys removed in one run."""

NO_ADMIN: Final = "noAdmin"
"""A workspace loses its last admin."""

WIDE_SUBJECT: Final = "wideSubject"
"""Access for a group of all users or all service accounts."""

ADMIN_KEY: Final = "adminKey"
"""A key with the role admin."""

ENDLESS_KEY: Final = "endlessKey"
"""A key that never expires."""

MANY_KEYS: Final = "manyKeys"
"""More keys in one workspace than the stack's limit."""

PERSONAL_GRANT: Final = "personalGrant"
"""A grant for one user, in a stack that allows only groups."""

ADMIN_KEY_BESIDE_EDIT: Final = "adminKeyBesideEdit"
"""An admin key that subjects with edit can take over, in a stack that forbids this."""

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
"""All guardrails."""

STACK_RAILS: Final = tuple(rail for rail in RAILS if rail != EXPIRE_AFTER)
"""Guardrails with exceptions for a whole stack. Deletion of data by the store needs an exception per workspace."""

WORKSPACE_RAILS: Final = tuple(rail for rail in RAILS if rail != REMOVALS)
"""Guardrails with exceptions for one workspace. Removals are counted over the whole stack."""

KEYS_MAX: Final = 10
"""Default limit of keys per workspace."""


class StackRails(TypedDict, total=False):
    """Guardrail settings of a stack, as an input of its ledger. Missing fields have built-in defaults."""

    allow: list[str]
    """Guardrails with a valid exception for all workspaces, sorted; see `STACK_RAILS`."""
    keysMax: int
    """Maximum number of keys per workspace; default 10."""
    groupsOnly: bool
    """Whether new grants for single users are refused; default false."""
    adminKeysApart: bool
    """Whether admin keys that subjects with edit can take over are refused; default false."""
    secretSources: list[str]
    """Further places for secret sources, outside of the project and of the workspace's namespace. The stack file's
    checks enforce them; they are recorded so that changes are visible.
    """


@dataclass(frozen=True, slots=True)
class RailSettings:
    """Guardrail settings of a stack, with built-in defaults."""

    allow: frozenset[str] = frozenset()
    """Guardrails with a valid exception for all workspaces."""
    keys_max: int = KEYS_MAX
    groups_only: bool = False
    admin_keys_apart: bool = False

    @classmethod
    def of(cls, given: Any) -> Self:
        """Read the ledger's input; None means defaults.

        Args:
            given: As `StackRails`. The stack file's checks guarantee the form, a program that uses the library may not.

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
        # Numbers are floats in Pulumi's protocol.
        and isinstance(most, int | float)
        and not isinstance(most, bool)
        and most >= 1
        and most % 1 == 0
        and isinstance(places, list)
        and all(isinstance(place, str) for place in places)
        and all(isinstance(said.get(flag, False), bool) for flag in ("groupsOnly", "adminKeysApart"))
    )
