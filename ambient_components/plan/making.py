"""Making a plan from a stack's files and state, or from the engine's preview. For `ambient plan` and `ambient up`."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ambient_components import clock
from ambient_components.access import adoption
from ambient_components.access.entries import Ledger
from ambient_components.access.guardrails import guardrail_warnings
from ambient_components.access.role_assignments import KEY, OWNER
from ambient_components.collector import go_settings
from ambient_components.engine import backend, texts
from ambient_components.engine.command import Answer, Engine, failed
from ambient_components.engine.names import workspace_of
from ambient_components.engine.state import Export, without
from ambient_components.engine.steps import CREATES, Preview, Step, read_preview
from ambient_components.errors import Problem, Problems, fail, refusal, stop
from ambient_components.model.dates import written
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.plan import saved
from ambient_components.plan.drift import deleted
from ambient_components.plan.facts import Ahead, Plan, Waiting, sorted_problems
from ambient_components.plan.ledgers import from_ledgers, stack_guardrail_changes, with_staying
from ambient_components.plan.preview import from_preview, missing_values, problems, warnings
from ambient_components.plan.role_changes import with_adoptions
from ambient_components.platform.contract import Role
from ambient_components.problem_json import MISSING_VALUE
from ambient_components.program.acknowledgements import acknowledgements
from ambient_components.program.calendar import Calendar
from ambient_components.program.guardrails import at_entry, placed_refusals
from ambient_components.program.ledger import expired_exceptions, ledger_of, stack_guardrails
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.object_store import OBJECT_STORE, REGION_DEFAULT, StoreConfig, given_store
from ambient_components.rules.warnings import REPAIRED, Acknowledgements, LoudWarning, WarningRule, is_ended
from ambient_components.stackfile.checks.reviews import overdue
from ambient_components.stackfile.checks.storage import uses_aws
from ambient_components.stackfile.checks.upcoming_dates import ended_grants, ending
from ambient_components.stackfile.loader import LoadedStack, located
from ambient_components.stacks import pulumi
from ambient_components.stacks.deployed import Deployed, DeployedAccess, DeployedWorkspace
from ambient_components.stacks.project import Project
from ambient_components.stacks.reading import read_deployed
from ambient_components.stacks.states import of_shard

OFFLINE: Final = (
    "what others changed in the cluster since the last run",
    "whether the cluster lets the deployer do it, and whether what it would make exists already",
    "new values of secrets, settings, limits, labels and annotations: only their names are recorded",
    "a token that is due because the times of its renewal were changed in the files",
    "protect of a workspace, which is not recorded",
    "what Pulumi would do, resource by resource, and what your program makes beside the workspaces",
)


@dataclass(frozen=True, slots=True)
class Declared:
    ledger: Ledger
    guardrails: GuardrailsRecord
    warnings: tuple[Problem, ...]
    zone: ZoneInfo
    ahead: Ahead
    stack: LoadedStack
    acknowledged: Acknowledgements


def declared(project: Project, stack: str, loaded: LoadedStack, at: datetime) -> Declared:
    """Return the declared state at a given time, without a cluster and without a passphrase."""
    calendar = Calendar.of(loaded.file, at)
    own = of_shard(project, stack, {name: workspace.shard for name, workspace in loaded.file.workspaces.items()})
    workspaces = {name: loaded.file.workspaces[name] for name in own}
    ledger = ledger_of(workspaces, calendar, _store(project, stack, loaded))
    acknowledged = acknowledgements(loaded.file, calendar)
    dated = located(loaded, [*ended_grants(loaded.file, at), *ending(loaded.file, at), *overdue(loaded.file, at)])
    warnings = [*loaded.warnings, *dated, *located(loaded, expired_exceptions(loaded.file, ledger, calendar))]
    guardrails = stack_guardrails(loaded.file, calendar)
    return Declared(
        ledger, guardrails, tuple(acknowledged.marked(warnings)), loaded.file.timezone,
        _ahead(loaded), loaded, acknowledged,
    )  # fmt: skip


def _ahead(loaded: LoadedStack) -> Ahead:
    ahead: dict[tuple[str, ...], timedelta] = {}
    for name, workspace in loaded.file.workspaces.items():
        for grant in workspace.grants:
            if grant.warn_ahead is not None:
                for day in filter(None, (grant.from_, grant.until)):
                    place = (name, str(grant.subject), grant.role.value, written(day))
                    ahead[place] = timedelta(seconds=grant.warn_ahead)
        for key_id, key in workspace.keys.items():
            if key.warn_ahead is not None:
                ahead[name, key_id] = timedelta(seconds=key.warn_ahead)
    return ahead


def _store(project: Project, stack: str, loaded: LoadedStack) -> StoreConfig | None:
    """Return the stack's object store from its config. Secrets stay encrypted and are not needed."""
    if not any(workspace.storage.bucket for workspace in loaded.file.workspaces.values()):
        return None
    region = project.config(stack, "aws").get("region")
    given = given_store(project.config(stack).get(OBJECT_STORE), region)
    if given is None:
        return StoreConfig(region=region or REGION_DEFAULT) if uses_aws(loaded.file.workspaces) else None
    if given.encrypted:
        remedy = f"encrypt its secretKey alone: pulumi config set --path {OBJECT_STORE}.secretKey --secret"
        fail(None, OBJECT_STORE, "is encrypted as a whole, and is needed to say where buckets are", remedy)
    problems = Problems()
    for problem in given.problems:
        problem.report(problems)
    problems.raise_if_any()
    return given.config


