"""`make up` and related commands: the sandbox, and the stack `dev` on it with the real engine.

The stack is created by the code of `ambient init` and shown by the code of `ambient show`, with the sandbox's values as
answers.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console

from ambient_components import activity, clock
from ambient_components.cli.init.initialize import UID, Request, initialize
from ambient_components.cli.show.summary_text import as_text, usage
from ambient_components.engine.backend import export, has_stack
from ambient_components.engine.command import Engine, shown
from ambient_components.engine.state import resources
from ambient_components.errors import AmbientError
from ambient_components.output import paint_for
from ambient_components.rules.object_store import OBJECT_STORE
from ambient_components.stacks import cluster as kube
from ambient_components.stacks.project import Project
from ambient_components.stacks.pulumi import PulumiEngine
from ambient_components.stacks.reading import read_deployed
from sandbox.cluster import Cluster
from sandbox.environment import check_cli_version, child_environment, prepare, recorded_toolchain
from sandbox.errors import NOT_RUNNING, SandboxError
from sandbox.nodes.nodes import folder_of
from sandbox.nodes.nodes import stop as stop_nodes
from sandbox.paths import REPOSITORY, partial_file, private_folder, write_private
from sandbox.progress import Progress
from sandbox.store import ROOT_PREFIX, Store
from sandbox.toolchain import find_or_build

STACK = "dev"
KUBECONFIG_VARIABLE = "AMBIENT_SANDBOX_KUBECONFIG"
"""Names a kubeconfig. Its current cluster is used instead of a local one."""

OWNERSHIP_COMMENT = "# Of the sandbox of this folder: make up writes it, make clean removes it.\n"
"""The first line of the sandbox's Pulumi.dev.yaml, kept by `pulumi config set`. Without it, the file may belong to the
user's own stack `dev` on another backend and be the only key to its secrets."""

_RUNNER_KEY = "payments/anthropic"
_CONSOLE = Console(stderr=True)

# The plugin that can be built is older than the SDK and is on PATH. These known warnings are hidden only here.
_KNOWN_WARNINGS = (
    "using pulumi-resource-kubernetes from $PATH",
    "resource plugin kubernetes is expected to have version",
)
_COLOUR = re.compile(r"\033\[[0-9;]*m")
_COUNT = re.compile(r" *(?:\033\[[0-9;]*m|\s)*[0-9]+ (?:\033\[[0-9;]*m)*warnings?(?:\033\[[0-9;]*m)*$", re.MULTILINE)
_HEADING = re.compile(r"  \S+ \(.*\):")
_STEP = re.compile(r"ing \([0-9]")


def up(options: Namespace) -> int:
    """Start the sandbox, deploy `dev`, and show it."""
    directory: Path = options.directory
    existing = bool(os.environ.get(KUBECONFIG_VARIABLE)) or selected_kubeconfig(directory) is not None
    toolchain = find_or_build(_CONSOLE, cluster=not existing)
    selected = select_kubeconfig(directory)
    check_cli_version(directory, toolchain.pulumi)
    prepare(directory, toolchain)
    store = None
    if selected:
        _say(f"Using the cluster of {selected}: nothing is started or installed, it has the platform already.")
        _say(f"No object store is started either: for buckets, put one of yours into the config ({OBJECT_STORE}).")
    else:
        cluster = Cluster(directory, toolchain)
        before, store = cluster.running, Store(directory, toolchain)
        with Progress(_CONSOLE).step("API server and object store") if not before else nullcontext():
            cluster.start()
            store.start()
        _say(f"The sandbox {'was running already' if before else 'is running'} at {cluster.url}")
    activity.start(plain=True)
    environ = stack_environment(directory)
    with _sandbox_errors():
        project, engine = Project.find(REPOSITORY), PulumiEngine(REPOSITORY, environ)
        _forget_old_cluster(project, engine)
        config = project.config_file(STACK)
        fresh = not config.exists()
        try:
            outcome = initialize(Request(STACK), project, engine)
        finally:
            if fresh:
                add_ownership_comment(config)
        for line in (*outcome.done, *outcome.notes):
            _say(line)
        if _RUNNER_KEY not in project.config(STACK):
            placeholder = f"sk-ant-made-up-{secrets.token_urlsafe(24)}"
            # Through standard input, because arguments of programs are visible to every user of the machine.
            engine.run("config", "set", "--secret", _RUNNER_KEY, "--stack", STACK, stdin=placeholder)
            _say(f"Put a placeholder for {_RUNNER_KEY} into the encrypted config of {STACK}")
        _configure_store(store, project, engine)
    code = _pulumi(environ, "up", "--yes", "--skip-preview")
    if code != 0:
        return code
    add_ownership_comment(config)  # from an older `make up`: the sandbox's passphrase has just opened it
    with _sandbox_errors():
        summary = read_deployed(export(engine, STACK), STACK, clock.now())
        endpoint = kube.endpoint(project.config(STACK).get("context"), environ)
        ca_file = None if selected else Cluster(directory, toolchain).ca_file
        print(f"\n{as_text(summary, paint_for(sys.stdout))}\n")
        print('In this shell, first: eval "$(make -s env)"')
        print(usage(summary, endpoint, ca_file))
    return 0


