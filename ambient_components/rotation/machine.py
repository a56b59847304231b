"""The state machine for the tokens of one identity."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ambient_components.rotation.state import TokenSecret, TokenState, format_time, time_of
from ambient_components.rules.lifetimes import Policy, default_rotate_before

_LIVE_AT_MOST = 2
"""Maximum number of valid tokens per identity (docs/internals/adr/0005): the current one and a retiring one."""

_QUIET = timedelta(hours=48)
"""How much older than the use of the next generation the last use of this one must be. A nightly job that still sends
the old token marks it every 24 h, so 48 h exceed that even with one night left out: a trial of the new token alone
ends nothing.
"""

_PENDING = "no state has it as valid, or its revocation failed before"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one run, in order. A plan without steps is falsy."""

    revoke_first: tuple[tuple[TokenSecret, str], ...] = ()
    """Token Secrets to delete before minting, so that at most two tokens are valid; never the current one."""
    mint: str | None = None
    """Reason for a new token; None if none is minted."""
    revoke: tuple[tuple[TokenSecret, str], ...] = ()
    """Token Secrets to delete after minting, with reasons: a failed mint must not end the old token."""
    retire: tuple[TokenSecret, ...] = ()
    """Token Secrets that stay during the overlap, oldest first."""
    current: TokenSecret | None = None
    """The recorded current token, if none is minted."""
    warnings: tuple[str, ...] = field(default=())
    """Warnings for the user, independent of the steps."""

    def __bool__(self) -> bool:
        return bool(self.mint or self.revoke or self.revoke_first)


def mint_reason(state: TokenState, policy: Policy, now: datetime, what: str = "token") -> str | None:
    """Return why this identity needs a new token now; None if it does not.

    Args:
        state: The recorded tokens.
        policy: The policy of the stack file.
        now: The one clock reading of this process.
        what: Name of the minted object for messages.
    """
    current = state.current
    if current is None:
        return f"first {what}"
    if policy.manual:
        return None
    if current.dead:
        return f"the {what} no longer works: {current.dead}"
    if current.expires_at is None:
        return None
    if now >= current.expires_at:
        return f"the {what} expired on {format_time(current.expires_at)}"
    if now >= current.expires_at - _notice(current, policy) and now >= policy.rest.delayed(
        now, current.expires_at, policy.run_every
    ):
        return f"the {what} expires on {format_time(current.expires_at)}"
    return None


def _notice(token_secret: TokenSecret, policy: Policy) -> timedelta:
    """Return the renewal window of a token.

    If the cluster granted a shorter lifetime than requested, the configured window can exceed it, and every run would
    mint a token. Then the window is the default for the granted lifetime.
    """
    granted = token_secret.granted_seconds
    if granted is None or policy.rotate_before < granted:
        return timedelta(seconds=policy.rotate_before)
    return timedelta(seconds=default_rotate_before(granted))


def plan(
    state: TokenState,
    policy: Policy,
    now: datetime,
    *,
    force: str | None = None,
    again: str | None = None,
    former: bool = False,
    what: str = "token",
) -> Plan:
    """Return the steps that are due for one identity.

    Args:
        state: The recorded tokens.
        policy: The policy of the stack file.
        now: The one clock reading of this process.
        force: Why every recorded token is dead, whatever its record says (the ServiceAccount was replaced).
        again: Why a token is needed beside one that works (that one is lost).
        former: Whether another generation has replaced this identity, which stays valid for a while and never mints.
        what: Name of the minted object for messages.
    """
    # From the original record: a missed renewal window is always reported.
    missed = _missed(state.current, policy, now)
    if force:
        dead = tuple(token_secret.killed(force) for token_secret in (*state.pending, *state.retiring))
        state = TokenState(state.current.killed(force) if state.current else None, pending=dead)
    reason = None if former else mint_reason(state, policy, now, what) or again
    if force and reason:
        reason = force
    failed = [(token_secret, token_secret.dead or _PENDING) for token_secret in state.pending]
    # Before minting: these may still be valid, and at most two may be.
    first: list[tuple[TokenSecret, str]] = failed if reason else []
    revoke: list[tuple[TokenSecret, str]] = [] if reason else failed
    ends = state.retires_at(policy.overlap_delta)
    # Likewise for tokens with a finished overlap, unless one of them may be the only valid one until the mint.
    over = first if reason and state.current and _works(state.current, now) else revoke
    staying = []
    for token_secret in state.retiring:
        if token_secret.dead:
            continue
        if ends is not None and now >= ends:
            over.append((token_secret, f"its overlap ended on {format_time(ends)}"))
        elif reason and policy.overlap == 0:
            revoke.append((token_secret, "the overlap is 0"))
        else:
            staying.append(token_secret)
    current = state.current
    if not reason:
        if force and current:
            # Its token Secret still exists, but its ServiceAccount does not.
            revoke.append((current, force))
        return Plan(revoke=tuple(revoke), retire=tuple(staying), current=current)
    if current and (why := _why_it_ends(current, policy, now)):
        revoke.append((current, why))
    elif current:
        staying.append(current)
    # Only if there is a record. Without one it is unknown which of the existing tokens is in use, so a lost state must
    # not revoke any early: all of them end with the overlap.
    while current and len(staying) >= _LIVE_AT_MOST:
        first.append((staying.pop(0), f"{_LIVE_AT_MOST} {what}s are the most that live at once"))
    return Plan(tuple(first), reason, tuple(revoke), tuple(staying), warnings=missed)


