"""What resources that declare a part of somebody else's object have in common: read, merge, patch, give back.

Every write is a merge patch for the one version that was read, so that two writers at once never mix (a conflict reads
again). Nothing here is ever replaced or, but for our own Secrets, deleted: what hangs on ProjectSettings is
garbage-collected with it (contract 10.2), and a field that leaves the declaration returns to the platform's default.
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
"""Attempts at one write; the operator writes an object's status several times in its first second."""


class Part(ABC):
    """One kind of object, of which a workspace has one by a fixed name."""

    token: str
    kind: str
    """For people."""
    name: str
    """Of the object, in every workspace."""
    section: str = "spec"
    """Where its fields lie: spec or data."""

    @abstractmethod
    def collection(self, namespace: str) -> str:
        """API path of the objects of this kind in a namespace."""

    @abstractmethod
    def frame(self, inputs: Values) -> dict[str, Any]:
        """The object without the declared fields, as the platform itself would make it."""

    @abstractmethod
    def fields(self, inputs: Values) -> dict[str, Any]:
        """The declared fields, as they lie in the object."""

    @abstractmethod
    def as_inputs(self, inputs: Values, section: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs like `inputs`, of what is there: the difference is what somebody else changed."""

    def default(self, field: str) -> Any:  # noqa: ARG002  # for those that have any
        """What a field returns to when nobody declares it any more; None removes it."""
        return None

    def object_name(self, inputs: Values) -> str:  # noqa: ARG002  # for those that have several
        """Name of the object."""
        return self.name

    def problems(self, news: Values) -> list[Problem]:  # noqa: ARG002  # for those that have any
        """What is wrong with inputs that are known."""
        return []

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002
        """Refuses what has no meaning."""
        namespace = news.get("namespace")
        if namespace is not UNKNOWN and (not isinstance(namespace, str) or not namespace):
            return Check(failures=(refusal("namespace is missing: the workspace's"),))
        return Check(failures=tuple(self.problems(news)))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        """Changed fields, each by its path."""
        changes = {change.path: Change(change.kind) for change in changed_paths(inputs, news)}
        return Diff(changes, replaces=frozenset({"namespace"} & changes.keys()))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Declares the fields, in an object that is there or in a new one."""
        outputs = {} if context.preview or news.get("released") else self.write(context, news, {})
        return f"{news['namespace']}/{self.object_name(news)}", outputs

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> Found | None:  # noqa: ARG002
        """What the declared fields are now; None where the object is gone, with its namespace or by hand."""
        if not inputs:
            msg = f"{identity} can't be imported, and needs no import: declare it, and the next pulumi up takes it over"
            raise StepError(msg)
        if inputs.get("released"):
            # Whatever others do to it by now is no difference, even where they deleted it.
            return Found({}) if self._namespace(context, inputs) else None
        live = context.guard.cluster.get(self._path(inputs))
        if live is None:
            return None
        return Found({}, self.as_inputs(inputs, mapping(live.get(self.section))))

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """Declares the fields anew; those that left the declaration return to the platform's default.

        Of a released workspace nothing is written: it is somebody else's to change by then.
        """
        if context.preview or news.get("released"):
            return {}
        return self.write(context, news, self.fields(state))

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Gives every declared field back. The object stays: it is the platform's."""
        self.write(context, {**state, **self.nothing()}, self.fields(state))

    def nothing(self) -> dict[str, Any]:
        """Inputs that declare no field, beside the namespace."""
        return {}

    def after(self, context: Context, news: Values, before: Mapping[str, Any], live: Mapping[str, Any]) -> Values:  # noqa: ARG002
        """The object's section as it should be.

        Args:
            context: for what the user should know.
            news: the inputs.
            before: the fields declared until now.
            live: the section as it is.
        """
        declared = self.fields(news)
        return declared_over(live, declared, {key: self.default(key) for key in before if key not in declared})

    def written(self, context: Context, news: Values, before: Mapping[str, Any], live: Mapping[str, Any]) -> None:  # noqa: B027
        """Tells what a change took away, where that is of note; `live` is the section as it was."""

    def write(self, context: Context, news: Values, before: Mapping[str, Any]) -> dict[str, Any]:
        """Brings the object to the inputs.

        Raises:
            StepError: the cluster refuses, or others write without a pause.
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
                # What vanished before the patch is made anew; a 404 to its making has another reason, which it says.
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
    """Labels and annotations that readers select on, and that an object made by hand may lack."""
    missing = {}
    for kind, there in (("labels", labels(live)), ("annotations", annotations(live))):
        wanted = frame["metadata"].get(kind) or {}
        lacking = {key: value for key, value in wanted.items() if there.get(key) != value}
        if lacking:
            missing[kind] = lacking
    return missing
