"""An engine that registers what it is sent: the resource monitor of a program, and of a plugin that constructs."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from tests.support.fake_plugin import UNKNOWN

STACK = "urn:pulumi:dev::app::"


class FakeMonitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Start it with `with`; `requests` has every registration in order, by type token and name."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, str], Any] = {}
        self.outputs: dict[str, Any] = {}
        """What each component has registered, by its name."""
        self.preview = False
        """Whether nothing exists yet: ids and outputs are unknown."""
        self.refused: tuple[grpc.StatusCode, str] | None = None
        """How every registration fails."""
        self._server = grpc.server(ThreadPoolExecutor(8))
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> "FakeMonitor":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(grace=None).wait()

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        return resource_pb2.DeploymentInfo(supportedFeatures=resource_pb2.ResourceMonitorFeature.values())

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        if self.refused:
            context.abort(*self.refused)
        self.requests[request.type, request.name] = request
        outputs = struct_pb2.Struct()
        outputs.CopyFrom(request.object)
        if request.custom and self.preview:
            for name in ("token", "uid", "accessKey", "secretKey"):
                outputs[name] = UNKNOWN
        parent = request.parent.split("::")[2] + "$" if request.parent else ""
        return resource_pb2.RegisterResourceResponse(
            urn=f"{STACK}{parent}{request.type}::{request.name}",
            id="id" if request.custom and not self.preview else "",
            object=outputs,
        )

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer what the SDK asks of a provider that the caller gave."""
        outputs = struct_pb2.Struct()
        outputs.update({"urn": request.args["urn"], "id": "id1", "state": {}})
        return provider_pb2.InvokeResponse(**{"return": outputs})

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.outputs[request.urn.split("::")[-1]] = request.outputs
        return empty_pb2.Empty()

    def of(self, kind: str) -> list[Any]:
        """The registrations of a type, by the end of its token."""
        return [request for (token, _), request in self.requests.items() if token.endswith(f":{kind}")]
