"""The main job: one YAML file becomes a workspace, its grants and a key that works."""

import base64
import json
import subprocess

import yaml

from tests.support.stacks import REPOSITORY, Stack

WORKSPACE = """
workspaces:
  THIS:
    owners: [user:alice@example.com]
    grants:
      - {group: payments-devs, role: edit}
      - {user: carol@example.com}
      - {user: dora@example.com, role: admin}
    keys:
      ci: {name: GitHub Actions, description: deploys, role: edit, lifetime: 30d}
      report: {role: view}
    secrets:
      runner:
        ANTHROPIC_API_KEY: {config: payments/anthropic}
    protect: false
"""


def test_a_key_answers_as_its_role_says(stack: Stack) -> None:
    stack.secret("payments/anthropic")
    stack.write(WORKSPACE)
    stack.up().ok()
    for key, may_create in (("ci", True), ("report", False)):
        token = stack.token(key)
        assert stack.sessions(token) == 200
        assert stack.status("api/v1/namespaces/THIS/secrets", token) == 403
        assert stack.status("apis/vteam.ambient-code/v1alpha1/namespaces/default/agenticsessions", token) == 403
        session = {
            "apiVersion": "vteam.ambient-code/v1alpha1",
            "kind": "AgenticSession",
            "metadata": {"name": f"by-{key}"},
            "spec": {},
        }
        path = f"/apis/vteam.ambient-code/v1alpha1/namespaces/{stack.w}/agenticsessions"
        status = stack.machine.request("POST", path, token=token, body=session)
        assert status == (200 if may_create else 403)
    # What the tests read from the state's file is what the CLI reads.
    assert json.loads(stack._cli("stack", "output", "--json").ok().text) == stack.outputs()
    assert json.loads(stack._cli("stack", "export").ok().text)["deployment"]["resources"] == stack.export()
    shown = stack._run("stack", "output", f"{stack.w}/ci", "--show-secrets", "--stack", stack.name)
    assert shown.stdout.strip() == stack.token("ci")


def test_the_command_that_is_printed_works_as_printed(stack: Stack) -> None:
    """What `ambient show` and `make up` end with: a key through a pipe into curl. The last one needs no backend."""
    stack.write("workspaces:\n  THIS: {protect: false, keys: {ci: {role: view}}}\n")
    stack.up().ok()
    shown = stack.ambient("show", stack.name)
    assert shown.code == 0, shown.text
    assert f"{stack.w}" in shown.text
    assert f"https://PLATFORM/api/projects/{stack.w}/agentic-sessions" in shown.text
    command = shown.text[shown.text.index("ambient keys show", shown.text.index("Or with the Kubernetes API")) :]
    ca_file = stack.machine.cluster.ca_file
    installed = command.replace("ambient keys", f"{REPOSITORY}/.venv/bin/ambient keys")
    script = installed.replace("cluster-ca.crt", str(ca_file)).replace(
        "curl -sS", "curl -sS -o /dev/null -w '%{http_code}'"
    )
    ended = subprocess.run(
        ["bash", "-c", script], cwd=stack.folder, env=stack.environment, capture_output=True, text=True, check=False
    )
    assert ended.stdout == "200", script + ended.stderr


def test_a_second_run_changes_nothing(stack: Stack) -> None:
    stack.secret("payments/anthropic")
    stack.write(WORKSPACE)
    assert not stack.preview().ok().unchanged
    stack.up().ok()
    token_secrets = stack.token_secrets()
    assert stack.preview("--expect-no-changes").unchanged
    assert stack.up("--expect-no-changes").unchanged
    assert stack.refresh().unchanged
    assert stack.up("--expect-no-changes").unchanged
    assert stack.token_secrets() == token_secrets


def test_reordering_the_file_changes_nothing(stack: Stack) -> None:
    stack.secret("payments/anthropic")
    stack.write(WORKSPACE)
    stack.up().ok()
    data = yaml.safe_load(WORKSPACE)
    entry = data["workspaces"]["THIS"]
    entry["grants"].reverse()
    entry["keys"] = dict(reversed(entry["keys"].items()))
    turned = {"workspaces": {"THIS": dict(reversed(entry.items()))}}
    stack.write(yaml.safe_dump(turned, sort_keys=False))
    assert stack.preview("--expect-no-changes").unchanged


def test_objects_are_the_platforms_own(stack: Stack) -> None:
    runner = stack.secret("payments/anthropic")
    stack.write(WORKSPACE)
    stack.up().ok()
    machine, w = stack.machine, stack.w
    namespace = machine.get(f"/api/v1/namespaces/{w}")
    assert namespace["metadata"]["labels"]["ambient-code.io/managed"] == "true"
    bindings = machine.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{w}/rolebindings")["items"]
    by_name = {item["metadata"]["name"]: item for item in bindings}
    ci = stack.resource("ServiceAccount", f"{w}/key/ci/g1")["outputs"]["metadata"]["name"]
    report = stack.resource("ServiceAccount", f"{w}/key/report/g1")["outputs"]["metadata"]["name"]
    assert sorted(by_name) == sorted(
        [
            "ambient-admin-alice-example-com",
            "ambient-permission-edit-payments-devs-group",
            "ambient-permission-view-carol-example-com-user",
            "ambient-permission-admin-dora-example-com-user",
            ci.replace("ambient-key-", "ambient-key-edit-"),
            report.replace("ambient-key-", "ambient-key-view-"),
        ]
    )
    assert by_name["ambient-admin-alice-example-com"]["roleRef"]["name"] == "ambient-project-admin"
    secret = machine.get(f"/api/v1/namespaces/{w}/secrets/ambient-runner-secrets")
    assert secret["type"] == "Opaque"
    assert base64.b64decode(secret["data"]["ANTHROPIC_API_KEY"]).decode() == runner


def test_the_tokens_do_not_lie_in_the_workspace(stack: Stack) -> None:
    stack.secret("payments/anthropic")
    stack.write(WORKSPACE)
    stack.up().ok()
    token = stack.token("ci")
    for secret in stack.machine.get(f"/api/v1/namespaces/{stack.w}/secrets")["items"]:
        assert token not in str(secret)
        if "ambient-components/handle" in (secret["metadata"].get("labels") or {}):
            assert not secret.get("data")


def test_no_path_of_this_machine_is_in_the_state(stack: Stack) -> None:
    stack.secret("payments/anthropic")
    stack.write(WORKSPACE)
    stack.up().ok()
    kubeconfig = stack.environment["KUBECONFIG"]
    # All but the stack's own entry, which the SDK registers before a program begins.
    ours = str([item for item in stack.export() if item["type"] != "pulumi:pulumi:Stack"])
    assert [path for path in (kubeconfig, str(stack.folder), "/site-packages/") if path in ours] == []
    # As on another machine: the same cluster by another file.
    moved = stack.folder / "elsewhere.kubeconfig"
    with open(kubeconfig, encoding="utf-8") as source:  # noqa: PTH123
        moved.write_text(source.read())
    stack.environment |= {"KUBECONFIG": str(moved)}
    assert stack.preview("--expect-no-changes").unchanged
