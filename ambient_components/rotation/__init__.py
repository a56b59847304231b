"""Token rotation as a pure state machine: recorded tokens, policy and time in; tokens to mint, retire and revoke out.

The provider executes the steps and records the results.
"""

from ambient_components.rotation.machine import Plan, plan
from ambient_components.rotation.state import SCHEMA_VERSION, TokenSecret, TokenState, TokenStatus

__all__ = [
    "SCHEMA_VERSION",
    "Plan",
    "TokenSecret",
    "TokenState",
    "TokenStatus",
    "plan",
]
