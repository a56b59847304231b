"""Rules for scheduled sessions: what the platform's form and its custom resource take. Values are never quoted.

Everyone with the role view reads a schedule's template by the platform's API, so no credential may be in it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ambient_components.platform.naming import schedule_id_problem
from ambient_components.platform.schedules import RUNNER_DEFAULT, RUNNER_VARIABLE, template_text
from ambient_components.platform.variables import VARIABLE_PATTERN, variable_problem
from ambient_components.rules.findings import Finding, Path, Verdict, below, verdict_finding
from ambient_components.rules.secret_patterns import (
    begins_like_credential,
    is_literal,
    looks_like_credential,
    says_secret,
)
from ambient_components.rules.settings import address_leaks, mcp_findings

_CRON_FIELD_MAX: Final = 20
"""Characters of one field of a cron expression; the backend's rule."""

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

_CRON_FIELDS: Final[tuple[tuple[str, int, int, dict[str, int]], ...]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
"""Name, lowest and highest number, and the words of each field."""

_CRON_ITEM: Final = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,4}))?")

_CRON_ALLOWED: Final = (
    'allowed: five fields, minute hour day month weekday, such as "0 9 * * 1-5"; each has up to '
    f"{_CRON_FIELD_MAX} characters: *, numbers, ranges (1-5), lists (1,15), steps (*/10), and names of months and "
    "weekdays"
)


def cron_problem(expression: str) -> Verdict:
    """Say why the platform's backend or Kubernetes refuses a cron expression, or None; it is not quoted. Contract 12.

    Sunday is 0, and not 7: Kubernetes refuses that.
    """
    fields = expression.split()
    if len(fields) != len(_CRON_FIELDS):
        return f"has {len(fields)} fields instead of five", _CRON_ALLOWED
    for field, (name, least, most, words) in zip(fields, _CRON_FIELDS, strict=True):
        if len(field) > _CRON_FIELD_MAX:
            return f"has more than {_CRON_FIELD_MAX} characters for the {name}", _CRON_ALLOWED
        if not all(_is_cron_item(item, least, most, words) for item in field.split(",")):
            also = f", or {'-'.join((next(iter(words)), [*words][-1]))}" if words else ""
            return f"has no valid {name}", (f"allowed there: {least}-{most}{also}", _CRON_ALLOWED)
    return None


def _is_cron_item(text: str, least: int, most: int, words: dict[str, int]) -> bool:
    match = _CRON_ITEM.fullmatch(text)
    if match is None or (match["step"] is not None and int(match["step"]) == 0):
        return False
    if match["first"] is None:
        return True
    first = _cron_number(match["first"], words)
    last = first if match["last"] is None else _cron_number(match["last"], words)
    return first is not None and last is not None and least <= first <= last <= most


def _cron_number(text: str, words: dict[str, int]) -> int | None:
    if re.fullmatch("[0-9]{1,4}", text):
        return int(text)
    return words.get(text.lower())


OPERATOR_IMAGE: Final = "operatorImage"
"""Key of the stack's config: image of the platform's operator, which schedules run. Default: the cluster's."""

DISPLAY_NAME_MAX: Final = 50
"""Characters of a schedule's name in the UI; a rule of the UI's form."""

TEMPLATE_MAX: Final = 100_000
"""Bytes of a template as JSON: Linux starts no program with a variable of more than 128 KiB."""

TEMPERATURE_MAX: Final = 2

RUNNER_PATTERN: Final = r"[a-z0-9]+(-[a-z0-9]+)*"
"""Names of runners; the platform's registry may have more than those that it ships."""

_IMAGE: Final = re.compile(
    r"[a-zA-Z0-9][-a-zA-Z0-9._]*(:[0-9]+)?(/[-a-zA-Z0-9._]+)*(:[-a-zA-Z0-9._]+)?(@sha256:[0-9a-f]{64})?"
)
_ELSEWHERE: Final = (
    "put it under secrets.integrations, which is in the environment of every session",
    "revoke it if it was committed",
)


