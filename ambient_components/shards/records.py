"""The run record of a shard: a ConfigMap with the ledgers that its runs declared, and which runs were interrupted.

If the engine writes its state only at the end of a run, the state of a killed run has nothing of the access that the
run granted. The record is the way to recover: a run writes its ledger there before it creates anything.

Every function here is pure. The caller writes a record as one merge patch, `patch(before, after)`, so no crash can
separate two keys that belong together.
"""

import base64
import binascii
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Final, TypeVar

from ambient_components.access.entries import Entry, Ledger, read_entry, read_ledger, write_entry, write_ledger
from ambient_components.errors import BadValue, reject
from ambient_components.rules.findings import camel

SCHEMA: Final = 1
"""The record's schema version. A higher number was written by a newer version of this package."""

PACKED_OVER: Final = 300_000
"""Maximum bytes of uncompressed JSON. A ConfigMap holds 1 MiB, and two keys of a record can be long."""

_PACKED: Final = ".gz"
"""The key suffix of a value that is compressed with gzip and encoded in base64."""

Entries = tuple[Entry, ...]
"""Ledger entries of one workspace, without duplicates, oldest first."""

_RUN, _DECLARED, _LOST, _DONE = "run", "declared", "lost", "done"
_KEYS = (_RUN, _DECLARED, _DECLARED + _PACKED, _LOST, _LOST + _PACKED, _DONE)


@dataclass(frozen=True, slots=True)
class Run:
    id: str
    """The run id. `ambient up` passes it to the provider in `RUN_VARIABLE`."""

    begun: str
    """Start time, RFC 3339."""

    checkpoints: bool
    """Whether the engine writes its state around every operation instead of once at the end."""

    recorded: bool = False
    """Whether the state is known to include the end of the run."""

    after_loss: bool = False
    """Whether an earlier run was interrupted, and no run has succeeded since (`needs_refresh`)."""


@dataclass(frozen=True, slots=True)
class Done:
    id: str
    ended: str
    """End time, RFC 3339."""

    digest: str
    """Digest of everything that the run depended on (`fleet.inputs`)."""

    next_action: str
    """When a run becomes necessary even without a change, RFC 3339. Empty means never."""

    state_at: str
    """`lastUpdate` from `pulumi stack ls --json` after the run, verbatim."""

    workspaces: Mapping[str, str]
    """Digest of each workspace's own inputs."""

    resources: int
    """Number of resources in the state."""


_Part = TypeVar("_Part", Run, Done)


@dataclass(frozen=True, slots=True)
class Record:
    """The run record of a shard. A new record is empty."""

    run: Run | None = None
    """The latest run that began."""

    declared: Ledger | None = None
    """The ledger of the latest run that changed it, written before that run creates anything."""

    lost: Mapping[str, Entries] = field(default_factory=dict)
    """Entries that interrupted runs declared, by workspace."""

    done: Done | None = None

    @classmethod
    def parse(cls, data: Mapping[str, str] | None) -> "Record":
        """Read a record. Unknown keys are ignored."""
        try:
            run, declared, lost, done = (_unpack(data or {}, key) for key in (_RUN, _DECLARED, _LOST, _DONE))
        except ValueError as error:
            raise _unreadable(str(error)) from error
        try:
            return cls(
                None if run is None else _run(run),
                None if declared is None else read_ledger(dict(declared)),
                {} if lost is None else {name: _entries(reported) for name, reported in lost["workspaces"].items()},
                None if done is None else _done(done),
            )
        except (TypeError, KeyError, AttributeError) as error:
            what = f"has not the form of a record ({type(error).__name__}: {error})"
            raise _unreadable(what) from error

    def data(self) -> dict[str, str]:
        data: dict[str, str] = {}
        if self.run is not None:
            run = {name: value for name, value in _write(self.run).items() if name != "afterLoss" or value}
            data[_RUN] = canonical({"schema": SCHEMA, **run})
        if self.declared is not None:
            _pack(data, _DECLARED, write_ledger(self.declared))
        if self.lost:
            lost = {name: [write_entry(entry) for entry in entries] for name, entries in self.lost.items()}
            _pack(data, _LOST, {"workspaces": lost})
        if self.done is not None:
            data[_DONE] = canonical(_write(self.done))
        return data


def record_name(owner: str, number: int) -> str:
    return f"ambient-components-{fleet_label(owner)}-{number:02d}"


def fleet_label(owner: str) -> str:
    """Return the label value of all records of a fleet: ten hex digits."""
    return hashlib.sha256(owner.encode()).hexdigest()[:10]


def patch(before: Record, after: Record) -> dict[str, str | None]:
    """Return the merge patch of `data` from one record to the other. None removes a key; empty means no change."""
    old, new = before.data(), after.data()
    return {key: new.get(key) for key in _KEYS if old.get(key) != new.get(key)}


def is_lost(record: Record) -> bool:
    """Tell whether the state of the latest run was, as far as is known, never written.

    This is also true while such a run is in progress. Only that run itself can tell the difference (`left`).
    """
    return record.run is not None and not record.run.checkpoints and not record.run.recorded


def needs_refresh(record: Record) -> bool:
    """Tell whether the next run must refresh the state.

    An interrupted run may have deleted objects that are still in the state, and no later run would create them again.
    Only a successful run with `--refresh` resets this; a plain `pulumi up` does not.
    """
    return record.run is not None and (record.run.after_loss or is_lost(record))


def is_unsettled(record: Record, ledger: Ledger) -> bool:
    """Tell whether `lost` has entries of workspaces in a ledger. Only an update of that ledger takes them out."""
    return not record.lost.keys().isdisjoint(ledger)


