"""A plan as complete text, for a terminal or a log."""

from typing import Final

from ambient_components.output import Paint, plain
from ambient_components.plan.facts import Plan, Step
from ambient_components.plan.lines import Line, sections, source, summary, verdict
from ambient_components.printable import one_line
from ambient_components.rotation.state import format_time

_UNSEEN: Final = ("No guardrail evaluates this run", "Guardrails changed", "Rights beside the workspaces")
_LOUD: Final = {"Refused", "Errors", "Workspaces removed", "Buckets deleted", "Admin gained", *_UNSEEN}


def as_text(plan: Plan, paint: Paint = plain, *, steps: bool = False) -> str:
    """Return the page.

    Args:
        plan: The plan.
        paint: Applies styles. Default: no styles.
        steps: Whether to append the engine's steps.
    """
    lines = [
        f"{paint(one_line(plan.stack), 'bold')} at {format_time(plan.at)}{source(plan)}",
        paint(verdict(plan), "bold"),
    ]
    lines += [f"  {line}" for line in summary(plan)]
    for section in sections(plan):
        look = "loud" if section.title in _LOUD else "bold"
        lines += ["", paint(f"{section.title} ({len(section.lines)})", look)]
        for line in section.lines:
            lines.append(f"  {one_line(_line(line))}")
            lines += [f"     hint: {one_line(hint)}" for hint in line.hints]
    if plan.unknown:
        lines += ["", paint("What this page can't know", "dim"), *(f"  {text}" for text in plan.unknown)]
    if steps and plan.steps:
        lines += ["", paint(f"The engine's steps ({len(plan.steps)})", "bold")]
        lines += [f"  {one_line(step_text(step))}" for step in plan.steps]
    return "\n".join(lines)


def _line(line: Line) -> str:
    return "  ".join(part for part in (line.sign, *line.names, line.text) if part)


def step_text(step: Step) -> str:
    """Return one engine step as one line: operation, resource and changed properties, never values."""
    changes = f" [{', '.join(step.paths)}]" if step.paths else ""
    return f"{step.op} {step.kind} {step.name}{changes}"
