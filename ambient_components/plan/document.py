"""A plan as a document for programs: stable names, as docs/plan.schema.json describes them."""

import hashlib
import json
from typing import Any, Final

from ambient_components.access.holdings import Holding
from ambient_components.keys.state import format_time
from ambient_components.plan.facts import KeyChange, Plan, Shards
from ambient_components.printable import json_text

VERSION: Final = 1
"""Of the document; a field that goes or means something else makes another one."""


def document(plan: Plan) -> dict[str, Any]:
    """The plan, with its totals. What is not known, or does not apply, is left out."""
    return {
        "version": VERSION,
        "stack": plan.stack,
        "at": format_time(plan.at),
        "online": plan.online,
        "changes": plan.changes,
        "refused": plan.refused,
        **_shards(plan.shards),
        "totals": _totals(plan),
        "rails": [_given(rail=one.rail, workspace=one.workspace, text=one.text) for one in plan.rails],
        "railChanges": [
            _given(workspace=one.workspace, rail=one.rail, what=one.what, how=one.how) for one in plan.rail_changes
        ],
        "unjudged": list(plan.unjudged),
        "access": {
            "gained": [_holding(one) for one in plan.access.gained],
            "lost": [_holding(one) for one in plan.access.lost],
        },
        "dates": [
            {
                "workspace": one.workspace, "subject": one.subject, "role": one.role,
                "what": one.what, "at": one.at, "date": one.date,
            }
            for one in plan.dates
        ],
        "workspaces": [{"workspace": one.workspace, "what": one.what} for one in plan.workspaces],
        "keys": [_key(one) for one in plan.keys],
        "buckets": [
            _given(workspace=one.workspace, bucket=one.bucket, what=one.what, why=one.why) for one in plan.buckets
        ],
        "exposed": [
            {"workspace": one.workspace, "who": list(one.who), "keys": list(one.keys)} for one in plan.exposed
        ],
        "sources": [
            _given(
                workspace=one.workspace, kind=one.kind, variable=one.variable, before=one.before, after=one.after
            )
            for one in plan.sources
        ],
        "other": list(plan.other),
        "pending": [_given(workspace=one.workspace, text=one.text) for one in plan.pending],
        "warnings": list(plan.warnings),
        "errors": list(plan.errors),
        "unknown": list(plan.unknown),
        "steps": [
            {"op": one.op, "type": one.kind, "name": one.name, "paths": list(one.paths)} for one in plan.steps
        ],
        "beside": [{"op": one.op, "type": one.kind, "name": one.name} for one in plan.beside],
    }  # fmt: skip


def document_text(plan: Plan) -> str:
    """The document as text, with a line's end."""
    return json_text(document(plan)) + "\n"


def digest(facts: dict[str, Any]) -> str:
    """The digest of a document: two that are equal say the same."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _totals(plan: Plan) -> dict[str, Any]:
    return {
        "gained": len(plan.access.gained),
        "lost": len(plan.access.lost),
        "adminGained": sum(one.role == "admin" for one in plan.access.gained),
        "workspaces": _counts([one.what for one in plan.workspaces]),
        "keys": _counts([one.what for one in plan.keys]),
        "buckets": _counts([one.what for one in plan.buckets]),
        "sources": len(plan.sources),
        "railChanges": len(plan.rail_changes),
        "beside": len(plan.beside),
        "steps": plan.step_counts,
    }


def _shards(shards: Shards | None) -> dict[str, Any]:
    if shards is None:
        return {}
    names = {"asked": shards.asked, "skipped": shards.skipped, "failed": shards.failed}
    return {"shards": {"count": shards.count, **{name: list(stacks) for name, stacks in names.items()}}}


def _counts(words: list[str]) -> dict[str, int]:
    return {word: words.count(word) for word in sorted(set(words))}


def _holding(one: Holding) -> dict[str, str]:
    return {"workspace": one.workspace, "subject": one.subject, "role": one.role, "reason": one.reason}


def _key(one: KeyChange) -> dict[str, Any]:
    return {
        **_given(workspace=one.workspace, key=one.key, what=one.what, role=one.role, why=one.why, expires=one.at),
        "generation": one.generation,
    }


def _given(**fields: str) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
