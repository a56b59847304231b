"""``ambient:index:ServiceAccount``: the identity of one key, for which no earlier token is valid."""

from collections.abc import Mapping
from typing import Any, Final

from ambient_components.cluster.client import core
from ambient_components.cluster.objects import annotations, is_ending, labels, observed, plain
from ambient_components.cluster.objects import uid as uid_of
from ambient_components.cluster.revocation import SERVICE_ACCOUNT, end
from ambient_components.engine import urns
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.platform.contract import (
    APP_LABEL,
    CREATED_AT_ANNOTATION,
    CREATED_BY_USER_ID_ANNOTATION,
    KEY_APP,
    LAST_USED_AT_ANNOTATION,
)
from ambient_components.provider.protocol.resource import Context, ReadResult, Values
from ambient_components.provider.workspace.access_object import TRIES, AccessObject, observed_metadata
from ambient_components.rotation.state import format_time
from ambient_components.rules.warnings import LoudWarning

_OF_PLATFORM: Final = "ofPlatform"


class ServiceAccount(AccessObject):
    """The resource type.

    Its name is a public hash, so a workspace user could create the account in advance and mint a token for a year. So
    an unrecorded account is deleted with its tokens, unless the stack file adopts it by name.

    An account that the platform made (`ofPlatform`) is only adopted: its tokens end with it, and no run can issue them
    again. So it is never created, and it stays in the state when it is gone from the cluster: otherwise the next run
    would adopt whatever has its name by then.
    """

    token = urns.SERVICE_ACCOUNT
    kind = SERVICE_ACCOUNT
    api_version = "v1"
    computed = ("uid", "createdAt", "lastUsedAt")

    def problems(self, news: Values) -> list[Problem]:
        return [
            refusal(f"{name}: true or false is expected")
            for name in ("adopt", _OF_PLATFORM)
            if news.get(name) not in (None, True, False)
        ]

    def content(self, news: Values) -> dict[str, Any]:  # noqa: ARG002
        return {}

    def can_take_over(self, live: Mapping[str, Any], news: Values, uid: str | None) -> bool:
        return live["metadata"]["uid"] == uid if uid else bool(news.get("adopt"))

    def apply(self, context: Context, news: Values, uid: str | None) -> dict[str, Any]:
        return self._adopt(context, news, uid) if news.get(_OF_PLATFORM) else super().apply(context, news, uid)

    def _adopt(self, context: Context, news: Values, uid: str | None) -> dict[str, Any]:
        cluster, (namespace, name) = context.guard.cluster, _place(news)
        for _ in range(TRIES):
            live = cluster.get(self.path_of(news))
            if live is None or is_ending(live):
                raise _gone(namespace, name)
            if uid and uid_of(live) != uid:
                context.warn(LoudWarning.REPLACED_ACCOUNT, f"{_replaced(namespace, name)}: it is ended")
                end(cluster, SERVICE_ACCOUNT, namespace, name, uid_of(live))
                raise _gone(namespace, name)
            if not uid and labels(live).get(APP_LABEL) != KEY_APP:
                msg = f"ServiceAccount {namespace}/{name} does not have the label {APP_LABEL}={KEY_APP}"
                raise StepError(msg, "remove serviceAccount from the key's entry: the platform made no such key")
            if (changed := self.force(context, cluster, news, live)) is not None:
                return self.outputs(changed)
        raise self.contended(news)

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:
        """Compare the account with its inputs; one that the platform made stays in the state when it is gone."""
        result = super().read(context, identity, inputs, state)
        if result is not None or not inputs.get(_OF_PLATFORM):
            return result
        if context.guard.cluster.get(core("namespaces", _place(inputs)[0])) is None:
            return None
        known = {name: state[name] for name in self.computed if name in state}
        return ReadResult(known, {**inputs, "metadata": {**inputs["metadata"], "uid": "not the adopted one any more"}})

    def observed_inputs(self, live: Mapping[str, Any], inputs: Values) -> dict[str, Any]:
        """Return the metadata that the platform's Keys page shows, and an undeclared user that the key acts for."""
        metadata, there = observed_metadata(live, inputs), annotations(live)
        if CREATED_BY_USER_ID_ANNOTATION in there and not inputs.get(_OF_PLATFORM):
            existing, user = metadata.get("annotations", {}), there[CREATED_BY_USER_ID_ANNOTATION]
            metadata["annotations"] = {
                **existing,
                CREATED_BY_USER_ID_ANNOTATION: observed(user, existing.get(CREATED_BY_USER_ID_ANNOTATION)),
            }
        return {**inputs, "metadata": metadata}

    def is_another(self, context: Context, live: Mapping[str, Any], inputs: Values, state: Values) -> bool:
        """Return whether the uid is not the recorded one: the key's tokens ended with the recorded account."""
        another = bool(state.get("uid")) and live["metadata"]["uid"] != state["uid"]
        if another:
            then = "fails, as the platform made the key" if inputs.get(_OF_PLATFORM) else "makes the key again"
            context.warn(
                LoudWarning.REPLACED_ACCOUNT,
                _replaced(*_place(inputs)),
                f"the next run ends that one and {then}",
            )
        return another

    def outputs(self, live: Mapping[str, Any]) -> dict[str, Any]:
        """Return the uid, and the two times of the Keys page."""
        notes = annotations(live)
        times = {"createdAt": notes.get(CREATED_AT_ANNOTATION), "lastUsedAt": notes.get(LAST_USED_AT_ANNOTATION)}
        return {**super().outputs(live), **{name: plain(time) for name, time in times.items()}}

    def annotations(self, context: Context, news: Values, live: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the declared annotations and the creation time (contract 1.4), which is written once."""
        there = annotations(live)
        made = {} if CREATED_AT_ANNOTATION in there else {CREATED_AT_ANNOTATION: format_time(context.now)}
        # A subject with edit can name a user here. On an account that the platform made, it is the platform's.
        undeclared = CREATED_BY_USER_ID_ANNOTATION in there and not news.get(_OF_PLATFORM)
        ended = {CREATED_BY_USER_ID_ANNOTATION: None} if undeclared else {}
        return {**ended, **super().annotations(context, news, live), **made}


def _place(inputs: Values) -> tuple[str, str]:
    metadata = inputs["metadata"]
    return str(metadata["namespace"]), str(metadata["name"])


def _replaced(namespace: str, name: str) -> str:
    return f"ServiceAccount {namespace}/{name} was replaced by another one of its name"


def _gone(namespace: str, name: str) -> StepError:
    return StepError(
        f"ServiceAccount {namespace}/{name}, which the platform made, is gone, and its tokens with it: it is not made "
        "again",
        "write the key's next generation, without overlapUntil, for a new identity",
    )
