"""What a state says of workspaces' own buckets, and how it reads."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ambient_components.cli.show.summary_text import as_text, bucket_warnings
from ambient_components.cli.tables import plain_value
from ambient_components.stacks.deployed import AccessKey, DeployedBucket
from ambient_components.stacks.reading import read_deployed

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECRET = "v1:nobody:shows-this"
PARENT = "ambient:index:Workspace$ambient:index:Bucket"
ENTRY = {
    "name": "payments-sessions",
    "driver": "s3",
    "endpoint": "http://minio.minio.svc:9000",
    "generation": 1,
    "lifetimeSeconds": 7_776_000,
}


def resource(kind: str, part: str, outputs: Any = None, workspace: str = "payments", **more: Any) -> dict[str, Any]:
    name = f"{workspace}/storage{f'/{part}' if part else ''}"
    return {
        "urn": f"urn:pulumi:dev::p::{PARENT}${kind}::{name}",
        "type": kind,
        "inputs": {},
        "outputs": outputs or {},
        **more,
    }


def credentials(**more: Any) -> dict[str, Any]:
    outputs = {
        "user": "ambient-payments-0123456789ab",
        "bucket": "payments-sessions",
        "generation": 1,
        "accessKey": "AKIA2",
        "secretKey": {"ciphertext": SECRET},
        "current": {"handle": "AKIA2", "uid": "AKIA2", "generation": 1, "expiresAt": "2027-02-20T09:00:00Z"},
        "retiring": [],
        "pendingRevocations": [],
        "nextAction": {"what": "rotate", "at": "2027-02-06T09:00:00Z"},
        "foreign": [],
        "drift": {},
        **more,
    }
    return resource("ambient:index:S3Credentials", "credentials", outputs)


def state(
    entry: Any = ENTRY, workspace: str = "active", *items: dict[str, Any], of_key: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A workspace with this bucket in the ledger; without further resources its bucket and its credentials."""
    declared: dict[str, Any] = {"state": workspace, "owners": [], "grants": {}, "keys": {}}
    if entry:
        declared["bucket"] = copy.deepcopy(entry)
    ledger = resource("ambient:index:AccessLedger", "")
    ledger["inputs"] = {"workspaces": {"payments": declared}}
    bucket = resource("ambient:index:S3Bucket", "bucket", {"bucket": "payments-sessions"})
    deployed = list(items) or [resource("ambient:index:Bucket", ""), bucket, credentials(**(of_key or {}))]
    return {"deployment": {"resources": [ledger, *deployed]}}


def the_bucket(export: dict[str, Any]) -> DeployedBucket:
    (workspace,) = read_deployed(export, "dev", NOW).workspaces
    assert workspace.bucket is not None
    return workspace.bucket


def lines(export: dict[str, Any]) -> list[str]:
    return as_text(read_deployed(export, "dev", NOW)).splitlines()


def test_a_bucket_as_it_should_be() -> None:
    assert the_bucket(state()) == DeployedBucket(
        name="payments-sessions",
        driver="s3",
        endpoint="http://minio.minio.svc:9000",
        state="active",
        made=True,
        open=True,
        key=AccessKey(
            id="AKIA2",
            user="ambient-payments-0123456789ab",
            generation=1,
            expires_at=datetime(2027, 2, 20, 9, tzinfo=UTC),
            next_action="rotate",
            next_at=datetime(2027, 2, 6, 9, tzinfo=UTC),
        ),
    )
    assert lines(state()) == [
        "payments",
        "  no subject has access",
        "  bucket  payments-sessions  at http://minio.minio.svc:9000",
        "          access key until 2027-02-20 (87 days), new one from 2027-02-06",
    ]


