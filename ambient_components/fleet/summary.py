"""The summary of a run: counts, failures by workspace, locked stacks, and the commands to run again. Pure."""

import os
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from ambient_components.engine import texts
from ambient_components.engine.events import Lock, locks
from ambient_components.errors import Problem, with_docs
from ambient_components.fleet.jobs import Job, Phase
from ambient_components.fleet.progress import parts
from ambient_components.fleet.run_events import counts
from ambient_components.fleet.run_warnings import warning_lines
from ambient_components.output import INTERRUPTED, REFUSED

_SHOWN = 50
"""Maximum number of lines on failures, and of warnings. The others are counted."""


def exit_code(jobs: Collection[Job], *, interrupted: bool, guardrails: Collection[Problem] = ()) -> int:
    """Return the exit code: 0 success, 1 failures, 3 refusals by guardrails or rules, 130 interrupted.

    Args:
        jobs: All shards, after the run.
        interrupted: Whether the run was interrupted.
        guardrails: Guardrail violations of single workspaces.
    """
    if interrupted:
        return INTERRUPTED
    if any(one.rule for job in jobs for problems in job.excluded.values() for one in problems):
        return REFUSED
    refused = {(one.rule, one.workspaces) for one in guardrails}
    failed = [one.problem for job in jobs for one in job.reported.failures]
    if any(job.reported.refused for job in jobs) or any((one.rule, one.workspaces) in refused for one in failed):
        return REFUSED
    return 1 if any(job.phase in (Phase.FAILED, Phase.INTERRUPTED) for job in jobs) else 0


def summary_lines(
    jobs: Sequence[Job],
    verb: str,
    name: str,
    seconds: float,
    notes: Sequence[Problem] = (),
    shown: Collection[Problem] = (),
) -> list[str]:
    """Return the summary as lines of text.

    Args:
        jobs: All shards, after the run.
        verb: Up, refresh or destroy.
        name: The fleet's name on the command line.
        seconds: The duration of the run.
        notes: Additional messages.
        shown: Warnings that the plan has shown already.
    """
    lines = [*_counts(jobs, seconds)]
    for title, found in (("Failed:", [*_failures(jobs)]), ("Warnings:", [*warning_lines(jobs, shown)])):
        if found:
            lines += ["", title, *(f"  {line}" for one in found[:_SHOWN] for line in one.splitlines())]
        if len(found) > _SHOWN:
            lines.append(f"  and {len(found) - _SHOWN} more")
    ways = list(dict.fromkeys(_ways(jobs)))
    again = _again(jobs, verb, name)
    unrecorded = [
        job.task.stack
        for job in jobs
        if job.phase is Phase.DONE and not job.recorded and verb == "up" and not job.fleet.plain
    ]
    output = [line for note in notes for line in note.text.splitlines()]
    if unrecorded:
        output.append(f"not on record, and not skipped the next time: {_names(unrecorded)}")
    for title, found in (("To do:", [*ways, *again]), ("Note:", output)):
        if found:
            lines += ["", title, *(f"  {line}" for line in found)]
    return lines


def summary_json(jobs: Sequence[Job], verb: str, name: str, seconds: float, code: int) -> dict[str, Any]:
    """Return the summary as a JSON object."""
    reported = [job.reported for job in jobs]
    return {
        "summary": name,
        "verb": verb,
        "exitCode": code,
        "seconds": round(seconds, 2),
        "shards": {
            str(phase): sum(job.phase is phase for job in jobs) for phase in Phase if phase is not Phase.WAITING
        },
        **counts(*reported),
        **{what: sum(getattr(one, what) for one in reported) for what in ("issued", "revoked")},
        "failedWorkspaces": sorted(
            {job.named(one.workspace) for job in jobs for one in job.reported.failures if one.workspace}
        ),
        "again": [job.task.stack for job in jobs if job.phase in (Phase.FAILED, Phase.INTERRUPTED)],
    }


