"""Serving as a plugin, until the engine or the process that it started ends."""

import asyncio
import os
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from ambient_components.provider.protocol.peers import serving
from ambient_components.provider.servicer import AmbientServicer

_MAX_MESSAGE: Final = 400 * 1024 * 1024
"""Maximum bytes of a message; the engine's own limit."""

_KILLED_AFTER: Final = 5.0
"""Seconds that the engine gives a plugin to end (Plugin.Kill in sdk/go/common/resource/plugin/plugin.go)."""


def languages() -> Any:
    """Import the components, for programs in other languages alone."""
    from ambient_components import languages as components  # noqa: PLC0415

    return components


async def _serve(engine_address: str, end: Callable[[], Awaitable[Any]]) -> None:
    options = [("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.max_send_message_length", _MAX_MESSAGE)]
    servicer = AmbientServicer(engine_address, languages)
    server, port = serving(servicer, options)
    await server.start()
    # The engine reads one line: the port.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    await end()
    await server.stop(grace=None)
    # A step in progress may end: what it records, and what it revokes, is then complete.
    servicer.close()


async def _engine_is_gone() -> None:
    """Wait for the end of the engine. A killed one sends no signal, but this process then has another parent."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(1)


def serve_until_engine_is_gone(engine_address: str) -> None:
    asyncio.run(_serve(engine_address, _engine_is_gone))


def serve_until_closed(engine_address: str, connection: socket.socket) -> None:
    """Serve in a forked process, until the one that the engine started ends and so closes the connection.

    The engine's kill does not reach this process, so it ends itself after the same time.
    """
    connection.setblocking(False)

    async def closed() -> None:
        with suppress(OSError):
            await asyncio.get_running_loop().sock_recv(connection, 1)
        last = threading.Timer(_KILLED_AFTER, os._exit, (1,))
        last.daemon = True
        last.start()

    asyncio.run(_serve(engine_address, closed))
