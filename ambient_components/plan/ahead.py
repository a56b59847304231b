"""How early a plan tells what comes by date."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Ahead:
    """How early it is told; where the files say nothing else, 14 days before."""

    usual: timedelta = timedelta(days=14)
    grants: Mapping[tuple[str, str, str, str], timedelta] = field(default_factory=dict)
    """By workspace, subject, role, and the date as the file says it."""
    keys: Mapping[tuple[str, str], timedelta] = field(default_factory=dict)
    """By workspace and id of the key."""

    def of_grant(self, workspace: str, subject: str, role: str, date: str) -> timedelta:
        """For a date of a grant."""
        return self.grants.get((workspace, subject, role, date), self.usual)

    def of_key(self, workspace: str, key: str) -> timedelta:
        """For the end of a key that nobody renews."""
        return self.keys.get((workspace, key), self.usual)
