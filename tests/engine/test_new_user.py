"""Two persons at a terminal of 80 columns, and what the commands print: a new user with the usual mistakes, and someone
on call at 2 a.m.

`new_user.txt` has the whole session of the former. What differs from run to run has a name there: uids, dates, times,
paths. Each page of a plan can be read in ten seconds: see `slow_to_read`.
"""

import re
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.gate import Moment, held
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY
from tests.support.terminal import COLUMNS, CTRL_C, Terminal

SESSION = Path(__file__).with_name("new_user.txt")
EXAMPLE = REPOSITORY / "examples" / "payments"
WORKSPACE = "shop"
"""No other test uses this name."""

FILE = """\
workspaces:
  shop:
    owners: [user:alice@example.com]
    grants:
      - {group: devs, role: edit}
      - {user: bob@example.com, role: view}
    keys:
      ci: {role: edit, lifetime: 90d}
    secrets:
      runner:
        ANTHROPIC_API_KEY: {config: shop/anthropic}
"""
ADMIN = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "quick"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "ambient-project-admin"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve@example.com"}],
}
NAMESPACE = Moment("before the namespace", "CREATE", "namespaces")
_VARIES = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", "TIME"),
    (r"\d{4}-\d{2}-\d{2}", "DATE"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\d+\.\d s", "N s"),
    (r"\d+ min ago", "N min ago"),
)
_VERDICT = re.compile(r"No changes|Changes pending|Refused: |`ambient up` would fail|access unchanged|\d+ [a-z]")
_HEAD = 7
"""Lines from the command to the first section of a page: the verdict, totals, and what the page did not look at."""


@dataclass(frozen=True)
class Place:
    """Where requests are held."""

    machine: Machine
    name: str


