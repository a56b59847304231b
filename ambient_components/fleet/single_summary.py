"""The end of a deployment of one stack, in at most ten lines: what changed, and what to do next. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator

from ambient_components.access.role_assignments import KEY, AccessDiff
from ambient_components.engine.names import key_output
from ambient_components.fleet.run_events import Reported
from ambient_components.fleet.single import Ended
from ambient_components.fleet.summary import ways_out
from ambient_components.plan.facts import ISSUED, ROTATED, Plan
from ambient_components.printable import one_line
from ambient_components.rules.roles import rank

_SHOWN = 50
"""Maximum number of failures in the text. The log has all."""


def done_lines(plan: Plan, ended: Ended) -> list[str]:
    """Return the summary of a successful run.

    Args:
        plan: What was deployed.
        ended: How the run ended.
    """
    reported, stack = ended.reported, plan.stack
    rows = {
        "access": _access(plan.access),
        "workspaces": _counted(one.what for one in plan.workspaces),
        "tokens": ", ".join(
            f"{count} {word}" for count, word in ((reported.issued, "issued"), (reported.revoked, "revoked")) if count
        ),
        "buckets": _counted(one.what for one in plan.buckets),
    }
    lines = [f"Deployed {stack} in {ended.seconds:.1f} s: {_objects(reported)}."]
    lines += [f"  {title:<11} {text}" for title, text in rows.items() if text]
    steps = dict(_next(plan))
    width = max(map(len, steps))
    return [*lines, "Next:", *(f"  {command:<{width}}  {text}" for command, text in steps.items())]


def failed_lines(stack: str, config_file: str, ended: Ended) -> list[str]:
    """Return the end of a run that failed: its errors with hints, and what to do.

    Args:
        stack: The stack.
        config_file: The stack's config file, as in commands.
        ended: How the run ended.
    """
    reported = ended.reported
    count = len(reported.failures)
    errors = f" with {count} error{'' if count == 1 else 's'}" if count else ""
    lines = [f"ambient: {stack} failed after {ended.seconds:.1f} s{errors}: {_objects(reported)}."]
    found = [line for failure in _failures(reported) for line in failure]
    lines += [f"  {line}" for line in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more lines in the log")
    steps = list(dict.fromkeys(ways_out(stack, config_file, [ended.output, *reported.words])))
    return [*lines, *(f"  to do: {one}" for one in steps), f"Run it again: ambient up {stack}", f"Log: {ended.log}"]


def interrupted_lines(stack: str, ended: Ended) -> list[str]:
    """Return the end of a run that Ctrl-C ended."""
    first = f"ambient: {stack} was interrupted after {ended.seconds:.1f} s: {_objects(ended.reported)}."
    if ended.code < 0:
        killed = "The engine was killed: the next run finds what its last steps did."
        return [first, killed, *after_interrupt(stack)[1:], f"Log: {ended.log}"]
    return [first, *after_interrupt(stack)]


def after_interrupt(stack: str) -> list[str]:
    """Return what is true and what to do after Ctrl-C, if the engine has ended its steps."""
    return [
        "Nothing is lost: the state has everything that was done.",
        f"Continue with: ambient up {stack}",
    ]


def _objects(reported: Reported) -> str:
    counts = ((reported.created, "created"), (reported.updated, "updated"), (reported.deleted, "deleted"))
    found = [(count, word) for count, word in counts if count]
    if not found:
        return "no objects changed"
    (count, word), *others = found
    first = f"{count} object{'' if count == 1 else 's'} {word}"
    return ", ".join([first, *(f"{number} {what}" for number, what in others)])


def _access(diff: AccessDiff) -> str:
    """Return how many subjects gained, changed and lost access. Keys have their own line."""
    gained = {(one.workspace, one.subject): one.role for one in diff.gained if one.reason != KEY}
    kept = {(one.workspace, one.subject) for one in diff.kept}
    lost = {(one.workspace, one.subject) for one in diff.lost if one.reason != KEY} | (kept & gained.keys())
    roles = Counter(role for subject, role in gained.items() if subject not in lost)
    names = ", ".join(f"{count} {role}" for role, count in sorted(roles.items(), key=lambda one: -rank(one[0])))
    counts = (
        (len(gained.keys() - lost), f"given ({names})"),
        (len(gained.keys() & lost) + len(lost & kept - gained.keys()), "changed"),
        (len(lost - gained.keys() - kept), "removed"),
    )
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def _counted(words: Iterable[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in Counter(words).items())


def _next(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield commands with their purpose, three at most."""
    new = sorted({key_output(one.workspace, one.key) for one in plan.keys if one.what in (ISSUED, ROTATED)})
    if new:
        more = f" ({len(new) - 1} more: ambient keys list {plan.stack})" if len(new) > 1 else ""
        yield f"ambient keys show {plan.stack} {new[0]}", f"read the new token{more}"
        yield f"ambient keys deliver {plan.stack} {new[0]} --file FILE", "or write it to a file, unseen"
    yield f"ambient show {plan.stack}", "access, keys and their expiry"


def _failures(reported: Reported) -> Iterator[list[str]]:
    for one in sorted(reported.failures, key=lambda failure: (failure.workspace, failure.resource)):
        names = [one.workspace, f"({one.resource})" if one.resource != one.workspace else ""]
        where = " ".join(filter(None, names if one.resource else names[:1]))
        first, *hints = one.problem.lines
        yield [f"{one_line(where)}: {first}" if where else first, *(f"  {hint}" for hint in hints)]
