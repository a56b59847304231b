"""`python -m sandbox`: build the programs, start and stop cluster and store, show their status and environment."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console

from sandbox.cluster import Cluster
from sandbox.download import DISK_ERRORS
from sandbox.environment import check_cli_version, environment, export_lines, prepare, recorded_toolchain
from sandbox.errors import NOT_RUNNING, SandboxError
from sandbox.locking import one_at_a_time
from sandbox.nodes import network
from sandbox.nodes.images import images
from sandbox.nodes.nodes import Nodes, folder_of
from sandbox.nodes.nodes import stop as stop_nodes
from sandbox.nodes.programs import build_programs, missing
from sandbox.paths import DEFAULT_DIRECTORY, cache_root
from sandbox.progress import Progress
from sandbox.store import Store
from sandbox.toolchain import find_or_build
from sandbox.up import cluster_environment, config_path, deployed, down, is_owned, preview, selected_kubeconfig, up

# Progress and errors. Standard output is only for the results of `env` and `status`.
_CONSOLE = Console(stderr=True)

_EPILOG = """\
a first session:
  make up                       get what is missing (once), start the sandbox, deploy the stack dev, show it
  eval "$(make -s env)"         use it with pulumi, kubectl and ambient in this shell
  pulumi preview                after a change in stacks/dev.yaml: show who would gain or lose access
  make sandbox-stop             stop it; the next start restores workspaces and stacks

