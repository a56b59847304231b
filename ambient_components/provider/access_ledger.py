"""``ambient:index:AccessLedger``: a stack's whole access as one resource, registered before all others.

It exists for two answers of the protocol. `check` sees the last deployment's inputs beside the new ones, in preview and
in up alike: what must not happen is refused there, before anything is changed. `diff` names each subject, so that the
plain ``pulumi preview --diff`` says who gains and who loses what (docs/adr/0004). It makes nothing in the cluster but a
shard's run record (docs/adr/0018).
"""

import os
from typing import Final

from ambient_components import clock, environment
from ambient_components.access import Ledger, changed_paths, rail_warnings, read_ledger, refusals
from ambient_components.access.fleet_rails import JUDGED_VARIABLE, as_judged
from ambient_components.engine import types
from ambient_components.engine.names import LEDGER_NAME
from ambient_components.engine.urns import Urn
from ambient_components.errors import BadValue, Problem, refusal
from ambient_components.failure import StepError
from ambient_components.provider import lost_runs
from ambient_components.provider.ending import end_first
from ambient_components.provider.forgotten import forgotten
from ambient_components.provider.ledger_inputs import LedgerInputs
from ambient_components.provider.preflight import preflight
from ambient_components.provider.resource import Change, Check, Context, Diff, Found, Values
from ambient_components.provider.run_record import RunRecord

_MISPLACED: Final = refusal(
    f"a stack has one ledger, which is named {LEDGER_NAME!r} and has no parent: under another name nothing of the last "
    "deployment would be compared, and what left the ledger in the same change would be deleted without a question",
    f"name it {LEDGER_NAME!r}",
    "if it was deployed under another name, add that name to its aliases (pulumi.Alias)",
)


class AccessLedger:
    """The resource type; it has no state of its own."""

    token = types.ACCESS_LEDGER

    def check(self, context: Context, olds: Values, news: Values) -> Check:
        """Refuses what must not be deployed, and what can't be: see `refusals` and `preflight`."""
        for warning in environment.warnings():
            context.warn(warning)
        if (urn := Urn.parse(context.urn)).name != LEDGER_NAME or urn.types != (types.ACCESS_LEDGER,):
            return Check(failures=(_MISPLACED,))
        try:
            inputs = LedgerInputs.read(olds, news)
        except BadValue as error:
            return Check(failures=(refusal(error.problem, error.hints),))
        problems = inputs.standing(_problems(context, inputs, is_new=not olds))
        return Check(failures=tuple(problems), inputs=inputs.to_record)

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:
        """Who gains, loses or changes what, subject by subject; and what a run left that was lost."""
        computed, place = frozenset[str](), RunRecord.of(news)
        if place:
            computed = lost_runs.changes(context, place, lost_runs.recorded(state), _ledger(news))
        return Diff({change.path: Change(change.kind) for change in changed_paths(inputs, news)}, computed)

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Records the access; the components make it."""
        return str(news["owner"]), _record(context, {}, {}, news, _ledger(news))

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> Found | None:  # noqa: ARG002
        """What was declared, as it was declared: drift of single objects is theirs to report."""
        if not inputs:
            msg = f"{identity} can't be imported: a ledger is what a stack declares; the next pulumi up records it"
            raise StepError(msg)
        return Found(_kept(state))

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """End what left the ledger, before anything new is made, and record the rest."""
        before, after = _ledger(state), _ledger(news)
        if not context.preview:
            end_first(context, before, after)
        return _record(context, state, before, news, after)

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Forgets it; in the cluster there is nothing of it but a shard's run record."""
        if place := RunRecord.of(state):
            lost_runs.forget(context, place, lost_runs.recorded(state), _ledger(state))


def _problems(context: Context, inputs: LedgerInputs, *, is_new: bool) -> list[Problem]:
    """Every reason not to begin, also of workspaces that are held or have moved: see `LedgerInputs.standing`."""
    before, after, place, now = inputs.before, inputs.after, inputs.record, clock.now()
    problems = [*inputs.misfits]
    if not problems:
        # How much may leave is a fleet's share, where `ambient` has judged all shards together: all that is asked for,
        # also what is held since.
        judged = as_judged(inputs.rails, os.environ.get(JUDGED_VARIABLE), before, inputs.asked, now)
        problems = refusals(before, after, judged, now)
    for warning in () if problems else rail_warnings(before, after, now):
        context.warn(warning)
    try:
        ending = lost_runs.ending(context, place, after) if place and not problems else ()
        problems += preflight(
            context, inputs.owner, before, after, look_for_drift=not problems, ending=ending, lost=bool(place)
        )
        if is_new and not place:
            problems += forgotten(context, inputs.owner, {*after, *inputs.asked})
        if place and not inputs.misfits:
            problems += lost_runs.problems(context, place, before, after)
    except StepError as error:
        problems.append(error.problem)
    return problems


def _record(context: Context, state: Values, before: Ledger, news: Values, after: Ledger) -> Values:
    """In the state, and of a shard in its run record as well: before anything is made."""
    place, unended = RunRecord.of(news), lost_runs.recorded(state)
    if not place:
        return {}
    if context.preview:
        lost_runs.announce(context, place, unended, after)
        return _kept(state)
    return lost_runs.settle(context, place, unended, before, after)


def _ledger(values: Values) -> Ledger:
    return read_ledger(values.get("workspaces"))


def _kept(state: Values) -> Values:
    return {lost_runs.OUTPUT: state[lost_runs.OUTPUT]} if lost_runs.OUTPUT in state else {}
