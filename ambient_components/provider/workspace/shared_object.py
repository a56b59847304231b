"""Objects that others write as well, and the merge of the declared fields into them.

The platform's operator creates ProjectSettings and LimitRanges, and its UI changes single flags and saves whole
Secrets. A stack declares some fields of such objects. The pure functions compute what to write from the previously
declared, the declared and the live fields. Values are JSON; None means absent.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from ambient_components.access.adoption import EXISTING_OBJECT
from ambient_components.cluster.client import ApiError, core
from ambient_components.cluster.objects import annotations, labels, mapping, metadata
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.model.base import Model
from ambient_components.model.marks import sent
from ambient_components.model.types import FilledText, Flag
from ambient_components.problem_json import is_for_ambient
from ambient_components.provider.protocol.resource import Check, Context, Diff, ReadResult, Values, changes_of
from ambient_components.provider.protocol.wire import UNKNOWN, has_unknown
from ambient_components.provider.tokens.properties import failures, input_findings

Fields = Mapping[str, Any]

Drift = dict[str, Literal["added", "changed", "removed"]]
"""Difference of the live object from the declaration, by field, without values."""

MISSING: Final = object()


def merge_patch(before: Fields, after: Fields) -> dict[str, Any]:
    """Return the JSON merge patch (RFC 7386) from one mapping to another; empty if they are equal.

    Nested mappings are merged, all other values are replaced. None in `after` counts as absent, as in RFC 7386.
    """
    patch: dict[str, Any] = {key: None for key in before if after.get(key) is None}
    for key, value in after.items():
        old = before.get(key)
        if value is None or value == old:
            continue
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            patch[key] = merge_patch(old, value)
        else:
            patch[key] = value
    return patch


def declared_over(live: Fields, declared: Fields, gone: Fields) -> dict[str, Any]:
    """Return the declared fields over the live ones; what is `gone` gets its default, or leaves if that is None."""
    desired = {key: value for key, value in {**live, **gone}.items() if value is not None}
    return {**desired, **declared}


def drift(declared: Fields, live: Fields) -> Drift:
    differences: Drift = {}
    for key in sorted({*declared, *live}):
        if key not in live:
            differences[key] = "removed"
        elif key not in declared:
            differences[key] = "added"
        elif declared[key] != live[key]:
            differences[key] = "changed"
    return differences


def kept(before: Fields | None, declared: Fields, live: Fields) -> dict[str, Any]:
    """Return the fields of an object for which others' changes stay until the declaration changes (``onDrift: keep``).

    A field with a changed declaration is overwritten, a field that is no longer declared is removed, and every other
    field keeps its live state, even if it was removed.

    Args:
        before: The previously declared fields; None if unknown (a new resource, a lost state): then all live values
            that are not empty stay, and missing ones are added.
    """
    if before is None:
        return {**declared, **{key: value for key, value in live.items() if value not in (None, "")}}
    stays = {key: value for key, value in live.items() if key in declared or key not in before}
    changed = {key: value for key, value in declared.items() if before.get(key, MISSING) != value}
    return {**stays, **changed}


def _known(value: Any) -> Any:
    """Return an input without the values by name that a preview does not know; `UNKNOWN` if none other is left."""
    known = value
    if isinstance(value, Mapping) and has_unknown(value):
        known = {name: item for name, item in value.items() if item is not UNKNOWN} or UNKNOWN
    return UNKNOWN if has_unknown(known) else known


_TRIES: Final = 10
"""Attempts of one write; the operator writes an object's status several times in its first second."""


class ObjectInputs(Model):
    """A partly declared object of a workspace."""

    namespace: Annotated[FilledText, sent("object", required=True, unknown="")]
    """The workspace's namespace."""

    released: Annotated[Flag, sent("object")] = False
    """Whether the workspace is being released: nothing is written, and changes by others are no drift."""


