"""Access of the ledger to its shard's run record: a ConfigMap in the cluster, changed by merge patches.

It shows what interrupted runs left behind and what other shards deploy; `shards.records` defines its content.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from ambient_components import clock
from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.objects import annotations, name, texts
from ambient_components.errors import StepError, reject
from ambient_components.platform.contract import FLEET_LABEL, STACK_ANNOTATION
from ambient_components.provider.protocol.resource import Context, Values
from ambient_components.rotation.state import format_time
from ambient_components.rules.warnings import LoudWarning
from ambient_components.shards import CHECKPOINTS_VARIABLE, RUN_VARIABLE
from ambient_components.shards.cluster_records import Place, change_record, parsed
from ambient_components.shards.records import Record, Run, fleet_label

_DEAF: Final = "no run without checkpoints may begin, as what it leaves if it dies would not be known"


def skips_checkpoints() -> bool:
    """Return whether this run's state is written only at its end; parsed like the engine does."""
    return os.environ.get(CHECKPOINTS_VARIABLE, "").lower() in ("1", "true")


def run_id() -> str:
    """Return the id of this run of ``ambient up``; empty for other runs."""
    return os.environ.get(RUN_VARIABLE, "")


def this_run() -> Run:
    return Run(run_id() or str(uuid.uuid4()), format_time(clock.now()), checkpoints=not skips_checkpoints())


class RunRecord(Place):
    __slots__ = ()

    @classmethod
    def of(cls, values: Values) -> "RunRecord | None":
        """Read the location from a ledger's inputs; None if the stack is not a shard."""
        given = values.get("record")
        if given is None:
            return None
        parts = given.split("/") if isinstance(given, str) else []
        if len(parts) != 2 or not all(parts):
            reject("record: NAMESPACE/NAME of the shard's run record is expected")
        namespace, record = parts
        owner = str(values.get("owner"))
        return cls(namespace, record, owner, f"{owner.rsplit('/', 1)[-1]}-{record.rsplit('-', 1)[-1]}")

    def read(self, cluster: Cluster) -> Record:
        return parsed(cluster.get(self.path))

    def write(self, cluster: Cluster, change: Callable[[Record], Record]) -> None:
        """Change the record, and retry when others write it at the same time."""
        if change_record(cluster, self, change) is None:
            msg = f"ConfigMap {self.namespace}/{self.name}: another process writes it all the time"
            raise StepError(msg)

    def remove(self, cluster: Cluster) -> None:
        cluster.delete(self.path)

    def siblings(self, cluster: Cluster) -> Iterator[tuple[str, Record]]:
        """Yield the other shards' stacks and records; unreadable records are skipped."""
        selector = f"{FLEET_LABEL}={fleet_label(self.owner)}"
        for item in cluster.list(core("namespaces", self.namespace, "configmaps"), selector):
            if name(item) == self.name:
                continue
            try:
                record = Record.parse(texts(item.get("data")))
            except ValueError:
                continue  # the runs of its own shard report it
            yield annotations(item).get(STACK_ANNOTATION, name(item)), record


@contextmanager
def optional(context: Context) -> Iterator[None]:
    """Work with the record. With checkpoints it is optional, and an error is only a warning."""
    try:
        yield
    except StepError as error:
        if skips_checkpoints():
            msg = f"the shard's run record can't be used, and {_DEAF}: {error}"
            raise StepError(msg) from None
        context.warn(
            LoudWarning.NOT_CHECKED,
            error.problem.within("the shard's run record can't be used, so what an interrupted run left is not known"),
        )
