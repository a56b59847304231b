"""The plugin's gRPC server: the engine's calls, answered by the resource types.

A servicer of the protocol itself, not of the SDK's ``pulumi.provider.experimental``, which has defects and changes
between minor versions (docs/internals/adr/0002). Calls that are not defined here are refused as not implemented.
"""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final, Protocol, TypeVar

import grpc
from google.protobuf import empty_pb2

from ambient_components import clock
from ambient_components._version import VERSION
from ambient_components.cluster.guard import Guard
from ambient_components.engine.urns import Urn
from ambient_components.errors import Problem, StepError, problems_of
from ambient_components.problem_json import for_engine
from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.ledger.access_ledger import AccessLedger
from ambient_components.provider.ledger.unnamed import Named, named_in, unnamed
from ambient_components.provider.protocol import configuration, wire
from ambient_components.provider.protocol.engine import Engine
from ambient_components.provider.protocol.resource import Change, Check, Context, Diff, ReadResult, ResourceType, Values
from ambient_components.provider.store.connection import Store
from ambient_components.provider.tokens.access_token import AccessToken
from ambient_components.provider.workspace.closure import Closure
from ambient_components.provider.workspace.role_binding import RoleBinding
from ambient_components.provider.workspace.scheduled_session import ScheduledSession
from ambient_components.provider.workspace.service_account import ServiceAccount
from ambient_components.provider.workspace.settings import ContainerDefaults, FeatureFlags, ProjectSettings
from ambient_components.provider.workspace.workspace_secret import WorkspaceSecret
from ambient_components.pulumi_sdk import proto, provider_pb2_grpc

RESOURCES: dict[str, ResourceType] = {
    resource.token: resource
    for resource in (
        AccessLedger(),
        AccessToken(),
        Closure(),
        ContainerDefaults(),
        FeatureFlags(),
        ProjectSettings(),
        RoleBinding(),
        S3Bucket(),
        S3Credentials(),
        ScheduledSession(),
        ServiceAccount(),
        WorkspaceSecret(),
    )
}
"""Resource types by token."""

T = TypeVar("T")

ASKING: Final = frozenset({AccessLedger.token})
"""Types of which `check` and `diff` ask the cluster. Those of all others only compute, so they need no thread."""

_THREADS: Final = 32
"""Maximum steps in parallel; the engine sends as many as its --parallel, by default four per core."""

_KINDS = {
    Change.ADD: (proto.PropertyDiff.ADD, proto.PropertyDiff.ADD_REPLACE),
    Change.DELETE: (proto.PropertyDiff.DELETE, proto.PropertyDiff.DELETE_REPLACE),
    Change.UPDATE: (proto.PropertyDiff.UPDATE, proto.PropertyDiff.UPDATE_REPLACE),
}


class Languages(Protocol):
    """The components for programs in other languages, which are above the plugin."""

    def schema_json(self) -> str:
        """Return the schema of the package."""

    async def construct(
        self,
        request: proto.ConstructRequest,
        context: grpc.aio.ServicerContext,
        engine_address: str,
        *,
        unguarded: bool,
    ) -> proto.ConstructResponse:
        """Declare the component of a request."""