def pending(deployed: Deployed) -> list[Waiting]:
    """Return the differences between what the last run declared and what exists, as after a failed run."""
    killed = "a run was killed while it worked on {}: ambient up, then pulumi refresh --clear-pending-creates"
    waiting = [Waiting("", killed.format(name)) for name in deployed.interrupted]
    for workspace in deployed.workspaces:
        waiting += [Waiting(workspace.name, text, subject) for text, subject in _pending(workspace)]
    return waiting


def _pending(workspace: DeployedWorkspace) -> Iterator[tuple[str, str]]:
    """Yield each difference, with the subject if it is one of access."""
    if workspace.state is None:
        yield "it is not declared any more, and not all of it is gone", ""
    for access in workspace.access:
        if not access.is_as_declared:
            yield _difference(access), access.subject
    for key in workspace.keys:
        if key.declared and not key.made:
            yield f"generation {key.generation} of key {key.id} is declared, and not made", f"{KEY}:{key.id}"
        elif key.made and not key.declared and workspace.state is not None:
            text = f"generation {key.generation} of key {key.id} is not declared any more, and still there"
            yield text, f"{KEY}:{key.id}"
        if key.pending:
            yield f"tokens of key {key.id} are not revoked yet, and still work: {', '.join(key.pending)}", ""
        if key.undelivered and not key.former:
            yield f"key {key.id} is not delivered: {key.undelivered}", ""
    bucket = workspace.bucket
    if bucket is not None and bucket.state is not None and not bucket.made:
        yield f"bucket {bucket.name} is declared, and not made", ""


def _difference(access: DeployedAccess) -> str:
    has = " and ".join(access.actual) or "nothing"
    desired = f"is declared as {access.declared}" if access.declared else "is not declared any more"
    return f"{access.subject} has {has}, and {desired}"


def offline(stack: str, desired: Declared, there: Deployed, at: datetime) -> Plan:
    guardrails = crossed(there.ledger, desired, at)
    warnings = [*desired.warnings, *([] if guardrails else guardrail_warnings(there.ledger, desired.ledger, at))]
    plan = _by_files(stack, desired, there, at, guardrails, warnings)
    plan = with_staying(plan, there.ledger, desired.ledger)
    return replace(plan, state_at=there.written_at, unknown=OFFLINE)


def _by_files(
    stack: str,
    desired: Declared,
    there: Deployed,
    at: datetime,
    guardrails: Iterable[Problem],
    warnings: Iterable[Problem],
) -> Plan:
    plan = from_ledgers(
        there.ledger, desired.ledger, stack=stack, at=at, recorded=there, zone=desired.zone, ahead=desired.ahead,
        guardrails=guardrails, guardrail_changes=stack_guardrail_changes(there.guardrails, desired.guardrails),
        pending=pending(there), warnings=warnings,
    )  # fmt: skip
    return _marked(plan, desired)


def crossed(before: Ledger, desired: Declared, at: datetime) -> list[Problem]:
    """Return what the ledger's check would refuse: guardrails, and rules that allow no exception."""
    return placed_refusals(desired.stack, before, desired.ledger, desired.guardrails, at)


def _marked(plan: Plan, desired: Declared) -> Plan:
    return replace(plan, warnings=sorted_problems(desired.acknowledged.marked(plan.warnings)))


def online(
    engine: Engine,
    stack: str,
    export: Export,
    desired: Declared,
    at: datetime,
    *,
    refresh: bool = False,
    made: tuple[Preview, Answer] | None = None,
) -> Plan:
    """Return the plan from the engine's preview. If a guardrail stops it, the plan comes from the files instead.

    Args:
        made: The preview, if it is made already.
    """
    there = read_deployed(export, stack, at)
    previewed, answer = made or preview(engine, stack, refresh=refresh)
    is_whole = refresh or not there.workspaces
    if answer.code == 0:
        gone = deleted(previewed.steps)
        plan = from_preview(
            previewed, there.ledger, stack=stack, at=at, zone=desired.zone, ahead=desired.ahead, pending=pending(there),
            recorded=read_deployed(without(export, gone), stack, at) if gone else there,
        )  # fmt: skip
        current = [
            replace(warning, hints=("this run restores it",)) if refresh and warning.rule in REPAIRED else warning
            for warning in plan.warnings
        ]
        plan = _marked(replace(plan, refreshed=is_whole, warnings=tuple(current)), desired)
        plan = replace(plan, covered_warnings=tuple(covered_warnings(plan, previewed.steps, there)))
        return with_staying(plan, there.ledger, desired.ledger)
    guardrails = crossed(there.ledger, desired, at)
    reported = [at_entry(desired.stack, error) for error in _errors(previewed, answer, guardrails)]
    plan = _by_files(stack, desired, there, at, guardrails, warnings(previewed) or desired.warnings)
    plan = with_adoptions(plan, adoption.read(problems(previewed, "info")))
    errors = sorted_problems([*reported, *missing_values(previewed)])
    plan = replace(plan, online=True, refreshed=is_whole, errors=errors)
    return with_staying(plan, there.ledger, desired.ledger)


