"""The end of a run, of one stack or of a fleet: what changed, what failed, and what to do next."""

import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from ambient_components.engine import texts
from ambient_components.engine.names import Part, key_output, parse
from ambient_components.engine.steps import CREATES, DELETES
from ambient_components.errors import Problem, with_docs
from ambient_components.fleet.jobs import Job, Phase, Request
from ambient_components.fleet.locks import in_job
from ambient_components.fleet.processes import Ended
from ambient_components.fleet.run_events import Failure, Reported, counts
from ambient_components.output import INTERRUPTED, REFUSED, width_of, wrapped_totals
from ambient_components.plan.facts import ISSUED, ROTATED, Plan, sorted_problems
from ambient_components.plan.folding import folded
from ambient_components.plan.headline import headline
from ambient_components.printable import one_line
from ambient_components.problem_json import fields
from ambient_components.rules.warnings import LOUD, REPAIRED, Acknowledgements, WarningRule, is_ended, with_name

_SHOWN: Final = 50
"""Maximum number of lines on failures, of warnings, and of differences. The others are counted."""

_NAMED: Final = 6
"""Maximum number of shards that are named."""

_AGAIN: Final = (Phase.FAILED, Phase.INTERRUPTED)

# A fleet.


def exit_code(jobs: Collection[Job], *, interrupted: bool, guardrails: Collection[Problem] = ()) -> int:
    """Return the exit code: 0 success, 1 failures, 3 refusals by guardrails or rules, 130 interrupted."""
    if interrupted:
        return INTERRUPTED
    refused = {(guardrail.rule, guardrail.workspaces) for guardrail in guardrails}
    problems = [failure.problem for job in jobs for failure in job.reported.failures]
    if (
        any(problem.rule for job in jobs for excluded in job.excluded.values() for problem in excluded)
        or any(job.reported.refused for job in jobs)
        or any((problem.rule, problem.workspaces) in refused for problem in problems)
    ):
        return REFUSED
    return 1 if any(job.phase in _AGAIN for job in jobs) else 0


def summary_lines(
    jobs: Sequence[Job],
    request: Request,
    seconds: float,
    notes: Sequence[Problem] = (),
    shown: Collection[Problem] = (),
) -> list[str]:
    lines = [*_totals(jobs, seconds)]
    failures = [(_place(job, failure), failure) for job in jobs for failure in _sorted(job.reported)]
    for title, details in (("Failed:", _failures(failures)), ("Warnings:", [*_warnings(jobs, shown)])):
        if details:
            lines += ["", title, *(f"  {line}" for detail in details[:_SHOWN] for line in detail.splitlines())]
        if len(details) > _SHOWN:
            lines.append(f"  and {len(details) - _SHOWN} more")
    todo = dict.fromkeys(
        way
        for job in jobs
        for way in ways_out(
            job.stack, job.fleet.project.shown(job.fleet.config_file), [job.output, *job.reported.words]
        )
    )
    output = [line for note in notes for line in note.text.splitlines()]
    unrecorded = [job.stack for job in jobs if job.phase is Phase.DONE and not job.recorded and not job.fleet.plain]
    if unrecorded and request.verb == "up":
        more = f" and {len(unrecorded) - _NAMED} more" if len(unrecorded) > _NAMED else ""
        output.append(f"not on record, and not skipped the next time: {', '.join(unrecorded[:_NAMED])}{more}")
    for title, details in (("To do:", [*todo, *_again(jobs, request)]), ("Note:", output)):
        if details:
            lines += ["", title, *(f"  {line}" for line in details)]
    return lines


def summary_json(jobs: Sequence[Job], request: Request, seconds: float, code: int) -> dict[str, Any]:
    phases = Counter(job.phase for job in jobs)
    return {
        "summary": request.name,
        "verb": request.verb,
        "exitCode": code,
        "seconds": round(seconds, 2),
        "shards": {str(phase): phases[phase] for phase in Phase if phase is not Phase.WAITING},
        **counts(*(job.reported for job in jobs)),
        **_tokens(job.reported for job in jobs),
        "failedWorkspaces": sorted(
            {job.named(failure.workspace) for job in jobs for failure in job.reported.failures if failure.workspace}
        ),
        "again": [job.stack for job in jobs if job.phase in _AGAIN],
    }


