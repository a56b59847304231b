"""What tests of scheduled sessions share: a declared schedule, and CronJobs as the platform makes and changes them.

`of_backend` and `saved_in_form` restate what the platform's backend and its form do (contract 12), so that tests do not
compare our object with itself.
"""

import json

OWNER = "app/dev"
IMAGE = "registry.example.com/operator:1.2"
PROMPT = "Review the open pull requests."
REPO = {"url": "https://github.com/example/payments-api", "branch": "main", "autoPush": True}
TEMPLATE = {
    "initialPrompt": PROMPT,
    "runnerType": "claude-agent-sdk",
    "llmSettings": {"model": "claude-opus-4-6", "temperature": 0.2, "maxTokens": 8000},
    "timeout": 600,
    "inactivityTimeout": 3600,
    "stopOnRunFinished": True,
    "repos": [REPO],
    "activeWorkflow": {"gitUrl": "https://github.com/example/workflows", "branch": "main", "path": "review"},
    "environmentVariables": {"LOG_LEVEL": "debug"},
}
"""A template with everything that the backend writes unchanged."""

SCHEDULE = {"schedule": "0 9 * * 1-5", "displayName": "Morning review", "sessionTemplate": TEMPLATE}
"""A schedule as the inputs of the plugin."""

OWN_USER = "system-serviceaccount-{}-ambient-session-trigger"


def of_backend(name, namespace, user, schedule, image, *, policy="IfNotPresent"):
    """Return the CronJob that the backend makes for a request with these fields (BH/scheduled_sessions.go:102-223)."""
    display, reuse = schedule.get("displayName", ""), "true" if schedule.get("reuseLastSession") else "false"
    template = {**schedule["sessionTemplate"]}
    template["userContext"] = {"userId": user, "displayName": user, "groups": []}
    if display and not template.get("displayName"):
        template["displayName"] = display
    env = {
        "SESSION_TEMPLATE": json.dumps(template),
        "PROJECT_NAMESPACE": namespace,
        "SCHEDULED_SESSION_NAME": name,
        "REUSE_LAST_SESSION": reuse,
    }
    container = {
        "name": "trigger",
        "image": image,
        "imagePullPolicy": policy,
        "command": ["./operator", "session-trigger"],
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {"serviceAccountName": "ambient-session-trigger", "restartPolicy": "Never", "containers": [container]}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"ambient-code.io/scheduled-session": "true", "ambient-code.io/created-by": user},
            "annotations": {
                "ambient-code.io/display-name": display,
                "ambient-code.io/reuse-last-session": reuse,
            },
        },
        "spec": {
            "schedule": schedule["schedule"],
            "suspend": bool(schedule.get("suspend")),
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": 5,
            "failedJobsHistoryLimit": 3,
            "startingDeadlineSeconds": 300,
            "jobTemplate": {"spec": {"template": {"spec": pod}}},
        },
    }


def answer(cronjob):
    """Return what the backend answers for a CronJob, without times (BH/scheduled_sessions.go:486-533)."""
    notes = cronjob["metadata"].get("annotations") or {}
    return {
        "name": cronjob["metadata"]["name"],
        "namespace": cronjob["metadata"]["namespace"],
        "schedule": cronjob["spec"]["schedule"],
        "suspend": bool(cronjob["spec"].get("suspend")),
        "displayName": notes.get("ambient-code.io/display-name", ""),
        "reuseLastSession": notes.get("ambient-code.io/reuse-last-session") == "true",
        "sessionTemplate": template_of(cronjob),
    }


def listed(cronjobs):
    """Return the CronJobs that the backend lists."""
    label = "ambient-code.io/scheduled-session"
    return [cronjob for cronjob in cronjobs if (cronjob["metadata"].get("labels") or {}).get(label) == "true"]


def variables_of(cronjob):
    """Return the variables of the container of the name that the backend looks for."""
    containers = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return {
        variable["name"]: variable["value"]
        for c in containers
        if c["name"] == "trigger"
        for variable in c["env"]
        if variable
    }


def template_of(cronjob):
    """Return the template in a CronJob."""
    return json.loads(variables_of(cronjob)["SESSION_TEMPLATE"])


def saved_in_form(cronjob, user="bob", **changes):
    """Return the containers of a CronJob after a user saved the UI's form, with changed fields of the template.

    The form sends what it shows, and the same numbers each time; the backend enters the user who saves it.
    """
    shown = ("initialPrompt", "runnerType", "inactivityTimeout", "stopOnRunFinished", "activeWorkflow", "repos")
    was = {name: value for name, value in template_of(cronjob).items() if name in shown}
    template = {
        **was,
        "llmSettings": {"model": template_of(cronjob)["llmSettings"]["model"], "temperature": 0.7, "maxTokens": 4000},
        "timeout": 300,
        "userContext": {"userId": user, "displayName": user.title(), "groups": []},
        **changes,
    }
    containers = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    env = [
        {"name": variable["name"], "value": json.dumps(template)}
        if variable["name"] == "SESSION_TEMPLATE"
        else variable
        for variable in containers[0]["env"]
    ]
    return [{**containers[0], "env": env}]
