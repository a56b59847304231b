"""Rules for `pulumi preview --policy-pack`: the guardrails that need only the new state, and best practices as advice.

The rules are pure functions over the engine's data. `pack` turns them into policies; only that module needs the package
`pulumi-policy` (the extra `policy`).
"""

from ambient_components.policies.advice import ADVICE, Advised, Resource, unguarded
from ambient_components.policies.guardrails import STATE_GUARDRAILS, PolicyConfig, violations

__all__ = ["ADVICE", "STATE_GUARDRAILS", "Advised", "PolicyConfig", "Resource", "unguarded", "violations"]
