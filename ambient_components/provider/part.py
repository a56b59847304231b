"""Common base of resources that declare some fields of a shared object: read, merge, patch, restore defaults.

Every write is a merge patch of the version that was read, so that concurrent writes do not mix (a conflict reads
again). Objects are never replaced and, except this project's own Secrets, never deleted: dependants of ProjectSettings
are garbage-collected with it (contract 10.2). A field that is no longer declared returns to the platform's default.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from ambient_components.access import changed_paths
from ambient_components.cluster import ApiError, core
from ambient_components.cluster_objects import annotations, labels, mapping, metadata
from ambient_components.errors import Problem, refusal
from ambient_components.failure import StepError
from ambient_components.parts import declared_over, merge_patch
from ambient_components.provider.resource import Change, Check, Context, Diff, Found, Values
from ambient_components.provider.wire import UNKNOWN

_TRIES: Final = 10
"""Attempts of one write; the operator writes an object's status several times in its first second."""


class Part(ABC):
    """One kind of object with a fixed name in every workspace."""

    token: str
    kind: str
    """Kind for messages."""
    name: str
    """Name of the object in every workspace."""
    section: str = "spec"
    """Section with its fields: spec or data."""

    @abstractmethod
    def collection(self, namespace: str) -> str:
        """Return the API path of the collection in a namespace."""

    @abstractmethod
    def frame(self, inputs: Values) -> dict[str, Any]:
        """Return the object without the declared fields, as the platform creates it."""

    @abstractmethod
    def fields(self, inputs: Values) -> dict[str, Any]:
        """Return the declared fields in the object's format."""

    @abstractmethod
    def as_inputs(self, inputs: Values, section: Mapping[str, Any]) -> dict[str, Any]:
        """Return `inputs` with the live values: differences are changes by others."""

    def default(self, field: str) -> Any:  # noqa: ARG002  # for those that have any
        """Return the default of a field that is no longer declared; None removes it."""
        return None

    def object_name(self, inputs: Values) -> str:  # noqa: ARG002  # for those that have several
        """Return the name of the object."""
        return self.name

    def problems(self, news: Values) -> list[Problem]:  # noqa: ARG002  # for those that have any
        """Return the problems of known inputs."""
        return []

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002
        """Refuse invalid inputs."""
        namespace = news.get("namespace")
        if namespace is not UNKNOWN and (not isinstance(namespace, str) or not namespace):
            return Check(failures=(refusal("namespace is missing: the workspace's"),))
        return Check(failures=tuple(self.problems(news)))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        """Return the changed fields by path."""
        changes = {change.path: Change(change.kind) for change in changed_paths(inputs, news)}
        return Diff(changes, replaces=frozenset({"namespace"} & changes.keys()))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Write the declared fields to an existing or a new object."""
        outputs = {} if context.preview or news.get("released") else self.write(context, news, {})
        return f"{news['namespace']}/{self.object_name(news)}", outputs

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> Found | None:  # noqa: ARG002
        """Return the live values of the declared fields; None if the object does not exist."""
        if not inputs:
            msg = f"{identity} can't be imported, and needs no import: declare it, and the next pulumi up takes it over"
            raise StepError(msg)
        if inputs.get("released"):
            # Changes by others are no drift, even a deletion.
            return Found({}) if self._namespace(context, inputs) else None
        live = context.guard.cluster.get(self._path(inputs))
        if live is None:
            return None
        return Found({}, self.as_inputs(inputs, mapping(live.get(self.section))))

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """Write the declared fields; fields that are no longer declared return to the platform's default.

        In a released workspace nothing is written, because it belongs to others by then.
        """
        if context.preview or news.get("released"):
            return {}
        return self.write(context, news, self.fields(state))

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Restore the defaults of all declared fields. The object stays, because it belongs to the platform."""
        self.write(context, {**state, **self.nothing()}, self.fields(state))

    def nothing(self) -> dict[str, Any]:
        """Return inputs that declare no fields."""
        return {}

    def after(self, context: Context, news: Values, before: Mapping[str, Any], live: Mapping[str, Any]) -> Values:  # noqa: ARG002
        """Return the desired section of the object.

        Args:
            context: Context for messages.
            news: The inputs.
            before: The previously declared fields.
            live: The live section.
        """
        declared = self.fields(news)
        return declared_over(live, declared, {key: self.default(key) for key in before if key not in declared})

    def written(self, context: Context, news: Values, before: Mapping[str, Any], live: Mapping[str, Any]) -> None:  # noqa: B027
        """Report what a change removed, if relevant; `live` is the previous section."""

    def write(self, context: Context, news: Values, before: Mapping[str, Any]) -> dict[str, Any]:
        """Write the inputs to the object.

        Raises:
            StepError: The cluster refuses, or others write to the object all the time.
        """
        cluster = context.guard.cluster
        path, frame = self._path(news), self.frame(news)
        last: ApiError | None = None
        for _ in range(_TRIES):
            live = cluster.get(path)
            try:
                if live is None:
                    if self.fields(news):
                        body = {**frame, self.section: {**(frame.get(self.section) or {}), **self.fields(news)}}
                        cluster.create(self.collection(news["namespace"]), body)
                    return {}
                section = mapping(live.get(self.section))
                patch = merge_patch(section, self.after(context, news, before, section))
                notes = _missing_notes(frame, live)
                if patch or notes:
                    version = {"resourceVersion": metadata(live).get("resourceVersion")}
                    cluster.patch(path, {"metadata": {**notes, **version}, self.section: patch})
                    self.written(context, news, before, section)
            except ApiError as error:
                # An object that was deleted before the patch is recreated; a 404 of its creation has another reason.
                vanished = error.status == 404 and live is not None
                if vanished and not self._namespace(context, news) and not self.fields(news):
                    return {}
                if error.status != 409 and not (vanished and self._namespace(context, news)):
                    raise
                last = error
            else:
                return {}
        msg = f"{self.kind} of {news['namespace']} is written by others without a pause: {last}; run again"
        raise StepError(msg)

    def _namespace(self, context: Context, news: Values) -> bool:
        return context.guard.cluster.get(core("namespaces", news["namespace"])) is not None

    def _path(self, inputs: Values) -> str:
        return f"{self.collection(inputs['namespace'])}/{self.object_name(inputs)}"


def _missing_notes(frame: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return labels and annotations that readers select on, and that a manually created object may lack."""
    missing = {}
    for kind, there in (("labels", labels(live)), ("annotations", annotations(live))):
        wanted = frame["metadata"].get(kind) or {}
        lacking = {key: value for key, value in wanted.items() if there.get(key) != value}
        if lacking:
            missing[kind] = lacking
    return missing
