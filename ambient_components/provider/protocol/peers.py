"""Identification of the calling local user: the plugin's port is open to all users of the machine.

Pulumi's protocol has neither TLS nor a password, and the engine connects only to 127.0.0.1. The kernel, however, knows
the user of a connection's other end.

It is queried for each call (about 30 microseconds with netlink). A result cached by the caller's port would also apply
to the next connection from that port, possibly of another user.
"""

import ipaddress
import os
import re
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

import grpc

from ambient_components.pulumi_sdk import provider_pb2_grpc

REFUSAL: Final = "this plugin answers only the user who started it"

_PEER: Final = re.compile(r"ipv4:([0-9.]+):(\d+)")
_LOCALHOST: Final = "127.0.0.1"

_ESTABLISHED: Final = 1
"""For other states the kernel does not know the user: a closed socket belongs to uid 0."""

_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_HEADER: Final = "=IHHII"
_OWNER: Final = struct.calcsize(_HEADER) + 4 + 48 + 3 * 4
"""Offset of uid and inode in the response: linux/inet_diag.h, inet_diag_msg."""

_TABLES: Final = ("/proc/net/tcp", "/proc/net/tcp6")


def serving(
    servicer: provider_pb2_grpc.ResourceProviderServicer, options: Sequence[tuple[str, Any]] = ()
) -> tuple[grpc.aio.Server, int]:
    """Return a server of the plugin's protocol that accepts only calls of its own user, and its port."""
    own_user = OwnUser()
    server = grpc.aio.server(interceptors=[own_user], options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    own_user.port = server.add_insecure_port(f"{_LOCALHOST}:0")
    return server, own_user.port


class OwnUser(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # grpc has no types
    """Refuses calls of other users. Only Linux identifies the caller (docs/reference/library.md)."""

    def __init__(self) -> None:
        self.port = 0
        """Port of the server, once it has one."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Check the caller before the method runs."""
        handler = await continuation(handler_call_details)
        if handler is None or not handler.unary_unary:
            # The only other kind of call is List, which this plugin does not implement.
            return None
        method = handler.unary_unary

        async def requested(request: Any, context: grpc.aio.ServicerContext) -> Any:
            if not self.trusts(context.peer()):
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, REFUSAL)
            return await method(request, context)

        return grpc.unary_unary_rpc_method_handler(requested, handler.request_deserializer, handler.response_serializer)

    def trusts(self, peer: str) -> bool:
        if sys.platform != "linux":
            return True
        parsed = _PEER.fullmatch(peer)
        return parsed is not None and owner(parsed[1], int(parsed[2]), self.port) == os.geteuid()


def owner(address: str, port: int, server_port: int) -> int | None:
    """Return the uid of the client's end of a connection to a local port; None if unknown."""
    uid = _by_netlink(address, port, server_port)
    # Sandboxes such as gVisor do not support netlink for this.
    return _by_table(address, port, server_port) if uid is None else uid


def _by_netlink(address: str, port: int, server_port: int) -> int | None:
    ends = (socket.inet_aton(end).ljust(16, b"\0") for end in (address, _LOCALHOST))
    body = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
    body += struct.pack(">HH", port, server_port) + b"".join(ends) + bytes(4) + b"\xff" * 8
    request = struct.pack(_HEADER, struct.calcsize(_HEADER) + len(body), _SOCK_DIAG_BY_FAMILY, 1, 0, 0) + body
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, _SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.send(request)
            answer = kernel.recv(4096)
    except OSError:
        return None
    if struct.unpack_from(_HEADER, answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    state = answer[struct.calcsize(_HEADER) + 1]
    uid, inode = struct.unpack_from("=II", answer, _OWNER)
    return int(uid) if state == _ESTABLISHED and inode else None


def _by_table(address: str, port: int, server_port: int) -> int | None:
    number = struct.unpack("=I", socket.inet_aton(address))[0]
    server = struct.unpack("=I", socket.inet_aton(_LOCALHOST))[0]
    ends = f"{number:08X}:{port:04X}", f"{server:08X}:{server_port:04X}"
    mapped = struct.unpack("=4I", ipaddress.IPv6Address("::ffff:0:0").packed)[2]
    for table in _TABLES:
        prefix = f"{0:08X}{0:08X}{mapped:08X}" if table.endswith("6") else ""
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, remote, state, _, _, _, uid, _, inode, *_ = line.split()
            if (local, remote) == tuple(f"{prefix}{end}" for end in ends):
                return int(uid) if int(state, 16) == _ESTABLISHED and inode != "0" else None
    return None
