"""The recorded tokens of a key: their token Secrets, never the tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

SCHEMA_VERSION: Final = 1
"""Version of the recorded format. A reader refuses a higher one."""

_LARGEST: Final = 1_000_000_000
"""A number beyond it is none that a run has written."""

NO_TIME: Final = datetime.fromtimestamp(0, UTC)
"""The time of issue where none can be read."""

_FIRST_YEAR: Final = 1970
_END_OF_YEARS: Final = 9000
_LONGEST: Final = 64
"""Maximum characters of a time; RFC 3339 needs at most 35."""
_SHOWN: Final = 80


def format_time(moment: datetime) -> str:
    """Format a time in RFC 3339, UTC and whole seconds, as Kubernetes does.

    Raises:
        ValueError: The time has no time zone.
    """
    if moment.tzinfo is None:
        msg = f"{moment.isoformat()} has no time zone"
        raise ValueError(msg)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: object) -> datetime:
    """Read a time that `format_time` or Kubernetes wrote.

    Raises:
        ValueError: The value is not an RFC 3339 time with a time zone in the years 1970 to 8999. Other years overflow
            as soon as a lifetime or a time zone is added.
    """
    try:
        if not isinstance(text, str) or len(text) > _LONGEST:
            msg = f"{_shown(text)} is not a time"
            raise ValueError(msg)
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            msg = f"{_shown(text)} has no time zone"
            raise ValueError(msg)
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = datetime.min.replace(tzinfo=UTC)
    if not _FIRST_YEAR <= moment.year < _END_OF_YEARS:
        msg = f"{_shown(text)} is out of range, which is the years {_FIRST_YEAR} to {_END_OF_YEARS - 1}"
        raise ValueError(msg)
    return moment


def _shown(text: object) -> str:
    return repr(text)[:_SHOWN]


def time_of(text: object) -> datetime | None:
    """Read a time from an untrusted value such as an annotation; None if it is not one."""
    try:
        return parse_time(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class TokenSecret:
    """One token, identified by its token Secret: deleting that Secret revokes only this token."""

    name: str
    uid: str
    generation: int
    issued_at: datetime
    expires_at: datetime | None = None
    """Expiry that the cluster granted; None for an unrecorded token Secret found in the cluster."""
    dead: str | None = None
    """Why the token is invalid, as found by a refresh; None while it is valid."""
    lapsed: bool = False
    """Whether that is because its life is over."""

    def killed(self, why: str, *, lapsed: bool = False) -> "TokenSecret":
        return replace(self, dead=why, lapsed=lapsed)

    def lapse(self, now: datetime) -> str | None:
        """Return that and when the token expired; None if it has not, or if its expiry is unknown."""
        if self.expires_at is None or now < self.expires_at:
            return None
        return f"it expired on {format_time(self.expires_at)}"

    @property
    def granted_seconds(self) -> int | None:
        """Lifetime that the cluster granted; None if the token does not expire."""
        return round((self.expires_at - self.issued_at).total_seconds()) if self.expires_at else None

    def to_wire(self) -> dict[str, Any]:
        """Return the form in Pulumi's state (handle, uid, generation, issuedAt, expiresAt, dead, lapsed)."""
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
    def from_wire(cls, wire: Mapping[str, Any]) -> "TokenSecret":
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

    @classmethod
    def observed(cls, wire: Mapping[str, Any]) -> "TokenSecret":
        """Read a record that a person may have written, as far as it can be read."""
        return cls(
            str(wire.get("handle") or ""),
            str(wire.get("uid") or ""),
            number(wire.get("generation"), 1),
            time_of(wire.get("issuedAt")) or NO_TIME,
            time_of(wire.get("expiresAt")),
            text_of(wire.get("dead")),
        )


class TokenStatus(StrEnum):
    CURRENT = "current"
    """The newest token, valid."""

    EXPIRED = "expired"
    """Its lifetime is over."""

    DEAD = "dead"
    """A refresh found that it is invalid."""

    REVOKED = "revoked"
    """Its revocation failed, so it may still be valid, and every run retries. A revoked token leaves the record."""


@dataclass(frozen=True, slots=True)
class TokenState:
    current: TokenSecret | None = None
    """The newest token."""
    retiring: tuple[TokenSecret, ...] = ()
    """Older tokens that stay valid until the overlap ends, oldest first."""
    pending: tuple[TokenSecret, ...] = ()
    """Tokens that could not be revoked, and found ones that no state recorded: every run retries."""

    @property
    def token_secrets(self) -> tuple[TokenSecret, ...]:
        return (*((self.current,) if self.current else ()), *self.retiring, *self.pending)

    def retires_at(self, overlap: timedelta) -> datetime | None:
        """Return the end of the overlap, counted from the issue of the current token; None if no token is retiring."""
        return self.current.issued_at + overlap if self.current and self.retiring else None

    @classmethod
    def from_wire(cls, state: Mapping[str, Any]) -> "TokenState":
        """Read the recorded outputs of an AccessToken.

        Raises:
            ValueError: A later version of the provider wrote the state.
        """
        version = int(state.get("schemaVersion") or SCHEMA_VERSION)
        if version > SCHEMA_VERSION:
            msg = (
                f"the state was written by a later version of ambient-components (schema {version}, this one reads "
                f"{SCHEMA_VERSION}): run the version that wrote it, or a later one"
            )
            raise ValueError(msg)
        current = state.get("current")
        return cls(
            current=TokenSecret.from_wire(current) if current else None,
            retiring=tuple(TokenSecret.from_wire(item) for item in state.get("retiring") or ()),
            pending=tuple(TokenSecret.from_wire(item) for item in state.get("pendingRevocations") or ()),
        )

    @classmethod
    def observed(cls, outputs: Mapping[str, Any]) -> "TokenState":
        """Read what an AccessToken or S3Credentials has on record, of any version, as far as it can be read."""
        current = mapping(outputs.get("current"))
        return cls(
            TokenSecret.observed(current) if current else None,
            _observed(outputs.get("retiring")),
            _observed(outputs.get("pendingRevocations")),
        )


def _observed(items: Any) -> tuple[TokenSecret, ...]:
    return tuple(TokenSecret.observed(item) for item in (items if isinstance(items, Iterable) else ()) if mapping(item))


def text_of(value: Any) -> str | None:
    return str(value) if value else None


def number(value: Any, otherwise: int) -> int:
    """Return a whole number from 1 on, or another value in its place: states can be forged."""
    return int(value) if isinstance(value, int | float) and 1 <= value <= _LARGEST else otherwise


def mapping(value: Any) -> Mapping[str, Any]:
    """Return a mapping unchanged, else an empty one: what the engine hides is a text, and states can be forged."""
    return value if isinstance(value, Mapping) else {}
