"""An AccessToken's outputs: how a token state is recorded, and what a preview can say of one to come."""

from typing import Any, Final

from ambient_components.failure import StepError
from ambient_components.keys import SCHEMA_VERSION, Handle, TokenState
from ambient_components.keys.rotation import next_action
from ambient_components.keys.state import format_time
from ambient_components.provider.resource import Values
from ambient_components.provider.token_inputs import policy, retained
from ambient_components.provider.wire import UNKNOWN, Secret
from ambient_components.rules.lifetimes import Policy

COMPUTED: Final = ("token", "current", "grantedSeconds", "retiring", "nextAction", "reason")
"""What minting changes."""

_OUTPUTS: Final = (*COMPUTED, "pendingRevocations", "undelivered", "schemaVersion")


def token_state(state: Values) -> TokenState:
    """What is on record.

    Raises:
        StepError: written by a later version.
    """
    try:
        return TokenState.from_wire(state)
    except ValueError as error:
        raise StepError(str(error)) from None


def record(state: TokenState, inputs: Values, before: Values) -> dict[str, Any]:
    """The outputs for a token state; what only minting changes is carried over from before.

    Args:
        state: the state.
        inputs: judge what comes next, and whether the token is kept.
        before: the outputs until now.
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
    """What is held, and what comes next: the outputs that all that rotates has."""
    action = next_action(state, asked, former=former)
    return {
        "current": state.current.to_wire() if state.current else None,
        "retiring": _wire(state.retiring),
        "pendingRevocations": _wire(state.pending),
        "nextAction": {"what": action[0], "at": format_time(action[1])} if action else None,
        "schemaVersion": SCHEMA_VERSION,
    }


def kept(state: Values) -> dict[str, Any]:
    """The recorded outputs, with the mark of the secret one."""
    token = state.get("token")
    return {**{name: state.get(name) for name in _OUTPUTS}, "token": None if token is None else Secret(token)}


def unknown(reason: str | None, inputs: Values, state: Values | None = None) -> dict[str, Any]:
    """What a preview can say of a token that an update would mint: why, and nothing else."""
    return {
        **dict.fromkeys(COMPUTED, UNKNOWN),
        "token": Secret(UNKNOWN) if retained(inputs) else None,
        "pendingRevocations": (state or {}).get("pendingRevocations") or [],
        "reason": reason,
        "undelivered": None,
        "schemaVersion": SCHEMA_VERSION,
    }


def _wire(handles: tuple[Handle, ...]) -> list[dict[str, Any]]:
    return [handle.to_wire() for handle in handles]
