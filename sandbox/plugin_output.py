"""Conversion of a plugin's output into the messages that the engine expects from a language host."""

from __future__ import annotations

import queue
import subprocess
import threading
from collections.abc import Iterator
from typing import IO, Any

from pulumi.runtime.proto import language_pb2


def stream_plugin(child: subprocess.Popen[bytes]) -> Iterator[Any]:
    """Yield output of both streams as it arrives, and the exit code last."""
    messages: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def read(name: str, stream: IO[bytes]) -> None:
        while data := stream.read(65536):
            messages.put((name, data))
        messages.put((name, b""))

    streams = {"stdout": child.stdout, "stderr": child.stderr}
    for name, stream in streams.items():
        if stream is not None:
            threading.Thread(target=read, args=(name, stream), daemon=True).start()
    still_open = sum(stream is not None for stream in streams.values())
    while still_open:
        name, data = messages.get()
        if not data:
            still_open -= 1
        elif name == "stdout":
            yield language_pb2.RunPluginResponse(stdout=data)
        else:
            yield language_pb2.RunPluginResponse(stderr=data)
    yield language_pb2.RunPluginResponse(exitcode=child.wait())
