"""Checks of buckets: what goes with which driver, whose they are, and what is left of a faulty one."""

import pytest

from ambient_components.model.stack import StackFile
from ambient_components.rules.findings import Finding
from ambient_components.stackfile.checks.names import check_stack
from tests.support.stack_checks import BUCKET, BY_REFERENCE, bucket_findings


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"driver": "aws", "versioning": True, "objectLock": True, "encryption": "AES256", "adopt": True},
        {"onDelete": "delete", "force": True, "protect": False, "expireAfter": "90d", "tags": {"team": "pay"}},
        {"onDelete": "keep", "state": "released"},
        {"shared": True},
        {"shared": True, "driver": "aws", "credentials": {"generation": 2}},
        BY_REFERENCE,
        {**BY_REFERENCE, "endpoint": "https://s3.example.com"},
        {"tags": {"Kostenstelle ü/1": "a b+c-d=e.f_g:h/i@j", "empty": ""}},
        {"tags": {f"tag-{number}": "x" for number in range(49)}},
        {"tags": {"k" * 128: "v" * 256}},
        {"objectLock": True},
    ],
    ids=str,
)
def test_good_buckets(fields):
    assert bucket_findings(**fields) == []


OWN = {
    "versioning": True,
    "expireAfter": "90d",
    "tags": {},
    "objectLock": True,
    "encryption": "AES256",
    "adopt": True,
    "protect": True,
    "state": "released",
    "onDelete": "delete",
    "force": True,
}
OF_SHARED = ("is for a bucket of the workspace's own, and this one is shared", "remove it, or remove shared: true")
OF_EXISTING = (
    "is for what this tool makes, and the driver is existing",
    "remove it, or write driver: s3 or aws",
)


@pytest.mark.parametrize("driver", ["s3", "aws"])
@pytest.mark.parametrize("field", OWN)
def test_a_shared_bucket_says_nothing_of_the_bucket(field, driver):
    findings = bucket_findings(shared=True, driver=driver, **{field: OWN[field]})
    assert findings == [Finding((*BUCKET, field), *OF_SHARED, at_key=True)]


@pytest.mark.parametrize("field", [*OWN, "shared", "credentials"])
def test_an_existing_bucket_says_nothing_of_what_is_made(field):
    fields = {**OWN, "shared": True, "credentials": {}}
    findings = bucket_findings(**BY_REFERENCE, **{field: fields[field]})
    assert findings == [Finding((*BUCKET, field), *OF_EXISTING, at_key=True)]


def test_a_tag_is_left_for_the_mark():
    assert bucket_findings(tags={f"tag-{number}": "x" for number in range(50)}) == [
        Finding((*BUCKET, "tags"), "has 50 tags", "allowed: up to 49: S3 takes 50, and one is this tool's")
    ]


def of_two(first, second, **stack):
    workspaces = {
        name: {"storage": {"bucket": {"name": "sessions", **fields}}}
        for name, fields in zip(("aa", "bb"), (first, second), strict=True)
    }
    return check_stack(StackFile.model_validate({"workspaces": workspaces, **stack}))


@pytest.mark.parametrize("other", [{"shared": True}, BY_REFERENCE])
@pytest.mark.parametrize("own", [{}, {"shared": True}, BY_REFERENCE])
def test_a_bucket_may_be_used_by_many(own, other):
    assert of_two(own, other) == []
    assert of_two(other, own) == []


def test_a_closed_workspace_keeps_its_bucket_from_others():
    storage = {"bucket": {"name": "sessions"}}
    workspaces = {"aa": {"state": "closed", "storage": storage}, "bb": {"storage": storage}}
    (finding,) = check_stack(StackFile.model_validate({"workspaces": workspaces}))
    assert finding.path[:2] == ("workspaces", "bb")