def as_json(job: Job) -> dict[str, Any]:
    reported = job.reported
    return {
        "shard": job.stack,
        "result": str(job.phase),
        "why": job.why,
        "workspaces": job.workspaces,
        **counts(reported),
        **_tokens([reported]),
        "seconds": round(job.seconds, 2),
        "locked": job.locked,
        "excluded": sorted(map(job.named, job.excluded)),
        "errors": [
            {"workspace": job.named(failure.workspace), "resource": failure.resource, **fields(failure.problem)}
            for failure in reported.failures
        ],
        "warnings": [fields(warning) for warning in sorted_problems(_of_job(job))],
    }


def outcome(job: Job) -> str:
    took = f"{job.seconds:.1f} s"
    changes = ", ".join(_parts(job.reported)) or "nothing changed"
    if job.phase is Phase.DONE:
        return f"done: {changes}, {took}"
    if job.locked:
        return f"locked by another run, {took}"
    errors = len(job.reported.failures)
    word = "interrupted" if job.phase is Phase.INTERRUPTED else f"failed: {errors} error{'' if errors == 1 else 's'}"
    return f"{word}, {changes}, {took}"


def _totals(jobs: Sequence[Job], seconds: float) -> Iterator[str]:
    phases = Counter(job.phase for job in jobs)
    changed = sum(
        bool(job.reported.changes or job.reported.issued or job.reported.revoked)
        for job in jobs
        if job.phase is Phase.DONE
    )
    totals = _counted(
        {
            "skipped: nothing to do": phases[Phase.SKIPPED],
            "up to date": phases[Phase.DONE] - changed,
            "changed": changed,
            "failed": phases[Phase.FAILED],
            "interrupted": phases[Phase.INTERRUPTED],
        }
    )
    what = "stack" if any(job.fleet.plain for job in jobs) else "shard"
    yield f"{len(jobs)} {what}{'' if len(jobs) == 1 else 's'} in {seconds:.1f} s: {totals or 'nothing'}"
    reported = [job.reported for job in jobs]
    if objects := _parts(*reported):
        yield f"objects: {', '.join(objects)}"
    if tokens := _counted(_tokens(reported)):
        yield f"tokens and access keys: {tokens}"


def _place(job: Job, failure: Failure) -> str:
    return f"{job.stack}: {job.named(failure.workspace)}" if failure.workspace else job.stack


def _again(jobs: Sequence[Job], request: Request) -> Iterator[str]:
    again = [job for job in jobs if job.phase in _AGAIN]
    if not again:
        return
    verb, names = request.verb, {job.fleet.name for job in again}
    refresh = _refresh(verb, *(job.reported for job in again))
    # Of several fleets, and to destroy one, the commands always run all shards.
    if len(names) == 1 and verb != "destroy" and len(again) <= _NAMED:
        numbers = [f"--shard {job.number}" for job in again if not job.fleet.plain]
        yield " ".join(["again: ambient", verb, *names, *numbers]) + refresh
        return
    more = f"    ({len(again)} of them; those that ended well are skipped)" if verb == "up" else ""
    yield f"again: ambient {verb} {request.name if len(names) > 1 else names.pop()}{refresh}{more}"


def unshown(reported: Reported, acknowledged: Acknowledgements | None, shown: Iterable[Problem] = ()) -> list[Problem]:
    """Return the warnings that neither the plan nor an acknowledgement covers; of unread files (None) the loud ones."""
    known, gone = {_key(warning) for warning in shown}, _gone(reported)
    return [
        warning
        for warning in reported.warnings
        if _key(warning) not in known
        and not is_ended(warning, reported.ended)
        and (warning.rule != WarningRule.NAMESPACE_GONE or warning in gone)
        and (warning.rule in LOUD or (acknowledged is not None and acknowledged.of(warning) is None))
    ]


def _gone(reported: Reported) -> list[Problem]:
    """Return the warnings of deleted namespaces, but for those that the run has made."""
    created = [parse(logical) for op, logical in reported.objects if op in CREATES]
    made = {name.workspace for name in created if name is not None and name.part is Part.NAMESPACE}
    gone = (warning for warning in reported.warnings if warning.rule == WarningRule.NAMESPACE_GONE)
    return [warning for warning in gone if not made.issuperset(warning.workspaces)]


