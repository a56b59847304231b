"""The object store of a cluster, as settings of this project's provider and as a pulumi-aws provider."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, cast

import pulumi

from ambient_components.storage.config import REGION_DEFAULT, is_aws

if TYPE_CHECKING:
    from ambient_components.resources import ProviderArgs


class StoreArgs(TypedDict):
    """One object store. All fields are optional; the default is AWS."""

    endpoint: NotRequired[str]
    """Address of its S3 API for pulumi's machine, https://HOST or http://HOST. Default: AWS."""

    iamEndpoint: NotRequired[str]
    """Address of its API for users and access keys, if it differs."""

    region: NotRequired[str]
    """Region; default us-east-1, for stores that have none."""

    credentials: NotRequired[str]
    """API for users: iam (default), or minio for MinIO's admin API."""

    accessKey: NotRequired[pulumi.Input[str]]
    """Access key that may create buckets and users. Default for both keys: AWS's credential chain."""

    secretKey: NotRequired[pulumi.Input[str]]
    """Stored as a secret."""


def store_settings(store: StoreArgs) -> "ProviderArgs":
    """Return the store as settings of this project's provider."""
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
    """Return a pulumi-aws provider for the store.

    Other stores have no AWS account, metadata service or regions, and their bucket names are not host names, so buckets
    are paths. The region is always set: the SDK would read it from the environment of the machine.
    """
    settings: dict[str, Any] = {"region": store.get("region") or REGION_DEFAULT}
    said = store.get("endpoint") or ""
    # AWS's S3 address is not its address for other services, and pulumi-aws knows all of them.
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