def test_a_workspace_without_one_says_nothing_of_it() -> None:
    (workspace,) = read_deployed(state(None, "active", resource("x:Other", "")), "dev", NOW).workspaces
    assert workspace.bucket is None
    assert lines(state(None, "active", resource("x:Other", ""))) == ["payments", "  no subject has access"]


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"shared": True}, "payments-sessions  shared  at http://minio.minio.svc:9000"),
        ({"driver": "aws"}, "payments-sessions (by aws)  at http://minio.minio.svc:9000"),
        ({"state": "released"}, "payments-sessions  released  at http://minio.minio.svc:9000"),
        ({"endpoint": ""}, "payments-sessions"),
    ],
)
def test_whose_it_is_and_where(entry: dict[str, Any], line: str) -> None:
    assert lines(state({**ENTRY, **entry}))[2] == f"  bucket  {line}"


def test_an_existing_bucket_has_no_life_of_ours() -> None:
    export = state({"name": "s", "driver": "existing", "endpoint": "https://x"}, "active", resource("x:Bucket", ""))
    assert lines(export)[2:] == ["  bucket  s (by existing)  at https://x"]
    assert bucket_warnings(the_bucket(export), NOW) == []


def test_a_closed_workspace_keeps_its_bucket_and_has_no_key_to_it() -> None:
    bucket = resource("ambient:index:S3Bucket", "bucket", {"bucket": "payments-sessions"})
    export = state({key: ENTRY[key] for key in ("name", "driver", "endpoint")}, "closed", bucket)
    assert lines(export)[2:] == ["  bucket  payments-sessions  at http://minio.minio.svc:9000"]
    left = state(ENTRY, "closed", bucket, credentials())
    assert bucket_warnings(the_bucket(left), NOW) == ["an access key is still there: ambient up"]


def test_buckets_of_pulumi_aws_are_found_among_what_is_called_the_same() -> None:
    of_aws = [
        resource("aws:s3/bucketVersioning:BucketVersioning", "bucket", {"bucket": "payments-sessions"}),
        resource("aws:s3/bucket:Bucket", "bucket", {"bucket": "payments-sessions"}),
        resource("aws:iam/user:User", "credentials/g1"),
        credentials(),
    ]
    export = state({**ENTRY, "driver": "aws"}, "active", *of_aws)
    assert bucket_warnings(the_bucket(export), NOW) == []
    without = state({**ENTRY, "driver": "aws"}, "active", of_aws[0], of_aws[2])
    assert bucket_warnings(the_bucket(without), NOW) == ["declared, not made yet: ambient up"]


@pytest.mark.parametrize(
    ("outputs", "reported"),
    [
        ({"nextAction": {"what": "revoke", "at": "2026-12-01T00:00:00Z"}}, "old one ends from 2026-12-01"),
        ({"nextAction": {"what": "rotate", "at": "2026-11-25T12:00:00Z"}}, "new one due now"),
        ({"nextAction": None}, "access key until 2027-02-20 (87 days)"),
        ({"never": True, "current": {"handle": "AKIA2"}, "nextAction": None}, "access key without an end"),
        ({"never": True, "nextAction": None}, "access key until 2027-02-20 (87 days)"),
        (
            {"manual": True, "nextAction": {"what": "expire", "at": "2027-02-20T09:00:00Z"}},
            "access key until 2027-02-20 (87 days)",
        ),
        ({"current": {"handle": "AKIA2"}, "nextAction": None}, "access key of unknown end"),
        ({"current": {"handle": "A", "expiresAt": "2026-11-20T00:00:00Z"}}, "until 2026-11-20 (over), new one from"),
    ],
)
def test_the_life_of_its_key(outputs: dict[str, Any], reported: str) -> None:
    assert reported in lines(state(of_key=outputs))[3]


