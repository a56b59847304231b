"""Client of the engine: messages for the user, and a check that the engine still runs.

Standard error and ``pulumi.log`` of a provider are not shown (tested on 3.272): only the engine's Log call with the
resource's URN is.
"""

import grpc

from ambient_components.errors import Problem, StepError
from ambient_components.problem_json import for_engine
from ambient_components.pulumi_sdk import engine_pb2, engine_pb2_grpc

_SECONDS = 10.0


class Engine:
    def __init__(self, address: str) -> None:
        self._stub = engine_pb2_grpc.EngineStub(
            # gRPC would use the environment's proxy even for this machine.
            grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)])
        )
        self.cancelled = False
        """Whether the user cancelled the run, so that nothing new is started."""

    def info(self, urn: str, problem: Problem) -> None:
        self._log(engine_pb2.INFO, urn, problem)

    def warning(self, urn: str, problem: Problem) -> None:
        self._log(engine_pb2.WARNING, urn, problem)

    def _log(self, severity: engine_pb2.LogSeverity.ValueType, urn: str, problem: Problem) -> None:
        text = for_engine([problem])
        try:
            self._stub.Log(engine_pb2.LogRequest(severity=severity, urn=urn, message=text), timeout=_SECONDS)
        except grpc.RpcError:
            # A message that cannot be shown must not fail its step.
            return

    def require(self, urn: str) -> None:
        """Require that the engine runs and can record the next step.

        After a kill the provider can outlive the CLI (tested): a token minted then would be in no state.
        """
        if self.cancelled:
            msg = "the run is being cancelled, so nothing is minted"
            raise StepError(msg, "deploy again")
        request = engine_pb2.LogRequest(
            severity=engine_pb2.DEBUG, urn=urn, message="the engine lives: minting may begin"
        )
        try:
            self._stub.Log(request, timeout=_SECONDS)
        except grpc.RpcError:
            msg = "the engine is gone, so nothing is minted: no state would record it"
            raise StepError(msg) from None
