"""A plan as Markdown, for a comment on a change request. The length is limited, the totals are exact.

Names and quoted texts are code spans, so they can't contain markup, mentions or links.
"""

import re
from typing import Final

from ambient_components.plan.facts import Plan
from ambient_components.plan.lines import Line, Section, sections, source, summary, verdict
from ambient_components.plan.text import step_text
from ambient_components.printable import one_line
from ambient_components.rotation.state import format_time

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
    said = text if plain or not text else code(text)
    return f"- {' '.join(part for part in (code(line.sign), names, said) if part)}\n"


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
