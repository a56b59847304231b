"""`ambient adopt STACK --keys`: the lines with which keys keep their accounts after the state was lost.

They are written where the cluster has accounts that no state records, and taken out again once a run has recorded them.
"""

from collections.abc import Collection, Iterator

from ambient_components import activity, clock
from ambient_components.cli.edits.files import edited_texts, write_stack
from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import mapping, name
from ambient_components.model.keys import Key, KeyRecord
from ambient_components.rules.workspaces import WorkspaceState
from ambient_components.stackfile.editing import Change
from ambient_components.stackfile.loader import LoadedStack, load_stack
from ambient_components.stacks.deployed import KeyName
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.reading import identities
from ambient_components.stacks.states import export, of_shard


def adopt_keys(project: Project, stack: str, workspaces: Collection[str], *, dry_run: bool) -> Iterator[str]:
    """Edit the keys' entries, and yield what was done and the next commands."""
    loaded = load_stack(stack_path(project, stack))
    here = of_shard(project, stack, {name: entry.shard for name, entry in loaded.file.workspaces.items()})
    keys = {
        (workspace, key_id): key
        for workspace, entry in loaded.file.workspaces.items()
        if entry.state is WorkspaceState.ACTIVE and workspace in here and (not workspaces or workspace in workspaces)
        for key_id, key in entry.keys.items()
    }
    identified = identities(export(project, stack), keys, pending=False)
    recorded = {(identity.workspace, identity.account) for identity in identified}
    with activity.waiting(f"Reading the keys in the cluster of {stack}"):
        cluster = Guard.of_config(project.config(stack)).cluster
        made = {workspace: _accounts(cluster, workspace) for workspace in {workspace for workspace, _ in keys}}
    changes = dict[KeyName, Change]()
    lines = []
    for (workspace, key_id), key in keys.items():
        path, label = ("workspaces", workspace, "keys", key_id), f"{workspace}/{key_id}"
        lost = [
            account
            for account in _own(loaded, workspace, key_id, key)
            if account in made[workspace] and (workspace, account) not in recorded
        ]
        if key.adopt and {(workspace, account) for account in key.adopt} <= recorded:
            changes[workspace, key_id] = Change(path, "adopt", None)
            lines.append(f"{label}: adopt is taken out: its accounts are on record")
        elif lost and not key.adopt:
            changes[workspace, key_id] = Change(path, "adopt", f"[{', '.join(lost)}]")
            lines += [f"{label}: adopt: {account}, made {made[workspace][account]}" for account in lost]
    if not lines:
        yield f"Nothing to do: each account of a key in the cluster is in the state of {stack}, or named in the entry."
        return
    texts = edited_texts(loaded, changes.values())
    if not dry_run:
        write_stack(loaded.path, texts)
    yield from lines
    adds = any(not change.removes for change in changes.values())
    yield "\nNext:"
    if adds:
        yield "  compare with the day on which the entry was deployed (git log):"
        yield "  an account that is older or younger may be a workspace user's"
    yield f"  git diff {' '.join(texts)}"
    yield f"  ambient up {stack}"
    if adds:
        yield f"  ambient adopt {stack} --keys    # takes the lines out again"


def _own(loaded: LoadedStack, workspace: str, key_id: str, key: Key) -> Iterator[str]:
    """Yield the names of a key's valid accounts, without one that the platform made."""
    record = KeyRecord.of(key, overlaps=key.keeps_previous(clock.now(), loaded.file.timezone))
    for generation in record.generations:
        if not record.is_of_platform(generation):
            yield record.account(workspace, key_id, generation)


def _accounts(cluster: Cluster, workspace: str) -> dict[str, str]:
    """Return the ServiceAccounts of a workspace with the days on which they were made."""
    accounts = cluster.each(core("namespaces", workspace, "serviceaccounts"), metadata=True)
    return {name(item): str(mapping(item.get("metadata")).get("creationTimestamp") or "")[:10] for item in accounts}
