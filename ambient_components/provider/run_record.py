"""The run record of the shard, as the ledger reads and writes it: a ConfigMap of the cluster, by merge patches.

Whether a run that died left anything, and what siblings deploy, stands there; `shards.records` says what it means.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ambient_components import clock
from ambient_components.cluster import Cluster, core
from ambient_components.cluster_objects import annotations, name, texts
from ambient_components.contract import FLEET_LABEL, STACK_ANNOTATION
from ambient_components.errors import reject
from ambient_components.failure import StepError
from ambient_components.keys.state import format_time
from ambient_components.provider.resource import Context, Values
from ambient_components.run_records import Place, change_record, parsed
from ambient_components.shards import CHECKPOINTS_VARIABLE, RUN_VARIABLE, Record, Run, fleet_label

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
            BadValue: it is no NAMESPACE/NAME.
        """
        given = values.get("record")
        if given is None:
            return None
        parts = given.split("/") if isinstance(given, str) else []
        if len(parts) != 2 or not all(parts):
            reject("record: NAMESPACE/NAME of the shard's run record is expected")
        return cls(parts[0], parts[1], str(values.get("owner")))

    def read(self, cluster: Cluster) -> Record:
        """What is recorded; of a new shard nothing is.

        Raises:
            StepError: it can't be read, or not understood.
        """
        return parsed(cluster.get(self._place.path))

    def write(self, cluster: Cluster, change: Callable[[Record], Record]) -> None:
        """Reads the record, changes it and writes what differs, however often others write in between.

        Raises:
            StepError: it can't be read or written.
        """
        if change_record(cluster, self._place, change) is None:
            msg = f"ConfigMap {self.namespace}/{self.name}: somebody else writes it all the time"
            raise StepError(msg)

    def remove(self, cluster: Cluster) -> None:
        """Deletes it; one that is gone already is fine."""
        cluster.delete(self._place.path)

    def siblings(self, cluster: Cluster) -> Iterator[tuple[str, Record]]:
        """The other shards' stacks, and their records; one that can't be understood is left out."""
        selector = f"{FLEET_LABEL}={fleet_label(self.owner)}"
        for item in cluster.list(core("namespaces", self.namespace, "configmaps"), selector):
            if name(item) == self.name:
                continue
            try:
                record = Record.parse(texts(item.get("data")))
            except ValueError:
                continue  # its own shard's runs say so
            yield annotations(item).get(STACK_ANNOTATION, name(item)), record

    @property
    def stack(self) -> str:
        """The shard's stack."""
        return f"{self.owner.rsplit('/', 1)[-1]}-{self.name.rsplit('-', 1)[-1]}"

    @property
    def _place(self) -> Place:
        return Place(self.namespace, self.name, self.owner, self.stack)


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
