"""What is recorded of a key's tokens: their handles, never the tokens."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

SCHEMA_VERSION: Final = 1
"""Of the recorded shape. A reader that meets a higher one refuses instead of guessing."""

_FIRST_YEAR: Final = 1970
_END_OF_YEARS: Final = 9000
_LONGEST: Final = 64
"""Characters of a time; RFC 3339 needs 35 at most."""
_SHOWN: Final = 80


def format_time(moment: datetime) -> str:
    """RFC 3339 in UTC, whole seconds: as Kubernetes writes it.

    Raises:
        ValueError: the moment has no time zone; a guess would be this machine's.
    """
    if moment.tzinfo is None:
        msg = f"{moment.isoformat()} has no time zone"
        raise ValueError(msg)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: object) -> datetime:
    """Return the moment that `format_time` or Kubernetes wrote.

    Raises:
        ValueError: The value is not an RFC 3339 time with a zone, from the years 1970 to 8999. Other years have no
            use, and overflow as soon as a lifetime or a time zone is added.
    """
    shown = repr(text)[:_SHOWN]
    try:
        if not isinstance(text, str) or len(text) > _LONGEST:
            msg = f"{shown} is not a time"
            raise ValueError(msg)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            msg = f"{shown} has no time zone"
            raise ValueError(msg)
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC)
    if not _FIRST_YEAR <= moment.year < _END_OF_YEARS:
        msg = f"{shown} is out of range; allowed: years {_FIRST_YEAR} to {_END_OF_YEARS - 1}"
        raise ValueError(msg)
    return moment


def time_of(text: object) -> datetime | None:
    """Return the moment that a value of unknown origin says, such as an annotation; None where it says none."""
    try:
        return parse_time(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Handle:
    """One token, by the Secret it is bound to: deleting that Secret revokes this token and no other."""

    name: str
    uid: str
    generation: int
    issued_at: datetime
    expires_at: datetime | None = None
    """As the cluster granted it. None: a handle found in the cluster, whose token's expiry nobody recorded."""
    dead: str | None = None
    """Why the token no longer works, once a refresh has found out; None while it works."""
    lapsed: bool = False
    """Whether that is because its life is over."""

    def killed(self, why: str, *, lapsed: bool = False) -> "Handle":
        """This handle, known to be dead."""
        return replace(self, dead=why, lapsed=lapsed)

    def lapse(self, now: datetime) -> str | None:
        """Why it is dead, where its life is over; None: it is not, or its end is not known."""
        if self.expires_at is None or now < self.expires_at:
            return None
        return f"it expired on {format_time(self.expires_at)}"

    def to_wire(self) -> dict[str, Any]:
        """The form in Pulumi's state (handle, uid, generation, issuedAt, expiresAt, dead, lapsed)."""
        return {
            "handle": self.name,
            "uid": self.uid,
            "generation": self.generation,
            "issuedAt": format_time(self.issued_at),
            "expiresAt": format_time(self.expires_at) if self.expires_at else None,
            "dead": self.dead,
            **({"lapsed": True} if self.lapsed else {}),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> "Handle":
        """Reads what `to_wire` wrote."""
        expires = wire.get("expiresAt")
        return cls(
            name=wire["handle"],
            uid=wire["uid"],
            generation=int(wire["generation"]),
            issued_at=parse_time(wire["issuedAt"]),
            expires_at=parse_time(expires) if expires else None,
            dead=wire.get("dead") or None,
            lapsed=bool(wire.get("lapsed")),
        )


class TokenStatus(StrEnum):
    """What has become of a token that was minted."""

    CURRENT = "current"
    """It was delivered last, and works."""

    EXPIRED = "expired"
    """Its life is over."""

    DEAD = "dead"
    """It no longer works, as a refresh found out."""

    REVOKED = "revoked"
    """Its revocation was begun and could not be ended: it may still work, and every run tries again. One that could is
    on no record any more."""


@dataclass(frozen=True, slots=True)
class TokenState:
    """What is held of one identity's tokens."""

    current: Handle | None = None
    """The token that was delivered last."""
    retiring: tuple[Handle, ...] = ()
    """Those before it, still valid until the overlap ends; oldest first."""
    pending: tuple[Handle, ...] = ()
    """Those whose revocation failed: every run tries again."""

    @property
    def handles(self) -> tuple[Handle, ...]:
        """Every handle on record."""
        return (*((self.current,) if self.current else ()), *self.retiring, *self.pending)

    def retires_at(self, overlap: timedelta) -> datetime | None:
        """When the retiring tokens end: the overlap counts from the issue of the one that took their place."""
        return self.current.issued_at + overlap if self.current and self.retiring else None

    def undelivered(self, found: Collection[Handle]) -> tuple[Handle, ...]:
        """Those of the identity's handles in the cluster that no record has: a run died before it could write one."""
        recorded = {handle.uid for handle in self.handles}
        return tuple(handle for handle in found if handle.uid not in recorded)

    @classmethod
    def from_wire(cls, state: Mapping[str, Any]) -> "TokenState":
        """Reads an AccessToken's recorded outputs.

        Raises:
            ValueError: written by a later version of the provider.
        """
        version = int(state.get("schemaVersion") or SCHEMA_VERSION)
        if version > SCHEMA_VERSION:
            msg = (
                f"the state was written by a later version of ambient-components (schema {version}, this one reads "
                f"{SCHEMA_VERSION}); run the version that wrote it, or a later one"
            )
            raise ValueError(msg)
        current = state.get("current")
        return cls(
            current=Handle.from_wire(current) if current else None,
            retiring=tuple(Handle.from_wire(item) for item in state.get("retiring") or ()),
            pending=tuple(Handle.from_wire(item) for item in state.get("pendingRevocations") or ()),
        )
