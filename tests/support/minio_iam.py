"""What MinIO's admin API does with users, policies and access keys, in memory: the rules of its stand-in.

From MinIO's sources (github.com/minio/minio at RELEASE.2025-10-15T17-29-55Z, with madmin-go v3.0.109): its limits, its
codes and its oddities, with the function that has them beside each.
"""

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from minio.crypto import decrypt

from tests.support.minio_policy import MalformedError, decide, normal

ROOT = "minioadmin"
ROOT_SECRET = "the-secret-of-the-root"
SENTINEL = "1970-01-01T00:00:00Z"
"""How MinIO writes an end that there is not, where it does not leave it out."""
_READWRITE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}],
}
_CONSOLE_ADMIN = {
    "Version": "2012-10-17",
    "Statement": [*_READWRITE["Statement"], {"Effect": "Allow", "Action": ["admin:*"]}],
}


class RefusalError(Exception):
    """What MinIO says no with."""

    def __init__(self, status: int, code: str, message: str, xml: bool = False):
        super().__init__(code)
        self.status, self.code, self.message, self.xml = status, code, message, xml


NO_KEY = RefusalError(404, "XMinioInvalidIAMCredentials", "The specified service account is not found")
NO_USER = RefusalError(404, "XMinioAdminNoSuchUser", "The specified user does not exist.")
NO_POLICY = RefusalError(404, "XMinioAdminNoSuchPolicy", "The canned policy does not exist.")
NO_GROUP = RefusalError(404, "XMinioAdminNoSuchGroup", "The specified group does not exist.")
DENIED = RefusalError(403, "AccessDenied", "Access Denied.")
NOT_ALLOWED = RefusalError(403, "XMinioIAMActionNotAllowed", "Specified IAM action is not allowed")
INVALID = RefusalError(
    400,
    "XMinioInvalidResource",
    "Policy, user or group names are not allowed to begin or end with space characters",
)
BAD_JSON = RefusalError(400, "XMinioAdminConfigBadJSON", "JSON configuration provided is of incorrect format")
BAD_REQUEST = RefusalError(400, "InvalidRequest", "Invalid Request")
NOT_READY = RefusalError(503, "XMinioServerNotInitialized", "Server not initialized yet, please try again.")


@dataclass
class User:
    secret: str
    status: str = "enabled"
    policies: list[str] = field(default_factory=list)


@dataclass
class AccessKey:
    secret: str
    parent: str
    name: str = ""
    description: str = ""
    status: str = "on"
    end: datetime | None = None
    policy: dict | None = None


