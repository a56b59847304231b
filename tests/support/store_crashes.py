"""A run that is killed before or after each of its requests, and the next one: nothing is lost, nothing is left over.

For every store alike: moto's in the unit tests, the sandbox's in the engine tests.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import pytest

from ambient_components import clock
from ambient_components.platform.naming import bucket_user
from ambient_components.provider.buckets.ownership import holder_of, tags_of
from ambient_components.provider.buckets.s3_bucket import S3Bucket
from ambient_components.provider.buckets.s3_credentials import S3Credentials
from tests.support.store_world import OWNER, Crash, OneResource, StoreWorld, calls, move_clock

DAY = 86_400
_NUMBERS = count(1)
_REASONABLE = 60
"""Requests of one step; more are a loop."""


@dataclass
class Case:
    """One step of one resource, with all that it needs prepared, and what must be true after the run that follows."""

    resource: OneResource
    step: Callable[[], object]
    settled: Callable[[], None]
    always: Callable[[], None] = lambda: None
    """What must be true right after the crash as well."""


def killed_everywhere(patch: pytest.MonkeyPatch, prepare: Callable[[], Case]) -> int:
    """Kills a step after each of its requests, and runs it again; returns the number of its requests.

    Before the next request is the same moment: what is in a process that is killed is lost.
    """
    for number in range(1, _REASONABLE):
        case = prepare()
        with calls(patch, number) as counted:
            try:
                case.step()
            except Crash:
                died = True
            else:
                died = False
        try:
            case.always()
            if died:
                case.step()
            case.settled()
        except AssertionError as error:
            msg = f"killed after request {number}, {counted.names[-1:]}"
            raise AssertionError(msg) from error
        if not died:
            return counted.count
    pytest.fail(f"more than {_REASONABLE} requests: {counted.names}")


# Buckets.


def bucket_case(world: StoreWorld, before: dict | None, after: dict, there: Callable | None = None) -> Case:
    """A bucket that is made (without a state before) or changed.

    Args:
        world: The store.
        before: Inputs of the run before; None for none.
        after: Inputs of the run that is killed.
        there: What is done by others before that.
    """
    name = f"crash-{next(_NUMBERS)}"
    common = {"bucket": name, "owner": OWNER, "namespace": world.namespace}
    resource = OneResource(S3Bucket(), world)
    if before is not None:
        resource.up({**common, **before, "released": False})
        resource.up({**common, **before})
    if there:
        there(world.client("s3"), name)
        if before is not None:
            resource.refresh()
    desired = {**common, **after}

    def settled():
        if after.get("released"):
            assert holder_of(tags_of(world.context(), name)) is None
            return
        assert holder_of(tags_of(world.context(), name)) == OWNER
        assert world.claim() is None
        assert resource.refresh()
        assert resource.inputs == desired
        assert resource.state["drift"] == {}
        assert resource.up(desired) == "nothing"

    return Case(resource, lambda: resource.up(desired), settled)


def bucket_end(world: StoreWorld, how: dict, objects: int) -> Case:
    """A bucket that leaves, with so many objects in it."""
    name = f"crash-{next(_NUMBERS)}"
    resource = OneResource(S3Bucket(), world)
    resource.up({"bucket": name, "owner": OWNER, "namespace": world.namespace, "versioning": True, **how})
    client = world.client("s3")
    for number in range(objects):
        client.put_object(Bucket=name, Key=f"{number % 3}", Body=b"1")

    def settled():
        tags = tags_of(world.context(), name)
        if how.get("onDelete") == "delete":
            assert tags is None
        else:
            assert holder_of(tags) is None
            # None of the data is lost, however often the run dies.
            assert len(client.list_object_versions(Bucket=name).get("Versions") or ()) == objects

    return Case(resource, lambda: resource.state and resource.destroy(), settled)


# Credentials.


class Keys:
    """An account whose keys sessions use, over what is done to it."""

    def __init__(self, world: StoreWorld, patch: pytest.MonkeyPatch, **inputs):
        self.world = world
        self.patch = patch
        number = next(_NUMBERS)
        self.secret = f"integrations-{number}"
        self.bucket = f"crash-{number}"
        self.desired = {
            "user": bucket_user(OWNER, world.namespace, self.bucket, 1),
            "bucket": self.bucket,
            "owner": OWNER,
            "lifetimeSeconds": 90 * DAY,
            "overlapSeconds": 7 * DAY,
            "usedIn": f"{world.namespace}/{self.secret}",
            **inputs,
        }
        self.resource = OneResource(S3Credentials(), world)
        self.iam = world.client("iam")
        move_clock(patch, "")

    def start(self):
        """The first run, whole: sessions have a key."""
        self.resource.up(self.desired)
        self.delivered()
        return self

    def at(self, moment):
        move_clock(self.patch, moment)
        return self

    def delivered(self):
        """The Secret's own step, which follows in every run that comes so far."""
        self.world.uses(self.resource.state["accessKey"], self.secret)

    def there(self):
        found = self.iam.list_access_keys(UserName=self.desired["user"])["AccessKeyMetadata"]
        return {each["AccessKeyId"]: each["Status"] for each in found}

    def in_session(self):
        return self.world.used(self.secret)

    def case(self, desired=None) -> Case:
        desired = desired or self.desired
        in_session = self.in_session()
        alive = in_session is not None and self.there().get(in_session) == "Active"

        def step():
            self.resource.up(desired)

        def always():
            # Two at the most, and what sessions use works on.
            if any(listed["UserName"] == desired["user"] for listed in self.iam.list_users()["Users"]):
                assert len(self.there()) <= 2
                assert not alive or self.there().get(in_session) == "Active"

        def settled():
            always()
            state = self.resource.state
            recorded = {each["uid"] for each in (state["current"], *state["retiring"], *state["pendingRevocations"])}
            assert set(self.there()) == recorded
            assert state["accessKey"] == state["current"]["uid"]
            # It is the secret of that very key: IAM shows it once.
            self.delivered()
            assert self.resource.refresh()
            assert self.resource.state["drift"] == {}
            assert self.resource.state["foreign"] == []
            if desired["overlapSeconds"] == 0 and state["retiring"]:
                # Sessions had it until just now; a later run ends it.
                clock.now.cache_clear()
                self.resource.up(desired)
                assert set(self.there()) == {state["accessKey"]}
            assert self.resource.up(desired) == "nothing"

        return Case(self.resource, step, settled, always)

    def removal(self) -> Case:
        """The account leaves: its Secret went before."""
        self.world.uses("AKIASOMETHINGELSE000", self.secret)

        def settled():
            assert all(listed["UserName"] != self.desired["user"] for listed in self.iam.list_users()["Users"])

        return Case(self.resource, lambda: self.resource.state and self.resource.destroy(), settled)


