"""MinIO's users, policies and access keys in memory, with the methods of `MinioClient`.

What they do and refuse was compared with MinIO's server, as of 2026-02-12.
"""

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ambient_components.provider.store.accounts import Account, NewKey
from ambient_components.provider.store.errors import LostError, RefusedError
from ambient_components.provider.store.minio import MinioAccounts
from ambient_components.rules.buckets import access_policy
from tests.support.store_world import Crash

OWNER = "platform/prod"
ACCOUNT = Account("ambient-payments-0123456789ab", OWNER)
BUCKET = "shared-sessions"
POLICY = access_policy(BUCKET, "payments/")
MARK = f"ambient-components/owner={OWNER}"
READING = {"user", "policy", "keys", "key"}


@dataclass
class FakeMinio:
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    access_keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    dies_after: int = 0
    """Number of the request after which the run dies."""
    lost: str = ""
    """Request of which the answer is lost."""

    def user(self, name: str) -> dict[str, Any] | None:
        return self._answer("user", deepcopy(self.users.get(name)))

    def add_user(self, name: str, secret: str) -> None:
        self.users[name] = {"status": "enabled", "policyName": "", "memberOf": []}
        self._answer("add_user")

    def enable_user(self, name: str) -> None:
        self.users[name]["status"] = "enabled"
        self._answer("enable_user")

    def remove_user(self, name: str) -> None:
        self.users.pop(name, None)
        self.access_keys = {key_id: key for key_id, key in self.access_keys.items() if key["parentUser"] != name}
        self._answer("remove_user")

    def leave_group(self, group: str, name: str) -> None:
        self.users[name]["memberOf"].remove(group)
        self._answer("leave_group")

    def policy(self, name: str) -> dict[str, Any] | None:
        return self._answer("policy", deepcopy(self.policies.get(name)))

    def put_policy(self, name: str, document: Mapping[str, Any]) -> None:
        # Texts of a Null come back as booleans.
        self.policies[name] = json.loads(json.dumps(document).replace('["true"]', "[true]"))
        self._answer("put_policy")

    def give_policy(self, name: str, user: str) -> None:
        self.users[user]["policyName"] = name
        self._answer("give_policy")

    def remove_policy(self, name: str) -> None:
        if any(name == user["policyName"] for user in self.users.values()):
            msg = "the policy cannot be removed, as it is in use"
            raise RefusedError(msg, 400, "XMinioIAMPolicyInUse")
        self.policies.pop(name, None)
        self._answer("remove_policy")

    def keys(self, user: str) -> list[dict[str, Any]]:
        return self._answer("keys", [key for key in self.access_keys.values() if key["parentUser"] == user])

    def key(self, key_id: str) -> dict[str, Any] | None:
        return self._answer("key", deepcopy(self.access_keys.get(key_id)))

    def add_key(self, user: str, key_id: str, secret: str, fields: Mapping[str, str]) -> dict[str, Any]:
        end = datetime.fromisoformat(fields["expiration"]) if "expiration" in fields else None
        assert end is None or timedelta(minutes=15) <= end - datetime.now(UTC) <= timedelta(days=365)
        assert len(fields["description"].encode()) <= 256
        self.by_hand(user, key_id, fields["description"], fields.get("expiration") or "1970-01-01T00:00:00Z")
        return self._answer("add_key", self.access_keys[key_id])

    def describe_key(self, key_id: str, description: str) -> None:
        self.access_keys[key_id]["description"] = description
        self._answer("describe_key")

    def remove_key(self, key_id: str) -> None:
        self.access_keys.pop(key_id, None)
        self._answer("remove_key")

    def by_hand(self, user: str, key_id: str, description: str = "", expiration: str = "1970-01-01T00:00:00Z") -> None:
        """Add a key without a request."""
        self.access_keys[key_id] = {
            "accessKey": key_id,
            "parentUser": user,
            "accountStatus": "on",
            "description": description,
            "expiration": expiration,
        }

    def writes(self) -> list[str]:
        return [request for request in self.requests if request not in READING]

    def snapshot(self) -> str:
        return json.dumps([self.users, self.policies, self.access_keys], sort_keys=True)

    def _answer(self, request: str, answer: Any = None) -> Any:
        self.requests.append(request)
        if len(self.requests) == self.dies_after:
            raise Crash
        if request == self.lost:
            self.lost = ""
            msg = "the object store gave no answer"
            raise LostError(msg)
        return answer


@pytest.fixture
def minio() -> FakeMinio:
    return FakeMinio()


@pytest.fixture
def accounts(minio: FakeMinio) -> MinioAccounts:
    return MinioAccounts(minio)  # type: ignore[arg-type]


@pytest.fixture
def key(accounts: MinioAccounts) -> NewKey:
    """An account in use, with a key."""
    accounts.ensure(ACCOUNT, POLICY)
    return accounts.mint(ACCOUNT, POLICY, None)