class MinioIam:
    """The state, to be read and to be changed, as by somebody's hand; and a method for each command."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.policies: dict[str, dict] = {"readwrite": normal(_READWRITE), "consoleAdmin": normal(_CONSOLE_ADMIN)}
        self.groups: dict[str, set[str]] = {}
        self.keys: dict[str, AccessKey] = {}
        self.lacking: set[str] = set()
        """Rights that the admin has not, as if it were not the root."""
        self.ldap = False
        """Whether users come from a directory."""
        self.ahead = timedelta()
        """By which the store's clock is wrong."""

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def opens(self, key_id: str, action: str, resource: str = "") -> bool:
        """Whether a key that somebody holds is good for something: `s3:GetObject` on `BUCKET/OBJECT`, say."""
        key = self.keys.get(key_id)
        alive = key is not None and key.status == "on" and (key.end is None or key.end > self.now())
        return alive and self.allows(key_id, action, resource)

    def allows(self, caller: str, action: str, resource: str = "", deny_only: bool = False) -> bool:
        """IsAllowed, IsAllowedServiceAccount and policyDBGet, of cmd/iam.go and cmd/iam-store.go."""
        key = self.keys.get(caller)
        parent = key.parent if key else caller
        if key and key.policy and decide(key.policy, action, resource) is not True:
            return False
        if parent == ROOT:
            return action not in self.lacking
        user = self.users.get(parent)
        if user is None or user.status != "enabled":
            return False
        names = [
            *user.policies,
            *(name for name in self.groups if parent in self.groups[name] and name in self.policies),
        ]
        decisions = [decide(self.policies[name], action, resource) for name in names]
        return bool(decisions) and False not in decisions and (deny_only or True in decisions)

    def secret_of(self, caller: str) -> str | None:
        if caller == ROOT:
            return ROOT_SECRET
        known = self.keys.get(caller) or self.users.get(caller)
        return known.secret if known else None

    # Each command: who asks, the query, the body. What it returns is the answer; text is sent encrypted.

    def user_info(self, caller: str, query: dict[str, str], body: bytes) -> dict:
        self._need(caller, "admin:GetUser", deny_only=query["accessKey"] == caller)
        user = self._user(query["accessKey"])
        groups = sorted(name for name, members in self.groups.items() if query["accessKey"] in members)
        return {
            "policyName": ",".join(user.policies),
            "status": user.status,
            **({"memberOf": groups} if groups else {}),
        }

    def add_user(self, caller: str, query: dict[str, str], body: bytes) -> None:
        name = query["accessKey"]
        if name == ROOT or name in self.keys:
            raise RefusalError(
                403, "XMinioInvalidIAMCredentials", "Credential is not allowed to be same as admin access key"
            )
        self._need(caller, "admin:CreateUser", deny_only=name == caller)
        request = self._decrypted(caller, body)
        if self.ldap:
            raise NOT_ALLOWED
        if len(name) < 3 or re.search("[=,]", name):
            raise RefusalError(400, "XMinioAdminInvalidAccessKey", "The access key is invalid.")
        if len(request["secretKey"]) < 8:
            raise RefusalError(400, "XMinioAdminInvalidSecretKey", "The secret key is invalid.")
        policies = self.users[name].policies if name in self.users else []
        self.users[name] = User(request["secretKey"], request["status"], policies)

    def set_user_status(self, caller: str, query: dict[str, str], body: bytes) -> None:
        self._need(caller, "admin:EnableUser")
        self._user(query["accessKey"]).status = query["status"]

    def remove_user(self, caller: str, query: dict[str, str], body: bytes) -> None:
        """DeleteUser: its keys, groups and policies go with it."""
        self._need(caller, "admin:DeleteUser")
        name = query["accessKey"]
        self._user(name)
        del self.users[name]
        self.keys = {key_id: key for key_id, key in self.keys.items() if key.parent != name}
        for members in self.groups.values():
            members.discard(name)

    def info_canned_policy(self, caller: str, query: dict[str, str], body: bytes) -> dict:
        self._need(caller, "admin:GetPolicy")
        if query["name"] not in self.policies:
            raise NO_POLICY
        return self.policies[query["name"]]

    def add_canned_policy(self, caller: str, query: dict[str, str], body: bytes) -> None:
        self._need(caller, "admin:CreatePolicy")
        if "," in query["name"]:
            raise RefusalError(400, "PolicyInvalidName", "Policy name may not contain comma")
        document = self._policy(json.loads(body))
        if not document["Version"]:
            raise RefusalError(400, "MalformedPolicy", "The policy must contain a valid version string")
        self.policies[query["name"]] = document

    def remove_canned_policy(self, caller: str, query: dict[str, str], body: bytes) -> None:
        self._need(caller, "admin:DeletePolicy")
        if any(query["name"] in user.policies for user in self.users.values()):
            raise RefusalError(400, "XMinioIAMPolicyInUse", "The policy cannot be removed, as it is in use")
        self.policies.pop(query["name"], None)

    def set_user_or_group_policy(self, caller: str, query: dict[str, str], body: bytes) -> None:
        """SetPolicyForUserOrGroup: what it had is gone."""
        self._need(caller, "admin:AttachUserOrGroupPolicy")
        assert query["isGroup"] == "false"
        names = query["policyName"].split(",")
        user = self._user(query["userOrGroup"])
        if any(name not in self.policies for name in names):
            raise NO_POLICY
        user.policies = names

    def update_group_members(self, caller: str, query: dict[str, str], body: bytes) -> None:
        self._need(caller, "admin:AddUserToGroup")
        request = json.loads(body)
        members = request.get("members") or []
        if not isinstance(members, list):
            raise BAD_REQUEST
        if request["group"] not in self.groups:
            raise NO_GROUP
        assert request["isRemove"]
        assert members, "without members the group itself goes"
        self.groups[request["group"]] -= set(members)

    def add_service_account(self, caller: str, query: dict[str, str], body: bytes) -> str:
        """commonAddServiceAccount, AddServiceAccount, NewServiceAccount."""
        request = self._decrypted(caller, body)
        end = self._valid(request.get("name"), request.get("description"), request.get("expiration"))
        owner = self.keys[caller].parent if caller in self.keys else caller
        parent = request.get("targetUser") or caller
        self._need(caller, "admin:CreateServiceAccount", deny_only=parent in (caller, owner))
        policy = self._policy(request["policy"]) if request.get("policy") else None
        if request["accessKey"] == ROOT:
            raise RefusalError(
                403, "XMinioInvalidIAMCredentials", "Credential is not allowed to be same as admin access key"
            )
        if parent != caller and parent not in self.users and parent != ROOT:
            raise RefusalError(404, NO_USER.code, f"Specified target user {parent} does not exist")
        parent = owner if parent == caller else parent
        if not 3 <= len(request["accessKey"]) <= 20:
            raise RefusalError(400, "XMinioAdminInvalidAccessKey", "The access key is invalid.")
        if not 8 <= len(request["secretKey"]) <= 40:
            raise RefusalError(400, "XMinioAdminInvalidSecretKey", "The secret key is invalid.")
        self._end_fits(end)
        if request["accessKey"] in self.keys or request["accessKey"] in self.users:
            reported = "Specified service account action is not allowed: the service account access key already taken"
            raise RefusalError(400, "XMinioIAMServiceAccountNotAllowed", reported)
        self.keys[request["accessKey"]] = AccessKey(
            request["secretKey"], parent, request.get("name", ""), request.get("description", ""), "on", end, policy
        )
        credentials = {name: request[name] for name in ("accessKey", "secretKey")}
        return json.dumps({"credentials": {**credentials, "expiration": _rfc(end) if end else SENTINEL}})

    def list_service_accounts(self, caller: str, query: dict[str, str], body: bytes) -> str:
        """Null where there are none; no policies."""
        user = query.get("user") or caller
        if user != caller:
            self._need(caller, "admin:ListServiceAccounts")
        elif caller in self.keys:
            user = self.keys[caller].parent
        listed = [
            {**self._told(key_id), "accessKey": key_id, "expiration": _rfc(key.end) if key.end else SENTINEL}
            for key_id, key in self.keys.items()
            if key.parent == user
        ]
        return json.dumps({"accounts": listed or None})

    def info_service_account(self, caller: str, query: dict[str, str], body: bytes) -> str:
        """Where a key has no policy of its own, all of its user's in one. A key of the same user may ask, too."""
        key = self._key(query["accessKey"])
        if not self.allows(caller, "admin:ListServiceAccounts") and self._parent(caller) != key.parent:
            raise DENIED
        names = self.users[key.parent].policies if key.parent in self.users else []
        implied = {
            "Version": "2012-10-17",
            "Statement": [s for name in names for s in self.policies[name]["Statement"]],
        }
        end = {"expiration": _rfc(key.end)} if key.end else {}
        return json.dumps({**self._told(query["accessKey"]), "policy": json.dumps(key.policy or implied), **end})

    def update_service_account(self, caller: str, query: dict[str, str], body: bytes) -> None:
        """UpdateServiceAccount of cmd/iam-store.go: a policy in the key goes unless it is said again."""
        key = self._key(query["accessKey"])
        request = self._decrypted(caller, body)
        end = self._valid(request.get("newName"), request.get("newDescription"), request.get("newExpiration"))
        self._need(caller, "admin:UpdateServiceAccount")
        self._end_fits(end)
        key.policy = self._policy(request["newPolicy"]) if request.get("newPolicy") else None
        key.name = request.get("newName") or key.name
        key.description = request.get("newDescription") or key.description
        key.end = end or key.end

    def delete_service_account(self, caller: str, query: dict[str, str], body: bytes) -> None:
        """Any key of the same user may, whatever its policy says."""
        key = self._key(query["accessKey"])
        if not self.allows(caller, "admin:RemoveServiceAccount") and self._parent(caller) != key.parent:
            raise NO_KEY
        del self.keys[query["accessKey"]]

    def _need(self, caller: str, action: str, deny_only: bool = False) -> None:
        if not self.allows(caller, action, deny_only=deny_only):
            raise DENIED

    def _parent(self, caller: str) -> str:
        return self.keys[caller].parent if caller in self.keys else caller

    def _user(self, name: str) -> User:
        if name in self.keys:
            raise NOT_ALLOWED
        if name not in self.users:
            raise NO_USER
        return self.users[name]

    def _key(self, key_id: str) -> AccessKey:
        if key_id not in self.keys:
            raise NO_KEY
        return self.keys[key_id]

    def _told(self, key_id: str) -> dict:
        key = self.keys[key_id]
        reported = {"name": key.name, "description": key.description}
        return {
            "parentUser": key.parent,
            "accountStatus": key.status,
            "impliedPolicy": key.policy is None,
            **{name: value for name, value in reported.items() if value},
        }

    def _decrypted(self, caller: str, body: bytes) -> dict:
        try:
            return json.loads(decrypt(_Body(body), self.secret_of(caller)))
        except (ValueError, OSError):
            raise BAD_JSON from None

    def _policy(self, document: object) -> dict:
        try:
            policy = normal(document)
        except MalformedError as error:
            raise RefusalError(400, "XMinioMalformedIAMPolicy", str(error)) from None
        if len(json.dumps(policy)) > 4096:
            raise RefusalError(400, "XMinioIAMServiceAccountSessionPolicyTooLarge", "session policy is too large")
        return policy

    def _valid(self, name: str | None, description: str | None, end: str | None) -> datetime | None:
        """Validate of madmin-go's user-commands.go; one code for all of it."""
        moment = datetime.fromisoformat(end).replace(microsecond=0) if end else None
        named = not name or (len(name) <= 32 and re.match(r"[a-zA-Z][a-zA-Z0-9_-]*", name))
        if not named or len((description or "").encode()) > 256 or (moment and moment < self.now()):
            raise INVALID
        return moment

    def _end_fits(self, end: datetime | None) -> None:
        """validateSvcExpirationInUTC of cmd/iam-store.go: 15 minutes to 365 days, and no code of its own."""
        if end and not self.now() + timedelta(minutes=15) <= end <= self.now() + timedelta(days=365):
            reported = "We encountered an internal error, please try again. (invalid service account expiration)"
            raise RefusalError(500, "InternalError", reported)


