"""Our resources of the object store without an engine: a store, a cluster, and one resource's life between runs."""

import base64
import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count

import boto3
import pytest
from botocore.config import Config

from ambient_components import clock
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.errors import StepError
from ambient_components.platform.contract import INTEGRATION_SECRET
from ambient_components.provider.buckets.ownership import MAKING
from ambient_components.provider.protocol.resource import Context
from ambient_components.provider.protocol.wire import Secret
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.connection import Store, StoreSettings
from ambient_components.provider.store.errors import RefusedError
from tests.support.fake_api import FakeApi

OWNER = "app/dev"


class Crash(BaseException):  # the process is killed: nothing in it may catch that
    """A run that dies."""


@dataclass
class Listener:
    """An engine that only listens."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    cancelled: bool = False

    def info(self, urn, message):
        self.lines.append(("info", message))

    def warning(self, urn, message):
        self.lines.append(("warning", message))

    def require(self, urn):
        pass


@dataclass
class StoreWorld:
    """A store and a cluster, and what was said about them."""

    settings: StoreSettings
    kubeconfig: str
    api: FakeApi | None = None
    namespace: str = "pay"
    engine: Listener = field(default_factory=Listener)

    def __post_init__(self):
        self.store = Store(self.settings)
        self._clients = {}

    def context(self, *, preview=False):
        guard = Guard(Cluster(None, self.kubeconfig), None)
        return Context("urn", self.engine, guard, self.store, clock.now(), preview)

    def received(self, severity):
        """All messages of a kind since the last time, as one text."""
        text = " / ".join(str(text) for kind, text in self.engine.lines if kind == severity)
        self.engine.lines.clear()
        return text

    def claim(self):
        """What the namespace notes of a bucket that is being made."""
        return self.api.objects[f"/api/v1/namespaces/{self.namespace}"]["metadata"]["annotations"].get(MAKING)

    def uses(self, access_key, secret=INTEGRATION_SECRET):
        """The Secret of the workspace's sessions holds this key."""
        data = {"S3_ACCESS_KEY": base64.b64encode(access_key.encode()).decode()}
        path = f"/api/v1/namespaces/{self.namespace}/secrets/{secret}"
        if path in self.api.objects:
            self.api.change(path, {"data": data})
        else:
            self.api.add(f"/api/v1/namespaces/{self.namespace}/secrets", secret, data=data)

    def used(self, secret=INTEGRATION_SECRET):
        """The key that it holds."""
        served = self.api.objects.get(f"/api/v1/namespaces/{self.namespace}/secrets/{secret}")
        return base64.b64decode(served["data"]["S3_ACCESS_KEY"]).decode() if served else None

    def client(self, service, access_key=None, secret_key=None):
        """A client of boto3's own, as root or with a key; it tries nothing twice."""
        desired = (service, access_key, secret_key)
        if desired not in self._clients:
            iam = service == "iam" and self.settings.iam_endpoint
            self._clients[desired] = boto3.client(
                service,
                endpoint_url=iam or self.settings.endpoint,
                region_name=self.settings.region,
                aws_access_key_id=access_key or self.settings.access_key,
                aws_secret_access_key=secret_key or self.settings.secret_key,
                config=Config(proxies={}, s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
            )
        return self._clients[desired]


class OneResource:
    """What the engine does with one resource: it checks, compares, carries out, and records what came of it."""

    def __init__(self, kind, world):
        self.kind = kind
        self.world = world
        self.inputs = None
        self.state = None

    def up(self, news, *, preview=False):
        """One run; what it did: create, update, replace or nothing. A step that fails records nothing."""
        context = self.world.context(preview=preview)
        check = self.kind.check(context, self.inputs or {}, news)
        assert not check.failures, check.failures
        news = {**news, **check.defaults}
        if self.state is None:
            _, outputs = self.kind.create(context, news)
            return self._record("create", news, outputs, preview)
        diff = self.kind.diff(context, self.inputs, self.state, news)
        if diff.replaces:
            _, outputs = self.kind.create(context, news)
            old = self.state
            self._record("replace", news, outputs, preview)
            if not preview:
                self.kind.delete(context, "id", old)
            return "replace"
        if not diff:
            return "nothing"
        return self._record("update", news, self.kind.update(context, "id", self.state, news), preview)

    def _record(self, what, news, outputs, preview):
        if not preview:
            self.inputs, self.state = news, {**news, **_plain(outputs)}
        return what

    def refresh(self):
        """What a refresh records; False: there is nothing any more."""
        found = self.kind.read(self.world.context(), "id", self.inputs, self.state)
        if found is None:
            self.inputs = self.state = None
            return False
        self.inputs = dict(self.inputs if found.inputs is None else found.inputs)
        self.state = {**self.inputs, **_plain(found.outputs)}
        return True

    def destroy(self):
        self.kind.delete(self.world.context(), "id", self.state)
        self.inputs = self.state = None


def _plain(outputs):
    return {name: value.value if isinstance(value, Secret) else value for name, value in outputs.items()}


class Calls:
    """Counts the requests to the store and to the cluster, and ends the run after one of them."""

    def __init__(self, last=None):
        self.count = 0
        self.names = []
        self._last = last

    def around(self, original):
        def call(api, *args, **parameters):
            self.count += 1
            mine = self.count
            self.names.append(args[0] if isinstance(api, Api) else f"{args[0]} {args[1]}")
            answer = original(api, *args, **parameters)
            if mine == self._last:
                raise Crash
            return answer

        return call


@contextmanager
def calls(patch, last=None) -> Iterator[Calls]:
    """Every request is counted; the run dies after the one of this number."""
    counted = Calls(last)
    with patch.context() as inner:
        inner.setattr(Api, "_send", counted.around(Api._send))
        inner.setattr(Cluster, "_request", counted.around(Cluster._request))
        yield counted


@cache
def _moto():
    """Moto's server, once a process: S3 and IAM at one address, and what the sandbox's store does not have."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415  # it takes half a second

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def empty_moto() -> str:
    """The address of moto's server, with nothing in it."""
    endpoint = _moto()
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"{endpoint}/moto-api/reset", b"").close()
    return endpoint


