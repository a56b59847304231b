"""What the ledger does about runs that were lost: refuses what would hide what they left, and ends their access.

Only for a stack that has a run record, hence for a shard of a fleet.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ambient_components import cluster_objects
from ambient_components.access import object_names
from ambient_components.cluster import Cluster, core
from ambient_components.cluster_objects import annotations, listing, uid
from ambient_components.contract import HANDLE, HANDLE_LABEL, OWNER_ANNOTATION, SERVICE_ACCOUNT_ANNOTATION
from ambient_components.failure import StepError
from ambient_components.provider import revocation
from ambient_components.provider.resource import Context, Values
from ambient_components.provider.run_record import RunRecord, or_warn, run_id, this_run
from ambient_components.rules.states import RELEASED
from ambient_components.shards import Record, declare, left
from ambient_components.shards.hold import held_of
from ambient_components.shards.lost import (
    Leftover,
    begun,
    bucket_refusals,
    has_bucket,
    leftovers,
    may_be_ours,
    vanished,
)

OUTPUT: Final = "lostRun"
"""Output of a ledger that has a record: access that a lost run gave and that could not be ended yet."""


def problems(context: Context, place: RunRecord, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Why this run must not begin, as far as the records of this shard and of its siblings say.

    Raises:
        StepError: the record can't be read, and this run has no checkpoints.
    """
    found: list[str] = []

    def look() -> None:
        cluster = context.guard.cluster
        lost = left(place.read(cluster), run_id())
        for name, entries in begun(lost, before).items():
            if name not in after and (has_bucket(entries) or _there(cluster, place.owner, name, entries)):
                found.append(vanished(name))
        found.extend(bucket_refusals(lost, before, after))
        found.extend(_of_siblings(cluster, place, sorted(after.keys() - before.keys() - lost.keys())))

    or_warn(context, look)
    return found


def ending(context: Context, place: RunRecord, after: Mapping[str, Any]) -> tuple[Leftover, ...]:
    """Access that a lost run gave and that this one ends; nothing where that can't be known: `problems` tells why."""
    try:
        return leftovers(left(place.read(context.guard.cluster), run_id()), after)
    except StepError:
        return ()


def changes(context: Context, place: RunRecord, state: Values, news: Values) -> frozenset[str]:
    """Outputs that show the ledger as changed though its inputs are not: a lost run's access, or a record behind."""
    found = set[str]()

    def look() -> None:
        record = place.read(context.guard.cluster)
        if _unended(state, news["workspaces"]) or leftovers(left(record, run_id()), news["workspaces"]):
            found.add(OUTPUT)
        if record.declared != news["workspaces"]:
            found.add("record")

    or_warn(context, look)
    return frozenset(found)


def announce(context: Context, place: RunRecord, state: Values, news: Values) -> None:
    """Names in a preview what the update would end."""

    def look() -> None:
        cluster = context.guard.cluster
        lost = left(place.read(cluster), run_id())
        for one in _ending(state, lost, news["workspaces"]):
            if cluster.get(revocation.object_path(one.kind, one.namespace, one.name)) is not None:
                context.note(f"ends {one}, which a run that was lost gave, and the files no longer say")

    or_warn(context, look)


def settle(context: Context, place: RunRecord, state: Values, news: Values) -> Values:
    """Ends the access that lost runs left, and records what this one declares, before anything of it is made.

    What can't be ended is told, stays on record and is tried again by the next run: it holds back nobody else.

    Returns:
        The ledger's outputs.

    Raises:
        StepError: the record can't be written, and this run has no checkpoints.
    """
    remains: tuple[Leftover, ...] = ()

    def work() -> None:
        nonlocal remains
        cluster = context.guard.cluster
        lost = left(place.read(cluster), run_id())
        todo, held = _ending(state, lost, news["workspaces"]), held_of(os.environ)
        # What is held may be somebody else's by now: it waits, and stays known.
        waiting = tuple(one for one in todo if one.namespace in held)
        remains = (*end(context, place.owner, [one for one in todo if one not in waiting]), *waiting)
        run = this_run()
        # What was begun and is not declared now (held back, or nothing of it was there) stays known.
        open_ends = {
            name: lost[name] for name in begun(lost, state.get("workspaces") or {}).keys() - news["workspaces"]
        }

        def declared(record: Record) -> Record:
            after = declare(record, news["workspaces"], run, swept=not remains)
            return after if remains else replace(after, lost=open_ends)

        place.write(cluster, declared)

    if not or_warn(context, work):
        remains = remains or _unended(state, news["workspaces"])
    return {OUTPUT: [{"namespace": one.namespace, "kind": one.kind, "name": one.name} for one in remains]}


