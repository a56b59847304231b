"""Makes a plan: of a stack's files and its state, or of the engine's preview. For `ambient plan` and `ambient up`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from ambient_components import clock
from ambient_components.access.entries import Ledger
from ambient_components.cli.plan_state import holdings, pending
from ambient_components.durations import format_seconds
from ambient_components.engine.state import Export
from ambient_components.engine.steps import read_preview
from ambient_components.errors import Problem, Problems, fail, refusal
from ambient_components.plan.ahead import Ahead
from ambient_components.plan.facts import Plan, Waiting
from ambient_components.plan.held import Holdings
from ambient_components.plan.ledgers import UTC_ZONE, from_ledgers
from ambient_components.plan.preview import Digest, from_preview
from ambient_components.plan.rail_changes import stack_rail_changes

if TYPE_CHECKING:
    from ambient_components.access import RailSettings
    from ambient_components.cli.project import Project
    from ambient_components.engine.command import Answer, Engine
    from ambient_components.spec.loader import LoadedStack
    from ambient_components.storage.config import StoreConfig

OFFLINE: Final = (
    "what others changed in the cluster since the last run",
    "whether the cluster lets the deployer do it, and whether what it would make exists already",
    "new values of secrets, settings, limits, labels and annotations: the ledger has names",
    "a token that is due because the times of its renewal were changed in the files",
    "protect of a workspace: the ledger does not have it",
    "what the engine would do, resource by resource, and anything that the program makes beside the workspaces",
)
"""What a plan without an engine can't know."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a stack's files ask for at one moment."""

    ledger: Ledger
    rails: "RailSettings"
    warnings: tuple[Problem, ...]
    zone: ZoneInfo
    rules: Mapping[str, Any]
    """Of the rails, as the ledger's input."""
    ahead: Ahead


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a stack's state says."""

    ledger: Ledger
    held: Holdings
    pending: tuple[Waiting, ...]
    rules: Mapping[str, Any]
    """Of the rails, as the ledger's input."""


def declared(project: "Project", stack: str, loaded: "LoadedStack", at: datetime) -> Declared:
    """What the files come to at a moment, without a cluster and without a passphrase.

    Args:
        project: with the stack's config, which says where buckets are.
        stack: its name; of a shard only its workspaces are meant.
        loaded: its files.
        at: UTC.

    Raises:
        AmbientError: the config names a store, and not rightly.
    """
    from ambient_components.access import RailSettings  # noqa: PLC0415
    from ambient_components.cli.fleets.reading import of_shard  # noqa: PLC0415
    from ambient_components.fleet.calendar import Calendar  # noqa: PLC0415
    from ambient_components.fleet.ledger import ledger_of  # noqa: PLC0415
    from ambient_components.fleet.rails import ended_allowances, stack_rails  # noqa: PLC0415
    from ambient_components.spec.coming import ended_grants, ending  # noqa: PLC0415
    from ambient_components.spec.loader import located  # noqa: PLC0415

    calendar = Calendar.of(loaded.file, at)
    own = of_shard(project, stack, {name: one.shard for name, one in loaded.file.workspaces.items()})
    workspaces = {name: loaded.file.workspaces[name] for name in own}
    ledger = ledger_of(workspaces, calendar, _store(project, stack, loaded))
    dated = located(loaded, [*ended_grants(loaded.file, at), *ending(loaded.file, at)])
    warnings = [*loaded.warnings, *dated, *ended_allowances(loaded, ledger, calendar)]
    rules = stack_rails(loaded.file, calendar)
    return Declared(
        ledger, RailSettings.of(rules), tuple(warnings), loaded.file.timezone, rules, _ahead(loaded)
    )  # fmt: skip


def _ahead(loaded: "LoadedStack") -> Ahead:
    """How early the files want it told what comes by date, where they say it."""
    from ambient_components.spec.dates import written  # noqa: PLC0415

    grants, keys = {}, {}
    for name, workspace in loaded.file.workspaces.items():
        for grant in workspace.grants:
            if grant.warn_ahead is not None:
                for day in filter(None, (grant.from_, grant.until)):
                    place = (name, str(grant.subject), grant.role.value, written(day))
                    grants[place] = timedelta(seconds=grant.warn_ahead)
        for key_id, key in workspace.keys.items():
            if key.warn_ahead is not None:
                keys[name, key_id] = timedelta(seconds=key.warn_ahead)
    return Ahead(grants=grants, keys=keys)


def _store(project: "Project", stack: str, loaded: "LoadedStack") -> "StoreConfig | None":
    """Where the stack's buckets are, as its config says it; secrets in it stay encrypted, and are not needed."""
    if not any(one.storage.bucket for one in loaded.file.workspaces.values()):
        return None
    from ambient_components.fleet.storage import uses_aws  # noqa: PLC0415
    from ambient_components.storage.config import (  # noqa: PLC0415
        OBJECT_STORE,
        REGION_DEFAULT,
        StoreConfig,
        given_store,
    )

    region = project.config(stack, "aws").get("region")
    given = given_store(project.config(stack).get(OBJECT_STORE), region)
    if given is None:
        return StoreConfig(region=region or REGION_DEFAULT) if uses_aws(loaded.file.workspaces) else None
    if given.encrypted:
        remedy = f"encrypt its secretKey alone: pulumi config set --path {OBJECT_STORE}.secretKey --secret"
        fail(None, OBJECT_STORE, "is encrypted as a whole, and is needed to say where buckets are", remedy)
    problems = Problems()
    for one in given.problems:
        one.report(problems)
    problems.raise_if_any()
    return given.config