@contextmanager
def moto_world(patch, **settings) -> Iterator[StoreWorld]:
    """An empty moto and an empty cluster with the namespace `pay`; nothing waits."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", clock.OFFSET_VARIABLE, "http_proxy", "https_proxy"):
        patch.delenv(name, raising=False)
    endpoint = empty_moto()
    patch.setattr("time.sleep", lambda _: None)
    clock.now.cache_clear()
    clock.offset.cache_clear()
    with FakeApi() as api:
        api.add("/api/v1/namespaces", "pay")
        given = {"endpoint": endpoint, "access_key": "root", "secret_key": "root-secret", **settings}
        yield StoreWorld(StoreSettings(**given), api.kubeconfig(), api=api)
    clock.now.cache_clear()
    clock.offset.cache_clear()


@pytest.fixture
def world(monkeypatch):
    with moto_world(monkeypatch) as world:
        yield world


@pytest.fixture
def iam(world):
    return world.client("iam")


@pytest.fixture
def s3(world):
    return world.client("s3")


def refusal(action, *args, **kwargs):
    """The text of a step that fails."""
    with pytest.raises(StepError) as raised:
        action(*args, **kwargs)
    return str(raised.value)


def failing(patch, *operations, error=None, status=403, code="AccessDenied", skip=0):
    """A store that refuses operations, after so many calls that are answered."""
    send, passed = Api._send, count()

    def fail(api, name, given):
        if name in operations and next(passed) >= skip:
            raise error or RefusedError("the object store at a:1 says no", status, code)
        return send(api, name, given)

    patch.setattr(Api, "_send", fail)


def lacking(patch, *operations, status=501, code="NotImplemented"):
    """A store that has not all of the APIs."""
    failing(patch, *operations, error=RefusedError("the object store at a:1 does not have it", status, code))


def move_clock(patch, text):
    """Moves this process's clock, as the variable does for a run; the store's own stays."""
    patch.setenv(clock.OFFSET_VARIABLE, text)
    clock.now.cache_clear()
    clock.offset.cache_clear()
