"""The run record of a shard, a ConfigMap in the cluster: what its runs declared, and which of them died.

It is the way back where the engine writes its state only once, at the end of a run: what a killed run gave is in no
state, but it was declared here before the first of it was made.

Every function here is pure. Whoever writes a record sends `patch(before, after)` as one merge patch, so that no crash
comes between two keys that belong together.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ambient_components.access.entries import Entry, Ledger, read_ledger, write_ledger
from ambient_components.access.recorded import read, write
from ambient_components.shards.digest import canonical
from ambient_components.shards.packing import PACKED, pack, unpack

SCHEMA: Final = 1
"""Of the record; a higher one was written by a newer version."""

RUN_VARIABLE: Final = "AMBIENT_RUN"
"""Environment variable by which `ambient up` tells the provider the id of the run that it began."""

CHECKPOINTS_VARIABLE: Final = "PULUMI_SKIP_CHECKPOINTS"
"""The engine's: its state is then written once, at the end of a run. Plugins get it with the engine's environment."""

Entries = tuple[Entry, ...]
"""Entries that one workspace had in ledgers, each once, the oldest first."""

_RUN, _DECLARED, _LOST, _DONE = "run", "declared", "lost", "done"
_KEYS = (_RUN, _DECLARED, _DECLARED + PACKED, _LOST, _LOST + PACKED, _DONE)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the engine over the shard."""

    id: str
    """Its own; `ambient up` gives it to the provider by `RUN_VARIABLE`."""

    begun: str
    """RFC 3339."""

    checkpoints: bool
    """Whether the engine writes its state around every operation; otherwise once, at the end."""

    recorded: bool = False
    """Whether its end is known to be in the state."""

    after_loss: bool = False
    """Whether a run before it was lost, and none has ended well since (`needs_refresh`)."""


@dataclass(frozen=True, slots=True)
class Done:
    """The newest run that ended well."""

    id: str
    ended: str
    """RFC 3339."""

    digest: str
    """Of all that the run depended on (`digest.digest`)."""

    next_action: str
    """RFC 3339: when a run has something to do although nothing changed; empty: never."""

    state_at: str
    """`lastUpdate` of `pulumi stack ls --json` after the run, to the letter."""

    workspaces: Mapping[str, str]
    """Digest of each workspace's own inputs."""

    resources: int
    """In its state."""


@dataclass(frozen=True, slots=True)
class Record:
    """All that the cluster knows of the runs over a shard; a new one knows nothing."""

    run: Run | None = None
    """The newest that began."""

    declared: Ledger | None = None
    """The ledger of the newest run that changed it: written before anything else of that run is made."""

    lost: Mapping[str, Entries] = field(default_factory=dict)
    """By workspace what runs declared that died without their state being written."""

    done: Done | None = None

    @classmethod
    def parse(cls, data: Mapping[str, str] | None) -> "Record":
        """Read a record.

        Args:
            data: of the ConfigMap; None, where it has none. Keys of others are let be.

        Raises:
            ValueError: it can't be understood; says which key, and what to do.
        """
        try:
            run, declared, lost, done = (unpack(data or {}, key) for key in (_RUN, _DECLARED, _LOST, _DONE))
        except ValueError as error:
            raise _unreadable(str(error)) from error
        try:
            return cls(
                None if run is None else _run(run),
                None if declared is None else read_ledger(dict(declared)),
                {} if lost is None else {name: _entries(said) for name, said in lost["workspaces"].items()},
                None if done is None else _done(done),
            )
        except (TypeError, KeyError, AttributeError) as error:
            what = f"has not the form of a record ({type(error).__name__}: {error})"
            raise _unreadable(what) from error

    def data(self) -> dict[str, str]:
        """The record as the `data` of its ConfigMap; what is empty has no key."""
        found: dict[str, str] = {}
        if self.run is not None:
            one = self.run
            found[_RUN] = canonical(
                {
                    "schema": SCHEMA,
                    "id": one.id,
                    "begun": one.begun,
                    "checkpoints": one.checkpoints,
                    "recorded": one.recorded,
                    **({"afterLoss": True} if one.after_loss else {}),
                }
            )
        if self.declared is not None:
            pack(found, _DECLARED, write_ledger(self.declared))
        if self.lost:
            lost = {name: [write(entry) for entry in entries] for name, entries in self.lost.items()}
            pack(found, _LOST, {"workspaces": lost})
        if self.done is not None:
            ended = self.done
            found[_DONE] = canonical(
                {
                    "id": ended.id,
                    "ended": ended.ended,
                    "digest": ended.digest,
                    "nextAction": ended.next_action,
                    "stateAt": ended.state_at,
                    "workspaces": dict(ended.workspaces),
                    "resources": ended.resources,
                }
            )
        return found


def record_name(owner: str, number: int) -> str:
    """Name of a shard's ConfigMap.

    Args:
        owner: PROJECT/FLEET.
        number: of the shard, from 0.
    """
    return f"ambient-components-{fleet_label(owner)}-{number:02d}"


