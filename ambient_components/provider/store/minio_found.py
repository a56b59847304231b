"""What a MinIO has of an account: its user, that user's policy and keys, and whose mark they bear.

The rules are MinIO's: ``policy/statement.go`` and ``policy/policy.go`` of github.com/minio/pkg, ``user-commands.go`` of
github.com/minio/madmin-go.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ambient_components.contract import OWNER_ANNOTATION
from ambient_components.keys.state import format_time, parse_time, time_of
from ambient_components.provider.store.accounts import Account
from ambient_components.storage import same_policy

SELF_SERVICE: Final = "keys of its own making"
"""Said among what an account has beyond its policy: its keys can make more keys, which nothing here would end."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for a time that nobody knows."""

_GUARD: Final = {"Sid": "NoAdmin", "Effect": "Deny", "Action": ["admin:*"]}
"""Beside the rights: unless a policy denies it, everybody may make keys of their own, and set their own password."""


@dataclass(frozen=True, slots=True)
class Key:
    """An access key, as the store tells of it."""

    id: str
    active: bool
    owner: str | None
    issued_at: datetime
    embedded: Mapping[str, Any] | None
    """A policy in the key itself; it can only narrow what the user may do."""

    @classmethod
    def of(cls, info: Mapping[str, Any], now: datetime) -> "Key":
        """Read from what MinIO says of a key, by the store's clock."""
        end = end_of(info)
        owner, issued_at = _parsed(info.get("description") or "")
        return cls(
            info["accessKey"],
            info.get("accountStatus") in ("on", "enabled") and (end is None or end > now),
            owner,
            issued_at,
            None if info.get("impliedPolicy") else json.loads(info.get("policy") or "{}"),
        )

    def is_of(self, account: Account) -> bool:
        """Whether this tool minted it for this account."""
        return self.owner == account.owner


@dataclass(frozen=True, slots=True)
class Found:
    """What the store has under an account's name."""

    user: Mapping[str, Any] | None
    document: Mapping[str, Any] | None
    keys: tuple[Key, ...]

    @property
    def there(self) -> bool:
        """Whether there is anything."""
        return self.user is not None or self.document is not None

    @property
    def enabled(self) -> bool:
        """Whether there is a user whose keys are not refused one and all."""
        return (self.user or {}).get("status") == "enabled"

    @property
    def policies(self) -> list[str]:
        """Given to the user, by name."""
        return [name for name in str((self.user or {}).get("policyName") or "").split(",") if name]

    @property
    def groups(self) -> list[str]:
        """What the user is a member of, by name: a group's policies are its members' too."""
        return sorted((self.user or {}).get("memberOf") or [])

    @property
    def guarded(self) -> bool:
        """Whether the policy denies what MinIO lets everybody do."""
        return any(map(_is_guard, _statements(self.document or {})))

    @property
    def owner(self) -> str | None:
        """Whose mark it bears: the policy's, or where somebody wrote that anew by hand, a key's."""
        marks = [_owner_of(self.document), *(key.owner for key in self.keys)]
        return next(filter(None, marks), None)

    def rights(self, account: Account) -> Mapping[str, Any] | None:
        """What its keys may do; of keys that differ the first one that does."""
        if self.document is None or not self.enabled or account.name not in self.policies:
            return None
        rights = _without_guard(self.document)
        narrowed = (key.embedded for key in self.keys if key.is_of(account) and key.embedded is not None)
        return next((policy for policy in narrowed if not same_policy(policy, rights)), rights)

    def widened(self, account: Account) -> tuple[str, ...]:
        """What the user can do beyond the account's policy: other policies, by name, groups, and `SELF_SERVICE`."""
        further = [name for name in self.policies if name != account.name]
        unguarded = self.document is not None and not self.guarded
        return (*further, *(f"group {name}" for name in self.groups), *([SELF_SERVICE] if unguarded else []))

    def says(self, account: Account, policy: Mapping[str, Any]) -> bool:
        """Whether the policy's document is the one that we write."""
        return (
            self.document is not None
            and _owner_of(self.document) == account.owner
            and self.guarded
            and same_policy(_without_guard(self.document), policy)
        )


def mark_of(account: Account) -> str:
    """The owner's mark, as the id of a policy's document."""
    return f"{OWNER_ANNOTATION}={account.owner}"


def document_of(account: Account, policy: Mapping[str, Any]) -> dict[str, Any]:
    """The document of an account's policy: the rights, the guard, and the owner's mark."""
    return {
        "ID": mark_of(account),
        "Version": policy["Version"],
        "Statement": [*policy["Statement"], _GUARD],
    }


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(document.get("Statement") or [])


def _is_guard(statement: Mapping[str, Any]) -> bool:
    rest = {name: value for name, value in statement.items() if name != "Sid"}
    return rest == {"Effect": _GUARD["Effect"], "Action": _GUARD["Action"]}


def _without_guard(document: Mapping[str, Any]) -> dict[str, Any]:
    rights = [statement for statement in _statements(document) if not _is_guard(statement)]
    return {"Version": document.get("Version"), "Statement": rights}


def _owner_of(document: Mapping[str, Any] | None) -> str | None:
    mark, _, owner = str((document or {}).get("ID") or "").partition("=")
    return owner if mark == OWNER_ANNOTATION and owner else None


def description_of(account: Account, now: datetime) -> str:
    """The mark of a key. MinIO takes 256 bytes, which the longest names that Pulumi takes leave room in."""
    return f"{mark_of(account)} issued={format_time(now)}"


def _parsed(description: str) -> tuple[str | None, datetime]:
    found = re.fullmatch(rf"{re.escape(OWNER_ANNOTATION)}=(\S+) issued=(\S+)", description)
    try:
        return (found[1], parse_time(found[2])) if found else (None, EPOCH)
    except ValueError:
        return None, EPOCH


def end_of(key: Mapping[str, Any]) -> datetime | None:
    """When the store ends a key. None: never, for which MinIO says nothing, or the year 1 or 1970."""
    moment = time_of(key.get("expiration"))
    return moment if moment is not None and moment.year > EPOCH.year else None