class AmbientServicer(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, engine_address: str, languages: Callable[[], Languages]) -> None:
        """Take the engine's address, and what returns the components: importing them takes a second."""
        self._engine_address = engine_address
        self._languages = languages
        self._engine = Engine(engine_address)
        self._settings: tuple[Guard, Store] | None = None
        self._requested = False
        self._unguarded = False
        self._named: Named | None = None
        """What the checked ledger names. Everything depends on the ledger, so the engine checks it first."""
        self._threads = ThreadPoolExecutor(_THREADS)

    def close(self) -> None:
        self._threads.shutdown()

    async def GetPluginInfo(self, request: Any, context: grpc.aio.ServicerContext) -> proto.PluginInfo:  # noqa: ARG002, N802
        return proto.PluginInfo(version=VERSION)

    async def Cancel(self, request: Any, context: grpc.aio.ServicerContext) -> empty_pb2.Empty:  # noqa: ARG002, N802
        """Handle Ctrl-C: current steps finish, and nothing new is minted."""
        self._engine.cancelled = True
        return empty_pb2.Empty()

    async def GetSchema(self, request: Any, context: grpc.aio.ServicerContext) -> proto.GetSchemaResponse:  # noqa: ARG002, N802
        # Reads the texts of the models, which only `pulumi package` asks for.
        return proto.GetSchemaResponse(schema=self._languages().schema_json())

    async def Construct(  # noqa: N802
        self, request: proto.ConstructRequest, context: grpc.aio.ServicerContext
    ) -> proto.ConstructResponse:
        """Declare a component for a program in another language. It registers resources, but makes none itself."""
        return await self._languages().construct(request, context, self._engine_address, unguarded=self._unguarded)

    async def CheckConfig(self, request: proto.CheckRequest, context: grpc.aio.ServicerContext) -> proto.CheckResponse:  # noqa: N802
        failures = await self._run(context, lambda: configuration.problems(wire.decode(request.news)))
        return proto.CheckResponse(inputs=request.news, failures=_failures(failures))

    async def DiffConfig(self, request: proto.DiffRequest, context: grpc.aio.ServicerContext) -> proto.DiffResponse:  # noqa: ARG002, N802
        """Return changed settings, never as a replacement: the engine would replace all resources of the provider."""
        olds, news = (configuration.own(wire.decode(values)) for values in (request.old_inputs, request.news))
        changed = [name for name in sorted({*olds, *news}) if olds.get(name) != news.get(name)]
        some = proto.DiffResponse.DIFF_SOME if changed else proto.DiffResponse.DIFF_NONE
        return proto.DiffResponse(changes=some, diffs=changed)

    async def Configure(  # noqa: N802
        self, request: proto.ConfigureRequest, context: grpc.aio.ServicerContext
    ) -> proto.ConfigureResponse:
        """Store the settings, once, without connecting.

        The engine starts a process for each provider and configures it once (pkg/resource/deploy/providers/registry.go,
        Pulumi 3.272). A second call is from another program, and could redirect this run to another cluster.
        """
        if self._requested:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "this plugin is configured already")
        self._requested = True
        self._settings = await self._run(context, lambda: _settings(wire.decode(request.args)))
        self._unguarded = configuration.is_unguarded(wire.decode(request.args))
        return proto.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptOutputs=True)

    async def Check(self, request: proto.CheckRequest, context: grpc.aio.ServicerContext) -> proto.CheckResponse:  # noqa: N802
        def check(at: Context, of: ResourceType) -> Check:
            olds, inputs = wire.decode(request.olds), wire.decode(request.news)
            result = of.check(at, olds, inputs)
            if of.token == AccessLedger.token:
                if not result.failures:
                    self._named = named_in(olds, inputs)
            elif not self._unguarded:
                refused = unnamed(self._named, of.token, inputs, is_changed=inputs != olds)
                return replace(result, failures=(*result.failures, *refused))
            return result

        result = await self._step(context, request.urn, check, computes=True)
        news = request.news if result.inputs is None else wire.encode_like(request.news, result.inputs)
        inputs = wire.merged(news, result.defaults)
        return proto.CheckResponse(inputs=inputs, failures=_failures(result.failures))

    async def Diff(self, request: proto.DiffRequest, context: grpc.aio.ServicerContext) -> proto.DiffResponse:  # noqa: N802
        def compare(at: Context, of: ResourceType) -> Diff:
            inputs, state, news = map(wire.decode, (request.old_inputs, request.olds, request.news))
            return of.diff(at, inputs, state, news)

        diff = await self._step(context, request.urn, compare, computes=True)
        return _diff_response(diff, list(request.ignoreChanges))

    async def Create(self, request: proto.CreateRequest, context: grpc.aio.ServicerContext) -> proto.CreateResponse:  # noqa: N802
        identity, outputs = await self._step(
            context, request.urn, lambda at, of: of.create(at, wire.decode(request.properties)), preview=request.preview
        )
        return proto.CreateResponse(id=identity, properties=wire.merged(request.properties, outputs))

    async def Read(self, request: proto.ReadRequest, context: grpc.aio.ServicerContext) -> proto.ReadResponse:  # noqa: N802
        def look(at: Context, of: ResourceType) -> ReadResult | None:
            inputs = wire.decode(request.inputs)
            if not inputs:
                msg = f"{request.id} can't be imported"
                raise StepError(msg, "declare it, and the next run makes it or takes it over")
            return of.read(at, request.id, inputs, wire.decode(request.properties))

        result = await self._step(context, request.urn, look)
        if result is None:
            return proto.ReadResponse()
        recorded = request.inputs if result.inputs is None else wire.encode_like(request.inputs, result.inputs)
        return proto.ReadResponse(id=request.id, inputs=recorded, properties=wire.merged(recorded, result.outputs))

    async def Update(self, request: proto.UpdateRequest, context: grpc.aio.ServicerContext) -> proto.UpdateResponse:  # noqa: N802
        def change(at: Context, of: ResourceType) -> Values:
            return of.update(at, request.id, wire.decode(request.olds), wire.decode(request.news))

        outputs = await self._step(context, request.urn, change, preview=request.preview)
        return proto.UpdateResponse(properties=wire.merged(request.news, outputs))

    async def Delete(self, request: proto.DeleteRequest, context: grpc.aio.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        await self._step(
            context, request.urn, lambda at, of: of.delete(at, request.id, wire.decode(request.properties))
        )
        return empty_pb2.Empty()

    async def _step(
        self,
        context: grpc.aio.ServicerContext,
        urn: str,
        step: Callable[[Context, ResourceType], T],
        *,
        preview: bool = False,
        computes: bool = False,
    ) -> T:
        token = Urn.parse(urn).type or urn

        def run() -> T:
            resource = RESOURCES.get(token)
            if resource is None:
                msg = f"{token} is no resource of the ambient plugin {VERSION}"
                raise StepError(msg, f"allowed: {', '.join(sorted(RESOURCES))}")
            if self._settings is None:
                msg = "the plugin is not configured yet: its engine calls Configure first"
                raise StepError(msg)
            return step(Context(urn, self._engine, *self._settings, clock.now(), preview), resource)

        return await self._run(context, run, blocks=not computes or token in ASKING)

    async def _run(self, context: grpc.aio.ServicerContext, work: Callable[[], T], *, blocks: bool = True) -> T:
        """Run work, in a thread if it blocks; an error ends the call with text, never a traceback."""
        try:
            if not blocks:
                return work()
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except Exception as error:  # whatever it is, the user gets text
            await context.abort(grpc.StatusCode.UNKNOWN, for_engine(problems_of(error)))
            raise


def _settings(values: Values) -> tuple[Guard, Store]:
    return configuration.guard(values), configuration.store(values)


def _failures(problems: Iterable[Problem]) -> list[proto.CheckFailure]:
    # Without a property: the engine would print that property's whole value beside the reason.
    return [proto.CheckFailure(reason=for_engine([problem])) for problem in problems]


def _diff_response(diff: Diff, ignored: list[str]) -> proto.DiffResponse:
    changes = {path: change for path, change in diff.changes.items() if path not in ignored}
    some = bool(changes or diff.computed)
    detailed = {
        path: proto.PropertyDiff(kind=_KINDS[change][path in diff.replaces], inputDiff=True)
        for path, change in changes.items()
    }
    detailed |= {path: proto.PropertyDiff(kind=proto.PropertyDiff.UPDATE) for path in diff.computed}
    return proto.DiffResponse(
        changes=proto.DiffResponse.DIFF_SOME if some else proto.DiffResponse.DIFF_NONE,
        diffs=sorted({path.split(".", 1)[0].split("[", 1)[0] for path in detailed}),
        replaces=sorted(diff.replaces & changes.keys()),
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )
