"""Starts the plugin: what ``pulumi-resource-ambient`` runs, beside the engine that gives it an address."""

import asyncio
import os
import sys
from typing import Final

from ambient_components._version import VERSION
from ambient_components.provider.peers import serving
from ambient_components.provider.servicer import AmbientServicer

_MAX_MESSAGE: Final = 400 * 1024 * 1024
"""Bytes; the engine's own limit."""


async def _serve(engine_address: str) -> None:
    options = [("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.max_send_message_length", _MAX_MESSAGE)]
    server, port = serving(AmbientServicer(engine_address), options)
    await server.start()
    # The one line the engine reads: where to call.
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    parent = os.getppid()
    while os.getppid() == parent:
        # An engine that was killed sends no goodbye; its orphans end here.
        await asyncio.sleep(1)
    await server.stop(grace=None)


def main() -> None:
    """Serves until the engine ends."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        sys.stderr.write(
            f"pulumi-resource-ambient {VERSION}: the ambient plugin, which the Pulumi engine starts.\n"
            "To see that the engine finds it: pulumi package get-schema $(command -v pulumi-resource-ambient)\n"
        )
        sys.exit(0 if len(sys.argv) > 1 else 2)
    if sys.argv[1] == "--version":
        sys.stdout.write(VERSION + "\n")
        return
    # The engine address is the last argument: before it may stand flags (--logtostderr, -v=9, --tracing URL).
    try:
        asyncio.run(_serve(sys.argv[-1]))
    except KeyboardInterrupt:
        # Ctrl-C reaches the whole process group; the engine ends the run, and then this.
        return


if __name__ == "__main__":
    main()
