"""``ambient:index:AccessLedger``: a stack's complete access as one resource, registered before all others.

It exists for two answers of the protocol. `check` sees the deployed inputs and the new ones, in preview and up alike,
so a forbidden change is refused before anything happens. `diff` names each subject, so that plain ``pulumi preview
--diff`` shows who gains and loses access (docs/internals/adr/0004). In the cluster it only writes a shard's run record
(docs/internals/adr/0018).
"""

import os
from dataclasses import replace
from typing import Final

from ambient_components import clock
from ambient_components.access.bindings import Expected
from ambient_components.access.deployer import Feature, features_of
from ambient_components.access.endings import Ending, endings
from ambient_components.access.entries import Ledger, ledger_in
from ambient_components.access.fleet_guardrails import APPROVED_VARIABLE, with_approved
from ambient_components.access.guardrails import guardrail_warnings
from ambient_components.access.ledger import refusals
from ambient_components.cluster.client import ApiError, Cluster
from ambient_components.cluster.parallel import in_parallel
from ambient_components.cluster.revocation import ROLE_BINDING, end, object_path
from ambient_components.engine import urns
from ambient_components.engine.names import LEDGER_NAME
from ambient_components.engine.urns import Urn
from ambient_components.errors import AmbientError, BadValue, Problem, StepError, refusal
from ambient_components.platform.contract import RBAC_API_GROUP, cluster_role
from ambient_components.provider.ledger import interrupted_runs
from ambient_components.provider.ledger.existing import forgotten
from ambient_components.provider.ledger.inputs import LedgerInputs
from ambient_components.provider.ledger.preflight import preflight
from ambient_components.provider.ledger.run_record import RunRecord
from ambient_components.provider.ledger.sharing import write_sharing
from ambient_components.provider.protocol.resource import Check, Context, Diff, ReadResult, Values, changes_of
from ambient_components.rules.refusals import Rule
from ambient_components.rules.warnings import LoudWarning
from ambient_components.shards import CHECK_VARIABLE


def end_first(context: Context, before: Ledger, after: Ledger) -> None:
    """End all access that the ledger loses, in all workspaces.

    A failure is only a warning: the object's own resource deletes it later in the run, and fails if it still exists.
    """
    todo = [
        (name, ending)
        for name in sorted(before.keys() & after.keys())
        for ending in endings(name, before[name], after[name])
    ]
    if not todo:
        return
    cluster = context.guard.cluster
    for note, warning in in_parallel(lambda job: _end(cluster, *job), todo):
        if note:
            context.note(note)
        if warning:
            context.warn(LoudWarning.NOT_DONE, warning)


def _end(cluster: Cluster, workspace: str, ending: Ending) -> tuple[str | None, Problem | None]:
    try:
        for binding in ending.after:
            _ensure(cluster, workspace, binding)
        ended = end(cluster, ending.kind, workspace, ending.name)
    except StepError as error:
        return None, error.problem.within(
            f"workspace {workspace!r}: could not end {ending.what} at the start of this run"
        )
    return (f"{workspace}: ended {ending.what}" if ended else None), None


def _ensure(cluster: Cluster, workspace: str, binding: Expected) -> None:
    """Create the binding of a lowered role, so that access is not interrupted; its resource completes it."""
    if binding.role is None or binding.subject is None:
        return
    path = object_path(ROLE_BINDING, workspace, binding.name)
    body = {
        "apiVersion": f"{RBAC_API_GROUP}/v1",
        "kind": ROLE_BINDING,
        "metadata": {"name": binding.name, "namespace": workspace},
        "roleRef": {"apiGroup": RBAC_API_GROUP, "kind": "ClusterRole", "name": cluster_role(binding.role)},
        "subjects": [binding.subject.rbac_subject()],
    }
    try:
        cluster.create(path.rpartition("/")[0], body)
    except ApiError as error:
        if error.status != 409:
            raise


_MISPLACED: Final = refusal(
    f"a stack has one ledger, which is named {LEDGER_NAME!r} and has no parent: under another name nothing of the last "
    "deployment would be compared, and what left the ledger in the same change would be deleted without a question",
    f"name it {LEDGER_NAME!r}",
    "if it was deployed under another name, add that name to its aliases (pulumi.Alias)",
)


