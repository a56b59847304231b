"""A token on its way into the Secret that its user reads, and what of that can go wrong."""

from collections.abc import Iterable
from typing import Final

from ambient_components.failure import StepError
from ambient_components.keys import Handle, TokenState
from ambient_components.provider import delivery
from ambient_components.provider.delivery import Delivered, Target
from ambient_components.provider.handles import Identity, Minted, revoke
from ambient_components.provider.resource import Context, Values
from ambient_components.provider.token_claims import is_of
from ambient_components.provider.token_inputs import retained

_NOT_DELIVERED: Final = "the run that minted it could not deliver it"


def lost(context: Context, inputs: Values, state: TokenState) -> str | None:
    """Why the Secret that the token was delivered to does not hold it; None where it does."""
    target = Target.of(inputs)
    if target is None or inputs.get("former") or state.current is None:
        return None
    try:
        there = delivery.look(context, Identity.of(inputs), target)
    except StepError as error:
        if retained(inputs):
            return str(error)
        # Not seen is not lost: of one that nobody keeps another would be minted.
        context.warn(f"could not see whether {target} holds the key: {error}")
        return None
    if not there.exists:
        return f"{target} is gone"
    return None if is_of(there.token, state.current) else f"{target} holds another token"


def moved_from(context: Context, identity: Identity, state: Values, target: Target | None) -> Delivered:
    """What lies in the Secret that was delivered to until now, where that is another one."""
    old = Target.of(state)
    if old is None or old == target:
        return Delivered()
    try:
        return delivery.look(context, identity, old)
    except StepError:
        return Delivered()


def hand_over(
    context: Context,
    news: Values,
    target: Target,
    minted: Minted | None,
    token: str,
    previous: str | None,
) -> str | None:
    """Writes the token; why that failed, where the token is kept and the next run can write it."""
    identity = Identity.of(news)
    try:
        delivery.write(context, identity, target, token, previous)
    except StepError as error:
        if _arrived(context, identity, target, token):
            return None
        if not retained(news):
            if minted:
                revoke(context, identity, [(minted.handle, _NOT_DELIVERED)])
            raise
        context.warn(f"{error}; the token is kept, and the next pulumi up tries again")
        return str(error)
    return None


def _arrived(context: Context, identity: Identity, target: Target, token: str) -> bool:
    """Whether the Secret holds the token although its writing failed: only the answer was lost."""
    try:
        return delivery.look(context, identity, target).token == token
    except StepError:
        return False


def token_before(there: Delivered, held: str, retiring: Iterable[Handle]) -> str | None:
    """The token before, of what the Secret holds until now: one that lives on, where that is known."""
    before = [text for text in (there.token, there.previous) if text and text != held]
    living = [text for text in before if any(is_of(text, handle) for handle in retiring)]
    return next(iter((*living, *before)), None)


def held_in(handles: Iterable[Handle], *secrets: Delivered) -> tuple[Handle, ...]:
    """Those whose token a Secret holds."""
    return tuple(one for one in handles if any(is_of(secret.token, one) for secret in secrets))