class _Body(io.BytesIO):
    """A body, as the package's `decrypt` reads one."""

    def release_conn(self) -> None:
        pass


def _rfc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


COMMANDS: dict[tuple[str, str], tuple[Callable, int]] = {
    ("GET", "user-info"): (MinioIam.user_info, 200),
    ("PUT", "add-user"): (MinioIam.add_user, 200),
    ("PUT", "set-user-status"): (MinioIam.set_user_status, 200),
    ("DELETE", "remove-user"): (MinioIam.remove_user, 200),
    ("GET", "info-canned-policy"): (MinioIam.info_canned_policy, 200),
    ("PUT", "add-canned-policy"): (MinioIam.add_canned_policy, 200),
    ("DELETE", "remove-canned-policy"): (MinioIam.remove_canned_policy, 200),
    ("PUT", "set-user-or-group-policy"): (MinioIam.set_user_or_group_policy, 200),
    ("PUT", "update-group-members"): (MinioIam.update_group_members, 200),
    ("PUT", "add-service-account"): (MinioIam.add_service_account, 200),
    ("GET", "list-service-accounts"): (MinioIam.list_service_accounts, 200),
    ("GET", "info-service-account"): (MinioIam.info_service_account, 200),
    ("POST", "update-service-account"): (MinioIam.update_service_account, 204),
    ("DELETE", "delete-service-account"): (MinioIam.delete_service_account, 204),
}
