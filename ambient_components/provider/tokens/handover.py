"""Delivery of a token to the Secret that its user reads, and its failures."""

from collections.abc import Iterable
from typing import Final

from ambient_components.errors import StepError
from ambient_components.provider.protocol.resource import Context, Values
from ambient_components.provider.tokens import delivery
from ambient_components.provider.tokens.claims import is_of
from ambient_components.provider.tokens.delivery import Delivered, Target
from ambient_components.provider.tokens.properties import retained
from ambient_components.provider.tokens.token_secrets import Identity, Minted, revoke
from ambient_components.rotation import TokenSecret, TokenState

_NOT_DELIVERED: Final = "the run that minted it could not deliver it"


def lost(context: Context, inputs: Values, state: TokenState) -> str | None:
    """Return why the delivery Secret does not contain the token; None if it does."""
    target = Target.of(inputs)
    if target is None or inputs.get("former") or state.current is None:
        return None
    try:
        there = delivery.look(context, Identity.of(inputs), target)
    except StepError as error:
        if retained(inputs):
            return str(error)
        # Unreadable does not mean lost: without a copy in the state, another token would be minted.
        context.warn(f"could not see whether {target} holds the key: {error}")
        return None
    if not there.exists:
        return f"{target} is gone"
    return None if is_of(there.token, state.current) else f"{target} holds another token"


def moved_from(context: Context, identity: Identity, state: Values, target: Target | None) -> Delivered:
    """Return the content of the previous delivery Secret, if the target has changed."""
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
    """Write the token, and return the error if the token is stored and the next run can retry."""
    identity = Identity.of(news)
    try:
        delivery.write(context, identity, target, token, previous)
    except StepError as error:
        if _arrived(context, identity, target, token):
            return None
        if not retained(news):
            if minted:
                revoke(context, identity, [(minted.token_secret, _NOT_DELIVERED)])
            raise
        context.warn(f"{error}; the token is kept, and the next pulumi up tries again")
        return str(error)
    return None


def _arrived(context: Context, identity: Identity, target: Target, token: str) -> bool:
    """Return whether the Secret contains the token despite an error: only the response was lost."""
    try:
        return delivery.look(context, identity, target).token == token
    except StepError:
        return False


def token_before(there: Delivered, current: str, retiring: Iterable[TokenSecret]) -> str | None:
    """Return the previous token in the Secret, preferably one that is still valid."""
    before = [text for text in (there.token, there.previous) if text and text != current]
    living = [text for text in before if any(is_of(text, token_secret) for token_secret in retiring)]
    return next(iter((*living, *before)), None)


def delivered_in(token_secrets: Iterable[TokenSecret], *secrets: Delivered) -> tuple[TokenSecret, ...]:
    """Return the records of the tokens that a Secret contains."""
    return tuple(one for one in token_secrets if any(is_of(secret.token, one) for secret in secrets))
