"""The part of MinIO's admin API that accounts need: requests.

Imported on use: `minio` imports a cryptography package, and most stacks have no MinIO.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi
import urllib3
from minio.credentials.providers import StaticProvider
from minio.crypto import decrypt, encrypt
from minio.error import MinioAdminException
from minio.minioadmin import _COMMAND, MinioAdmin
from urllib3.exceptions import HTTPError

from ambient_components.cluster.kubeconfig import is_loopback
from ambient_components.errors import StepError
from ambient_components.provider.store.errors import (
    MINIO,
    Request,
    refused_by_minio,
    unanswered,
    unless_gone,
    unreadable,
)

BACKOFF: Final = 0.5
"""Seconds, doubled for each retry. MinIO asks for 60 with every 503, which is too long for a run."""
_TIMEOUT: Final = urllib3.Timeout(connect=10, read=60)


class MinioClient:
    """Requests with an admin's credentials. Methods raise `RefusedError`, `LostError`, or `StepError` if unreachable.

    Each request names the right that an admin other than root needs.
    """

    def __init__(self, endpoint: str, access_key: str, secret_key: str, region: str) -> None:
        self._host = urlsplit(endpoint).netloc.rpartition("@")[2]
        self._key = access_key
        self._secret = secret_key
        if not self._host:
            msg = f"there is no MinIO without an address: set {self._about().address}, or say credentials: iam for AWS"
            raise StepError(msg)
        try:
            self._admin = _Admin(
                endpoint=self._host,
                credentials=StaticProvider(access_key, secret_key),
                region=region,
                secure=endpoint.startswith("https:"),
                http_client=_pool(endpoint),
            )
        except ValueError as error:
            msg = f"the object store can't be used: {error}"
            raise StepError(msg, f"check {self._about().address}, its region, accessKey and secretKey") from None

    def __repr__(self) -> str:
        return f"MinioClient({self._host})"

    def user(self, name: str) -> dict[str, Any] | None:
        return self._find("admin:GetUser", lambda: self._admin.user_info(name))

    def add_user(self, name: str, secret: str) -> None:
        self._call("admin:CreateUser", lambda: self._admin.user_add(name, secret), secret)

    def enable_user(self, name: str) -> None:
        """Enable a user: all keys of a disabled user are refused."""
        self._call("admin:EnableUser", lambda: self._admin.user_enable(name))

    def remove_user(self, name: str) -> None:
        self._find("admin:DeleteUser", lambda: self._admin.user_remove(name))

    def leave_group(self, group: str, name: str) -> None:
        # The package's type is str, but MinIO reads a list; an empty one would delete the group.
        self._call("admin:AddUserToGroup", lambda: self._admin.group_remove(group, cast(Any, [name])))

    def policy(self, name: str) -> dict[str, Any] | None:
        return self._find("admin:GetPolicy", lambda: self._admin.policy_info(name))

    def put_policy(self, name: str, document: Mapping[str, Any]) -> None:
        self._call("admin:CreatePolicy", lambda: self._admin.policy_add(name, policy=dict(document)))

    def give_policy(self, name: str, user: str) -> None:
        """Attach this policy to a user, and detach all others."""
        self._call("admin:AttachUserOrGroupPolicy", lambda: self._admin.policy_set(name, user=user))

    def remove_policy(self, name: str) -> None:
        self._find("admin:DeletePolicy", lambda: self._admin.policy_remove(name))

    def keys(self, user: str) -> list[dict[str, Any]]:
        listed = self._call("admin:ListServiceAccounts", lambda: self._admin.list_service_account(user))
        # The list is null if empty, and before 2024 has little more than ids, so each key is read separately.
        keys = (self.key(each["accessKey"]) for each in (listed or {}).get("accounts") or [])
        return [key for key in keys if key is not None]

    def key(self, key_id: str) -> dict[str, Any] | None:
        """Return a key: accessKey, parentUser, accountStatus, description, expiration."""
        info = self._find("admin:ListServiceAccounts", lambda: self._admin.get_service_account(key_id))
        return None if info is None else {**info, "accessKey": key_id}

    def add_key(self, user: str, key_id: str, secret: str, fields: Mapping[str, str]) -> dict[str, Any]:
        request = {"targetUser": user, "accessKey": key_id, "secretKey": secret, **fields}
        answer = self._call("admin:CreateServiceAccount", lambda: self._admin.add_key(request), secret)
        return cast(dict[str, Any], (answer or {}).get("credentials") or {})

    def describe_key(self, key_id: str, description: str) -> None:
        """Write a key's description. MinIO removes the key's own policy with it, which could only narrow its rights."""
        self._call(
            "admin:UpdateServiceAccount",
            lambda: self._admin.update_service_account(access_key=key_id, description=description),
        )

    def remove_key(self, key_id: str) -> None:
        self._find("admin:RemoveServiceAccount", lambda: self._admin.delete_service_account(key_id))

    def _find(self, right: str, send: Callable[[], str]) -> dict[str, Any] | None:
        return cast(dict[str, Any] | None, unless_gone(lambda: self._call(right, send)))

    def _about(self, right: str = "", secret: str = "") -> Request:
        return Request(MINIO, f"the object store at {self._host}", self._key, right, (self._secret, secret))

    def _call(self, right: str, send: Callable[[], str], secret: str = "") -> Any:
        try:
            text = send()
            return json.loads(text) if text.strip() else None
        except MinioAdminException as error:
            # `from None`, because the package's message quotes the complete response.
            failed = self._about(right, secret)
            raise refused_by_minio(failed, int(error._code), error._body) from None
        except HTTPError as error:
            raise unanswered(self._about(right), error) from None
        except (ValueError, OSError):
            raise unreadable(self._about(right)) from None


class _Admin(MinioAdmin):
    """The package's client, with the missing request for another user's key."""

    def add_key(self, request: Mapping[str, str]) -> str:
        secret = self._provider.retrieve().secret_key
        response = self._url_open(
            method="PUT",
            command=_COMMAND.SERVICE_ACCOUNT_ADD,
            body=encrypt(json.dumps(request).encode(), secret),
            preload_content=False,
        )
        return decrypt(response, secret).decode()

    def __del__(self) -> None:
        # The package's own destructor fails if its constructor raised.
        if hasattr(self, "_http"):
            self._http.clear()


def _pool(endpoint: str) -> urllib3.PoolManager:
    settings: dict[str, Any] = {
        "timeout": _TIMEOUT,
        "maxsize": 32,
        "cert_reqs": "CERT_REQUIRED",
        "ca_certs": os.environ.get("SSL_CERT_FILE") or os.environ.get("AWS_CA_BUNDLE") or certifi.where(),
        # Requests rejected unread are retried, whatever the verb; those that may have been executed are not. No
        # redirects, because a signature is valid for one address only.
        "retries": urllib3.Retry(
            total=4, connect=2, read=0, other=0, status=4, redirect=False, allowed_methods=None,
            status_forcelist=(503,), backoff_factor=BACKOFF, respect_retry_after_header=False,
            raise_on_status=False,
        ),
    }  # fmt: skip
    parts = urlsplit(endpoint)
    proxy = getproxies().get(parts.scheme)
    if proxy and not is_loopback(endpoint) and not proxy_bypass(parts.hostname or ""):
        return urllib3.ProxyManager(proxy if "://" in proxy else f"http://{proxy}", **settings)
    return urllib3.PoolManager(**settings)
