"""A key's tokens as a pure state machine: what is held, what is asked, and now, in; what to mint, retire, revoke, out.

Nothing here talks to anybody. The provider carries the steps out and records what came of them.
"""

from ambient_components.keys.rotation import Plan, plan
from ambient_components.keys.state import SCHEMA_VERSION, Handle, TokenState, TokenStatus

__all__ = [
    "SCHEMA_VERSION",
    "Handle",
    "Plan",
    "TokenState",
    "TokenStatus",
    "plan",
]
