"""How the engine finds the plugin, and what becomes of it when the engine is killed."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.support.stacks import REPOSITORY, Stack

LIBRARY = """
import pulumi
from ambient_components import AccessLedger, ClusterProviders, Workspace

config = pulumi.Config()
name = config.require("workspace")
owner = f"{pulumi.get_project()}/{pulumi.get_stack()}"
cluster = ClusterProviders.of("cluster", {"clusterUid": config.require("clusterUid")})
entry = {"state": "active", "owners": [], "grants": {"user:alice@example.com": "view"}, "keys": {}}
ledger = AccessLedger(
    "access",
    {"owner": owner, "workspaces": {name: entry}},
    pulumi.ResourceOptions(provider=cluster.ambient),
)
Workspace(
    name,
    {
        "owner": owner,
        "protect": False,
        "grants": [{"subject": "user:alice@example.com"}],
        "keys": {"ci": {"role": "view"}},
    },
    pulumi.ResourceOptions(providers=cluster.both, depends_on=[ledger]),
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
    assert len(stack.handles()) == 1
    assert stack.preview("--expect-no-changes").unchanged


def test_the_engine_reads_the_plugins_schema(stack: Stack) -> None:
    shown = subprocess.run(
        ["pulumi", "package", "get-schema", str(REPOSITORY / "plugin" / "pulumi-resource-ambient")],
        cwd=stack.folder, env=stack.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert "ambient:index:AccessToken" in shown.stdout


def _plugins(folder: Path) -> list[int]:
    """The running plugins whose working directory is this project's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if b"ambient_components.provider" in command and (process / "cwd").readlink() == folder:
                found.append(int(process.name))
        except OSError:
            continue
    return found


def test_a_killed_engine_leaves_no_plugin_and_the_next_run_converges(stack: Stack) -> None:
    stack.write("workspaces:\n  THIS: {protect: false, keys: {ci: {}, two: {}, three: {}}}\n")
    running = subprocess.Popen(
        [shutil.which("pulumi", path=stack.environment["PATH"]) or "pulumi", "up", "--yes", "--skip-preview",
         "--non-interactive", "--stack", stack.name],
        cwd=stack.folder, env=stack.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    stack.machine.until(lambda: stack.machine.get(f"/api/v1/namespaces/{stack.w}") is not None, "the run is under way")
    stack.machine.until(lambda: _plugins(stack.folder) != [], "the plugin runs")
    running.send_signal(signal.SIGKILL)
    running.wait(timeout=30)
    stack.machine.until(lambda: not _plugins(stack.folder), "the plugin ends with its engine", seconds=20)
    stack.cancel()
    # The engine asks about creates that it does not know the end of; a refresh without a terminal clears them.
    stack.clear_pending()
    stack.up().ok()
    for key in ("ci", "two", "three"):
        assert stack.sessions(stack.token(key)) == 200
    assert stack.preview("--expect-no-changes").unchanged
