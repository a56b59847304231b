"""Outputs of an S3Credentials: the recorded access keys, and the known outputs in a preview."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ambient_components.provider.buckets.credential_inputs import policy
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.protocol.wire import UNKNOWN, Secret
from ambient_components.provider.tokens.outputs import rotation
from ambient_components.rotation import SCHEMA_VERSION, TokenState

COMPUTED: Final = ("accessKey", "secretKey", "current", "retiring", "nextAction", "reason")
"""Outputs that change when a key is minted."""

_OUTPUTS: Final = (*COMPUTED, "pendingRevocations", "foreign", "drift", "schemaVersion")


def record(
    state: TokenState, inputs: Values, before: Values, foreign: Sequence[str], drift: Mapping[str, str]
) -> dict[str, Any]:
    """Return the outputs for recorded keys; values that only minting changes are copied.

    Args:
        state: The recorded keys.
        inputs: The inputs, which determine the next action.
        before: The previous outputs.
        foreign: Ids of keys that were created by hand.
        drift: Differences from the declaration.
    """
    secret = before.get("secretKey")
    return {
        "accessKey": before.get("accessKey"),
        "secretKey": Secret(secret) if secret is not None else None,
        **rotation(state, policy(inputs)),
        "reason": before.get("reason"),
        "foreign": sorted(foreign),
        "drift": dict(drift),
    }


def kept(state: Values) -> dict[str, Any]:
    """Return the recorded outputs, with the secret one marked as secret."""
    outputs = {name: state.get(name) for name in _OUTPUTS}
    if outputs["secretKey"] is not None:
        outputs["secretKey"] = Secret(outputs["secretKey"])
    return outputs


def unknown(reason: str | None, state: Values | None = None) -> dict[str, Any]:
    """Return the outputs of a preview that would mint a key: only the reason is known."""
    before = state or {}
    return {
        **dict.fromkeys(COMPUTED, UNKNOWN),
        "secretKey": Secret(UNKNOWN),
        "pendingRevocations": before.get("pendingRevocations") or [],
        "reason": reason,
        "foreign": before.get("foreign") or [],
        "drift": {},
        "schemaVersion": SCHEMA_VERSION,
    }
