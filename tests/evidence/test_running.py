"""Secrets while a run is on: in no argument of a process, in no environment, in no file that others may read."""

import stat
import threading
from pathlib import Path

import pytest

from tests.support.evidence import count
from tests.support.machine import Machine, secret_finder
from tests.support.stacks import Stack

ENTRY = """
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    keys: {{ci: {{role: view{more}}}, report: {{}}}}
    secrets:
      runner: {{ANTHROPIC_API_KEY: {{config: anthropic}}}}
      integrations: {{FROM_FILE: {{file: ../secrets/THIS/secret.txt}}}}
"""


HANDED_ON = b"PULUMI_CONFIG="
"""Pulumi hands its program the decrypted config in this variable, which only processes of the same user can read."""


class Watch(threading.Thread):
    """Reads the arguments and the environments of all processes of a run, again and again, until it is stopped."""

    def __init__(self, *folders: Path) -> None:
        super().__init__(daemon=True)
        self.folders = tuple(map(str, folders))
        self.arguments: set[bytes] = set()
        self.environments: set[bytes] = set()
        self.programs: set[str] = set()
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                self._look(process)
            self.over.wait(0.01)

    def _look(self, process: Path) -> None:
        try:
            arguments = (process / "cmdline").read_bytes()
            here = str((process / "cwd").readlink())
            self.arguments.add(arguments)
            if here.startswith(self.folders):
                variables = (process / "environ").read_bytes().split(b"\0")
                self.environments.add(b"\0".join(one for one in variables if not one.startswith(HANDED_ON)))
                self.programs.add(Path(arguments.split(b"\0")[0].decode(errors="replace")).name)
        except OSError:
            return  # it ended


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc on this system")
def test_no_secret_is_in_arguments_environments_or_open_files(stack: Stack, machine: Machine) -> None:
    secret = stack.secret("anthropic")
    own = stack.folder / "secrets" / stack.w
    own.mkdir(parents=True)
    (own / "secret.txt").write_text(machine.keep_secret(f"made-up-{secret[-20:]}", "a file of the run"))
    (own / "secret.txt").chmod(0o600)
    watch = Watch(stack.folder)
    watch.start()
    try:
        stack.write(ENTRY.format(more=""))
        stack.up(plain=True).ok()
        assert stack.ambient("plan", stack.name).code == 0
        first = stack.token("ci")
        assert stack.ambient("keys", "deliver", stack.name, f"{stack.w}/ci", "--file", "key.txt").code == 0
        stack.write(ENTRY.format(more=", generation: 2"))
        assert stack.ambient("up", stack.name, "--yes").code == 0
        second = stack.tokens("ci", 2) and stack.token("ci")
        stack.up(offset="80d").ok()
    finally:
        watch.over.set()
        watch.join(timeout=30)
    assert first != second
    assert {"pulumi", "ambient"} <= watch.programs or "python" in " ".join(watch.programs), watch.programs
    known = {value: what for value, what in machine.known_secrets.items() if len(value) >= 12}
    held = secret_finder(known)
    assert held(b"\n".join(watch.arguments)) == []
    # What the program reads is handed on by gRPC.
    assert held(b"\n".join(watch.environments)) == []
    count("run", "command lines without a secret", len(watch.arguments))
    count("run", "environments without a secret", len(watch.environments))

    readable = [
        f"{what}: {path}"
        for value, what in known.items()
        for path in machine.files_with(value, stack.folder)
        if stat.S_IMODE(path.stat().st_mode) & 0o077 and machine.directory / "users" not in path.parents
    ]
    assert readable == []
    count("run", "secrets sought in files of the run", len(known))
