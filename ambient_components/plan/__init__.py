"""What a run would do, as facts that people judge: pure, from ledgers, a state and the engine's preview.

One form behind every page of `ambient plan`: text, Markdown for a change request, and JSON.
"""

from ambient_components.plan.facts import Plan
from ambient_components.plan.ledgers import from_ledgers
from ambient_components.plan.preview import Digest, from_preview

__all__ = ["Digest", "Plan", "from_ledgers", "from_preview"]
