"""The fork server: processes of its own for each job, that end with their client."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime import proto
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from ambient_components.warm import client, protocol
from ambient_components.warm.client import Forked, ForkServer, fork
from tests.support.fake_api import FakeApi
from tests.support.fake_plugin import secret, struct

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems start engines as before")


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    made = ForkServer()
    yield made
    made.close()


class Program:
    """Runs a script in a forked process, like a program."""

    def __init__(self, server: ForkServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.output = folder / "output"

    def start(self, code: str, environ: dict[str, str] | None = None) -> Forked | None:
        script = self.folder / "script.py"
        script.write_text(code, encoding="utf-8")
        with self.output.open("wb") as output, Path(os.devnull).open("rb") as nothing:
            streams = (nothing.fileno(), output.fileno(), output.fileno())
            return fork(
                self.server.path, "program", [str(script), "one"], streams, environ=environ or {}, folder=self.folder
            )

    def __call__(self, code: str, environ: dict[str, str] | None = None) -> int | None:
        forked = self.start(code, environ)
        assert forked is not None
        found = forked.wait()
        forked.end()
        return found

    def has_printed(self) -> bool:
        return self.text.endswith("\n")

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")


@pytest.fixture
def program(server: ForkServer, tmp_path: Path) -> Program:
    return Program(server, tmp_path)


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until a condition holds; fail after a time that only a broken process needs."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_a_job_has_its_own_arguments_environment_folder_and_streams(program: Program) -> None:
    code = program(
        "import os, sys\nprint(sys.argv[1:], os.environ.get('A'), sorted(os.environ), os.getcwd())", {"A": "1"}
    )
    assert code == 0
    assert program.text == f"['one'] 1 ['A'] {program.folder}\n"


def test_a_job_does_not_know_the_server(program: Program) -> None:
    program("import os\nprint(sorted(os.environ))", {protocol.SOCKET_VARIABLE: "here"})
    assert program.text == "[]\n"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("sys.exit(32)", 32),
        ("sys.exit()", 0),
        ("sys.exit('no')", 1),
        ("import os; os._exit(7)", 7),
        ("", 0),
        ("sys.exit(ValueError('no'))", 1),
        ("sys.exit(1.5)", 1),
    ],
)
def test_the_exit_code_is_that_of_the_script(program: Program, end: str, code: int) -> None:
    assert program(f"import sys\n{end}") == code


def test_an_error_is_printed_and_harms_no_other_job(program: Program) -> None:
    assert program("1 / 0") == 1
    assert "ZeroDivisionError" in program.text
    assert program("") == 0


def test_a_killed_job_has_no_exit_code_and_harms_no_other(program: Program) -> None:
    assert program("import os\nos.kill(os.getpid(), 9)") is None
    assert program("") == 0


def test_a_job_ends_with_its_client(program: Program) -> None:
    forked = program.start("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)")
    assert forked is not None
    wait_for(program.has_printed)
    forked.end()
    wait_for(lambda: not is_alive(int(program.text)))


def test_jobs_share_no_state(program: Program) -> None:
    program("import ambient_components.clock as clock\nclock.left = 1")
    assert program("import ambient_components.clock as clock\nprint(hasattr(clock, 'left'))") == 0
    assert program.text == "False\n"


def test_everything_is_imported_before_the_fork(program: Program) -> None:
    """What a job imports itself, it imports once more in each process."""
    code = "import sys\nprint({'grpc', 'pulumi.runtime', 'ambient_components.program.workspaces'} - sys.modules.keys())"
    assert program(code) == 0
    assert program.text == "set()\n"


def test_the_client_of_the_cluster_is_imported_after_the_first_fork(program: Program) -> None:
    assert program("") == 0
    assert program("import sys\nprint('kubernetes' in sys.modules)") == 0
    assert program.text == "True\n"


def test_the_server_has_one_thread(program: Program, server: ForkServer) -> None:
    """Other threads, and what they hold, do not survive a fork. gRPC's would be among them."""
    assert program("") == 0
    assert len(list(Path(f"/proc/{server._process.pid}/task").iterdir())) == 1


