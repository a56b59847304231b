"""``ambient:index:ScheduledSession``: a CronJob that the platform lists as a scheduled session. Contract 12.

The UI changes, suspends and deletes it as well, so the rule for shared objects applies: declared fields are ours, all
others stay. The user of its sessions is always declared: the backend enters the user who saves the form.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from ambient_components.access.entries import changed_paths
from ambient_components.cluster.client import ApiError, core
from ambient_components.cluster.objects import annotations, labels, mapping, text, text_at, texts, uid
from ambient_components.engine import urns
from ambient_components.errors import StepError
from ambient_components.model.base import Model
from ambient_components.model.forms import ANYTHING, ByName
from ambient_components.model.marks import sent
from ambient_components.model.schedules import Schedule
from ambient_components.model.types import FilledText, Flag, Text
from ambient_components.platform import schedules as form
from ambient_components.platform.contract import (
    OWNER_ANNOTATION,
    SCHEDULE_LABEL,
)
from ambient_components.printable import one_line
from ambient_components.provider.protocol.resource import Check, Context, Diff, ReadResult, Values, changes_of
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.tokens.properties import failures, input_findings, without_unknown
from ambient_components.provider.workspace.cron_job import (
    Image,
    changed,
    container_of,
    cron_job_path,
    new,
    observed_inputs,
)
from ambient_components.provider.workspace.shared_object import merge_patch
from ambient_components.rules.findings import below
from ambient_components.rules.refusals import Rule
from ambient_components.rules.schedules import OPERATOR_IMAGE, template_findings
from ambient_components.rules.warnings import WarningRule

_TRIES: Final = 10
"""Attempts of one write; the CronJob controller writes the object's status."""


class ScheduleInputs(Model):
    """Where a schedule is, and who owns it; `Schedule` has its fields."""

    namespace: Annotated[FilledText, sent("schedule", required=True, unknown="")]
    """The workspace's namespace."""

    name: Annotated[FilledText, sent("schedule", required=True, unknown="")]
    """Name of the CronJob."""

    owner: Annotated[FilledText, sent("schedule", required=True, unknown="")]
    """Owner, PROJECT/FLEET; another owner's CronJob is refused."""

    platform_namespace: Annotated[FilledText, sent("schedule", required=True, unknown="")]
    """The platform's namespace, of which a ConfigMap has the operator's image."""

    session_template: Annotated[dict[str, Any], sent("schedule", required=True, unknown=None, form=ByName(ANYTHING))]
    """Declared fields of the sessions, in the format of the platform's API."""

    image: Annotated[Text | None, sent("schedule")] = None
    """The operator's image. Default: the one that the platform's backend has."""

    adopt: Annotated[Flag | None, sent("schedule")] = None
    """Whether to adopt a CronJob of this name without an owner."""

    closed: Annotated[Flag | None, sent("schedule")] = None
    """The workspace is closed: its `Closure` suspends and resumes schedules."""

    released: Annotated[Flag | None, sent("schedule")] = None
    """The workspace is being released: only the ownership annotation is removed."""


