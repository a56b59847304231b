"""The run records of a fleet's shards in its cluster: read by one request, written by merge patches.

Where they can't be read or written nothing stops: no shard is then skipped, and every run has checkpoints.
"""

import threading
from collections.abc import Callable

from ambient_components.cli.fleets.fleet import Fleet
from ambient_components.cluster import Cluster, core
from ambient_components.cluster_objects import metadata, name, text
from ambient_components.contract import FLEET_LABEL
from ambient_components.failure import StepError
from ambient_components.guard import Guard
from ambient_components.run_records import Place, UnreadableError, change_record, parsed
from ambient_components.shards import Record, fleet_label, record_name

Change = Callable[[Record], Record]


class Records:
    """Those of one fleet; may be used by several threads at once.

    Attributes:
        guard: The fleet's cluster, proved to be that.
        trouble: Why records can't be read or written, in words; empty while all is well.
    """

    def __init__(self, fleet: Fleet, guard: Guard | None = None) -> None:
        self._fleet = fleet
        config = fleet.config
        self.guard = guard or Guard(Cluster(config.get("context")), config.get("clusterUid"))
        self._lock = threading.Lock()
        self._broken: dict[int, str] = {}
        self.trouble = ""

    def read(self, *, beyond: bool = False) -> dict[int, Record]:
        """The records of all shards; one that is not there yet, or can't be read, is left out.

        Args:
            beyond: also those of shards that the config has no longer.
        """
        try:
            selector = f"{FLEET_LABEL}={fleet_label(self._fleet.owner)}"
            configmaps = core("namespaces", self._fleet.platform_namespace, "configmaps")
            items = {name(item): item for item in self.guard.cluster.list(configmaps, selector)}
        except StepError as error:
            self._note(f"the run records can't be read: {error}")
            return {}
        found = {}
        last = (name.rsplit("-", 1)[-1] for name in items) if beyond else ()
        numbers = {*range(self._fleet.count), *(int(text) for text in last if text.isdecimal())}
        for number in sorted(numbers):
            item = items.get(record_name(self._fleet.owner, number))
            if item is not None:
                try:
                    found[number] = parsed(item)
                except UnreadableError as error:
                    # Nothing is written over what nobody has understood.
                    self._broken[number] = f"{self._fleet.stack(number)}: {error}"
                    self._note(self._broken[number])
        return found

    def change(self, number: int, change: Change) -> Record | None:
        """Reads one record, changes it and writes what differs, however often others write in between.

        Args:
            number: of the shard.
            change: the transition, of `ambient_components.shards.records`.

        Returns:
            The record as it is now; None: it could not be written, and `trouble` says why.

        Raises:
            ValueError: the transition is not allowed.
        """
        if number in self._broken:
            return None
        try:
            written = change_record(self.guard.cluster, self._place(number), change)
        except UnreadableError as error:
            self._broken[number] = f"{self._fleet.stack(number)}: {error}"
            self._note(f"the run records can't be written: {self._broken[number]}")
            return None
        except StepError as error:
            self._note(f"the run records can't be written: {error}")
            return None
        if written is None:
            self._note(f"{self._fleet.stack(number)}: somebody else writes its run record all the time")
        return written

    def remove(self, number: int, only: Callable[[Record], bool] | None = None) -> None:
        """Deletes a shard's record: with the last of what it records. One that can't be deleted does no harm.

        Args:
            number: of the shard.
            only: whether it may go, as it is read now; one that somebody writes meanwhile stays.
        """
        cluster, path = self.guard.cluster, self._place(number).path
        try:
            if only is None:
                cluster.delete(path)
                return
            item = cluster.get(path)
            if item is not None and only(parsed(item)):
                cluster.delete(path, version=text(metadata(item).get("resourceVersion")))
        except StepError as error:
            self._note(f"a run record can't be deleted: {error}")

    def _place(self, number: int) -> Place:
        fleet = self._fleet
        name, stack = record_name(fleet.owner, number), fleet.stack(number).rsplit("/", 1)[-1]
        return Place(fleet.platform_namespace, name, fleet.owner, stack)

    def _note(self, text: str) -> None:
        with self._lock:
            self.trouble = self.trouble or text
