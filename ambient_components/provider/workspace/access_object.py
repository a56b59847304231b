"""Common base of the two kinds of objects that carry access: strict creation, complete repair, reliable deletion.

RoleBindings and keys' ServiceAccounts are resources of this project, because the Kubernetes plugin adopts existing
objects of the same name, ignores extra subjects, and waits ten minutes for an object with a finalizer
(docs/internals/adr/0020). Workspace users can write everything in the namespace except the Namespace itself.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from ambient_components.cluster.client import ApiError, Cluster, core
from ambient_components.cluster.objects import annotations, is_ending, labels, observed
from ambient_components.cluster.revocation import end, object_path
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.provider.protocol.resource import Check, Context, Diff, ReadResult, Values, changes_of
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.rules.warnings import LoudWarning

TRIES: Final = 10
"""Attempts while others write to the object, before the step fails."""

_PLACE: Final = frozenset({"metadata.name", "metadata.namespace"})


class AccessObject(ABC):
    """One kind of object that carries access; its inputs have the form of the Kubernetes object."""

    token: str
    kind: str
    api_version: str
    computed: tuple[str, ...] = ("uid",)
    """Names of outputs in addition to the inputs."""

    @abstractmethod
    def problems(self, news: Values) -> list[Problem]:
        """Return the problems of known inputs."""

    @abstractmethod
    def content(self, news: Values) -> dict[str, Any]:
        """Return the content of the object besides its metadata."""

    @abstractmethod
    def can_take_over(self, live: Mapping[str, Any], news: Values, uid: str | None) -> bool:
        """Return whether an object, with its recorded uid if any, can become the declared one. Others are replaced."""

    @abstractmethod
    def observed_inputs(self, live: Mapping[str, Any], inputs: Values) -> dict[str, Any]:
        """Return the inputs as found in the cluster: differences from `inputs` are drift."""

    def outputs(self, live: Mapping[str, Any]) -> dict[str, Any]:
        return {"uid": live["metadata"]["uid"]}

    def annotations(self, context: Context, news: Values, live: Mapping[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002
        return dict(news["metadata"].get("annotations") or {})

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002
        metadata = news.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        missing = [
            refusal(f"metadata.{name}: a name is expected")
            for name in ("name", "namespace")
            if metadata.get(name) is not UNKNOWN and (not isinstance(metadata.get(name), str) or not metadata[name])
        ]
        return Check(failures=tuple(missing or self.problems(news)))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        """Compare field by field; only another name or namespace is a replacement."""
        changes = changes_of(inputs, news)
        return Diff(changes, replaces=_PLACE & changes.keys())

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Create the object. An existing unrecorded object is not adopted: see `can_take_over`."""
        if context.preview:
            return _identity(news), {"uid": UNKNOWN}
        return _identity(news), self.apply(context, news, None)

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:  # noqa: ARG002
        """Compare the complete object with its inputs; None if it does not exist."""
        if inputs.get("released"):
            # Changes by others are no drift, even a deletion.
            there = context.guard.cluster.get(core("namespaces", _namespace(inputs)))
            return ReadResult({name: state[name] for name in self.computed if name in state}) if there else None
        live = context.guard.cluster.get(self.path_of(inputs))
        if live is None or self.is_another(context, live, inputs, state):
            return None
        inputs_found = self.observed_inputs(live, inputs)
        kept = {field: live["metadata"].get(field) for field in ("finalizers", "ownerReferences")}
        undeclared = {field: f"{len(items)} that are not declared" for field, items in kept.items() if items}
        return ReadResult(self.outputs(live), {**inputs_found, "metadata": {**inputs_found["metadata"], **undeclared}})

    def is_another(self, context: Context, live: Mapping[str, Any], inputs: Values, state: Values) -> bool:  # noqa: ARG002
        """Return whether the object is not the recorded one but another one of its name."""
        return False

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """Set the object to the inputs, whatever others wrote; in a released workspace nothing is written."""
        kept = {name: state[name] for name in self.computed if name in state}
        return (
            kept if context.preview or news.get("released") else {**kept, **self.apply(context, news, state.get("uid"))}
        )

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Delete the object despite finalizers, and any other object that has its name by now."""
        end(context.guard.cluster, self.kind, _namespace(state), _name(state))

    def apply(self, context: Context, news: Values, uid: str | None) -> dict[str, Any]:
        cluster = context.guard.cluster
        for _ in range(TRIES):
            live = cluster.get(self.path_of(news)) if uid else None
            try:
                if live is None:
                    return self.outputs(cluster.create(self._collection(news), self._body(context, news, None)))
            except ApiError as error:
                if error.status != 409:
                    raise
                live = cluster.get(self.path_of(news))
            if live is None:
                continue
            if not is_ending(live) and self.can_take_over(live, news, uid):
                changed = self.force(context, cluster, news, live)
                if changed is not None:
                    return self.outputs(changed)
                continue
            this = str(live["metadata"]["uid"])
            if this != uid:
                context.warn(
                    LoudWarning.REPLACED_ACCOUNT,
                    f"{self.kind} {_identity(news)} is not the one of this stack: it and what it gave are ended, and "
                    f"it is made again",
                    f"anyone who may write to namespace {_namespace(news)} can have made it",
                )
            end(cluster, self.kind, _namespace(news), _name(news), this)
            uid = None
        raise self.contended(news)

    def contended(self, news: Values) -> StepError:
        return StepError(
            f"{self.kind} {_identity(news)} is written by others without a pause. Find who may write to the namespace "
            "(ambient access --live), and run again"
        )

    def force(
        self, context: Context, cluster: Cluster, news: Values, live: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Change only the version that was read; None if the object has changed since."""
        body = self._body(context, news, live)
        metadata = {
            **body["metadata"],
            "uid": live["metadata"]["uid"],
            "resourceVersion": live["metadata"].get("resourceVersion"),
            "finalizers": None,
            "ownerReferences": None,
        }
        try:
            return cluster.patch(self.path_of(news), {**body, "metadata": metadata})
        except ApiError as error:
            if error.status in (404, 409):
                return None
            raise

    def _body(self, context: Context, news: Values, live: Mapping[str, Any] | None) -> dict[str, Any]:
        metadata = {
            "name": _name(news),
            "namespace": _namespace(news),
            "labels": dict(news["metadata"].get("labels") or {}),
            "annotations": self.annotations(context, news, live),
        }
        return {"apiVersion": self.api_version, "kind": self.kind, "metadata": metadata, **self.content(news)}

    def path_of(self, inputs: Values) -> str:
        return object_path(self.kind, _namespace(inputs), _name(inputs))

    def _collection(self, inputs: Values) -> str:
        return self.path_of(inputs).rpartition("/")[0]


def observed_metadata(live: Mapping[str, Any], inputs: Values) -> dict[str, Any]:
    """Return the declared labels and annotations as found in the cluster; others are ignored."""
    metadata = dict(inputs["metadata"])
    for field, there in (("labels", labels(live)), ("annotations", annotations(live))):
        if field in metadata:
            declared = metadata[field]
            metadata[field] = observed({name: there[name] for name in declared if name in there}, declared)
    return metadata


def _identity(values: Values) -> str:
    return f"{_namespace(values)}/{_name(values)}"


def _name(values: Values) -> str:
    return str(values["metadata"]["name"])


def _namespace(values: Values) -> str:
    return str(values["metadata"]["namespace"])
