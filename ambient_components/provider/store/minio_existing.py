"""State of an account in MinIO: its user, policy and keys, with their owners.

The rules are MinIO's: ``policy/statement.go`` and ``policy/policy.go`` of github.com/minio/pkg, ``user-commands.go`` of
github.com/minio/madmin-go.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ambient_components.platform.contract import OWNER_ANNOTATION
from ambient_components.provider.store.accounts import Account
from ambient_components.rotation.state import format_time, parse_time, time_of
from ambient_components.rules.buckets import same_policy

SELF_SERVICE: Final = "keys of its own making"
"""Drift of an account: its keys can create further keys, which no run would revoke."""
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Placeholder for an unknown time."""

_GUARD: Final = {"Sid": "NoAdmin", "Effect": "Deny", "Action": ["admin:*"]}
"""Statement in addition to the rights: without this denial, users may create keys and set their own password."""


class Key(NamedTuple):
    id: str
    active: bool
    owner: str | None
    issued_at: datetime

    @classmethod
    def of(cls, info: Mapping[str, Any], now: datetime) -> "Key":
        end = end_of(info)
        active = info.get("accountStatus") in ("on", "enabled") and (end is None or end > now)
        return cls(info["accessKey"], active, *_parsed(info.get("description") or ""))

    def is_of(self, account: Account) -> bool:
        return self.owner == account.owner


@dataclass(frozen=True, slots=True)
class Existing:
    user: Mapping[str, Any] | None
    document: Mapping[str, Any] | None
    keys: tuple[Key, ...]

    @property
    def there(self) -> bool:
        return self.user is not None or self.document is not None

    @property
    def enabled(self) -> bool:
        """Whether the user exists and is enabled; otherwise all its keys are refused."""
        return (self.user or {}).get("status") == "enabled"

    @property
    def policies(self) -> list[str]:
        return [name for name in str((self.user or {}).get("policyName") or "").split(",") if name]

    @property
    def groups(self) -> list[str]:
        return sorted((self.user or {}).get("memberOf") or [])

    @property
    def guarded(self) -> bool:
        """Whether the policy denies MinIO's default rights."""
        return any(map(_is_guard, _statements(self.document or {})))

    @property
    def owner(self) -> str | None:
        """Owner in the policy or, if that was overwritten by hand, in a key."""
        owners = [_owner_of(self.document), *(key.owner for key in self.keys)]
        return next(filter(None, owners), None)

    def rights(self, account: Account) -> Mapping[str, Any] | None:
        if self.document is None or not self.enabled or account.name not in self.policies:
            return None
        return _without_guard(self.document)

    def widened(self, account: Account) -> tuple[str, ...]:
        """Return rights beyond the account's policy: other policies, groups, and `SELF_SERVICE`."""
        further = [name for name in self.policies if name != account.name]
        unguarded = self.document is not None and not self.guarded
        return (*further, *(f"group {name}" for name in self.groups), *([SELF_SERVICE] if unguarded else []))

    def says(self, account: Account, policy: Mapping[str, Any]) -> bool:
        return (
            self.document is not None
            and _owner_of(self.document) == account.owner
            and self.guarded
            and same_policy(_without_guard(self.document), policy)
        )


def owner_annotation_of(account: Account) -> str:
    return f"{OWNER_ANNOTATION}={account.owner}"


def document_of(account: Account, policy: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ID": owner_annotation_of(account),
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
    annotation, _, owner = str((document or {}).get("ID") or "").partition("=")
    return owner if annotation == OWNER_ANNOTATION and owner else None


def description_of(account: Account, now: datetime) -> str:
    """Return the ownership annotation in a key's description, within MinIO's 256 bytes for Pulumi's longest names."""
    return f"{owner_annotation_of(account)} issued={format_time(now)}"


def _parsed(description: str) -> tuple[str | None, datetime]:
    parsed = re.fullmatch(rf"{re.escape(OWNER_ANNOTATION)}=(\S+) issued=(\S+)", description)
    try:
        return (parsed[1], parse_time(parsed[2])) if parsed else (None, EPOCH)
    except ValueError:
        return None, EPOCH


def end_of(key: Mapping[str, Any]) -> datetime | None:
    """Return the expiry of a key; None for none, which MinIO reports as nothing or as the year 1 or 1970."""
    moment = time_of(key.get("expiration"))
    return moment if moment is not None and moment.year > EPOCH.year else None