def test_a_job_ends_as_an_interpreter_does(program: Program) -> None:
    """Exit handlers remove temporary files, such as those with the keys of a kubeconfig."""
    code = (
        "import atexit, threading, time\natexit.register(print, 'exit handler')\n"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('thread'))).start()"
    )
    assert program(code) == 0
    assert program.text == "thread\nexit handler\n"


def test_output_is_not_held_back(program: Program) -> None:
    program("import os, sys\nsys.stdout.write('begun')\nsys.stdout.buffer.write(b' bytes')\nos._exit(0)")
    assert program.text == "begun bytes"


# A shell may have SIGINT ignored in the background.
INTERRUPTIBLE = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("ambient_components.provider", run_name="__main__", alter_sys=True)
"""


class Plugin:
    """The plugin as the engine starts it, with a fork server."""

    def __init__(self, path: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTIBLE, "127.0.0.1:1"],
            env={**os.environ, protocol.SOCKET_VARIABLE: path}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def serves(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
            return True
        return False

    def end(self, number: int) -> None:
        """End the process that the engine started, and wait until no other one holds its output."""
        self.process.send_signal(number)
        self.ended()

    def ended(self) -> None:
        """Wait until no process holds its output."""
        self.process.wait(timeout=30)
        assert self.process.stdout is not None
        wait_for(lambda: select.select([self.process.stdout], [], [], 0)[0])
        assert self.process.stdout.read() == ""
        self.process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_plugin_is_forked_and_ends_with_the_process_that_the_engine_ends(server: ForkServer, number: int) -> None:
    plugin = Plugin(server.path)
    assert plugin.serves()
    # The process itself has not imported the plugin's libraries.
    assert b"grpc" not in Path(f"/proc/{plugin.process.pid}/maps").read_bytes()
    plugin.end(number)
    assert not plugin.serves()


def test_a_plugin_outlives_the_server_and_serves_itself_without_one() -> None:
    made = ForkServer()
    forked = Plugin(made.path)
    made.close()
    assert forked.serves()
    forked.end(signal.SIGINT)
    assert not forked.serves()
    alone = Plugin(made.path)
    assert b"grpc" in Path(f"/proc/{alone.process.pid}/maps").read_bytes()
    alone.end(signal.SIGINT)


def test_a_command_without_room_for_a_socket_starts_engines_as_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setattr(client, "_server", None)
    client.begin()
    assert client.server() is None
    assert list(long.iterdir()) == []


def test_jobs_of_another_package_are_refused(
    program: Program, server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "identity", lambda: "another")
    assert program.start("") is None
    monkeypatch.undo()
    assert program("") == 0


def test_the_socket_is_for_its_user_alone(server: ForkServer) -> None:
    assert Path(server.path).parent.stat().st_mode & 0o777 == 0o700


def test_files_are_loaded_once_for_all_jobs(tmp_path: Path) -> None:
    """Also a file that changes meanwhile: a run deploys what its plan showed."""
    file = tmp_path / "stacks" / "dev.yaml"
    file.parent.mkdir()
    text = "workspaces: {NAME: {owners: ['user:ada@example.com']}}"
    file.write_text(text.replace("NAME", "before"))
    (tmp_path / "stacks" / "wrong.yaml").write_text("workspaces: 1")
    made = ForkServer(files=[str(tmp_path), "stacks/wrong.yaml", "stacks/dev.yaml"])
    program = Program(made, tmp_path)
    assert program("") == 0
    file.write_text(text.replace("NAME", "after"))
    code = "from ambient_components.stackfile.loader import load_stack\nprint([*load_stack(PATH).file.workspaces])"
    program(code.replace("PATH", "'stacks/dev.yaml'"))
    assert program.text == "['before']\n"
    program(code.replace("PATH", repr(str(file))))
    assert program.text == "['after']\n"
    made.close()


def test_without_a_server_there_is_no_job(tmp_path: Path) -> None:
    assert fork(str(tmp_path / "none"), "program", [], (0, 1, 2)) is None


def test_the_server_ends_with_the_command_that_is_killed() -> None:
    code = (
        "import time\nfrom ambient_components.warm import client\n"
        "client.begin()\nprint(client.server().path, client.server()._process.pid, flush=True)\ntime.sleep(600)"
    )
    command = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert command.stdout is not None
    path, pid = command.stdout.readline().split()
    command.send_signal(signal.SIGKILL)
    command.wait()
    command.stdout.close()
    wait_for(lambda: not is_alive(int(pid)))
    assert not Path(path).parent.exists()


def test_a_command_that_ends_takes_its_server_along() -> None:
    code = "from ambient_components.warm import client\nclient.begin()\nprint(client.server().path)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).parent.exists()
    assert done.stderr == ""


def test_a_user_turns_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_server", None)
    client.begin({protocol.SOCKET_VARIABLE: protocol.OFF})
    assert client.server() is None


@pytest.mark.parametrize("value", ["", "off", "/nowhere/fork"])
def test_a_plugin_serves_itself_without_a_server(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(protocol.SOCKET_VARIABLE, value)
    before = signal.getsignal(signal.SIGINT)
    assert client.hand_over("plugin") is None
    assert signal.getsignal(signal.SIGINT) == before


def test_a_command_that_gives_its_server_up_still_gets_exit_codes(
    program: Program, server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One engine without an answer must not make programs of others look killed."""
    monkeypatch.setattr(client, "_server", server)
    forked = program.start("import sys, time\ntime.sleep(0.5)\nsys.exit(7)")
    assert forked is not None
    client.give_up()
    assert client.server() is None
    assert forked.wait() == 7
    forked.end()


