"""`ambient plan`: one page with all changes of a run: access, keys, buckets and guardrails."""

import sys
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Final

import typer

from ambient_components import activity, clock
from ambient_components.cli.audit_logs import read_logs
from ambient_components.cli.fleet_options import Jobs, Shards, fleets_of
from ambient_components.cli.options import (
    NamedStack,
    Refresh,
    Stack,
    audit_option,
    duration_of,
    format_option,
    misuse,
    state_option,
)
from ambient_components.cli.prompts import one_stack
from ambient_components.documentation import page
from ambient_components.engine import backend
from ambient_components.engine.state import parse_export, resources
from ambient_components.errors import AmbientError
from ambient_components.fleet.decisions import ask_states, decide
from ambient_components.fleet.jobs import Request
from ambient_components.fleet.planning import plan_fleet
from ambient_components.model.dates import recorded_date, start_of
from ambient_components.output import CHANGES, REFUSED, Format, show_problems
from ambient_components.plan import making, saved
from ambient_components.plan.facts import Plan
from ambient_components.plan.markdown import LIMIT, left_out
from ambient_components.plan.merge import together
from ambient_components.plan.page import show
from ambient_components.plan.replay import lost_access, replayed, takes_away
from ambient_components.printable import one_line
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.pulumi import require_passphrase
from ambient_components.stacks.reading import ledger_from_state, ledgers_in, read_deployed
from ambient_components.stacks.selection import Fleet, find_fleets, listed
from ambient_components.stacks.states import export, saved_export
from ambient_components.warm import client as warm


def _of_fleets(
    project: Project, stack: str, loaded: LoadedStack, request: Request, save: str, *, has_replay: bool
) -> Plan | None:
    """Return the plan of a fleet, or of all stacks that a file lists. None for a plain stack or a single shard."""
    fleets = fleets_of(project, stack, request)
    if fleets is None:
        return None
    several = listed(project, stack) is not None
    if save:
        # A saved plan has the digest of one state, but a fleet has many.
        shard = fleets[0].name if several else fleets[0].stack(0)
        misuse(
            "--save",
            f"a fleet's plan can't be saved as one: save that of each shard, such as ambient plan {shard} --save FILE",
        )
    if not several:
        return _of_fleet(fleets[0], loaded, request)
    if request.states or has_replay:
        misuse("--state" if request.states else "--replay", f"{stack} names several stacks: ask one of them")
    when, plans = request.at or clock.now(), []
    for fleet in fleets:
        try:
            plans.append(_of_fleet(fleet, load_stack(stack_path(project, fleet.name)), request))
        except AmbientError as error:
            plans.append(Plan(fleet.name, when, not request.offline, errors=error.problems))
    return together(stack, when, plans)


def _of_fleet(fleet: Fleet, loaded: LoadedStack, request: Request) -> Plan:
    if not request.offline:
        require_passphrase(fleet.project, fleet.name)
    up_to_date: Collection[int] = ()
    # At another time, other shards may be due.
    if not (fleet.plain or request.offline or request.every or request.refresh or request.at):
        decision = decide(fleet, ask_states(fleet), loaded)
        show_problems(decision.notes)
        up_to_date = decision.up_to_date
    return plan_fleet(fleet, loaded, request, up_to_date=up_to_date)


_SHORTEST: Final = 5_000
"""The minimum for --limit, enough for the totals of every section."""

EPILOG = f"""\
\b
examples:
  ambient plan prod                                    uses the engine and the cluster
  ambient plan prod --format markdown > comment.md     for a change request, at most 60,000 characters
  ambient plan prod --format html > plan.html          all of it as one page for a browser
  ambient plan prod --offline                          files against state: no cluster, no passphrase
  ambient plan prod --offline --state state.json       also no engine; from `pulumi stack export > state.json`
  ambient plan prod --at 2027-01-01                    as on that day: grants with dates, keys that are due
  ambient plan prod --without-secrets                  where secrets are not available, such as change requests
  ambient plan prod --save plan.json                   for: ambient up prod --plan plan.json
  ambient plan prod --replay audit.log                 who used what it takes away, by the API server's audit log
  ambient plan prod --shard 3 --shard 5                only these shards of a fleet
  ambient plan prod --format json | jq '.access.gained[] | select(.role == "admin")'

\b
The online plan comes from `pulumi preview --json`, so it agrees with `pulumi up`. The page shows the most dangerous
changes first and no secrets. Its sections: {page("tasks/plan")}
The schema of its JSON: ambient schema plan

\b
exit codes: 0 no changes; 1 error, or --limit leaves out changes of access; 2 changes pending; 3 refused by a
guardrail; 64 wrong usage; 130 Ctrl-C
"""