def forget(context: Context, place: RunRecord, state: Values) -> None:
    """The shard is destroyed: its record goes, and with it what lost runs left of access.

    Raises:
        StepError: it can't be read or deleted; the ledger then stays in the state.
    """
    cluster = context.guard.cluster
    before: Mapping[str, Any] = state.get("workspaces") or {}
    lost = left(place.read(cluster), run_id())
    unended = _recorded(state)
    # A workspace that was released keeps the access that its entry says, and nothing else.
    stays: dict[str, Any] = {
        name: before[name] if name in before and before[name].get("state") == RELEASED else {}
        for name in sorted({*lost, *(one.namespace for one in unended)})
        if _there(cluster, place.owner, name, (*lost.get(name, ()), *([before[name]] if name in before else [])))
    }
    there = [name for name in begun(lost, before) if name in stays]
    unended = [one for one in unended if one.namespace in stays and not _declared(one, stays)]
    if end(context, place.owner, sorted({*leftovers(lost, stays), *unended})):
        msg = "access that a run gave that was lost could not be ended; run pulumi destroy again"
        raise StepError(msg)
    if there:
        context.warn(
            f"a run that was lost may have begun {listing(there)}, and the state knows nothing of it: all access "
            "ended, and what else is in it stays; delete it if nobody needs it (kubectl delete namespace "
            f"{' '.join(there)})"
        )
    place.remove(cluster)


def end(context: Context, owner: str, objects: Sequence[Leftover]) -> tuple[Leftover, ...]:
    """Ends access, all that can be; returns what can't, with a warning for each."""
    cluster, failed, ended = context.guard.cluster, [], []
    for one in objects:
        try:
            if revocation.end(cluster, one.kind, one.namespace, one.name):
                ended.append(str(one))
            if one.kind == "ServiceAccount":
                _end_handles(cluster, owner, one)
        except StepError as error:
            failed.append(one)
            context.warn(f"could not end {one}, which a run that was lost gave: {error}; the next run tries again")
    if ended:
        context.warn(
            f"a run that was lost gave access that the files no longer say, and no state knows of; ended now: "
            f"{', '.join(ended)}"
        )
    return tuple(failed)


def _end_handles(cluster: Cluster, owner: str, account: Leftover) -> None:
    """The handles of its tokens: they speak for nobody any more, and no key would ever look for them."""
    secrets = core("namespaces", account.namespace, "secrets")
    for item in cluster.list(secrets, f"{HANDLE_LABEL}={HANDLE}"):
        notes = annotations(item)
        if notes.get(SERVICE_ACCOUNT_ANNOTATION) == account.name and notes.get(OWNER_ANNOTATION) in (owner, None):
            revocation.end(cluster, revocation.SECRET, account.namespace, cluster_objects.name(item), uid(item))


def _ending(state: Values, lost: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Leftover, ...]:
    return tuple(sorted({*leftovers(lost, after), *_unended(state, after)}))


def _unended(state: Values, after: Mapping[str, Any]) -> tuple[Leftover, ...]:
    """What an earlier run could not end; what is declared again since is that declaration's."""
    return tuple(one for one in _recorded(state) if one.namespace in after and not _declared(one, after))


def _recorded(state: Values) -> list[Leftover]:
    return [Leftover(one["namespace"], one["kind"], one["name"]) for one in state.get(OUTPUT) or ()]


def _declared(one: Leftover, after: Mapping[str, Any]) -> bool:
    return (one.kind, one.name) in object_names(one.namespace, after[one.namespace])


def _there(cluster: Cluster, owner: str, workspace: str, entries: Any) -> bool:
    namespace = cluster.get(core("namespaces", workspace))
    if namespace is None:
        return False
    return may_be_ours(entries, owner, annotations(namespace).get(OWNER_ANNOTATION))


def _of_siblings(cluster: Cluster, place: RunRecord, new: Sequence[str]) -> list[str]:
    """Workspaces that are new here, and that another shard of the fleet deploys: its state has them."""
    there = {
        cluster_objects.name(item)
        for item in (cluster.each(core("namespaces")) if new else ())
        if annotations(item).get(OWNER_ANNOTATION) == place.owner
    }
    mine = [workspace for workspace in new if workspace in there]
    if not mine:
        return []
    found = []
    for stack, record in place.siblings(cluster):
        theirs = {**{workspace: {} for workspace in left(record)}, **(record.declared or {})}
        found += [
            f"workspace {workspace!r} is deployed by shard {stack}: nothing is changed. To move it with all that it "
            f"has, run: ambient reshard {place.owner.rsplit('/', 1)[-1]}"
            for workspace in mine
            if workspace in theirs and theirs[workspace].get("state") != RELEASED
        ]
    return found
