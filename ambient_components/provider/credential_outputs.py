"""An S3Credentials' outputs: how access keys are recorded, and what a preview can say of one to come."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ambient_components.keys import SCHEMA_VERSION, TokenState
from ambient_components.provider.credential_inputs import policy
from ambient_components.provider.resource import Values
from ambient_components.provider.token_outputs import rotation
from ambient_components.provider.wire import UNKNOWN, Secret

COMPUTED: Final = ("accessKey", "secretKey", "current", "retiring", "nextAction", "reason")
"""What minting changes."""

_OUTPUTS: Final = (*COMPUTED, "pendingRevocations", "foreign", "drift", "schemaVersion")


def record(
    state: TokenState, inputs: Values, before: Values, foreign: Sequence[str], drift: Mapping[str, str]
) -> dict[str, Any]:
    """The outputs for what is held; what only minting changes is carried over from before.

    Args:
        state: what is held.
        inputs: judge what comes next.
        before: the outputs until now.
        foreign: ids of keys that somebody made by hand.
        drift: what differs from what was declared.
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
    """The recorded outputs, with the mark of the secret one."""
    outputs = {name: state.get(name) for name in _OUTPUTS}
    if outputs["secretKey"] is not None:
        outputs["secretKey"] = Secret(outputs["secretKey"])
    return outputs


def unknown(reason: str | None, state: Values | None = None) -> dict[str, Any]:
    """What a preview can say of a key that an update would mint: why, and nothing else."""
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
