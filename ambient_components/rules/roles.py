"""How roles compare: what an owner holds besides the platform's three, and the order of all."""

from typing import Final

from ambient_components.contract import ROLES, Role

OWNER: Final = "owner"
"""What an owner holds, in ledgers and reports: the rights of admin. The Sharing page does not list owners."""

WEAKEST_FIRST: Final[tuple[str, ...]] = (*ROLES, OWNER)
"""Every role and `OWNER`."""

MINTERS: Final = (Role.EDIT, Role.ADMIN)
"""Roles that may mint tokens for every ServiceAccount of the namespace. Contract 1.3."""


def rank(role: str | None) -> int:
    """The more access the higher; 0 for none."""
    return WEAKEST_FIRST.index(role) + 1 if role in WEAKEST_FIRST else 0