WIDE = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})


def credential_cases(world: StoreWorld, patch: pytest.MonkeyPatch) -> dict[str, Callable[[], Case]]:
    """Every kind of step of an S3Credentials, by name."""

    def changed_by_hand():
        keys = Keys(world, patch).start()
        user = keys.desired["user"]
        keys.iam.put_user_policy(UserName=user, PolicyName="ambient-components", PolicyDocument=WIDE)
        keys.iam.put_user_policy(UserName=user, PolicyName="more", PolicyDocument=WIDE)
        keys.resource.refresh()
        return keys.case()

    def deactivated():
        keys = Keys(world, patch).start()
        key = keys.resource.state["accessKey"]
        keys.iam.update_access_key(UserName=keys.desired["user"], AccessKeyId=key, Status="Inactive")
        keys.resource.refresh()
        return keys.case()

    def overlap_over():
        keys = Keys(world, patch).start().at("80d")
        keys.resource.up(keys.desired)
        keys.delivered()
        return keys.at("88d").case()

    def lost_state():
        keys = Keys(world, patch).start()
        keys.resource.inputs = keys.resource.state = None
        return keys.case()

    return {
        "first key": lambda: Keys(world, patch).case(),
        "rotation": lambda: Keys(world, patch).start().at("80d").case(),
        "rotation without an overlap": lambda: Keys(world, patch, overlapSeconds=0).start().at("80d").case(),
        "rotation after the end": lambda: Keys(world, patch).start().at("100d").case(),
        "end of the overlap": overlap_over,
        "changed by hand": changed_by_hand,
        "deactivated": deactivated,
        "lost state": lost_state,
        "removal": lambda: Keys(world, patch).start().removal(),
    }
