"""The path of a new user on a terminal of 80 columns, with the usual mistakes: what the commands print.

`new_user.txt` has the whole session. What differs from run to run has a name there: uids, dates, times, paths.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.gate import Moment, held
from tests.support.machine import Machine
from tests.support.stacks import REPOSITORY
from tests.support.terminal import CTRL_C, Terminal

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
NAMESPACE = Moment("before the namespace", "CREATE", "namespaces")
_VARIES = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UID"),
    (r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", "TIME"),
    (r"\d{4}-\d{2}-\d{2}", "DATE"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\d+\.\d s", "N s"),
    (r"\d+ min ago", "N min ago"),
)


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

    def end(self, terminal: Terminal) -> None:
        code, text = terminal.ended(), terminal.screen
        self.machine.outputs.append(text)
        self.seen.append(f"{text}[{code}]\n\n")

    def run(self, command: str, *without: str) -> None:
        self.end(self.start(command, *without))

    @property
    def text(self) -> str:
        text = "".join(self.seen).replace(str(self.folder), "FOLDER").replace(str(self.machine.directory), "SANDBOX")
        for pattern, name in _VARIES:
            text = re.sub(pattern, name, text)
        return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@pytest.fixture
def session(machine: Machine, tmp_path: Path) -> Iterator[Session]:
    """The folder of a project, with the package in its .venv."""
    shutil.copy(EXAMPLE / "__main__.py", tmp_path)
    # The stack is not that of docs/getting-started.md, which has the example's project.
    project = re.sub(r"^name: .*", "name: new-user", (EXAMPLE / "Pulumi.yaml").read_text())
    (tmp_path / "Pulumi.yaml").write_text(project)
    (tmp_path / ".venv").symlink_to(REPOSITORY / ".venv")
    yield Session(machine, tmp_path)
    if machine.get(f"/api/v1/namespaces/{WORKSPACE}"):
        machine.delete(f"/api/v1/namespaces/{WORKSPACE}")


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


def test_the_path_of_a_new_user(session: Session, pytestconfig: pytest.Config) -> None:
    session.run("ambient init dev --yes")
    write(session)
    session.note("the first workspace is in stacks/dev.yaml")
    session.run("ambient validate")
    session.run("ambient plan")
    secret = session.machine.keep_secret("sk-ant-made-up-of-a-new-user", "the secret of a new user")
    session.note("pulumi config set --secret shop/anthropic --stack dev")
    subprocess.run(
        ["pulumi", "config", "set", "--secret", "shop/anthropic", "--stack", "dev", "--non-interactive"],
        cwd=session.folder, env=session.environ, input=secret, text=True, capture_output=True, check=True,
    )  # fmt: skip
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
    assert session.text == SESSION.read_text()