@pytest.mark.parametrize(
    ("outputs", "reported"),
    [
        (
            {"current": {"handle": "A", "expiresAt": "2027-01-01T00:00:00Z", "dead": "it was deleted"}},
            "its access key no longer works: it was deleted (ambient up makes a new one)",
        ),
        (
            {"current": {"handle": "A", "expiresAt": "2026-11-20T00:00:00Z"}},
            "its access key should have ended on 2026-11-20 00:00 UTC: ambient up",
        ),
        (
            {"never": True, "current": {"handle": "A", "dead": "it was deleted"}},
            "its access key no longer works: it was deleted (only another generation makes a new one: raise generation "
            "in storage.bucket.credentials, then ambient up)",
        ),
        (
            {"manual": True, "current": {"handle": "A", "expiresAt": "2027-01-01T00:00:00Z", "dead": "it is off"}},
            "its access key no longer works: it is off (only another generation makes a new one: raise generation in "
            "storage.bucket.credentials, then ambient up)",
        ),
        (
            {"never": True, "manual": False, "current": {"handle": "A", "dead": "it was deleted"}},
            "its access key no longer works: it was deleted (ambient up makes a new one)",
        ),
        (
            {"manual": True, "current": {"handle": "A", "expiresAt": "2026-11-20T00:00:00Z"}},
            "its access key should have ended on 2026-11-20 00:00 UTC: raise generation in storage.bucket.credentials, "
            "then ambient up",
        ),
        (
            {"drift": {"user": "removed", "policy": "changed"}},
            "changed by others (policy: changed, user: removed): ambient up fixes it",
        ),
        ({"foreign": ["AKIA9"]}, "opened as well by access keys made by hand: AKIA9"),
        ({"pendingRevocations": [{"handle": "AKIA1"}]}, "not revoked yet, still valid: AKIA1 (ambient up tries again)"),
        ({"accessKey": None, "current": None}, "nothing opens it yet: ambient up"),
    ],
)
def test_what_somebody_has_to_look_at_is_loud(outputs: dict[str, Any], reported: str) -> None:
    export, loud = state(of_key=outputs), []

    def paint(text: str, look: str) -> str:
        loud.extend([text] if look == "loud" else [])
        return text

    as_text(read_deployed(export, "dev", NOW), paint)
    assert loud == [f"    ! {reported}"]


def test_an_overlap_alone_needs_nobody() -> None:
    export = state(of_key={"retiring": [{"handle": "AKIA1"}]})
    assert the_bucket(export).key.retiring == ("AKIA1",)  # type: ignore[union-attr]
    assert bucket_warnings(the_bucket(export), NOW) == []


def test_what_is_not_declared_any_more() -> None:
    bucket = resource("ambient:index:S3Bucket", "bucket", {"bucket": "payments-sessions"})
    found = the_bucket(state(None, "active", bucket))
    assert (found.name, found.driver, found.state) == ("payments-sessions", None, None)
    assert bucket_warnings(found, NOW) == ["not declared any more, still there: ambient up"]


def test_what_a_replacement_left_hides_nothing() -> None:
    export = state()
    old = {**credentials(accessKey="AKIA0"), "delete": True}
    export["deployment"]["resources"].insert(1, old)
    assert the_bucket(export) == the_bucket(state())


def test_json_has_it_and_no_secret() -> None:
    summary = read_deployed(state(), "dev", NOW)
    bucket = plain_value(summary)["workspaces"][0]["bucket"]
    assert (bucket["name"], bucket["driver"], bucket["endpoint"], bucket["shared"]) == (
        "payments-sessions",
        "s3",
        "http://minio.minio.svc:9000",
        False,
    )
    key = bucket["key"]
    assert (key["id"], key["expiresAt"], key["nextAction"], key["nextAt"]) == (
        "AKIA2",
        "2027-02-20T09:00:00Z",
        "rotate",
        "2027-02-06T09:00:00Z",
    )
    assert SECRET not in json.dumps(plain_value(summary)) + as_text(summary)


@pytest.mark.parametrize("value", ["text", 7, -3, float("inf"), float("nan"), ["x"], {}, None])
@pytest.mark.parametrize("part", ["generation", "foreign", "drift", "current", "nextAction"])
def test_a_field_of_another_kind_ends_no_overview(part: str, value: object) -> None:
    export = state(ENTRY, "active", credentials(**{part: value}))
    (workspace,) = read_deployed(export, "dev", NOW).workspaces
    assert workspace.bucket is not None
    assert "payments-sessions" in as_text(read_deployed(export, "dev", NOW))
