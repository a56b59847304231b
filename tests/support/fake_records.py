"""A cluster that keeps ConfigMaps, and one that answers nothing: what the run records are written to."""

import threading
from collections.abc import Iterator
from typing import Any

from ambient_components.cluster.client import ApiError
from ambient_components.errors import StepError
from ambient_components.shards.records import Record


class FakeCluster:
    """Keeps objects by path, with versions as an API server does."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.down = False
        self._version = 0
        self._lock = threading.Lock()

    def get(self, path: str, *, metadata: bool = False) -> dict[str, Any] | None:
        self._requested("GET", path)
        return self.objects.get(path)

    def list(self, path: str, selector: str | None = None) -> list[dict[str, Any]]:
        self._requested("LIST", f"{path}?{selector}")
        key, _, value = (selector or "").partition("=")
        found = [item for place, item in self.objects.items() if place.startswith(f"{path}/")]
        return [item for item in found if item["metadata"]["labels"].get(key) == value]

    def each(self, path: str, *, name: str) -> Iterator[dict[str, Any]]:
        self._requested("LIST", f"{path}?{name}")
        yield from filter(None, [self.objects.get(f"{path}/{name}")])

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self._requested("POST", path)
        with self._lock:
            place = f"{path}/{body['metadata']['name']}"
            if place in self.objects:
                raise ApiError(409, "exists")
            return self._keep(place, body)

    def patch(self, path: str, body: dict[str, Any], *, metadata: bool = False) -> dict[str, Any]:
        self._requested("PATCH", path)
        with self._lock:
            item = self.objects.get(path)
            if item is None:
                raise ApiError(404, "not found")
            if body["metadata"].get("resourceVersion") not in (None, item["metadata"].get("resourceVersion")):
                raise ApiError(409, "the object has been modified")
            data = {**item.get("data", {}), **body.get("data", {})}
            return self._keep(path, {**item, "data": {key: text for key, text in data.items() if text is not None}})

    def delete(self, path: str, uid: str | None = None, version: str | None = None) -> bool:
        self._requested("DELETE", path)
        item = self.objects.get(path)
        if version is not None and item is not None and item["metadata"]["resourceVersion"] != version:
            return False
        return self.objects.pop(path, None) is not None

    def record(self, number: int) -> Record:
        """The record of a shard."""
        found = [item for path, item in self.objects.items() if path.endswith(f"-{number:02d}")]
        return Record.parse(found[0]["data"] if found else None)

    def _keep(self, place: str, body: dict[str, Any]) -> dict[str, Any]:
        self._version += 1
        self.objects[place] = {**body, "metadata": {**body["metadata"], "resourceVersion": str(self._version)}}
        return self.objects[place]

    def _requested(self, method: str, path: str) -> None:
        self.requests.append(f"{method} {path}")
        if self.down:
            msg = "the cluster at https://c does not answer"
            raise StepError(msg)


class FakeGuard:
    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
