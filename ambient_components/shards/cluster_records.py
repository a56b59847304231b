"""The run records in the cluster: one ConfigMap for each shard, which `ambient up` and the access ledger change.

`shards.records` defines their content and transitions.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.cluster.client import ApiError, Cluster, core
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import metadata, name, text, texts
from ambient_components.errors import BadValue, Problem, StepError, refusal
from ambient_components.platform.contract import FLEET_LABEL, OWNER_ANNOTATION, STACK_ANNOTATION
from ambient_components.shards.names import shard_stack
from ambient_components.shards.records import Record, fleet_label, patch, record_name

_TRIES: Final = 5


class UnreadableError(StepError):
    """A run record that cannot be parsed; it is never overwritten."""


@dataclass(frozen=True, slots=True)
class Place:
    namespace: str
    name: str
    owner: str
    """PROJECT/FLEET."""
    stack: str
    """Name of the shard's stack, without its organization."""

    @property
    def path(self) -> str:
        return core("namespaces", self.namespace, "configmaps", self.name)


def parsed(item: Mapping[str, Any] | None) -> Record:
    try:
        return Record.parse(texts(item.get("data")) if item else None)
    except BadValue as error:
        raise UnreadableError(error.problem, error.hints) from None
    except ValueError as error:
        raise UnreadableError(str(error)) from None


def change_record(cluster: Cluster, place: Place, change: Callable[[Record], Record]) -> Record | None:
    """Change a record, and retry while others write it; None if they always did."""
    for _ in range(_TRIES):
        item = cluster.get(place.path)
        before = parsed(item)
        after = change(before)
        try:
            if item is None:
                cluster.create(core("namespaces", place.namespace, "configmaps"), _new(place, after))
            elif data := patch(before, after):
                version = metadata(item).get("resourceVersion")
                cluster.patch(place.path, {"metadata": {"resourceVersion": version}, "data": data})
        except ApiError as error:
            if error.status != 409:
                raise
        else:
            return after
    return None


def _new(place: Place, record: Record) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": place.name,
            "labels": {FLEET_LABEL: fleet_label(place.owner)},
            "annotations": {OWNER_ANNOTATION: place.owner, STACK_ANNOTATION: place.stack},
        },
        "data": record.data(),
    }


class Records:
    """The run records of one fleet. Safe for use from several threads.

    Args:
        guard: The fleet's cluster, checked by its uid.
        namespace: The platform's namespace.
        owner: PROJECT/FLEET.
        fleet: The fleet's name, with its organization.
        count: Number of shards.

    Attributes:
        trouble: Why records can't be read or written. None if they can.
    """

    def __init__(self, guard: Guard, namespace: str, owner: str, fleet: str, count: int) -> None:
        self.guard = guard
        self.trouble: Problem | None = None
        self._namespace, self._owner, self._fleet, self._count = namespace, owner, fleet, count
        self._lock = threading.Lock()
        self._broken: dict[int, Problem] = {}

    def read(self, *, outside: bool = False) -> dict[int, Record]:
        """Return the records of all shards, without those that are missing or unreadable."""
        try:
            configmaps = core("namespaces", self._namespace, "configmaps")
            selector = f"{FLEET_LABEL}={fleet_label(self._owner)}"
            items = {name(item): item for item in self.guard.cluster.list(configmaps, selector)}
        except StepError as error:
            self._note(error.problem.within("the run records can't be read"))
            return {}
        records = {}
        last = (name.rsplit("-", 1)[-1] for name in items) if outside else ()
        numbers = {*range(self._count), *(int(text) for text in last if text.isdecimal())}
        for number in sorted(numbers):
            if (item := items.get(record_name(self._owner, number))) is not None:
                try:
                    records[number] = parsed(item)
                except UnreadableError as error:
                    # Never overwrite a record that could not be parsed.
                    self._note(self._break(number, error))
        return records

    def change(self, number: int, change: Callable[[Record], Record]) -> Record | None:
        """Change a record, also while others write it. None: it could not be written, for the reason in `trouble`."""
        if number in self._broken:
            return None
        try:
            written = change_record(self.guard.cluster, self._place(number), change)
        except StepError as error:
            problem = self._break(number, error) if isinstance(error, UnreadableError) else error.problem
            self._note(problem.within("the run records can't be written"))
            return None
        if written is None:
            stack = shard_stack(self._fleet, number)
            self._note(refusal(f"{stack}: another process writes its run record all the time"))
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
        stack = shard_stack(self._fleet, number).rsplit("/", 1)[-1]
        return Place(self._namespace, record_name(self._owner, number), self._owner, stack)

    def _break(self, number: int, error: UnreadableError) -> Problem:
        self._broken[number] = error.problem.within(shard_stack(self._fleet, number))
        return self._broken[number]

    def _note(self, problem: Problem) -> None:
        with self._lock:
            self.trouble = self.trouble or problem
