"""The run records of a fleet's shards in its cluster. They are read with one request and written with merge patches.

If they can't be read or written, the run continues: no shard is skipped, and every run uses checkpoints.
"""

import threading
from collections.abc import Callable

from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import metadata, name, text
from ambient_components.failure import StepError
from ambient_components.platform.contract import FLEET_LABEL
from ambient_components.shards import Record, fleet_label, record_name
from ambient_components.shards.cluster_records import Place, UnreadableError, change_record, parsed
from ambient_components.stacks.selection import Fleet

Change = Callable[[Record], Record]


class Records:
    """The run records of one fleet. Safe for use from several threads.

    Attributes:
        guard: The fleet's cluster, checked by its uid.
        trouble: Why records can't be read or written. Empty if they can.
    """

    def __init__(self, fleet: Fleet, guard: Guard | None = None) -> None:
        self._fleet = fleet
        config = fleet.config
        self.guard = guard or Guard(Cluster(config.get("context")), config.get("clusterUid"))
        self._lock = threading.Lock()
        self._broken: dict[int, str] = {}
        self.trouble = ""

    def read(self, *, beyond: bool = False) -> dict[int, Record]:
        """Return the records of all shards. Missing and unreadable records are left out.

        Args:
            beyond: Whether to include shards beyond the configured number.
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
                    # Never overwrite a record that could not be parsed.
                    self._broken[number] = f"{self._fleet.stack(number)}: {error}"
                    self._note(self._broken[number])
        return found

    def change(self, number: int, change: Change) -> Record | None:
        """Read a record, change it and write the difference. Retry on concurrent writes.

        Args:
            number: The shard's number.
            change: A transition from `ambient_components.shards.records`.

        Returns:
            The new record. None if it could not be written, with the reason in `trouble`.

        Raises:
            ValueError: The transition is not allowed.
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
            self._note(f"{self._fleet.stack(number)}: another process writes its run record all the time")
        return written

    def remove(self, number: int, only: Callable[[Record], bool] | None = None) -> None:
        """Delete a shard's record once its stack is empty. A record that can't be deleted does no harm.

        Args:
            number: The shard's number.
            only: Decides, on the current record, whether to delete it. A record that changes meanwhile stays.
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
