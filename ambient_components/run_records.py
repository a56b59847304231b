"""A shard's run record in its cluster, a ConfigMap: changed by `ambient up` and by the ledger, both in this one way.

What is in it, and what its transitions mean, `shards.records` says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.cluster import ApiError, Cluster, core
from ambient_components.cluster_objects import metadata, texts
from ambient_components.contract import FLEET_LABEL, OWNER_ANNOTATION, STACK_ANNOTATION
from ambient_components.failure import StepError
from ambient_components.shards import Record, fleet_label, patch

_TRIES: Final = 5


class UnreadableError(StepError):
    """A record that can't be understood: nothing is written over it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies, and whose it is."""

    namespace: str
    name: str
    owner: str
    """PROJECT/FLEET."""
    stack: str
    """The shard's, without its organisation."""

    @property
    def path(self) -> str:
        """API path."""
        return core("namespaces", self.namespace, "configmaps", self.name)


def parsed(item: Mapping[str, Any] | None) -> Record:
    """The record of a ConfigMap; of None, an empty one.

    Raises:
        UnreadableError: it can't be understood.
    """
    try:
        return Record.parse(texts(item.get("data")) if item else None)
    except ValueError as error:
        raise UnreadableError(str(error)) from None


def change_record(cluster: Cluster, place: Place, change: Callable[[Record], Record]) -> Record | None:
    """Reads a record, changes it and writes what differs, however often others write in between.

    Args:
        cluster: the fleet's.
        place: where it lies; it is made where there is none.
        change: a transition; what it raises ends this, with nothing written.

    Returns:
        The record as it is now; None: somebody else writes it all the time.

    Raises:
        StepError: it can't be read or written.
        UnreadableError: it can't be understood.
    """
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
