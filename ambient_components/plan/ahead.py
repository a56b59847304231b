"""How early a plan shows upcoming dates."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Ahead:
    """How early upcoming dates are shown. Default: 14 days."""

    usual: timedelta = timedelta(days=14)
    grants: Mapping[tuple[str, str, str, str], timedelta] = field(default_factory=dict)
    """The period by workspace, subject, role and date as written in the file."""
    keys: Mapping[tuple[str, str], timedelta] = field(default_factory=dict)
    """The period by workspace and key id."""

    def of_grant(self, workspace: str, subject: str, role: str, date: str) -> timedelta:
        """Return the period for a date of a grant."""
        return self.grants.get((workspace, subject, role, date), self.usual)

    def of_key(self, workspace: str, key: str) -> timedelta:
        """Return the period for a key that is not renewed automatically."""
        return self.keys.get((workspace, key), self.usual)
