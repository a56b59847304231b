"""Workspace settings that the platform's operator and UI write as well: three partly declared objects."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Annotated, Any

from ambient_components.cluster.client import of_platform
from ambient_components.cluster.objects import mappings, plain
from ambient_components.engine import urns
from ambient_components.errors import Problem
from ambient_components.model.derive import plain_names
from ambient_components.model.limits import ContainerLimits
from ambient_components.model.marks import sent
from ambient_components.model.settings import Settings
from ambient_components.model.types import Flag, Text
from ambient_components.platform.contract import (
    CONTAINER_LIMITS,
    CONTAINER_LIMITS_DEFAULT,
    FEATURE_FLAGS,
    FEATURE_FLAGS_LABELS,
    IDLE_TIMEOUT_DEFAULT,
    PLATFORM_API_GROUP,
    PLATFORM_API_VERSION,
    PROJECT_SETTINGS,
)
from ambient_components.provider.protocol.resource import Values
from ambient_components.provider.protocol.wire import Secret
from ambient_components.provider.tokens.properties import failures
from ambient_components.provider.workspace.shared_object import ObjectInputs, SharedObject
from ambient_components.rules.findings import below
from ambient_components.rules.settings import mcp_findings

_CONTAINER = "Container"
_LIMITS = plain_names(ContainerLimits, "object")


class ProjectSettings(SharedObject):
    token = urns.PROJECT_SETTINGS
    kind = "ProjectSettings"
    name = PROJECT_SETTINGS
    inputs = (ObjectInputs, Settings)
    declares = plain_names(Settings, "object")

    def collection(self, namespace: str) -> str:
        return of_platform(namespace, "projectsettings")

    def problems(self, news: Values) -> list[Problem]:
        """Return problems of texts that came of a run: the component has checked all others. Warnings are its, too."""
        servers = news.get("mcpServers")
        findings = below(("mcpServers",), mcp_findings(servers)) if isinstance(servers, Mapping) else ()
        return failures(finding for finding in findings if not finding.warning)

    def frame(self, inputs: Values) -> dict[str, Any]:
        """Return the object as the operator creates it. groupAccess is required and unused (contract 10.7)."""
        api = f"{PLATFORM_API_GROUP}/{PLATFORM_API_VERSION}"
        return {**super().frame(inputs), "apiVersion": api, "spec": {"groupAccess": []}}

    def fields(self, inputs: Values) -> dict[str, Any]:
        given = {name: inputs.get(name) for name in self.declares}
        return {name: value for name, value in given.items() if value is not None}

    def as_inputs(self, inputs: Values, section: Mapping[str, Any]) -> dict[str, Any]:
        """Return the live values of both. Undeclared texts of MCP servers are marked as secret.

        An admin may have saved a credential in a header, a variable or a URL.
        """
        declared = self.fields(inputs)
        others = {name: value for name, value in inputs.items() if name not in declared}
        there = {name: section[name] for name in declared if section.get(name) is not None}
        # Others wrote what differs, so it is made safe for the state.
        seen = {name: value if value == declared[name] else plain(value) for name, value in there.items()}
        if "mcpServers" in seen:
            seen["mcpServers"] = others_secret(seen["mcpServers"], inputs.get("mcpServers"))
        return {**others, **seen}

    def default(self, field: str) -> Any:
        """Return the CRD's default of the timeout, which is written explicitly."""
        return IDLE_TIMEOUT_DEFAULT if field == "inactivityTimeoutSeconds" else None


def others_secret(live: Any, declared: Any) -> Any:
    """Mark all texts as secret that differ from the declared text at their position."""
    if isinstance(live, Mapping):
        known = declared if isinstance(declared, Mapping) else {}
        return {key: others_secret(value, known.get(key)) for key, value in live.items()}
    if isinstance(live, list):
        items = declared if isinstance(declared, list) else []
        pairs = zip_longest(live, items[: len(live)])
        return [others_secret(value, own) for value, own in pairs]
    return Secret(live) if isinstance(live, str) and live != declared else live


class ContainerDefaults(SharedObject):
    """``ambient:index:ContainerDefaults``: the LimitRange's item for containers; other items stay."""

    token = urns.CONTAINER_DEFAULTS
    kind = "LimitRange"
    name = CONTAINER_LIMITS
    inputs = (ObjectInputs, ContainerLimits)
    declares = _LIMITS
    plural = "limitranges"

    def fields(self, inputs: Values) -> dict[str, Any]:
        item = {name: inputs[name] for name in _LIMITS if inputs.get(name)}
        return {"limits": [{"type": _CONTAINER, **item}]} if item else {}

    def after(self, context: Any, news: Values, before: Mapping[str, Any], live: Mapping[str, Any]) -> Values:
        after = dict(super().after(context, news, before, live))
        others = [item for item in mappings(live.get("limits")) if item.get("type") != _CONTAINER]
        ours = [item for item in mappings(after.get("limits")) if item.get("type") == _CONTAINER]
        return {**after, "limits": [*others, *ours]}

    def as_inputs(self, inputs: Values, section: Mapping[str, Any]) -> dict[str, Any]:
        items = mappings(section.get("limits"))
        container: Mapping[str, Any] = next((item for item in items if item.get("type") == _CONTAINER), {})
        there = {name: plain(container[name]) for name in _LIMITS if container.get(name)}
        return {**{name: value for name, value in inputs.items() if name not in _LIMITS}, **there}

    def default(self, field: str) -> Any:  # noqa: ARG002  # there is one
        return [{"type": _CONTAINER, **CONTAINER_LIMITS_DEFAULT}]


class FlagInputs(ObjectInputs):
    """Overrides of feature flags for one workspace."""

    flags: Annotated[dict[Text, Flag], sent("object", required=True, unknown=None)]
    """true or false by flag."""


class FeatureFlags(SharedObject):
    """``ambient:index:FeatureFlags``: single flags; flags that only the UI changed stay."""

    token = urns.FEATURE_FLAGS
    kind = "ConfigMap"
    name = FEATURE_FLAGS
    inputs = (FlagInputs,)
    declares = ("flags",)
    plural = "configmaps"
    section = "data"

    def frame(self, inputs: Values) -> dict[str, Any]:
        frame = super().frame(inputs)
        return {**frame, "metadata": {**frame["metadata"], "labels": dict(FEATURE_FLAGS_LABELS)}}

    def fields(self, inputs: Values) -> dict[str, Any]:
        return {flag: "true" if on else "false" for flag, on in (inputs.get("flags") or {}).items()}

    def as_inputs(self, inputs: Values, section: Mapping[str, Any]) -> dict[str, Any]:
        """Return the live values of the declared flags; the backend treats everything except "true" as off."""
        there = {flag: section[flag] == "true" for flag in inputs.get("flags") or {} if flag in section}
        return {**inputs, "flags": there}