class ScheduledSession:
    token = urns.SCHEDULED_SESSION

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002
        given = without_unknown(news)
        findings = input_findings("schedule", (ScheduleInputs, Schedule), given, news.keys() - given.keys())
        if isinstance(template := given.get("sessionTemplate"), Mapping):
            findings += below(("sessionTemplate",), template_findings(template))
        # Warnings are for the stack file.
        return Check(failures=tuple(failures(finding for finding in findings if not finding.warning)))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:  # noqa: ARG002
        changes = changes_of(inputs, news)
        computed = frozenset({"drift"} if state.get("drift") and not news.get("released") else ())
        return Diff(changes, computed, replaces=frozenset({"namespace", "name"} & changes.keys()))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Create the CronJob; an existing one is refused unless it is this stack's."""
        identity = f"{news['namespace']}/{news['name']}"
        if context.preview:
            if UNKNOWN not in (news["namespace"], news["name"]):
                live = context.guard.cluster.get(_path(news))
                if live is not None:
                    _check_owner(live, news, None)
                elif not news.get("released"):
                    _image(context, news, None)
            return identity, {"uid": UNKNOWN, "image": UNKNOWN, "drift": []}
        return identity, self._write(context, news, {})

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:  # noqa: ARG002
        kept = {name: state.get(name) for name in ("uid", "image")} | {"drift": []}
        if inputs.get("released"):
            # Changes by others are no drift, even a deletion.
            there = context.guard.cluster.get(core("namespaces", inputs["namespace"]))
            return ReadResult(kept) if there else None
        live = context.guard.cluster.get(_path(inputs))
        if live is None or not _is_ours(live, inputs, state.get("uid")):
            return None
        seen = observed_inputs(live, inputs)
        differs = merge_patch(live, changed(inputs, inputs, live, _image(context, inputs, live)))
        drift = ["jobTemplate"] if differs and not any(changed_paths(inputs, seen)) else []
        return ReadResult({**_outputs(live), "drift": drift}, seen)

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """Write the declared fields; in a released workspace only the ownership annotation is removed."""
        kept = {name: state.get(name) for name in ("uid", "image")} | {"drift": []}
        if context.preview:
            return kept
        return {**kept, **self._write(context, news, state)}

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Delete the CronJob and its Jobs, unless another one has its name by now. Its sessions stay."""
        live = context.guard.cluster.get(_path(state))
        if live is not None and _is_ours(live, state, state.get("uid")):
            context.guard.cluster.delete(_path(state), uid(live))

    def _write(self, context: Context, news: Values, state: Values) -> dict[str, Any]:
        cluster = context.guard.cluster
        for _ in range(_TRIES):
            live = cluster.get(_path(news))
            try:
                if news.get("released"):
                    if live is not None and annotations(live).get(OWNER_ANNOTATION, "") == news["owner"]:
                        cluster.patch(_path(news), {"metadata": {"annotations": {OWNER_ANNOTATION: None}}})
                    return {"drift": []}
                if live is None:
                    return _outputs(
                        cluster.create(_path(news).rpartition("/")[0], new(news, _image(context, news, None)))
                    )
                _check_owner(live, news, state.get("uid"))
                patch = merge_patch(live, changed(news, state, live, _image(context, news, live)))
                if not patch:
                    return _outputs(live)
                version = {"uid": uid(live), "resourceVersion": text_at(live, "metadata", "resourceVersion")}
                patch["metadata"] = {**mapping(patch.get("metadata")), **version}
                return _outputs(cluster.patch(_path(news), patch))
            except ApiError as error:
                if error.status not in (404, 409) or cluster.get(core("namespaces", news["namespace"])) is None:
                    raise
        msg = f"CronJob {news['namespace']}/{news['name']} is written by others without a pause"
        raise StepError(msg, "run again")


def _path(inputs: Values) -> str:
    return cron_job_path(inputs["namespace"], inputs["name"])


def _outputs(live: Mapping[str, Any]) -> dict[str, Any]:
    image = one_line(text(container_of(live).get("image")))
    return {"uid": uid(live), "image": image, "drift": []}


def _is_ours(live: Mapping[str, Any], inputs: Values, recorded: object) -> bool:
    owner = annotations(live).get(OWNER_ANNOTATION, "")
    # By a name in a file, no other CronJob than a schedule is taken over.
    adopted = inputs.get("adopt") is True and labels(live).get(SCHEDULE_LABEL) == "true"
    return owner == inputs["owner"] or (not owner and (adopted or uid(live) == recorded))


def _check_owner(live: Mapping[str, Any], news: Values, recorded: object) -> None:
    if _is_ours(live, news, recorded):
        return
    owner = one_line(annotations(live).get(OWNER_ANNOTATION, ""))
    holder = f"is {owner}'s" if owner else "was not made by this stack"
    msg = f"CronJob {news['namespace']}/{news['name']} exists, and it {holder}: it is not touched"
    raise StepError(
        msg,
        "if it is a schedule of the UI, adopt it: cronJob: NAME; otherwise delete it, or give the schedule another id",
        rule=Rule.OWNERSHIP,
        workspaces=(str(news["namespace"]),),
    )


def _image(context: Context, news: Values, live: Mapping[str, Any] | None) -> Image:
    """Return image and pull policy: the declared image, the backend's, the live one, or the backend's default."""
    there = container_of(live or {})
    policy = text(there.get("imagePullPolicy")) or form.PULL_POLICY_DEFAULT
    if image := text(news.get("image")):
        return Image(image, policy)
    config = core("namespaces", news["platformNamespace"], "configmaps", form.OPERATOR_CONFIG)
    try:
        data = texts(mapping(context.guard.cluster.get(config)).get("data"))
    except ApiError as error:
        if not error.lacks_right:
            raise
        data = {}
    if image := data.get(form.IMAGE_KEY, ""):
        return Image(image, data.get(form.PULL_POLICY_KEY) or form.PULL_POLICY_DEFAULT)
    if image := text(there.get("image")):
        return Image(image, policy)
    context.warn(
        WarningRule.OPERATOR_IMAGE,
        f"the image of the platform's operator is not known: schedules get the platform's default, {form.IMAGE_DEFAULT}"
        ", which may not exist in this cluster or not fit its version",
        f"set the operator's image: pulumi config set {OPERATOR_IMAGE} IMAGE",
        f"or set {form.IMAGE_KEY} in ConfigMap {news['platformNamespace']}/{form.OPERATOR_CONFIG}, from which the "
        "platform takes it",
    )
    return Image(form.IMAGE_DEFAULT, data.get(form.PULL_POLICY_KEY) or form.PULL_POLICY_DEFAULT)