class SharedObject(ABC):
    """One kind of object with a fixed name in every workspace."""

    token: str
    kind: str
    """Kind for messages."""
    name: str
    """Name of the object in every workspace."""
    plural: str
    """Name of the kind's collection in the core group."""
    declares: tuple[str, ...] = ()
    """Names of the inputs that declare its fields."""
    section: str = "spec"
    """Section with its fields: spec or data."""
    inputs: tuple[type[Model], ...]
    """Models of its inputs."""
    outputs: ClassVar[Values] = {}
    """Outputs of an object that is as it was declared."""

    def collection(self, namespace: str) -> str:
        return core("namespaces", namespace, self.plural)

    def frame(self, inputs: Values) -> dict[str, Any]:
        metadata = {"name": self.object_name(inputs), "namespace": inputs["namespace"]}
        return {"apiVersion": "v1", "kind": self.kind, "metadata": metadata}

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
        return self.name

    def problems(self, news: Values) -> list[Problem]:  # noqa: ARG002  # for those that have any
        return []

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002
        given = {name: known for name, value in news.items() if (known := _known(value)) is not UNKNOWN}
        findings = input_findings("object", self.inputs, given, news.keys() - given.keys())
        return Check(failures=(*failures(findings), *self.problems(news)))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        changes = changes_of(inputs, news)
        return Diff(changes, replaces=frozenset({"namespace"} & changes.keys()))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        if not context.preview and not news.get("released"):
            self.write(context, news, {})
        return f"{news['namespace']}/{self.object_name(news)}", self.outputs

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:  # noqa: ARG002
        if inputs.get("released"):
            # Changes by others are no drift, even a deletion.
            return ReadResult(self.outputs) if self._namespace(context, inputs) else None
        live = context.guard.cluster.get(self._path(inputs))
        return None if live is None else self.read_result(context, inputs, mapping(live.get(self.section)))

    def read_result(self, context: Context, inputs: Values, live: Mapping[str, Any]) -> ReadResult:  # noqa: ARG002
        return ReadResult({}, self.as_inputs(inputs, live))

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """Write the declared fields; fields that are no longer declared return to the platform's default.

        In a released workspace nothing is written, because it belongs to others by then.
        """
        if not context.preview and not news.get("released"):
            self.write(context, news, self.fields(state))
        return self.outputs

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Restore the defaults of all declared fields. The object stays, because it belongs to the platform."""
        self.write(context, {**state, **dict.fromkeys(self.declares)}, self.fields(state))

    def after(self, context: Context, news: Values, before: Mapping[str, Any], live: Mapping[str, Any]) -> Values:  # noqa: ARG002
        declared = self.fields(news)
        return declared_over(live, declared, {key: self.default(key) for key in before if key not in declared})

    def written(self, context: Context, news: Values, before: Mapping[str, Any], live: Mapping[str, Any]) -> None:  # noqa: B027
        """Report what a change removed, if relevant; `live` is the previous section."""

    def write(self, context: Context, news: Values, before: Mapping[str, Any]) -> None:
        cluster = context.guard.cluster
        path, frame = self._path(news), self.frame(news)
        last: ApiError | None = None
        for number in range(_TRIES):
            live = cluster.get(path)
            if live is not None and not before and number == 0 and is_for_ambient():
                # The engine counts it as created. Platform objects exist in every workspace: no news for people.
                what = f"{self.kind} {news['namespace']}/{self.object_name(news)} exists"
                context.note(refusal(what, rule=EXISTING_OBJECT))
            try:
                if live is None:
                    if self.fields(news):
                        body = {**frame, self.section: {**(frame.get(self.section) or {}), **self.fields(news)}}
                        cluster.create(self.collection(news["namespace"]), body)
                    return
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
                    return
                if error.status != 409 and not (vanished and self._namespace(context, news)):
                    raise
                last = error
            else:
                return
        msg = f"{self.kind} of {news['namespace']} is written by others without a pause: {last}"
        raise StepError(msg, "run again")

    def _namespace(self, context: Context, news: Values) -> bool:
        return context.guard.cluster.get(core("namespaces", news["namespace"])) is not None

    def _path(self, inputs: Values) -> str:
        return f"{self.collection(inputs['namespace'])}/{self.object_name(inputs)}"


def _missing_notes(frame: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return labels and annotations that readers select on, and that a manually created object may lack."""
    missing = {}
    for kind, there in (("labels", labels(live)), ("annotations", annotations(live))):
        desired = frame["metadata"].get(kind) or {}
        lacking = {key: value for key, value in desired.items() if there.get(key) != value}
        if lacking:
            missing[kind] = lacking
    return missing
