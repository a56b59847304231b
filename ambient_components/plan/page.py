"""A plan as a page: text for a terminal or a log, Markdown for a comment on a change request, or JSON."""

import re
import sys
from typing import Final

from ambient_components.output import Format, Paint, paint_for, plain
from ambient_components.plan.document import document_text
from ambient_components.plan.facts import Plan, Step
from ambient_components.plan.lines import Line, Section, sections, source, summary, verdict
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
            lines.append(f"  {one_line(_text_line(line))}")
            lines += [f"     hint: {one_line(hint)}" for hint in line.hints]
    if plan.unknown:
        lines += ["", paint("What this page can't know", "dim"), *(f"  {text}" for text in plan.unknown)]
    if steps and plan.steps:
        lines += ["", paint(f"The engine's steps ({len(plan.steps)})", "bold")]
        lines += [f"  {one_line(step_text(step))}" for step in plan.steps]
    return "\n".join(lines)


def _text_line(line: Line) -> str:
    return "  ".join(part for part in (line.sign, *line.names, line.text) if part)


def step_text(step: Step) -> str:
    """Return one engine step as one line: operation, resource and changed properties, never values."""
    changes = f" [{', '.join(step.paths)}]" if step.paths else ""
    return f"{step.op} {step.kind} {step.name}{changes}"


LIMIT: Final = 60_000
"""Maximum characters of a page. A GitHub comment holds 65,536, a GitLab comment more."""

_LINE_LIMIT: Final = 2_000
"""Maximum characters of a line. A name has at most 253, and a guardrail's line includes its hint."""

_WORDS = re.compile(r"[A-Za-z0-9 ,.;:()'+/-]*")
"""Text that needs no escaping in Markdown if it begins with a letter."""

_TICKS = re.compile(r"`+")
_LINKED = re.compile(r"www\.|://")
_FENCE: Final = "~~~~~~~~"
_STEP_LIMIT: Final = 300


def as_markdown(plan: Plan, limit: int = LIMIT) -> str:
    """Return the page, no longer than the limit.

    Args:
        plan: The plan.
        limit: Maximum characters. The totals take up to about 3,000 and are never truncated.
    """
    found = sections(plan)
    head = _head(plan)
    # The minimum of every section, even of one without room for a line.
    fixed = len(head) + sum(len(_title(section)) + len(_more(len(section.lines))) for section in found)
    tail = _unknown(plan)
    left = limit - fixed - len(tail) - len(_steps(plan, 0))
    page, full = [head], False
    for section in found:
        shown: list[str] = []
        for line in section.lines:
            text = _line(line)
            if full or len(text) > left:
                full = True  # Less dangerous lines must not take the place.
                break
            shown.append(text)
            left -= len(text)
        hidden = len(section.lines) - len(shown)
        page += [_title(section), *shown, *([_more(hidden)] if hidden else [])]
    page.append(tail)
    used = sum(map(len, page))
    page.append(_steps(plan, limit - used))
    return "".join(page)


def code(text: str) -> str:
    """Return a text as a code span."""
    text = one_line(text) or " "
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _head(plan: Plan) -> str:
    lines = [f"### {code(plan.stack)}: {verdict(plan)}", "", f"At {format_time(plan.at)}{source(plan)}.", ""]
    lines += [f"- {line}" for line in summary(plan)]
    return "\n".join(lines) + "\n"


def _title(section: Section) -> str:
    return f"\n**{section.title} ({len(section.lines)})**\n\n"


def _more(count: int) -> str:
    return f"- … and {count} more, left out here\n"


def _line(line: Line) -> str:
    names = " ".join(code(_cut(name)) for name in line.names)
    text = _cut("; ".join((line.text, *line.hints)))
    plain = bool(_WORDS.fullmatch(text)) and text[:1].isalpha() and not _LINKED.search(text)
    reported = text if plain or not text else code(text)
    return f"- {' '.join(part for part in (code(line.sign), names, reported) if part)}\n"


def _cut(text: str) -> str:
    return text if len(text) <= _LINE_LIMIT else f"{text[:_LINE_LIMIT]}…"


def _unknown(plan: Plan) -> str:
    if not plan.unknown:
        return ""
    return "\n**What this page can't know**\n\n" + "".join(f"- {text}\n" for text in plan.unknown)


def _steps(plan: Plan, room: int) -> str:
    """Return the folded list of the engine's steps, as far as there is room. It is truncated first."""
    if not plan.steps:
        return ""
    total = len(plan.steps)
    none = f"\nThe engine's own diff ({total} steps) is left out here.\n"
    opening = f"\n<details><summary>The engine's own diff ({total} steps)</summary>\n\n{_FENCE}text\n"
    closing = f"{_FENCE}\n\n</details>\n"
    more = f"… and {total} more, left out here\n"
    left = room - len(opening) - len(closing) - len(more)
    shown: list[str] = []
    for step in plan.steps:
        text = one_line(step_text(step))[:_STEP_LIMIT] + "\n"
        # No line can close the fence, because each begins with an operation.
        if len(text) > left:
            break
        shown.append(text)
        left -= len(text)
    if not shown:
        return none
    rest = f"… and {total - len(shown)} more, left out here\n" if len(shown) < total else ""
    return f"{opening}{''.join(shown)}{rest}{closing}"


def show(found: Plan, form: Format = Format.TEXT, *, steps: bool = False, limit: int = 0) -> None:
    """Print a plan.

    Args:
        found: The plan.
        form: Text, Markdown or JSON.
        steps: With text: whether to add the engine's own steps.
        limit: With Markdown: the most characters. 0 means the default.
    """
    if form is Format.JSON:
        print(document_text(found), end="")
    elif form is Format.MARKDOWN:
        print(as_markdown(found, limit or LIMIT), end="")
    else:
        print(as_text(found, paint_for(sys.stdout), steps=steps))
