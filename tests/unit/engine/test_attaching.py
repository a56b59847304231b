"""Which engines use warm processes."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ambient_components.engine.attaching import Attached, attach, runs_here
from ambient_components.warm import client
from ambient_components.warm.client import ForkServer
from ambient_components.warm.protocol import SOCKET_VARIABLE

linux = pytest.mark.skipif(sys.platform != "linux", reason="other systems start engines as before")


def project(folder: Path, runtime: str) -> Path:
    (folder / "Pulumi.yaml").write_text(f"name: platform\nruntime: {runtime}\n", encoding="utf-8")
    return folder


HERE = f"{{name: python, options: {{toolchain: pip, virtualenv: {sys.prefix}}}}}"


@pytest.fixture(scope="module")
def one_server() -> Iterator[ForkServer]:
    made = ForkServer()
    yield made
    made.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, one_server: ForkServer) -> ForkServer:
    monkeypatch.setattr(client, "_server", one_server)
    return one_server


def pulumi(folder: Path, *, script: bool = True) -> dict[str, str]:
    for name in ("pulumi", *(["pulumi-language-python-exec"] if script else [])):
        (folder / name).write_text("#!/bin/sh\n", encoding="utf-8")
        (folder / name).chmod(0o700)
    python = {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}
    return {"PATH": str(folder), **python}


@linux
@pytest.mark.parametrize("verb", ["up", "preview", "refresh", "destroy"])
def test_an_engine_of_this_environment_gets_a_language_host(server: ForkServer, tmp_path: Path, verb: str) -> None:
    attached = attach((verb, "--stack", "dev"), project(tmp_path, HERE), pulumi(tmp_path))
    flag, address = attached.flags
    assert flag == "--client"
    assert Path(address.removeprefix("unix:")).is_socket()
    assert attached.variables == {
        SOCKET_VARIABLE: server.path, "PULUMI_RUNTIME_TOOLCHAIN": "pip", "PULUMI_RUNTIME_VIRTUALENV": sys.prefix,
    }  # fmt: skip
    attached.close()
    assert attached.host is not None
    assert attached.host.connection.fileno() == -1


@linux
def test_two_engines_have_a_host_each(server: ForkServer, tmp_path: Path) -> None:
    environ = pulumi(project(tmp_path, HERE))
    first, second = (attach(("up",), tmp_path, environ) for _ in range(2))
    assert first.flags != second.flags
    first.close()
    second.close()


@linux
@pytest.mark.parametrize("arguments", [("stack", "export"), ("version",), ("config", "get", "up")])
def test_other_commands_start_as_before(server: ForkServer, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert attach(arguments, project(tmp_path, HERE), pulumi(tmp_path)) == Attached()


@linux
def test_another_environment_of_python_starts_as_before(server: ForkServer, tmp_path: Path) -> None:
    """The fork server has read these variables at its own start."""
    environ = {**pulumi(project(tmp_path, HERE)), "PYTHONPATH": "elsewhere"}
    assert attach(("up",), tmp_path, environ) == Attached()


def test_without_a_server_an_engine_starts_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_server", None)
    assert attach(("up",), project(tmp_path, HERE), pulumi(tmp_path)) == Attached()


@linux
def test_without_pulumis_script_only_the_plugin_is_warm(server: ForkServer, tmp_path: Path) -> None:
    attached = attach(("up",), project(tmp_path, HERE), pulumi(tmp_path, script=False))
    assert (attached.flags, dict(attached.variables)) == ((), {SOCKET_VARIABLE: server.path})


@linux
@pytest.mark.parametrize("named", [False, True])
def test_an_environment_of_pulumi_leaves_the_program_to_pulumis_language_host(
    server: ForkServer, tmp_path: Path, named: bool
) -> None:
    environ = pulumi(project(tmp_path, HERE))
    file = tmp_path / ("other.yaml" if named else "Pulumi.dev.yaml")
    file.write_text("environment: [shared]\n", encoding="utf-8")
    flags = ("--config-file", str(file)) if named else ()
    attached = attach(("up", "--stack", "org/dev", *flags), tmp_path, environ)
    assert (attached.flags, dict(attached.variables)) == ((), {SOCKET_VARIABLE: server.path})


@linux
@pytest.mark.parametrize("name", ["TRACEPARENT", "PULUMI_OTEL_EXPORTER_OTLP_ENDPOINT", "PULUMI_PYTHON_CMD"])
def test_tracing_and_another_python_start_as_before(server: ForkServer, tmp_path: Path, name: str) -> None:
    environ = {**pulumi(project(tmp_path, HERE)), name: "x"}
    assert attach(("up",), tmp_path, environ) == Attached()


def test_the_fork_server_of_an_outer_command_is_not_used() -> None:
    assert Attached().environment({"A": "1", SOCKET_VARIABLE: "/outer/fork"}) == {"A": "1"}
    assert Attached().environment({SOCKET_VARIABLE: "off"}) == {SOCKET_VARIABLE: "off"}


@linux
def test_a_server_that_is_gone_leaves_an_ordinary_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ForkServer()
    gone.close()
    monkeypatch.setattr(client, "_server", gone)
    assert attach(("up",), project(tmp_path, HERE), pulumi(tmp_path)) == Attached()
    assert client.server() is None  # no engine waits for it again


@pytest.mark.parametrize(
    ("runtime", "here"),
    [
        (HERE, True),
        (f"{{name: python, options: {{virtualenv: {sys.prefix}}}}}", True),
        ("python", False),
        ("{name: python}", False),
        ("{name: python, options: {virtualenv: elsewhere}}", False),
        ("{name: python, options: {virtualenv: 1}}", False),
        (f"{{name: python, options: {{toolchain: uv, virtualenv: {sys.prefix}}}}}", False),
        (f"{{name: python, options: {{typechecker: mypy, virtualenv: {sys.prefix}}}}}", False),
        (f"{{name: nodejs, options: {{virtualenv: {sys.prefix}}}}}", False),
        ("[python]", False),
    ],
)
def test_a_program_must_run_in_this_environment(tmp_path: Path, runtime: str, here: bool) -> None:
    assert runs_here(project(tmp_path, runtime)) is here


def test_a_project_that_cant_be_read_starts_as_before(tmp_path: Path) -> None:
    assert runs_here(tmp_path) is False


def test_the_environment_is_found_through_links(tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(sys.prefix)
    assert runs_here(project(tmp_path, "{name: python, options: {virtualenv: .venv}}"))
