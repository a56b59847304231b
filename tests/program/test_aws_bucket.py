"""What pulumi-aws is given, to the letter: its plugin can't be had here, and the stand-in takes what it gets."""

import json
import sys

import pulumi
import pytest

from ambient_components import Bucket, ClusterProviders, Workspace
from ambient_components.rules.buckets import access_policy
from tests.program.test_states import plain
from tests.program.test_workspace import FULL
from tests.support.registrations import Secret

AWS = "https://s3.eu-central-1.amazonaws.com"
BUCKET = {"name": "payments-sessions", "driver": "aws", "endpoint": AWS}
USER = "ambient-payments-c5abc4312a78"
MARK = {"ambient-components/owner": "project/fleet"}
EVERYTHING = {
    **BUCKET,
    "versioning": True,
    "expire_after": "90d",
    "tags": {"team": "payments", "cost": "4711"},
    "object_lock": True,
    "encryption": "aws:kms",
    "on_delete": "delete",
    "force": True,
    "credentials": {"lifetime": "30d", "rotate_before": "7d", "overlap": "1d"},
}
STORE = {
    "endpoint": "http://127.0.0.1:7070",
    "iam_endpoint": "http://127.0.0.1:7071",
    "region": "eu-central-1",
    "access_key": "root",
    "secret_key": "v-root",
}
IN_AWS = ("aws:s3/", "aws:iam/")


@pytest.fixture
def aws(record):
    """A Workspace `payments` with a bucket, with the store's own provider of pulumi-aws."""

    def aws(bucket, preview=False, store=STORE, **args):
        def program():
            providers = ClusterProviders.of("cluster", unguarded=True, **({"store": store} if store else {})).with_aws
            given = {"owner": "project/fleet", "storage": {"bucket": bucket}, **args}
            Workspace("payments", **given, opts=pulumi.ResourceOptions(providers=providers))

        return record(program, preview=preview)

    return aws


def declared(recording):
    """Everything of pulumi-aws's, as type and inputs, by logical name."""
    properties = {}
    for item in recording:
        if item.type.startswith(IN_AWS):
            properties.setdefault(item.name, {})[item.type] = item.inputs
    return properties


POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "List",
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": ["arn:aws:s3:::payments-sessions"],
        },
        {
            "Sid": "Objects",
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
            "Resource": ["arn:aws:s3:::payments-sessions/*"],
        },
    ],
}


def with_policies(found):
    """Policies as documents: the text of JSON says nothing."""
    for kinds in found.values():
        for kind, inputs in kinds.items():
            if kind.endswith(":UserPolicy"):
                kinds[kind] = {**inputs, "policy": json.loads(inputs["policy"])}
    return found


OF_THE_USER = {
    "aws:iam/user:User": {"name": USER, "forceDestroy": True, "tags": MARK},
    "aws:iam/userPolicy:UserPolicy": {"name": "storage", "user": USER, "policy": POLICY},
}
BLOCK = {
    "bucket": "payments-sessions",
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}


def test_every_field_reaches_its_resource(aws):
    assert with_policies(declared(aws(EVERYTHING))) == {
        "payments/storage/bucket": {
            "aws:s3/bucket:Bucket": {
                "bucket": "payments-sessions",
                "tags": {**MARK, "cost": "4711", "team": "payments"},
                "forceDestroy": True,
                "objectLockEnabled": True,
            },
            "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": BLOCK,
            "aws:s3/bucketVersioning:BucketVersioning": {
                "bucket": "payments-sessions",
                "versioningConfiguration": {"status": "Enabled"},
            },
            "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
                "bucket": "payments-sessions",
                "rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms"}}],
            },
            "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
                "bucket": "payments-sessions",
                "rules": [
                    {
                        "id": "ambient-components-expire",
                        "status": "Enabled",
                        "filter": {},
                        "expiration": {"days": 90},
                        "noncurrentVersionExpiration": {"noncurrentDays": 90},
                        "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
                    }
                ],
            },
        },
        "payments/storage/credentials/g1": OF_THE_USER,
    }


