"""The messages between the fork server and its clients, on a Unix socket in a folder of the user's own.

A client sends a job with three file descriptors. The forked process answers whether it takes the job, and its exit code
at the end. It ends when the client closes the connection.
"""

import json
import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ambient_components._version import VERSION

SOCKET_VARIABLE: Final = "AMBIENT_FORK_SERVER"
"""Environment variable with the path of the fork server's socket, for the plugin; ``off`` from a user turns it off."""

OFF: Final = "off"

PROGRAM: Final = "program"
PLUGIN: Final = "plugin"
LANGUAGE: Final = "language"
"""The kinds of jobs."""

TAKEN: Final = b"+"
REFUSED: Final = b"-"
READY: Final = b"!"
"""From a language host: engines may connect."""

_LENGTH: Final = struct.Struct("=I")
_STREAMS: Final = 3


def identity() -> str:
    """Return which interpreter and which package this process runs: jobs of others are refused."""
    return f"{VERSION} {os.path.realpath(sys.prefix)} {os.path.realpath(__file__)}"


class Job(NamedTuple):
    kind: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    """The complete environment."""
    folder: str
    """The working directory."""
    identity: str


def send(connection: socket.socket, job: Job, streams: Sequence[int]) -> None:
    text = json.dumps(job._asdict()).encode("utf-8", "surrogateescape")
    socket.send_fds(connection, [_LENGTH.pack(len(text))], [*streams])
    connection.sendall(text)


def receive(connection: socket.socket) -> tuple[Job, list[int]]:
    head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, _STREAMS)
    if len(head) < _LENGTH.size or len(streams) != _STREAMS:
        raise ConnectionResetError
    text = bytearray()
    while len(text) < _LENGTH.unpack(head)[0]:
        part = connection.recv(1 << 16)
        if not part:
            raise ConnectionResetError
        text += part
    return Job(**json.loads(text.decode("utf-8", "surrogateescape"))), streams
