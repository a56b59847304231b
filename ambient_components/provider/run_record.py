"""The run record of the shard, as the ledger reads and writes it: a ConfigMap of the cluster, by merge patches.

Whether a run that died left anything, and what siblings deploy, stands there; `shards.records` says what it means.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ambient_components import clock
from ambient_components.cluster import ApiError, Cluster, core
from ambient_components.contract import FLEET_LABEL, OWNER_ANNOTATION, STACK_ANNOTATION
from ambient_components.failure import StepError
from ambient_components.keys.state import format_time
from ambient_components.provider.resource import Context, Values
from ambient_components.shards import RUN_VARIABLE, Record, Run, fleet_label, patch

CHECKPOINTS_VARIABLE: Final = "PULUMI_SKIP_CHECKPOINTS"
"""The engine's: its state is then written once, at the end of a run. Plugins get it with the engine's environment."""

_TRIES: Final = 5
_DEAF: Final = "no run without checkpoints may begin, as nobody could know what it left if it dies"


def skips_checkpoints() -> bool:
    """Whether this run's state is written only once, at its end; read as the engine reads it."""
    return os.environ.get(CHECKPOINTS_VARIABLE, "").lower() in ("1", "true")


def run_id() -> str:
    """Of the run of ``ambient up`` that this is; empty: it is none."""
    return os.environ.get(RUN_VARIABLE, "")


def this_run() -> Run:
    """This run, as its record names it."""
    return Run(run_id() or str(uuid.uuid4()), format_time(clock.now()), checkpoints=not skips_checkpoints())


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Where a shard's record lies."""

    namespace: str
    name: str
    owner: str
    """PROJECT/FLEET."""

    @classmethod
    def of(cls, values: Values) -> "RunRecord | None":
        """Read from a ledger's inputs; None: the stack is no shard, and has none.

        Raises:
            ValueError: it is no NAMESPACE/NAME.
        """
        given = values.get("record")
        if given is None:
            return None
        parts = given.split("/") if isinstance(given, str) else []
        if len(parts) != 2 or not all(parts):
            text = "record: NAMESPACE/NAME of the shard's run record is expected"
            raise ValueError(text)
        return cls(parts[0], parts[1], str(values.get("owner")))

    def read(self, cluster: Cluster) -> Record:
        """What is recorded; of a new shard nothing is.

        Raises:
            StepError: it can't be read, or not understood.
        """
        return _parsed(cluster.get(self._path))

    def write(self, cluster: Cluster, change: Callable[[Record], Record]) -> None:
        """Reads the record, changes it and writes what differs, however often others write in between.

        Raises:
            StepError: it can't be read or written.
        """
        for _ in range(_TRIES):
            item = cluster.get(self._path)
            before = _parsed(item)
            after = change(before)
            try:
                if item is None:
                    cluster.create(core("namespaces", self.namespace, "configmaps"), self._new(after))
                elif data := patch(before, after):
                    version = item["metadata"]["resourceVersion"]
                    cluster.patch(self._path, {"metadata": {"resourceVersion": version}, "data": data})
            except ApiError as error:
                if error.status != 409:
                    raise
            else:
                return
        msg = f"ConfigMap {self.namespace}/{self.name}: somebody else writes it all the time"
        raise StepError(msg)

    def remove(self, cluster: Cluster) -> None:
        """Deletes it; one that is gone already is fine."""
        cluster.delete(self._path)

    def siblings(self, cluster: Cluster) -> Iterator[tuple[str, Record]]:
        """The other shards' stacks, and their records; one that can't be understood is left out."""
        selector = f"{FLEET_LABEL}={fleet_label(self.owner)}"
        for item in cluster.list(core("namespaces", self.namespace, "configmaps"), selector):
            name = item["metadata"]["name"]
            if name == self.name:
                continue
            try:
                record = Record.parse(item.get("data"))
            except ValueError:
                continue  # its own shard's runs say so
            yield (item["metadata"].get("annotations") or {}).get(STACK_ANNOTATION, name), record

    @property
    def stack(self) -> str:
        """The shard's stack."""
        return f"{self.owner.rsplit('/', 1)[-1]}-{self.name.rsplit('-', 1)[-1]}"

    @property
    def _path(self) -> str:
        return core("namespaces", self.namespace, "configmaps", self.name)

    def _new(self, record: Record) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": self.name,
                "labels": {FLEET_LABEL: fleet_label(self.owner)},
                "annotations": {OWNER_ANNOTATION: self.owner, STACK_ANNOTATION: self.stack},
            },
            "data": record.data(),
        }


def or_warn(context: Context, work: Callable[[], None]) -> bool:
    """Does what needs the record; whether it could be done.

    With checkpoints a record is only a help, and what is wrong with it a warning.

    Raises:
        StepError: it could not be done, and this run has no checkpoints.
    """
    try:
        work()
    except StepError as error:
        if skips_checkpoints():
            msg = f"the shard's run record can't be used, and {_DEAF}: {error}"
            raise StepError(msg) from None
        context.warn(f"the shard's run record can't be used, so what a run left that was lost is not known: {error}")
        return False
    return True


def _parsed(item: dict[str, Any] | None) -> Record:
    try:
        return Record.parse(item.get("data") if item else None)
    except ValueError as error:
        raise StepError(str(error)) from None
