"""A plan as a document for programs: stable names, as docs/plan.schema.json describes them."""

import hashlib
import json
from typing import Any

from ambient_components.plan.facts import Plan
from ambient_components.plan.schema import PLAN
from ambient_components.printable import json_text


def document(plan: Plan) -> dict[str, Any]:
    """The plan, with its totals. What is not known, or does not apply, is left out."""
    found: dict[str, Any] = PLAN.convert(plan)
    return found


def document_text(plan: Plan) -> str:
    """The document as text, with a line's end."""
    return json_text(document(plan)) + "\n"


def digest(facts: dict[str, Any]) -> str:
    """The digest of a document: two that are equal say the same."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