def end(state: TokenState, why: str) -> Plan:
    """Return the end of every token; those that a refresh found dead are gone."""
    living = [
        token_secret for token_secret in (state.current, *state.retiring) if token_secret and not token_secret.dead
    ]
    current = state.current.killed(state.current.dead or why) if state.current else None
    pending = [(token_secret, token_secret.dead or _PENDING) for token_secret in state.pending]
    return Plan(revoke=(*((token_secret, why) for token_secret in living), *pending), current=current)


def confirmed_use(delivered: object, used: object, used_before: object, now: datetime) -> str | None:
    """Return when the platform saw the next generation in use, if that use ends this one; None if this one stays.

    It ends only if the platform marked this one too, at least `_QUIET` before. Without a mark its users may send
    requests to the Kubernetes API alone, which leave none.

    Only generations can be told apart: the platform marks the use of a ServiceAccount, and the tokens of one share it.
    Each argument is a time as text, None, or a text that no one vouches for: without a clear answer this one stays.

    Args:
        delivered: When the next generation's token was delivered.
        used: The platform's mark on the next generation.
        used_before: Its mark on this one. A use that is not long before shows a second user, or one who has not moved.
        now: The one clock reading of this process. A mark of the future is of a clock that is off.
    """
    start, use = time_of(delivered), time_of(used)
    if start is None or use is None or not start < use <= now:
        return None
    return format_time(use) if was_quiet(used, used_before) else None


def was_quiet(used: object, used_before: object) -> bool:
    """Return whether this generation was last used long enough before a use of the next one."""
    use, before = time_of(used), time_of(used_before)
    return use is not None and before is not None and use - before >= _QUIET


def _works(token_secret: TokenSecret, now: datetime) -> bool:
    return not token_secret.dead and not token_secret.lapse(now)


def _why_it_ends(current: TokenSecret, policy: Policy, now: datetime) -> str | None:
    """Return why the replaced token gets no overlap; None if it gets one."""
    if current.dead:
        # Its token Secret may still exist (the ServiceAccount was replaced) and must not be left behind.
        return current.dead
    if current.expires_at and now >= current.expires_at:
        return "it expired"
    return "it is replaced, and the overlap is 0" if policy.overlap == 0 else None


def _missed(current: TokenSecret | None, policy: Policy, now: datetime) -> tuple[str, ...]:
    """Return a warning if the current token expired before any run renewed it."""
    if current is None or current.expires_at is None or now < current.expires_at:
        return ()
    # Where a refresh came first, it is on record as dead for that very reason.
    if current.dead and not current.lapsed:
        return ()
    return (
        f"no run came in the {policy.rotate_before} s before the token expired on "
        f"{format_time(current.expires_at)}: it has been refused since",
    )


def next_action(state: TokenState, policy: Policy, *, former: bool = False) -> tuple[str, datetime] | None:
    """Return the next step that is due and its time: ("revoke" or "rotate", time).

    For a token that expires without renewal: ("expire", time).
    """
    # A failed revocation is due at once. The time is in the past and the same in every run.
    due: list[tuple[datetime, str]] = [(token_secret.issued_at, "revoke") for token_secret in state.pending]
    ends = state.retires_at(policy.overlap_delta)
    if ends is not None:
        due.append((ends, "revoke"))
    current = state.current
    if policy.manual or former:
        if current and current.expires_at and not current.dead and not policy.never:
            due.append((current.expires_at, "expire"))
    elif current and current.dead:
        # Due at once; the time is the same in every run.
        due.append((current.issued_at, "rotate"))
    elif current and current.expires_at and not policy.never:
        opens = current.expires_at - _notice(current, policy)
        due.append((policy.rest.delayed(opens, current.expires_at, policy.run_every), "rotate"))
    if not due:
        return None
    moment, what = min(due)
    return what, moment
