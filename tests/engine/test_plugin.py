"""How the engine finds the plugin, and what becomes of it when the engine is killed."""

import os
import subprocess

from tests.support.stacks import REPOSITORY, Stack

LIBRARY = """
import pulumi
from ambient_components import AccessLedger, ClusterProviders, Workspace

config = pulumi.Config()
name = config.require("workspace")
owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
cluster = ClusterProviders.of("cluster", cluster_uid=config.require("clusterUid"))
entry = {"state": "active", "owners": [], "grants": {"user:alice@example.com": "view"}, "keys": {}}
ledger = AccessLedger(
    "access",
    {"owner": owner, "workspaces": {name: entry}},
    pulumi.ResourceOptions(provider=cluster.ambient),
)
Workspace(
    name,
    owner=owner,
    protect=False,
    grants=[{"user": "alice@example.com"}],
    keys={"ci": {"role": "view"}},
    opts=pulumi.ResourceOptions(providers=cluster.both, depends_on=[ledger]),
)
"""


def test_as_a_library_the_console_script_is_the_plugin(stack: Stack) -> None:
    scripts = REPOSITORY / ".venv" / "bin"
    assert (scripts / "pulumi-resource-ambient").exists()
    (stack.folder / "plugin").unlink()
    settings = (stack.folder / "Pulumi.yaml").read_text()
    (stack.folder / "Pulumi.yaml").write_text(settings[: settings.index("plugins:")])
    (stack.folder / "__main__.py").write_text(LIBRARY)
    stack.config("workspace", stack.w)
    stack.environment["PATH"] = f"{scripts}{os.pathsep}{stack.environment['PATH']}"
    stack.up().ok()
    assert "ambient:index:AccessToken" in {item["type"] for item in stack.export()}
    assert len(stack.token_secrets()) == 1
    assert stack.preview("--expect-no-changes").unchanged


def test_the_engine_reads_the_plugins_schema(stack: Stack) -> None:
    shown = subprocess.run(
        ["pulumi", "package", "get-schema", str(REPOSITORY / "plugin" / "pulumi-resource-ambient")],
        cwd=stack.folder, env=stack.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert "ambient:index:AccessToken" in shown.stdout


def test_a_killed_engine_leaves_no_plugin_and_the_next_run_converges(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {protect: false, keys: {ci: {}, two: {}, three: {}}}\n")
    path = f"/api/v1/namespaces/{stack.w}"
    stack.kill_up(lambda: stack.machine.get(path) is not None, "the run is under way")
    stack.up().ok()
    for key in ("ci", "two", "three"):
        assert stack.sessions(stack.token(key)) == 200
    assert stack.preview("--expect-no-changes").unchanged
