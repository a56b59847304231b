"""The end of a run of one stack, in at most ten lines: what changed, and what to do next."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ambient_components.access.role_assignments import KEY
from ambient_components.engine.names import key_output
from ambient_components.engine.steps import CREATES, DELETES
from ambient_components.errors import with_docs
from ambient_components.fleet.run_events import Reported, counts
from ambient_components.fleet.single import Ended
from ambient_components.fleet.summary import ways_out
from ambient_components.output import INTERRUPTED, REFUSED
from ambient_components.plan.facts import ALREADY, ISSUED, ROTATED, Plan
from ambient_components.plan.role_changes import role_changes
from ambient_components.printable import one_line
from ambient_components.rules.roles import rank

_SHOWN = 50
"""Maximum number of failures in the text. The log has all."""


def done_lines(plan: Plan, ended: Ended) -> list[str]:
    """Return the summary of a successful deployment."""
    reported, stack = ended.reported, plan.stack
    rows = {
        "access": _access(plan),
        "workspaces": _counted(one.what for one in plan.workspaces),
        "tokens": ", ".join(
            f"{count} {word}" for count, word in ((reported.issued, "issued"), (reported.revoked, "revoked")) if count
        ),
        "buckets": _counted(one.what for one in plan.buckets),
        "schedules": _counted(one.what for one in plan.schedules),
    }
    lines = [f"Deployed {stack} in {ended.seconds:.1f} s: {_objects(reported)}."]
    lines += [f"  {title:<11} {text}" for title, text in rows.items() if text]
    steps = dict(_next(plan))
    width = max(map(len, steps))
    return [*lines, "Next:", *(f"  {command:<{width}}  {text}" for command, text in steps.items())]


def refreshed_lines(ended: Ended) -> list[str]:
    """Return the summary of a successful refresh."""
    stack, found = ended.stack, ended.reported.objects
    written = f"{len(found)} difference{'' if len(found) == 1 else 's'} written" if found else "no differences"
    first = f"Refreshed the state of {stack} in {ended.seconds:.1f} s: {written}."
    if not found:
        return [first]
    steps = (f"  ambient plan {stack}  what the next run would change back", f"  ambient up {stack}    change it back")
    return [first, *difference_lines(found), "Next:", *steps]


def difference_lines(objects: Sequence[tuple[str, str]]) -> list[str]:
    """Return a line for each object that a refresh finds to differ.

    Args:
        objects: The engine's operation on the state, and the logical name.
    """
    words = dict.fromkeys(DELETES, "gone") | dict.fromkeys(CREATES, "new")
    lines = [f"  {words.get(op, 'changed'):<7}  {name}" for op, name in sorted(objects, key=lambda one: one[1])]
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"  and {more} more"] if more > 0 else lines


def destroyed_lines(ended: Ended) -> list[str]:
    """Return the summary of a successful destroy."""
    stack = ended.stack
    return [
        f"Destroyed {stack} in {ended.seconds:.1f} s: {_objects(ended.reported)}.",
        f"The stack and its config stay. To remove it as well: pulumi stack rm {stack} --preserve-config",
    ]


def show_end(ended: Ended, config_file: str, done: Iterable[str]) -> int:
    """Print the end of a run, and return the exit code.

    Args:
        config_file: The stack's config file, as in commands.
        done: The summary of a successful run.
    """
    if ended.code == 0:
        lines, code = [*done], 0
    else:
        lines = broken_lines(config_file, ended)
        code = INTERRUPTED if ended.interrupted else REFUSED if ended.reported.refused else 1
    print("", *lines, sep="\n", file=sys.stderr if code else sys.stdout)
    return code


def broken_lines(config_file: str, ended: Ended) -> list[str]:
    """Return the end of a run that failed or was interrupted: its errors with hints, and what to do."""
    reported, stack = ended.reported, ended.stack
    count = len(reported.failures)
    errors = f" with {count} error{'' if count == 1 else 's'}" if count else ""
    how, again = ("was interrupted", "Continue with") if ended.interrupted else ("failed", "Run it again")
    lines = [f"ambient: {stack} {how} after {ended.seconds:.1f} s{errors}: {_objects(reported)}."]
    found = [line for failure in _failures(reported) for line in failure]
    lines += [f"  {line}" for line in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"  and {len(found) - _SHOWN} more lines in the log")
    steps = dict.fromkeys(ways_out(stack, config_file, [ended.output, *reported.words]))
    lines += [f"  to do: {one}" for one in steps]
    if ended.code < 0:
        lines.append("The engine was killed: the next run finds what its last steps did.")
    elif ended.interrupted:
        lines.append("Nothing is lost: the state has everything that was done.")
    lines.append(f"{again}: ambient {ended.verb} {stack}")
    return lines if ended.complete else [*lines, f"Log: {ended.log}"]


def _objects(reported: Reported) -> str:
    found = [(count, word) for word, count in counts(reported).items() if count]
    if not found:
        return "no objects changed"
    (count, word), *others = found
    first = f"{count} object{'' if count == 1 else 's'} {word}"
    return ", ".join([first, *(f"{number} {what}" for number, what in others)])


def _access(plan: Plan) -> str:
    """Return how many subjects gained, changed, lost and had access. New and ended keys have their own line."""
    diff, had = plan.access, {(one.workspace, one.subject) for one in role_changes(plan) if one.what == ALREADY}
    gained = {(one.workspace, one.subject): one.role for one in diff.gained if one.reason != KEY}
    kept = {(one.workspace, one.subject) for one in diff.kept}
    lost = {(one.workspace, one.subject) for one in diff.lost if one.reason != KEY} | (kept & gained.keys())
    gained = {place: role for place, role in gained.items() if place not in had}
    lost -= had
    roles = Counter(role for subject, role in gained.items() if subject not in lost)
    names = ", ".join(f"{count} {role}" for role, count in sorted(roles.items(), key=lambda one: -rank(one[0])))
    counts = (
        (len(gained.keys() - lost), f"given ({names})"),
        (len(gained.keys() & lost) + len(lost & kept - gained.keys()), "changed"),
        (len(lost - gained.keys() - kept), "removed"),
        (len(had), "unchanged in adopted workspaces"),
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
    found = sorted(reported.failures, key=lambda failure: (failure.workspace, failure.resource))
    for one, (problem, docs) in zip(found, with_docs(one.problem for one in found), strict=True):
        names = [one.workspace, f"({one.resource})" if one.resource != one.workspace else ""]
        where = " ".join(filter(None, names if one.resource else names[:1]))
        first, *rest = (*problem.lines, *filter(None, [docs]))
        yield [f"{one_line(where)}: {first}" if where else first, *(f"  {line}" for line in rest)]
