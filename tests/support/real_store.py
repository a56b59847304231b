"""Buckets and their credentials on the sandbox's store, with its cluster as the deployer sees it."""

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ambient_components.platform.contract import INTEGRATION_SECRET
from ambient_components.platform.naming import bucket_user
from ambient_components.provider.buckets.ownership import MAKING
from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from ambient_components.provider.store.connection import StoreSettings
from sandbox.store import Store
from tests.support.machine import Machine
from tests.support.store_world import OWNER, OneResource, StoreWorld, move_clock

DAY = 86_400


@dataclass
class RealWorld(StoreWorld):
    """The sandbox's store, and its cluster as the deployer sees it."""

    machine: Machine | None = None

    def path(self, *rest: str) -> str:
        return "/".join(("/api/v1/namespaces", self.namespace, *rest))

    def claim(self) -> str | None:
        assert self.machine
        return ((self.machine.get(self.path()) or {})["metadata"].get("annotations") or {}).get(MAKING)

    def uses(self, access_key: str, secret: str = INTEGRATION_SECRET) -> None:
        assert self.machine
        data = {"S3_ACCESS_KEY": base64.b64encode(access_key.encode()).decode()}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": secret}, "data": data}
        if self.machine.get(self.path("secrets", secret)):
            self.machine.delete(self.path("secrets", secret))
        self.machine.create(self.path("secrets"), body)

    def used(self, secret: str = INTEGRATION_SECRET) -> str | None:
        assert self.machine
        served = self.machine.get(self.path("secrets", secret))
        return base64.b64decode(served["data"]["S3_ACCESS_KEY"]).decode() if served else None


@pytest.fixture
def world(machine: Machine, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[RealWorld]:
    namespace = f"pay-{secrets.token_hex(3)}"
    machine.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    settings = StoreSettings(
        endpoint=store.endpoint,
        iam_endpoint=store.iam_endpoint,
        access_key=store.access_key,
        secret_key=store.secret_key,
    )
    move_clock(monkeypatch, "")
    yield RealWorld(settings, machine.cluster.kubeconfig.read_text(), namespace=namespace, machine=machine)
    machine.delete(f"/api/v1/namespaces/{namespace}")
    move_clock(monkeypatch, "")


@pytest.fixture
def s3(world: RealWorld) -> Any:
    return world.client("s3")


@pytest.fixture
def name(world: RealWorld) -> str:
    return f"{world.namespace}-sessions"


@pytest.fixture
def bucket(world: RealWorld, name: str) -> OneResource:
    one = OneResource(S3Bucket(), world)
    one.up({"bucket": name, "owner": OWNER, "namespace": world.namespace})
    return one


def credentials(world: RealWorld, name: str, **more: Any) -> tuple[OneResource, dict[str, Any]]:
    desired = {
        "user": bucket_user(OWNER, world.namespace, name, 1),
        "bucket": name,
        "owner": OWNER,
        "lifetimeSeconds": 90 * DAY,
        "overlapSeconds": 7 * DAY,
        "usedIn": f"{world.namespace}/{INTEGRATION_SECRET}",
        **more,
    }
    keys = OneResource(S3Credentials(), world)
    keys.up(desired)
    assert world.machine
    world.machine.keep_secret(keys.state["secretKey"], f"the secret of {keys.state['accessKey']}")
    world.uses(keys.state["accessKey"])
    return keys, desired


def client_of(world: RealWorld, keys: OneResource) -> Any:
    return world.client("s3", keys.state["accessKey"], keys.state["secretKey"])


def code(action: Any, **parameters: Any) -> str:
    """What a request is answered with."""
    try:
        action(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"
