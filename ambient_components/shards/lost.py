"""What runs may have left that died without their state being written, and what follows from that for the next run.

Nobody knows how far such a run came: whatever it declared may be there. What the files still say is taken over by the
next run as it stands. What they no longer say would be access that nobody knows of, so it is ended first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ambient_components.access import NOTHING, BucketEntry, Entry, Ledger, object_names
from ambient_components.errors import Problem, refusal
from ambient_components.rules.refusals import Rule
from ambient_components.shards.records import Entries

_MAY = "a run that was lost may have"


@dataclass(frozen=True, slots=True, order=True)
class Leftover:
    """An object in the cluster that gives access, if it is there."""

    namespace: str
    kind: str
    """RoleBinding or ServiceAccount."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def leftovers(left: Mapping[str, Entries], after: Ledger) -> tuple[Leftover, ...]:
    """Access to end: what lost runs declared in workspaces that are still declared, and this run does not. Sorted.

    It is ended even where the state's ledger has it: that is recorded before what it says is made, so it is no proof
    that the engine knows the object, and would delete it.

    Args:
        left: by workspace what lost runs declared (`records.left`).
        after: the ledger that is asked for.
    """
    found = set[Leftover]()
    for workspace in left.keys() & after.keys():
        declared = object_names(workspace, after[workspace])
        for entry in left[workspace]:
            names = object_names(workspace, entry) - declared
            found |= {Leftover(workspace, kind, name) for kind, name in names}
    return tuple(sorted(found))


def begun(left: Mapping[str, Entries], before: Ledger) -> dict[str, Entries]:
    """The workspaces that only lost runs declared: they may be there, and the state knows nothing of them.

    Args:
        left: by workspace what lost runs declared.
        before: the ledger in the state.
    """
    return {name: left[name] for name in sorted(left.keys() - before.keys())}


def may_be_ours(entries: Entries, owner: str, holder: str | None) -> bool:
    """Whether a namespace that is there can be what a lost run began.

    Args:
        entries: what lost runs declared of the workspace.
        owner: our mark, PROJECT/FLEET.
        holder: the mark on the namespace; None: it has none. An adopted one gets it last.
    """
    return holder == owner or (holder is None and any(entry.adopt for entry in entries))


def has_bucket(entries: Entries) -> bool:
    """Whether lost runs declared a bucket for the workspace, which may be there without its namespace."""
    return any(entry.bucket is not None for entry in entries)


def vanished(workspace: str) -> Problem:
    """Why a workspace that a lost run may have begun must not just leave the files."""
    return refusal(
        f"workspace {workspace!r} is gone from the files, and {_MAY} begun it: nothing is changed",
        "if that is a slip, put the entry back",
        "to delete the workspace, put the entry back and deploy, so that the state has it; then write 'state: closed' "
        "in it and deploy; then remove the entry and deploy again",
        rule=Rule.INTERRUPTED_RUN,
        workspaces=(workspace,),
    )


def bucket_refusals(left: Mapping[str, Entries], before: Ledger, after: Ledger) -> list[Problem]:
    """Why the buckets must not be deployed so: one that only a lost run declared may be there, and hold data or keys.

    Args:
        left: by workspace what lost runs declared.
        before: the ledger in the state.
        after: the ledger that is asked for.
    """
    problems = []
    for workspace in sorted(left.keys() & after.keys()):
        was, is_now = before.get(workspace, NOTHING), after[workspace]
        problems += [one for entry in left[workspace] for one in _bucket(workspace, entry, was, is_now)]
    return list(dict.fromkeys(problems))


def _bucket(workspace: str, lost: Entry, before: Entry, after: Entry) -> Iterator[Problem]:
    bucket, old, new = lost.bucket, before.bucket, after.bucket
    if bucket is None or lost.is_released or bucket.is_released:
        return
    whose = f"workspace {workspace!r}: {_MAY}"
    if not bucket.is_same(new):
        if not bucket.is_same(old):
            yield refusal(
                f"{whose} made bucket {bucket.name!r} of driver {bucket.driver!r}, or access keys for it, and the "
                "files no longer say so: nothing is changed",
                "write it as it was, and deploy, so that the state has it; then make the change and deploy again",
                rule=Rule.INTERRUPTED_RUN,
                workspaces=(workspace,),
            )
        return
    made = bucket.generation or 0
    if made > max((new and new.generation) or made, _generation(bucket, old)):
        yield refusal(
            f"{whose} made generation {made} of the access keys for bucket {bucket.name!r}, and the files are behind "
            "it: nothing is changed",
            f"write generation: {made}",
            rule=Rule.INTERRUPTED_RUN,
            workspaces=(workspace,),
        )


def _generation(bucket: BucketEntry, old: BucketEntry | None) -> int:
    return old.generation or 0 if old is not None and bucket.is_same(old) else 0
