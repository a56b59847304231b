"""The main job: one YAML file becomes a workspace, its grants and a key that works."""

import base64
import json
import subprocess

import yaml

from sandbox.credentials import ALICE
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
    # What the tests read from the state's file is what the CLI reads.
    assert json.loads(stack._cli("stack", "output", "--json").ok().text) == stack.outputs()
    assert json.loads(stack._cli("stack", "export").ok().text)["deployment"]["resources"] == stack.export()
    token = stack._run("stack", "output", f"{stack.w}/ci", "--show-secrets", "--stack", stack.name)
    assert token.stdout.strip() == stack.token("ci")


def test_a_second_run_changes_nothing_in_any_order_and_on_any_machine(stack: Stack) -> None:
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

    data = yaml.safe_load(WORKSPACE)
    entry = data["workspaces"]["THIS"]
    entry["grants"].reverse()
    entry["keys"] = dict(reversed(entry["keys"].items()))
    turned = {"workspaces": {"THIS": dict(reversed(entry.items()))}}
    stack.write(yaml.safe_dump(turned, sort_keys=False))
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
    # Their tokens do not lie in the workspace.
    token = stack.token("ci")
    for secret in machine.get(f"/api/v1/namespaces/{w}/secrets")["items"]:
        assert token not in str(secret)
        if "ambient-components/handle" in (secret["metadata"].get("labels") or {}):
            assert not secret.get("data")
    # Owners have access that the sharing page does not list.
    assert by_name["ambient-admin-alice-example-com"]["metadata"].get("labels", {}).get("app") != "ambient-permission"
    alice = machine.cluster.token_of(ALICE.name)
    assert machine.request("GET", f"/api/v1/namespaces/{w}/secrets", token=alice) == 200