def _refresh(verb: str, *runs: Reported) -> str:
    """Return the flag of the next run: without a refresh it would fail in the same namespace again."""
    return " --refresh" if verb == "up" and any(map(_gone, runs)) else ""


def _key(warning: Problem) -> tuple[object, ...]:
    """Return what a warning is about. Its path depends on the working directory."""
    return warning.rule, warning.problem, warning.workspaces


def _warnings(jobs: Iterable[Job], shown: Collection[Problem]) -> Iterator[str]:
    """Yield each warning that the plan has not shown, one for many workspaces with the same."""
    warnings = (warning for job in jobs for warning in _of_job(job, shown))
    for fold in folded(sorted_problems(warnings), whole=" (all: --format json)"):
        yield with_name(fold.warning).text


def _of_job(job: Job, shown: Collection[Problem] = ()) -> Iterator[Problem]:
    """Yield a shard's warnings, with its fleet if there are several. What the run has repaired needs no action."""
    for warning in unshown(job.reported, job.acknowledged, shown):
        ended = warning
        if job.several:
            workspaces = tuple(map(job.named, warning.workspaces))
            ended = replace(warning, problem=f"{job.fleet.name}: {warning.problem}", workspaces=workspaces)
        if warning.rule in REPAIRED and job.refresh and job.phase is Phase.DONE:
            ended = replace(ended, hints=("this run has repaired it",))
        yield ended


# One stack, in at most ten lines.


def done_lines(plan: Plan, ended: Ended) -> list[str]:
    lines = [deployed_line(ended), f"  {headline(plan, done=True)}"]
    steps = dict(_next(plan))
    width = max(map(len, steps))
    return [*lines, "Next:", *(f"  {command:<{width}}  {text}" for command, text in steps.items())]


def deployed_line(ended: Ended) -> str:
    return f"Deployed {ended.stack} in {ended.seconds:.1f} s: {_objects(ended.reported)}."


def refreshed_lines(ended: Ended, shown: Collection[tuple[str, str]] = ()) -> list[str]:
    """Return the end of a refresh, with the differences unless they were shown before."""
    stack, objects = ended.stack, ended.reported.objects
    written = f"{len(objects)} difference{'' if len(objects) == 1 else 's'} written" if objects else "no differences"
    first = f"Refreshed the state of {stack} in {ended.seconds:.1f} s: {written}."
    if not objects:
        return [first]
    steps = (f"  ambient plan {stack}  what the next run would change back", f"  ambient up {stack}    change it back")
    new = [] if {*objects} <= {*shown} else difference_lines(objects)
    return [first, *new, "Next:", *steps]


def difference_lines(objects: Sequence[tuple[str, str]]) -> list[str]:
    """Return a line for each operation on the state, and logical name, that a refresh finds to differ."""
    words = dict.fromkeys(DELETES, "gone") | dict.fromkeys(CREATES, "new")
    lines = [f"  {words.get(op, 'changed'):<7}  {name}" for op, name in sorted(objects, key=lambda item: item[1])]
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"  and {more} more"] if more > 0 else lines


def destroyed_lines(ended: Ended) -> list[str]:
    return [
        f"Destroyed {ended.stack} in {ended.seconds:.1f} s: {_objects(ended.reported)}.",
        f"The stack and its config stay. To remove it as well: pulumi stack rm {ended.stack} --preserve-config",
    ]


def _fitting(line: str) -> list[str]:
    """Return a line of totals as wide as the terminal. Commands stay whole, to be copied."""
    return wrapped_totals(line.strip(), width_of(sys.stdout), "  ", "    ") if " · " in line else [line]


def show_end(ended: Ended, config_file: str, done: Iterable[str]) -> int:
    if ended.code == 0:
        lines, code = [part for line in done for part in _fitting(line)], 0
    else:
        lines = _broken_lines(config_file, ended)
        code = INTERRUPTED if ended.interrupted else REFUSED if ended.reported.refused else 1
    print("", *lines, sep="\n", file=sys.stderr if code else sys.stdout)
    return code


