"""MinIO's admin API, as far as accounts need it: the requests, and the store's clock.

Imported on use: `minio` brings its cryptography with it, and most stacks have no MinIO.
"""

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
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

from ambient_components.failure import StepError
from ambient_components.kubeconfig import is_loopback
from ambient_components.provider.store.minio_errors import ADDRESS, Asked, RefusedError, refused, unanswered, unreadable

BACKOFF: Final = 0.5
"""Seconds, doubled each time. With every 503 MinIO asks for 60, which no run waits for."""
_TIMEOUT: Final = urllib3.Timeout(connect=10, read=60)


class MinioClient:
    """Requests in an admin's name. Methods raise `RefusedError`, `LostError`, or `StepError` for a store out of reach.

    Each request names the right that an admin needs who is not the root.
    """

    def __init__(self, endpoint: str, access_key: str, secret_key: str, region: str) -> None:
        self._host = urlsplit(endpoint).netloc.rpartition("@")[2]
        if not self._host:
            msg = f"there is no MinIO without an address: set {ADDRESS}, or say credentials: iam for AWS"
            raise StepError(msg)
        self._key = access_key
        self._secret = secret_key
        self._pool = _pool(endpoint)
        try:
            self._admin = _Admin(
                endpoint=self._host,
                credentials=StaticProvider(access_key, secret_key),
                region=region,
                secure=endpoint.startswith("https:"),
                http_client=self._pool,
            )
        except ValueError as error:
            msg = f"the object store can't be used: {error}; check {ADDRESS}, its region, accessKey and secretKey"
            raise StepError(msg) from None

    def __repr__(self) -> str:
        return f"MinioClient({self._host})"

    @property
    def now(self) -> datetime:
        """The store's clock as of its last answer; this machine's, if it (or a proxy before it) told no time."""
        return self._pool.date or datetime.now(UTC).replace(microsecond=0)

    def user(self, name: str) -> dict[str, Any] | None:
        """A user: status, policyName (several with commas), memberOf. None: there is none."""
        return self._find("admin:GetUser", lambda: self._admin.user_info(name))

    def add_user(self, name: str, secret: str) -> None:
        """Makes a user; it has no rights."""
        self._call("admin:CreateUser", lambda: self._admin.user_add(name, secret), secret)

    def enable_user(self, name: str) -> None:
        """Takes back that a user is disabled, by which all its keys are refused."""
        self._call("admin:EnableUser", lambda: self._admin.user_enable(name))

    def remove_user(self, name: str) -> None:
        """Removes a user, and every key of it."""
        self._remove("admin:DeleteUser", lambda: self._admin.user_remove(name))

    def leave_group(self, group: str, name: str) -> None:
        """Takes a user out of a group."""
        # The package calls it text, but MinIO reads a list; nothing at all would remove the group.
        self._call("admin:AddUserToGroup", lambda: self._admin.group_remove(group, cast(Any, [name])))

    def policy(self, name: str) -> dict[str, Any] | None:
        """A policy's document. None: there is none."""
        return self._find("admin:GetPolicy", lambda: self._admin.policy_info(name))

    def put_policy(self, name: str, document: Mapping[str, Any]) -> None:
        """Makes a policy, or writes it anew."""
        self._call("admin:CreatePolicy", lambda: self._admin.policy_add(name, policy=dict(document)))

    def give_policy(self, name: str, user: str) -> None:
        """Gives a user this policy, and takes from it every other one."""
        self._call("admin:AttachUserOrGroupPolicy", lambda: self._admin.policy_set(name, user=user))

    def remove_policy(self, name: str) -> None:
        """Removes a policy that nobody has."""
        self._remove("admin:DeletePolicy", lambda: self._admin.policy_remove(name))

    def keys(self, user: str) -> list[dict[str, Any]]:
        """Every access key of a user, each as `key` has it."""
        listed = self._call("admin:ListServiceAccounts", lambda: self._admin.list_service_account(user))
        # The list is null where it is empty, and has little but the ids before 2024; so each one is asked for.
        found = (self.key(each["accessKey"]) for each in (listed or {}).get("accounts") or [])
        return [key for key in found if key is not None]

    def key(self, key_id: str) -> dict[str, Any] | None:
        """One access key: accessKey, parentUser, accountStatus, description, impliedPolicy, policy, expiration."""
        info = self._find("admin:ListServiceAccounts", lambda: self._admin.get_service_account(key_id))
        return None if info is None else {**info, "accessKey": key_id}

    def add_key(self, user: str, key_id: str, secret: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """Makes an access key of a user; returns the credentials as the store made them.

        Args:
            user: whose.
            key_id: the access key: 3-20 characters.
            secret: 8-40 characters.
            fields: name, description and expiration, as the API has them.
        """
        request = {"targetUser": user, "accessKey": key_id, "secretKey": secret, **fields}
        answer = self._call("admin:CreateServiceAccount", lambda: self._admin.add_key(request), secret)
        return cast(dict[str, Any], (answer or {}).get("credentials") or {})

    def update_key(self, key_id: str, *, policy: Mapping[str, Any] | None, description: str | None = None) -> None:
        """Writes a key's embedded policy and description; without a policy MinIO removes the one that is there."""
        self._call(
            "admin:UpdateServiceAccount",
            lambda: self._admin.update_service_account(
                access_key=key_id, policy=None if policy is None else dict(policy), description=description
            ),
        )

    def remove_key(self, key_id: str) -> None:
        """Ends a key, at once."""
        self._remove("admin:RemoveServiceAccount", lambda: self._admin.delete_service_account(key_id))

    def _find(self, right: str, send: Callable[[], str]) -> dict[str, Any] | None:
        try:
            return cast(dict[str, Any], self._call(right, send))
        except RefusedError as error:
            if error.gone:
                return None
            raise

    def _remove(self, right: str, send: Callable[[], str]) -> None:
        try:
            self._call(right, send)
        except RefusedError as error:
            if not error.gone:
                raise

    def _call(self, right: str, send: Callable[[], str], secret: str = "") -> Any:
        try:
            text = send()
            return json.loads(text) if text.strip() else None
        except MinioAdminException as error:
            # `from None`: the package's own text quotes the whole answer.
            asked = Asked(self._host, self._key, right, self.now, (self._secret, secret))
            raise refused(asked, int(error._code), error._body) from None
        except HTTPError as error:
            raise unanswered(self._host, error) from None
        except (ValueError, OSError) as error:
            raise unreadable(self._host, error) from None


class _Admin(MinioAdmin):
    """The package's client, with what it lacks: a key for somebody else than the one who asks."""

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
        # The package's own stumbles over what its constructor refused.
        if hasattr(self, "_http"):
            self._http.clear()


class _Pool(urllib3.PoolManager):
    """Connections, and what time it was at the store when it last answered."""

    date: datetime | None = None

    def urlopen(  # type: ignore[override]  # as urllib3's own is
        self, method: str, url: str, redirect: bool = True, **request: Any
    ) -> urllib3.BaseHTTPResponse:
        response = super().urlopen(method, url, redirect, **request)
        try:
            self.date = parsedate_to_datetime(response.headers["Date"]).astimezone(UTC)
        except (KeyError, ValueError):
            self.date = None
        return response


class _ProxiedPool(_Pool, urllib3.ProxyManager):
    pass


def _pool(endpoint: str) -> _Pool:
    settings: dict[str, Any] = {
        "timeout": _TIMEOUT,
        "maxsize": 32,
        "cert_reqs": "CERT_REQUIRED",
        "ca_certs": os.environ.get("SSL_CERT_FILE") or os.environ.get("AWS_CA_BUNDLE") or certifi.where(),
        # What was turned away unread is sent again, whatever the verb; what may have been done is not. No redirects:
        # a signature is good for one address.
        "retries": urllib3.Retry(
            total=4, connect=2, read=0, other=0, status=4, redirect=False, allowed_methods=None,
            status_forcelist=(503,), backoff_factor=BACKOFF, respect_retry_after_header=False,
            raise_on_status=False,
        ),
    }  # fmt: skip
    parts = urlsplit(endpoint)
    proxy = getproxies().get(parts.scheme)
    if proxy and not is_loopback(endpoint) and not proxy_bypass(parts.hostname or ""):
        return _ProxiedPool(proxy if "://" in proxy else f"http://{proxy}", **settings)
    return _Pool(**settings)