def left(record: Record, run_id: str = "") -> dict[str, Entries]:
    """Return the entries, by workspace, that interrupted runs declared and that may be missing from the state.

    Any of this access that the current run does not declare must be removed, even if it is in the state's ledger. The
    ledger is recorded before its access is created, so the state of a failed run can have the ledger without the
    objects. So can the state of any run that follows an interrupted one and does not succeed: it declares what that one
    created, and ends before it adopts it.

    Args:
        run_id: The id of the current run. Empty if `ambient up` did not start it.
    """
    run = record.run
    if run is None or run.id == run_id:
        return dict(record.lost)
    ended_well = record.done is not None and record.done.id == run.id
    if not is_lost(record) and (ended_well or not run.after_loss):
        return dict(record.lost)
    return _merged(record.lost, record.declared or {})


def begin(record: Record, run: Run) -> Record:
    """Record the start of a run. Write the result before the engine starts.

    If the previous run was interrupted, its entries stay in `lost` until a run succeeds.
    """
    own = record.run is not None and record.run.id == run.id
    unsure = record.run is not None and record.run.after_loss if own else needs_refresh(record)
    return replace(record, run=replace(run, recorded=False, after_loss=unsure), lost=left(record, run.id))


def declare(record: Record, ledger: Ledger, run: Run, *, swept: bool = False) -> Record:
    """Record the ledger of a run. Write the result before the run creates anything.

    Args:
        run: The current run. A run that was not recorded by `begin` (`pulumi up` by hand) begins here.
        swept: Whether the run just removed all access from interrupted runs (`left`) that its ledger does not declare.
            What the ledger does declare becomes this run's responsibility, so `lost` is cleared.
    """
    if record.run is None or record.run.id != run.id:
        record = begin(record, run)
    return replace(record, declared=dict(ledger), lost={} if swept else record.lost)


def recorded(record: Record, run_id: str) -> Record:
    """Record that the state includes the end of a run, successful or not. No effect if another run has begun since."""
    if record.run is None or record.run.id != run_id:
        return record
    return replace(record, run=replace(record.run, recorded=True))


def done(record: Record, ended: Done, *, looked: bool = True) -> Record:
    """Record a successful run with its state written. All access in the cluster is then declared, so `lost` is cleared.

    A run that could not end all access of interrupted runs has left it in `lost` (`declare`). It does not count as
    successful, so the shard runs again.

    Args:
        looked: Whether the state can't name missing objects, because the run used `--refresh` or began with an empty
            state. If not, `needs_refresh` stays true.

    Raises:
        ValueError: Another run has begun since, with an outcome that is not known yet.
    """
    if record.run is None or record.run.id != ended.id:
        reject("another run of the shard has begun since", "run ambient up again")
    if is_unsettled(record, record.declared or {}):
        return recorded(record, ended.id)
    run = replace(record.run, recorded=True, after_loss=record.run.after_loss and not looked)
    return replace(record, run=run, lost={}, done=ended)


def _merged(lost: Mapping[str, Entries], ledger: Ledger) -> dict[str, Entries]:
    merged = dict(lost)
    for name, entry in ledger.items():
        known = merged.get(name, ())
        if entry not in known:
            merged[name] = (*known, entry)
    return dict(sorted(merged.items()))


def _entries(reported: Iterable[Any]) -> Entries:
    return tuple(read_entry(entry) for entry in reported)


def _run(value: Mapping[str, Any]) -> Run:
    schema = value["schema"]
    if schema != SCHEMA:
        reject(
            f"the shard's run record has the schema {schema!r}, and this version knows {SCHEMA}",
            "use the newest version of ambient-components that runs on this fleet",
        )
    return _read(Run, value)


def _done(value: Mapping[str, Any]) -> Done:
    ended = _read(Done, value)
    return replace(ended, workspaces=dict(ended.workspaces), resources=int(ended.resources))


def _write(part: Run | Done) -> dict[str, Any]:
    return {camel(field.name): getattr(part, field.name) for field in fields(part)}


def _read(kind: type[_Part], value: Mapping[str, Any]) -> _Part:
    names = [field.name for field in fields(kind) if field.default is MISSING or camel(field.name) in value]
    return kind(**{name: value[camel(name)] for name in names})


def _unreadable(what: str) -> BadValue:
    return BadValue(
        f"the shard's run record {what}",
        "if it can't be fixed, delete the ConfigMap, and run ambient up --all --refresh for the fleet",
    )


def canonical(value: Any) -> str:
    """Return the canonical spelling of a JSON value: sorted keys, no whitespace. TypeError or ValueError for others."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _pack(data: dict[str, str], key: str, value: Any) -> None:
    """Put a JSON value into a ConfigMap's `data`, under its key or, if compressed, under the key plus `_PACKED`."""
    text = canonical(value)
    if len(text.encode()) > PACKED_OVER:
        # No timestamp, so equal values have equal bytes.
        data[key + _PACKED] = base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()
    else:
        data[key] = text


def _unpack(data: Mapping[str, str], key: str) -> Any:
    """Read a value that `_pack` wrote. Return None if there is none. A ValueError names the key."""
    try:
        if key in data:
            return json.loads(data[key])
        if key + _PACKED in data:
            return json.loads(gzip.decompress(base64.b64decode(data[key + _PACKED], validate=True)))
    except (ValueError, OSError, EOFError, zlib.error, binascii.Error) as error:
        text = f"has a key {key!r} that can't be read ({error})"
        raise ValueError(text) from error
    return None
