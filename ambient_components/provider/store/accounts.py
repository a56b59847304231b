"""Whose access keys a bucket is used with: one vocabulary for the APIs of AWS's IAM and of MinIO's admin.

An account is made for one workspace and one generation. It has at most two keys, which is IAM's own limit: the current
one and one that retires.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Account:
    """Who is meant."""

    name: str
    """Of the user (`naming.bucket_user`): a-z 0-9 -, up to 64 characters."""
    owner: str
    """Project and fleet, PROJECT/FLEET: an account that says another one, or none, is never touched."""
    keys_only: bool = False
    """User and policy are somebody else's to make (pulumi-aws): only keys are made and revoked."""


@dataclass(frozen=True, slots=True)
class LiveKey:
    """An access key that the store has."""

    id: str
    """The access key id: what requests name; no secret."""
    active: bool
    issued_at: datetime
    """The store's own clock; UTC."""
    ours: bool
    """Whether this tool minted it: on record, or by a run that died. Else somebody made it by hand."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What the store has of an account."""

    owner: str | None
    """Whose mark it bears."""
    policy: Mapping[str, Any] | None
    """What it may do, as the store says it; None where there is none (or with `keys_only`, where it is not asked)."""
    keys: tuple[LiveKey, ...]
    """Oldest first."""
    widened: tuple[str, ...] = ()
    """Further policies that somebody gave it, by name."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it was minted; its secret is never shown again."""

    id: str
    secret: str
    issued_at: datetime
    """The store's own clock; UTC."""
    expires_at: datetime | None = None
    """Where the store itself ends it; None: it lives until it is revoked."""

    def __repr__(self) -> str:
        return f"NewKey({self.id})"


class Accounts(Protocol):
    """One API. Every method raises `StepError` with a text that a person can act on; what is gone is no error."""

    def look(self, account: Account, recorded: Collection[str]) -> Standing | None:
        """What there is of an account; None where nothing is.

        Args:
            account: whose.
            recorded: ids of the keys on record: any other one is ours only if a run of ours died after it minted it.
        """
        ...

    def ensure(self, account: Account, policy: Mapping[str, Any]) -> None:
        """Makes the account if it is not there, marked as the owner's in the same step; gives it exactly this policy.

        Raises:
            StepError: an account of this name is there and bears another mark, or none.
        """
        ...

    def mint(self, account: Account, policy: Mapping[str, Any], expires_at: datetime | None) -> NewKey:
        """Makes a key. Whatever happens in between, a later `look` tells it from one that was made by hand.

        Args:
            account: whose; it exists.
            policy: what it may do, for stores that keep the policy with the key.
            expires_at: when it shall end, for stores that can; they give it back in `NewKey.expires_at`.
        """
        ...

    def revoke(self, account: Account, key_id: str) -> None:
        """Ends one key. One that is gone is no error."""
        ...

    def mark(self, account: Account, recorded: Collection[str]) -> None:
        """Puts the owner's mark back on an account that bears none: it was let go, or somebody took the mark off.

        Args:
            account: whose; it exists.
            recorded: ids of the keys on record, for stores that mark keys as well.

        Raises:
            StepError: it bears another mark.
        """
        ...

    def settle(self, account: Account, recorded: Collection[str]) -> None:
        """Ends the note that a key is being minted, where the one that said so could not. It fails no step.

        Args:
            account: whose.
            recorded: ids of the keys on record. All others that are ours were revoked before.
        """
        ...

    def unmark(self, account: Account) -> None:
        """Takes the owner's mark off: the account is let go as it is."""
        ...

    def remove(self, account: Account) -> None:
        """Ends every key, and removes the account (with `keys_only`: the keys on it that are ours)."""
        ...