def schedules_findings(schedules: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Find problems of a workspace's schedules that their models don't find, each in the format of the platform."""
    first: dict[str, str] = {}
    for schedule_id, schedule in schedules.items():
        adopted = schedule.get("cronJob")
        if adopted is not None and (other := first.setdefault(adopted, schedule_id)) != schedule_id:
            here, remedy = (schedule_id, "cronJob"), "declare each schedule once"
            yield Finding(here, f"{adopted!r} is the CronJob of schedule {other!r}", remedy, (other, "cronJob"))
        yield from verdict_finding((schedule_id,), schedule_id_problem(schedule_id), at_key=True)
        yield from below((schedule_id, "sessionTemplate"), template_findings(schedule["sessionTemplate"]))


def display_name_problem(name: str) -> Verdict:
    if not name.strip():
        return "is empty", "write a name, or remove it: the default is the id"
    if len(name) > DISPLAY_NAME_MAX:
        return f"is longer than {DISPLAY_NAME_MAX} characters", "write a shorter one"
    if odd := next((char for char in name if not char.isprintable()), None):
        return f"has a character that can't be printed, U+{ord(odd):04X}", "allowed: printable characters and spaces"
    return ("looks like a credential", _ELSEWHERE) if looks_like_credential(name) else None


def image_problem(image: str) -> Verdict:
    """Say why this is no image of a container, or None; as problem and hint. It is not quoted."""
    allowed = "allowed: REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST"
    return None if _IMAGE.fullmatch(image) else ("is not the name of an image", allowed)


def template_findings(template: Mapping[str, Any]) -> Iterator[Finding]:
    """Find problems of a session's template, in the format of the platform's API.

    The plugin calls it too: a program has texts that come of a run, and nothing else has checked these.
    """
    yield from verdict_finding(("initialPrompt",), prompt_problem(template.get("initialPrompt")))
    runner, settings = template.get("runnerType") or RUNNER_DEFAULT, template.get("llmSettings") or {}
    if settings.get("model") is None and runner != RUNNER_DEFAULT:
        problem = f"has no model, and the default is one of {RUNNER_DEFAULT}"
        yield Finding(("llmSettings",), problem, "write model: NAME")
    yield from verdict_finding(("llmSettings", "model"), _model_problem(settings.get("model")))
    addresses: dict[Path, Any] = {
        ("repos", index, "url"): repo["url"] for index, repo in enumerate(template.get("repos") or ())
    }
    addresses |= {("activeWorkflow", "gitUrl"): (template.get("activeWorkflow") or {}).get("gitUrl")}
    for path, url in addresses.items():
        if isinstance(url, str) and address_leaks(url):
            yield Finding(path, "has a credential in it", _ELSEWHERE)
    yield from below(("environmentVariables",), _variable_findings(template.get("environmentVariables") or {}))
    yield from below(("mcpServers",), mcp_findings(template.get("mcpServers") or {}))
    yield from verdict_finding((), _size_problem(template))


def prompt_problem(prompt: object) -> Verdict:
    if isinstance(prompt, str) and looks_like_credential(prompt):
        return "has a credential in it", _ELSEWHERE
    if prompt is None or (isinstance(prompt, str) and not prompt.strip()):
        return "is empty", "write what the agent does in each session"
    return None


def runner_problem(runner: str) -> Verdict:
    if len(runner) <= 63 and re.fullmatch(RUNNER_PATTERN, runner):
        return None
    return "can't be the name of a runner", "the platform ships claude-agent-sdk and gemini-cli"


def reference_problem(text: str) -> Verdict:
    if not text or text.startswith("-") or not text.isprintable() or " " in text:
        return "is not one that Git can have", "allowed: printable characters without spaces, no dash first"
    return ("looks like a credential", _ELSEWHERE) if looks_like_credential(text) else None


def _model_problem(model: str | None) -> Verdict:
    if model is None or re.fullmatch(r"[A-Za-z0-9][-A-Za-z0-9._:/@]{0,127}", model):
        return None
    return "can't be the name of a model", "copy it from the UI's list"


def _variable_findings(variables: Mapping[str, Any]) -> Iterator[Finding]:
    for name, value in variables.items():
        if name == RUNNER_VARIABLE:
            yield Finding((name,), "is set by runnerType", "remove it, and write runnerType", at_key=True)
            continue
        problem = variable_problem(name)
        if problem is None and (begins_like_credential(name) or not re.fullmatch(VARIABLE_PATTERN, name)):
            problem = ("is not a name for a variable", "allowed: A-Z a-z 0-9 _, no digit first")
        yield from verdict_finding((name,), problem, at_key=True)
        if isinstance(value, str) and (looks_like_credential(value) or (says_secret(name) and is_literal(value))):
            yield Finding((name,), "looks like a credential", _ELSEWHERE)


def _size_problem(template: Mapping[str, Any]) -> Verdict:
    try:
        size = len(template_text(template).encode(errors="replace"))
    except TypeError:  # a program has values that are not known yet
        return None
    if size <= TEMPLATE_MAX:
        return None
    return (
        f"has {size} bytes as JSON",
        f"allowed: {TEMPLATE_MAX}; put long instructions into a repository or a workflow",
    )
