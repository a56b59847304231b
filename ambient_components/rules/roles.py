"""The order of roles, including `OWNER`."""

from typing import Final

from ambient_components.platform.contract import ROLES, Role

OWNER: Final = "owner"
"""Role of an owner in ledgers and reports, with the rights of admin. The Sharing page does not list owners."""

WEAKEST_FIRST: Final[tuple[str, ...]] = (*ROLES, OWNER)
"""All roles and `OWNER`."""

MINTERS: Final = (Role.EDIT, Role.ADMIN)
"""Roles that can mint tokens for every ServiceAccount of the namespace. Contract 1.3."""


def rank(role: str | None) -> int:
    """Return the rank of a role; more access is higher, 0 is none."""
    return WEAKEST_FIRST.index(role) + 1 if role in WEAKEST_FIRST else 0
