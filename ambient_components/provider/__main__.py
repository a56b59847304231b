"""Entry point of the plugin: the program ``pulumi-resource-ambient``, which the engine starts with its address."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from ambient_components._version import VERSION
from ambient_components.collector import collect_rarely
from ambient_components.warm.client import hand_over
from ambient_components.warm.protocol import PLUGIN

_MAX_MESSAGE: Final = 400 * 1024 * 1024
"""Maximum bytes of a message; the engine's own limit."""


_KILLED_AFTER: Final = 5.0
"""Seconds that the engine gives a plugin to end (Plugin.Kill in sdk/go/common/resource/plugin/plugin.go)."""

_THREADS: Final = 128
"""Maximum calls at once; the engine sends as many steps as its --parallel, by default four per core, and Cancel."""


def _serve(engine_address: str, wait_for_end: Callable[[], None]) -> None:
    # After `collect_rarely`, and not for --version.
    from ambient_components.provider.protocol.peers import serving  # noqa: PLC0415
    from ambient_components.provider.servicer import AmbientServicer  # noqa: PLC0415

    options = [("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.max_send_message_length", _MAX_MESSAGE)]
    # At its end it waits for steps in progress: what they record, and what they revoke, is then complete.
    with ThreadPoolExecutor(_THREADS) as threads:
        server, port = serving(AmbientServicer(engine_address), threads, options)
        server.start()
        # The engine reads one line: the port.
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        try:
            wait_for_end()
        finally:
            server.stop(grace=None)


def _until_the_engine_is_gone() -> None:
    """Wait for the end of the engine. A killed one sends no signal, but this process then has another parent."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(1)


def serve_until_closed(engine_address: str, connection: socket.socket) -> None:
    """Serve in a forked process, until the one that the engine started ends and so closes the connection.

    The engine's kill does not reach this process, so it ends itself after the same time.
    """

    def closed() -> None:
        with suppress(OSError):
            connection.recv(1)
        last = threading.Timer(_KILLED_AFTER, os._exit, (1,))
        last.daemon = True
        last.start()

    _serve(engine_address, closed)


def main() -> None:
    """Serve until the engine ends."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.stderr.write(
            f"pulumi-resource-ambient {VERSION}: the ambient plugin, which the Pulumi engine starts.\n"
            "To see that the engine finds it: pulumi package get-schema $(command -v pulumi-resource-ambient)\n"
        )
        sys.exit(0 if len(sys.argv) > 1 else 2)
    if sys.argv[1] == "--version":
        sys.stdout.write(VERSION + "\n")
        return
    if (code := hand_over(PLUGIN)) is not None:
        sys.exit(code)
    collect_rarely()
    # The engine's address is the last argument, after optional flags (--logtostderr, -v=9, --tracing URL).
    try:
        _serve(sys.argv[-1], _until_the_engine_is_gone)
    except KeyboardInterrupt:
        # Ctrl-C reaches the whole process group; the engine ends the run, then this plugin.
        return


if __name__ == "__main__":
    main()