def _counts(jobs: Sequence[Job], seconds: float) -> Iterator[str]:
    ran = [job for job in jobs if job.phase is Phase.DONE]
    changed = [job for job in ran if job.reported.changes or job.reported.issued or job.reported.revoked]
    failed = [job for job in jobs if job.phase is Phase.FAILED]
    stopped = [job for job in jobs if job.phase is Phase.INTERRUPTED]
    skipped = [job for job in jobs if job.phase is Phase.SKIPPED]
    output = [
        (len(skipped), "skipped: nothing to do"),
        (len(ran) - len(changed), "up to date"),
        (len(changed), "changed"),
        (len(failed), "failed"),
        (len(stopped), "interrupted"),
    ]
    counts = ", ".join(f"{count} {word}" for count, word in output if count)
    what = "stack" if any(job.fleet.plain for job in jobs) else "shard"
    yield f"{len(jobs)} {what}{'' if len(jobs) == 1 else 's'} in {seconds:.1f} s: {counts or 'nothing'}"
    reported = [job.reported for job in jobs]
    if objects := parts(*reported):
        yield f"objects: {', '.join(objects)}"
    issued, revoked = (sum(getattr(one, what) for one in reported) for what in ("issued", "revoked"))
    if issued or revoked:
        tokens = [f"{count} {word}" for count, word in ((issued, "issued"), (revoked, "revoked")) if count]
        yield f"tokens and access keys: {', '.join(tokens)}"


def _failures(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield the failures by shard and workspace, those of a whole shard first."""
    found = [
        (job, one)
        for job in jobs
        for one in sorted(job.reported.failures, key=lambda failure: (failure.workspace, failure.resource))
    ]
    documented = with_docs(one.problem for _, one in found)
    for (job, one), (problem, docs) in zip(found, documented, strict=True):
        where = f"{job.task.stack}: {job.named(one.workspace)}" if one.workspace else job.task.stack
        what = f" ({one.resource})" if one.resource and one.resource != one.workspace else ""
        first, *rest = (*problem.lines, *filter(None, [docs]))
        yield f"{where}{what}: {first}"
        yield from (f"  {line}" for line in rest)


def _ways(jobs: Sequence[Job]) -> Iterator[str]:
    for job in jobs:
        project = job.fleet.project
        yield from ways_out(job.task.stack, project.shown(job.fleet.config_file), [job.output, *job.reported.words])


def _again(jobs: Sequence[Job], verb: str, name: str) -> Iterator[str]:
    again = [job for job in jobs if job.phase in (Phase.FAILED, Phase.INTERRUPTED)]
    if not again:
        return
    several = len({job.fleet.name for job in again}) > 1
    if several or verb == "destroy":  # these commands always run all shards, even of one fleet
        more = f"    ({len(again)} of them; those that ended well are skipped)" if verb == "up" else ""
        yield f"again: ambient {verb} {name if several else again[0].fleet.name}{more}"
        return
    if len(again) > 6:
        yield f"again: ambient {verb} {again[0].fleet.name}    ({len(again)} shards; those that ended well are skipped)"
        return
    numbers = [f"--shard {job.task.number}" for job in again if not job.fleet.plain]
    yield " ".join(["again: ambient", verb, again[0].fleet.name, *numbers])


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown


def ways_out(
    stack: str, config_file: str, output: Iterable[str], host: str = "", lives: Callable[[int], bool] | None = None
) -> Iterator[str]:
    """Yield what the user can do, one text for each lock or pending operation.

    Args:
        output: The engine's output, including warnings.
        lives: Tells whether a process of this machine is running.
    """
    text = "\n".join(output)
    if texts.is_locked(text):
        found = locks(text)
        for lock in found:
            yield _lock_text(stack, lock, lock.alive(host or socket.gethostname(), lives or process_lives))
        if not found:
            yield f"{stack} is locked by another run: wait for it, or if dead: pulumi cancel --stack {stack} --yes"
    if texts.has_pending_operations(text):
        yield (
            f"{stack}: a run died while it made something, and the next run takes over what was made. To forget "
            f"about it: pulumi refresh --stack {stack} --config-file {config_file} --yes --clear-pending-creates"
        )
    if texts.is_cut_off(text):
        yield f"{stack}: a run was killed while it wrote: delete the empty {stack}.json.attrs beside its state"


def process_lives(pid: int) -> bool:
    """Tell whether a process of this machine is running."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # a process of another user
    return True


def _lock_text(stack: str, lock: Lock, alive: bool | None) -> str:
    subject = f"{stack} is locked by {lock.who} on {lock.host}, process {lock.pid}, since {lock.since}"
    command = f"pulumi cancel --stack {stack} --yes"
    if alive:
        return f"{subject}, which is at work: wait for it, and run this again"
    if alive is None:
        return f"{subject}: wait for it, or if that is dead: {command}"
    return f"{subject}, which is dead: {command}, and run this again"
