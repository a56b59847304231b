"""boto3's clients of one provider, and everything that its settings say."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

GONE = {"404", "NoSuchBucket", "NoSuchEntity", "NoSuchLifecycleConfiguration", "NoSuchPublicAccessBlockConfiguration"}
GONE |= {"ServerSideEncryptionConfigurationNotFoundError"}


class AwsError(Exception):
    """What the user reads."""


class Clients:
    """Of the settings that `aws.Provider` was given; what is no text comes as JSON."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        endpoints: dict[str, str] = {}
        for group in json.loads(settings.get("endpoints") or "[]"):
            endpoints |= group
        self._region = settings.get("region") or "us-east-1"
        self._keys = {
            "aws_access_key_id": settings.get("accessKey"),
            "aws_secret_access_key": settings.get("secretKey"),
        }
        style = {"addressing_style": "path"} if settings.get("s3UsePathStyle") == "true" else {}
        # The machine's proxies are not for a store beside the tests.
        self._config = Config(s3=style, proxies={}, retries={"total_max_attempts": 2})
        self._endpoints = endpoints

    @property
    def s3(self) -> Any:
        return self._client("s3")

    @property
    def iam(self) -> Any:
        return self._client("iam")

    def _client(self, service: str) -> Any:
        # A session of its own: the default one is not safe between threads.
        return boto3.session.Session(**self._keys, region_name=self._region).client(
            service, endpoint_url=self._endpoints.get(service), config=self._config
        )


@contextmanager
def received(what: str) -> Iterator[None]:
    """An error of the store, as text that begins with what was done."""
    try:
        yield
    except ClientError as error:
        found = error.response["Error"]
        msg = f"{what}: {found.get('Code')}: {found.get('Message')}"
        raise AwsError(msg) from error
    except BotoCoreError as error:
        msg = f"{what}: {error}"
        raise AwsError(msg) from error


@contextmanager
def unless_gone() -> Iterator[None]:
    """What is gone is no error."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"].get("Code") not in GONE:
            raise