def test_public_access_is_blocked_on_aws_alone(aws):
    elsewhere = aws({**BUCKET, "endpoint": "https://s3.example.com"})
    assert elsewhere.of("BucketPublicAccessBlock") == []
    for endpoint in ("https://s3.cn-north-1.amazonaws.com.cn", "https://s3.us-gov-west-1.amazonaws.com"):
        assert aws({**BUCKET, "endpoint": endpoint}).of("BucketPublicAccessBlock")


def test_of_a_shared_bucket_only_the_workspaces_part_is_opened(aws):
    recording = aws({**BUCKET, "shared": True})
    assert recording.tree("Bucket payments/storage") == {
        "Bucket payments/storage": [
            "S3Credentials payments/storage/credentials",
            "User payments/storage/credentials/g1",
            "UserPolicy payments/storage/credentials/g1",
        ]
    }
    policy = json.loads(recording.of("UserPolicy")[0].inputs["policy"])
    assert policy == access_policy("payments-sessions", "payments/")
    assert recording.of("S3Credentials")[0].inputs["prefix"] == "payments/"


# Life.


@pytest.mark.parametrize(
    ("of_workspace", "of_bucket", "how", "protected", "kept", "marked"),
    [
        ("active", "active", "keep", True, True, True),
        ("active", "active", "delete", True, False, True),
        ("active", "released", "keep", False, True, False),
        ("closed", "active", "keep", False, True, True),
        ("closed", "active", "delete", False, False, True),
        ("released", "active", "keep", False, True, False),
        ("released", "active", "delete", False, True, False),
    ],
)
def test_what_each_state_protects_and_keeps(aws, of_workspace, of_bucket, how, protected, kept, marked):
    bucket = {**EVERYTHING, "state": of_bucket, "on_delete": how, "force": how == "delete"}
    recording = aws(bucket, state=of_workspace)
    own = recording.named("Bucket", "payments/storage/bucket")
    assert (own.protect, own.retain_on_delete) == (protected, kept)
    assert ("ambient-components/owner" in own.inputs["tags"]) == marked
    others = [item for item in recording if item.name == own.name and item is not own]
    assert [item.urn for item in others if item.protect] == []
    for item in others:
        # The expiry goes where its line goes; with the bucket it stays or goes as that does.
        lifecycle = item.type.endswith(":BucketLifecycleConfiguration")
        assert item.retain_on_delete == (not lifecycle or of_workspace == "released")
        assert item.deleted_with == (own.urn if lifecycle else "")
    access = [item for item in recording if item.type.endswith((":User", ":UserPolicy", ":S3Credentials"))]
    assert len(access) == (0 if of_workspace == "closed" else 3)
    for item in access:
        assert (item.protect, item.deleted_with) == (False, "")
        assert item.retain_on_delete == (of_workspace == "released")
        if item.type.endswith(":User"):
            assert item.inputs.get("tags", {}) == ({} if of_workspace == "released" else MARK)


def test_a_release_takes_our_marks_and_nothing_else(aws):
    active, released = aws(EVERYTHING, **FULL), aws(EVERYTHING, **FULL, state="released")
    assert active.registrations.keys() == released.registrations.keys()
    for before in active:
        if not before.type.startswith(IN_AWS):
            continue
        after = released.registrations[before.urn]
        assert plain(after, "inputs", "retain_on_delete", "protect") == plain(
            before, "inputs", "retain_on_delete", "protect"
        )
        tags = {key: value for key, value in before.inputs.get("tags", {}).items() if key not in MARK}
        assert after.inputs == {**before.inputs, **({"tags": tags} if "tags" in before.inputs else {})}


