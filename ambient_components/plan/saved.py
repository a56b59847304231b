"""Saved plans: what was reviewed, for which state and time, and whether a new plan is still the same."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ambient_components import clock
from ambient_components._version import VERSION as VERSION_OF_AMBIENT
from ambient_components.engine.command import Engine
from ambient_components.engine.state import Export, state_digest
from ambient_components.errors import AmbientError, Problem, stop
from ambient_components.plan.document import digest, document
from ambient_components.plan.facts import EXPIRING, Plan
from ambient_components.rotation.state import format_time, parse_time
from ambient_components.rules.durations import DAY, format_seconds, parse_duration
from ambient_components.writing import write_file

VERSION: Final = 1
MAX_AGE: Final = DAY
MOST_AGE: Final = 7 * DAY
_DONE: Final = (
    "access", "workspaces", "keys", "buckets", "schedules", "sources", "other", "exposed", "guardrails",
    "guardrailChanges", "unevaluated", "beside", "steps",
)  # fmt: skip
"""The parts of a document that a run carries out. All other parts only inform and may change from minute to minute."""


@dataclass(frozen=True, slots=True)
class Saved:
    stack: str
    at: datetime
    """The time of the planned run, which is also used for the deployment. UTC."""
    max_age: int
    state: str
    contents: Sequence[tuple[str, str]]
    """Name and content digest of each step. For the ledger, the content is everything that it records."""
    versions: Mapping[str, str]
    refresh: bool
    """Whether the engine refreshed the state first. The deployment then does the same."""
    plan: Mapping[str, Any]


def saved(
    plan: Plan, export: Export, versions: Mapping[str, str], *, max_age: int | None = None, refresh: bool = False
) -> Saved:
    age = min(max_age or MAX_AGE, MOST_AGE)
    return Saved(plan.stack, plan.at, age, state_digest(export), contents(plan), versions, refresh, document(plan))


def versions(engine: Engine) -> dict[str, str]:
    """Return the versions of the programs that make a plan. Other versions may act differently on the same files."""
    return {"ambient": VERSION_OF_AMBIENT, "pulumi": engine.run("version").strip()}


def contents(plan: Plan) -> list[tuple[str, str]]:
    return sorted((f"{step.op} {step.kind} {step.name}", step.content) for step in plan.steps)


def done(reported: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a document that a run carries out."""
    part = {name: reported.get(name) for name in _DONE}
    return {**part, "keys": [change for change in reported.get("keys") or () if change["what"] != EXPIRING]}


def write(path: str, plan: Saved) -> None:
    content: dict[str, Any] = {
        "ambientPlan": VERSION,
        "stack": plan.stack,
        "at": format_time(plan.at),
        "maxAge": format_seconds(plan.max_age),
        "refresh": plan.refresh,
        "versions": plan.versions,
        "state": plan.state,
        "contents": [list(content) for content in plan.contents],
        "plan": plan.plan,
    }
    content["digest"] = digest(content)
    write_file(Path(path), (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def read(path: str) -> Saved:
    again = "ambient plan STACK --save FILE makes one"
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AmbientError([Problem(None, "", f"{path} can't be read: {error}", (again,))]) from None
    if not isinstance(content, dict) or content.get("ambientPlan") != VERSION:
        stop(f"{path} is no saved plan of this version of ambient", again)
    try:
        plan = Saved(
            str(content["stack"]),
            parse_time(content["at"]),
            parse_duration(content["maxAge"]),
            str(content["state"]),
            [(str(name), str(made)) for name, made in content["contents"]],
            {str(name): str(version) for name, version in content["versions"].items()},
            bool(content["refresh"]),
            dict(content["plan"]),
        )
        whole = digest({name: part for name, part in content.items() if name != "digest"}) == content["digest"]
    except (KeyError, TypeError, ValueError, AttributeError):
        whole = False
    if not whole:
        stop(f"{path} was changed since it was saved", "make the plan again, and have it reviewed")
    if plan.max_age > MOST_AGE:
        stop(f"{path} may be used for {format_seconds(plan.max_age)}", "allowed: 7d at most", again)
    return plan


def check_fresh(plan: Saved, stack: str, export: Export, now: Mapping[str, str]) -> None:
    """Refuse a plan of another stack, one that is too old, one of other programs, and one of another state."""
    again = f"ambient plan {stack} --save FILE, and have it reviewed"
    if plan.stack != stack:
        stop(f"the plan is for stack {plan.stack!r}, not for {stack!r}", again)
    age = clock.now() - plan.at
    if age > timedelta(seconds=plan.max_age):
        most = format_seconds(plan.max_age)
        stop(f"the plan is of {format_time(plan.at)}, and may be used for {most}: it is too old", again)
    if age < timedelta(minutes=-5):
        stop(f"the plan is of {format_time(plan.at)}, which is yet to come: check this machine's clock", again)
    for name in sorted({*plan.versions, *now}):
        was, is_now = plan.versions.get(name, "none"), now.get(name, "none")
        if was != is_now:
            problem = f"the plan was made by {name} {was}, and this is {name} {is_now}: it may do something else"
            stop(problem, f"take {name} {was}, or: {again}")
    if state_digest(export) != plan.state:
        stop("the stack was deployed or refreshed since the plan was made: its state is another one", again)


def is_same(reviewed: Saved, now: Plan) -> bool:
    same = digest(done(reviewed.plan)) == digest(done(document(now)))
    return same and list(reviewed.contents) == contents(now)


def differences(reviewed: Saved, now: Plan) -> list[str]:
    """Return the differences of two plans, one a line: - only reviewed, + only new, ~ other content."""
    old, new = done(reviewed.plan), done(document(now))
    lines: list[str] = []
    for name in _DONE:
        was, is_now = (_facts(part.get(name)) for part in (old, new))
        lines += [f"- {name}: {fact}" for fact in was if fact not in is_now]
        lines += [f"+ {name}: {fact}" for fact in is_now if fact not in was]
    before, after = dict(reviewed.contents), dict(contents(now))
    both = sorted(before.keys() & after.keys())
    return [*lines, *(f"~ steps: {step}: with other content" for step in both if before[step] != after[step])]


def _facts(part: Any) -> list[str]:
    if isinstance(part, Mapping):
        return [f"{name} {fact}" for name, items in part.items() for fact in _facts(items)]
    return [fact if isinstance(fact, str) else " ".join(map(_word, fact.values())) for fact in part or ()]


def _word(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
