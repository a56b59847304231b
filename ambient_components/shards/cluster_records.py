"""Access to a shard's run record, a ConfigMap that `ambient up` and the access ledger change.

`shards.records` defines its content and its transitions.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.cluster.client import ApiError, Cluster, core
from ambient_components.cluster.objects import metadata, texts
from ambient_components.errors import BadValue, StepError
from ambient_components.platform.contract import FLEET_LABEL, OWNER_ANNOTATION, STACK_ANNOTATION
from ambient_components.shards import Record, fleet_label, patch

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
