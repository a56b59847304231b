"""``ambient:index:AccessLedger``: a stack's whole access as one resource, registered before all others.

It exists for two answers of the protocol. `check` sees the last deployment's inputs beside the new ones, in preview and
in up alike: what must not happen is refused there, before anything is changed. `diff` names each subject, so that the
plain ``pulumi preview --diff`` says who gains and who loses what (docs/adr/0004). It makes nothing in the cluster but a
shard's run record (docs/adr/0018).
"""

import os
from typing import Any, Final

from ambient_components import clock, environment
from ambient_components.access import RailSettings, changed_paths, rail_warnings, refusals
from ambient_components.access.fleet_rails import JUDGED_VARIABLE, as_judged
from ambient_components.engine import types
from ambient_components.engine.names import LEDGER_NAME
from ambient_components.engine.urns import Urn
from ambient_components.failure import StepError
from ambient_components.provider import lost_runs
from ambient_components.provider.elsewhere import with_elsewhere
from ambient_components.provider.ending import end_first
from ambient_components.provider.forgotten import forgotten
from ambient_components.provider.held import with_held
from ambient_components.provider.preflight import preflight
from ambient_components.provider.resource import Change, Check, Context, Diff, Found, Values
from ambient_components.provider.run_record import RunRecord
from ambient_components.provider.wire import UNKNOWN

_MISPLACED: Final = (
    f"a stack has one ledger, which is named {LEDGER_NAME!r} and has no parent. Under another name nothing of the last "
    "deployment would be compared: what left the ledger in the same change would be deleted without a question. Name "
    f"it {LEDGER_NAME!r}; if it was deployed under another name, add that name to its aliases (pulumi.Alias)"
)


class AccessLedger:
    """The resource type; it has no state of its own."""

    token = types.ACCESS_LEDGER

    def check(self, context: Context, olds: Values, news: Values) -> Check:
        """Refuses what must not be deployed, and what can't be: see `refusals`, `preflight` and `with_held`."""
        for warning in environment.warnings():
            context.warn(warning)

        def check(told: Values) -> Check:
            return with_held(lambda inner: self._check(context, olds, inner, told.get("workspaces")), olds, told)

        return with_elsewhere(check, olds, news)

    def _check(self, context: Context, olds: Values, news: Values, asked: Any) -> Check:
        if _unknown(news):
            return Check(failures=("its inputs must be known before the update: give names and roles as plain text",))
        if (urn := Urn.parse(context.urn)).name != LEDGER_NAME or urn.types != (types.ACCESS_LEDGER,):
            return Check(failures=(_MISPLACED,))
        owner = news.get("owner")
        if not isinstance(owner, str) or not owner:
            return Check(failures=("owner is missing: the project and the fleet that these workspaces belong to",))
        if not isinstance(news.get("workspaces"), dict):
            return Check(failures=("workspaces: a mapping of workspace names to their access is expected",))
        try:
            rails, place = RailSettings.of(news.get("rails")), RunRecord.of(news)
        except ValueError as error:
            return Check(failures=(str(error),))
        before, after, now = olds.get("workspaces") or {}, news["workspaces"], clock.now()
        # How much may leave is a fleet's share, where `ambient` has judged all shards together: all that is asked for,
        # also what is held since.
        judged = as_judged(rails, os.environ.get(JUDGED_VARIABLE), before, asked, now)
        problems = refusals(before, after, judged, now)
        for warning in () if problems else rail_warnings(before, after, now):
            context.warn(warning)
        try:
            entries = {name: entry for name, entry in after.items() if isinstance(entry, dict)}
            # An entry that is refused for its form has no names to look for.
            ending = lost_runs.ending(context, place, entries) if place and not problems else ()
            problems += preflight(
                context, owner, before, entries, look_for_drift=not problems, ending=ending, lost=bool(place)
            )
            if not olds and not place:
                problems += forgotten(context, owner, {*after, *(asked or ())})
            if place and len(entries) == len(after):
                problems += lost_runs.problems(context, place, before, entries)
        except StepError as error:
            problems.append(str(error))
        return Check(failures=tuple(problems))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:
        """Who gains, loses or changes what, subject by subject; and what a run left that was lost."""
        place = RunRecord.of(news)
        computed = lost_runs.changes(context, place, state, news) if place else frozenset[str]()
        return Diff({change.path: Change(change.kind) for change in changed_paths(inputs, news)}, computed)

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Records the access; the components make it."""
        return str(news["owner"]), self._recorded(context, {}, news)

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> Found | None:  # noqa: ARG002
        """What was declared, as it was declared: drift of single objects is theirs to report."""
        if not inputs:
            msg = f"{identity} can't be imported: a ledger is what a stack declares; the next pulumi up records it"
            raise StepError(msg)
        return Found(_kept(state))

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """End what left the ledger, before anything new is made, and record the rest."""
        if not context.preview:
            end_first(context, state.get("workspaces") or {}, news["workspaces"])
        return self._recorded(context, state, news)

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Forgets it; in the cluster there is nothing of it but a shard's run record."""
        if place := RunRecord.of(state):
            lost_runs.forget(context, place, state)

    def _recorded(self, context: Context, state: Values, news: Values) -> Values:
        """In the state, and of a shard in its run record as well: before anything is made."""
        place = RunRecord.of(news)
        if not place:
            return {}
        if context.preview:
            lost_runs.announce(context, place, state, news)
            return _kept(state)
        return lost_runs.settle(context, place, state, news)


def _kept(state: Values) -> Values:
    return {lost_runs.OUTPUT: state[lost_runs.OUTPUT]} if lost_runs.OUTPUT in state else {}


def _unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(_unknown(item) for item in value)
    return value is UNKNOWN
