"""A stand-in for `pulumi-language-python`, the executable with which the engine runs Python programs.

The real one ships with the Pulumi CLI but is in no package registry, so a CLI built from its Go module lacks it. If a
real one is on PATH, the sandbox uses that and never starts this. The stand-in implements what `pulumi up`, `preview`,
`destroy` and `refresh` need. It installs no dependencies, writes SDKs only with the sandbox's own writer, and requests
no plugins in advance, so the engine uses those on PATH.

The engine passes its address as the last argument, reads the port from the first line of standard output, and shows all
further output, so programs inherit both streams.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent import futures
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from sandbox.plugin_output import stream_plugin

WRITER_VARIABLE = "AMBIENT_SDKS"
"""Path of the sandbox's writer of SDKs."""

# The program runner's exit code for an error that was already shown, so the engine adds none.
_ALREADY_TOLD = 32
_LIST_PACKAGES = (
    "import importlib.metadata as m, json; "
    "print(json.dumps(sorted({(d.metadata['Name'], d.version) for d in m.distributions()})))"
)


def python_of(info: Any) -> Path:
    """Return the interpreter for a program: from the project's `virtualenv` option if it exists, else this one."""
    options = dict(info.options) if info.HasField("options") else {}
    if selected := options.get("virtualenv"):
        program = Path(info.root_directory, str(selected), "bin", "python")
        if program.exists():
            return program
    return Path(sys.executable)


def program_environment(python: Path) -> dict[str, str]:
    """Return our environment, with the interpreter's own folder first on PATH if it is a virtual environment's."""
    environ = dict(os.environ)
    if (python.parent.parent / "pyvenv.cfg").exists():
        environ["VIRTUAL_ENV"] = str(python.parent.parent)
        environ["PATH"] = os.pathsep.join([str(python.parent), environ.get("PATH", os.defpath)])
        environ.pop("PYTHONHOME", None)
    return environ


class PythonHost(language_pb2_grpc.LanguageRuntimeServicer):
    """Implements the engine's language host protocol and runs programs."""

    def __init__(self, language_exec: Path, engine_address: str) -> None:
        self._language_exec = language_exec
        self._engine_address = engine_address
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Store the engine's address, which programs report to."""
        self._engine_address = request.engine_address or self._engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Return no version, because a stand-in has none to compare."""
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Return none. The engine would download requested packages, but uses those on PATH when needed."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Return none, for engines with the older protocol. See `GetRequiredPackages`."""
        return language_pb2.GetRequiredPluginsResponse()

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Return the interpreter, for `pulumi about`."""
        python = python_of(request.info)
        return language_pb2.AboutResponse(executable=str(python), version=platform.python_version())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Return every package of the program's interpreter, direct or not."""
        answer = subprocess.run(
            [python_of(request.info), "-c", _LIST_PACKAGES], capture_output=True, text=True, check=False
        )
        found = json.loads(answer.stdout) if answer.returncode == 0 else []
        dependencies = [language_pb2.DependencyInfo(name=name, version=version) for name, version in found]
        return language_pb2.GetProgramDependenciesResponse(dependencies=dependencies)

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Return no prompts, because `pulumi new` is not supported."""
        return language_pb2.RuntimeOptionsResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802, ARG002
        """Do nothing. The repository's own virtual environment is installed from its lock file."""
        return iter(())

    def Template(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Do nothing."""
        return language_pb2.TemplateResponse()

    def GeneratePackage(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Write the SDK of a package with the sandbox's writer, where `WRITER_VARIABLE` names it."""
        writer = os.environ.get(WRITER_VARIABLE, "")
        if not writer:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the stand-in language host needs {WRITER_VARIABLE}")
        with tempfile.TemporaryDirectory() as folder:
            schema = Path(folder, "schema.json")
            schema.write_text(request.schema, encoding="utf-8")
            subprocess.run([writer, schema, folder, "python"], check=True)
            shutil.copytree(Path(folder, "python"), request.directory, dirs_exist_ok=True)
        return language_pb2.GeneratePackageResponse()

    def Link(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Do nothing: who adds the package has its folder on PYTHONPATH."""
        return language_pb2.LinkResponse()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Stop all running programs."""
        self.end_children()
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run a program to its end and return its result."""
        python = python_of(request.info)
        environ = program_environment(python)
        environ["PULUMI_CONFIG"] = json.dumps(dict(request.config))
        environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(list(request.configSecretKeys))
        child = self._start([str(python), "-u", str(self._language_exec), *self._arguments(request)], environ)
        context.add_callback(lambda: _end(child))
        code = child.wait()
        self._forget(child)
        if code == 0:
            return language_pb2.RunResponse()
        if code == _ALREADY_TOLD:
            return language_pb2.RunResponse(bail=True)
        how = f"was ended by signal {-code}" if code < 0 else f"exited with non-zero exit code: {code}"
        return language_pb2.RunResponse(error=f"Program {how}")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:  # noqa: N802
        """Run a plugin written in Python (with a PulumiPlugin.yaml) and stream its output."""
        python = python_of(request.info)
        environ = program_environment(python)
        environ.update(pair.partition("=")[::2] for pair in request.env)
        program = request.info.program_directory or request.program
        command = [str(python), "-u", program, *request.args]
        child = self._start(command, environ, request.pwd or None, subprocess.PIPE)
        context.add_callback(lambda: _end(child))
        yield from stream_plugin(child)
        self._forget(child)

    def end_children(self) -> None:
        """End every program and plugin that still runs."""
        with self._lock:
            children = list(self._children)
        for child in children:
            _end(child)

    def _arguments(self, request: Any) -> Iterable[str]:
        yield from ("--monitor", request.monitor_address, "--engine", self._engine_address)
        for name in ("project", "stack", "pwd", "organization"):
            if value := getattr(request, name):
                yield from (f"--{name}", value)
        yield from ("--root_directory", request.info.root_directory, "--parallel", str(request.parallel))
        if request.dryRun:
            yield from ("--dry_run", "true")
        yield from (request.info.entry_point or request.program or ".", *request.args)

    def _start(
        self, command: list[str], environ: dict[str, str], cwd: str | None = None, output: int | None = None
    ) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output, bufsize=0
        )
        with self._lock:
            self._children.add(child)
        return child

    def _forget(self, child: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._children.discard(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        with suppress(ProcessLookupError):
            child.terminate()


def serve(language_exec: Path, engine_address: str) -> None:
    """Serve until a signal arrives or the engine is gone. Print nothing, because the engine shows all output."""
    ending = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        ending.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    host = PythonHost(language_exec, engine_address)
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=[("grpc.max_receive_message_length", -1)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    engine = os.getppid()
    while not ending.wait(1.0):
        # A killed engine sends no signal, but this process then has another parent.
        if os.getppid() != engine:
            break
    host.end_children()
    server.stop(grace=1.0).wait()


def main() -> None:
    """Entry point of the launcher. Options that only real hosts need are accepted and ignored."""
    parser = argparse.ArgumentParser(prog="pulumi-language-python", description="Stand-in Python language host.")
    parser.add_argument("--language-exec", type=Path, required=True, help="the SDK's pulumi-language-python-exec")
    known, rest = parser.parse_known_args()
    serve(known.language_exec, rest[-1] if rest else "")


if __name__ == "__main__":
    main()
