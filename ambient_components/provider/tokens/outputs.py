"""Outputs of an AccessToken: the recorded tokens, and the known outputs in a preview."""

from typing import Any, Final

from ambient_components.failure import StepError
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.protocol.wire import UNKNOWN, Secret
from ambient_components.provider.tokens.inputs import policy, retained
from ambient_components.rotation import SCHEMA_VERSION, TokenSecret, TokenState
from ambient_components.rotation.machine import next_action
from ambient_components.rotation.state import format_time
from ambient_components.rules.lifetimes import Policy

COMPUTED: Final = ("token", "current", "grantedSeconds", "retiring", "nextAction", "reason")
"""Outputs that change when a token is minted."""

_OUTPUTS: Final = (*COMPUTED, "pendingRevocations", "undelivered", "schemaVersion")


def token_state(state: Values) -> TokenState:
    """Return the recorded tokens.

    Raises:
        StepError: A later version wrote the state.
    """
    try:
        return TokenState.from_wire(state)
    except ValueError as error:
        raise StepError(str(error)) from None


def record(state: TokenState, inputs: Values, before: Values) -> dict[str, Any]:
    """Return the outputs for recorded tokens; values that only minting changes are copied.

    Args:
        state: The recorded tokens.
        inputs: The inputs, which determine the next action and whether the token is stored.
        before: The previous outputs.
    """
    token = before.get("token") if retained(inputs) else None
    return {
        "token": Secret(token) if token is not None else None,
        **rotation(state, policy(inputs), former=bool(inputs.get("former"))),
        "grantedSeconds": before.get("grantedSeconds"),
        "reason": before.get("reason"),
        "undelivered": None,
    }


def rotation(state: TokenState, asked: Policy, *, former: bool = False) -> dict[str, Any]:
    """Return the outputs that are common to everything that rotates: records and the next action."""
    action = next_action(state, asked, former=former)
    return {
        "current": state.current.to_wire() if state.current else None,
        "retiring": _wire(state.retiring),
        "pendingRevocations": _wire(state.pending),
        "nextAction": {"what": action[0], "at": format_time(action[1])} if action else None,
        "schemaVersion": SCHEMA_VERSION,
    }


def kept(state: Values) -> dict[str, Any]:
    """Return the recorded outputs, with the secret one marked as secret."""
    token = state.get("token")
    return {**{name: state.get(name) for name in _OUTPUTS}, "token": None if token is None else Secret(token)}


def unknown(reason: str | None, inputs: Values, state: Values | None = None) -> dict[str, Any]:
    """Return the outputs of a preview that would mint a token: only the reason is known."""
    return {
        **dict.fromkeys(COMPUTED, UNKNOWN),
        "token": Secret(UNKNOWN) if retained(inputs) else None,
        "pendingRevocations": (state or {}).get("pendingRevocations") or [],
        "reason": reason,
        "undelivered": None,
        "schemaVersion": SCHEMA_VERSION,
    }


def _wire(token_secrets: tuple[TokenSecret, ...]) -> list[dict[str, Any]]:
    return [token_secret.to_wire() for token_secret in token_secrets]