@pytest.mark.parametrize("forked", [True, False])
def test_a_step_in_progress_ends_before_its_plugin(server: ForkServer, forked: bool) -> None:
    plugin = Plugin(server.path if forked else protocol.OFF)
    binding = {"metadata": {"name": "grant", "namespace": "pay"}}
    collection = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings"
    begun, may_go_on = threading.Event(), threading.Event()

    def wait(_: Any) -> None:
        begun.set()
        assert may_go_on.wait(30)

    with FakeApi() as api, grpc.insecure_channel(f"127.0.0.1:{plugin.port}") as channel:
        api.add(collection, "grant")
        api.rule("PATCH", "/grant$", wait, times=1)
        stub = ResourceProviderStub(channel)
        stub.Configure(proto.ConfigureRequest(args=struct({"kubeconfig": secret(api.kubeconfig())})))
        urn = "urn:pulumi:dev::app::ambient:index:RoleBinding::pay/grant/bob"
        step = stub.Delete.future(proto.DeleteRequest(urn=urn, id="pay/grant", properties=struct(binding)))
        assert begun.wait(30), step.exception(0)
        plugin.process.send_signal(signal.SIGINT)
        time.sleep(0.3)  # the plugin has the signal by then
        may_go_on.set()
        plugin.ended()
        assert api.seen("DELETE", "/grant$")


def test_nothing_is_collected_while_it_imports() -> None:
    program = """
import gc, sys
from ambient_components.warm import server
server._PRELOADED = ()
server._fork_all = lambda _: print(gc.get_threshold()[0], sum(one["collections"] for one in gc.get_stats()))
before = sum(one["collections"] for one in gc.get_stats())
print(before)
server.main()
"""
    listening = socket.socket(socket.AF_UNIX)
    with listening, tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-c", program, str(listening.fileno()), folder]
        done = subprocess.run(words, pass_fds=(listening.fileno(),), capture_output=True, text=True, check=True)
    before, (threshold, after) = done.stdout.split()[0], done.stdout.split()[1:]
    assert int(threshold) > 100_000
    assert after == before
