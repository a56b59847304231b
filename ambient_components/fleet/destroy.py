"""Destroying fleets: evaluate each as a whole, confirm the name once, then destroy all shards in parallel."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ambient_components.engine.backend import stack_of
from ambient_components.engine.state import Export, joined
from ambient_components.errors import AmbientError, Problem, refusal
from ambient_components.fleet.decisions import Selection, ask_states, every
from ambient_components.fleet.run import Request, carried_out
from ambient_components.output import REFUSED, show_problem, show_problems
from ambient_components.shards import left, needs_refresh
from ambient_components.stacks import destruction, pulumi, states
from ambient_components.stacks.selection import Fleet


def run_destroy(fleets: Sequence[Fleet], request: Request, ask: Callable[[], None]) -> int:
    """Show what would be deleted, check it, ask, destroy, and return the exit code.

    Args:
        request: The command line's request.
        ask: Asks for the name. It raises if the name is not confirmed.

    Raises:
        AmbientError: A state can't be read.
    """
    begun = time.monotonic()
    question = ask_states(fleets[0])
    decisions = [every(fleet, question, request.shards) for fleet in fleets]
    if unsettled := [problem for one in decisions for problem in _unsettled(one)]:
        show_problems(unsettled)
        return 1
    # Each fleet is evaluated alone, because the limits apply to one cluster.
    found = {one.fleet.name: destruction.read_destruction(_together(one)) for one in decisions}
    if all(one.empty for one in found.values()):
        print(f"Fleet {request.name} has nothing: there is nothing to destroy.")
        return 0
    people = sys.stderr if request.form == "json" else sys.stdout
    refused = []
    for one in decisions:
        name, goes, what = one.fleet.name, found[one.fleet.name], "Stack" if one.fleet.plain else "Fleet"
        if goes.empty:
            print(f"{what} {name} has nothing.\n", file=people, flush=True)
            continue
        print(f"{what} {name}:\n", *destruction.lines(goes), "", sep="\n", file=people, flush=True)
        stack_name = name if len(decisions) > 1 else ""
        # A fleet is deployed by all of its shards.
        refused += [replace(problem, path=stack_name) for problem in destruction.refusals(goes, f"ambient up {name}")]
    if refused:
        show_problems(refused)
        return REFUSED
    ask()
    code = carried_out(decisions, request, begun)
    if code == 0 and request.form != "json":
        command = f"pulumi stack rm {fleets[0].stack(0)} --preserve-config"
        print(f"\nThe stacks and their config stay. To remove one as well: {command}")
    return code


def _unsettled(one: Selection) -> list[Problem]:
    """Return why shards can't be destroyed: objects of interrupted runs are in no state, and would stay unnoticed."""
    if one.records is None:
        return []
    known = one.records.read(beyond=True)
    if one.records.trouble:
        # A ledger in the state reads the record before it is deleted, so this check is not the only one.
        show_problem(one.records.trouble)
    fleet, problems = one.fleet, []
    for number, record in known.items():
        if needs_refresh(record) or left(record):
            more = f"write shards: {number + 1} in the config, as it was, and " if number >= fleet.count else ""
            problems.append(
                refusal(
                    f"{fleet.stack(number)}: a run of it was killed, or is under way, and what it made may be in no "
                    "state: nothing is destroyed",
                    f"{more}run ambient up {fleet.name} --shard {number} first",
                )
            )
    return problems


def _together(one: Selection) -> Export:
    """Return the states of all selected shards as one."""
    found: list[Export] = []
    stacks = [task.stack for task in one.tasks]
    deployed = [stack for stack in stacks if (state := stack_of(one.states, stack)) and state.at]
    for export in states.exports(pulumi.engine_for(one.fleet.project.folder), deployed).values():
        if isinstance(export, AmbientError):
            raise export
        found.append(export)
    return joined(found) if found else {}