def preview(options: Namespace) -> int:
    """Show what `up` would change."""
    environ = stack_environment(options.directory)
    with _sandbox_errors():
        if not has_stack(PulumiEngine(REPOSITORY, environ), STACK):
            message = f"There is no stack {STACK} yet: run `make up`."
            raise SandboxError(message, NOT_RUNNING)
    if selected_kubeconfig(options.directory) is None:
        toolchain = recorded_toolchain(options.directory)
        store = Store(options.directory, toolchain)
        if not Cluster(options.directory, toolchain).running or (store.exists and not store.running):
            message = "The sandbox does not run: run `make up`, or `make sandbox-start`."
            raise SandboxError(message, NOT_RUNNING)
    return _pulumi(environ, "preview", "--diff")


def down(options: Namespace) -> int:
    """Destroy what `dev` has deployed, then stop the sandbox."""
    directory: Path = options.directory
    if not (directory / "toolchain.json").exists():
        _say("There is no sandbox.")
        return 0
    selected = selected_kubeconfig(directory)
    toolchain = recorded_toolchain(directory)
    cluster, store = Cluster(directory, toolchain), Store(directory, toolchain)
    anything = deployed(directory)
    if anything:
        if not selected:
            # Only a running cluster and a running store can be emptied.
            cluster.start()
            if store.exists:
                store.start()
        code = _pulumi(stack_environment(directory), "destroy", "--yes", "--skip-preview")
        if code != 0:
            _say(f"{STACK} is not destroyed, so the sandbox was not stopped. To drop it all the same: make clean")
            return code
    stop_nodes(folder_of(directory))
    store.stop()
    cluster.stop()
    _say(f"{STACK} is destroyed." if anything else f"{STACK} had nothing deployed.")
    if not selected:
        _say("The sandbox is stopped. `make up` brings both back.")
    return 0


def deployed(directory: Path) -> bool:
    """Tell whether `dev` has resources in its state."""
    if not (directory / "toolchain.json").exists():
        return False
    with _sandbox_errors():
        engine = PulumiEngine(REPOSITORY, stack_environment(directory))
        return has_stack(engine, STACK) and bool(resources(export(engine, STACK)))


def stack_environment(directory: Path) -> dict[str, str]:
    """Return the complete environment of the stack's engine, for the sandbox and the selected cluster."""
    pulumi = recorded_toolchain(directory).pulumi
    if not pulumi.exists():
        message = (
            f"{pulumi}, which this sandbox uses, is gone.\nhint: Run `make sandbox-start`, then this command again."
        )
        raise SandboxError(message)
    return {**child_environment(directory), **cluster_environment(directory)}


def cluster_environment(directory: Path) -> dict[str, str]:
    """Return the variables that the selected cluster changes in the sandbox's environment."""
    selected = selected_kubeconfig(directory)
    return {"KUBECONFIG": str(selected)} if selected else {}