def fleet_label(owner: str) -> str:
    """Value of the label that all records of a fleet carry: ten hex digits.

    Args:
        owner: PROJECT/FLEET.
    """
    return hashlib.sha256(owner.encode()).hexdigest()[:10]


def patch(before: Record, after: Record) -> dict[str, str | None]:
    """The `data` of a merge patch that makes one record the other; None: the key goes. Empty: nothing to write."""
    old, new = before.data(), after.data()
    return {key: new.get(key) for key in _KEYS if old.get(key) != new.get(key)}


def is_lost(record: Record) -> bool:
    """Whether the state of the newest run was never written, as far as anybody knows.

    True also while such a run is under way: only that run itself can tell (`left`).
    """
    return record.run is not None and not record.run.checkpoints and not record.run.recorded


def needs_refresh(record: Record) -> bool:
    """Whether the state may name what is not there: a lost run may have deleted it, and then nobody would make it anew.

    Only a run with `--refresh` that ends well mends that, so `pulumi up` by hand does not.
    """
    return record.run is not None and (record.run.after_loss or is_lost(record))


def left(record: Record, run_id: str = "") -> dict[str, Entries]:
    """By workspace what dead runs declared, and no state may know of.

    All of its access that the run does not declare itself is to be removed, be it in the state's ledger or not: a
    ledger is recorded before what it says is made, so the state of a run that failed has the one without the other.

    Args:
        record: as it was read.
        run_id: of the run that asks; empty: it is none of `ambient up`.
    """
    own = record.run is not None and record.run.id == run_id
    if own or not is_lost(record):
        return dict(record.lost)
    return _merged(record.lost, record.declared or {})


def begin(record: Record, run: Run) -> Record:
    """A run begins; to be written before its engine is started.

    If the run before it was lost, what it declared is kept in `lost` until a run ends well.
    """
    own = record.run is not None and record.run.id == run.id
    unsure = record.run is not None and record.run.after_loss if own else needs_refresh(record)
    return replace(record, run=replace(run, recorded=False, after_loss=unsure), lost=left(record, run.id))


def declare(record: Record, ledger: Ledger, run: Run, *, swept: bool = False) -> Record:
    """A run is about to make what this ledger says; to be written before the first of it is made.

    Args:
        record: as it was read.
        ledger: what it declares, by workspace.
        run: the run itself. One that did not `begin` (`pulumi up` by hand) begins with this.
        swept: whether all access that dead runs left (`left`) and this ledger does not say was removed just now: then
            nothing is left of them. What they began and this ledger says is this run's from here on.
    """
    if record.run is None or record.run.id != run.id:
        record = begin(record, run)
    return replace(record, declared=dict(ledger), lost={} if swept else record.lost)


def recorded(record: Record, run_id: str) -> Record:
    """The end of a run is in the state, whether it ended well or not; of no effect if another has begun since."""
    if record.run is None or record.run.id != run_id:
        return record
    return replace(record, run=replace(record.run, recorded=True))


def done(record: Record, ended: Done, *, looked: bool = True) -> Record:
    """A run ended well, and is in the state: all that the cluster has is declared, so nothing is lost any more.

    Args:
        record: as it was read.
        ended: the run.
        looked: whether its state can name nothing that is not there: it ran with `--refresh`, or began with an empty
            state. Without that a record that says `needs_refresh` goes on to say it.

    Raises:
        ValueError: another run has begun since: what that one leaves is not known yet.
    """
    if record.run is None or record.run.id != ended.id:
        text = "another run of the shard has begun since; run ambient up again"
        raise ValueError(text)
    run = replace(record.run, recorded=True, after_loss=record.run.after_loss and not looked)
    return replace(record, run=run, lost={}, done=ended)


def _merged(lost: Mapping[str, Entries], ledger: Ledger) -> dict[str, Entries]:
    merged = dict(lost)
    for name, entry in ledger.items():
        known = merged.get(name, ())
        if entry not in known:
            merged[name] = (*known, entry)
    return dict(sorted(merged.items()))


def _entries(said: Iterable[Any]) -> Entries:
    return tuple(read(Entry, entry) for entry in said)


def _run(value: Mapping[str, Any]) -> Run:
    schema = value["schema"]
    if schema != SCHEMA:
        text = (
            f"the shard's run record has the schema {schema!r}, and this version knows {SCHEMA}; "
            "use the newest version of ambient-components that anybody runs on this fleet"
        )
        raise ValueError(text)
    return Run(
        value["id"],
        value["begun"],
        checkpoints=bool(value["checkpoints"]),
        recorded=bool(value["recorded"]),
        after_loss=bool(value.get("afterLoss")),
    )


def _done(value: Mapping[str, Any]) -> Done:
    return Done(
        value["id"],
        value["ended"],
        value["digest"],
        value["nextAction"],
        value["stateAt"],
        dict(value["workspaces"]),
        int(value["resources"]),
    )


def _unreadable(what: str) -> ValueError:
    return ValueError(
        f"the shard's run record {what}; if nobody can mend it: delete the ConfigMap, and run ambient up --all "
        "--refresh for the fleet"
    )
