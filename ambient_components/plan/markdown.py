"""A plan as Markdown for a comment on a change request: bounded, with exact totals, and no name is ever markup."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ambient_components.documentation import HOME
from ambient_components.plan.facts import Plan
from ambient_components.plan.folding import Line, Section, grouped
from ambient_components.plan.headline import source, summary, verdict
from ambient_components.plan.lines import ACCESS_CHANGED, LOUD, STEPS, UNDECLARED_ADMIN, sections
from ambient_components.printable import one_line
from ambient_components.rotation.state import format_time

LIMIT: Final = 60_000
"""Maximum characters of a page. A GitHub comment holds 65,536, a GitLab comment more."""

_LINE_LIMIT: Final = 2_000
"""Maximum characters of a line. A name has at most 253, and a guardrail's line includes its hint."""

_WORD = re.compile(r"[A-Za-z0-9,.;:()'+/…-]*")
_WORDS = re.compile(r"\[\{[^][{}]*\}\]\S*|\S+")
"""A word, or a list of YAML with spaces, which is one code span."""

_TICKS = re.compile(r"`+")
_LINKED = re.compile(r"www\.|://")
_MUST: Final = {*LOUD, ACCESS_CHANGED} - {UNDECLARED_ADMIN}
_TIERS: Final = 4
_HEADER: Final = "| | workspace | who | before -> after | |\n|---|---|---|---|---|\n"


@dataclass(frozen=True, slots=True)
class Page:
    text: str
    missing: int = 0
    """Facts that a reader must not miss and that have no line: changed access, removals, guardrails."""


def as_markdown(plan: Plan, limit: int = LIMIT, *, verbose: bool = False) -> Page:
    """Return the page, no longer than the limit; the totals take up to about 3,300 and are never truncated.

    The author of a change chooses how many facts there are. So lines about what exists come before those about new
    workspaces, equal lines of new workspaces are one, and a page says in its first lines what it leaves out.
    """
    every = [grouped(section) for section in sections(plan, verbose=verbose)]
    tail = _unknown(plan)
    # The minimum of every section, even of one without room for a line.
    fixed = len(_head(plan, sum(section.count for section in every))) + sum(
        len(_opening(section)) + len(_more(section.count)) + len(_closing(section)) for section in every
    )
    shown = _fitting(every, limit - fixed - len(tail))
    hidden = [
        section.count - sum(line.count for line in section.lines[: len(texts)])
        for section, texts in zip(every, shown, strict=True)
    ]
    missing = sum(count for section, count in zip(every, hidden, strict=True) if section.title in _MUST)
    page = [_head(plan, missing)]
    for section, texts, count in zip(every, shown, hidden, strict=True):
        page += [_opening(section), *texts, *([_more(count)] if count else []), _closing(section)]
    return Page("".join([*page, tail]), missing)


def _fitting(every: Sequence[Section], room: int) -> list[list[str]]:
    """Return the text of the first lines of each section that fit together, the most important ones first."""
    shown: list[list[str]] = [[] for _ in every]
    for tier in range(_TIERS):
        for section, texts in zip(every, shown, strict=True):
            for line in section.lines[len(texts) :]:
                if _tier(section, line) != tier:
                    break
                text = _row(line) if _is_table(section) else _line(line)
                if not texts:
                    text = _intro(section) + text
                if len(text) > room:
                    return shown  # Less important lines must not take the place.
                texts.append(text)
                room -= len(text)
    return shown


def _tier(section: Section, line: Line) -> int:
    if section.title == STEPS:
        return 3
    if line.is_new or section.title not in _MUST:
        return 2
    return 0 if section.title in LOUD else 1


def left_out(missing: int) -> str:
    return (
        f"This page is incomplete: {missing} changes of access, removals or guardrails have no line here. "
        "Approve it only after reading all of them, with `--format html` or a higher `--limit`."
    )


def code(text: str) -> str:
    text = one_line(text) or " "
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def prose(text: str) -> str:
    """Return a text that wraps, with each word that could be markup, a link or a mention as a code span."""
    return " ".join(map(_word, _WORDS.findall(one_line(text))))


def _word(word: str) -> str:
    if _WORD.fullmatch(word) and not _LINKED.search(word):
        return word
    name = word.rstrip(",.;:") or word
    return code(name) + word[len(name) :]


def _cell(text: str) -> str:
    r"""Return a code span for a table, where even in code a ``|`` separates cells unless it is escaped.

    A backslash of the text before the escaped ``|`` would escape the escape.
    """
    if "\\" in text and "|" in text:
        return f"<code>{''.join(char if char.isalnum() else f'&#{ord(char)};' for char in one_line(text))}</code>"
    return code(text).replace("|", "\\|")


def _head(plan: Plan, missing: int) -> str:
    first = prose(verdict(plan)) if plan.refused_alone else verdict(plan)
    lines = [f"### {code(plan.stack)}: {first}", "", f"At {format_time(plan.at)}{source(plan)}.", ""]
    if missing:
        lines += ["> [!CAUTION]", f"> {left_out(missing)}", ""]
    lines += [f"- {line}" for line in summary(plan)]
    return "\n".join(lines) + "\n"


def _is_table(section: Section) -> bool:
    return any(line.change for line in section.lines)


def _opening(section: Section) -> str:
    title = f"{section.title} ({section.count})"
    return f"\n<details><summary><b>{title}</b></summary>\n\n" if section.folded else f"\n**{title}**\n\n"


def _intro(section: Section) -> str:
    return "".join(f"{note}\n\n" for note in section.notes) + (_HEADER if _is_table(section) else "")


def _closing(section: Section) -> str:
    return "\n</details>\n" if section.folded else ""


def _more(count: int) -> str:
    return f"\n- … and {count} more, left out here\n"


def _line(line: Line) -> str:
    names = " ".join(code(_cut(name)) for name in line.names)
    reported = prose(_cut(line.text))
    linked = f"[{line.rule}]({line.docs})" if HOME else code(line.docs)
    link = f"({linked})" if line.docs else ""
    first = f"- {' '.join(part for part in (code(line.sign), names, reported, link) if part)}\n"
    return first + "".join(f"  - {prose(_cut(hint))}\n" for hint in line.hints)


def _row(line: Line) -> str:
    workspace, who = (_cell(_cut(name)) for name in line.names)
    note = prose(_cut(line.text))
    cells = (code(line.sign), workspace, who, _cell(_cut(line.change)), note.replace("|", "\\|"))
    return f"| {' | '.join(cells)} |\n"


def _cut(text: str) -> str:
    return text if len(text) <= _LINE_LIMIT else f"{text[:_LINE_LIMIT]}…"


def _unknown(plan: Plan) -> str:
    if not plan.unknown:
        return ""
    opening = "\n<details><summary>What this page can't know</summary>\n\n"
    return opening + "".join(f"- {text}\n" for text in plan.unknown) + "\n</details>\n"