def covered_warnings(plan: Plan, steps: Iterable[Step], there: Deployed) -> Iterator[Problem]:
    """Yield the warnings of what the run makes or ends anyway, and those with a section of their own."""
    made = {(workspace_of(step.name), step.kind, step.object_name) for step in steps if step.op in CREATES}
    ended = {
        (place.name, access.subject, Role.ADMIN.value if role == OWNER else role)
        for place in there.workspaces
        for access in place.access
        if access.declared is None
        for role in access.actual
    }
    exposed = {exposed.workspace for exposed in plan.exposed}
    for warning in plan.warnings:
        match warning.rule:
            case WarningRule.NAMESPACE_GONE | WarningRule.MISSING_ACCESS:
                gone = {(name, *row) for name in warning.workspaces for row in warning.data}
                is_covered = bool(gone) and gone <= made
            case WarningRule.UNDECLARED_ACCESS:
                is_covered = is_ended(warning, ended)
            case LoudWarning.TOKENS_OUTLIVE_ACCESS:
                is_covered = exposed.issuperset(warning.workspaces)
            case _:
                continue
        if is_covered:
            yield warning


@dataclass(frozen=True, slots=True)
class Made:
    engine: pulumi.PulumiEngine
    """The engine, set to the plan's time."""
    export: Export
    plan: Plan
    acknowledged: Acknowledgements


def make(
    project: Project,
    stack: str,
    loaded: LoadedStack,
    at: datetime | None,
    *,
    refresh: bool,
    reviewed: saved.Saved | None = None,
) -> Made:
    """Return the online plan of a stack, by an engine that runs alone.

    Args:
        at: The time of the run. None means now.
        reviewed: A saved plan, which is refused while the preview runs if it is not of this state.
    """
    engine, when = engine_at(project, at, alone=True), at or clock.now()
    # Before the preview: a run in between then differs from this state, and is noticed.
    export = backend.export(engine, stack)
    with ThreadPoolExecutor(1) as pool:
        previewed = pool.submit(preview, engine, stack, refresh=refresh)
        if reviewed is not None:
            saved.check_fresh(reviewed, stack, export, saved.versions(engine))
        desired = declared(project, stack, loaded, when)
        plan = online(engine, stack, export, desired, when, refresh=refresh, made=previewed.result())
    return Made(engine, export, plan, desired.acknowledged)


def without_secrets(plan: Plan) -> Plan:
    """Return the plan for a machine that has no values of secrets: missing ones are warnings."""
    missing = [error for error in plan.errors if error.rule == MISSING_VALUE]
    errors = tuple(error for error in plan.errors if error.rule != MISSING_VALUE)
    return replace(plan, errors=errors, warnings=sorted_problems([*plan.warnings, *missing]))


def preview(engine: Engine, stack: str, *, refresh: bool = False) -> tuple[Preview, Answer]:
    """Return what the engine would do, and its answer, which may be a failure that the preview explains."""
    arguments = ("preview", "--json", *(("--refresh",) if refresh else ()), "--stack", stack)
    answer = engine.attempt(*arguments)
    if (previewed := read_preview(answer.stdout)) is not None:
        return previewed, answer
    if answer.code != 0:
        failed(arguments, answer)
    return stop("`pulumi preview --json` printed something else than a preview")


def _errors(previewed: Preview, answer: Answer, guardrails: list[Problem]) -> list[Problem]:
    covered = {(guardrail.rule, guardrail.workspaces) for guardrail in guardrails}
    reported = problems(previewed, "error")
    errors = [problem for problem in reported if (problem.rule, problem.workspaces) not in covered]
    if not errors and not guardrails:
        words = (
            word for diagnostic in previewed.diagnostics if diagnostic.severity == "error" for word in diagnostic.words
        )
        errors = [refusal(next(words, "") or texts.reason(answer.stderr) or f"exit code {answer.code}")]
    return errors


def engine_at(project: Project, at: datetime | None, *, alone: bool = False) -> pulumi.PulumiEngine:
    """Return the engine, with the clock of its program and its provider set to a time. None keeps the clock.

    An engine that runs `alone` may use more memory to save time.
    """
    engine = pulumi.engine_for(project.folder)
    more = go_settings(engine.environ, alone=True) if alone else {}
    if at is not None:
        more[clock.OFFSET_VARIABLE] = _offset(clock.offset() + (at - clock.now()))
        if not clock.offset():
            more[clock.OF_A_PLAN] = "1"
    return engine.with_environ(more)


def _offset(delta: timedelta) -> str:
    seconds = round(delta.total_seconds())
    if not seconds:
        return ""
    return f"{'-' if seconds < 0 else ''}{format_seconds(abs(seconds))}"
