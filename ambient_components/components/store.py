"""The object store of a cluster: settings of our provider, and a pulumi-aws provider for the same store."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

import pulumi

from ambient_components.storage.config import REGION_DEFAULT, is_aws

if TYPE_CHECKING:
    from ambient_components.resources import ProviderArgs


class StoreArgs(TypedDict):
    """One store. Everything is optional: by default it is AWS."""

    endpoint: NotRequired[str]
    """Its S3 API, https://HOST or http://HOST, as the machine reaches it that pulumi runs on. Default: AWS."""

    iamEndpoint: NotRequired[str]
    """Its API for users and access keys, where that is another address."""

    region: NotRequired[str]
    """Default us-east-1, which stores take that have no regions."""

    credentials: NotRequired[str]
    """By which API users are made: iam (default), or minio for MinIO's admin API."""

    accessKey: NotRequired[pulumi.Input[str]]
    """Of who may make buckets and users. Without the two: as AWS's own tools find them."""

    secretKey: NotRequired[pulumi.Input[str]]
    """Kept as a secret."""


def store_settings(store: StoreArgs) -> "ProviderArgs":
    """The store as settings of our provider."""
    names = {
        "endpoint": "storeEndpoint",
        "iamEndpoint": "storeIamEndpoint",
        "region": "storeRegion",
        "credentials": "storeCredentials",
        "accessKey": "storeAccessKey",
        "secretKey": "storeSecretKey",
    }
    settings = {name: value for key, name in names.items() if (value := store.get(key)) is not None}
    return cast("ProviderArgs", settings)


def aws_provider(name: str, store: StoreArgs) -> pulumi.ProviderResource:
    """A pulumi-aws provider for the store.

    A store that is not AWS has no account, no metadata service and no regions of AWS's; its buckets are paths, as their
    names are no hosts. The region is always said: the SDK would take it from the environment of whatever machine runs.
    """
    settings: dict[str, Any] = {"region": store.get("region") or REGION_DEFAULT}
    said = store.get("endpoint") or ""
    # AWS's own address of S3 is no other service's: pulumi-aws knows them all.
    endpoint = "" if is_aws(said) else said
    iam = store.get("iamEndpoint") or endpoint
    addresses = {"s3": endpoint, "s3control": endpoint, "iam": iam, "sts": iam}
    if endpoint or iam:
        settings["endpoints"] = [{service: address for service, address in addresses.items() if address}]
    if endpoint:
        settings |= {
            "s3_use_path_style": True,
            "skip_credentials_validation": True,
            "skip_metadata_api_check": True,
            "skip_region_validation": True,
            "skip_requesting_account_id": True,
        }
    if store.get("accessKey") is not None:
        settings |= {"access_key": store["accessKey"], "secret_key": store.get("secretKey")}
    made: pulumi.ProviderResource = import_module("pulumi_aws").Provider(name, **settings)
    return made
