"""The state machine: what a run has to do about one identity's tokens, and why."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ambient_components.keys.state import Handle, TokenState, format_time
from ambient_components.rules.lifetimes import Policy, default_rotate_before

_LIVE_AT_MOST = 2
"""Tokens of one identity that may be valid at once (docs/adr/0005): the current one and one that retires."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of one run, in the order in which they are done. A plan without steps is falsy: nothing is due."""

    revoke_first: tuple[tuple[Handle, str], ...] = ()
    """Handles to delete before minting, so that no more than two tokens live at once; never the current one."""
    mint: str | None = None
    """Why a token is minted; None: none is."""
    revoke: tuple[tuple[Handle, str], ...] = ()
    """Handles to delete after minting, each with the reason: a mint that fails must not take the token before it."""
    retire: tuple[Handle, ...] = ()
    """Handles that live on through the overlap, oldest first."""
    current: Handle | None = None
    """What is on record as the current one where none is minted."""
    warnings: tuple[str, ...] = field(default=())
    """What the user should hear of it, whether or not anything is done."""

    def __bool__(self) -> bool:
        return bool(self.mint or self.revoke or self.revoke_first)


def mint_reason(state: TokenState, policy: Policy, now: datetime, what: str = "token") -> str | None:
    """Why this identity needs a new token now; None: it does not.

    Args:
        state: what is on record.
        policy: what the stack file asks.
        now: the one clock reading of this process.
        what: what is minted, in words.
    """
    current = state.current
    if current is None:
        return f"no {what} yet"
    if policy.manual:
        return None
    if current.dead:
        return f"the {what} no longer works: {current.dead}"
    if current.expires_at is None:
        return None
    if now >= current.expires_at:
        return f"the {what} expired on {format_time(current.expires_at)}"
    if now >= current.expires_at - _notice(current, policy):
        return f"the {what} expires on {format_time(current.expires_at)}"
    return None


def _notice(handle: Handle, policy: Policy) -> timedelta:
    """How long before its expiry a token is renewed.

    Where the cluster granted less than was asked, a notice that was meant for the longer life can be longer than the
    whole of the shorter one, and every run would mint: then it is the default for the life that was granted.
    """
    if handle.expires_at is None:
        return timedelta(seconds=policy.rotate_before)
    granted = int((handle.expires_at - handle.issued_at).total_seconds())
    before = policy.rotate_before if policy.rotate_before < granted else default_rotate_before(granted)
    return timedelta(seconds=before)


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
    """What is due for one identity.

    Args:
        state: what is on record.
        policy: what the stack file asks.
        now: the one clock reading of this process.
        force: why every token on record is dead, whatever it says (the ServiceAccount was replaced).
        again: why a token is needed beside one that works (nobody has that one).
        former: another generation has taken this identity's place, and it lives on beside that one for a while. It
            never mints.
        what: what is minted, in words.
    """
    # By the record as it was: a window that was missed is told, whatever else has happened to the token.
    missed = _missed(state.current, policy, now)
    if force:
        dead = tuple(handle.killed(force) for handle in (*state.pending, *state.retiring))
        state = TokenState(state.current.killed(force) if state.current else None, pending=dead)
    reason = None if former else mint_reason(state, policy, now, what) or again
    if force and reason:
        reason = force
    failed = [(handle, handle.dead or "its revocation failed before") for handle in state.pending]
    # Where one is minted they go first: they still live, and two at once are the most.
    first: list[tuple[Handle, str]] = failed if reason else []
    revoke: list[tuple[Handle, str]] = [] if reason else failed
    ends = state.retires_at(policy.overlap_delta)
    # Those whose overlap is over as well, unless one of them may be all that works until the mint.
    over = first if reason and state.current and _works(state.current, now) else revoke
    staying = []
    for handle in state.retiring:
        if handle.dead:
            continue
        if ends is not None and now >= ends:
            over.append((handle, f"its overlap ended on {format_time(ends)}"))
        elif reason and policy.overlap == 0:
            revoke.append((handle, "the overlap is 0"))
        else:
            staying.append(handle)
    current = state.current
    if not reason:
        if force and current:
            # Its handle is still there, and speaks for nobody any more.
            revoke.append((current, force))
        return Plan(revoke=tuple(revoke), retire=tuple(staying), current=current)
    if current and (why := _why_it_ends(current, policy, now)):
        revoke.append((current, why))
    elif current:
        staying.append(current)
    # Not where nothing is on record: which of the tokens found is in use is not known then, and a lost state file must
    # lock nobody out. They all end with the overlap.
    while current and len(staying) >= _LIVE_AT_MOST:
        first.append((staying.pop(0), f"{_LIVE_AT_MOST} {what}s are the most that live at once"))
    return Plan(tuple(first), reason, tuple(revoke), tuple(staying), warnings=missed)


def _works(handle: Handle, now: datetime) -> bool:
    return not handle.dead and not handle.lapse(now)


def _why_it_ends(current: Handle, policy: Policy, now: datetime) -> str | None:
    """Why the token that is replaced has no overlap; None: it has."""
    if current.dead:
        # Its handle may still be there (the ServiceAccount was replaced): nothing minted is left behind.
        return current.dead
    if current.expires_at and now >= current.expires_at:
        return "it expired"
    return "it is replaced, and the overlap is 0" if policy.overlap == 0 else None


def _missed(current: Handle | None, policy: Policy, now: datetime) -> tuple[str, ...]:
    """The warning that no run came in time, where none did."""
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
    """What the next run that matters will do, and from when: ("revoke" or "rotate", moment).

    Where nothing is done for a token that ends: ("expire", moment).
    """
    # What failed is due at once; of the moments that are past, one that no run moves.
    due: list[tuple[datetime, str]] = [(handle.issued_at, "revoke") for handle in state.pending]
    ends = state.retires_at(policy.overlap_delta)
    if ends is not None:
        due.append((ends, "revoke"))
    current = state.current
    if policy.manual or former:
        if current and current.expires_at and not current.dead and not policy.never:
            due.append((current.expires_at, "expire"))
    elif current and current.dead:
        # Due at once; a moment that no run moves.
        due.append((current.issued_at, "rotate"))
    elif current and current.expires_at and not policy.never:
        due.append((current.expires_at - _notice(current, policy), "rotate"))
    if not due:
        return None
    moment, what = min(due)
    return what, moment
