"""Forwards connections from the nodes' network to programs of this machine that listen on loopback.

`python -m sandbox.nodes.forwarder ADDRESS:PORT=PORT ...`: where to listen, and the port on 127.0.0.1 behind it.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _pass(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        behind, to_it = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_copy(reader, to_it), _copy(behind, writer))
        finally:
            to_it.close()
    except OSError:
        pass  # nothing listens there: the caller sees a closed connection
    finally:
        writer.close()


async def _serve(forwards: list[str]) -> None:
    servers = []
    for forward in forwards:
        outside, _, port = forward.partition("=")
        address, _, own = outside.rpartition(":")

        async def opened(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int = int(port)) -> None:
            await _pass(port, reader, writer)

        servers.append(await asyncio.start_server(opened, address, int(own)))
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1:]))
