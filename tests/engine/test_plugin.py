"""How the engine finds the plugin, and what becomes of it when the engine is killed."""

import os

from tests.support.stacks import REPOSITORY, Stack

LIBRARY = """
import pulumi
from ambient_components import ClusterProviders, Workspaces

config = pulumi.Config()
cluster = ClusterProviders.of("cluster", cluster_uid=config.require("clusterUid"))
grants = [{"user": "alice@example.com", "role": "view"}]
workspace = {"protect": False, "grants": grants, "keys": {"ci": {"role": "view"}}}
Workspaces({config.require("workspace"): workspace}, cluster=cluster)
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


def test_a_killed_engine_leaves_no_plugin_and_the_next_run_converges(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {protect: false, keys: {ci: {}, two: {}, three: {}}}\n")
    path = f"/api/v1/namespaces/{stack.w}"
    stack.kill_up(lambda: stack.machine.get(path) is not None, "the run is under way")
    stack.up().ok()
    for key in ("ci", "two", "three"):
        assert stack.sessions(stack.token(key)) == 200
    assert stack.preview("--expect-no-changes").unchanged
