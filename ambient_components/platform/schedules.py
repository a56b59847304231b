"""The CronJob of a scheduled session, as the platform's backend makes, lists and updates it. Contract 12.

Its Jobs run the operator's program, which creates the session from the template in an environment variable.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from ambient_components.platform.contract import (
    CREATED_BY,
    OWNER_ANNOTATION,
    PLATFORM_NAMESPACE_DEFAULT,
    SCHEDULE_CREATED_BY_LABEL,
    SCHEDULE_LABEL,
    SCHEDULE_NAME_ANNOTATION,
    SCHEDULE_REUSE_ANNOTATION,
    TRIGGER,
)

CONTAINER: Final = "trigger"
"""Name of the container: the backend finds the template by it."""

TEMPLATE_VARIABLE: Final = "SESSION_TEMPLATE"
NAMESPACE_VARIABLE: Final = "PROJECT_NAMESPACE"
NAME_VARIABLE: Final = "SCHEDULED_SESSION_NAME"
REUSE_VARIABLE: Final = "REUSE_LAST_SESSION"
BACKEND_VARIABLE: Final = "BACKEND_NAMESPACE"
"""The platform's namespace, for a follow-up prompt. The backend never sets it, and the program assumes the default."""

RUNNER_VARIABLE: Final = "RUNNER_TYPE"
"""Variable of a session that selects its runner. The custom resource has no field for it, so `runnerType` alone has no
effect on the sessions of a schedule.
"""

OPERATOR_CONFIG: Final = "operator-config"
"""ConfigMap in the platform's namespace from which the backend has the operator's image."""

IMAGE_KEY: Final = "OPERATOR_IMAGE"
PULL_POLICY_KEY: Final = "IMAGE_PULL_POLICY"

IMAGE_DEFAULT: Final = "quay.io/ambient_code/vteam_operator:latest"
"""The backend's default image."""

PULL_POLICY_DEFAULT: Final = "IfNotPresent"

RUNNER_DEFAULT: Final = "claude-agent-sdk"
MODEL_DEFAULT: Final = "claude-sonnet-4-6"
"""Model of a session that names none."""

LLM_DEFAULTS: Final[Mapping[str, Any]] = {"model": MODEL_DEFAULT, "temperature": 0.7, "maxTokens": 4000}
"""What the UI's form and the custom resource fill in. The backend reads a missing one as 0."""

TEMPLATE_DEFAULTS: Final[Mapping[str, Any]] = {
    "runnerType": RUNNER_DEFAULT,
    "timeout": 300,
    "stopOnRunFinished": False,
}
"""What the UI's form sends besides what its user enters."""

_LLM: Final = "llmSettings"


def own_user(namespace: str) -> str:
    """Return the user id of sessions for which no user is declared: that of the account that creates them.

    The platform names accounts so (contract 3). It has no integrations of a person, and reaches the workspace's
    GITHUB_TOKEN, which a session without any user does not.
    """
    return f"system-serviceaccount-{namespace}-{TRIGGER}"


def complete_template(template: Mapping[str, Any], display_name: str, user: str) -> dict[str, Any]:
    """Return a declared template with what the platform needs beside it; fields that are left out stay out.

    Args:
        display_name: The schedule's name, for the names of its sessions.
        user: User id of the sessions. The backend refuses an update with an empty name in `userContext`.
    """
    complete = {**template, "displayName": display_name}
    complete["userContext"] = {"userId": user, "displayName": user, "groups": []}
    runner = template.get("runnerType")
    if runner and runner != RUNNER_DEFAULT:
        complete["environmentVariables"] = {**_mapping(template.get("environmentVariables")), RUNNER_VARIABLE: runner}
    if isinstance(repos := template.get("repos"), list | tuple):
        # As the form writes them: without a branch, the custom resource fills in main instead of the default branch.
        complete["repos"] = [{"branch": "", "autoPush": False, **_mapping(repo)} for repo in repos]
    if isinstance(workflow := template.get("activeWorkflow"), Mapping):
        complete["activeWorkflow"] = {"branch": "main", **workflow}
    return complete


def merged_template(declared: Mapping[str, Any], before: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template to write: the declared fields over the live ones, with the form's defaults for missing ones.

    Args:
        before: The fields that were declared before; those that are not any more return to the default.
    """
    stays = {key: value for key, value in live.items() if value is not None and key not in before}
    merged = {**TEMPLATE_DEFAULTS, **stays, **declared}
    was, there, given = (_mapping(fields.get(_LLM)) for fields in (before, live, declared))
    settings = {key: value for key, value in there.items() if value is not None and key not in was}
    merged[_LLM] = {**LLM_DEFAULTS, **settings, **given}
    return merged


def observed_template(declared: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the live values of the declared fields; a missing one is left out."""
    observed = {key: live[key] for key in declared if live.get(key) is not None}
    if _LLM in observed:
        there = _mapping(observed[_LLM])
        observed[_LLM] = {key: there[key] for key in _mapping(declared[_LLM]) if there.get(key) is not None}
    return observed


def template_text(template: Mapping[str, Any]) -> str:
    r"""Return a template as the value of its variable.

    Kubernetes replaces `$$` and `$(NAME)` in a variable's value, so a dollar is written as `\u0024`.
    """
    return json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False).replace("$", "\\u0024")


def read_template(text: str) -> dict[str, Any]:
    try:
        template = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return template if isinstance(template, dict) else {}


def reuse_text(value: object) -> str:
    return "true" if value is True else "false"


def variables(name: str, namespace: str, platform: str, template: str, reuse: str) -> dict[str, str]:
    values = {
        TEMPLATE_VARIABLE: template,
        NAMESPACE_VARIABLE: namespace,
        NAME_VARIABLE: name,
        REUSE_VARIABLE: reuse,
    }
    return values if platform == PLATFORM_NAMESPACE_DEFAULT else {**values, BACKEND_VARIABLE: platform}


def container(image: str, pull_policy: str) -> dict[str, Any]:
    return {
        "name": CONTAINER,
        "image": image,
        "imagePullPolicy": pull_policy,
        "command": ["./operator", "session-trigger"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def metadata(name: str, namespace: str, owner: str, display_name: str, reuse: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": namespace,
        "labels": {SCHEDULE_LABEL: "true", SCHEDULE_CREATED_BY_LABEL: CREATED_BY},
        "annotations": {
            SCHEDULE_NAME_ANNOTATION: display_name,
            SCHEDULE_REUSE_ANNOTATION: reuse,
            OWNER_ANNOTATION: owner,
        },
    }


SPEC: Final[Mapping[str, Any]] = {
    "concurrencyPolicy": "Forbid",
    "successfulJobsHistoryLimit": 5,
    "failedJobsHistoryLimit": 3,
    "startingDeadlineSeconds": 300,
}
"""Fields of the CronJob that are the same for all schedules."""

POD: Final[Mapping[str, Any]] = {"serviceAccountName": TRIGGER, "restartPolicy": "Never"}
"""Fields of the Job's pod that are the same for all schedules."""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
