"""Rules for `pulumi preview --policy-pack`: the rails that need only the new state, and best practices as advice.

The rules are plain functions over what the engine hands out; `pack` makes policies of them, and it alone needs the
package `pulumi-policy`, the extra `policy`.
"""

from ambient_components.policies.advice import ADVICE, Advised, Resource, unguarded
from ambient_components.policies.rails import STATE_RAILS, Exceptions, violations

__all__ = ["ADVICE", "STATE_RAILS", "Advised", "Exceptions", "Resource", "unguarded", "violations"]