def plan(
    stack: Stack = "",
    named: NamedStack = "",
    form: Annotated[
        Format, format_option("Output format.", Format.TEXT, Format.MARKDOWN, Format.HTML, Format.JSON)
    ] = Format.TEXT,
    offline: Annotated[
        bool, typer.Option("--offline", help="Compare the files with the state, without engine and cluster.")
    ] = False,
    state: Annotated[str, state_option(" (--offline only)")] = "",
    at: Annotated[str, typer.Option("--at", metavar="DAY", help="Plan for this day or time. Default: now.")] = "",
    save: Annotated[
        str, typer.Option("--save", metavar="FILE", help="Save the plan for `ambient up --plan FILE`.")
    ] = "",
    max_age: Annotated[
        str,
        typer.Option("--max-age", metavar="DURATION", help="Lifetime of the saved plan, at most 7d. Default: 24h."),
    ] = "",
    refresh: Refresh = False,
    no_secrets: Annotated[
        bool, typer.Option("--without-secrets", help="Missing secrets are warnings: this machine has none.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Also show the engine's steps.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show each warning, also acknowledged ones, and those of many workspaces.")
    ] = False,
    jobs: Jobs = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Include shards that are up to date (fleets only).")
    ] = False,
    shard: Shards = None,
    replay: Annotated[
        list[str] | None, audit_option("--replay", "Audit log: who used what the run takes away.")
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            metavar="N",
            help=f"Maximum characters of --format markdown. Default: {LIMIT}.",
            show_default=False,
        ),
    ] = 0,
) -> None:
    """Show what a run would do, before it is done."""
    stack = one_stack(stack, named)
    _check_usage(offline=offline, state=state, at=at, save=save, max_age=max_age, refresh=refresh, diff=diff)
    _check_limit(limit, form)
    if replay and state == "-":
        misuse("--replay", "needs the state twice: write it to a file")
    age = duration_of(max_age, "--max-age", "7d")
    project = Project.find()
    path = stack_path(project, stack)
    if not offline and find_fleets(project, stack) is None:
        warm.begin()
    with activity.waiting(f"Reading {path}"):
        loaded = load_stack(path)
    when = _moment(at, loaded)
    request = Request(
        "plan", stack, jobs or 0, every=everything, refresh=refresh, shards=tuple(shard or ()), at=when,
        offline=offline, states=state,
    )  # fmt: skip
    fleets = _of_fleets(project, stack, loaded, request, save, has_replay=bool(replay))
    if fleets is not None:
        plan = making.without_secrets(fleets) if no_secrets else fleets
    elif offline:
        plan = _offline(project, stack, loaded, when, state)
    else:
        plan = _online(project, stack, loaded, when, save, age, refresh=refresh, no_secrets=no_secrets)
    if replay and takes_away(plan):
        reported = saved_export(project, stack, state) if state else export(project, stack)
        plan = replayed(plan, read_logs(replay, ledger_from_state(reported), lost_access(plan)))
    missing = show(plan, form, steps=diff, verbose=verbose, limit=limit or LIMIT)
    if plan.refused:
        raise typer.Exit(REFUSED)
    if missing:
        print(f"ambient: {left_out(missing)}", file=sys.stderr)
    if plan.errors or missing:
        raise typer.Exit(1)
    raise typer.Exit(CHANGES if plan.changes else 0)


def _offline(project: Project, stack: str, loaded: LoadedStack, at: datetime | None, state: str) -> Plan:
    when = at or clock.now()
    if state:
        export = saved_export(project, stack, state)
    else:
        export = parse_export(backend.export_text(pulumi.PulumiEngine(project.folder), stack))
    desired = making.declared(project, stack, loaded, when)
    there = read_deployed(export, stack, when)
    if state and resources(export) and not ledgers_in(export):
        print(f"ambient: {one_line(state)} has no access ledger: everything is shown as new", file=sys.stderr)
    return making.offline(stack, desired, there, when)


def _online(
    project: Project,
    stack: str,
    loaded: LoadedStack,
    at: datetime | None,
    save: str,
    age: int | None,
    *,
    refresh: bool,
    no_secrets: bool,
) -> Plan:
    require_passphrase(project, stack)
    made = making.make(project, stack, loaded, at, refresh=refresh)
    plan = making.without_secrets(made.plan) if no_secrets else made.plan
    if save and not (plan.refused or plan.errors):
        versions = saved.versions(made.engine)
        saved.write(save, saved.saved(plan, made.export, versions, max_age=age, refresh=refresh))
        print(f"ambient: saved to {save}: ambient up {stack} --plan {save}", file=sys.stderr)
    elif save:
        print("ambient: not saved: it can't be deployed", file=sys.stderr)
    return plan


def _check_usage(*, offline: bool, state: str, at: str, save: str, max_age: str, refresh: bool, diff: bool) -> None:
    wrong = {
        "--state": (bool(state) and not offline, "a state out of a file is compared offline: add --offline"),
        "--refresh": (refresh and offline, "looks into the cluster: leave --offline out"),
        "--diff": (diff and offline, "shows the engine's steps, and offline there are none: leave --offline out"),
        "--save": (bool(save) and (offline or bool(at)), "saves a run of now, online: leave --offline and --at out"),
        "--max-age": (bool(max_age) and not save, "is kept in a saved plan: add --save FILE"),
    }
    for flag, (is_wrong, msg) in wrong.items():
        if is_wrong:
            raise typer.BadParameter(msg, param_hint=flag)


def _check_limit(limit: int, form: Format) -> None:
    if limit and form is not Format.MARKDOWN:
        misuse("--limit", "is for a page in Markdown: add --format markdown")
    if limit and limit < _SHORTEST:
        misuse("--limit", f"{limit} is too short: {_SHORTEST} is the least")


def _moment(text: str, loaded: LoadedStack) -> datetime | None:
    """Parse a day, which begins at midnight in the stack's zone, or a time in UTC."""
    if not text:
        return None
    given = recorded_date(text)
    if given is None:
        misuse("--at", f"{text!r} is neither a day nor a moment, such as 2027-01-01 or 2027-01-01T12:00:00Z")
    when = given if isinstance(given, datetime) else start_of(given, loaded.file.timezone)
    if when < clock.now():
        misuse("--at", f"{text} is past, and a plan is for now or for later")
    return when
