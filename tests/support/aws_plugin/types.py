"""The types of pulumi-aws that we declare, each as few calls of boto3 as it takes."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from tests.support.aws_plugin.clients import AwsError, Clients, unless_gone

Values = Mapping[str, Any]


class AwsType:
    """One type; a setting of a bucket unless it says otherwise."""

    token = ""
    fixed: frozenset[str] = frozenset({"bucket"})
    """Inputs that only another object can have."""

    def create(self, aws: Clients, news: Values) -> tuple[str, Values]:
        """Id and outputs."""
        self.write(aws, news)
        return news["bucket"], {}

    def update(self, aws: Clients, olds: Values, news: Values) -> Values:
        self.write(aws, news)
        return {}

    def write(self, aws: Clients, news: Values) -> None:
        raise NotImplementedError

    def read(self, aws: Clients, identity: str, state: Values) -> Values | None:
        """What there is of its inputs; None where it is gone."""
        raise NotImplementedError

    def delete(self, aws: Clients, identity: str, state: Values) -> None:
        raise NotImplementedError


class Bucket(AwsType):
    token = "aws:s3/bucket:Bucket"
    fixed = frozenset({"bucket", "objectLockEnabled"})

    def create(self, aws: Clients, news: Values) -> tuple[str, Values]:
        name = news["bucket"]
        with unless_gone():
            aws.s3.head_bucket(Bucket=name)
            # The store would say so too, but for its first region.
            msg = f"creating S3 Bucket ({name}): BucketAlreadyOwnedByYou"
            raise AwsError(msg)
        lock = {"ObjectLockEnabledForBucket": True} if news.get("objectLockEnabled") else {}
        aws.s3.create_bucket(Bucket=name, **lock)
        self._tag(aws, news)
        return name, {"arn": f"arn:aws:s3:::{name}"}

    def update(self, aws: Clients, olds: Values, news: Values) -> Values:
        if olds.get("tags") != news.get("tags"):
            self._tag(aws, news)
        return {"arn": f"arn:aws:s3:::{news['bucket']}"}

    def _tag(self, aws: Clients, news: Values) -> None:
        tags = [{"Key": key, "Value": value} for key, value in (news.get("tags") or {}).items()]
        if tags:
            aws.s3.put_bucket_tagging(Bucket=news["bucket"], Tagging={"TagSet": tags})
        else:
            aws.s3.delete_bucket_tagging(Bucket=news["bucket"])

    def read(self, aws: Clients, identity: str, state: Values) -> Values | None:
        try:
            aws.s3.head_bucket(Bucket=identity)
        except aws.s3.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchBucket"):
                return None
            raise
        try:
            found = aws.s3.get_bucket_tagging(Bucket=identity)["TagSet"]
        except aws.s3.exceptions.ClientError:
            found = []
        return {"bucket": identity, "tags": {tag["Key"]: tag["Value"] for tag in found}}

    def delete(self, aws: Clients, identity: str, state: Values) -> None:
        with unless_gone():
            if state.get("forceDestroy"):
                for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=identity):
                    for one in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                        aws.s3.delete_object(Bucket=identity, Key=one["Key"], VersionId=one["VersionId"])
            aws.s3.delete_bucket(Bucket=identity)


class BucketVersioning(AwsType):
    token = "aws:s3/bucketVersioning:BucketVersioning"

    def write(self, aws: Clients, news: Values) -> None:
        status = news["versioningConfiguration"]["status"]
        aws.s3.put_bucket_versioning(Bucket=news["bucket"], VersioningConfiguration={"Status": status})

    def read(self, aws: Clients, identity: str, state: Values) -> Values | None:
        status = aws.s3.get_bucket_versioning(Bucket=identity).get("Status") or "Disabled"
        return {"bucket": identity, "versioningConfiguration": {"status": status}}

    def delete(self, aws: Clients, identity: str, state: Values) -> None:
        self.write(aws, {"bucket": identity, "versioningConfiguration": {"status": "Suspended"}})


class BucketLifecycleConfiguration(AwsType):
    token = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"

    def write(self, aws: Clients, news: Values) -> None:
        rules = [
            {
                "ID": rule["id"],
                "Status": rule["status"],
                "Filter": {"Prefix": ""},
                "Expiration": {"Days": rule["expiration"]["days"]},
            }
            for rule in news["rules"]
        ]
        aws.s3.put_bucket_lifecycle_configuration(Bucket=news["bucket"], LifecycleConfiguration={"Rules": rules})

    def read(self, aws: Clients, identity: str, state: Values) -> Values | None:
        with unless_gone():
            aws.s3.get_bucket_lifecycle_configuration(Bucket=identity)
            return {"bucket": identity, "rules": state["rules"]}
        return None

    def delete(self, aws: Clients, identity: str, state: Values) -> None:
        with unless_gone():
            aws.s3.delete_bucket_lifecycle(Bucket=identity)


class BucketEncryption(AwsType):
    token = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"

    def write(self, aws: Clients, news: Values) -> None:
        rules = [
            {
                "ApplyServerSideEncryptionByDefault": {
                    "SSEAlgorithm": rule["applyServerSideEncryptionByDefault"]["sseAlgorithm"]
                }
            }
            for rule in news["rules"]
        ]
        aws.s3.put_bucket_encryption(Bucket=news["bucket"], ServerSideEncryptionConfiguration={"Rules": rules})

    def read(self, aws: Clients, identity: str, state: Values) -> Values | None:
        with unless_gone():
            aws.s3.get_bucket_encryption(Bucket=identity)
            return {"bucket": identity, "rules": state["rules"]}
        return None

    def delete(self, aws: Clients, identity: str, state: Values) -> None:
        with unless_gone():
            aws.s3.delete_bucket_encryption(Bucket=identity)


class BucketPublicAccessBlock(AwsType):
    token = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"

    def write(self, aws: Clients, news: Values) -> None:
        flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        block = {flag[0].upper() + flag[1:]: bool(news.get(flag)) for flag in flags}
        aws.s3.put_public_access_block(Bucket=news["bucket"], PublicAccessBlockConfiguration=block)

    def read(self, aws: Clients, identity: str, state: Values) -> Values | None:
        with unless_gone():
            aws.s3.get_public_access_block(Bucket=identity)
            return {**state}
        return None

    def delete(self, aws: Clients, identity: str, state: Values) -> None:
        with unless_gone():
            aws.s3.delete_public_access_block(Bucket=identity)


class User(AwsType):
    token = "aws:iam/user:User"
    fixed = frozenset()

    def create(self, aws: Clients, news: Values) -> tuple[str, Values]:
        tags = [{"Key": key, "Value": value} for key, value in (news.get("tags") or {}).items()]
        made = aws.iam.create_user(UserName=news["name"], **({"Tags": tags} if tags else {}))["User"]
        return news["name"], {"arn": made["Arn"]}

    def update(self, aws: Clients, olds: Values, news: Values) -> Values:
        if olds["name"] != news["name"]:
            # As pulumi-aws does: the same user, with its keys, under another name.
            aws.iam.update_user(UserName=olds["name"], NewUserName=news["name"])
        before, after = olds.get("tags") or {}, news.get("tags") or {}
        if gone := sorted(before.keys() - after.keys()):
            aws.iam.untag_user(UserName=news["name"], TagKeys=gone)
        if after:
            tags = [{"Key": key, "Value": value} for key, value in after.items()]
            aws.iam.tag_user(UserName=news["name"], Tags=tags)
        return {"arn": olds.get("arn")}

    def read(self, aws: Clients, identity: str, state: Values) -> Values | None:
        with unless_gone():
            found = aws.iam.get_user(UserName=identity)["User"]
            own = set(state.get("tags") or {})
            tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ()) if tag["Key"] in own}
            return {"name": identity, "arn": found["Arn"], "tags": tags}
        return None

    def delete(self, aws: Clients, identity: str, state: Values) -> None:
        with unless_gone():
            if state.get("forceDestroy"):
                for key in aws.iam.list_access_keys(UserName=identity)["AccessKeyMetadata"]:
                    aws.iam.delete_access_key(UserName=identity, AccessKeyId=key["AccessKeyId"])
            aws.iam.delete_user(UserName=identity)


class UserPolicy(AwsType):
    token = "aws:iam/userPolicy:UserPolicy"
    fixed = frozenset({"user", "name"})

    def create(self, aws: Clients, news: Values) -> tuple[str, Values]:
        self.write(aws, news)
        return f"{news['user']}:{news['name']}", {}

    def write(self, aws: Clients, news: Values) -> None:
        aws.iam.put_user_policy(UserName=news["user"], PolicyName=news["name"], PolicyDocument=news["policy"])

    def read(self, aws: Clients, identity: str, state: Values) -> Values | None:
        user, _, name = identity.partition(":")
        with unless_gone():
            found = aws.iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]
            text = json.dumps(found) if isinstance(found, dict) else unquote(found)
            same = json.loads(text) == json.loads(state["policy"])
            return {"user": user, "name": name, "policy": state["policy"] if same else text}
        return None

    def delete(self, aws: Clients, identity: str, state: Values) -> None:
        user, _, name = identity.partition(":")
        with unless_gone():
            aws.iam.delete_user_policy(UserName=user, PolicyName=name)


TYPES: dict[str, AwsType] = {
    one.token: one
    for one in (
        Bucket(),
        BucketVersioning(),
        BucketLifecycleConfiguration(),
        BucketEncryption(),
        BucketPublicAccessBlock(),
        User(),
        UserPolicy(),
    )
}
"""By type token."""
