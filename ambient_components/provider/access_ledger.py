"""``ambient:index:AccessLedger``: a stack's whole access as one resource, registered before all others.

It exists for two answers of the protocol. `check` sees the last deployment's inputs beside the new ones, in preview and
in up alike: what must not happen is refused there, before anything is changed. `diff` names each subject, so that the
plain ``pulumi preview --diff`` says who gains and who loses what (docs/adr/0004). It makes nothing in the cluster.
"""

from typing import Any

from ambient_components import clock
from ambient_components.access import RailSettings, changed_paths, rail_warnings, refusals
from ambient_components.failure import StepError
from ambient_components.provider.preflight import preflight
from ambient_components.provider.resource import Change, Check, Context, Diff, Found, Values
from ambient_components.provider.wire import UNKNOWN


class AccessLedger:
    """The resource type; it has no state of its own."""

    token = "ambient:index:AccessLedger"  # noqa: S105  # a type token

    def check(self, context: Context, olds: Values, news: Values) -> Check:
        """Refuses what must not be deployed, and what can't be: see `refusals` and `preflight`."""
        if _unknown(news):
            return Check(failures=("its inputs must be known before the update: give names and roles as plain text",))
        owner = news.get("owner")
        if not isinstance(owner, str) or not owner:
            return Check(failures=("owner is missing: the project and the fleet that these workspaces belong to",))
        if not isinstance(news.get("workspaces"), dict):
            return Check(failures=("workspaces: a mapping of workspace names to their access is expected",))
        try:
            rails = RailSettings.of(news.get("rails"))
        except ValueError as error:
            return Check(failures=(str(error),))
        before, after, now = olds.get("workspaces") or {}, news["workspaces"], clock.now()
        problems = refusals(before, after, rails, now)
        for warning in () if problems else rail_warnings(before, after, now):
            context.warn(warning)
        try:
            entries = {name: entry for name, entry in after.items() if isinstance(entry, dict)}
            # An entry that is refused for its form has no names to look for.
            problems += preflight(context, owner, before, entries, look_for_drift=not problems)
        except StepError as error:
            problems.append(str(error))
        return Check(failures=tuple(problems))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        """Who gains, loses or changes what, subject by subject."""
        return Diff({change.path: Change(change.kind) for change in changed_paths(inputs, news)})

    def create(self, context: Context, news: Values) -> tuple[str, Values]:  # noqa: ARG002
        """Records the access; the components make it."""
        return str(news["owner"]), {}

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> Found | None:  # noqa: ARG002
        """What was declared, as it was declared: drift of single objects is theirs to report."""
        if not inputs:
            msg = f"{identity} can't be imported: a ledger is what a stack declares; the next pulumi up records it"
            raise StepError(msg)
        return Found({})

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """Records the access."""
        return {}

    def delete(self, context: Context, identity: str, state: Values) -> None:
        """Forgets it; there is nothing in the cluster."""


def _unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(_unknown(item) for item in value)
    return value is UNKNOWN
