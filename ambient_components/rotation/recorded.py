"""What is on record of tokens and access keys, out of the outputs of their resource: for those who only report it.

Nothing in it is trusted to be complete: a state may be of an older version. The plugin reads its own by `TokenState`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ambient_components.rotation.state import time_of


@dataclass(frozen=True, slots=True)
class Minted:
    """One token or access key."""

    id: str
    """The name of a token Secret, or the store's id of an access key."""
    uid: str = ""
    """Of a token Secret."""
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    dead: str | None = None
    """Why it no longer works, once a refresh found out."""

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "Minted":
        """Read one."""
        return cls(
            str(item.get("handle") or ""),
            str(item.get("uid") or ""),
            time_of(item.get("issuedAt")),
            time_of(item.get("expiresAt")),
            item.get("dead") or None,
        )


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """All that one AccessToken or S3Credentials has on record."""

    current: Minted | None = None
    retiring: tuple[Minted, ...] = ()
    """Older ones that still work."""
    pending: tuple[Minted, ...] = ()
    """Those that could not be revoked: they still work, and every run tries again."""
    next_action: str | None = None
    """`rotate` or `revoke`."""
    next_at: datetime | None = None
    endless: bool = False
    """Whether no end was asked for."""
    manual: bool = False
    """Whether no run renews it."""

    @classmethod
    def of(cls, outputs: Mapping[str, Any]) -> "TokenRecord":
        """Read the outputs of a resource, which have its inputs in them."""
        following = _mapping(outputs.get("nextAction"))
        endless = bool(outputs.get("never") or outputs.get("static"))
        current = _mapping(outputs.get("current"))
        return cls(
            Minted.of(current) if current else None,
            _minted(outputs.get("retiring")),
            _minted(outputs.get("pendingRevocations")),
            following.get("what"),
            time_of(following.get("at")),
            endless,
            bool(outputs.get("manual", endless)),
        )

    def __iter__(self) -> Iterator[Minted]:
        """Yield each that still works and is known by name."""
        recorded = (*((self.current,) if self.current else ()), *self.retiring, *self.pending)
        return (one for one in recorded if one.id)


def _minted(items: Any) -> tuple[Minted, ...]:
    return tuple(Minted.of(item) for item in items or () if _mapping(item))


def _mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping unchanged; what the engine has hidden is a text, and says nothing."""
    return value if isinstance(value, Mapping) else {}