class AccessLedger:
    token = urns.ACCESS_LEDGER

    def check(self, context: Context, olds: Values, news: Values) -> Check:
        for warning in clock.warnings():
            context.show(warning)
        if (urn := Urn.parse(context.urn)).name != LEDGER_NAME or urn.types != (urns.ACCESS_LEDGER,):
            return Check(failures=(_MISPLACED,))
        try:
            inputs = LedgerInputs.read(olds, news)
        except BadValue as error:
            return Check(failures=(refusal(error.problem, error.hints),))
        context = replace(context, acknowledged=inputs.acknowledged)
        problems = inputs.remaining(_problems(context, inputs, is_new=not olds))
        return Check(failures=tuple(problems), inputs=inputs.to_record)

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        """Return gained, lost and changed access by subject, and what an interrupted run left behind."""
        place = RunRecord.of(news)
        computed = {"record"} if place and interrupted_runs.needs_update(context, place, ledger_in(news)) else ()
        return Diff(changes_of(inputs, news), frozenset(computed))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        _record(context, {}, news, ledger_in(news))
        return str(news["owner"]), {}

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:  # noqa: ARG002
        """Return the state unchanged: each object reports its own drift.

        `ambient up --refresh` runs a shard without changes only if the refresh finds something (`CHECK_VARIABLE`). The
        refresh then includes the check of that run; the engine itself asks for the diff.
        """
        if os.environ.get(CHECK_VARIABLE) and (failures := self.check(context, inputs, inputs).failures):
            raise AmbientError(failures)
        return ReadResult({})

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """End the access that left the ledger before anything new is created, and record the rest."""
        before, after = ledger_in(state), ledger_in(news)
        if not context.preview:
            closing = (
                name for name, entry in after.items() if entry.is_closed and not before.get(name, entry).is_closed
            )
            write_sharing(context, closing, after)
            end_first(context, before, after)
            interrupted_runs.reopen(context, [name for name, entry in before.items() if entry.is_closed], after)
        _record(context, before, news, after)
        return {}

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Remove a shard's run record; otherwise the cluster has nothing of the ledger."""
        if place := RunRecord.of(state):
            interrupted_runs.forget(context, place, ledger_in(state))


def _problems(context: Context, inputs: LedgerInputs, *, is_new: bool) -> list[Problem]:
    before, after, place, now = inputs.before, inputs.after, inputs.record, clock.now()
    problems = [*inputs.misfits]
    if not problems:
        # Removals are limited per fleet. `ambient` has evaluated them over all shards, with the complete request,
        # including workspaces that were excluded later.
        approved = with_approved(inputs.guardrails, os.environ.get(APPROVED_VARIABLE), before, inputs.requested, now)
        problems = refusals(before, after, approved, now)
    for warning in () if problems else guardrail_warnings(before, after, now):
        context.show(warning)
    try:
        ending = interrupted_runs.ending(context, place, after) if place and not problems else ()
        problems += preflight(
            context,
            inputs.owner,
            before,
            after,
            look_for_drift=not problems,
            features=_features(before, after, is_shard=bool(place), ends_access=bool(ending)),
            ending=ending,
            lost=interrupted_runs.lost(context, place, before, after),
        )
        if is_new and not place:
            problems += forgotten(context, inputs.owner, {*after, *inputs.requested})
        if place and not inputs.misfits:
            of_runs = interrupted_runs.problems(context, place, before, after)
            elsewhere = [problem.workspaces for problem in of_runs if problem.rule == Rule.OTHER_SHARD]
            # What another shard's state has is not lost.
            problems = [
                problem
                for problem in problems
                if problem.rule != Rule.UNKNOWN_ACCOUNTS or problem.workspaces not in elsewhere
            ]
            problems += of_runs
    except StepError as error:
        problems.append(error.problem)
    return problems


def _features(before: Ledger, after: Ledger, *, is_shard: bool, ends_access: bool) -> frozenset[Feature]:
    """Return the features that this run needs rights for: also of what it removes, and of interrupted runs."""
    more = {Feature.CONFIG_MAPS: is_shard, Feature.KEYS: ends_access}
    return features_of(before, after) | {feature for feature, needed in more.items() if needed}


def _record(context: Context, before: Ledger, news: Values, after: Ledger) -> None:
    place = RunRecord.of(news)
    if place and context.preview:
        interrupted_runs.announce(context, place, after)
    elif place:
        interrupted_runs.settle(context, place, before, after)
