"""The reviewers that a change needs, as text and as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ambient_components.output import Paint, plain
from ambient_components.printable import json_text
from ambient_components.stackfile.ownership import Because, How, Need, Touched

_WHY: Final = {Because.BEFORE: "", Because.STACK: "of the stack", Because.AFTER: "named by this change"}


def as_text(found: Sequence[Touched], paint: Paint = plain) -> str:
    """Return a line for each change, by stack, followed by the required approvals."""
    if not found:
        return "This change touches no workspace."
    lines: list[str] = []
    for stack in dict.fromkeys(item.stack for item in found):
        rows = [_row(item) for item in found if item.stack == stack]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        lines += [*([""] if lines else []), paint(stack, "bold")]
        for item, (name, how, who) in zip((one for one in found if one.stack == stack), rows, strict=True):
            line = f"  {name.ljust(widths[0])}  {how.ljust(widths[1])}  "
            lines.append(line + (who if item.guarded else paint(f"! {who}", "loud")))
    approvals = _approvals(found)
    if approvals:
        lines += ["", "approvals, one of each line:", *(f"  {' or '.join(one)}" for one in approvals)]
    unguarded = sum(not item.guarded for item in found)
    if unguarded:
        text = f"for {unguarded} of {len(found)} no reviewer was named before this change"
        lines += ["", paint(text, "loud")]
    return "\n".join(lines)


def as_json(found: Sequence[Touched], before: str, after: str) -> str:
    """Return one JSON object, described in the verb's help."""
    record = {
        "change": {"from": before, "to": after},
        "touched": [_record(item) for item in found],
        "approvals": [list(one) for one in _approvals(found)],
    }
    return json_text(record)


def _record(item: Touched) -> dict[str, Any]:
    return {
        "stack": item.stack,
        "workspace": item.workspace,
        "how": item.how.value,
        "fields": list(item.fields),
        "needs": [{"oneOf": list(need.one_of), "because": need.because.value} for need in item.needs],
        "guarded": item.guarded,
    }


def _approvals(found: Iterable[Touched]) -> list[tuple[str, ...]]:
    """Return each distinct set of alternative reviewers once, sorted."""
    return sorted({need.one_of for item in found for need in item.needs})


def _row(item: Touched) -> tuple[str, str, str]:
    how = f"{item.how.value}: {', '.join(item.fields)}" if item.how is How.CHANGED else item.how.value
    # The stack's name is in the line above. No workspace can have this name.
    who = "; and ".join(_need(need) for need in item.needs) or "no reviewer is named"
    return item.workspace or "(the stack)", how, who


def _need(need: Need) -> str:
    why = _WHY[need.because]
    return " or ".join(need.one_of) + (f" ({why})" if why else "")