class Session:
    """A person who types, and what they see."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.folder = folder
        self.environ = machine.environment | {
            "NO_COLOR": "1", "PYTHONPATH": str(REPOSITORY), "PATH": f"{folder}/.venv/bin:{machine.environment['PATH']}",
        }  # fmt: skip
        del self.environ["PULUMI_CONTINUE_ON_ERROR"]
        self.seen: list[str] = []

    def note(self, text: str) -> None:
        """What happens between two commands."""
        self.seen.append(f"# {text}\n")

    def start(self, command: str, *without: str) -> Terminal:
        environ = {name: value for name, value in self.environ.items() if name not in without}
        self.seen.append(f"$ {command}\n")
        return Terminal(command.split(), self.folder, environ)

    def end(self, terminal: Terminal) -> tuple[int, str]:
        code, text = terminal.ended(), terminal.screen
        self.machine.outputs.append(text)
        self.seen.append(f"{text}[{code}]\n\n")
        return code, text

    def run(self, command: str, *without: str) -> tuple[int, str]:
        return self.end(self.start(command, *without))

    def answers(self, command: str, code: int, *words: str) -> None:
        """Run a command that ends with a code, and says what helps at night."""
        ended, text = self.run(command)
        plain = " ".join(text.split())
        assert (ended, [word for word in words if word not in plain]) == (code, []), text

    @property
    def text(self) -> str:
        text = "".join(self.seen).replace(str(self.folder), "FOLDER").replace(str(self.machine.directory), "SANDBOX")
        for pattern, name in _VARIES:
            text = re.sub(pattern, name, text)
        return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def slow_to_read(text: str, pages: int) -> list[str]:
    """Return what keeps people from reading the pages of a session in ten seconds, or that it has another number.

    The verdict is the second line, what has to be decided begins a few lines below it, and no line is wider than the
    terminal but for an address to be copied.
    """
    shown_pages = re.findall(r"^\$ (ambient (?:plan|up).*)\ndev at TIME\n((?:.*\n)*?)\[\d+\]$", text, re.MULTILINE)
    faults = [] if len(shown_pages) == pages else [f"{len(shown_pages)} pages instead of {pages}"]
    for command, shown in shown_pages:
        lines = shown.splitlines()
        if not _VERDICT.match(lines[0]):
            faults.append(f"{command}: begins with no verdict: {lines[0]}")
        if "" in lines[:-1] and lines.index("") > _HEAD:
            faults.append(f"{command}: {lines.index('')} lines before the first section")
        # Messages beside the page wrap in the terminal, and so can be copied and searched.
        wide = (line for line in lines if len(line) > COLUMNS and not line.startswith(("     docs: ", "ambient: ")))
        faults += [f"{command}: wider than the terminal: {line}" for line in wide]
    return faults


@pytest.fixture
def session(machine: Machine, tmp_path: Path) -> Iterator[Session]:
    """The folder of a project, with the package in its .venv."""
    shutil.copy(EXAMPLE / "__main__.py", tmp_path)
    # The stack is not that of docs/getting-started.md, which has the example's project.
    project = re.sub(r"^name: .*", f"name: new-user-{secrets.token_hex(2)}", (EXAMPLE / "Pulumi.yaml").read_text())
    (tmp_path / "Pulumi.yaml").write_text(project)
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    yield Session(machine, tmp_path)
    machine.without(WORKSPACE)


def write(session: Session, *changes: tuple[str, str]) -> None:
    text = FILE
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
        session.note(f"stacks/dev.yaml: {old} -> {new}")
    (session.folder / "stacks/dev.yaml").write_text(text)


def interrupted(session: Session) -> None:
    """The first run, which Ctrl-C ends while it makes the namespace."""
    terminal = session.start("ambient up")
    terminal.wait_for("Deploy this to dev? [y/N]: ")
    with held(NAMESPACE, Place(session.machine, WORKSPACE)) as reached:
        terminal.type("y\n")
        terminal.until(reached, "the namespace")
        terminal.type(CTRL_C)
        session.end(terminal)  # The plugin gives up its request, so nothing has to let it pass.


def keep_secret(session: Session) -> None:
    secret = session.machine.keep_secret("sk-ant-made-up-of-a-new-user", "the secret of a new user")
    session.note("pulumi config set --secret shop/anthropic --stack dev")
    subprocess.run(
        ["pulumi", "config", "set", "--secret", "shop/anthropic", "--stack", "dev", "--non-interactive"],
        cwd=session.folder, env=session.environ, input=secret, text=True, capture_output=True, check=True,
    )  # fmt: skip


@contextmanager
def changed(path: Path, old: str, new: str) -> Iterator[None]:
    """A file with another text, which it has no longer after it."""
    text = path.read_text()
    assert re.search(old, text)
    path.write_text(re.sub(old, new, text))
    yield
    path.write_text(text)


def test_the_path_of_a_new_user(session: Session, pytestconfig: pytest.Config) -> None:
    session.run("ambient init dev --yes")
    write(session)
    session.note("the first workspace is in stacks/dev.yaml")
    session.run("ambient validate")
    session.run("ambient plan")
    keep_secret(session)
    interrupted(session)
    session.run("ambient up --yes")
    session.run("ambient up")

    write(session, ("{group: devs, role: edit}", "{group: devs, role: view}"))
    session.run("ambient plan")
    write(session, ("ci: {role: edit,", "ci: {role: admin,"))
    session.run("ambient validate")
    session.run("ambient plan")
    write(session)
    session.note("stacks/dev.yaml: as before")

    session.note("a second shell, without PULUMI_BACKEND_URL")
    session.run("ambient plan", "PULUMI_BACKEND_URL")
    session.note("a third shell, without PULUMI_CONFIG_PASSPHRASE_FILE: a wrong one is typed")
    terminal = session.start("ambient plan", "PULUMI_CONFIG_PASSPHRASE_FILE")
    terminal.wait_for("Passphrase of stack dev: ")
    terminal.type("wrong\n")
    session.end(terminal)

    session.run("ambient keys rotate shop/ci")
    session.run("ambient keys rotate shop/ci")
    session.run("ambient keys list -w shop")
    session.run("ambient report")
    for command in (
        "ambient show nope",
        "ambient up nope --yes",
        "ambient keys show shop/nope",
        "ambient keys rotate shop/nope",
        "ambient keys list -w shp",
        "ambient shwo",
    ):
        session.run(command)

    if pytestconfig.getoption("--update-golden"):
        SESSION.write_text(session.text)
    assert slow_to_read(session.text, pages=6) == []
    assert session.text == SESSION.read_text()


def test_a_night_on_call(session: Session) -> None:
    session.run("ambient init dev --yes")
    write(session)
    keep_secret(session)
    session.run("ambient up --yes")
    file, machine = session.folder / "stacks/dev.yaml", session.machine
    space = f"/api/v1/namespaces/{WORKSPACE}"
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{WORKSPACE}/rolebindings"

    session.note("the key shop/ci has leaked")
    session.answers("ambient keys rotate shop/ci --leaked --now", 0, "generation 1 is over", "generation 2 works")
    session.note("and again, while another edit waits in the file: bob gets edit")
    with changed(file, "role: view", "role: edit"):
        session.answers(
            "ambient keys rotate shop/ci --leaked --now", 1, "nothing is deployed", "kubectl delete serviceaccount"
        )
    session.note("bob leaves")
    session.answers(
        "ambient grants revoke dev user:bob@example.com shop --now",
        0,
        "is gone",
        "the API server refuses user:bob@example.com",
    )

    kubeconfig = session.folder / "kubeconfig"
    shutil.copy(session.environ["KUBECONFIG"], kubeconfig)
    session.environ["KUBECONFIG"] = str(kubeconfig)
    session.note("the cluster is away")
    with changed(kubeconfig, r"https://127\.0\.0\.1:\d+", "https://127.0.0.1:1"):
        session.answers("ambient plan", 1, "does not answer", "check KUBECONFIG")
    session.note("the token of the deployer has expired")
    with changed(kubeconfig, r"token: .*", "token: expired"):
        session.answers("ambient plan", 1, "401", "log in to the cluster again")
    session.note("the kubeconfig leads to another cluster than that of the stack")
    with changed(session.folder / "stacks/Pulumi.dev.yaml", "clusterUid: .*", f"clusterUid: {UUID(int=1)}"):
        session.answers("ambient plan", 1, "this is another cluster than the stack's")
    session.note("the backend has no state")
    backend, empty = session.environ["PULUMI_BACKEND_URL"], session.folder / "empty"
    empty.mkdir()
    session.environ["PULUMI_BACKEND_URL"] = f"file://{empty}"
    session.answers("ambient plan", 1, "the backend has no stack 'dev'")
    session.answers("ambient keys list", 1, "check where the state is")
    session.environ["PULUMI_BACKEND_URL"] = backend

    session.note("a cluster admin gives access with kubectl")
    machine.create(bindings, ADMIN)
    quick = "Admin that no file declares (1) ! workspace 'shop': admin of user:eve@example.com (RoleBinding quick)"
    session.answers("ambient plan", 0, "1 undeclared grant or key in the cluster (1 admin) · no changes", quick)
    session.answers(
        "ambient access --live", 2, "user:eve@example.com RoleBinding quick ! in the cluster, and not declared"
    )
    machine.delete(f"{bindings}/quick")
    session.note("a user deletes the binding of the group devs, and the Secret of the runners")
    machine.delete(f"{bindings}/ambient-permission-edit-devs-group")
    machine.delete(f"{space}/secrets/ambient-runner-secrets")
    session.answers("ambient plan", 0, "ambient-permission-edit-devs-group")
    session.answers("ambient plan --refresh", 2, "ambient-permission-edit-devs-group")
    session.answers("ambient up --refresh --yes", 0, "Deployed dev in")
    session.note("a user deletes the workspace")
    machine.without(WORKSPACE)
    session.answers("ambient plan", 0, "namespace is not in the cluster")
    session.answers("ambient up --refresh --yes", 0, "Deployed dev in", "ambient keys show dev shop/ci")
    session.answers("ambient plan", 0, "No changes")
    assert slow_to_read(session.text, pages=11) == []
