"""The CronJob of a scheduled session from the inputs of its resource, and the inputs as found in a CronJob."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ambient_components.cluster.client import path
from ambient_components.cluster.objects import annotations, labels, mapping, mappings, name, observed, plain, text
from ambient_components.errors import Problem, StepError
from ambient_components.platform import schedules as form
from ambient_components.platform.contract import (
    BATCH_API_GROUP,
    SCHEDULE_LABEL,
    SCHEDULE_NAME_ANNOTATION,
    SCHEDULE_REUSE_ANNOTATION,
    SUSPENDED_ANNOTATION,
)
from ambient_components.provider.protocol.resource import Context, Values, served_objects
from ambient_components.provider.workspace.settings import others_secret

_YES: Final = "true"


class Image(NamedTuple):
    name: str
    pull_policy: str


def new(news: Values, image: Image) -> dict[str, Any]:
    """Return a new CronJob. In a closed workspace it is suspended, until the workspace is opened."""
    body = changed(news, {}, {}, image)
    if news.get("closed") and not body["spec"]["suspend"]:
        body["spec"]["suspend"] = True
        body["metadata"]["annotations"][SUSPENDED_ANNOTATION] = _YES
    return {"apiVersion": f"{BATCH_API_GROUP}/v1", "kind": "CronJob", **body}


def changed(news: Values, before: Values, live: Mapping[str, Any], image: Image) -> dict[str, Any]:
    reuse = _reuse(news, before, live)
    suspend, note = _suspension(news, before, live)
    own = form.metadata(news["name"], news["namespace"], news["owner"], news["displayName"], reuse)
    notes = {**annotations(live), **own["annotations"], SUSPENDED_ANNOTATION: note}
    job, inner, pod, pod_spec = _levels(live)
    container = {
        **container_of(live),
        **form.container(image.name, image.pull_policy),
        "env": _environment(news, before, live, reuse),
    }
    return {
        **live,
        "metadata": {
            **mapping(live.get("metadata")),
            **own,
            "labels": {**labels(live), **own["labels"]},
            "annotations": {key: value for key, value in notes.items() if value is not None},
        },
        "spec": {
            **mapping(live.get("spec")),
            **form.SPEC,
            "schedule": news["schedule"],
            "suspend": suspend,
            "jobTemplate": {
                **job,
                "spec": {
                    **inner,
                    "template": {**pod, "spec": {**pod_spec, **form.POD, "containers": [container]}},
                },
            },
        },
    }


def observed_inputs(live: Mapping[str, Any], inputs: Values) -> dict[str, Any]:
    """Return the inputs as found in the cluster: differences are changes by others."""
    result, spec, notes = dict(inputs), mapping(live.get("spec")), annotations(live)
    result["schedule"] = observed(text(spec.get("schedule")), inputs.get("schedule"))
    result["displayName"] = observed(notes.get(SCHEDULE_NAME_ANNOTATION, ""), inputs.get("displayName"))
    if "suspend" in inputs and not inputs.get("closed"):
        result["suspend"] = spec.get("suspend") is True
    if "reuseLastSession" in inputs:
        given = form.reuse_text(inputs["reuseLastSession"])
        reuse = {notes.get(SCHEDULE_REUSE_ANNOTATION), _variables(live).get(form.REUSE_VARIABLE)}
        result["reuseLastSession"] = inputs["reuseLastSession"] is (reuse == {given})
    declared, template = _declared(inputs), _template(live)
    result["runAs"] = observed(text(mapping(template.get("userContext")).get("userId")), inputs.get("runAs"))
    was = form.observed_template(declared, template)
    own = mapping(inputs.get("sessionTemplate"))
    # Others wrote what differs: it is made safe for the state, and may be a credential.
    result["sessionTemplate"] = {
        field: own[field] if was[field] == declared[field] else others_secret(plain(was[field]), own[field])
        for field in own
        if field in was
    }
    return result


def container_of(live: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the container from which the backend reads the template; empty if there is none."""
    *_, pod = _levels(live)
    containers = mappings(pod.get("containers"))
    return next((container for container in containers if container.get("name") == form.CONTAINER), {})


