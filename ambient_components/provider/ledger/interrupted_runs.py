"""Interrupted runs in the ledger: changes that would hide their effects are refused, and their access ends.

Only for a stack with a run record, which is a shard of a fleet.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Final

from ambient_components.access.entries import NOTHING, Ledger
from ambient_components.cluster import revocation
from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.objects import Json, annotations, listing, uid
from ambient_components.cluster.objects import name as name_of
from ambient_components.cluster.parallel import in_parallel
from ambient_components.cluster.revocation import thaw
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.platform.contract import (
    BOUND_OBJECT,
    BOUND_OBJECT_LABEL,
    OWNER_ANNOTATION,
    SERVICE_ACCOUNT_ANNOTATION,
)
from ambient_components.provider.ledger.run_record import RunRecord, optional, run_id, this_run
from ambient_components.provider.ledger.sharing import write_sharing
from ambient_components.provider.protocol.resource import Context
from ambient_components.rules.refusals import Rule
from ambient_components.rules.warnings import LoudWarning
from ambient_components.shards.excluded import excluded_of
from ambient_components.shards.interrupted import (
    Leftover,
    begun,
    bucket_refusals,
    has_bucket,
    leftovers,
    may_be_ours,
    vanished,
)
from ambient_components.shards.records import Entries, Record, declare, is_unsettled, left

_TOKEN_SECRETS: Final = 100
"""Token Secrets of a deleted account that one run deletes."""


def problems(context: Context, place: RunRecord, before: Ledger, after: Ledger) -> list[Problem]:
    """Return why this run must not begin, according to the records of this shard and of its siblings."""
    refusals: list[Problem] = []
    with optional(context):
        cluster = context.guard.cluster
        lost = left(place.read(cluster), run_id())
        for name, entries in begun(lost, before).items():
            if name not in after and (has_bucket(entries) or _there(cluster, place.owner, name, entries)):
                refusals.append(vanished(name))
        refusals.extend(bucket_refusals(lost, before, after))
        refusals.extend(_of_siblings(cluster, place, sorted(after.keys() - before.keys() - lost.keys())))
    return refusals


def ending(context: Context, place: RunRecord, after: Ledger) -> tuple[Leftover, ...]:
    """Return access from an interrupted run that this run ends; empty if unknown, which `problems` reports."""
    try:
        return leftovers(left(place.read(context.guard.cluster), run_id()), after)
    except StepError:
        return ()


def lost(context: Context, place: RunRecord | None, before: Ledger, after: Ledger) -> frozenset[str]:
    """Return the workspaces of this run that an earlier state may have had, and the stack's state has not.

    Of a shard these are the ones of its last successful run. A state without any workspace may have had all others,
    except for those that only interrupted runs declared.
    """
    record, new = Record(), after.keys() - before.keys()
    if place and new:
        with suppress(StepError):  # `problems` reports it
            record = place.read(context.guard.cluster)
    deployed, unwritten = record.done.workspaces if record.done else {}, left(record, run_id())
    return frozenset(name for name in new if name in deployed or not (before or name in unwritten))


def needs_update(context: Context, place: RunRecord, after: Ledger) -> bool:
    """Return whether the record needs an update without a change of the inputs.

    The update ends what interrupted runs left, and corrects an outdated record.
    """
    with optional(context):
        record = place.read(context.guard.cluster)
        unsettled = is_unsettled(record, after) or bool(leftovers(left(record, run_id()), after))
        return unsettled or record.declared != after
    return False


def announce(context: Context, place: RunRecord, after: Ledger) -> None:
    with optional(context):
        cluster = context.guard.cluster
        for leftover in leftovers(left(place.read(cluster), run_id()), after):
            if cluster.get(revocation.object_path(leftover.kind, leftover.namespace, leftover.name)) is not None:
                context.note(f"ends {leftover}, which an interrupted run gave and the files no longer declare")


def settle(context: Context, place: RunRecord, before: Ledger, after: Ledger) -> None:
    """End what interrupted runs left, or warn and leave it to the next run; then record this run's declaration."""
    with optional(context):
        cluster = context.guard.cluster
        lost = left(place.read(cluster), run_id())
        reopen(context, [name for name, entries in lost.items() if any(entry.is_closed for entry in entries)], after)
        todo, excluded = leftovers(lost, after), excluded_of(os.environ)
        # Excluded workspaces may have another owner by now, so their access stays recorded.
        waiting = tuple(leftover for leftover in todo if leftover.namespace in excluded)
        remains = (*end(context, place.owner, [leftover for leftover in todo if leftover not in waiting]), *waiting)
        run = this_run()
        # Workspaces that were started and are not declared now (excluded, or without objects) stay recorded.
        open_ends = {name: lost[name] for name in begun(lost, before).keys() - after}

        def declared(record: Record) -> Record:
            changed = declare(record, after, run, swept=not remains)
            return changed if remains else replace(changed, lost=open_ends)

        place.write(cluster, declared)


