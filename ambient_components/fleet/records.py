"""The run records of a fleet's shards in its cluster."""

import threading
from collections.abc import Callable

from ambient_components.cluster.client import Cluster, core
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import metadata, name, text
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.platform.contract import FLEET_LABEL
from ambient_components.shards import Record, fleet_label, record_name
from ambient_components.shards.cluster_records import Place, UnreadableError, change_record, parsed
from ambient_components.stacks.selection import Fleet


class Records:
    """The run records of one fleet. Safe for use from several threads.

    Attributes:
        guard: The fleet's cluster, checked by its uid.
        trouble: Why records can't be read or written. None if they can.
    """

    def __init__(self, fleet: Fleet, guard: Guard | None = None) -> None:
        self._fleet = fleet
        config = fleet.config
        self.guard = guard or Guard(Cluster(config.get("context")), config.get("clusterUid"))
        self._lock = threading.Lock()
        self._broken: dict[int, Problem] = {}
        self.trouble: Problem | None = None

    def read(self, *, outside: bool = False) -> dict[int, Record]:
        """Return the records of all shards, without those that are missing or unreadable."""
        try:
            selector = f"{FLEET_LABEL}={fleet_label(self._fleet.owner)}"
            configmaps = core("namespaces", self._fleet.platform_namespace, "configmaps")
            items = {name(item): item for item in self.guard.cluster.list(configmaps, selector)}
        except StepError as error:
            self._note(error.problem.within("the run records can't be read"))
            return {}
        records = {}
        last = (name.rsplit("-", 1)[-1] for name in items) if outside else ()
        numbers = {*range(self._fleet.count), *(int(text) for text in last if text.isdecimal())}
        for number in sorted(numbers):
            item = items.get(record_name(self._fleet.owner, number))
            if item is not None:
                try:
                    records[number] = parsed(item)
                except UnreadableError as error:
                    # Never overwrite a record that could not be parsed.
                    self._broken[number] = error.problem.within(self._fleet.stack(number))
                    self._note(self._broken[number])
        return records

    def change(self, number: int, change: Callable[[Record], Record]) -> Record | None:
        """Change a record, also while others write it. None: it could not be written, for the reason in `trouble`."""
        if number in self._broken:
            return None
        try:
            written = change_record(self.guard.cluster, self._place(number), change)
        except UnreadableError as error:
            self._broken[number] = error.problem.within(self._fleet.stack(number))
            self._note(self._broken[number].within("the run records can't be written"))
            return None
        except StepError as error:
            self._note(error.problem.within("the run records can't be written"))
            return None
        if written is None:
            self._note(refusal(f"{self._fleet.stack(number)}: another process writes its run record all the time"))
        return written

    def remove(self, number: int, only: Callable[[Record], bool] | None = None) -> None:
        """Delete the record of an empty stack, if `only` agrees on the current record. One that stays does no harm."""
        cluster, path = self.guard.cluster, self._place(number).path
        try:
            if only is None:
                cluster.delete(path)
                return
            item = cluster.get(path)
            if item is not None and only(parsed(item)):
                cluster.delete(path, version=text(metadata(item).get("resourceVersion")))
        except StepError as error:
            self._note(error.problem.within("a run record can't be deleted"))

    def _place(self, number: int) -> Place:
        fleet = self._fleet
        name, stack = record_name(fleet.owner, number), fleet.stack(number).rsplit("/", 1)[-1]
        return Place(fleet.platform_namespace, name, fleet.owner, stack)

    def _note(self, problem: Problem) -> None:
        with self._lock:
            self.trouble = self.trouble or problem