def _levels(live: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    job = mapping(mapping(live.get("spec")).get("jobTemplate"))
    inner = mapping(job.get("spec"))
    pod = mapping(inner.get("template"))
    return job, inner, pod, mapping(pod.get("spec"))


def _variables(live: Mapping[str, Any]) -> dict[str, str]:
    variables = mappings(container_of(live).get("env"))
    return {text(variable.get("name")): text(variable.get("value")) for variable in variables}


def _template(live: Mapping[str, Any]) -> dict[str, Any]:
    return form.read_template(_variables(live).get(form.TEMPLATE_VARIABLE, ""))


def _declared(inputs: Values) -> dict[str, Any]:
    template = mapping(inputs.get("sessionTemplate"))
    return form.complete_template(template, text(inputs.get("displayName")), text(inputs.get("runAs")))


def _environment(news: Values, before: Values, live: Mapping[str, Any], reuse: str) -> list[dict[str, Any]]:
    written, was = _variables(live).get(form.TEMPLATE_VARIABLE, ""), _template(live)
    gone = _declared(before) if "sessionTemplate" in before else {}
    template = form.merged_template(_declared(news), gone, was)
    # Equal text stays: others may write the fields in another order.
    if template != was or "$" in written:
        written = form.template_text(template)
    own = form.variables(news["name"], news["namespace"], news["platformNamespace"], written, reuse)
    kept = []
    for variable in mappings(container_of(live).get("env")):
        ours = own.pop(text(variable.get("name")), None)
        kept.append({"name": variable["name"], "value": ours} if ours is not None else dict(variable))
    return [*kept, *({"name": key, "value": value} for key, value in own.items())]


def _reuse(news: Values, before: Values, live: Mapping[str, Any]) -> str:
    if "reuseLastSession" in news:
        return form.reuse_text(news["reuseLastSession"])
    if "reuseLastSession" in before:
        return form.reuse_text(value=False)
    return form.reuse_text(_variables(live).get(form.REUSE_VARIABLE) == _YES)


def _suspension(news: Values, before: Values, live: Mapping[str, Any]) -> tuple[bool, str | None]:
    """Return whether the schedule is suspended, and the annotation of a suspension by closing.

    Closing and reopening belong to the Closure: it suspends, and resumes by that annotation.
    """
    suspended = mapping(live.get("spec")).get("suspend") is True
    note = annotations(live).get(SUSPENDED_ANNOTATION)
    declared, was = news.get("suspend"), before.get("suspend")
    if news.get("closed"):
        # A suspension that is not declared any more ends when the workspace is opened.
        return (True, _YES) if suspended and was is True and declared is not True else (suspended, note)
    if declared is not None:
        return declared is True, None
    return (suspended, note) if was is None else (False, None)


# All schedules of a workspace, when it is closed and opened.


def active(context: Context, namespace: str) -> list[str]:
    return sorted(_title(schedule) for schedule in _all(context, namespace) if not _suspended(schedule))


def suspend(context: Context, namespace: str) -> list[Problem]:
    failed = []
    for schedule in _all(context, namespace):
        if not _suspended(schedule):
            change = {"metadata": {"annotations": {SUSPENDED_ANNOTATION: _YES}}, "spec": {"suspend": True}}
            try:
                context.guard.cluster.patch(cron_job_path(namespace, name(schedule)), change)
            except StepError as error:
                failed.append(error.problem.within(f"could not suspend {_title(schedule)}"))
            else:
                context.note(f"{namespace} is closed: suspended {_title(schedule)}")
    return failed


def resume(context: Context, namespace: str) -> None:
    for schedule in _all(context, namespace):
        if annotations(schedule).get(SUSPENDED_ANNOTATION, "") == _YES:
            change = {"metadata": {"annotations": {SUSPENDED_ANNOTATION: None}}, "spec": {"suspend": False}}
            context.guard.cluster.patch(cron_job_path(namespace, name(schedule)), change)
            context.note(f"{namespace} is open: resumed {_title(schedule)}")


def _all(context: Context, namespace: str) -> Iterator[dict[str, Any]]:
    return served_objects(context, cron_job_path(namespace), f"{SCHEDULE_LABEL}={_YES}")


def _suspended(item: dict[str, Any]) -> bool:
    spec = item.get("spec")
    return isinstance(spec, dict) and spec.get("suspend") is True


def _title(item: dict[str, Any]) -> str:
    shown = annotations(item).get(SCHEDULE_NAME_ANNOTATION, "")
    return f"schedule {shown} (CronJob {name(item)})" if shown else f"CronJob {name(item)}"


def cron_job_path(namespace: str, *name: str) -> str:
    return path("apis", BATCH_API_GROUP, "v1", "namespaces", namespace, "cronjobs", *name)