def selected_kubeconfig(directory: Path) -> Path | None:
    """Return the kubeconfig of an earlier `up`. The stack belongs to its cluster until `make clean`."""
    try:
        return Path((directory / "chosen-kubeconfig").read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None


def select_kubeconfig(directory: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Record the kubeconfig that the user names, or return the recorded one.

    Raises:
        SandboxError: The file does not exist, or the stack is on another cluster already.
    """
    before = selected_kubeconfig(directory)
    named = environ.get(KUBECONFIG_VARIABLE)
    if not named:
        return before
    path = Path(named).expanduser().absolute()
    if not path.is_file():
        message = f"{KUBECONFIG_VARIABLE} names {path}, and there is no such file."
        raise SandboxError(message)
    if path != before:
        private_folder(directory)
        if deployed(directory):
            message = f"{STACK} is deployed on another cluster: run `make down` with the old setting first."
            raise SandboxError(message)
        write_private(directory / "chosen-kubeconfig", f"{path}\n")
    return path


def _forget_old_cluster(project: Project, engine: PulumiEngine) -> None:
    """Remove the cluster from the config if nothing is deployed, because it may be gone or not selected any more."""
    path = project.config_file(STACK)
    if not path.exists():
        return
    if not has_stack(engine, STACK):
        if not is_owned(path):
            message = (
                f"{project.shown(path)} is of a stack that is not the sandbox's: "
                "rename it or remove it, then run make up again"
            )
            raise SandboxError(message)
        # State, cluster and passphrase are in one folder, so without the state no key to this file's secrets is left.
        path.unlink()
        _say(f"{project.shown(path)} was of a sandbox that is gone: it is written again.")
    elif UID in project.config(STACK) and not resources(export(engine, STACK)):
        engine.run("config", "rm", UID, "--stack", STACK)


def _configure_store(store: Store | None, project: Project, engine: Engine) -> None:
    """Set the sandbox's store in the config of `dev`, or remove it if there is none.

    A store that the user configured stays. The sandbox's store is recognised by its root access key.
    """
    config = project.config(STACK).get(OBJECT_STORE) or {}
    ours = isinstance(config, Mapping) and str(config.get("accessKey", "")).startswith(ROOT_PREFIX)
    if store is None:
        if ours:
            engine.run("config", "rm", OBJECT_STORE, "--stack", STACK)
        return
    # An interrupted run leaves only the secret. It is set first, and the rest shows that it is complete.
    if not ours and set(config) - {"secretKey"}:
        _say(f"The {OBJECT_STORE} of {STACK} is not the sandbox's and stays unchanged.")
        return
    desired = {"accessKey": store.access_key, "endpoint": store.endpoint, "iamEndpoint": store.iam_endpoint}
    changed = {key: value for key, value in desired.items() if config.get(key) != value}
    if "accessKey" in changed or "secretKey" not in config:
        secret = (f"{OBJECT_STORE}.secretKey", "--stack", STACK)
        engine.run("config", "set", "--path", "--secret", *secret, stdin=store.secret_key)
    for key, value in changed.items():
        engine.run("config", "set", "--path", "--plaintext", f"{OBJECT_STORE}.{key}", value, "--stack", STACK)
    if changed:
        _say(f"Put the sandbox's object store, {store.endpoint}, into the config of {STACK}")


def config_path() -> Path:
    """Return Pulumi's config file of the stack `dev`."""
    return Project.find(REPOSITORY).config_file(STACK)


def is_owned(path: Path) -> bool:
    """Tell whether a config file belongs to the sandbox and may be removed."""
    try:
        return path.read_text(encoding="utf-8").startswith(OWNERSHIP_COMMENT)
    except (FileNotFoundError, UnicodeDecodeError):
        return False


def add_ownership_comment(path: Path) -> None:
    """Add the ownership comment to an existing config file."""
    if path.exists() and not is_owned(path):
        text = OWNERSHIP_COMMENT + path.read_text(encoding="utf-8")
        with partial_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _pulumi(environ: Mapping[str, str], *arguments: str) -> int:
    """Run a command of the engine on the stack, its output shown but for the known warnings; returns its exit code."""
    colour = "always" if sys.stdout.isatty() else "never"
    with _sandbox_errors():
        return shown([*arguments, "--stack", STACK, "--color", colour], REPOSITORY, environ, _show)


def _show(lines: Iterable[str]) -> None:
    for line in without_known_warnings(lines):
        print(line, end="", flush=True)


def without_known_warnings(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines without known warnings, their count, headings without content, and repeated steps."""
    waiting: list[str] = []  # headings, printed once a line follows
    diagnostics = False
    reported: set[str] = set()
    for line in lines:
        text = _COLOUR.sub("", line).rstrip()
        if any(warning in text for warning in _KNOWN_WARNINGS):
            continue
        if text == "Diagnostics:":
            diagnostics, waiting = True, [line]
        elif diagnostics and _HEADING.fullmatch(text):
            waiting = [*(head for head in waiting if "Diagnostics:" in head), line]
        elif (diagnostics and not text and waiting) or (_STEP.search(text) and text in reported):
            continue
        else:
            diagnostics = diagnostics and not text[:1].strip()
            yield from waiting if diagnostics else ()
            waiting = []
            reported.add(text)
            yield _COUNT.sub("", line) if "pulumi:pulumi:Stack" in text else line


@contextmanager
def _sandbox_errors() -> Iterator[None]:
    """Convert the command line's errors into the sandbox's, which are printed without a traceback."""
    try:
        yield
    except AmbientError as error:
        raise SandboxError(str(error)) from error


def _say(text: str) -> None:
    _CONSOLE.print(text, markup=False, highlight=False, soft_wrap=True)
