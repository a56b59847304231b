"""A language host for the engine's ``--client`` option: it has programs forked instead of starting interpreters.

It serves one engine, on a Unix socket in a folder of the user's own, as it runs programs for every caller.
"""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final

import grpc
from google.protobuf import empty_pb2

from ambient_components.pulumi_sdk import engine_pb2, engine_pb2_grpc, language_pb2, language_pb2_grpc, plugin_pb2
from ambient_components.warm.client import Forked, fork
from ambient_components.warm.protocol import PROGRAM, READY

_REPORTED: Final = 32
"""Exit code of a program that has reported its own error (pulumi-language-python-exec)."""

_SECONDS: Final = 10.0


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """The part of the protocol that the engine uses to run a program of a prepared virtual environment."""

    def __init__(self, server: str, script: str) -> None:
        self._server = server
        self._script = script
        self._programs: set[Forked] = set()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return plugin_pb2.PluginInfo()

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Return none: the engine installs a missing plugin when a resource needs it."""
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        """Return none, for engines with the older protocol."""
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        return language_pb2.GetProgramDependenciesResponse()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802, ARG002
        for program in [*self._programs]:
            program.end()
        return empty_pb2.Empty()

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        engine = request.args[0] if request.args else ""
        read, write = os.pipe()
        with open(os.devnull, encoding="ascii") as nothing:  # noqa: PTH123
            program = fork(
                self._server,
                PROGRAM,
                [self._script, *arguments(request, engine)],
                (nothing.fileno(), write, write),
                environ=environment(os.environ, request),
            )
        os.close(write)
        if program is None:
            os.close(read)
            return language_pb2.RunResponse(error="the fork server of this command is gone")
        self._programs.add(program)
        context.add_callback(program.end)  # the engine is gone, or has given up
        shown = threading.Thread(target=_show, args=(read, engine), daemon=True)
        shown.start()
        code = program.wait()
        # Not for ever: what a program started may outlive it, and hold its output.
        shown.join(_SECONDS)
        self._programs.discard(program)
        if code == 0:
            return language_pb2.RunResponse()
        if code == _REPORTED:
            return language_pb2.RunResponse(bail=True)
        how = "was killed" if code is None else f"exited with non-zero exit code: {code}"
        return language_pb2.RunResponse(error=f"Program {how}")


def arguments(request: Any, engine: str) -> Iterable[str]:
    yield from ("--monitor", request.monitor_address, "--engine", engine)
    for name in ("project", "stack", "pwd", "organization"):
        if value := getattr(request, name):
            yield from (f"--{name}", value)
    yield from ("--root_directory", request.info.root_directory, "--parallel", str(request.parallel))
    if request.dryRun:
        yield from ("--dry_run", "true")
    yield request.info.entry_point or request.program or "."


def environment(environ: Mapping[str, str], request: Any) -> dict[str, str]:
    """Return the environment of a program: with the stack's config, and in this virtual environment."""
    variables = {
        **environ,
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps([*request.configSecretKeys]),
        "VIRTUAL_ENV": sys.prefix,
        "PATH": os.pathsep.join([os.path.join(sys.prefix, "bin"), environ.get("PATH", os.defpath)]),  # noqa: PTH118
    }
    variables.pop("PYTHONHOME", None)
    return variables


def _show(read: int, engine: str) -> None:
    """Send what a program prints to the engine, which would read it from an ordinary language host."""
    with os.fdopen(read, encoding="utf-8", errors="replace") as lines:
        if not engine:
            lines.read()
            return
        with grpc.insecure_channel(engine, options=[("grpc.enable_http_proxy", 0)]) as channel:
            stub = engine_pb2_grpc.EngineStub(channel)
            for line in lines:
                request = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line.rstrip("\n"))
                with suppress(grpc.RpcError):
                    stub.Log(request, timeout=_SECONDS)


def serve(argv: list[str], connection: socket.socket) -> None:
    """Serve until the client closes the connection, and tell it when the engine may connect."""
    path, server, script = argv
    host = LanguageHost(server, script)
    serving = grpc.server(ThreadPoolExecutor(max_workers=8), options=[("grpc.max_receive_message_length", -1)])
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, serving)
    serving.add_insecure_port(f"unix:{path}")
    serving.start()
    connection.sendall(READY)
    ended = threading.Event()

    def wait() -> None:
        with suppress(OSError):
            connection.recv(1)
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    ended.wait()
    host.Cancel(None, None)
