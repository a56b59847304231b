"""Accounts for access keys of buckets (AWS's IAM, MinIO's admin API), and the notes on their keys in tags.

An account is created for one workspace and one generation. It has at most two keys, which is IAM's limit: the current
one and a retiring one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from ambient_components.errors import StepError


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    """Name of the user (`platform.naming.bucket_user`): a-z 0-9 -, up to 64 characters."""
    owner: str
    """Owner, PROJECT/FLEET: an account with another owner or none is never changed."""
    keys_only: bool = False
    """Whether another tool (pulumi-aws) creates user and policy, and only keys are created and revoked."""


@dataclass(frozen=True, slots=True)
class LiveKey:
    id: str
    """The access key id; not a secret."""
    active: bool
    issued_at: datetime
    """Creation time by the store's clock, UTC."""
    ours: bool
    """Whether this tool minted it, recorded or in an interrupted run. Otherwise it was created by hand."""


@dataclass(frozen=True, slots=True)
class AccountState:
    owner: str | None
    """Owner in its ownership annotation."""
    policy: Mapping[str, Any] | None
    """Its policy in the store; None if there is none, or with `keys_only`, where it is not read."""
    keys: tuple[LiveKey, ...]
    """Oldest first."""
    widened: tuple[str, ...] = ()
    """Names of further policies that others attached."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A new key; the store never shows its secret again."""

    id: str
    secret: str
    issued_at: datetime
    """Creation time by the store's clock, UTC."""
    expires_at: datetime | None = None
    """Expiry in the store; None if it is valid until it is revoked."""

    def __repr__(self) -> str:
        return f"NewKey({self.id})"


class Accounts(Protocol):
    """One API. All methods raise `StepError` with an actionable message; missing objects are not errors."""

    def look(self, account: Account, recorded: Collection[str]) -> AccountState | None:
        """Return the state of an account; None if it does not exist.

        Args:
            recorded: Ids of recorded keys: any other key is this tool's only if an interrupted run minted it.
        """

    def ensure(self, account: Account, policy: Mapping[str, Any]) -> None:
        """Create the account with its ownership annotation in one step, if it is missing; set exactly this policy."""

    def mint(self, account: Account, policy: Mapping[str, Any], expires_at: datetime | None) -> NewKey:
        """Create a key. After an interruption, `look` can distinguish it from one that was created by hand."""

    def revoke(self, account: Account, key_id: str) -> None: ...

    def set_owner(self, account: Account, recorded: Collection[str]) -> None:
        """Restore a missing ownership annotation of a released or changed account."""

    def settle(self, account: Account, recorded: Collection[str]) -> None:
        """Clear the note about a mint that was not completed. Never fails a step."""

    def clear_owner(self, account: Account) -> None:
        """Remove the ownership annotation: the account is released unchanged."""

    def remove(self, account: Account) -> None:
        """Delete all keys and the account (with `keys_only`: only this tool's keys)."""


MAX_KEYS: Final = 2
"""Maximum number of access keys per account: IAM's limit, which applies to all stores."""


def require_ours(account: Account, holder: str | None, hint: str) -> None:
    if holder == account.owner:
        return
    owner_text = f"belongs to {holder}" if holder else "has no ownership tag: it was made by hand, or let go"
    msg = f"the object store's user {account.name!r} {owner_text}, so it is left alone"
    raise StepError(msg, "give the bucket's credentials another generation", hint)


def user_gone(account: Account) -> StepError:
    return StepError(f"the object store's user {account.name!r} is gone: ambient up --refresh makes it again")


KEYS_TAG: Final = "ambient-components/keys"
"""Tag of a user with the ids of its keys."""

_UNDER_WAY: Final = "+"
_OTHERS: Final = "-"
"""Prefix of the id of a key that others created. IAM allows neither ! nor ? in a tag."""


@dataclass(frozen=True, slots=True)
class Note:
    ours: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    under_way: bool = False
    """Whether a mint was started and its end not recorded."""

    @classmethod
    def of(cls, text: str | None) -> "Note":
        """Read a tag; without one nothing is known."""
        words = (text or "").split()
        return cls(
            frozenset(word for word in words if word[:1] not in (_UNDER_WAY, _OTHERS)),
            frozenset(word[1:] for word in words if word.startswith(_OTHERS)),
            _UNDER_WAY in words,
        )

    def __str__(self) -> str:
        others = (f"{_OTHERS}{each}" for each in sorted(self.others))
        return " ".join((*sorted(self.ours), *others, *([_UNDER_WAY] if self.under_way else [])))

    def is_ours(self, key_id: str, recorded: Collection[str]) -> bool:
        """Return whether this tool minted a key.

        Args:
            recorded: Ids of existing recorded keys. If the note lacks one of them, it was minted after the note, so the
                started mint has ended.
        """
        if key_id in recorded or key_id in self.ours:
            return True
        known = self.ours | self.others
        return self.under_way and key_id not in known and all(each in known for each in recorded)

    def before_mint(self, there: Iterable[str]) -> "Note":
        keys = frozenset(there)
        ours = frozenset(each for each in keys if self.is_ours(each, ()))
        return Note(ours, keys - ours, under_way=True)

    def minted(self, key_id: str) -> "Note":
        return Note(self.ours | {key_id}, self.others)

    def refused(self) -> "Note":
        """Return the note after a refused mint: any new key is created by others."""
        return Note(self.ours, self.others)

    def settled(self, there: Iterable[str], recorded: Collection[str]) -> "Note":
        keys = frozenset(there)
        ours = keys & (self.ours | frozenset(recorded))
        return Note(ours, keys - ours)
