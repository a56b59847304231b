"""Objects that interrupted runs may have left, and what the next run must do about them.

It is not known how far an interrupted run came: any object that it declared may exist. The next run adopts the objects
that are still declared. Access that is no longer declared would be unrecorded, so the next run removes it first.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ambient_components.access.entries import NOTHING, Entry, Ledger
from ambient_components.access.ledger import object_names
from ambient_components.errors import Problem, refusal
from ambient_components.model.storage import BucketRecord
from ambient_components.rules.refusals import Rule
from ambient_components.shards.records import Entries

_MAY = "an interrupted run may have"


@dataclass(frozen=True, slots=True, order=True)
class Leftover:
    """A possibly existing object that gives access."""

    namespace: str
    kind: str
    """RoleBinding or ServiceAccount."""
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def leftovers(left: Mapping[str, Entries], after: Ledger) -> tuple[Leftover, ...]:
    """Return the access to remove, sorted.

    This is what interrupted runs declared in workspaces that are still declared, minus what this run declares. It is
    removed even if the state's ledger has it: the ledger is recorded before its objects are created, so it does not
    prove that the engine knows the object and would delete it.
    """
    access = set[Leftover]()
    for workspace in left.keys() & after.keys():
        declared = object_names(workspace, after[workspace])
        for entry in left[workspace]:
            names = object_names(workspace, entry) - declared
            access |= {Leftover(workspace, kind, name) for kind, name in names}
    return tuple(sorted(access))


def begun(left: Mapping[str, Entries], before: Ledger) -> dict[str, Entries]:
    """Return the workspaces that only interrupted runs declared. They may exist without being in the state."""
    return {name: left[name] for name in sorted(left.keys() - before.keys())}


def may_be_ours(entries: Entries, owner: str, holder: str | None) -> bool:
    """Tell whether a namespace can come from an interrupted run. An adopted one gets its annotation last."""
    return holder == owner or (holder is None and any(entry.adopt for entry in entries))


def has_bucket(entries: Entries) -> bool:
    """Tell whether interrupted runs declared a bucket for the workspace. It may exist without the namespace."""
    return any(entry.bucket is not None for entry in entries)


def vanished(workspace: str) -> Problem:
    """Return why a workspace that an interrupted run may have begun must not be removed from the files yet."""
    return refusal(
        f"workspace {workspace!r} is gone from the files, and {_MAY} begun it: nothing is changed",
        "if that is a mistake, put the entry back",
        "to delete the workspace, put the entry back and deploy, so that the state has it, then write 'state: closed' "
        "in it and deploy, and then remove the entry and deploy again",
        rule=Rule.INTERRUPTED_RUN,
        workspaces=(workspace,),
    )


def bucket_refusals(left: Mapping[str, Entries], before: Ledger, after: Ledger) -> list[Problem]:
    """Return the refusals of buckets: one that only an interrupted run declared may hold data or keys."""
    problems = []
    for workspace in sorted(left.keys() & after.keys()):
        was, is_now = before.get(workspace, NOTHING), after[workspace]
        problems += [problem for entry in left[workspace] for problem in _bucket(workspace, entry, was, is_now)]
    return list(dict.fromkeys(problems))


def _bucket(workspace: str, lost: Entry, before: Entry, after: Entry) -> Iterator[Problem]:
    bucket, old, new = lost.bucket, before.bucket, after.bucket
    if bucket is None or lost.is_released or bucket.is_released:
        return
    subject = f"workspace {workspace!r}: {_MAY}"
    if not bucket.is_same(new):
        if not bucket.is_same(old):
            yield refusal(
                f"{subject} made bucket {bucket.name!r} of driver {str(bucket.driver)!r}, or access keys for it, and "
                "the files no longer say so: nothing is changed",
                "write it as it was, and deploy, so that the state has it, and then make the change and deploy again",
                rule=Rule.INTERRUPTED_RUN,
                workspaces=(workspace,),
            )
        return
    made = bucket.generation or 0
    if made > max((new and new.generation) or made, _generation(bucket, old)):
        yield refusal(
            f"{subject} made generation {made} of the access keys for bucket {bucket.name!r}, and the files are behind "
            "it: nothing is changed",
            f"write generation: {made}",
            rule=Rule.INTERRUPTED_RUN,
            workspaces=(workspace,),
        )


def _generation(bucket: BucketRecord, old: BucketRecord | None) -> int:
    return old.generation or 0 if old is not None and bucket.is_same(old) else 0
