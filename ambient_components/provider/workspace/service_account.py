"""``ambient:index:ServiceAccount``: the identity of one key, for which no earlier token is valid."""

from collections.abc import Mapping
from typing import Any

from ambient_components.cluster.objects import annotations, plain
from ambient_components.cluster.revocation import SERVICE_ACCOUNT
from ambient_components.engine import urns
from ambient_components.errors import Problem, refusal
from ambient_components.platform.contract import CREATED_AT_ANNOTATION, LAST_USED_AT_ANNOTATION
from ambient_components.provider.protocol.resource import Context, Values
from ambient_components.provider.workspace.access_object import AccessObject, seen_metadata
from ambient_components.rotation.state import format_time
from ambient_components.rules.warnings import LoudWarning


class ServiceAccount(AccessObject):
    """The resource type.

    Its name is a public hash, so a workspace user could create the account in advance and mint a token for a year. So
    an unrecorded account is deleted with its tokens, unless the stack file adopts it by name.
    """

    token = urns.SERVICE_ACCOUNT
    kind = SERVICE_ACCOUNT
    api_version = "v1"
    computed = ("uid", "createdAt", "lastUsedAt")

    def problems(self, news: Values) -> list[Problem]:
        """Check `adopt`."""
        adopt = news.get("adopt")
        return [] if adopt in (None, True, False) else [refusal("adopt: true or false is expected")]

    def content(self, news: Values) -> dict[str, Any]:  # noqa: ARG002
        """Return no content besides the metadata."""
        return {}

    def may_stay(self, live: Mapping[str, Any], news: Values, uid: str | None) -> bool:
        """Return whether the account is the recorded one, or adopted."""
        return live["metadata"]["uid"] == uid if uid else bool(news.get("adopt"))

    def seen(self, live: Mapping[str, Any], inputs: Values) -> dict[str, Any]:
        """Return the metadata that the platform's Keys page shows."""
        return {**inputs, "metadata": seen_metadata(live, inputs)}

    def is_another(self, context: Context, live: Mapping[str, Any], inputs: Values, state: Values) -> bool:
        """Return whether the uid is not the recorded one: the key's tokens ended with the recorded account."""
        another = bool(state.get("uid")) and live["metadata"]["uid"] != state["uid"]
        if another:
            metadata = inputs["metadata"]
            context.warn(
                LoudWarning.REPLACED_ACCOUNT,
                f"ServiceAccount {metadata['namespace']}/{metadata['name']} was replaced by another one of its name",
                "run pulumi up, which ends that one and makes the key again",
            )
        return another

    def outputs(self, live: Mapping[str, Any]) -> dict[str, Any]:
        """Return the uid, and the two times of the Keys page."""
        notes = annotations(live)
        times = {"createdAt": notes.get(CREATED_AT_ANNOTATION), "lastUsedAt": notes.get(LAST_USED_AT_ANNOTATION)}
        return {**super().outputs(live), **{name: plain(time) for name, time in times.items()}}

    def annotations(self, context: Context, news: Values, live: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the declared annotations and the creation time (contract 1.4), which is written once."""
        made = {} if CREATED_AT_ANNOTATION in annotations(live) else {CREATED_AT_ANNOTATION: format_time(context.now)}
        return {**super().annotations(context, news, live), **made}
