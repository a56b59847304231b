"""An engine that only listens: the gRPC service to which the provider sends what a user shall read."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


@dataclass(frozen=True)
class Line:
    """One message."""

    severity: str
    urn: str
    text: str


def flat(text):
    """A message for people, on one line, without the addresses of rules."""
    return re.sub(r"\n  docs: .+", "", text).replace("\n  hint: ", "; ")


class FakeEngine(engine_pb2_grpc.EngineServicer):
    """Start it with `with`; `lines` holds every message in order."""

    def __init__(self):
        self.lines: list[Line] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self):
        self._server.start()
        return self

    def __exit__(self, *_):
        self.die()

    def Log(self, request, context):  # noqa: N802
        severity = engine_pb2.LogSeverity.Name(request.severity).lower()
        self.lines.append(Line(severity, request.urn, flat(request.message)))
        return empty_pb2.Empty()

    def die(self):
        """As after a kill: nobody answers at the address."""
        self._server.stop(grace=None).wait()

    def texts(self, severity):
        """The messages of one severity."""
        return [line.text for line in self.lines if line.severity == severity]
