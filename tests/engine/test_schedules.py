"""Scheduled sessions in the cluster: made, changed in the UI, closed, opened, removed, with the deployer's rights."""

from typing import Any

from ambient_components.platform.naming import schedule_name
from sandbox.backend import Backend
from sandbox.credentials import ALICE
from tests.support import platform as ui
from tests.support.schedules import OWN_USER, answer, listed, of_backend, saved_in_form, template_of, variables_of
from tests.support.stacks import Stack

IMAGE = "registry.example.com/operator:1.2"
OWNER = "ambient-components/owner"
TEMPLATE = """
          initialPrompt: Report $(date) for $$5.
          llmSettings: {temperature: 0.2}
          timeout: 10m
          repos: [{url: "https://github.com/example/payments-api", branch: main, autoPush: true}]
          environmentVariables: {LOG_LEVEL: debug}
"""
FILE = f"""
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    schedules:
      review:
        schedule: "0 9 * * 1-5"
        displayName: Morning review
        sessionTemplate: {TEMPLATE.rstrip()}
"""
DECLARED = {
    "schedule": "0 9 * * 1-5",
    "displayName": "Morning review",
    "sessionTemplate": {
        "initialPrompt": "Report $(date) for $$5.",
        "runnerType": "claude-agent-sdk",
        "llmSettings": {"model": "claude-sonnet-4-6", "temperature": 0.2, "maxTokens": 4000},
        "timeout": 600,
        "stopOnRunFinished": False,
        "repos": [{"url": "https://github.com/example/payments-api", "branch": "main", "autoPush": True}],
        "environmentVariables": {"LOG_LEVEL": "debug"},
    },
}


def name(stack: Stack) -> str:
    return schedule_name(stack.w, "review")


def collection(stack: Stack) -> str:
    return f"/apis/batch/v1/namespaces/{stack.w}/cronjobs"


def live(stack: Stack) -> dict[str, Any]:
    found = stack.machine.get(f"{collection(stack)}/{name(stack)}")
    assert found is not None
    return found


def save(stack: Stack, changed: dict[str, Any]) -> None:
    """As the backend's own account saves the whole object."""
    token = stack.machine.cluster.token_of("sandbox-admin")
    assert stack.machine.request("PUT", f"{collection(stack)}/{name(stack)}", token=token, body=changed) == 200


def nothing_to_do(stack: Stack) -> None:
    assert stack.preview("--refresh", "--expect-no-changes").unchanged


def test_a_schedule_from_its_first_run_to_its_last(stack: Stack) -> None:
    stack.config("operatorImage", IMAGE)
    stack.write(FILE)
    stack.up().ok()
    made, user = live(stack), OWN_USER.format(stack.w)
    theirs = of_backend(name(stack), stack.w, user, DECLARED, IMAGE)
    assert answer(made) == answer(theirs)
    assert [one["metadata"]["name"] for one in listed([made])] == [name(stack)]
    assert "$" not in variables_of(made)["SESSION_TEMPLATE"]
    nothing_to_do(stack)

    # The UI suspends it: nothing is declared of that. It also saves another prompt, which is.
    made["spec"]["suspend"] = True
    made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"] = saved_in_form(made, initialPrompt="Other.")
    save(stack, made)
    assert "initialPrompt" in stack.preview("--refresh").ok().text
    stack.up("--refresh").ok()
    assert answer(live(stack)) == {**answer(theirs), "suspend": True}
    nothing_to_do(stack)

    stack.write(f"{FILE}    state: closed\n")
    stack.up().ok()
    assert live(stack)["spec"]["suspend"] is True
    stack.write(FILE.replace("displayName", "suspend: false\n        displayName"))
    stack.up().ok()
    assert answer(live(stack)) == answer(theirs)
    stack.write(f"{FILE}    state: closed\n")
    stack.up().ok()
    assert live(stack)["spec"]["suspend"] is True
    stack.write(FILE)
    stack.up().ok()
    assert answer(live(stack)) == answer(theirs)
    nothing_to_do(stack)

    stack.write(FILE.split("    schedules:", maxsplit=1)[0])
    stack.up().ok()
    assert (stack.machine.get(collection(stack)) or {})["items"] == []


def test_one_of_others_is_not_touched_and_the_clusters_image_is_taken(stack: Stack) -> None:
    stack.write(FILE.split("    schedules:", maxsplit=1)[0])
    stack.up().ok()
    foreign = of_backend(name(stack), stack.w, "bob", DECLARED, "example.com/other:1")
    created = stack.machine.create(collection(stack), {"apiVersion": "batch/v1", "kind": "CronJob", **foreign})
    stack.write(FILE)
    stack.preview().refused(f"CronJob {stack.w}/{name(stack)} exists", "it is not touched")
    stack.up().refused("it is not touched")
    assert live(stack)["metadata"].get("annotations") == foreign["metadata"]["annotations"], created
    stack.machine.delete(f"{collection(stack)}/{name(stack)}")
    stack.machine.until(lambda: stack.machine.get(f"{collection(stack)}/{name(stack)}") is None, "it is gone")
    said = stack.up().ok().text
    assert "the image of the platform's operator is not known" in said
    assert template_of(live(stack))["initialPrompt"] == "Report $(date) for $$5."
    assert live(stack)["metadata"]["annotations"][OWNER]


def test_the_platform_lists_and_edits_what_is_declared(stack: Stack, platform: Backend) -> None:
    """Conformance: what Git declares is what `GET .../scheduled-sessions` answers, and the form saves it."""
    stack.config("operatorImage", IMAGE)
    stack.write(FILE)
    stack.up().ok()
    user = OWN_USER.format(stack.w)
    theirs = of_backend(name(stack), stack.w, user, DECLARED, IMAGE)
    (shown,) = ui.schedules(platform, stack.w)
    assert shown == answer(theirs)
    ui.suspend_schedule(platform, stack.w, name(stack))
    template = {**shown["sessionTemplate"], "initialPrompt": "Other."}
    ui.save_schedule(platform, stack.w, name(stack), {"sessionTemplate": template}, user=ALICE.name)
    (saved,) = ui.schedules(platform, stack.w)
    assert (saved["suspend"], saved["sessionTemplate"]["initialPrompt"]) == (True, "Other.")
    stack.up("--refresh").ok()
    assert ui.schedules(platform, stack.w) == [{**shown, "suspend": True}]
    assert stack.preview("--refresh", "--expect-no-changes").unchanged
