"""The plugin's servicer behind real gRPC, in this process, and a client that speaks the engine's side of it.

The wire forms are written out here on purpose, and not taken from the code under test: the protocol fixes them.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2_grpc

from ambient_components import clock
from ambient_components.cluster.guard import Guard
from ambient_components.provider.protocol.peers import serving
from ambient_components.provider.servicer import AmbientServicer
from ambient_components.provider.serving import languages
from ambient_components.provider.store.connection import Store
from tests.support.fake_api import REVIEWS, RULES, SYSTEM_UID, FakeApi
from tests.support.fake_engine import FakeEngine, flat

SIGNATURE = "4dabf18193072939515e22adb298388d"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

TOKEN = (
    "urn:pulumi:dev::app::ambient:index:Workspace$ambient:index:ApiKey$ambient:index:AccessToken::payments/key/ci/g1"
)
LEDGER = "urn:pulumi:dev::app::ambient:index:AccessLedger::access"
SETTINGS = "urn:pulumi:dev::app::ambient:index:Workspace$ambient:index:ProjectSettings::payments/settings"
CONTAINERS = "urn:pulumi:dev::app::ambient:index:Workspace$ambient:index:ContainerDefaults::payments/containers"
FLAGS = "urn:pulumi:dev::app::ambient:index:Workspace$ambient:index:FeatureFlags::payments/feature-flags"
WORKSPACE_SECRET = "urn:pulumi:dev::app::ambient:index:Workspace$ambient:index:WorkspaceSecret::payments/secret/runner"
SCHEDULE = "urn:pulumi:dev::app::ambient:index:Workspace$ambient:index:ScheduledSession::payments/schedule/review"
CLOSURE = "urn:pulumi:dev::app::ambient:index:Workspace$ambient:index:Closure::payments/closed"
PROVIDER = "urn:pulumi:dev::app::pulumi:providers:ambient::ambient"


def secret(value):
    """A value with the mark of a secret."""
    return {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "value": value}


def output(value=None, **rest):
    """An output value, as programs send it to what accepts them; without a value an unknown one."""
    return {SIGNATURE: "d0e6a833031e9bbcd3f4e8bde6ca49a4", **({} if value is None else {"value": value}), **rest}


def asset(text):
    """A kind of value that the plugin does not take."""
    return {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": text}


def struct(values) -> struct_pb2.Struct:
    """Plain values as a struct."""
    return json_format.ParseDict(values, struct_pb2.Struct())


def plain(message: struct_pb2.Struct) -> dict[str, Any]:
    """A struct as plain values, marks and all."""
    return json_format.MessageToDict(message)


class RefusedError(Exception):
    """A call that ended with an error; its text is what the user reads."""


class FakePlugin:
    """Start it with `with`; each method is one call of the engine."""

    def __init__(self, engine_address):
        self._engine_address = engine_address
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._wait(self._start())
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", [("grpc.enable_http_proxy", 0)])
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        return self

    def __exit__(self, *_):
        self._channel.close()
        self._wait(self._server.stop(None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.servicer._threads.shutdown()

    def _wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _start(self):
        self.servicer = AmbientServicer(self._engine_address, languages)
        self._server, self.port = serving(self.servicer)
        await self._server.start()

    def call(self, name, request):
        """One call; an error becomes `RefusedError` with the text that the user would read."""
        try:
            answer = getattr(self.stub, name)(request, timeout=20)
        except grpc.RpcError as error:
            raise RefusedError(flat(error.details())) from None
        for failure in getattr(answer, "failures", ()):
            failure.reason = flat(failure.reason)
        return answer

    def configure(self, **settings):
        """As the engine does it: once in the life of a process, of which a test wants another one here."""
        self.servicer._requested = False
        return self.configure_again(**settings)

    def configure_again(self, **settings):
        """As another program would do it."""
        return self.call("Configure", proto.ConfigureRequest(args=struct(settings), acceptSecrets=True))

    def check_config(self, **news):
        return self.call("CheckConfig", proto.CheckRequest(urn=PROVIDER, news=struct(news)))

    def diff_config(self, olds, news):
        request = proto.DiffRequest(urn=PROVIDER, id="1", olds=struct(olds), old_inputs=struct(olds), news=struct(news))
        return self.call("DiffConfig", request)

    def cancel(self):
        return self.call("Cancel", empty_pb2.Empty())

    def schema(self):
        return self.call("GetSchema", proto.GetSchemaRequest()).schema

    def check(self, news, olds=None, urn=TOKEN):
        return self.call("Check", proto.CheckRequest(urn=urn, olds=struct(olds or {}), news=struct(news)))

    def diff(self, inputs, state, news, urn=TOKEN, ignore=()):
        request = proto.DiffRequest(
            urn=urn, id="1", olds=struct(state), old_inputs=struct(inputs), news=struct(news), ignoreChanges=ignore
        )
        return self.call("Diff", request)

    def create(self, news, urn=TOKEN, preview=False):
        answer = self.call("Create", proto.CreateRequest(urn=urn, properties=struct(news), preview=preview))
        return answer.id, plain(answer.properties)

    def read(self, inputs, state, urn=TOKEN, identity="1"):
        request = proto.ReadRequest(urn=urn, id=identity, properties=struct(state), inputs=struct(inputs))
        return self.call("Read", request)

    def update(self, state, news, urn=TOKEN, preview=False):
        request = proto.UpdateRequest(urn=urn, id="1", olds=struct(state), news=struct(news), preview=preview)
        return plain(self.call("Update", request).properties)

    def delete(self, state, urn=TOKEN):
        return self.call("Delete", proto.DeleteRequest(urn=urn, id="1", properties=struct(state)))


def refusal(action):
    """The text that a user reads of a call that fails."""
    with pytest.raises(RefusedError) as raised:
        action()
    text = str(raised.value)
    assert "Traceback" not in text
    assert "Unexpected <class" not in text  # what grpc says of an exception that nobody caught
    assert "a bug in the ambient provider" not in text
    assert "\n" not in text
    return text


@dataclass
class World:
    """A plugin between an engine and a cluster."""

    api: FakeApi
    engine: FakeEngine
    plugin: FakePlugin
    patch: pytest.MonkeyPatch
    waits: list[float]
    """What would have been slept, in seconds."""

    def later(self, seconds):
        """Moves the plugin's clock to so many seconds after the start; the cluster's stays."""
        self.patch.setenv(clock.OFFSET_VARIABLE, f"{seconds}s")
        clock.now.cache_clear()
        clock.offset.cache_clear()

    def writes(self):
        """Every request that changes something, as text."""
        return [
            str(request) for request in self.api.log if request.method != "GET" and request.path not in (REVIEWS, RULES)
        ]


def in_a_thread(found: property) -> property:
    """A property that fails in the plugin's event loop, which must not wait for a cluster or a store."""

    def get(owner: Any) -> Any:
        assert asyncio._get_running_loop() is None, "waits in the event loop: see servicer.ASKING"
        return found.fget(owner)

    return property(get)


@contextmanager
def running(patch: pytest.MonkeyPatch) -> Iterator[World]:
    """A configured plugin that waits for nothing and sees no cluster but the fake one."""
    for name in ("KUBECONFIG", clock.OFFSET_VARIABLE, "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        patch.delenv(name, raising=False)
    waits: list[float] = []
    patch.setattr("time.sleep", waits.append)
    for kind, name in ((Guard, "cluster"), (Store, "s3"), (Store, "accounts")):
        patch.setattr(kind, name, in_a_thread(getattr(kind, name)))
    with FakeApi() as api, FakeEngine() as engine, FakePlugin(engine.address) as plugin:
        plugin.configure(kubeconfig=secret(api.kubeconfig()), clusterUid=SYSTEM_UID, unguarded="true")
        clock.now.cache_clear()
        clock.offset.cache_clear()
        yield World(api, engine, plugin, patch, waits)
    clock.now.cache_clear()
    clock.offset.cache_clear()