def reopen(context: Context, closed: Iterable[str], after: Ledger) -> None:
    """Allow new access where a closing was interrupted and the workspace is no longer to be closed."""
    opening = [name for name in closed if name in after and not after[name].is_closed]
    write_sharing(context, opening, after)
    for name in opening:
        try:
            thaw(context.guard.cluster, name)
        except StepError as error:
            context.warn(LoudWarning.NOT_DONE, error.problem.within(f"could not open {name} for new access"))


def forget(context: Context, place: RunRecord, before: Ledger) -> None:
    """Delete the record of a destroyed shard, and end what interrupted runs left. If that fails, the ledger stays."""
    cluster = context.guard.cluster
    lost = left(place.read(cluster), run_id())
    # A released workspace keeps only the access in its entry.
    stays = {
        name: before[name] if name in before and before[name].is_released else NOTHING
        for name in sorted(lost)
        if _there(cluster, place.owner, name, (*lost[name], *([before[name]] if name in before else [])))
    }
    there = [name for name in begun(lost, before) if name in stays]
    if end(context, place.owner, leftovers(lost, stays)):
        msg = "access that an interrupted run gave could not be ended"
        raise StepError(msg, "run pulumi destroy again")
    if there:
        context.warn(
            LoudWarning.INTERRUPTED_RUN,
            f"an interrupted run may have begun {listing(there)}, and the state knows nothing of it: all access "
            "ended, and what else is in it stays",
            f"delete it if it is not needed: kubectl delete namespace {' '.join(there)}",
        )
    place.remove(cluster)


def end(context: Context, owner: str, objects: Sequence[Leftover]) -> tuple[Leftover, ...]:
    cluster, failed, ended = context.guard.cluster, [], []
    for leftover in objects:
        try:
            if revocation.end(cluster, leftover.kind, leftover.namespace, leftover.name):
                ended.append(str(leftover))
            if leftover.kind == "ServiceAccount":
                _end_token_secrets(cluster, owner, leftover)
        except StepError as error:
            failed.append(leftover)
            context.warn(
                LoudWarning.NOT_DONE,
                error.problem.within(f"could not end {leftover}, which an interrupted run gave", "deploy again"),
            )
    if ended:
        context.warn(
            LoudWarning.INTERRUPTED_RUN,
            f"ended access that an interrupted run gave, and that neither the files nor a state have: "
            f"{', '.join(ended)}",
        )
    return tuple(failed)


def _end_token_secrets(cluster: Cluster, owner: str, account: Leftover) -> None:
    """Delete the token Secrets of a deleted account, which no key manages.

    Their tokens ended with the account. So those that are too many for one run, which only a user can make, may stay.
    """
    secrets = core("namespaces", account.namespace, "secrets")
    items = cluster.each(secrets, f"{BOUND_OBJECT_LABEL}={BOUND_OBJECT}", metadata=True)
    token_secrets = ((name_of(item), uid(item)) for item in items if _is_of(item, owner, account))
    in_parallel(
        lambda secret: revocation.end(cluster, revocation.SECRET, account.namespace, *secret),
        islice(token_secrets, _TOKEN_SECRETS),
    )


def _is_of(item: Json, owner: str, account: Leftover) -> bool:
    notes = annotations(item)
    return notes.get(SERVICE_ACCOUNT_ANNOTATION) == account.name and notes.get(OWNER_ANNOTATION) in (owner, None)


def _there(cluster: Cluster, owner: str, workspace: str, entries: Entries) -> bool:
    namespace = cluster.get(core("namespaces", workspace))
    if namespace is None:
        return False
    return may_be_ours(entries, owner, annotations(namespace).get(OWNER_ANNOTATION))


def _of_siblings(cluster: Cluster, place: RunRecord, new: Sequence[str]) -> list[Problem]:
    """Refuse new workspaces of this shard that another shard of the fleet deploys, because its state has them."""
    there = {
        name_of(item)
        for item in (cluster.each(core("namespaces")) if new else ())
        if annotations(item).get(OWNER_ANNOTATION) == place.owner
    }
    mine = [workspace for workspace in new if workspace in there]
    if not mine:
        return []
    refusals = []
    for stack, record in place.siblings(cluster):
        theirs = {**dict.fromkeys(left(record), NOTHING), **(record.declared or {})}
        refusals += [
            refusal(
                f"workspace {workspace!r} is deployed by shard {stack}: nothing is changed",
                f"to move it with all that it has, run: ambient reshard {place.owner.rsplit('/', 1)[-1]}",
                rule=Rule.OTHER_SHARD,
                workspaces=(workspace,),
            )
            for workspace in mine
            if workspace in theirs and not theirs[workspace].is_released
        ]
    return refusals
