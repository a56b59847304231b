"""The object store of a stack: its settings, and clients of its two APIs, created on first use."""

import os
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ambient_components._version import VERSION
from ambient_components.cluster.kubeconfig import is_loopback
from ambient_components.errors import StepError
from ambient_components.provider.store.accounts import Accounts
from ambient_components.provider.store.client import Api
from ambient_components.provider.store.errors import IAM, S3, Request, explained, no_credentials
from ambient_components.provider.store.iam import IamAccounts
from ambient_components.provider.store.minio import MinioAccounts
from ambient_components.rules import extras
from ambient_components.rules.object_store import MINIO, StoreConfig, is_aws

if TYPE_CHECKING:
    from boto3 import Session

_CONNECT: Final = 10
_READ: Final = 60
_AT_ONCE: Final = 32
"""At least as many connections as the engine runs steps in parallel on an ordinary machine."""


@dataclass(frozen=True, slots=True)
class StoreSettings(StoreConfig):
    """Address and credentials of a store. All fields are optional: the default is AWS with its credential chain."""

    secret_key: str = field(default="", repr=False)

    @property
    def users(self) -> str:
        """Address of the API for users and keys; empty means AWS's, which differs from its S3 address."""
        return self.iam_endpoint or ("" if is_aws(self.endpoint) else self.endpoint)

    @property
    def name(self) -> str:
        return _name(self.endpoint, S3)

    @property
    def where(self) -> str:
        """Address without spaces, for records about buckets."""
        return self.endpoint.rstrip("/") or "aws"


class Store:
    """One store, connected on first use: a run without buckets imports and connects nothing."""

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        # Creating clients is not thread-safe; using them is.
        self._lock = threading.RLock()
        self._session: Session | None = None
        self._s3: Api | None = None
        self._accounts: Accounts | None = None

    def __repr__(self) -> str:
        return f"Store({self.settings.where})"

    @property
    def s3(self) -> Api:
        with self._lock:
            if self._s3 is None:
                _require(extras.S3)
                self._s3 = self._api(S3, self.settings.endpoint)
            return self._s3

    @property
    def accounts(self) -> Accounts:
        with self._lock:
            if self._accounts is None:
                _require(extras.store_extra(self.settings.credentials))
                self._accounts = self._by_minio() if self.settings.credentials == MINIO else self._by_iam()
            return self._accounts

    def _by_iam(self) -> Accounts:
        return IamAccounts(self._api(IAM, self.settings.users))

    def _by_minio(self) -> Accounts:
        # Imported on use, because most stacks have no MinIO.
        from ambient_components.provider.store.minio_client import MinioClient  # noqa: PLC0415

        settings = self.settings
        endpoint = settings.users
        key, secret = settings.access_key, settings.secret_key
        if not key:
            request = Request(IAM, _name(endpoint, IAM), "", "")
            try:
                credentials = self._connected().get_credentials()
                frozen = credentials.get_frozen_credentials() if credentials else None
            except Exception as error:  # `explained` knows all exceptions of botocore, and raises others again
                raise explained(request, error) from None
            if frozen is None or not frozen.access_key or not frozen.secret_key:
                raise no_credentials(request)
            key, secret = frozen.access_key, frozen.secret_key
        return MinioAccounts(MinioClient(endpoint, key, secret, settings.region))

    def _api(self, api: str, endpoint: str) -> Api:
        from botocore.config import Config  # noqa: PLC0415  # a run without buckets does not wait for it

        settings = self.settings
        name = _name(endpoint, api)
        config = Config(  # type: ignore[call-arg]  # the stubs lack ignore_configured_endpoint_urls
            connect_timeout=_CONNECT,
            read_timeout=_READ,
            max_pool_connections=_AT_ONCE,
            retries={"mode": "standard", "total_max_attempts": 1},  # `Api` retries itself
            # Bucket names need not be valid host names.
            s3={"addressing_style": "path"},
            # Other stores do not support the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # The stack determines the store, not the machine.
            ignore_configured_endpoint_urls=True,
            user_agent_extra=f"ambient-components/{VERSION}",
            # The environment's proxy would apply even to this machine.
            proxies={} if is_loopback(endpoint) else None,
        )
        try:
            client: Any = self._connected().client(  # type: ignore[call-overload]  # one of two services
                api,
                endpoint_url=endpoint or None,
                config=config,
                verify=os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or None,
            )
        except Exception as error:  # `explained` knows all exceptions of botocore, and raises others again
            raise explained(Request(api, name, settings.access_key, ""), error) from None
        return Api(client, api, name, settings.access_key, (settings.secret_key,))

    def _connected(self) -> "Session":
        with self._lock:
            if self._session is None:
                import boto3  # noqa: PLC0415  # a run without buckets does not wait for it
                import botocore.session  # noqa: PLC0415

                settings = self.settings
                # With its own keys it reads no profile, and a missing profile is no error.
                alone = {"profile": (None, None, None, None)} if settings.access_key else {}
                self._session = boto3.Session(
                    aws_access_key_id=settings.access_key or None,
                    aws_secret_access_key=settings.secret_key or None,
                    region_name=settings.region,
                    botocore_session=botocore.session.Session(session_vars=alone),
                )
            return self._session


def _require(extra: str) -> None:
    """Raise a StepError that names the extra if a library of it is not installed."""
    if verdict := extras.not_installed(extra):
        problem, remedy = verdict
        msg = f"the object store {problem}"
        raise StepError(msg, remedy)


def _name(endpoint: str, api: str) -> str:
    if not endpoint:
        return "AWS's IAM" if api == IAM else "AWS's S3"
    return f"the object store at {urlsplit(endpoint).netloc.rpartition('@')[2]}"