AMBIENT_SANDBOX_KUBECONFIG=FILE make up uses the cluster of that kubeconfig instead of a local one. It must have the
platform and the rights of `ambient rbac`. Nothing is installed, and no object store is started. The choice
is kept until `make clean`.
"""


def build(options: argparse.Namespace) -> int:  # noqa: ARG001
    """Find, download or build the programs."""
    toolchain = find_or_build(_CONSOLE)
    for name, path in toolchain.to_json().items():
        if path:
            _say(f"{name.replace('_', '-'):24} {path}")
    return 0


def start(options: argparse.Namespace) -> int:
    """Start the cluster and the store. Download or build what is missing first."""
    toolchain = find_or_build(_CONSOLE)
    check_cli_version(options.directory, toolchain.pulumi)
    prepare(options.directory, toolchain)
    cluster, store = Cluster(options.directory, toolchain), Store(options.directory, toolchain)
    before = cluster.running and store.running
    cluster.start()
    store.start()
    _say(f"The sandbox {'was running already' if before else 'is running'} at {cluster.url}")
    _say(f"Its object store: {store.endpoint}")
    _say('Use it in this shell: eval "$(make -s env)"')
    return 0


def nodes(options: argparse.Namespace) -> int:
    """Start the sandbox and three nodes, so that pods run."""
    if reason := missing(options.directory):
        raise SandboxError(reason)
    start(options)
    toolchain = recorded_toolchain(options.directory)
    programs = build_programs(_CONSOLE)
    made = images(programs, toolchain, folder_of(options.directory), Progress(_CONSOLE))
    cluster, store = Cluster(options.directory, toolchain), Store(options.directory, toolchain)
    running = Nodes(cluster, programs, made, store.ports)
    with Progress(_CONSOLE).step("Three nodes"):
        running.start()
    _say(f"Ready: {', '.join(running.ready())}. Pods reach this machine's API server and store at {network.MACHINE}.")
    return 0


def stop(options: argparse.Namespace) -> int:
    """Stop the nodes, the store and the cluster. Their data stays."""
    if not (options.directory / "toolchain.json").exists():
        _say("There is no sandbox to stop.")
        return 0
    toolchain = recorded_toolchain(options.directory)
    cluster, store = Cluster(options.directory, toolchain), Store(options.directory, toolchain)
    running = any(service.pid() for service in (*cluster.services, *store.services))
    stop_nodes(folder_of(options.directory))
    store.stop()
    cluster.stop()
    _say("The sandbox is stopped; its data stays." if running else "The sandbox was not running.")
    return 0


def clean(options: argparse.Namespace) -> int:
    """Stop and delete everything except the cache."""
    stop(options)
    if (options.directory / "toolchain.json").exists():
        if selected_kubeconfig(options.directory) and deployed(options.directory):
            message = "The stack dev is deployed on a cluster that is not ours to delete: run `make down` first."
            raise SandboxError(message)
        shutil.rmtree(options.directory)
        _say(f"Removed {options.directory}. Downloaded and built programs stay in {cache_root()}")
    # Only this folder's own sandbox. Another directory's is not affected.
    if options.directory.absolute() == DEFAULT_DIRECTORY and is_owned(config_path()):
        config_path().unlink()
    return 0


def status(options: argparse.Namespace) -> int:
    """Print the status. Exit code 3 if the sandbox is not ready."""
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
    # Not a rich table, which would truncate paths.
    for row in rows:
        state = f"pid {row['pid']}" if row["pid"] else "not running"
        print(f"{row['name']:<24} {state:<14} {row['log']}")
    print(f"Running at {url}" if running else "Not running: make sandbox-start")
    if addresses:
        print(f"Object store: S3 at {addresses['s3']}, IAM at {addresses['iam']}")
        print(f"Its root, as AWS_SHARED_CREDENTIALS_FILE: {addresses['credentials']}")
    return 0 if running else NOT_RUNNING


def env(options: argparse.Namespace) -> int:
    """Print shell commands that select the sandbox."""
    print(export_lines({**environment(options.directory), **cluster_environment(options.directory)}))
    return 0


_COMMANDS: dict[str, tuple[Callable[[argparse.Namespace], int], str, str]] = {
    "up": (
        up,
        "start the sandbox, deploy the stack dev and show it",
        "Download or build what is missing, start the sandbox, create the stack dev like `ambient init`, with a "
        "placeholder model key, run `pulumi up` and show who has access. A second run changes nothing. "
        "AMBIENT_SANDBOX_KUBECONFIG=FILE uses the cluster of a kubeconfig instead of a local one.",
    ),
    "preview": (preview, "show what `up` would change", "Run `pulumi preview --diff` on the stack dev."),
    "down": (
        down,
        "destroy the stack dev and stop the sandbox",
        "Delete the resources of the stack dev with `pulumi destroy`, then stop the sandbox. Its data stays.",
    ),
    "build": (
        build,
        "find, download or build the programs",
        "Look for pulumi with its Python host, its Kubernetes plugin, versitygw and KUBEBUILDER_ASSETS. Download what "
        "is missing, and build with Go what cannot be downloaded. AMBIENT_CACHE_DIR moves the cache, AMBIENT_MIRROR is "
        "a URL or folder to download from, AMBIENT_OFFLINE=1 uses no network, AMBIENT_BUILD=1 downloads nothing.",
    ),
    "start": (
        start,
        "start the API server and the object store",
        "Download or build what is missing. Start etcd, an API server and its controllers on 127.0.0.1, and an object "
        "store. Install the platform's resources and roles and the deployer's rights. Only starts what does not run.",
    ),
    "nodes": (
        nodes,
        "start three nodes on this machine, so that pods run",
        "Linux and root only. Start the sandbox, build Kubernetes' programs for nodes once, make images of the "
        "distribution's packages and of this repository, and start three nodes in namespaces of their own. `stop` "
        "and `down` take them away.",
    ),
    "stop": (stop, "stop the sandbox; its data stays", "Stop all programs. Workspaces, buckets, stacks and keys stay."),
    "clean": (
        clean,
        "stop and delete the sandbox's data",
        "Delete the directory: workspaces, buckets, stacks, passphrase. The cache of programs stays.",
    ),
    "status": (status, "show what runs", "Exit code 0 if the sandbox is ready, 3 if not."),
    "env": (
        env,
        'print export lines: eval "$(make -s env)"',
        "Print PATH, KUBECONFIG, the engine's state and its passphrase file for a POSIX shell. No secrets.",
    ),
}


_EXCLUSIVE = frozenset({"up", "down", "start", "nodes", "stop", "clean"})
"""The commands that change the sandbox: one at a time."""


def parser() -> argparse.ArgumentParser:
    """Return the argument parser."""
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
            help="folder of the sandbox's data (default: .sandbox in the repository)",
        )
        if name == "status":
            command.add_argument("--format", choices=("text", "json"), default="text", help="output format")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Expected failures are printed without a traceback."""
    options = parser().parse_args(arguments)
    # A killed `make` must not leave a compiler running: SystemExit runs the cleanup.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with _alone(options):
            return _COMMANDS[options.command][0](options)
    except SandboxError as error:
        _say(f"sandbox: {error}")
        return error.exit_code
    except OSError as error:
        if error.filename is None and error.errno not in DISK_ERRORS:
            raise
        _say(f"sandbox: {error.filename or options.directory} cannot be read or written: {error.strerror}.")
        _say(f"hint: Check the free space and the permissions of {options.directory}, then run the command again.")
        return 1
    except KeyboardInterrupt:
        _say("sandbox: interrupted; what was downloaded or built so far is kept, and the next run continues")
        return 130


def _alone(options: argparse.Namespace) -> AbstractContextManager[None]:
    """Wait until no other command changes this sandbox. Without one, there is nothing to stop or delete."""
    creates = options.command in {"up", "start", "nodes"}
    if options.command not in _EXCLUSIVE or not (creates or options.directory.exists()):
        return nullcontext()
    return one_at_a_time(options.directory / "up.lock", "Another command changes this sandbox", Progress(_CONSOLE))


def _say(text: str) -> None:
    _CONSOLE.print(text, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
