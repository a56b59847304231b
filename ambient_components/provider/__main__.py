"""Entry point of the plugin: the program ``pulumi-resource-ambient``, which the engine starts with its address."""

import asyncio
import os
import sys
from typing import Final

from ambient_components._version import VERSION
from ambient_components.collector import collect_rarely

_MAX_MESSAGE: Final = 400 * 1024 * 1024
"""Maximum bytes of a message; the engine's own limit."""


async def _serve(engine_address: str) -> None:
    # After `collect_rarely`, and not for --version.
    from ambient_components.provider.protocol.peers import serving  # noqa: PLC0415
    from ambient_components.provider.servicer import AmbientServicer  # noqa: PLC0415

    options = [("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.max_send_message_length", _MAX_MESSAGE)]
    server, port = serving(AmbientServicer(engine_address), options)
    await server.start()
    # The engine reads one line: the port.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while os.getppid() == parent:
        # A killed engine sends no signal, so the plugin ends when its parent changes.
        await asyncio.sleep(1)
    await server.stop(grace=None)


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
    collect_rarely()
    # The engine's address is the last argument, after optional flags (--logtostderr, -v=9, --tracing URL).
    try:
        asyncio.run(_serve(sys.argv[-1]))
    except KeyboardInterrupt:
        # Ctrl-C reaches the whole process group; the engine ends the run, then this plugin.
        return


if __name__ == "__main__":
    main()
