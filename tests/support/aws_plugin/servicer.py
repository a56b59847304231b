"""The provider's protocol around the types."""

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2_grpc

from ambient_components.provider.protocol import wire
from tests.support.aws_plugin.clients import AwsError, Clients, received
from tests.support.aws_plugin.types import TYPES, AwsType

VERSION = "7.51.1"

T = TypeVar("T")


class AwsServicer(provider_pb2_grpc.ResourceProviderServicer):
    """Serves `TYPES` for one provider."""

    def __init__(self) -> None:
        self.aws = Clients({})

    def GetPluginInfo(self, request: Any, context: Any) -> proto.PluginInfo:  # noqa: N802
        return proto.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> proto.GetSchemaResponse:  # noqa: N802
        return proto.GetSchemaResponse(schema="{}")

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: Any) -> proto.CheckResponse:  # noqa: N802
        return proto.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> proto.DiffResponse:  # noqa: N802
        same = wire.decode(request.olds) == wire.decode(request.news)
        return proto.DiffResponse(changes=proto.DiffResponse.DIFF_NONE if same else proto.DiffResponse.DIFF_SOME)

    def Configure(self, request: Any, context: Any) -> proto.ConfigureResponse:  # noqa: N802
        self.aws = Clients(wire.decode(request.args))
        return proto.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> proto.CheckResponse:  # noqa: N802
        return proto.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> proto.DiffResponse:  # noqa: N802
        olds, news = wire.decode(request.old_inputs), wire.decode(request.news)
        changed = [name for name in sorted({*olds, *news}) if olds.get(name) != news.get(name)]
        replaces = [name for name in changed if name in self._type(request.urn).fixed]
        some = proto.DiffResponse.DIFF_SOME if changed else proto.DiffResponse.DIFF_NONE
        return proto.DiffResponse(changes=some, diffs=changed, replaces=replaces)

    def Create(self, request: Any, context: Any) -> proto.CreateResponse:  # noqa: N802
        news = wire.decode(request.properties)
        if request.preview:
            return proto.CreateResponse(properties=request.properties)
        identity, outputs = self._step(context, request.urn, "creating", lambda of: of.create(self.aws, news))
        return proto.CreateResponse(id=identity, properties=wire.merged(request.properties, outputs))

    def Read(self, request: Any, context: Any) -> proto.ReadResponse:  # noqa: N802
        state = wire.decode(request.properties)
        found = self._step(context, request.urn, "reading", lambda of: of.read(self.aws, request.id, state))
        if found is None:
            return proto.ReadResponse()
        known = wire.decode(request.inputs)
        inputs = {name: found.get(name, value) for name, value in known.items()}
        recorded = wire.encode_like(request.inputs, inputs)
        return proto.ReadResponse(id=request.id, inputs=recorded, properties=wire.merged(recorded, found))

    def Update(self, request: Any, context: Any) -> proto.UpdateResponse:  # noqa: N802
        if request.preview:
            return proto.UpdateResponse(properties=request.news)
        olds, news = wire.decode(request.olds), wire.decode(request.news)
        outputs = self._step(context, request.urn, "updating", lambda of: of.update(self.aws, olds, news))
        return proto.UpdateResponse(properties=wire.merged(request.news, outputs))

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: N802
        state = wire.decode(request.properties)
        self._step(context, request.urn, "deleting", lambda of: of.delete(self.aws, request.id, state))
        return empty_pb2.Empty()

    def _type(self, urn: str) -> AwsType:
        return TYPES[urn.split("::", 3)[2].rsplit("$", 1)[-1]]

    def _step(self, context: Any, urn: str, what: str, step: Callable[[AwsType], T]) -> T:
        try:
            of = self._type(urn)
            with received(f"{what} {of.token}"):
                return step(of)
        except AwsError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
            raise