def deployed(export: Export, stack: str, at: datetime) -> Deployed:
    """What an exported state says.

    Args:
        export: what `pulumi stack export` printed, parsed.
        stack: its name.
        at: judges what never ends.
    """
    from ambient_components.cli.ledgers import ledger_from_state  # noqa: PLC0415
    from ambient_components.cli.overview import read_overview  # noqa: PLC0415

    overview = read_overview(export, stack, at)
    return Deployed(
        ledger_from_state(export) or {}, holdings(overview), tuple(pending(overview)), rules_from_state(export)
    )  # fmt: skip


def rules_from_state(export: Export) -> dict[str, Any]:
    """What the last run's ledgers said of the rails, as their input `rails`."""
    from ambient_components.cli.ledgers import ledgers_in  # noqa: PLC0415

    rules: dict[str, Any] = {}
    for inputs in ledgers_in(export):
        rules |= inputs.get("rails") or {}
    return rules


def offline(stack: str, wanted: Declared, there: Deployed, at: datetime) -> Plan:
    """The plan of the files against the state: nothing is asked, neither engine nor cluster."""
    from ambient_components.access import rail_warnings  # noqa: PLC0415

    rails = crossed(there.ledger, wanted, at)
    warnings = [*wanted.warnings, *([] if rails else rail_warnings(there.ledger, wanted.ledger, at))]
    return from_ledgers(
        there.ledger, wanted.ledger, stack=stack, at=at, held=there.held, zone=wanted.zone, rails=rails,
        ahead=wanted.ahead, rail_changes=stack_rail_changes(there.rules, wanted.rules),
        pending=there.pending, warnings=warnings, unknown=OFFLINE,
    )  # fmt: skip


def crossed(before: Ledger, wanted: Declared, at: datetime) -> list[Problem]:
    """What the ledger's check would refuse: rails, and rules that nobody can allow."""
    from ambient_components.access import refusals  # noqa: PLC0415

    return refusals(before, wanted.ledger, wanted.rails, at)


def online(
    engine: "Engine",
    stack: str,
    export: Export,
    wanted: Declared,
    at: datetime,
    *,
    refresh: bool = False,
) -> Plan:
    """The plan that the engine's own preview comes to; where a rail stops it, what the files say about it.

    Args:
        engine: with its clock at that moment, see `moved`.
        stack: its name.
        export: the state, as the engine has it.
        wanted: what the files ask for.
        at: UTC.
        refresh: whether the engine looks into the cluster first.

    Raises:
        AmbientError: the engine said nothing that can be read.
    """
    there = deployed(export, stack, at)
    arguments = ("preview", "--json", *(("--refresh",) if refresh else ()), "--stack", stack)
    answer = engine.attempt(*arguments)
    digest = _digest(arguments, answer)
    if answer.code == 0:
        return from_preview(
            digest, there.ledger, stack=stack, at=at, held=there.held, zone=wanted.zone, ahead=wanted.ahead,
            pending=there.pending,
        )  # fmt: skip
    rails = crossed(there.ledger, wanted, at)
    said = _errors(digest, answer, rails)
    plan = from_ledgers(
        there.ledger, wanted.ledger, stack=stack, at=at, held=there.held, zone=wanted.zone, rails=rails,
        ahead=wanted.ahead, rail_changes=stack_rail_changes(there.rules, wanted.rules),
        pending=there.pending, warnings=digest.problems("warning") or wanted.warnings,
    )  # fmt: skip
    return replace(plan, online=True, errors=tuple(said))


def _digest(arguments: tuple[str, ...], answer: "Answer") -> Digest:
    from ambient_components.engine.command import failed  # noqa: PLC0415

    preview = read_preview(answer.stdout)
    if preview is not None:
        return Digest.of(preview)
    if answer.code != 0:
        failed(arguments, answer)
    return fail(None, "", "`pulumi preview --json` printed something else than a preview")


def _errors(digest: Digest, answer: "Answer", rails: list[Problem]) -> list[Problem]:
    """Why there is no preview, but for what the rails say."""
    from ambient_components.engine import texts  # noqa: PLC0415

    told = {(one.rule, one.workspaces) for one in rails}
    said = digest.problems("error")
    errors = [one for one in said if (one.rule, one.workspaces) not in told and not texts.is_afterword(one.problem)]
    if not errors and not rails:
        errors = [*said] or [refusal(texts.reason(answer.stderr) or f"exit code {answer.code}")]
    return errors


def engine_at(project: "Project", at: datetime | None) -> "Engine":
    """The engine, with the clock of its program and of the provider at a moment; None: as it is.

    Args:
        project: whose folder it runs in.
        at: UTC.
    """
    from ambient_components.cli import engine as engines  # noqa: PLC0415
    from ambient_components.cli.engine import engine_for  # noqa: PLC0415

    engine = engine_for(project.folder)
    if at is None:
        return engine
    moved = clock.offset() + (at - clock.now())
    return engines.PulumiEngine(project.folder, {**engine.environ, clock.OFFSET_VARIABLE: _offset(moved)})


def _offset(delta: timedelta) -> str:
    seconds = round(delta.total_seconds())
    if not seconds:
        return ""
    return f"{'-' if seconds < 0 else ''}{format_seconds(abs(seconds))}"


def moment(text: str, zone: ZoneInfo = UTC_ZONE) -> datetime:
    """A moment out of a command line: a day, which begins at midnight in the stack's zone, or RFC 3339 in UTC.

    Raises:
        ValueError: neither; the text says what is allowed.
    """
    from ambient_components.plan.ledgers import begins  # noqa: PLC0415

    try:
        return begins(text, zone)
    except ValueError:
        msg = f"{text!r} is neither a day nor a moment; allowed: 2027-01-01, or 2027-01-01T12:00:00Z"
        raise ValueError(msg) from None
