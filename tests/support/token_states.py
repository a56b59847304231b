"""States of a key's tokens, and plans by the names of its token Secrets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ambient_components.rotation import Plan, TokenSecret, TokenState
from ambient_components.rules.lifetimes import Policy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = 86_400
POLICY = Policy(lifetime=90 * DAY, rotate_before=14 * DAY, overlap=7 * DAY)


def days(count):
    return timedelta(days=count)


def token_secret(name, issued=-10.0, expires: float | None = 80.0, dead=None):
    """A token Secret by the days between now and its issue and expiry."""
    return TokenSecret(
        name, f"uid-{name}", 1, NOW + days(issued), None if expires is None else NOW + days(expires), dead
    )


NONE = TokenState()
LIVE = TokenState(token_secret("now"))
DUE = TokenState(token_secret("now", -80, 10))
EXPIRED = TokenState(token_secret("now", -91, -1))
DEAD = TokenState(token_secret("now", dead="it was revoked"))
OVERLAP = TokenState(token_secret("now", -6), (token_secret("old", -90, 4),))
OVERLAP_OVER = TokenState(token_secret("now", -7), (token_secret("old", -90, 4),))
PENDING = TokenState(token_secret("now"), pending=(token_secret("stuck", -99, 1),))
DUE_IN_OVERLAP = TokenState(token_secret("now", -6, 13), (token_secret("old", -90, 4),))
MANUAL = replace(POLICY, manual=True)
FOUND = TokenState(retiring=tuple(token_secret(name, -9 + index, None) for index, name in enumerate("abc")))


def outcome_of(state, outcome: Plan, policy, now, granted: timedelta | None = None):
    """What is on record once every step of a plan has succeeded."""
    current = outcome.current
    if outcome.mint:
        expires = now + (granted or timedelta(seconds=policy.lifetime))
        current = TokenSecret("minted", "uid-minted", 1, now, expires)
    return TokenState(current, outcome.retire)


def live(state, now):
    """How many tokens of a state still work."""
    return sum(not each.dead and (each.expires_at is None or each.expires_at > now) for each in state.token_secrets)
