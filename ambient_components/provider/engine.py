"""The engine, as the provider sees it: where a user's messages go, and whether anybody is still there.

Standard error and ``pulumi.log`` of a provider reach nobody (tried on 3.272): only the engine's own Log call, with the
resource's URN, does.
"""

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from ambient_components.errors import Problem
from ambient_components.failure import StepError
from ambient_components.problem_json import for_engine

_SECONDS = 10.0


class Engine:
    """A client of the engine that started this provider."""

    def __init__(self, address: str) -> None:
        self._stub = engine_pb2_grpc.EngineStub(
            # gRPC would take the proxy of the environment, even to this machine.
            grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
        )
        self.cancelled = False
        """The user asked to end: nothing new is begun."""

    def info(self, urn: str, problem: Problem) -> None:
        """Shown beside the resource."""
        self._log(engine_pb2.INFO, urn, problem)

    def warning(self, urn: str, problem: Problem) -> None:
        """Shown beside the resource and in the summary of the run."""
        self._log(engine_pb2.WARNING, urn, problem)

    def _log(self, severity: engine_pb2.LogSeverity.ValueType, urn: str, problem: Problem) -> None:
        text = for_engine([problem])
        try:
            self._stub.Log(engine_pb2.LogRequest(severity=severity, urn=urn, message=text), timeout=_SECONDS)
        except grpc.RpcError:
            # A message that nobody can read must not fail the step it speaks of.
            return

    def require(self, urn: str) -> None:
        """Makes sure that the engine lives and would record what comes next.

        After a kill the provider can outlive the CLI (tried): a token minted then would be in no state.

        Raises:
            StepError: nobody answers at the engine's address, or the run is being cancelled.
        """
        if self.cancelled:
            msg = "the run is being cancelled, so nothing is minted; run pulumi up again"
            raise StepError(msg)
        request = engine_pb2.LogRequest(
            severity=engine_pb2.DEBUG, urn=urn, message="the engine lives: minting may begin"
        )
        try:
            self._stub.Log(request, timeout=_SECONDS)
        except grpc.RpcError:
            msg = "the engine is gone, so nothing is minted: no state would record it"
            raise StepError(msg) from None
