"""`python -m sandbox`: build the parts, start and stop cluster and store, say how they are and how to reach them."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from sandbox.cluster import Cluster
from sandbox.environment import environment, export_lines, prepare, recorded_toolchain
from sandbox.errors import NOT_RUNNING, SandboxError
from sandbox.paths import DEFAULT_DIRECTORY, cache_root
from sandbox.store import Store
from sandbox.toolchain import find_or_build
from sandbox.up import chosen_environment, chosen_kubeconfig, config_path, deployed, down, is_marked, preview, up

# Progress and errors: standard output belongs to what `env` and `status` answer.
_CONSOLE = Console(stderr=True)

_EPILOG = """\
a first session:
  make up                       build what is missing (once), start all, deploy the stack dev, show it
  eval "$(make -s env)"         point this shell's pulumi, kubectl and ambient at it
  pulumi preview                after a change in stacks/dev.yaml: who would gain or lose what
  make sandbox-stop             end it; workspaces and stacks are there again after the next start

AMBIENT_SANDBOX_KUBECONFIG=FILE make up uses the cluster of that kubeconfig instead of starting one. It must have the
platform and the rights of deploy/deployer-rbac.yaml; nothing is installed, and no object store is started. The choice
holds until `make clean`.
"""


def build(options: argparse.Namespace) -> int:  # noqa: ARG001
    """Find or build the programs."""
    toolchain = find_or_build(_CONSOLE)
    for name, path in toolchain.to_json().items():
        if path:
            _say(f"{name.replace('_', '-'):24} {path}")
    return 0


def start(options: argparse.Namespace) -> int:
    """Start the cluster and the store, building first what is missing."""
    toolchain = find_or_build(_CONSOLE)
    prepare(options.directory, toolchain)
    cluster, store = Cluster(options.directory, toolchain), Store(options.directory, toolchain)
    before = cluster.running and store.running
    cluster.start()
    store.start()
    _say(f"The sandbox {'was running already' if before else 'is running'} at {cluster.url}")
    _say(f"Its object store: {store.endpoint}")
    _say('Use it in this shell: eval "$(make -s env)"')
    return 0


def stop(options: argparse.Namespace) -> int:
    """End the store and the cluster, keep their data."""
    if not (options.directory / "toolchain.json").exists():
        _say("There is no sandbox to stop.")
        return 0
    toolchain = recorded_toolchain(options.directory)
    cluster, store = Cluster(options.directory, toolchain), Store(options.directory, toolchain)
    running = any(service.pid() for service in (*cluster.services, *store.services))
    store.stop()
    cluster.stop()
    _say("The sandbox is stopped; its data stays." if running else "The sandbox was not running.")
    return 0


def clean(options: argparse.Namespace) -> int:
    """Stop and forget everything but the cache of built programs."""
    stop(options)
    if (options.directory / "toolchain.json").exists():
        if chosen_kubeconfig(options.directory) and deployed(options.directory):
            message = "The stack dev is deployed on a cluster that is not ours to delete: run `make down` first."
            raise SandboxError(message)
        shutil.rmtree(options.directory)
        _say(f"Removed {options.directory}. The built programs stay in {cache_root()}")
    # Only of this folder's own sandbox: another directory's has nothing to do with it.
    if options.directory.absolute() == DEFAULT_DIRECTORY and is_marked(config_path()):
        config_path().unlink()
    return 0


def status(options: argparse.Namespace) -> int:
    """Say what runs; exit code 3 if the sandbox is not ready to be used."""
    rows: list[dict[str, object]] = []
    running, url, addresses = False, None, None
    if (options.directory / "toolchain.json").exists():
        toolchain = recorded_toolchain(options.directory)
        cluster, store = Cluster(options.directory, toolchain), Store(options.directory, toolchain)
        rows = [{"name": s.name, "pid": s.pid(), "log": str(s.log)} for s in (*cluster.services, *store.services)]
        running = cluster.running and store.running
        if running:
            url = cluster.url
            credentials = str(store.credentials_file)
            addresses = {"s3": store.endpoint, "iam": store.iam_endpoint, "credentials": credentials}
    if options.format == "json":
        known = {"running": running, "url": url, "store": addresses}
        answer = {**known, "directory": str(options.directory), "services": rows}
        print(json.dumps(answer, indent=2))
        return 0 if running else NOT_RUNNING
    # Not a rich table: that would cut the paths, which are there to be copied.
    for row in rows:
        state = f"pid {row['pid']}" if row["pid"] else "not running"
        print(f"{row['name']:<24} {state:<14} {row['log']}")
    print(f"Running at {url}" if running else "Not running: make sandbox-start")
    if addresses:
        print(f"Object store: S3 at {addresses['s3']}, IAM at {addresses['iam']}")
        print(f"Its root, as AWS_SHARED_CREDENTIALS_FILE: {addresses['credentials']}")
    return 0 if running else NOT_RUNNING


def env(options: argparse.Namespace) -> int:
    """Print shell lines that point a shell at the sandbox."""
    print(export_lines({**environment(options.directory), **chosen_environment(options.directory)}))
    return 0


_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str, str]] = {
    "up": (
        up,
        "start the sandbox, deploy the stack dev, show it",
        "Builds what is missing, starts the sandbox, makes the stack dev as `ambient init` would, with a made-up "
        "model key, runs `pulumi up` and shows who has access. A second run changes nothing. "
        "AMBIENT_SANDBOX_KUBECONFIG=FILE takes the cluster of a kubeconfig instead of starting one.",
    ),
    "preview": (preview, "show what `up` would change", "Runs `pulumi preview --diff` on the stack dev."),
    "down": (
        down,
        "destroy the stack dev, stop the sandbox",
        "Deletes what the stack dev made, with `pulumi destroy`, then stops the sandbox. Its data stays.",
    ),
    "build": (
        build,
        "find or build the programs, start nothing",
        "Looks for pulumi with its Python host, its Kubernetes plugin, versitygw and KUBEBUILDER_ASSETS, and builds "
        "what is missing with Go: about a quarter of an hour on two cores, once a machine. AMBIENT_CACHE_DIR moves the "
        "cache.",
    ),
    "start": (
        start,
        "start API server and object store, building first what is missing",
        "Starts etcd, an API server and its controllers on 127.0.0.1 and gives them the platform's resources, roles "
        "and the deployer's rights; and an object store. Does nothing where they run already, and repairs what died.",
    ),
    "stop": (stop, "end them; their data stays", "Ends all programs. Workspaces, buckets, stacks and keys stay."),
    "clean": (
        clean,
        "stop and delete the sandbox's data",
        "Deletes the directory: workspaces, buckets, stacks, passphrase. The cache of built programs stays.",
    ),
    "status": (status, "say what runs (exit code 3: not running)", "Exit code 0 when ready to be used, 3 when not."),
    "env": (
        env,
        'print export lines: eval "$(make -s env)"',
        "PATH, KUBECONFIG, the engine's state and its passphrase file, for a POSIX shell. Prints paths, no secrets.",
    ),
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A real Pulumi engine, Kubernetes API server and object store on this machine, without Docker.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, short, long) in _COMMANDS.items():
        command = commands.add_parser(name, help=short, description=long)
        command.add_argument(
            "--directory",
            type=lambda text: Path(text).absolute(),
            default=DEFAULT_DIRECTORY,
            help="where the sandbox keeps its data (default: .sandbox in the repository)",
        )
        if name == "status":
            command.add_argument("--format", choices=("text", "json"), default="text", help="json for programs")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; expected failures are told without a traceback."""
    options = parser().parse_args(arguments)
    # A `make` that is killed must not leave a compiler behind: SystemExit runs what ends it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return _COMMANDS[options.command][0](options)
    except SandboxError as error:
        _say(f"sandbox: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        _say("sandbox: interrupted; what was built so far is kept")
        return 130


def _say(text: str) -> None:
    _CONSOLE.print(text, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
