"""``ambient:index:WorkspaceSecret``: one of the two Secrets for a workspace's sessions, as a whole.

The platform's UI saves the complete Secret, so one side must win (contract 10.12): either the YAML's values, and saved
ones are drift (``overwrite``), or saved values stay until a value in YAML changes (``keep``). The Secret is updated in
place and never replaced, because a session that starts without it would fail.
"""

import base64
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from ambient_components.access.entries import child
from ambient_components.cluster.objects import field_name, listing, texts
from ambient_components.engine import urns
from ambient_components.model.base import checked, one_of
from ambient_components.model.marks import sent
from ambient_components.model.sources import PolicyName
from ambient_components.model.types import Text
from ambient_components.platform.contract import (
    APP_LABEL,
    INTEGRATION_SECRET,
    INTEGRATION_SECRET_APP,
    RUNNER_SECRET,
    RUNNER_SECRET_ANNOTATION,
    RUNNER_SECRET_APP,
    STORAGE_VARIABLES,
)
from ambient_components.provider.protocol.resource import Change, Context, Diff, ReadResult, Values
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.workspace.shared_object import Drift, ObjectInputs, SharedObject, drift, kept
from ambient_components.rules.secrets import DriftPolicy
from ambient_components.rules.warnings import LoudWarning, WarningRule

_OTHERS_SHOWN: Final = 100

_APPS: Final = {RUNNER_SECRET: RUNNER_SECRET_APP, INTEGRATION_SECRET: INTEGRATION_SECRET_APP}


def _values_problem(values: Mapping[str, str]) -> tuple[str, str] | None:
    return None if values else ("is empty", "leave out a secret without any value")


class SecretInputs(ObjectInputs):
    """Name and complete content of a Secret."""

    secret: Annotated[Text, one_of(_APPS, "Secret of a workspace"), sent("object", required=True, unknown="")]
    """Name of the Secret: ambient-runner-secrets or ambient-non-vertex-integrations."""

    values: Annotated[dict[Text, Text], checked(_values_problem), sent("object", required=True, unknown=None)]
    """Values by name; always stored as secrets."""

    on_drift: Annotated[PolicyName, sent("object")] = DriftPolicy.OVERWRITE
    """overwrite (default): these values win; keep: values saved in the UI stay until a value here changes."""


class WorkspaceSecret(SharedObject):
    token = urns.WORKSPACE_SECRET
    kind = "Secret"
    plural = "secrets"
    section = "data"
    inputs = (SecretInputs,)
    outputs: ClassVar[Values] = {"drift": {}}

    def object_name(self, inputs: Values) -> str:
        return str(inputs["secret"])

    def frame(self, inputs: Values) -> dict[str, Any]:
        """Return the object as the backend creates it (contract 3)."""
        frame = super().frame(inputs)
        labels, notes = {APP_LABEL: _APPS[self.object_name(inputs)]}, {RUNNER_SECRET_ANNOTATION: "true"}
        return {**frame, "type": "Opaque", "metadata": {**frame["metadata"], "labels": labels, "annotations": notes}}

    def fields(self, inputs: Values) -> dict[str, Any]:
        return {key: base64.b64encode(str(value).encode()).decode() for key, value in _values(inputs).items()}

    def as_inputs(self, inputs: Values, section: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return the inputs unchanged: values saved in the UI do not enter the state."""
        return dict(inputs)

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:
        diff = super().diff(context, inputs, state, news)
        replaces = frozenset({"namespace", "secret"} & diff.changes.keys())
        changes = dict(diff.changes)
        if news.get("onDrift") != DriftPolicy.KEEP:
            changes = {path: Change(kind) for path, kind in _restored(state.get("drift") or {}).items()} | changes
        return Diff(changes, diff.computed, replaces)

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        if context.preview:
            self._tell_of_what_goes(context, news, {})
        return super().create(context, news)

    def read_result(self, context: Context, inputs: Values, live: Mapping[str, Any]) -> ReadResult:
        """Return the names of differing values, never the values."""
        differs = _bounded(drift(self.fields(inputs), texts(live)))
        lost = sorted(name for name in STORAGE_VARIABLES if name in _values(inputs) and name in differs)
        if lost:
            # The UI silently does that with every save in its shared mode (contract 3).
            context.warn(
                WarningRule.STORAGE_VARIABLES,
                f"{_shown(inputs)}: something has changed or removed {', '.join(lost)}: the state of sessions that "
                "start now is not kept in the workspace's own bucket. The next run puts it right",
            )
        return ReadResult({"drift": differs})

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Delete the Secret, including values that others saved: a workspace without secrets has none."""
        context.guard.cluster.delete(self._path(state))

    def after(self, context: Context, news: Values, before: Mapping[str, Any], live: Mapping[str, Any]) -> Values:  # noqa: ARG002
        declared = self.fields(news)
        return kept(before or None, declared, live) if news.get("onDrift") == DriftPolicy.KEEP else declared

    def written(self, context: Context, news: Values, before: Mapping[str, Any], live: Mapping[str, Any]) -> None:
        others = sorted(live.keys() - self.fields(news).keys() - before.keys())
        if others and news.get("onDrift") != DriftPolicy.KEEP:
            removed = f"{_shown(news)}: removed what others saved in it: {listing(others)}"
            context.warn(LoudWarning.REMOVED_VARIABLES, removed)

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:
        if context.preview and not news.get("released"):
            self._tell_of_what_goes(context, news, self.fields(state))
        return super().update(context, identity, state, news)

    def _tell_of_what_goes(self, context: Context, news: Values, before: Mapping[str, Any]) -> None:
        if UNKNOWN in (news.get("namespace"), news.get("values")) or news.get("onDrift") == DriftPolicy.KEEP:
            return
        live = context.guard.cluster.get(self._path(news)) or {}
        others = sorted(texts(live.get("data")).keys() - _values(news).keys() - before.keys())
        if others:
            context.warn(
                LoudWarning.UNDECLARED_VARIABLES,
                f"{_shown(news)}: others have saved {listing(others)} in it: the next run removes them. "
                "Declare them, or write onDrift: keep",
            )


def _shown(inputs: Values) -> str:
    return f"Secret {inputs['namespace']}/{inputs['secret']}"


def _bounded(drift: Drift) -> Drift:
    """Return the differences for the state: all of declared names, and a limited number of others."""
    others = [name for name, how in drift.items() if how == "added"]
    shown = set(others[:_OTHERS_SHOWN])
    return {field_name(name): how for name, how in drift.items() if how != "added" or name in shown}


def _values(inputs: Values) -> Mapping[str, Any]:
    values = inputs.get("values")
    return values if isinstance(values, Mapping) else {}


def _restored(drift: Mapping[str, str]) -> dict[str, str]:
    kinds = {"added": "delete", "removed": "add", "changed": "update"}
    return {child("values", key): kinds[how] for key, how in drift.items()}