def test_a_new_generation_is_another_user_beside_the_old_one(aws):
    first, second = (aws({**BUCKET, "credentials": {"generation": one}}) for one in (1, 2))
    assert first.names("User") == ["payments/storage/credentials/g1"]
    # pulumi-aws would rename a user whose name changes: its old keys would live on. No alias leads there.
    for kind in ("User", "UserPolicy"):
        again = second.named(kind, "payments/storage/credentials/g2")
        assert again.former_names == frozenset()
    old, new = first.of("S3Credentials")[0], second.of("S3Credentials")[0]
    assert old.urn == new.urn
    assert (new.inputs["generation"], new.inputs.get("incomplete")) == (2, None)
    assert {second.label(urn) for urn in new.depends_on} >= {
        "User payments/storage/credentials/g2",
        "UserPolicy payments/storage/credentials/g2",
        "Bucket payments/storage/bucket",
    }


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("state", ["active", "closed", "released"])
def test_a_preview_asks_for_what_the_update_asks_for(aws, state, generation):
    bucket = {**EVERYTHING, "credentials": {"generation": generation}}
    preview, update = (aws(bucket, preview=preview, state=state) for preview in (True, False))
    assert preview.registrations.keys() == update.registrations.keys()
    for item in preview:
        other = update.registrations[item.urn]
        assert item.depends_on == other.depends_on
        if not item.type.endswith(":WorkspaceSecret"):
            assert item.inputs == other.inputs


# The provider.


def test_the_provider_of_a_store_that_is_not_aws(aws):
    recording = aws(BUCKET)
    provider = recording.named("aws", "cluster")
    assert provider.inputs == {
        "region": "eu-central-1",
        "accessKey": Secret("root"),
        "secretKey": Secret("v-root"),
        "endpoints": json.dumps(
            [
                {
                    "s3": "http://127.0.0.1:7070",
                    "s3control": "http://127.0.0.1:7070",
                    "iam": "http://127.0.0.1:7071",
                    "sts": "http://127.0.0.1:7071",
                }
            ]
        ),
        "s3UsePathStyle": "true",
        "skipCredentialsValidation": "true",
        "skipMetadataApiCheck": "true",
        "skipRegionValidation": "true",
        "skipRequestingAccountId": "true",
    }
    assert {item.provider for item in recording if item.type.startswith(IN_AWS)} == {"cluster"}
    assert "v-root" not in recording.plain_text()


@pytest.mark.parametrize(
    ("store", "inputs"),
    [
        ({"region": "eu-west-1"}, {"region": "eu-west-1"}),
        # Said as it is by default: IAM and the rest are at other addresses than S3.
        ({"region": "eu-west-1", "endpoint": "https://s3.eu-west-1.amazonaws.com"}, {"region": "eu-west-1"}),
        # The SDK would take the region from whatever machine runs.
        ({"credentials": "iam"}, {"region": "us-east-1"}),
        (
            {"region": "eu-west-1", "access_key": "AKIA", "secret_key": "v-root"},
            {"region": "eu-west-1", "accessKey": Secret("AKIA"), "secretKey": Secret("v-root")},
        ),
        (
            {"iam_endpoint": "https://iam.example.com"},
            {
                "region": "us-east-1",
                "endpoints": '[{"iam": "https://iam.example.com", "sts": "https://iam.example.com"}]',
            },
        ),
    ],
    ids=str,
)
def test_the_provider_of_aws_itself(aws, monkeypatch, store, inputs):
    monkeypatch.setenv("AWS_REGION", "of-this-machine")
    defaults_of_the_sdk = {"skipCredentialsValidation": "false", "skipRegionValidation": "true"}
    assert aws(BUCKET, store=store).named("aws", "cluster").inputs == {**defaults_of_the_sdk, **inputs}


def test_without_a_store_the_ambient_provider_of_pulumi_aws_is_used(aws):
    recording = aws(BUCKET, store=None)
    assert recording.names("aws") == []
    assert {item.provider for item in recording if item.type.startswith(IN_AWS)} == {""}


def test_nobody_who_has_no_such_bucket_needs_pulumi_aws(workspace, monkeypatch):
    monkeypatch.setitem(sys.modules, "pulumi_aws", None)
    assert workspace(bucket={**BUCKET, "driver": "s3"}).of("S3Bucket")


def test_a_missing_pulumi_aws_is_said_before_anything_is_declared(record, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"driver: needs boto3 and pulumi-aws, .* \(the extra aws\)"):
        record(lambda: Bucket("sessions", **{"owner": "p/f", **BUCKET}))