def _broken_lines(config_file: str, ended: Ended) -> list[str]:
    """Return the end of a run that failed or was interrupted: its errors with hints, and what to do."""
    reported, stack = ended.reported, ended.stack
    count = len(reported.failures)
    errors = f" with {count} error{'' if count == 1 else 's'}" if count else ""
    how, again = ("was interrupted", "Continue with") if ended.interrupted else ("failed", "Run it again")
    lines = [f"ambient: {stack} {how} after {ended.seconds:.1f} s{errors}: {_objects(reported)}."]
    details = _failures((failure.workspace, failure) for failure in _sorted(reported))
    lines += [f"  {line}" for line in details[:_SHOWN]]
    if len(details) > _SHOWN:
        lines.append(f"  and {len(details) - _SHOWN} more lines in the log")
    steps = dict.fromkeys(ways_out(stack, config_file, [ended.output, *reported.words]))
    lines += [f"  to do: {step}" for step in steps]
    if ended.code < 0:
        lines.append("The engine was killed: the next run finds what its last steps did.")
    elif ended.interrupted:
        lines.append("Nothing is lost: the state has everything that was done.")
    lines.append(f"{again}: ambient {ended.verb} {stack}{_refresh(ended.verb, reported)}")
    return lines if ended.complete else [*lines, f"Log: {ended.log}"]


def _objects(reported: Reported) -> str:
    if not (parts := _parts(reported)):
        return "no objects changed"
    count, word = parts[0].split()
    return ", ".join([f"{count} object{'' if count == '1' else 's'} {word}", *parts[1:]])


def _next(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield commands with their purpose, three at most."""
    new = sorted({key_output(key.workspace, key.key) for key in plan.keys if key.what in (ISSUED, ROTATED)})
    if new:
        more = f" ({len(new) - 1} more: ambient keys list {plan.stack})" if len(new) > 1 else ""
        yield f"ambient keys show {plan.stack} {new[0]}", f"read the new token{more}"
        yield f"ambient keys deliver {plan.stack} {new[0]} --file FILE", "or write it to a file, unseen"
    yield f"ambient show {plan.stack}", "access, keys and their expiry"


# Both.


def _counted(numbers: dict[str, int]) -> str:
    return ", ".join(f"{count} {word}" for word, count in numbers.items() if count)


def _parts(*runs: Reported) -> list[str]:
    return [f"{count} {word}" for word, count in counts(*runs).items() if count]


def _tokens(runs: Iterable[Reported]) -> dict[str, int]:
    reported = [*runs]
    return {"issued": sum(run.issued for run in reported), "revoked": sum(run.revoked for run in reported)}


def _sorted(reported: Reported) -> list[Failure]:
    return sorted(reported.failures, key=lambda failure: (failure.workspace, failure.resource))


def _failures(failures: Iterable[tuple[str, Failure]]) -> list[str]:
    listed = [*failures]
    lines = []
    for (place, failure), (problem, docs) in zip(
        listed, with_docs(failure.problem for _, failure in listed), strict=True
    ):
        resource = f"({failure.resource})" if failure.resource not in ("", failure.workspace) else ""
        where = one_line(" ".join(filter(None, [place, resource])))
        first, *rest = (*problem.lines, *filter(None, [docs]))
        lines += [f"{where}: {first}" if where else first, *(f"  {line}" for line in rest)]
    return lines


def ways_out(
    stack: str, config_file: str, output: Iterable[str], host: str = "", lives: Callable[[int], bool] | None = None
) -> Iterator[str]:
    """Yield what the user can do, one text for each lock or pending operation."""
    text = "\n".join(output)
    if texts.is_locked(text):
        cancel = f"pulumi cancel --stack {stack} --yes"
        locks = texts.locks(text)
        for lock in locks:
            subject = f"{stack} is locked by {lock.holder}"
            if lock.host != (host or socket.gethostname()) or in_job():
                yield f"{subject}: wait for it, or if that is dead: {cancel}"
            elif (lives or process_lives)(lock.pid):
                yield f"{subject}, which is at work: wait for it, and run this again"
            else:
                yield f"{subject}, which is dead: {cancel}, and run this again"
        if not locks:
            yield f"{stack} is locked by another run: wait for it, or if dead: {cancel}"
    if texts.has_pending_operations(text):
        yield (
            f"{stack}: a run died while it made something, and the next run takes over what was made. To forget "
            f"about it: pulumi refresh --stack {stack} --config-file {config_file} --yes --clear-pending-creates"
        )
    if texts.is_cut_off(text):
        yield f"{stack}: a run was killed while it wrote: delete the empty {stack}.json.attrs beside its state"


def process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # a process of another user
    return True
