"""A plan as a JSON document for programs, with stable names. docs/plan.schema.json describes it."""

import hashlib
import json
from typing import Any

from ambient_components.plan.facts import Plan
from ambient_components.plan.schema import PLAN
from ambient_components.printable import json_text


def document(plan: Plan) -> dict[str, Any]:
    """Return the plan with its totals. Unknown and inapplicable values are left out."""
    found: dict[str, Any] = PLAN.convert(plan)
    return found


def document_text(plan: Plan) -> str:
    """Return the document as text with a final newline."""
    return json_text(document(plan)) + "\n"


def digest(facts: dict[str, Any]) -> str:
    """Return the document's digest. Equal digests mean equal content."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
